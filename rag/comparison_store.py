"""Two answers to one prompt, and which of them a person liked better, in SQLite."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from rag.database import Database, now
from rag.datatypes import Language, Message, Prompt

Vote = Literal["left", "right", "tie"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two models wrote to the same prompt. Which stands left was drawn by lot."""

    id: int
    question: str
    language: Language
    messages: tuple[Message, ...]  # of the prompt
    documents: tuple[str, ...]  # of the passages in it
    left_model: str  # not shown before the vote
    right_model: str
    left_text: str
    right_text: str
    vote: Vote | None
    author: str  # of the vote
    created: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class Preference:
    """One pair for preference training (DPO): the same prompt, the better completion first."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str
    question: str
    language: Language
    documents: tuple[str, ...]  # of the passages in the prompt; deleting one excludes the pair
    author: str


class ComparisonStore:
    """The comparisons of one machine. Every method is one transaction."""

    def __init__(self, database: Database, author: str = "") -> None:
        """Look after all comparisons; votes without a name are of ``author``."""
        self._database = database
        self._author = author

    def add(self, prompt: Prompt, models: Sequence[str], texts: Sequence[str]) -> int:
        """Return the id of a new comparison; the first of ``models`` and ``texts`` stands left.

        Two that wrote the same are a tie at once: there is nothing to choose.
        """
        values = (
            prompt.question,
            prompt.language,
            json.dumps([asdict(message) for message in prompt.messages], ensure_ascii=False),
            json.dumps(sorted({hit.chunk.path for hit in prompt.hits}), ensure_ascii=False),
            *models,
            *texts,
            "tie" if texts[0] == texts[1] else "",
            now(),
        )
        with self._database.write() as db:
            cursor = db.execute(
                "INSERT INTO comparisons (question, language, messages, documents, left_model, "
                "right_model, left_text, right_text, vote, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        return int(cursor.lastrowid or 0)

    def vote(self, comparison_id: int, vote: Vote, author: str = "") -> None:
        """Keep which side is better. The first vote stands: the names are shown after it."""
        with self._database.write() as db:
            db.execute(
                "UPDATE comparisons SET vote = ?, author = ? WHERE id = ? AND vote = ''",
                (vote, author or self._author, comparison_id),
            )

    def by_id(self, comparison_id: int) -> Comparison | None:
        """Return one comparison, or None when it does not exist."""
        with self._database.read() as db:
            row = db.execute("SELECT * FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
        return None if row is None else _comparison(row)

    def latest(self, limit: int) -> list[Comparison]:
        """Return the comparisons, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM comparisons ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_comparison(row) for row in rows]

    def delete(self, comparison_id: int) -> None:
        """Remove a comparison for good."""
        with self._database.write() as db:
            db.execute("DELETE FROM comparisons WHERE id = ?", (comparison_id,))

    def preferences(self) -> list[Preference]:
        """Return what the votes say, oldest first; a tie says nothing."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM comparisons WHERE vote IN ('left', 'right') ORDER BY id"
            ).fetchall()
        return [_preference(_comparison(row)) for row in rows]


def _preference(comparison: Comparison) -> Preference:
    texts = (comparison.left_text, comparison.right_text)
    chosen, rejected = texts if comparison.vote == "left" else reversed(texts)
    return Preference(
        comparison.messages,
        chosen,
        rejected,
        comparison.question,
        comparison.language,
        comparison.documents,
        comparison.author,
    )


def _comparison(row: sqlite3.Row) -> Comparison:
    values = {name: row[name] for name in Comparison.__slots__}
    messages = tuple(Message(**item) for item in json.loads(row["messages"]))
    values |= {"messages": messages, "documents": tuple(json.loads(row["documents"]))}
    return Comparison(**{**values, "vote": row["vote"] or None})
