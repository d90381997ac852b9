"""Supervised tuning on a tiny random model: what is learned, and what a stop or a kill leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import Message, Progress, Prompt
from rag.errors import ConfigError, ModelError
from tests.tiny_chat_model import save_tiny_chat_model
from training.config import DataSettings, TrainingConfig, TrainSettings
from training.datatypes import AnswerRow, QAExample
from training.rows.batches import Padder, WeightedRow, pack
from training.rows.encoding import RowEncoder, RowTooLongError
from training.tuning.callbacks import CHECKPOINTS, LOG, last_checkpoint
from training.tuning.sft import ADAPTER, Stopped, TrainingFailedError, train_answerer
from training.tuning.sft_model import chosen_precision, load_base, with_adapter

ROOT = Path(__file__).resolve().parent.parent


def make_row(n: int, answer: str = "", label: str = "") -> AnswerRow:
    answer = answer or f"{n} yen"
    question = f"What does item {n} cost?"
    messages = (Message("system", "Answer."), Message("user", f"[1] {answer}.\n\nQ: {question}"))
    prompt = Prompt(messages, question, "en", (), (), 0, 0, "test")
    example = QAExample(question, answer, "en", f"questions.jsonl:{n}", label=label)
    return AnswerRow(prompt, f"{answer} [1]", example, 1)


ROWS = tuple(make_row(n) for n in range(16))
HELD_OUT = tuple(make_row(n) for n in range(40, 44))
LORA = TrainSettings(rank=4, alpha=8, learning_rate=1e-2, max_steps=8, batch_size=4)
CONFIG = TrainingConfig("test", train=LORA)


def silent(step: Progress) -> None:
    """Show nothing."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_chat_model(tmp_path_factory.mktemp("sft") / "base")


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOG).read_text().splitlines()]


def weights_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(next(folder.glob("*.safetensors")))


def is_equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    import torch

    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


# The loss -----------------------------------------------------------------------------------


def batch_of(base: Path, rows: Sequence[AnswerRow], weights: Sequence[float]) -> list[WeightedRow]:
    encoder = RowEncoder(base)
    pairs = zip(rows, weights, strict=True)
    return [WeightedRow(encoder.encode(row), weight) for row, weight in pairs]


def full_loss(model: Any, row: WeightedRow) -> tuple[Any, int]:  # noqa: ANN401 - torch
    """Return the loss of transformers over all logits of one row alone, and its tokens."""
    import torch

    ids, labels = (torch.tensor([v]) for v in (row.encoded.input_ids, row.encoded.labels))
    return model(input_ids=ids, labels=labels).loss, int((labels != -100).sum())


@pytest.mark.parametrize("make_batch", [pack, Padder(pad_id=2)])
def test_the_loss_on_answer_tokens_is_that_over_all_logits(
    base: Path, make_batch: Callable[[Sequence[WeightedRow]], dict[str, Any]]
) -> None:
    """Also its gradient, with weights and rows of unlike lengths."""
    import torch

    from training.tuning.sft_trainer import answer_loss

    model = load_base(base, "f32", "cpu")
    rows = batch_of(base, [make_row(1), make_row(2, "twenty thousand yen")], [1.0, 3.0])
    by_hand: Any = 0.0
    count = 0
    for row in rows:
        loss, tokens = full_loss(model, row)
        by_hand += row.weight * loss * tokens
        count += tokens
    (by_hand / count).backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()

    found = answer_loss(model, make_batch(rows))
    found.loss.backward()  # type: ignore[no-untyped-call]

    torch.testing.assert_close(found.loss, by_hand / count)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-3, atol=1e-5)


def test_the_end_of_an_answer_is_counted_where_it_is_due(base: Path) -> None:
    import torch

    from training.tuning.sft_trainer import AnswerLoss, EndCount

    found = AnswerLoss(torch.tensor(0.0), torch.tensor([7, 2, 2, 5]), torch.tensor([7, 2, 9, 2]))
    count = EndCount(2)
    count.add(found)

    assert (count.due, count.right, count.share) == (2, 1, 0.5)


# Methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "precision", "learned"),
    [("lora", "auto", 8192), ("lora", "nf4", 8192), ("rslora", "f32", 8192),
     ("galore", "auto", 90624), ("full", "auto", 90624)],
)  # fmt: skip
def test_every_method_learns_the_answers(
    base: Path, tmp_path: Path, method: str, precision: str, learned: int
) -> None:
    settings = replace(LORA, method=method, precision=precision, max_steps=16)

    report = train_answerer(ROWS, HELD_OUT, base, tmp_path, replace(CONFIG, train=settings), silent)

    log = lines(tmp_path)
    evaluated = [line["eval_loss"] for line in log if "eval_loss" in line]
    assert evaluated[-1] < 0.8 * evaluated[0]
    assert report.eval_loss == evaluated[-1]
    assert report.trainable_parameters == learned
    assert report.learned_text == "0 yen [1]<|im_end|>"
    assert report.learned_tokens == sum(len(row.completion) + 1 for row in ROWS)
    assert (tmp_path / ADAPTER).is_dir()
    assert not (tmp_path / CHECKPOINTS).exists()
    pickled = {".bin", ".pt", ".pth", ".pkl"}
    assert {file.suffix for file in tmp_path.rglob("*")}.isdisjoint(pickled)


def test_the_end_of_an_answer_is_learned(base: Path, tmp_path: Path) -> None:
    settings = replace(LORA, method="full", max_steps=60)

    report = train_answerer(ROWS, HELD_OUT, base, tmp_path, replace(CONFIG, train=settings), silent)

    assert report.end_share == 1.0


def test_the_log_tells_step_loss_rate_and_time(base: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []

    train_answerer(ROWS, HELD_OUT, base, tmp_path, CONFIG, seen.append)

    steps = [line for line in lines(tmp_path) if "eval_loss" not in line]
    assert [line["step"] for line in steps] == list(range(1, 9))
    assert {line["total_steps"] for line in steps} == {8}
    assert all(line["tokens_per_second"] > 0 for line in steps)
    assert steps[-1]["remaining_seconds"] == 0.0
    assert [(step.stage, step.done, step.total) for step in seen][-1] == ("train", 8, 8)


def test_rank_stabilized_lora_scales_by_the_root_of_the_rank(base: Path) -> None:
    for method, scale in (("lora", 8 / 4), ("rslora", 8 / 2)):
        model = with_adapter(load_base(base, "f32", "cpu"), replace(LORA, method=method), 0)
        layer = model.base_model.model.model.layers[0].self_attn.q_proj

        assert layer.scaling == {"default": scale}


def test_noise_on_embeddings_changes_what_is_learned(base: Path, tmp_path: Path) -> None:
    """NEFTune (Jain et al., 2023)."""
    adapters: list[dict[str, Any]] = []
    for alpha in (0.0, 0.0, 5.0):
        out = tmp_path / str(len(adapters))
        config = replace(CONFIG, train=replace(LORA, neftune_alpha=alpha, max_steps=2))
        train_answerer(ROWS, HELD_OUT, base, out, config, silent)
        adapters.append(weights_of(out / ADAPTER))

    assert is_equal(adapters[0], adapters[1])
    assert not is_equal(adapters[0], adapters[2])


def test_a_look_at_held_out_rows_leaves_nf4_its_gradients(base: Path) -> None:
    """Bitsandbytes repacks 4-bit weights in evaluation, to a form without a gradient."""
    import torch

    model = with_adapter(load_base(base, "nf4", "cpu"), LORA, 0)
    batch = {k: v for k, v in pack(batch_of(base, ROWS[:1], [1.0])).items() if k != "weights"}

    def gradients() -> list[Any]:
        model.zero_grad()
        model(**batch, use_cache=False).loss.backward()
        return [p.grad.clone() for n, p in model.named_parameters() if "lora_B" in n]

    model.train()
    before = gradients()
    model.eval()
    with torch.no_grad():
        model(**batch, use_cache=False)
    model.train()
    after = gradients()

    assert all(float(gradient.abs().max()) > 0 for gradient in before)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other)


# Labels -------------------------------------------------------------------------------------


def labelled_rows() -> tuple[AnswerRow, ...]:
    """Return 12 rows that say yes, 2 that say no, and one without a label."""
    labels = ["yes"] * 12 + ["no"] * 2
    return (*(make_row(n, label, label) for n, label in enumerate(labels)), make_row(99))


def test_weights_let_every_label_count_the_same(base: Path) -> None:
    from training.tuning.sft import _weighted

    config = replace(CONFIG, data=DataSettings(balance="weights"))
    rows = labelled_rows()

    weights = [row.weight for row in _weighted(rows, RowEncoder(base), config)]

    assert weights == pytest.approx([14 / 24] * 12 + [14 / 4] * 2 + [1.0])
    assert sum(weights[:12]) == pytest.approx(sum(weights[12:14]))


def test_sampling_brings_rare_labels_as_often(base: Path) -> None:
    from training.tuning.sft import _weighted

    config = replace(CONFIG, data=DataSettings(balance="sample"))
    encoder = RowEncoder(base)

    rows = _weighted(labelled_rows(), encoder, config)

    ends = [encoder.text(row.encoded.input_ids).rpartition("assistant\n")[2] for row in rows]
    counts = [sum(end.startswith(answer) for end in ends) for answer in ("yes", "no", "99 yen")]
    assert counts == [12, 12, 1]


# What cannot be trained ---------------------------------------------------------------------


def test_nothing_to_learn_from_is_said(base: Path, tmp_path: Path) -> None:
    for train, held_out in (((), HELD_OUT), (ROWS, ())):
        with pytest.raises(TrainingFailedError, match="no rows"):
            train_answerer(train, held_out, base, tmp_path, CONFIG, silent)


def test_a_row_that_is_too_long_stops_the_run_before_it_begins(base: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, train=replace(LORA, max_tokens=40))

    with pytest.raises(RowTooLongError, match=r"questions\.jsonl:0"):
        train_answerer(ROWS, HELD_OUT, base, tmp_path, config, silent)


def test_weights_that_are_no_numbers_are_not_published(base: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, train=replace(LORA, method="full", learning_rate=1e30))

    with pytest.raises(TrainingFailedError, match="learning_rate"):
        train_answerer(ROWS, HELD_OUT, base, tmp_path, config, silent)

    assert not (tmp_path / ADAPTER).exists()


def test_a_base_without_weights_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(ModelError, match=r"base model in .* could not be loaded"):
        load_base(tmp_path, "f32", "cpu")


def test_an_adapter_is_gone_on_with(base: Path, tmp_path: Path) -> None:
    """It begins with the loss that it had reached, and a new one with that of the base."""
    train_answerer(ROWS, HELD_OUT, base, tmp_path / "first", CONFIG, silent)
    reached = lines(tmp_path / "first")[-1]["eval_loss"]
    more = replace(LORA, adapter=str(tmp_path / "first" / ADAPTER), max_steps=2)

    train_answerer(ROWS, HELD_OUT, base, tmp_path / "more", replace(CONFIG, train=more), silent)

    begins = [lines(tmp_path / name)[0]["eval_loss"] for name in ("first", "more")]
    assert begins[1] == pytest.approx(reached, rel=1e-3)
    assert begins[0] > 1.5 * reached
    learned = [weights_of(tmp_path / name / ADAPTER) for name in ("first", "more")]
    assert not is_equal(*learned)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rank": 8}, "its rank is 4 and its alpha 8, and the settings say 8 and 8"),
        ({"adapter": "nowhere"}, "train.adapter: nowhere cannot be gone on with"),
    ],
)
def test_an_adapter_that_does_not_fit_is_named(
    base: Path, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    model = with_adapter(load_base(base, "f32", "cpu"), LORA, 0)
    model.save_pretrained(str(tmp_path))
    settings = replace(LORA, adapter=str(tmp_path))
    with_adapter(load_base(base, "f32", "cpu"), settings, 0)

    with pytest.raises(ConfigError, match=reason):
        with_adapter(load_base(base, "f32", "cpu"), replace(settings, **change), 0)


def test_layers_that_are_not_there_are_named(base: Path) -> None:
    settings = replace(LORA, targets=("query_key_value",))

    with pytest.raises(ConfigError, match=r"targets.*query_key_value"):
        with_adapter(load_base(base, "f32", "cpu"), settings, 0)


@pytest.mark.parametrize(
    ("method", "asked", "device", "chosen"),
    [
        ("lora", "auto", "cuda", "nf4"),
        ("lora", "bf16", "cuda", "bf16"),
        ("lora", "nf4", "cpu", "nf4"),
        ("full", "auto", "cpu", "f32"),
        ("galore", "bf16", "cuda", "f32"),
    ],
)
def test_how_the_base_is_held(method: str, asked: str, device: str, chosen: str) -> None:
    assert chosen_precision(TrainSettings(method=method, precision=asked), device) == chosen


def test_nf4_weights_cannot_all_be_learned() -> None:
    with pytest.raises(ConfigError, match="nf4"):
        chosen_precision(TrainSettings(method="full", precision="nf4"), "cpu")


# Stops and kills ----------------------------------------------------------------------------

# Kills itself in the middle of the save of step 3: weights are there, the optimizer is half.
_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from tests import test_training_sft as this
from training.tuning.sft import train_answerer

save = torch.save
def half(value, file, *rest, **named):
    if "checkpoint-3" in str(file) and "optimizer" in str(file):
        Path(file).write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    return save(value, file, *rest, **named)
torch.save = half
base, out = map(Path, sys.argv[1:])
train_answerer(this.ROWS, this.HELD_OUT, base, out, this.SAVING, this.silent)
"""
SAVING = replace(CONFIG, train=replace(LORA, max_steps=5, save_minutes=0.0))  # after each step


def test_a_run_that_was_killed_goes_on_from_the_last_whole_checkpoint(
    base: Path, tmp_path: Path
) -> None:
    """A real kill in the middle of writing a checkpoint; the end is that of an unbroken run."""
    train_answerer(ROWS, HELD_OUT, base, tmp_path / "whole", SAVING, silent)
    out = tmp_path / "killed"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    child = subprocess.run(
        [sys.executable, "-c", _KILLED, str(base), str(out)],
        cwd=ROOT,
        env=environment,
        timeout=300,
        check=False,
    )

    assert child.returncode == -signal.SIGKILL
    assert not (out / ADAPTER).exists()
    assert (out / CHECKPOINTS / "checkpoint-3" / "optimizer.pt").read_bytes() == b"half"
    checkpoint = last_checkpoint(out)
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-2"
    train_answerer(ROWS, HELD_OUT, base, out, SAVING, silent)
    assert is_equal(weights_of(out / ADAPTER), weights_of(tmp_path / "whole" / ADAPTER))
    steps = [line["step"] for line in lines(out) if "eval_loss" not in line]
    assert steps == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("method", "number"), [("lora", signal.SIGTERM), ("galore", signal.SIGINT)]
)
def test_a_run_that_was_stopped_goes_on_and_ends_the_same(
    base: Path, tmp_path: Path, method: str, number: signal.Signals
) -> None:
    """GaLore's checkpoint holds projections, which are no plain tensors."""
    settings = replace(LORA, method=method, max_steps=4)
    config = replace(CONFIG, train=settings)
    train_answerer(ROWS, HELD_OUT, base, tmp_path / "whole", config, silent)

    def stop(done: Progress) -> None:
        if done.done == 2:
            os.kill(os.getpid(), number)

    with pytest.raises(Stopped, match="step 2 of 4"):
        train_answerer(ROWS, HELD_OUT, base, tmp_path / "stopped", config, stop)
    assert not (tmp_path / "stopped" / ADAPTER).exists()
    train_answerer(ROWS, HELD_OUT, base, tmp_path / "stopped", config, silent)

    whole, stopped = (weights_of(tmp_path / name / ADAPTER) for name in ("whole", "stopped"))
    assert is_equal(whole, stopped)


def test_a_run_that_is_done_is_not_done_again(base: Path, tmp_path: Path) -> None:
    first = train_answerer(ROWS, HELD_OUT, base, tmp_path, CONFIG, silent)
    steps: list[Progress] = []

    again = train_answerer(ROWS, HELD_OUT, base, tmp_path, CONFIG, steps.append)

    assert again == first
    assert steps == []
