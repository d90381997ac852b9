"""Sequence classification with LoRA, and the trap of a label that drowns the others."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import Progress
from tests.tiny_embedder import save_tiny_embedder
from training.config import DataSettings, TrainingConfig, TrainSettings
from training.datatypes import QAExample
from training.tuning.balance import label_weights, oversample
from training.tuning.classify import (
    ClassificationError,
    balanced_loss,
    load_classifier,
    score_labels,
    train_classifier,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models slower."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT without a head, as an embedder is inside, that tells texts apart."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_tiny_embedder(folder)
    model = AutoModel.from_pretrained(folder.with_name("tiny-bare"))
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(5 if weights.dim() > 1 else 1)
    loud = folder.with_name("tiny-loud")
    model.save_pretrained(loud)
    AutoTokenizer.from_pretrained(folder.with_name("tiny-bare")).save_pretrained(loud)
    return loud


def quiet(_: Progress) -> None:
    """Nobody watches."""


def examples(yes: int, no: int, start: int = 0) -> list[QAExample]:
    """Studies whose passage says somewhere how they ended, in letters of its own."""
    rows = []
    for number in range(start, start + yes + no):
        label = "yes" if number < start + yes else "no"
        words = "helped " if label == "yes" else "無効でした "
        passage = "x" * (number % 5) + 3 * words
        rows.append(QAExample("?", label, "en", f"row {number}", passage=passage, label=label))
    return rows


def settings(balance: str = "none", **changes: Any) -> TrainingConfig:  # noqa: ANN401
    train = TrainSettings(
        rank=4, alpha=8, learning_rate=1e-2, max_steps=40, batch_size=8, max_tokens=64
    )
    return TrainingConfig(
        "tiny", task="classify", data=DataSettings(balance=balance), train=replace(train, **changes)
    )


def test_weights_let_every_label_count_the_same_and_have_a_mean_of_one() -> None:
    labels = ["yes"] * 6 + ["no"] * 2

    weights = label_weights(labels)

    assert weights == {"no": 8 / (2 * 2), "yes": 8 / (2 * 6)}
    assert sum(weights[label] for label in labels) / 8 == pytest.approx(1)
    assert weights["yes"] * 6 == pytest.approx(weights["no"] * 2)
    assert label_weights(["はい", "いいえ"]) == {"いいえ": 1, "はい": 1}


def test_oversampling_repeats_rare_rows_and_loses_none() -> None:
    labels = ["yes"] * 7 + ["no"] * 3 + ["maybe"]

    rows = oversample(labels, seed=0)

    times = Counter(rows)
    assert Counter(labels[row] for row in rows) == {"yes": 7, "no": 7, "maybe": 7}
    assert set(times) == set(range(11))
    assert sorted(times[row] for row in (7, 8, 9)) == [2, 2, 3]  # as often, or once more
    assert times[10] == 7
    assert oversample(labels, seed=0) == rows
    assert oversample(labels, seed=1) != rows


def test_the_weighted_loss_is_what_it_is_by_hand() -> None:
    import torch

    class Output:
        logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])

    loss = balanced_loss(("no", "yes"), label_weights(["no", "yes", "yes", "yes"]))

    # Weights 4 / (2 * 1) = 2 and 4 / (2 * 3) = 2/3. The first row is "no" with P = 3/4, the
    # second one "yes" with P = 1/2; the sum is over two rows.
    by_hand = (2 * -math.log(3 / 4) + 2 / 3 * -math.log(1 / 2)) / 2
    gold = torch.tensor([0, 1])
    assert float(loss(Output, gold)) == pytest.approx(by_hand)
    assert float(loss(Output, gold, num_items_in_batch=4)) == pytest.approx(by_hand / 2)


def test_scores_are_those_worked_out_by_hand() -> None:
    gold = ["yes", "yes", "yes", "no", "maybe"]
    predicted = ["yes", "yes", "no", "no", "no"]

    scores = score_labels(gold, predicted, ("maybe", "no", "yes"))

    assert scores.confusion == ((0, 1, 0), (0, 1, 0), (0, 1, 2))
    assert scores.accuracy == 3 / 5
    assert scores.macro_f1 == pytest.approx((0 + 2 * 1 / (1 + 3) + 2 * 2 / (3 + 2)) / 3)
    assert (scores.majority_label, scores.majority_accuracy) == ("yes", 3 / 5)
    assert scores.majority_macro_f1 == pytest.approx((2 * 3 / (3 + 5)) / 3)


def test_trained_on_mostly_yes_it_says_yes_to_everything_unless_labels_are_balanced(
    base: Path, tmp_path: Path
) -> None:
    train, held_out = examples(56, 4), examples(12, 12, start=100)

    scores = {
        balance: train_classifier(
            train, held_out, base, tmp_path / balance, settings(balance), quiet
        ).scores
        for balance in ("none", "sample", "weights")
    }

    assert scores["none"].macro_f1 == scores["none"].majority_macro_f1 == pytest.approx(1 / 3)
    assert scores["sample"].macro_f1 > 0.8
    assert scores["weights"].macro_f1 > 0.8


def test_a_published_classifier_loads_again_and_says_the_same(base: Path, tmp_path: Path) -> None:
    import json

    train, held_out = examples(16, 16), examples(6, 6, start=100)

    report = train_classifier(train, held_out, base, tmp_path, settings(), quiet)

    assert report.scores.accuracy == 1
    assert report.trained_on == {"no": 16, "yes": 16}
    assert (report.rows, report.steps, report.cut) == (32, 40, 0)
    assert {file.suffix for file in report.folder.iterdir()} <= {".json", ".safetensors", ".md"}
    classify = load_classifier(base, report.folder)
    lines = (tmp_path / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert [classify(example) for example in held_out] == [
        json.loads(line)["predicted"] for line in lines
    ]


def test_what_is_too_long_is_cut_and_counted(base: Path, tmp_path: Path) -> None:
    train = [*examples(8, 8), replace(examples(1, 0)[0], passage="長" * 100)]

    report = train_classifier(train, examples(1, 1), base, tmp_path, settings(max_steps=1), quiet)

    assert report.cut == 1


@pytest.mark.parametrize(
    ("train", "held_out", "changes", "words"),
    [
        (examples(4, 0), examples(1, 0), {}, "labels yes. At least two"),
        (examples(2, 2), [replace(examples(1, 0)[0], label="maybe")], {}, "maybe is among those"),
        ([*examples(1, 1), replace(examples(1, 0)[0], label="")], examples(1, 1), {}, "row 0"),
        (examples(2, 2), examples(1, 1), {"method": "galore"}, "'galore' cannot train"),
    ],
)
def test_what_is_no_classification_is_refused_with_what_to_do(
    train: list[QAExample],
    held_out: list[QAExample],
    changes: dict[str, Any],
    words: str,
    base: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(ClassificationError, match=words):
        train_classifier(train, held_out, base, tmp_path, settings(**changes), quiet)
