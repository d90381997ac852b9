"""Find the words of a passage that answer a question, and tell whether any do.

Extractive question answering with a null answer, as for SQuAD 2.0 (Devlin et al., 2019,
arXiv:1810.04805, section 4.3): a start and an end logit for each token, and the first token for
"no answer here". An encoder reads question and passage in both directions, so that it finds an
answer, or that there is none, at a fraction of what a language model costs. It words nothing.
"""

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np

from rag.answer_type import fits
from rag.config import DEFAULT_SPAN_MODEL, Config
from rag.datatypes import Language, Span
from rag.errors import ModelError
from rag.inference.device import uses_gpu
from rag.inference.export import SPAN_EXPORTER, exported_folder
from rag.inference.pair_windows import WindowLogits
from rag.inference.span_openvino import OpenVinoSpanModel
from rag.inference.span_torch import TorchSpanModel
from rag.language import is_question, sentence_spans
from rag.model_folder import find_model
from rag.reading_test import PASS_SHARE, READING_QUESTIONS

_LONGEST = 48  # tokens of an answer
_LONGEST_UNIT = 12  # characters
_SPANS = 6  # of a passage
_LIKELIEST_TOKENS = 12  # starts and ends that are combined


class SpanModel(Protocol):
    """What runs a model: a question and passages in, logits of their tokens out."""

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        ...

    def read(self, question: str, passages: Sequence[str]) -> list[WindowLogits]:
        """Return the logits of each window of each passage."""
        ...


class ModelSpanReader:
    """A model for extractive question answering. Thread-safe; it is loaded at first use."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._config = config
        self._lock = RLock()

    @cached_property
    def _model(self) -> SpanModel:
        if not uses_gpu(self._config.device):
            folder = exported_folder(SPAN_EXPORTER, self._folder, self._config.models_dir)
            if folder is not None:
                return OpenVinoSpanModel(folder, self._config.threads)
        device = "cuda" if uses_gpu(self._config.device) else "cpu"
        return TorchSpanModel(self._folder, device)

    @property
    def engine(self) -> str:
        """What runs the model, and where; loads it."""
        with self._lock:
            return self._model.name

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in which it answers at least half of the questions of `rag.reading_test`."""
        with self._lock:
            return self._measured_languages

    @cached_property
    def _measured_languages(self) -> tuple[Language, ...]:
        return tuple(name for name in READING_QUESTIONS if self._score(name) >= PASS_SHARE)

    def _score(self, language: Language) -> float:
        questions = READING_QUESTIONS[language]
        right = 0
        for *passages, question, expected in questions:
            found = [span for spans in self.spans(question, passages) for span in spans]
            best = max(found, key=lambda span: span.log_odds, default=None)
            right += best is not None and expected in best.text
        return right / len(questions)

    def spans(
        self, question: str, passages: Sequence[str], headings: Sequence[str] = ()
    ) -> list[tuple[Span, ...]]:
        """Return the likeliest spans of each passage; see `SpanReader`.

        Raises:
            ModelError: the model cannot be loaded.
        """
        above = [f"{heading}\n" if heading else "" for heading in headings or [""] * len(passages)]
        texts = [heading + passage for heading, passage in zip(above, passages, strict=True)]
        with self._lock:
            read = self._model.read(question, texts) if passages else []
        found: list[dict[tuple[int, int], Span]] = [{} for _ in passages]
        for one in read:
            number = one.window.passage
            of_passage = found[number]
            for span in _spans(one, question, passages[number], len(above[number])):
                known = of_passage.get((span.start, span.end))
                if known is None or known.log_odds < span.log_odds:  # two windows overlap
                    of_passage[span.start, span.end] = span
        return [
            tuple(sorted(spans.values(), key=lambda span: -span.log_odds)[:_SPANS])
            for spans in found
        ]


def _spans(read: WindowLogits, question: str, passage: str, heading: int) -> Iterator[Span]:
    """Yield the likeliest spans of a window that may answer, with offsets into ``passage``.

    What the passage itself asks answers nothing, however much of the question it holds.

    Args:
        read: of a passage under a heading.
        question: tells what kind of answer it wants.
        passage: without it.
        heading: its characters.
    """
    window = read.window
    own = sum(start < heading for start, _ in window.places)
    starts, ends = (array[window.first + own : window.last] for array in (read.starts, read.ends))
    places = [(start - heading, end - heading) for start, end in window.places[own:]]
    none = float(read.starts[0] + read.ends[0])
    firsts, lasts = (np.argsort(-array)[:_LIKELIEST_TOKENS] for array in (starts, ends))
    pairs = [
        (float(starts[first] + ends[last]), first, last)
        for first in firsts
        for last in lasts
        if first <= last < first + _LONGEST
    ]
    ranked = (
        Span(start, end, passage[start:end], round(score - none, 3))
        for score, first, last in sorted(pairs, reverse=True)
        if (start := places[first][0]) < (end := places[last][1]) and math.isfinite(score - none)
    )
    asking = [span for span in sentence_spans(passage) if is_question(passage[slice(*span)])]
    fitting = (
        span
        for span in ranked
        if fits(question, span.text, passage[span.end : span.end + _LONGEST_UNIT])
        and not any(start <= span.start and span.end <= end for start, end in asking)
    )
    yield from islice(fitting, _SPANS)


def load_span_reader(config: Config) -> ModelSpanReader | None:
    """Return the configured span reader, None without one; it is loaded at first use.

    That of `make setup` may not be there, as in an installation of an older version: answers then
    are as they were before, and `rag.doctor` tells it.

    Raises:
        ModelError: the model is not on this machine, or its folder could run code.
    """
    name = config.span_model.strip()
    is_absent_default = name == DEFAULT_SPAN_MODEL and not (config.models_dir / name).is_dir()
    if not name or is_absent_default:
        return None
    folder = find_model(name, config.models_dir)
    if not _finds_spans(folder):  # the library would give it random logits
        raise ModelError(
            f"The model in {folder} does not find answers in passages. Set RAG_SPAN_MODEL to a "
            "model for extractive question answering, or to nothing."
        )
    return ModelSpanReader(folder, config)


def _finds_spans(folder: Path) -> bool:
    """Tell whether the model in ``folder`` has trained starts and ends of answers."""
    file = folder / "config.json"
    settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    kinds = settings.get("architectures") or [""]
    return str(kinds[0]).endswith("ForQuestionAnswering")
