"""Supervised tuning of the answerer on rows as they are served.

A run can be stopped and killed at any moment. `ADAPTER` appears complete or not at all; until then
the same call goes on from the last whole checkpoint.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag.datatypes import Progress
from rag.errors import RagError
from rag.inference.device import torch_device
from training.checkpoints.publish import published
from training.config import TrainingConfig, TrainSettings
from training.datatypes import AnswerRow
from training.retriever.lora import save_adapter
from training.rows.batches import Padder, WeightedRow, pack, packs_safely
from training.rows.encoding import IGNORED, RowEncoder
from training.rows.shared_prefix import RowTree, TreePadder, grow_trees
from training.tuning.balance import label_weights, oversample
from training.tuning.callbacks import (
    CHECKPOINTS,
    LOG,
    RunWatch,
    Stopped,
    train_watched,
    watched_arguments,
)
from training.tuning.sft_model import (
    ADAPTER_METHODS,
    chosen_precision,
    count_parameters,
    load_base,
    with_adapter,
    without_input_casts,
)
from training.tuning.tree_attention import use_tree_attention

__all__ = ["SftReport", "Stopped", "TrainingFailedError", "train_answerer"]

ADAPTER = "adapter"
REPORT = "sft.json"
MOST_EVALUATED = 24  # held-out rows that are looked at while training; a table follows after it


class TrainingFailedError(RagError):
    """Training ran, and what came out is of no use."""


@dataclass(frozen=True, slots=True)
class SftReport:
    """What was trained, and how it went."""

    method: str
    precision: str  # of the base while training
    device: str
    is_packed: bool
    rows: int
    steps: int
    tokens: int  # read in one epoch
    learned_tokens: int  # of them, those of answers; the rest has no label
    learned_text: str  # of the first row, as its labels say, with the token that ends an answer
    trainable_parameters: int
    parameters: int
    first_loss: float
    last_loss: float
    eval_loss: float  # on held-out rows, at the end
    end_share: float  # of held-out answers after which their end is the likeliest token
    seconds: float
    tokens_per_second: float
    epochs: float = 1.0  # how often a row was read on average: below 1 where steps were limited


def train_answerer(
    train: Sequence[AnswerRow],
    held_out: Sequence[AnswerRow],
    base: Path,
    out: Path,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
) -> SftReport:
    """Train on ``train``; return when ``out / ADAPTER`` is published.

    That folder holds an adapter, or for methods that change all weights a whole model.

    Args:
        train: rows to learn from.
        held_out: rows to look at meanwhile; nothing is chosen by them.
        base: folder of the 16-bit base model with tokenizer and chat template.
        out: folder of the run, with log and checkpoints.
        config: ``train`` and ``data.balance`` are read.
        progress: called after each step.

    Raises:
        RowTooLongError: a row is longer than ``train.max_tokens``.
        ModelError: the base cannot be loaded.
        TrainingFailedError: the loss is no number any more, or there is nothing to learn from.
        Stopped: a signal came; a checkpoint is kept.
    """
    from transformers import TrainingArguments

    from training.tuning.sft_trainer import AnswerTrainer

    if (out / ADAPTER).is_dir() and (out / REPORT).is_file():
        return SftReport(**json.loads((out / REPORT).read_text(encoding="utf-8")))
    if not train or not held_out:
        raise TrainingFailedError("There are no rows to learn from, or none to test on.")
    out.mkdir(parents=True, exist_ok=True)
    encoder = RowEncoder(base, config.train.max_tokens)
    rows = _weighted(train, encoder, config)
    looked_at = _weighted_plainly(_some(held_out, config.seed), encoder)
    device = torch_device("auto")
    precision = chosen_precision(config.train, device)
    model = load_base(base, precision, device)
    if config.train.method in ADAPTER_METHODS:
        model = with_adapter(model, config.train, config.seed)
    batches = _batches(rows, looked_at, model, encoder)
    watch = RunWatch(out, config.train.save_minutes, progress)
    trainer = AnswerTrainer(
        end_id=encoder.end_id,
        model=model,
        args=TrainingArguments(
            **watched_arguments(config, out) | _arguments(config.train, precision, device, rows)
        ),
        train_dataset=batches.train,
        eval_dataset=batches.looked_at,
        data_collator=batches.collate,
        callbacks=[watch.as_callback()],
    )
    with without_input_casts(model):
        train_watched(trainer, watch)
    report = _report(
        trainer, train, rows, encoder, config, out, (precision, device, batches.is_packed)
    )
    _publish(model, report, out)
    return report


@dataclass(frozen=True, slots=True)
class _Batches:
    """What the trainer reads, and what makes batches of it."""

    train: Sequence[WeightedRow] | Sequence[RowTree]
    looked_at: Sequence[WeightedRow] | Sequence[RowTree]
    collate: Callable[[Any], dict[str, Any]]
    is_packed: bool


def _batches(
    rows: Sequence[WeightedRow],
    looked_at: Sequence[WeightedRow],
    model: Any,  # noqa: ANN401 - a transformers model
    encoder: RowEncoder,
) -> _Batches:
    """Return rows that begin alike as trees, where there are such; on a GPU others are packed."""
    trees = grow_trees(rows, encoder.max_tokens)
    if len(trees) < len(rows):
        alone = [grow_trees([row], 0)[0] for row in looked_at]
        use_tree_attention(model)
        return _Batches(trees, alone, TreePadder(encoder.pad_id), is_packed=False)
    if model.device.type == "cuda" and packs_safely(model, rows):
        return _Batches(rows, looked_at, pack, is_packed=True)
    return _Batches(rows, looked_at, Padder(encoder.pad_id), is_packed=False)


def _weighted(
    train: Sequence[AnswerRow], encoder: RowEncoder, config: TrainingConfig
) -> list[WeightedRow]:
    """Return the rows, balanced by their labels as the settings say. Rows without one stay."""
    rows = _weighted_plainly(train, encoder)
    labelled = [n for n, row in enumerate(train) if row.example.label]
    labels = [train[n].example.label for n in labelled]
    if config.data.balance == "weights" and labels:
        weights = label_weights(labels)
        for n, label in zip(labelled, labels, strict=True):
            rows[n] = WeightedRow(rows[n].encoded, weights[label])
    elif config.data.balance == "sample" and labels:
        others = [rows[n] for n in sorted(set(range(len(rows))) - set(labelled))]
        rows = [rows[labelled[n]] for n in oversample(labels, config.seed)] + others
    return rows


def _weighted_plainly(rows: Sequence[AnswerRow], encoder: RowEncoder) -> list[WeightedRow]:
    encoded = [encoder.encode(row) for row in rows]
    for one in encoded:
        encoder.check_eos(one)
    return [WeightedRow(one) for one in encoded]


def _some(rows: Sequence[AnswerRow], seed: int) -> list[AnswerRow]:
    order = np.random.default_rng(seed).permutation(len(rows))[:MOST_EVALUATED]
    return [rows[n] for n in order]


def _arguments(
    train: TrainSettings, precision: str, device: str, rows: Sequence[WeightedRow]
) -> dict[str, Any]:
    """Return the arguments of ``TrainingArguments`` that are those of this kind of training."""
    arguments: dict[str, Any] = {
        # A bound of 1 would take the weights of rare labels away again (docs/log.md).
        "max_grad_norm": max(row.weight for row in rows),
        "prediction_loss_only": True,
        "label_names": ["labels"],
        "logging_nan_inf_filter": False,  # it would show the mean of the steps before
    }
    if train.method in ADAPTER_METHODS and precision == "nf4" and device == "cuda":
        arguments["optim"] = "paged_adamw_8bit"
    return arguments


def _report(
    trainer: Any,  # noqa: ANN401 - a transformers.Trainer
    train: Sequence[AnswerRow],
    rows: Sequence[WeightedRow],
    encoder: RowEncoder,
    config: TrainingConfig,
    out: Path,
    machine: tuple[str, str, bool],
) -> SftReport:
    lines = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines if line["loss"] is not None and line["step"]]
    evaluated = [line["eval_loss"] for line in lines if "eval_loss" in line]
    if not losses or losses[-1] is None or not _is_finite(trainer.model):
        raise TrainingFailedError(
            "The weights are no numbers any more: training diverged. Lower train.learning_rate "
            f"(it is {config.train.learning_rate:g}) and start a new run."
        )
    learned, total = count_parameters(trainer.model)
    first = encoder.encode(train[0])
    precision, device, is_packed = machine
    return SftReport(
        method=config.train.method,
        precision=precision,
        device=device,
        is_packed=is_packed,
        rows=len(rows),
        steps=trainer.state.global_step,
        epochs=round(trainer.state.epoch, 3),
        tokens=sum(map(len, trainer.train_dataset)),
        learned_tokens=sum(label != IGNORED for row in rows for label in row.encoded.labels),
        learned_text=encoder.text([label for label in first.labels if label != IGNORED]),
        trainable_parameters=learned,
        parameters=total,
        first_loss=losses[0],
        last_loss=sum(losses[-5:]) / len(losses[-5:]),
        eval_loss=evaluated[-1],
        end_share=trainer.ends.share,
        seconds=lines[-1]["elapsed_seconds"],
        tokens_per_second=lines[-1]["tokens_per_second"],
    )


def _is_finite(model: Any) -> bool:  # noqa: ANN401 - a torch module
    return all(bool(p.isfinite().all()) for p in model.parameters() if p.requires_grad)


def _publish(model: Any, report: SftReport, out: Path) -> None:  # noqa: ANN401 - as above
    """Let what was learned appear, then drop the checkpoints."""
    text = json.dumps(asdict(report), ensure_ascii=False, indent=1)
    (out / REPORT).write_text(text, encoding="utf-8")
    with published(out / ADAPTER) as folder:
        save_adapter(model, folder)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
