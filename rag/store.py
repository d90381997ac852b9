"""What must outlive a browser tab and a server: conversations, answers, jobs, feedback, in SQLite.

Safe from any thread and any process: every method is one transaction of `rag.database`.
"""

import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rag.answer_json import answer_from_json, answer_to_json, filter_from_json, filter_to_json
from rag.comparison_store import ComparisonStore
from rag.database import Database, now
from rag.datatypes import EVERYWHERE, Answer, SearchFilter
from rag.errors import RagError
from rag.feedback_store import FeedbackStore
from rag.job_store import JobStore
from rag.process_identity import is_process_alive, own_identity

AnswerState = Literal["queued", "running", "done", "stopped", "failed"]

INTERRUPTED = "interrupted"  # error of an answer whose server ended; the UI words it


@dataclass(frozen=True, slots=True)
class Conversation:
    """A series of questions; ``title`` is the first one."""

    id: str
    title: str
    updated: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """One question and what became of it."""

    id: int
    conversation_id: str
    question: str
    state: AnswerState
    text: str  # what is there so far; the final text once finished
    answer: Answer | None  # None until finished, and when it failed or never ran
    error: str  # a sentence, or `INTERRUPTED`; "" unless failed
    created: str  # ISO 8601, UTC
    finished: str | None
    search_filter: SearchFilter  # where it was looked for

    @property
    def is_live(self) -> bool:
        """The answer is still to come, or coming."""
        return self.state in ("queued", "running")


class Store:
    """The state of one user on one machine."""

    def __init__(self, state_dir: Path) -> None:
        """Open or create ``state_dir / "fumikura.sqlite"``.

        Raises:
            RagError: the file is damaged, newer than this program, or not writable.
        """
        self._database = Database(state_dir / "fumikura.sqlite")
        self.jobs = JobStore(self._database)
        self.feedback = FeedbackStore(self._database)
        self.comparisons = ComparisonStore(self._database)
        self.fail_interrupted_answers()

    # Conversations

    def create_conversation(self, title: str) -> str:
        """Return the id of a new conversation."""
        conversation_id = uuid.uuid4().hex[:12]
        with self._database.write() as db:
            db.execute(
                "INSERT INTO conversations VALUES (?, ?, ?)",
                (conversation_id, " ".join(title.split())[:200], now()),
            )
        return conversation_id

    def conversation_exists(self, conversation_id: str) -> bool:
        """Tell whether the id is known; ids also come from the address bar."""
        with self._database.read() as db:
            found = db.execute("SELECT 1 FROM conversations WHERE id = ?", (conversation_id,))
            return found.fetchone() is not None

    def conversations(self, limit: int) -> list[Conversation]:
        """Return the conversations used last, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT id, title, updated FROM conversations ORDER BY updated DESC, rowid DESC "
                "LIMIT ?",
                (limit,),
            ).fetchall()
        return [Conversation(row["id"], row["title"], row["updated"]) for row in rows]

    def delete_conversation(self, conversation_id: str) -> None:
        """Remove a conversation and its answers for good."""
        with self._database.write() as db:
            db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))

    # Answers

    def add_answer(
        self, conversation_id: str, question: str, search_filter: SearchFilter = EVERYWHERE
    ) -> int:
        """Return the id of a new answer, queued and owned by this process.

        Raises:
            RagError: the conversation was deleted meanwhile.
        """
        pid, started = own_identity()
        created = now()
        limits = filter_to_json(search_filter)
        try:
            with self._database.write() as db:
                cursor = db.execute(
                    "INSERT INTO answers (conversation_id, question, limits, state, "
                    "owner_pid, owner_started, created) VALUES (?, ?, ?, 'queued', ?, ?, ?)",
                    (conversation_id, question, limits, pid, started, created),
                )
                db.execute(
                    "UPDATE conversations SET updated = ? WHERE id = ?", (created, conversation_id)
                )
        except sqlite3.IntegrityError as error:
            raise RagError("This conversation was deleted. Start a new one.") from error
        return int(cursor.lastrowid or 0)

    def answers(self, conversation_id: str) -> list[StoredAnswer]:
        """Return the answers of a conversation, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM answers WHERE conversation_id = ? ORDER BY id", (conversation_id,)
            ).fetchall()
        return [_stored_answer(row) for row in rows]

    def answer(self, answer_id: int) -> StoredAnswer | None:
        """Return one answer, or None when it does not exist."""
        with self._database.read() as db:
            row = db.execute("SELECT * FROM answers WHERE id = ?", (answer_id,)).fetchone()
        return None if row is None else _stored_answer(row)

    def latest_answers(self, limit: int) -> list[StoredAnswer]:
        """Return the answers of all conversations that were finished last, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT * FROM answers WHERE state = 'done' ORDER BY id DESC LIMIT ?", (limit,)
            ).fetchall()
        return [_stored_answer(row) for row in rows]

    def questions_before(self, answer_id: int) -> list[str]:
        """Return the earlier questions of the same conversation, oldest first."""
        with self._database.read() as db:
            rows = db.execute(
                "SELECT question FROM answers WHERE id < ? AND conversation_id = "
                "(SELECT conversation_id FROM answers WHERE id = ?) ORDER BY id",
                (answer_id, answer_id),
            ).fetchall()
        return [row["question"] for row in rows]

    def save_draft(self, answer_id: int, text: str) -> None:
        """Mark an answer as running, with the text it has so far."""
        self._database.update("answers", answer_id, state="running", text=text)

    def finish_answer(
        self,
        answer_id: int,
        state: AnswerState,
        text: str,
        *,
        answer: Answer | None = None,
        error: str = "",
    ) -> None:
        """Store the outcome of a question."""
        self._database.update(
            "answers",
            answer_id,
            state=state,
            text=text,
            answer_json=None if answer is None else answer_to_json(answer),
            error=error,
            finished=now(),
        )

    def fail_interrupted_answers(self) -> None:
        """Mark the answers of servers that ended in the middle; their text is kept."""
        with self._database.write() as db:
            rows = db.execute(
                "SELECT id, owner_pid, owner_started FROM answers "
                "WHERE state IN ('queued', 'running')"
            ).fetchall()
            gone = [
                (INTERRUPTED, now(), row["id"])
                for row in rows
                if not is_process_alive(row["owner_pid"], row["owner_started"])
            ]
            db.executemany(
                "UPDATE answers SET state = 'failed', error = ?, finished = ? WHERE id = ?", gone
            )

    # Settings that are made on a page

    def setting(self, name: str) -> str:
        """Return a setting, "" when it was never made."""
        with self._database.read() as db:
            row = db.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return "" if row is None else str(row["value"])

    def save_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        with self._database.write() as db:
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def _stored_answer(row: sqlite3.Row) -> StoredAnswer:
    return StoredAnswer(
        id=row["id"],
        conversation_id=row["conversation_id"],
        question=row["question"],
        state=row["state"],
        text=row["text"],
        answer=None if row["answer_json"] is None else answer_from_json(row["answer_json"]),
        error=row["error"],
        created=row["created"],
        finished=row["finished"],
        search_filter=filter_from_json(row["limits"]),
    )
