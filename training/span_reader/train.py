"""Make a span reader: questions, tokenizer and network together, then the loop."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from rag.config import DEFAULT_EMBED_MODEL, Config
from rag.datatypes import Language, Progress
from rag.errors import ModelError, first_line
from rag.inference.device import torch_device
from rag.model_folder import find_model
from training.checkpoints.publish import published
from training.span_reader.artifact import CARD, LOG, Artifact, load_artifact, save_artifact
from training.span_reader.card import CardFacts, card
from training.span_reader.characters import (
    Characters,
    base_vocabulary,
    character_tokenizer,
    gather_characters,
)
from training.span_reader.loop import Batches, LogLine, LoopSettings, train
from training.span_reader.measure import Measured, measure
from training.span_reader.network import SpanNetwork
from training.span_reader.pairs import PairMaker
from training.span_reader.questions import SpanQuestions, read_span_questions
from training.span_reader.rows import endless_batches, endless_pieces, endless_rows

if TYPE_CHECKING:
    from tokenizers import Tokenizer

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class SpanReaderSettings:
    """What to learn from, for how long."""

    files: tuple[Path, ...]
    out: Path  # folder of the artifact, which is not there yet
    loop: LoopSettings = field(default_factory=LoopSettings)
    start: Path | None = None  # artifact to go on from; None begins with the bare embedder


@dataclass(frozen=True, slots=True)
class Trained:
    """The artifact, and what it is worth on passages that it has not seen."""

    folder: Path
    measured: dict[Language, Measured]


def train_span_reader(
    settings: SpanReaderSettings, config: Config, progress: OnProgress
) -> Trained:
    """Train and write the artifact to ``settings.out``.

    Every few minutes the artifact appears as it is then; its card says when a run was killed.
    Another run can go on from it, with a schedule of its own: large steps first, then small ones.

    Raises:
        ModelError: the folder is taken, or the base cannot be loaded.
        ExampleFileError, SpanDataError: the files cannot be trained on.
    """
    if settings.out.exists():
        raise ModelError(f"There is something in {settings.out} already. Give another --out.")
    base = find_model(DEFAULT_EMBED_MODEL, config.models_dir)
    before = load_artifact(settings.start) if settings.start else None
    questions = read_span_questions(settings.files, settings.loop.seed, progress)
    texts = (*questions.japanese, *questions.japanese_held_out)
    characters = before.characters if before else gather_characters(
        texts, base_vocabulary(base / "tokenizer.json")
    )  # fmt: skip
    try:
        tokenizer = character_tokenizer(base / "tokenizer.json", characters.new)
        network = SpanNetwork(base, characters, settings.loop.seed)
        if before:
            network.take_over(before)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(
            f"No span reader can be made of {base} ({first_line(error)}). Run `make setup` to "
            "install the default embedder."
        ) from error
    network.to(torch_device(config.device))
    batches = _batches(questions, tokenizer, settings.loop.seed)
    keeper = _Keeper(settings, questions, characters, network, tokenizer, progress)
    train(network, batches, settings.loop, keeper.log, keeper.save)
    return Trained(settings.out, keeper.measured)


def _batches(questions: SpanQuestions, tokenizer: "Tokenizer", seed: int) -> Batches:
    rng = Random(seed)
    maker = PairMaker(questions.learned, questions.written, rng)
    languages: tuple[Language, ...] = ("en", "ja")
    english, japanese = (
        endless_batches(
            endless_rows(
                [one for one in questions.learned if one.language == language],
                maker,
                tokenizer,
                rng,
            ),
            rng,
        )
        for language in languages
    )
    words = endless_pieces(questions.japanese, tokenizer, rng)
    return {"words": words, "ja": japanese, "en": english}


class _Keeper:
    """Keeps log and weights of a run."""

    def __init__(
        self,
        settings: SpanReaderSettings,
        questions: SpanQuestions,
        characters: Characters,
        network: SpanNetwork,
        tokenizer: "Tokenizer",
        progress: OnProgress,
    ) -> None:
        self.measured: dict[Language, Measured] = {}
        self._settings, self._questions, self._characters = settings, questions, characters
        self._network, self._tokenizer, self._progress = network, tokenizer, progress
        self._lines: list[dict[str, object]] = []
        self._steps = 0

    def log(self, line: LogLine) -> None:
        """Keep a line, and show it."""
        self._lines.append(dict(line))
        self._steps = int(line["step"])
        total = round(60 * self._settings.loop.minutes)
        words = ", ".join(f"{name} {value:g}" for name, value in line.items())
        self._progress(Progress("train", int(line["seconds"]), total, words))

    def save(self, done: float) -> None:
        """Measure, and let the artifact appear as it is now."""
        questions = self._questions
        self.measured = measure(
            self._network, self._tokenizer, questions.held_out, questions.written_held_out
        )
        of_languages = {name: asdict(value) for name, value in self.measured.items()}
        self._lines.append({"done": round(done, 3), "held_out": of_languages})
        rows = self._network.characters.own.detach()
        body = {name: value.detach() for name, value in self._network.body().items()}
        with published(self._settings.out) as folder:
            save_artifact(folder, Artifact(body, rows, self._characters))
            (folder / CARD).write_text(card(self._facts(done)), encoding="utf-8")
            text = "".join(f"{json.dumps(line)}\n" for line in self._lines)
            (folder / LOG).write_text(text, encoding="utf-8")
        self._progress(Progress("measure", 0, 0, json.dumps(of_languages)))

    def _facts(self, done: float) -> CardFacts:
        loop = self._settings.loop
        return CardFacts(
            base=DEFAULT_EMBED_MODEL,
            files=self._settings.files,
            questions=len(self._questions.learned),
            unplaced=self._questions.unplaced,
            written=len(self._questions.written),
            known=len(self._characters.known),
            new=len(self._characters.new),
            minutes=loop.minutes,
            done=done,
            steps=self._steps,
            seed=loop.seed,
            device=self._network.device.type,
            start=self._settings.start,
            measured=self.measured,
        )
