"""Tuning on which of two answers a person liked better, by DPO through trl.

Direct preference optimization (Rafailov et al., 2023, arXiv:2305.18290) with an adapter; the
reference is the base without it.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.comparison_store import Preference
from rag.datatypes import Progress, Prompt
from rag.errors import ConfigError
from rag.inference.device import torch_device
from training.checkpoints.publish import published
from training.config import TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.retriever.lora import save_adapter, without_gptqmodel
from training.rows.encoding import IGNORED, RowEncoder
from training.tuning.callbacks import CHECKPOINTS, RunWatch, train_watched, watched_arguments
from training.tuning.sft import ADAPTER, TrainingFailedError
from training.tuning.sft_model import ADAPTER_METHODS, chosen_precision, load_base, lora_config

REPORT = "preference.json"


@dataclass(frozen=True, slots=True)
class PreferenceReport:
    """What was trained, and how it went."""

    pairs: int
    steps: int
    first_loss: float  # ln 2 where nothing was learned yet
    last_loss: float
    eval_loss: float
    eval_accuracy: float  # of held-out pairs, in which the better answer gained on the other one


def train_preferences(
    train: Sequence[Preference],
    held_out: Sequence[Preference],
    base: Path,
    out: Path,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
) -> PreferenceReport:
    """Train on ``train``; return when ``out / ADAPTER`` is published.

    Args:
        train: pairs to learn from.
        held_out: pairs to look at meanwhile.
        base: folder of the model that wrote the answers, or one like it, in 16 bits.
        out: folder of the run, with log and checkpoints.
        config: ``train`` is read; ``dpo_beta`` holds the model near its base.
        progress: called after each step.

    Raises:
        ConfigError: the method has no adapter.
        RowTooLongError: a pair is longer than ``train.max_tokens``.
        TrainingFailedError: there are no pairs.
        Stopped: a signal came; a checkpoint is kept.
    """
    if (out / ADAPTER).is_dir() and (out / REPORT).is_file():
        return PreferenceReport(**json.loads((out / REPORT).read_text(encoding="utf-8")))
    if config.train.method not in ADAPTER_METHODS:
        raise ConfigError('Preferences are learned by an adapter. Set train.method = "lora".')
    if not train or not held_out:
        raise TrainingFailedError(
            "There are no pairs to learn from, or none to test on. Compare two models on the Teach "
            "page first."
        )
    out.mkdir(parents=True, exist_ok=True)
    watch = RunWatch(out, config.train.save_minutes, progress)
    trainer = _trainer(train, held_out, base, config, watch)
    train_watched(trainer, watch)
    report = _report(trainer, len(train))
    (out / REPORT).write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
    with published(out / ADAPTER) as folder:
        save_adapter(trainer.model, folder)
    shutil.rmtree(out / CHECKPOINTS, ignore_errors=True)
    return report


def _trainer(
    train: Sequence[Preference],
    held_out: Sequence[Preference],
    base: Path,
    config: TrainingConfig,
    watch: RunWatch,
) -> Any:  # noqa: ANN401 - a trl.DPOTrainer
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

    class TokenizedDpoTrainer(DPOTrainer):
        """Takes tokens as they are: trl would render the chat with a template of its own."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - as trl calls it
            return dataset

    encoder = RowEncoder(base, config.train.max_tokens)
    device = torch_device("auto")
    arguments = watched_arguments(config, watch.out) | {
        "beta": config.train.dpo_beta,
        "max_length": None,  # rows are never cut; the encoder has refused those that are too long
        "activation_checkpointing": False,
    }
    model = load_base(base, chosen_precision(config.train, device), device)
    with without_gptqmodel():
        return TokenizedDpoTrainer(
            model=model,
            args=DPOConfig(**arguments),
            train_dataset=_dataset(train, encoder),
            eval_dataset=_dataset(held_out, encoder),
            processing_class=encoder.tokenizer,
            data_collator=DataCollatorForPreference(pad_token_id=encoder.pad_id),
            peft_config=lora_config(config.train),
            callbacks=[watch.as_callback()],
        )


def _dataset(pairs: Sequence[Preference], encoder: RowEncoder) -> Any:  # noqa: ANN401 - a datasets.Dataset
    from datasets import Dataset  # type: ignore[import-untyped]

    return Dataset.from_list([_tokens(pair, encoder) for pair in pairs])


def _tokens(pair: Preference, encoder: RowEncoder) -> dict[str, list[int]]:
    """Return prompt and answers as `RowEncoder` makes them, each answer with its end."""
    prompt = Prompt(pair.prompt, pair.question, pair.language, (), (), 0, 0, "")
    tokens: dict[str, list[int]] = {"prompt_ids": encoder.prompt_ids(prompt)}
    for name, text in (("chosen_ids", pair.chosen), ("rejected_ids", pair.rejected)):
        place = f"the comparison for {pair.question!r}"
        example = QAExample(pair.question, text, pair.language, place, "feedback")
        encoded = encoder.encode(AnswerRow(prompt, text, example))
        tokens[name] = [label for label in encoded.labels if label != IGNORED]
    return tokens


def _report(trainer: Any, pairs: int) -> PreferenceReport:  # noqa: ANN401 - a trl.DPOTrainer
    history = trainer.state.log_history
    losses = [line["loss"] for line in history if "loss" in line]
    evaluated = [line for line in history if "eval_loss" in line]
    return PreferenceReport(
        pairs=pairs,
        steps=trainer.state.global_step,
        first_loss=losses[0],
        last_loss=losses[-1],
        eval_loss=evaluated[-1]["eval_loss"],
        eval_accuracy=evaluated[-1]["eval_rewards/accuracies"],
    )
