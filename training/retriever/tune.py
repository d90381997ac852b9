"""Tune a retriever on a person's own questions: an embedder, or a reranker made of an encoder.

The result is an ordinary model folder, which appears when it is complete. What serves changes
only when the settings name it, and changes back when they name the former one.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.config import Config
from rag.datatypes import Progress
from rag.errors import ModelError
from rag.inference.device import torch_device
from rag.model_folder import find_model, refuse_unsafe
from training.retriever.card import CardFacts, card
from training.retriever.data import (
    Group,
    NearMisses,
    Pair,
    Split,
    TrainingData,
    TrainingDataError,
    held_out_documents,
    read_training_data,
    split_by_document,
)
from training.retriever.embedder import EmbedderTrainer
from training.retriever.loop import LoopReport, LoopSettings, train
from training.retriever.measure import Measured, measure_embedder, measure_reranker
from training.retriever.reranker import RerankerTrainer

KINDS = ("reranker", "embedder")
LEARNING_RATE = {"reranker": 1e-3, "embedder": 2e-4}
VALIDATION_QUESTIONS = 64
ADAPTER = "adapter"  # folder of the adapter alone, inside that of the merged model
OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """What to train, on what, for how long."""

    files: tuple[Path, ...]
    name: str  # of the new folder under ``models_dir``
    kind: str = "reranker"
    base: str = ""  # "": the embedder of the settings
    rank: int = 16
    negatives: int = 3
    questions: int = 4000  # at most, chosen at random
    max_tokens: int = 256  # of question and passage together, or of a passage, while training
    learning_rate: float = 0.0  # 0: that of the kind
    epochs: int = 1
    steps: int = 0
    minutes: float = 10.0
    seed: int = 0
    licence: str = ""  # of the data, for the card


@dataclass(frozen=True, slots=True)
class Tuned:
    """The new model, and what it is worth on documents that it has not seen."""

    folder: Path
    before: Measured
    after: Measured
    loop: LoopReport


def tune_retriever(settings: TuneSettings, config: Config, progress: OnProgress) -> Tuned:
    """Train, measure, merge and publish a model as ``models_dir/name``.

    Interrupting is safe: the folder appears only when it is complete. The best adapter so far
    of a run that was killed is in ``models_dir/.name.partial/adapter``.

    Raises:
        ModelError: the name is taken or none, or the base cannot be loaded.
        QuestionFileError, TrainingDataError: the questions cannot be trained on.
    """
    target = config.models_dir / settings.name
    if Path(settings.name).name != settings.name:
        raise ModelError(f"{settings.name!r} is no name for a model: give one without a slash.")
    if target.exists():
        raise ModelError(f"There is a model in {target} already. Give another --name.")
    base_name = settings.base or config.embed_model
    base = find_model(base_name, config.models_dir)
    progress(Progress("read", 0, 0))
    data = read_training_data(settings.files, config)
    split = split_by_document(data, settings.seed)
    near = NearMisses(data)
    groups, validation = _groups(data, split, near, settings, progress)
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    trainer = _trainer(base, settings, config)

    progress(Progress("measure", 0, 0, "before"))
    before = _measure(trainer, split.test, data, near, settings, is_trained=False)
    trainer.add_adapter(settings.rank, settings.seed, partial / ADAPTER)
    loop = train(trainer, groups, validation, _loop_settings(settings), progress)
    if not loop.best_step:
        shutil.rmtree(partial)
        raise TrainingDataError(
            f"{loop.steps} steps made the model no better on the held-out questions, so it was not "
            "kept. Give more questions, more --minutes or a smaller --learning-rate."
        )
    progress(Progress("measure", 0, 0, "after"))
    after = _measure(trainer, split.test, data, near, settings, is_trained=True)
    trainer.merge()
    trainer.save(partial)
    facts = CardFacts(base_name, len(groups), len(data.texts), loop, before, after)
    (partial / "README.md").write_text(card(settings, facts), encoding="utf-8")
    refuse_unsafe(partial)
    partial.rename(target)
    return Tuned(target, before, after, loop)


def _groups(
    data: TrainingData,
    split: Split,
    near: NearMisses,
    settings: TuneSettings,
    progress: OnProgress,
) -> tuple[list[Group], list[Group]]:
    """Return what to learn from, and what chooses the checkpoint."""
    order = np.random.default_rng(settings.seed).permutation(len(split.train))
    chosen = [split.train[n] for n in order[: settings.questions]]
    progress(Progress("mine", 0, len(chosen)))
    never = held_out_documents(data, split)
    mined = (near.group(pair, settings.negatives, never) for pair in chosen)
    groups = [group for group in mined if group is not None]
    held_out = (
        near.group(pair, settings.negatives, frozenset())
        for pair in split.validation[:VALIDATION_QUESTIONS]
    )
    validation = [group for group in held_out if group is not None]
    if not groups or not validation:
        raise TrainingDataError(
            "No passage is a near miss of any question, so there is nothing to tell the right one "
            "from. Give questions about more passages."
        )
    return groups, validation


def _trainer(
    base: Path, settings: TuneSettings, config: Config
) -> RerankerTrainer | EmbedderTrainer:
    device = torch_device(config.device)
    if settings.kind == "embedder":
        return EmbedderTrainer(base, device, settings.max_tokens, config)
    return RerankerTrainer(base, device, settings.max_tokens, settings.seed)


def _measure(
    trainer: RerankerTrainer | EmbedderTrainer,
    pairs: Sequence[Pair],
    data: TrainingData,
    near: NearMisses,
    settings: TuneSettings,
    *,
    is_trained: bool,
) -> Measured:
    """Measure on test questions; a reranker that is new is compared with the order found."""
    if isinstance(trainer, EmbedderTrainer):
        return measure_embedder(pairs, data, trainer, settings.seed)
    score = trainer.scores if is_trained or not trainer.is_new else None
    return measure_reranker(pairs, data, near, score)


def _loop_settings(settings: TuneSettings) -> LoopSettings:
    return LoopSettings(
        learning_rate=settings.learning_rate or LEARNING_RATE[settings.kind],
        epochs=settings.epochs,
        steps=settings.steps,
        minutes=settings.minutes,
        seed=settings.seed,
    )
