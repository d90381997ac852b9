"""Questions with the place of their answer, and what resembles an answer and is none.

Read from files of examples. Nothing that is learned from has a passage that is held out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.datatypes import Language, Progress
from rag.errors import RagError
from training.datatypes import QAExample
from training.examples.read import read_examples
from training.near_misses.read import (
    WrittenQuestion,
    passage_digest,
    questions_on_sets,
    written_passages,
)
from training.rows.altered_questions import altered
from training.span_reader.near_passages import misses, near_passages

HELD_OUT_SHARE = 0.04  # of the passages of each file, the last ones
MOST_NEAR = 4  # near misses of a question
_ALTERED = 3  # tries to alter a question


class SpanDataError(RagError):
    """The files cannot be trained on. Only the command line shows it."""


@dataclass(frozen=True, slots=True)
class SpanQuestion:
    """A question and the words that answer it; ``passage[start:end]`` is the answer.

    A written one may have no answer; both are 0 then.
    """

    text: str
    language: Language  # "ja" or "en": that of most questions of its file
    passage: str
    start: int
    end: int
    answers: tuple[str, ...]  # all that count as right
    title: str = ""  # of the article
    near: tuple[str, ...] = ()  # passages that do not answer, the nearest first
    altered: tuple[str, ...] = ()  # forms of the question that the passage hardly answers


@dataclass(frozen=True, slots=True)
class SpanQuestions:
    """What a span reader is made of. Passages of held-out questions are in no learned field."""

    learned: tuple[SpanQuestion, ...]
    held_out: tuple[SpanQuestion, ...]  # only measured
    japanese: tuple[str, ...]  # passages to learn Japanese words from
    japanese_held_out: tuple[str, ...]
    unplaced: int = 0  # answers that do not stand in their passage: not used
    written: tuple[SpanQuestion, ...] = ()  # by hand, most of them without an answer; learned from
    written_held_out: tuple[SpanQuestion, ...] = ()


def read_span_questions(
    files: Sequence[Path], seed: int, progress: Callable[[Progress], None]
) -> SpanQuestions:
    """Return the answerable questions of ``files`` that come with their passage.

    Args:
        files: whatever `training.examples.read` reads, each in one language.
        seed: chooses how questions are altered.
        progress: called before each file.

    Raises:
        ExampleFileError: a file cannot be read; says where.
        SpanDataError: one of the two languages is missing.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for number, file in enumerate(files):
        progress(Progress("read", number, len(files), file.name))
        parts.append(_of_file(read_examples(file).examples, rng))
    whole = SpanQuestions(
        learned=tuple(question for part in parts for question in part.learned),
        held_out=tuple(question for part in parts for question in part.held_out),
        japanese=tuple(text for part in parts for text in part.japanese),
        japanese_held_out=tuple(text for part in parts for text in part.japanese_held_out),
        unplaced=sum(part.unplaced for part in parts),
        written=(*(one for part in parts for one in part.written), *_written_documents()),
        written_held_out=tuple(one for part in parts for one in part.written_held_out),
    )
    missing = {"en", "ja"} - {question.language for question in whole.learned}
    if missing:
        raise SpanDataError(
            f"No question in {' and '.join(sorted(missing))} has an answer that stands in its "
            "passage. Give a file of each language, such as SQuAD and JaQuAD."
        )
    return whole


def _of_file(examples: Sequence[QAExample], rng: np.random.Generator) -> SpanQuestions:
    usable = [example for example in examples if example.is_answerable and example.passage]
    japanese = sum(example.language == "ja" for example in usable)
    language: Language = "ja" if 2 * japanese > len(usable) else "en"
    found = [question for one in usable if (question := _placed(one, language))]
    passages = list(dict.fromkeys(question.passage for question in found))
    cut = int(len(passages) * (1 - HELD_OUT_SHARE))
    held_out = frozenset(passages[cut:])
    whole = _with_near(found, passages, held_out, language, rng)
    written = _written_on({one.passage: one for one in found})
    return SpanQuestions(
        learned=tuple(question for question in whole if question.passage not in held_out),
        held_out=tuple(question for question in whole if question.passage in held_out),
        japanese=tuple(passages[:cut] if language == "ja" else ()),
        japanese_held_out=tuple(passages[cut:] if language == "ja" else ()),
        unplaced=len(usable) - len(found),
        written=tuple(one for one in written if one.passage not in held_out),
        written_held_out=tuple(one for one in written if one.passage in held_out),
    )


def _written_on(of_passage: Mapping[str, SpanQuestion]) -> list[SpanQuestion]:
    """Return the written questions on passages of a file, of which any question is given."""
    on_sets = questions_on_sets()
    return [
        _written(question, one.language, passage, one.title)
        for passage, one in of_passage.items()
        for question in on_sets.get(passage_digest(passage), ())
    ]


def _written_documents() -> Iterator[SpanQuestion]:
    for one in written_passages():
        for question in one.questions:
            yield _written(question, one.language, one.text, one.title)


def _written(
    question: WrittenQuestion, language: Language, passage: str, title: str
) -> SpanQuestion:
    span = question.span or (0, 0)
    return SpanQuestion(question.text, language, passage, *span, (), title)


def _placed(example: QAExample, language: Language) -> SpanQuestion | None:
    """Return the question with the place of its answer; None when that is not in the passage.

    Examples keep no offset. The answer is its first occurrence in the quote, the sentence that
    a SQuAD file points to, so that only an answer that stands there twice is taken for another.
    """
    passage, answer = example.passage, example.answer
    start = passage.find(answer, max(0, passage.find(example.quote)))
    if start < 0:
        start = passage.find(answer)
    if start < 0:
        return None
    return SpanQuestion(
        example.question, language, passage, start, start + len(answer), example.answers,
        example.group.replace("_", " "),
    )  # fmt: skip


def _with_near(
    questions: Sequence[SpanQuestion],
    passages: Sequence[str],
    held_out: frozenset[str],
    language: Language,
    rng: np.random.Generator,
) -> list[SpanQuestion]:
    """Return the questions of a file with near misses and altered forms.

    The weights of TF-IDF, and names that altered questions borrow, come from all passages of the
    file; no held-out passage itself is a near miss.
    """
    if not questions:
        return []
    place = {passage: n for n, passage in enumerate(passages)}
    found = near_passages(passages, [question.text for question in questions], language)
    whole = []
    for question, places in zip(questions, found.tolist(), strict=True):
        own = place[question.passage]
        near = [passages[n] for n in misses(places, passages, own, question.answers)][:MOST_NEAR]
        tries = [
            altered(question.text, language, question.passage, near, rng) for _ in range(_ALTERED)
        ]
        whole.append(
            replace(
                question,
                near=tuple(text for text in near if text not in held_out),
                altered=tuple(changed for changed in tries if changed),
            )
        )
    return whole
