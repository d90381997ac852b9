"""Read the questions that were written for passages, most of which their passage does not answer.

Rules that take a passage away or exchange a name teach to see the rule; what people ask in vain
keeps to the subject and the words of the passage (Rajpurkar et al., 2018, arXiv:1806.03822).
`OF_SETS` has questions for passages of public sets, which are named by a digest and not repeated.
`OF_DOCUMENTS` has whole passages, made up as they stand in people's own papers.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from rag.datatypes import Language

_FOLDER = Path(__file__).resolve().parent
OF_SETS = _FOLDER / "of_sets.jsonl"
OF_DOCUMENTS = _FOLDER / "of_documents.jsonl"


@dataclass(frozen=True, slots=True)
class WrittenQuestion:
    """One question; ``span`` are the first and the next character after its answer."""

    text: str
    span: tuple[int, int] | None  # in the passage; None: it does not answer


@dataclass(frozen=True, slots=True)
class WrittenPassage:
    """A passage of a document that was made up, with the questions on it."""

    language: Language
    title: str
    text: str
    questions: tuple[WrittenQuestion, ...]


def passage_digest(passage: str) -> str:
    """Return what names a passage in `OF_SETS`: the first 16 hexadecimal digits of SHA-256."""
    return sha256(passage.encode("utf-8")).hexdigest()[:16]


def questions_on_sets() -> dict[str, tuple[WrittenQuestion, ...]]:
    """Return the questions on passages of public sets, by the digest of the passage."""
    return {line["passage"]: _questions(line) for line in _lines(OF_SETS)}


def written_passages() -> list[WrittenPassage]:
    """Return the passages that were made up."""
    return [
        WrittenPassage(line["language"], line["title"], line["passage"], _questions(line))
        for line in _lines(OF_DOCUMENTS)
    ]


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def _questions(line: dict[str, Any]) -> tuple[WrittenQuestion, ...]:
    answered = (WrittenQuestion(text, (start, end)) for text, start, end in line["answered"])
    return (*(WrittenQuestion(text, None) for text in line["not_answered"]), *answered)
