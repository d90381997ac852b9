"""Feedback and the reviewed pairs that are made of it, in SQLite.

Nothing here becomes an example by itself: a pair is proposed, and a person accepts it.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Literal

from rag.answer_json import answer_from_json, answer_to_json, filter_from_json, filter_to_json
from rag.database import Database, now
from rag.datatypes import EVERYWHERE, Answer, Document, SearchFilter
from rag.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError, RagError
from rag.feedback import (
    LIMITS,
    PAIR_STATES,
    AuthorCount,
    Feedback,
    Judgement,
    Missing,
    Outcome,
    Pair,
    PairState,
    Triage,
    chunk_from_json,
    chunk_to_json,
    example_of,
    refuse_long,
    triage_from_json,
    triage_to_json,
)

EDITABLE = ("state", "question", "answer", "source", "quote", "passage")
_SELECT_FEEDBACK = (
    "SELECT f.*, p.state AS pair_state FROM feedback f LEFT JOIN pairs p ON p.feedback_id = f.id"
)
_SUBJECT = "CASE f.verdict WHEN 'up' THEN 'up' ELSE f.outcome END"


class FeedbackStore:
    """The feedback of one machine. Every method is one transaction."""

    def __init__(self, database: Database, author: str = "") -> None:
        """Look after all feedback; what is saved without a name is of ``author``."""
        self._database = database
        self._author = author

    # Verdicts

    def save(
        self,
        answer_id: int,
        answer: Answer,
        judgement: Judgement,
        search_filter: SearchFilter = EVERYWHERE,
    ) -> int:
        """Return the id of the feedback of this author on this answer, replaced if there was one.

        Changing one's mind withdraws the pair that rested on the former judgement.

        Raises:
            RagError: a text is too long.
        """
        judgement = replace(judgement, author=judgement.author or self._author)
        if judgement.fault == "not_found":
            judgement = replace(judgement, correction="")
        refuse_long({"answer": judgement.correction or "", "note": judgement.note})
        refuse_long({"author": judgement.author})
        values = {
            "answer_id": answer_id,
            "author": judgement.author,
            "verdict": judgement.verdict,
            "fault": judgement.fault or "",
            "note": judgement.note,
            "correction": judgement.correction,
            "passage_json": chunk_to_json(judgement.passage),
            "answer_json": answer_to_json(answer),
            "limits": filter_to_json(search_filter),
            "created": now(),
        }
        with self._database.write() as db:
            before = self._judged(db, answer_id, judgement.author)
            if before is not None and before.judgement == judgement:
                return before.id
            if before is not None:
                db.execute("DELETE FROM pairs WHERE feedback_id = ?", (before.id,))
            (row_id,) = db.execute(_UPSERT, values).fetchone()
        return int(row_id)

    def delete(self, feedback_id: int) -> None:
        """Remove feedback for good, with the pair that rests on it."""
        with self._database.write() as db:
            db.execute("DELETE FROM feedback WHERE id = ?", (feedback_id,))

    def on_answer(self, answer_id: int, author: str = "") -> Feedback | None:
        """Return what this author said of an answer; "" is the author of this store."""
        with self._database.read() as db:
            return self._judged(db, answer_id, author or self._author)

    def by_id(self, feedback_id: int) -> Feedback | None:
        """Return one piece of feedback, or None when it does not exist."""
        with self._database.read() as db:
            return self._by_id(db, feedback_id)

    def inbox(self, subject: Outcome | Literal["up"] | None, limit: int) -> list[Feedback]:
        """Return feedback, newest first: all of it, an outcome of the triage, or what is "up"."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT_FEEDBACK} WHERE :subject IS NULL OR :subject = {_SUBJECT} "
                "ORDER BY f.updated DESC, f.id DESC LIMIT :limit",
                {"subject": subject, "limit": limit},
            ).fetchall()
        return [_feedback(row) for row in rows]

    def counts(self) -> dict[str, int]:
        """Return how much feedback there is, by outcome of the triage, and "up"."""
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT {_SUBJECT} AS subject, count(*) AS n FROM feedback f GROUP BY subject"
            ).fetchall()
        return {row["subject"]: row["n"] for row in rows}

    # Triage and pairs

    def save_triage(self, feedback_id: int, triage: Triage) -> None:
        """Keep a triage. An answer that was wrong although the passage was read is proposed.

        The others are no matter of training: the passage must be indexed or found first.
        """
        with self._database.write() as db:
            db.execute(
                "UPDATE feedback SET outcome = ?, triage_json = ? WHERE id = ?",
                (triage.outcome, triage_to_json(triage), feedback_id),
            )
            if triage.outcome == "answered_wrong":
                self._propose(db, feedback_id)

    def propose(self, feedback_id: int) -> None:
        """Make a proposed pair of feedback; one that there is already stays as it is."""
        with self._database.write() as db:
            self._propose(db, feedback_id)

    def pairs(self, state: PairState | None = None) -> list[Pair]:
        """Return the pairs of a state, or all, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM pairs WHERE :state IS NULL OR state = :state ORDER BY id DESC",
                {"state": state},
            ).fetchall()
        return [_pair(row) for row in rows]

    def accepted(self) -> list[Pair]:
        """Return what may be learned: accepted by a person, its source still in the index.

        Call `mark_missing` first when the index may have changed.
        """
        return [pair for pair in self.pairs("accepted") if not pair.missing]

    def authors(self) -> list[AuthorCount]:
        """Return how many pairs each person brought, most first."""
        sums = ", ".join(f"sum(state = '{state}') AS {state}" for state in PAIR_STATES)
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT author, {sums} FROM pairs GROUP BY author ORDER BY count(*) DESC, author"
            ).fetchall()
        return [AuthorCount(**dict(row)) for row in rows]

    def edit_pairs(self, edits: Mapping[int, Mapping[str, str]]) -> int:
        """Change `EDITABLE` fields of pairs (id -> field -> value); return how many there were.

        All edits are kept, or none. A pair that was withdrawn meanwhile is passed over.

        Raises:
            RagError: a text is too long, or a question is empty.
            ValueError: a field is not editable, or a state is none.
        """
        for edit in edits.values():
            if not edit.keys() <= set(EDITABLE) or edit.get("state", "proposed") not in PAIR_STATES:
                raise ValueError(f"not an edit of a pair: {edit}")
            refuse_long({name: text for name, text in edit.items() if name in LIMITS})
            if not edit.get("question", "?").strip():
                raise RagError("The question of an example is empty. Write it, or reject the row.")
        changed = 0
        with self._database.write() as db:
            for pair_id, edit in filter(itemgetter(1), edits.items()):
                assignments = ", ".join(f"{name} = ?" for name in edit)
                found = db.execute(
                    f"UPDATE pairs SET {assignments} WHERE id = ?",
                    (*(text.strip() for text in edit.values()), pair_id),
                )
                changed += found.rowcount
        return changed

    def mark_missing(self, document: Callable[[str], Document]) -> None:
        """Mark the pairs whose source the index no longer holds, and unmark those it holds again.

        Args:
            document: of the index by its path; raises `RagError` when there is none, as
                `Corpus.document` does.

        Raises:
            RagError: there is no index, or none that can be used; nothing is marked.
        """
        pairs = [pair for pair in self.pairs() if pair.source]
        texts = {path: _text(document, path) for path in {pair.source for pair in pairs}}
        marks = [(pair, _missing(pair, texts[pair.source])) for pair in pairs]
        changes = [(missing, pair.id) for pair, missing in marks if missing != pair.missing]
        if changes:
            with self._database.write() as db:
                db.executemany("UPDATE pairs SET missing = ? WHERE id = ?", changes)

    def _propose(self, db: sqlite3.Connection, feedback_id: int) -> None:
        feedback = self._by_id(db, feedback_id)
        if feedback is None or not feedback.can_be_example:
            return
        values = {
            **example_of(feedback),
            "feedback_id": feedback.id,
            "language": feedback.answer.language,
            "author": feedback.judgement.author,
            "outcome": feedback.triage.outcome if feedback.triage else "",
            "created": now(),
        }
        columns = ", ".join(values)
        holes = ", ".join(f":{name}" for name in values)
        db.execute(
            f"INSERT OR IGNORE INTO pairs (state, {columns}) VALUES ('proposed', {holes})", values
        )

    @staticmethod
    def _by_id(db: sqlite3.Connection, feedback_id: int) -> Feedback | None:
        row = db.execute(f"{_SELECT_FEEDBACK} WHERE f.id = ?", (feedback_id,)).fetchone()
        return None if row is None else _feedback(row)

    @staticmethod
    def _judged(db: sqlite3.Connection, answer_id: int, author: str) -> Feedback | None:
        row = db.execute(
            f"{_SELECT_FEEDBACK} WHERE f.answer_id = ? AND f.author = ?", (answer_id, author)
        ).fetchone()
        return None if row is None else _feedback(row)


_UPSERT = """
INSERT INTO feedback (answer_id, author, verdict, fault, note, correction, passage_json,
    answer_json, limits, outcome, created, updated)
VALUES (:answer_id, :author, :verdict, :fault, :note, :correction, :passage_json,
    :answer_json, :limits, 'unknown', :created, :created)
ON CONFLICT (answer_id, author) DO UPDATE SET verdict = excluded.verdict,
    fault = excluded.fault, note = excluded.note, correction = excluded.correction,
    passage_json = excluded.passage_json, outcome = 'unknown', triage_json = NULL,
    updated = excluded.updated
RETURNING id
"""


def _text(document: Callable[[str], Document], path: str) -> str | None:
    try:
        return document(path).text
    except (IndexDamagedError, IndexMismatchError, IndexNotFoundError):
        raise
    except RagError:
        return None


def _missing(pair: Pair, text: str | None) -> Missing:
    if text is None:
        return "document"
    # White space is left out of account: an edited quote need not keep the lines of its document.
    kept, whole = "".join((pair.quote or pair.passage).split()), "".join(text.split())
    return "" if kept in whole else "passage"


def _feedback(row: sqlite3.Row) -> Feedback:
    judgement = Judgement(
        verdict=row["verdict"],
        fault=row["fault"] or None,
        note=row["note"],
        correction=row["correction"],
        passage=chunk_from_json(row["passage_json"]),
        author=row["author"],
    )
    return Feedback(
        id=row["id"],
        answer_id=row["answer_id"],
        judgement=judgement,
        answer=answer_from_json(row["answer_json"]),
        search_filter=filter_from_json(row["limits"]),
        triage=triage_from_json(row["triage_json"]),
        pair_state=row["pair_state"],
        created=row["created"],
        updated=row["updated"],
    )


def _pair(row: sqlite3.Row) -> Pair:
    values = {name: row[name] for name in Pair.__slots__ if name != "triage"}
    return Pair(**values, triage=row["outcome"])
