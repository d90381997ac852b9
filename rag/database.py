"""The SQLite file of the state folder: its tables, their versions, its connections.

Every call opens its own short connection, so any thread and any process may use it;
WAL lets readers go on while one writes.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import RagError
from rag.language import phrase_text

_MIGRATIONS = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        updated TEXT NOT NULL
    );
    CREATE TABLE answers (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
        question TEXT NOT NULL,
        state TEXT NOT NULL,
        text TEXT NOT NULL DEFAULT '',
        answer_json TEXT,
        error TEXT NOT NULL DEFAULT '',
        owner_pid INTEGER NOT NULL,
        owner_started REAL NOT NULL,
        created TEXT NOT NULL,
        finished TEXT
    );
    CREATE INDEX answers_by_conversation ON answers(conversation_id, id);
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        stage TEXT NOT NULL DEFAULT '',
        done INTEGER NOT NULL DEFAULT 0,
        total INTEGER NOT NULL DEFAULT 0,
        item TEXT NOT NULL DEFAULT '',
        message TEXT NOT NULL DEFAULT '',
        pid INTEGER,
        pid_started REAL,
        cancel_requested INTEGER NOT NULL DEFAULT 0,
        return_code INTEGER,
        report_json TEXT,
        created TEXT NOT NULL,
        finished TEXT
    );
    CREATE UNIQUE INDEX one_live_job_of_a_kind ON jobs(kind) WHERE state = 'running';
    """,
    """
    ALTER TABLE answers ADD COLUMN collection TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN arguments TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE jobs ADD COLUMN stage_started TEXT;
    ALTER TABLE jobs ADD COLUMN stage_first INTEGER NOT NULL DEFAULT 0;
    UPDATE jobs SET kind = 'sync' WHERE kind = 'build';
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    ALTER TABLE answers ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
    UPDATE answers SET limits = json_object('collection', collection) WHERE collection != '';
    ALTER TABLE answers DROP COLUMN collection;
    """,
    # No reference to answers: feedback outlives its conversation.
    """
    CREATE TABLE feedback (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        answer_id INTEGER NOT NULL,
        author TEXT NOT NULL,
        verdict TEXT NOT NULL,
        fault TEXT NOT NULL,
        note TEXT NOT NULL,
        correction TEXT,
        passage_json TEXT,
        answer_json TEXT NOT NULL,
        limits TEXT NOT NULL,
        outcome TEXT NOT NULL,
        triage_json TEXT,
        created TEXT NOT NULL,
        updated TEXT NOT NULL,
        UNIQUE (answer_id, author)
    );
    CREATE TABLE pairs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        feedback_id INTEGER NOT NULL UNIQUE REFERENCES feedback(id) ON DELETE CASCADE,
        state TEXT NOT NULL,
        question TEXT NOT NULL,
        answer TEXT NOT NULL,
        language TEXT NOT NULL,
        source TEXT NOT NULL,
        quote TEXT NOT NULL,
        passage TEXT NOT NULL,
        author TEXT NOT NULL,
        outcome TEXT NOT NULL,
        missing TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL
    );
    CREATE TABLE comparisons (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        question TEXT NOT NULL,
        language TEXT NOT NULL,
        messages TEXT NOT NULL,
        documents TEXT NOT NULL,
        left_model TEXT NOT NULL,
        right_model TEXT NOT NULL,
        left_text TEXT NOT NULL,
        right_text TEXT NOT NULL,
        vote TEXT NOT NULL DEFAULT '',
        author TEXT NOT NULL DEFAULT '',
        created TEXT NOT NULL
    );
    """,
    # What conversations are searched by stands in narrow rows of its own: beside the passages of
    # `answer_json`, a search would read a hundred times as much. `version_of` has no reference,
    # for which SQLite would look through all answers at every deletion.
    """
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN words TEXT NOT NULL DEFAULT '';
    UPDATE conversations SET words = folded(title);
    ALTER TABLE answers ADD COLUMN version_of INTEGER;
    CREATE TABLE answer_words (
        answer_id INTEGER PRIMARY KEY REFERENCES answers(id) ON DELETE CASCADE,
        conversation_id TEXT NOT NULL,
        words TEXT NOT NULL
    );
    INSERT INTO answer_words
        SELECT id, conversation_id, folded(question || ' ' || text) FROM answers;
    """,
    # "" owns what the person at this machine asks, without a sign-in, and all there was before.
    """
    ALTER TABLE conversations ADD COLUMN owner TEXT NOT NULL DEFAULT '';
    CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        user_id TEXT NOT NULL,
        name TEXT NOT NULL,
        created TEXT NOT NULL,
        expires REAL NOT NULL
    );
    """,
    # A result has no reference to its question: it outlives it.
    """
    CREATE TABLE quality_questions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        question TEXT NOT NULL UNIQUE,
        answers TEXT NOT NULL,
        source TEXT NOT NULL,
        quote TEXT NOT NULL,
        origin TEXT NOT NULL,
        feedback_id INTEGER,
        created TEXT NOT NULL
    );
    CREATE TABLE quality_checks (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        index_id TEXT NOT NULL,
        model_id TEXT NOT NULL,
        settings TEXT NOT NULL,
        seconds REAL NOT NULL,
        created TEXT NOT NULL
    );
    CREATE TABLE quality_results (
        check_id INTEGER NOT NULL REFERENCES quality_checks(id) ON DELETE CASCADE,
        question_id INTEGER NOT NULL,
        result TEXT NOT NULL,
        PRIMARY KEY (check_id, question_id)
    );
    """,
)


class Database:
    """One file, readable by its owner alone: it holds questions and passages."""

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its tables to this version.

        Raises:
            RagError: the file is damaged, newer than this program, or not writable.
        """
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # SQLite gives its -wal and -shm files the mode of the database.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise RagError(
                f"The history in {path} cannot be opened ({error}). Move that file "
                "aside, or set RAG_STATE_DIR to a writable folder, and start again."
            ) from error

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection for queries."""
        with closing(self._connect()) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection in a transaction: all of the block happens, or none of it."""
        with closing(self._connect()) as connection, connection:
            # Taken at once: a read that turns into a write may fail with "locked".
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    def update(self, table: str, row_id: int, **values: str | float | None) -> None:
        """Set columns of one row. Table and column names are code, never input."""
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self.write() as connection:
            connection.execute(
                f"UPDATE {table} SET {assignments} WHERE id = ?", (*values.values(), row_id)
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        # Full-width, upper case and accents make no difference to a search, in any script.
        connection.create_function("folded", 1, phrase_text, deterministic=True)
        return connection

    def _migrate(self) -> None:
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(_MIGRATIONS):
                raise sqlite3.DatabaseError(
                    f"it has version {version}, this program knows {len(_MIGRATIONS)}"
                )
            for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
                # executescript commits on its own, so the transaction is part of the script.
                connection.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def now() -> str:
    """Return the time as it is stored: ISO 8601, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
