"""Preferences on a tiny random model: the answer that a person liked better gains."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.comparison_store import Preference
from rag.datatypes import Message, Progress
from rag.errors import ConfigError
from tests.tiny_chat_model import save_tiny_chat_model
from training.config import TrainingConfig, TrainSettings
from training.retriever.lora import load_adapter
from training.rows.encoding import RowEncoder, RowTooLongError
from training.tuning.preference import _tokens, train_preferences
from training.tuning.sft import ADAPTER, TrainingFailedError
from training.tuning.sft_model import load_base

CONFIG = TrainingConfig(
    "test",
    task="preference",
    train=TrainSettings(rank=4, alpha=8, learning_rate=2e-2, max_steps=12, batch_size=4),
)


def make_pair(n: int) -> Preference:
    question = f"料金{n}は？"
    messages = (Message("system", "Answer."), Message("user", f"[1] {n} yen.\n\nQ: {question}"))
    return Preference(messages, f"{n} yen [1]", f"It is {n}", question, "ja", (), "")


PAIRS = tuple(make_pair(n) for n in range(8))
HELD_OUT = tuple(make_pair(n) for n in range(20, 24))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_chat_model(tmp_path_factory.mktemp("preference") / "base")


def silent(step: Progress) -> None:
    """Show nothing."""


def lead(model: Any, pair: Preference, encoder: RowEncoder) -> float:  # noqa: ANN401 - a transformers model
    """Return how much likelier the better answer is than the other one, as a logarithm."""
    import torch

    tokens = _tokens(pair, encoder)
    sums = []
    for name in ("chosen_ids", "rejected_ids"):
        ids = torch.tensor([tokens["prompt_ids"] + tokens[name]])
        with torch.inference_mode():
            likely = model(ids).logits.float().log_softmax(-1)[0, :-1]
        own = likely.gather(1, ids[0, 1:, None])[-len(tokens[name]) :]
        sums.append(float(own.sum()))
    return sums[0] - sums[1]


def test_the_better_answer_gains_on_the_other_one(base: Path, tmp_path: Path) -> None:
    report = train_preferences(PAIRS, HELD_OUT, base, tmp_path, CONFIG, silent)

    assert report.first_loss == pytest.approx(math.log(2), abs=1e-3)  # it is its own reference
    assert report.last_loss < 0.5
    assert report.eval_accuracy == 1.0
    assert report.steps == 12
    assert sorted(file.name for file in (tmp_path / ADAPTER).iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    encoder = RowEncoder(base)
    before = load_base(base, "f32", "cpu").eval()
    leads = [lead(before, pair, encoder) for pair in HELD_OUT]
    after = load_adapter(before, tmp_path / ADAPTER).eval()
    assert all(
        lead(after, pair, encoder) > former + 1
        for pair, former in zip(HELD_OUT, leads, strict=True)
    )


def test_a_pair_has_the_tokens_of_serving_and_two_ends(base: Path) -> None:
    encoder = RowEncoder(base)

    tokens = _tokens(PAIRS[3], encoder)

    assert encoder.text(tokens["prompt_ids"]).endswith(
        "Q: 料金3は？<|im_end|>\n<|im_start|>assistant\n"
    )
    assert encoder.text(tokens["chosen_ids"]) == "3 yen [1]<|im_end|>"
    assert encoder.text(tokens["rejected_ids"]) == "It is 3<|im_end|>"


def test_what_cannot_be_preferred_is_said(base: Path, tmp_path: Path) -> None:
    full = replace(CONFIG, train=replace(CONFIG.train, method="full"))
    short = replace(CONFIG, train=replace(CONFIG.train, max_tokens=20))

    with pytest.raises(TrainingFailedError, match="no pairs"):
        train_preferences((), HELD_OUT, base, tmp_path, CONFIG, silent)
    with pytest.raises(ConfigError, match="adapter"):
        train_preferences(PAIRS, HELD_OUT, base, tmp_path, full, silent)
    with pytest.raises(RowTooLongError, match="料金0"):
        train_preferences(PAIRS, HELD_OUT, base, tmp_path, short, silent)
