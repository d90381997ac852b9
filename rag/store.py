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
from rag.history_store import HistoryStore, note_words, shortened_title
from rag.job_store import JobStore
from rag.process_identity import is_process_alive, own_identity
from rag.quality_store import QualityStore
from rag.session_store import SessionStore

AnswerState = Literal["queued", "running", "done", "stopped", "failed"]

INTERRUPTED = "interrupted"  # error of an answer whose server ended; the UI words it


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
    version_of: int | None = None  # the first answer in whose place this one stands

    @property
    def turn(self) -> int:
        """Tell which answers are versions of each other: the id of the first of them."""
        return self.id if self.version_of is None else self.version_of

    @property
    def is_live(self) -> bool:
        """The answer is still to come, or coming."""
        return self.state in ("queued", "running")


class Store:
    """The state of one machine, and of the conversations there those of one person.

    The conversations and answers of others do not exist for it, but for what the worker of a
    server calls (`questions_before`, `save_draft`, `finish_answer`, `fail_interrupted_answers`).
    """

    def __init__(self, state_dir: Path) -> None:
        """Open or create ``state_dir / "fumikura.sqlite"`` for the person at this machine.

        Raises:
            RagError: the file is damaged, newer than this program, or not writable.
        """
        self._bind(Database(state_dir / "fumikura.sqlite"), owner="", author="")
        self.fail_interrupted_answers()

    def of(self, owner: str, author: str) -> "Store":
        """Return the same state as seen by another person.

        Args:
            owner: the id of the person, who alone sees the conversations made with it.
            author: the name that stands beside feedback.
        """
        other = Store.__new__(Store)
        other._bind(self._database, owner, author)
        return other

    def _bind(self, database: Database, owner: str, author: str) -> None:
        self._database = database
        self._owner = owner
        self.jobs = JobStore(database)
        self.sessions = SessionStore(database)
        self.feedback = FeedbackStore(database, author)
        self.history = HistoryStore(database, owner)
        self.comparisons = ComparisonStore(database, author)
        self.quality = QualityStore(database)

    # Conversations

    def create_conversation(self, title: str) -> str:
        """Return the id of a new conversation."""
        conversation_id = uuid.uuid4().hex[:12]
        with self._database.write() as db:
            db.execute(
                "INSERT INTO conversations (id, title, updated, words, owner) "
                "VALUES (?1, ?2, ?3, folded(?2), ?4)",
                (conversation_id, shortened_title(title), now(), self._owner),
            )
        return conversation_id

    def conversation_exists(self, conversation_id: str) -> bool:
        """Tell whether the id is known; ids also come from the address bar."""
        with self._database.read() as db:
            found = db.execute(
                "SELECT 1 FROM conversations WHERE id = ? AND owner = ?",
                (conversation_id, self._owner),
            )
            return found.fetchone() is not None

    def delete_conversation(self, conversation_id: str) -> None:
        """Remove a conversation and its answers for good."""
        with self._database.write() as db:
            db.execute(
                "DELETE FROM conversations WHERE id = ? AND owner = ?",
                (conversation_id, self._owner),
            )

    def delete_all_conversations(self) -> int:
        """Remove all conversations of this person for good, and return how many there were."""
        with self._database.write() as db:
            deleted = db.execute("DELETE FROM conversations WHERE owner = ?", (self._owner,))
        return deleted.rowcount

    # Answers

    def add_answer(
        self,
        conversation_id: str,
        question: str,
        search_filter: SearchFilter = EVERYWHERE,
        *,
        version_of: int | None = None,
    ) -> int:
        """Return the id of a new answer, queued and owned by this process.

        Args:
            conversation_id: where it is asked.
            question: as it was typed.
            search_filter: where it is looked for.
            version_of: the `StoredAnswer.turn` of the last question, to take its place.

        Raises:
            RagError: the conversation was deleted meanwhile; or the turn is not its last one any
                more, or still being answered.
        """
        pid, started = own_identity()
        created = now()
        limits = filter_to_json(search_filter)
        with self._database.write() as db:
            if not _is_owned(db, conversation_id, self._owner):
                raise RagError("This conversation was deleted. Start a new one.")
            if version_of is not None:
                _refuse_version(db, conversation_id, version_of)
            cursor = db.execute(
                "INSERT INTO answers (conversation_id, question, limits, state, owner_pid, "
                "owner_started, created, version_of) VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)",
                (conversation_id, question, limits, pid, started, created, version_of),
            )
            note_words(db, int(cursor.lastrowid or 0))
            db.execute(
                "UPDATE conversations SET updated = ? WHERE id = ?", (created, conversation_id)
            )
        return int(cursor.lastrowid or 0)

    def answers(self, conversation_id: str) -> list[StoredAnswer]:
        """Return the answers of a conversation, oldest first; versions of a turn in a row."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT_OWN} AND conversation_id = ? ORDER BY answers.id",
                (self._owner, conversation_id),
            ).fetchall()
        return [_stored_answer(row) for row in rows]

    def answer(self, answer_id: int) -> StoredAnswer | None:
        """Return one answer, or None when it does not exist."""
        with self._database.read() as db:
            row = db.execute(
                f"{_SELECT_OWN} AND answers.id = ?", (self._owner, answer_id)
            ).fetchone()
        return None if row is None else _stored_answer(row)

    def latest_answers(self, limit: int) -> list[StoredAnswer]:
        """Return the answers of all own conversations that were finished last, newest first."""
        with self._database.read() as db:
            rows = db.execute(
                f"{_SELECT_OWN} AND state = 'done' ORDER BY answers.id DESC LIMIT ?",
                (self._owner, limit),
            ).fetchall()
        return [_stored_answer(row) for row in rows]

    def questions_before(self, answer_id: int) -> list[str]:
        """Return the earlier questions of the same conversation, oldest first.

        Of each turn the newest version, and none of the turn itself: what was asked anew does
        not count any more.
        """
        with self._database.read() as db:
            rows = db.execute(_QUESTIONS_BEFORE, (answer_id,)).fetchall()
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
        answer_json = None if answer is None else answer_to_json(answer)
        with self._database.write() as db:
            db.execute(
                "UPDATE answers SET state = ?, text = ?, answer_json = ?, error = ?, finished = ? "
                "WHERE id = ?",
                (state, text, answer_json, error, now(), answer_id),
            )
            note_words(db, answer_id)

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
            for _, _, answer_id in gone:
                note_words(db, answer_id)

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
        version_of=row["version_of"],
    )


_QUESTIONS_BEFORE = """
SELECT question FROM answers WHERE id IN (
    SELECT max(earlier.id) FROM answers earlier, answers own
    WHERE own.id = ? AND earlier.conversation_id = own.conversation_id
        AND coalesce(earlier.version_of, earlier.id) < coalesce(own.version_of, own.id)
    GROUP BY coalesce(earlier.version_of, earlier.id)
) ORDER BY id
"""


_SELECT_OWN = """
SELECT answers.* FROM answers JOIN conversations ON conversations.id = conversation_id
WHERE owner = ?
"""


def _is_owned(db: sqlite3.Connection, conversation_id: str, owner: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM conversations WHERE id = ? AND owner = ?", (conversation_id, owner)
    )
    return found.fetchone() is not None


def _refuse_version(db: sqlite3.Connection, conversation_id: str, turn: int) -> None:
    """Raise when the last question may not be asked anew: another tab may have gone on."""
    last = db.execute(
        "SELECT coalesce(version_of, id) AS turn, state FROM answers WHERE conversation_id = ? "
        "ORDER BY id DESC LIMIT 1",
        (conversation_id,),
    ).fetchone()
    if last is not None and last["turn"] != turn:
        raise RagError(
            "This conversation has gone on in another window. Only its last question can be asked "
            "again."
        )
    if last is not None and last["state"] in ("queued", "running"):
        raise RagError(
            "This question is being answered already. Wait for the answer, or stop it first."
        )
