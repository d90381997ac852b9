"""Sequence classification with LoRA: a question with its passage goes to one of a few labels.

The head is new and trained whole; the network below it keeps its weights and gets adapters
(Hu et al., 2021, arXiv:2106.09685).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.datatypes import Progress
from rag.errors import RagError
from training.checkpoints.publish import published
from training.config import TrainingConfig
from training.datatypes import QAExample
from training.evaluation.metrics import accuracy, confusion_matrix, macro_f1, majority_baseline
from training.retriever.lora import save_adapter, without_gptqmodel
from training.tuning.balance import label_weights, oversample
from training.tuning.callbacks import RunWatch, train_watched, watched_arguments
from training.tuning.sft_model import targets

ADAPTER = "adapter"
PREDICTIONS = "predictions.jsonl"
METHODS = ("lora", "rslora")
# Looking at what is held out costs as much as learning from it, and nothing is chosen by it.
_LOOKS = {"eval_strategy": "epoch", "eval_on_start": False}
_SETTINGS = "classes.json"  # beside the adapter: the labels in order, and what is read


class ClassificationError(RagError):
    """The examples or the settings do not make a classification."""


@dataclass(frozen=True, slots=True)
class LabelScores:
    """How well labels were told; rows of ``confusion`` are gold, columns predicted."""

    labels: tuple[str, ...]
    examples: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: float
    macro_f1: float
    majority_label: str  # of the gold labels; saying it always scores the two below
    majority_accuracy: float
    majority_macro_f1: float


@dataclass(frozen=True, slots=True)
class ClassifierReport:
    """What was trained, and how well it tells the labels of held-out examples."""

    folder: Path  # the adapter with its head
    trained_on: dict[str, int]  # examples of each label, before balancing
    rows: int  # after balancing
    steps: int
    cut: int  # examples that are longer than the model reads; their end was left out
    trainable_parameters: int
    scores: LabelScores


def train_classifier(
    train: Sequence[QAExample],
    held_out: Sequence[QAExample],
    base: Path,
    out: Path,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
) -> ClassifierReport:
    """Train on ``train``, test on ``held_out``; `ADAPTER` in ``out`` appears when it is complete.

    Args:
        train: examples with labels; their documents are not those of ``held_out``.
        held_out: examples with labels.
        base: folder of an encoder or a decoder with its tokenizer.
        out: folder of the run; a run that was stopped goes on.
        config: ``data.balance`` says what is done about rare labels.
        progress: called after each step.

    Raises:
        ClassificationError: fewer than two labels, a label that is only held out, or a method
            that is not one of `METHODS`.
        Stopped: a signal came; a checkpoint is kept.
    """
    from transformers import Trainer, TrainingArguments

    labels = _labels(train, held_out, config)
    model, tokenizer = _with_adapter(base, labels, config)
    encode = _Encoder(tokenizer, labels, config.train.max_tokens)
    rows = [encode(example) for example in train]
    names = [example.label for example in train]
    weights = label_weights(names) if config.data.balance == "weights" else {}
    if config.data.balance == "sample":
        rows = [rows[n] for n in oversample(names, config.seed)]
    watch = RunWatch(out, config.train.save_minutes, progress)
    trainer = Trainer(
        model=model,
        args=TrainingArguments(**watched_arguments(config, out) | _LOOKS | _clipping(weights)),
        train_dataset=rows,
        eval_dataset=[encode(example) for example in held_out],
        data_collator=encode.batch,
        compute_loss_func=balanced_loss(labels, weights) if weights else None,
        callbacks=[watch.as_callback()],
    )
    train_watched(trainer, watch)
    predicted = _predict(trainer, labels)
    folder = _publish(model, tokenizer, labels, config, out)
    _write_predictions(out / PREDICTIONS, held_out, predicted)
    return ClassifierReport(
        folder,
        {label: names.count(label) for label in labels},
        len(rows),
        trainer.state.global_step,
        encode.cut,
        sum(p.numel() for p in model.parameters() if p.requires_grad),
        score_labels([example.label for example in held_out], predicted, labels),
    )


def score_labels(
    gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]
) -> LabelScores:
    """Return accuracy and macro-F1, and what always saying the commonest gold label would score."""
    matrix = confusion_matrix(gold, predicted, labels)
    return LabelScores(
        tuple(labels),
        len(gold),
        tuple(tuple(int(n) for n in row[: len(labels)]) for row in matrix),
        accuracy(matrix),
        macro_f1(matrix),
        *majority_baseline(gold, labels),
    )


def load_classifier(base: Path, adapter: Path) -> Callable[[QAExample], str]:
    """Return what tells the label of an example, from a published adapter."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    settings = json.loads((adapter / _SETTINGS).read_text(encoding="utf-8"))
    labels = tuple(settings["labels"])
    tokenizer = AutoTokenizer.from_pretrained(adapter, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(labels), local_files_only=True, dtype=torch.float32
    )
    with without_gptqmodel():
        from peft import PeftModel

        adapted = PeftModel.from_pretrained(model, str(adapter)).eval()
    encode = _Encoder(tokenizer, labels, settings["max_tokens"])

    def classify(example: QAExample) -> str:
        batch = encode.batch([encode(example)])
        with torch.inference_mode():
            label: str = labels[int(adapted(**batch).logits.argmax())]
        return label

    return classify


def _labels(
    train: Sequence[QAExample], held_out: Sequence[QAExample], config: TrainingConfig
) -> tuple[str, ...]:
    if config.train.method not in METHODS:
        raise ClassificationError(
            f"train.method = {config.train.method!r} cannot train a classification. "
            f"Choose one of {', '.join(METHODS)}."
        )
    bare = [example.place for example in (*train, *held_out) if not example.label]
    if bare:
        raise ClassificationError(
            f"{len(bare)} examples have no label, the first one in {bare[0]}. "
            "Map a column to `label`, or leave these examples out."
        )
    labels = {example.label for example in train}
    unknown = {example.label for example in held_out} - labels
    if len(labels) < 2 or unknown:
        raise ClassificationError(
            f"The examples to learn from have the labels {', '.join(sorted(labels)) or '(none)'}"
            + (f", but {', '.join(sorted(unknown))} is among those held out" if unknown else "")
            + ". At least two labels are needed, and every label must be learned."
        )
    return tuple(sorted(labels))


class _Encoder:
    """Turns an example into tokens: the question, then its passage, whose end may be cut off."""

    def __init__(self, tokenizer: Any, labels: Sequence[str], max_tokens: int) -> None:  # noqa: ANN401 - transformers tokenizer
        self._tokenizer = tokenizer
        self._number = {label: n for n, label in enumerate(labels)}
        self._max_tokens = min(max_tokens, tokenizer.model_max_length)
        self.cut = 0

    def __call__(self, example: QAExample) -> dict[str, Any]:
        pair = {"text_pair": example.passage} if example.passage else {}
        whole = self._tokenizer(example.question, **pair, verbose=False)
        encoded = self._tokenizer(
            example.question,
            **pair,
            truncation="only_second" if pair else True,
            max_length=self._max_tokens,
        )
        self.cut += len(whole["input_ids"]) > self._max_tokens
        return {**encoded, "labels": self._number.get(example.label, 0)}

    def batch(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return tensors of shape ``(rows, tokens of the longest)``."""
        batch: dict[str, Any] = self._tokenizer.pad(list(rows), return_tensors="pt")
        return batch


def _with_adapter(base: Path, labels: Sequence[str], config: TrainingConfig) -> tuple[Any, Any]:
    """Return the network with a new head and adapters, and its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(config.seed)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(labels), local_files_only=True, dtype=torch.float32
    )
    model.config.pad_token_id = tokenizer.pad_token_id  # a decoder reads its last real token
    train = config.train
    with without_gptqmodel():
        from peft import LoraConfig, get_peft_model

        settings = LoraConfig(
            task_type="SEQ_CLS",
            r=train.rank,
            lora_alpha=train.alpha,
            lora_dropout=train.dropout,
            use_rslora=train.method == "rslora",
            target_modules=targets(train),
        )
        return get_peft_model(model, settings), tokenizer


def _clipping(weights: Mapping[str, float]) -> dict[str, Any]:
    """Let a gradient be as much longer as the largest weight makes it.

    Cut to the usual length, batches with a rare label would lose the weight that they were given,
    and the others keep theirs: on PubMedQA the model said yes to everything again (docs/log.md).
    """
    return {"max_grad_norm": max(weights.values())} if weights else {}


def balanced_loss(labels: Sequence[str], weights: Mapping[str, float]) -> Callable[..., Any]:
    """Return cross-entropy in which each label has its weight."""
    import torch

    factors = torch.tensor([weights[label] for label in labels])

    def weighted(outputs: Any, gold: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ANN401 - torch
        # A mean over rows, not over their weights: torch's own mean would take the weight of a
        # batch of one label away again.
        total = torch.nn.functional.cross_entropy(
            outputs.logits.float(), gold, factors.to(gold.device), reduction="sum"
        )
        return total / (len(gold) if num_items_in_batch is None else num_items_in_batch)

    return weighted


def _predict(trainer: Any, labels: Sequence[str]) -> list[str]:  # noqa: ANN401 - transformers.Trainer
    logits = trainer.predict(trainer.eval_dataset).predictions
    return [labels[int(n)] for n in logits.argmax(axis=-1)]


def _publish(
    model: Any,  # noqa: ANN401 - peft ships no types
    tokenizer: Any,  # noqa: ANN401 - transformers tokenizer
    labels: Sequence[str],
    config: TrainingConfig,
    out: Path,
) -> Path:
    settings = {"labels": list(labels), "max_tokens": config.train.max_tokens}
    with published(out / ADAPTER) as folder:
        save_adapter(model, folder)
        tokenizer.save_pretrained(folder)
        (folder / _SETTINGS).write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    return out / ADAPTER


def _write_predictions(file: Path, examples: Sequence[QAExample], predicted: Sequence[str]) -> None:
    with file.open("w", encoding="utf-8") as stream:
        for example, label in zip(examples, predicted, strict=True):
            line = {"place": example.place, "gold": example.label, "predicted": label}
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
