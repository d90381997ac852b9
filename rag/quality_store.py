"""A person's own test questions, and what came of asking them at each check, in SQLite.

A result keeps its own copy of the question and of what was expected: a question that is removed
later does not change what an earlier check found.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from rag.database import Database, now
from rag.datatypes import EvidenceLevel
from rag.errors import RagError
from rag.feedback import refuse_long

Origin = Literal["typed", "feedback", "imported"]
# The first two are what should be; "missed" is a "not found" although there is an answer, and
# "invented" an answer although there is none.
Verdict = Literal["right", "silent", "wrong", "missed", "invented"]
Setting = str | int | list[str]

GOOD: tuple[Verdict, ...] = ("right", "silent")
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MAX_QUESTIONS = 2000


@dataclass(frozen=True, slots=True)
class QualityQuestion:
    """A question with what should come of it: an answer, a document, both, or "not found"."""

    question: str
    answers: tuple[str, ...] = ()  # any of them is right
    source: str = ""  # path of the document that should be cited; "" when it does not matter
    quote: str = ""  # words of the source that a right passage holds; "" for any passage of it
    origin: Origin = "typed"
    feedback_id: int | None = None  # that it was taken from
    id: int = 0  # 0 until it is stored

    @property
    def is_answerable(self) -> bool:
        """Something should be found."""
        return bool(self.answers or self.source)


@dataclass(frozen=True, slots=True)
class QualityResult:
    """What came of one question in one check."""

    question_id: int
    question: str
    answers: tuple[str, ...]  # expected, by then
    source: str
    verdict: Verdict
    rank: int | None  # of the first right passage, from 1; None: not retrieved, or source unknown
    is_source_indexed: bool  # also True when no source is named
    cites_source: bool
    text: str  # the answer; "" when nothing was found
    cited: tuple[str, ...]  # paths, in the order of the citations
    evidence_level: EvidenceLevel | None

    @property
    def is_good(self) -> bool:
        """The question came out as it should."""
        return self.verdict in GOOD


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """All questions asked once, of one index, with one model and one set of settings."""

    index_id: str
    model_id: str
    settings: Mapping[str, Setting]  # those that may change an answer
    seconds: float
    results: tuple[QualityResult, ...]
    created: str = ""  # ISO 8601, UTC; "" until it is stored
    id: int = 0


@dataclass(frozen=True, slots=True)
class DailyAnswer:
    """One answer of daily use, and what the reader said of it."""

    created: str  # ISO 8601, UTC
    verdict: Literal["up", "down"] | None


class QualityStore:
    """The test questions and checks of one machine. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, questions: Sequence[QualityQuestion]) -> int:
        """Keep questions; return how many are new. One that is asked already is passed over.

        Raises:
            RagError: a text is empty or too long, or there would be too many; nothing is kept.
        """
        for one in questions:
            if not one.question.strip():
                raise RagError("A test question is empty. Write what should be asked.")
            refuse_long({"question": one.question, "source": one.source, "quote": one.quote})
            for answer in one.answers:
                refuse_long({"answer": answer})
        added = 0
        with self._database.write() as db:
            for one in questions:
                added += db.execute(_INSERT, _question_values(one)).rowcount
            (count,) = db.execute("SELECT count(*) FROM quality_questions").fetchone()
            if count > MAX_QUESTIONS:
                raise RagError(
                    f"There would be {count:,} test questions; at most {MAX_QUESTIONS:,} are "
                    "kept. Remove some, or import fewer."
                )
        return added

    def questions(self) -> list[QualityQuestion]:
        """Return the questions, oldest first."""
        with self._database.read() as db:
            rows = db.execute("SELECT * FROM quality_questions ORDER BY id").fetchall()
        return [_question(row) for row in rows]

    def remove(self, question_id: int) -> None:
        """Ask a question no more. What earlier checks found stays."""
        with self._database.write() as db:
            db.execute("DELETE FROM quality_questions WHERE id = ?", (question_id,))

    def save(self, check: QualityCheck) -> QualityCheck:
        """Keep a check with all its results; return it with its id and time."""
        created = now()
        with self._database.write() as db:
            cursor = db.execute(
                "INSERT INTO quality_checks (index_id, model_id, settings, seconds, created) "
                "VALUES (?, ?, ?, ?, ?)",
                (
                    check.index_id,
                    check.model_id,
                    json.dumps(dict(check.settings), ensure_ascii=False),
                    check.seconds,
                    created,
                ),
            )
            check_id = int(cursor.lastrowid or 0)
            db.executemany(
                "INSERT INTO quality_results VALUES (?, ?, ?)",
                [(check_id, one.question_id, _result_json(one)) for one in check.results],
            )
        return QualityCheck(
            check.index_id, check.model_id, check.settings, check.seconds, check.results,
            created, check_id,
        )  # fmt: skip

    def checks(self, limit: int) -> list[QualityCheck]:
        """Return the newest checks, oldest of them first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM (SELECT * FROM quality_checks ORDER BY id DESC LIMIT ?) ORDER BY id",
                (limit,),
            ).fetchall()
            return [_check(db, row) for row in rows]

    def daily_answers(self) -> list[DailyAnswer]:
        """Return the finished answers of all conversations, oldest first, with their thumbs."""
        with self._database.read() as db:
            rows = db.execute(_DAILY).fetchall()
        return [DailyAnswer(row["created"], row["verdict"]) for row in rows]


_INSERT = """
INSERT OR IGNORE INTO quality_questions
    (question, answers, source, quote, origin, feedback_id, created)
VALUES (:question, :answers, :source, :quote, :origin, :feedback_id, :created)
"""
# Several people may have judged one answer; the newest word counts.
_DAILY = """
SELECT a.created, (
    SELECT f.verdict FROM feedback f WHERE f.answer_id = a.id ORDER BY f.updated DESC LIMIT 1
) AS verdict
FROM answers a WHERE a.state = 'done' ORDER BY a.id
"""


def _question_values(one: QualityQuestion) -> dict[str, str | int | None]:
    return {
        "question": " ".join(one.question.split()),
        "answers": json.dumps(list(one.answers), ensure_ascii=False),
        "source": one.source,
        "quote": one.quote,
        "origin": one.origin,
        "feedback_id": one.feedback_id,
        "created": now(),
    }


def _question(row: sqlite3.Row) -> QualityQuestion:
    return QualityQuestion(
        question=row["question"],
        answers=tuple(json.loads(row["answers"])),
        source=row["source"],
        quote=row["quote"],
        origin=row["origin"],
        feedback_id=row["feedback_id"],
        id=row["id"],
    )


def _result_json(result: QualityResult) -> str:
    return json.dumps(asdict(result), ensure_ascii=False)


def _check(db: sqlite3.Connection, row: sqlite3.Row) -> QualityCheck:
    results = db.execute(
        "SELECT result FROM quality_results WHERE check_id = ? ORDER BY question_id", (row["id"],)
    ).fetchall()
    return QualityCheck(
        index_id=row["index_id"],
        model_id=row["model_id"],
        settings=json.loads(row["settings"]),
        seconds=row["seconds"],
        results=tuple(_result(one["result"]) for one in results),
        created=row["created"],
        id=row["id"],
    )


def _result(text: str) -> QualityResult:
    fields = json.loads(text)
    lists = {name: tuple(fields[name]) for name in ("answers", "cited")}
    return QualityResult(**{**fields, **lists})
