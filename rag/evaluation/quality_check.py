"""Ask a person's own test questions, as they are served, and judge what comes back.

The retrieval that is judged is that of the answer itself: the passages that it was made of.
"""

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from threading import Event
from typing import Protocol

from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, Chunk, Document, Progress, SearchFilter, Token
from rag.errors import RagError
from rag.evaluation.passages import squeezed
from rag.feedback import without_markers
from rag.language import content_terms, numbers
from rag.quality_store import QualityCheck, QualityQuestion, QualityResult, Setting, Verdict
from rag.triage import says_the_same

ASK = "ask"  # stage of the progress
_SENTENCE_TERMS = 4  # of meaning, and numbers; an expected answer with so many may be reworded
# What changes no answer: where things lie, who may ask, how files are read.
_NO_MATTER = (
    "remote_url", "remote_key_file", "remote_seconds", "api", "api_key_file", "threads",
    "milvus_uri", "max_question_chars",
)  # fmt: skip
_READING = ("max_file_", "parse_")


class Engine(Protocol):
    """The parts of `RagEngine` that a check needs."""

    def ask(
        self,
        question: str,
        stop: Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
    ) -> Iterator[Token | Answer]:
        """Yield tokens, then one answer."""
        ...

    def document(self, path: str) -> Document:
        """Return an indexed document; `RagError` when there is none."""
        ...

    def answer_model_id(self) -> str:
        """Return the name of the model that answers."""
        ...


def check_quality(
    questions: Sequence[QualityQuestion],
    engine: Engine,
    config: Config,
    progress: Callable[[Progress], None],
) -> QualityCheck:
    """Ask every question and return what came of it. Nothing is stored.

    Raises:
        RagError: there are no questions, index or model is unusable, or another index was
            published meanwhile, so that the questions were not all asked of the same one.
    """
    if not questions:
        raise RagError(
            "There are no test questions yet. Add some on the Quality page, or with "
            "`python -m rag quality --add FILE`."
        )
    started = time.monotonic()
    results: list[QualityResult] = []
    index_id = ""
    for number, question in enumerate(questions):
        progress(Progress(ASK, number, len(questions), question.question))
        answer = _ask(engine, question.question)
        index_id = index_id or answer.index_id
        if answer.index_id != index_id:
            raise RagError(
                "The index was updated during the check, so its results cannot be compared. "
                "Check again."
            )
        results.append(judge(question, answer, is_source_indexed=_is_indexed(engine, question)))
    progress(Progress(ASK, len(questions), len(questions)))
    return QualityCheck(
        index_id=index_id,
        model_id=engine.answer_model_id(),
        settings=settings_of(config),
        seconds=time.monotonic() - started,
        results=tuple(results),
    )


def judge(
    question: QualityQuestion, answer: Answer, *, is_source_indexed: bool = True
) -> QualityResult:
    """Return what an answer is worth, given what was expected."""
    is_answered = answer.status == "answered"
    cited = tuple(dict.fromkeys(citation.path for citation in answer.citations))
    cites_source = bool(question.source) and question.source in cited
    text = without_markers(answer.text) if is_answered else ""
    return QualityResult(
        question_id=question.id,
        question=question.question,
        answers=question.answers,
        source=question.source,
        verdict=_verdict(question, text, is_answered=is_answered, cites_source=cites_source),
        rank=_rank(question, [hit.chunk for hit in answer.hits]),
        is_source_indexed=is_source_indexed,
        cites_source=cites_source,
        text=text,
        cited=cited,
        evidence_level=answer.evidence_level,
    )


def holds(question: str, expected: str, text: str) -> bool:
    """Tell whether an answer says what was expected of it.

    Width, case and white space make no difference, and 14 does not stand in 2014. A whole
    sentence may be worded differently, see `says_the_same`.
    """
    pattern = r"\s*".join(re.escape(letter) for letter in squeezed(expected))
    before = r"(?<!\d)(?<!\d[.,])" if squeezed(expected)[:1].isdigit() else ""
    after = r"(?!\d)(?![.,]\d)" if squeezed(expected)[-1:].isdigit() else ""
    if pattern and re.search(before + pattern + after, _folded(text)):
        return True
    is_sentence = len(content_terms(expected)) + len(numbers(expected)) > _SENTENCE_TERMS
    return is_sentence and says_the_same(question, expected, text)


def settings_of(config: Config) -> dict[str, Setting]:
    """Return the settings that may change an answer; no folder, no address and no key."""
    chosen: dict[str, Setting] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if isinstance(value, Path) or item.name in _NO_MATTER or item.name.startswith(_READING):
            continue
        chosen[item.name] = list(value) if isinstance(value, tuple) else value
    return chosen


def settings_hash(settings: Mapping[str, Setting]) -> str:
    """Return a short fingerprint of settings: equal for equal ones."""
    text = json.dumps(dict(settings), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _ask(engine: Engine, question: str) -> Answer:
    answer: Answer | None = None
    for event in engine.ask(question, Event()):
        if isinstance(event, Answer):
            answer = event
    assert answer is not None  # the protocol of RagEngine.ask: exactly one Answer, last
    return answer


def _is_indexed(engine: Engine, question: QualityQuestion) -> bool:
    if not question.source:
        return True
    try:
        engine.document(question.source)
    except RagError:
        return False
    return True


def _verdict(
    question: QualityQuestion, text: str, *, is_answered: bool, cites_source: bool
) -> Verdict:
    if not question.is_answerable:
        return "invented" if is_answered else "silent"
    if not is_answered:
        return "missed"
    if not question.answers:
        return "right" if cites_source else "wrong"
    is_right = any(holds(question.question, expected, text) for expected in question.answers)
    return "right" if is_right else "wrong"


def _rank(question: QualityQuestion, chunks: Sequence[Chunk]) -> int | None:
    if not question.source:
        return None
    quote = squeezed(question.quote)
    for rank, chunk in enumerate(chunks, start=1):
        if chunk.path == question.source and quote in squeezed(chunk.text):
            return rank
    return None


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
