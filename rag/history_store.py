"""How earlier conversations are found again: their list, their names, their words, in SQLite.

A search looks for its words anywhere in the folded text of titles, questions and answers. An
index of words finds no word inside a Japanese sentence, and the trigrams of FTS5 find none of two
characters, such as 有給. The folded text of ten thousand answers is read through in some
hundredths of a second (`python -m benchmarks.history`), so no index is kept that could differ.
"""

import sqlite3
from dataclasses import dataclass

from rag.database import Database
from rag.language import phrase_text

MAX_TITLE_CHARS = 200
_MAX_WORDS = 8  # of a search; each reads all texts once

_HOLDS_WORD = (
    "(instr(c.words, ?) OR c.id IN "
    "(SELECT conversation_id FROM answer_words WHERE instr(words, ?)))"
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A series of questions; ``title`` is the first one, or what a person called it."""

    id: str
    title: str
    updated: str  # when the last question was asked; ISO 8601, UTC
    is_pinned: bool = False


class HistoryStore:
    """The conversations of one person; others are not found. Every method is one transaction."""

    def __init__(self, database: Database, owner: str = "") -> None:
        """Look after the conversations of ``owner``; "" is the person at this machine."""
        self._database = database
        self._owner = owner

    def conversations(self, limit: int, search: str = "") -> list[Conversation]:
        """Return conversations: the pinned ones, then the others, each used last first.

        Args:
            limit: how many at most.
            search: words that must all stand in the title, the questions or the answers, each
                anywhere, also inside another word; "" finds all.
        """
        words = phrase_text(search).split()[:_MAX_WORDS]
        condition = " AND ".join(["c.owner = ?", *[_HOLDS_WORD] * len(words)])
        with self._database.read() as db:
            rows = db.execute(
                f"SELECT c.id, c.title, c.updated, c.pinned FROM conversations c WHERE {condition} "
                "ORDER BY c.pinned DESC, c.updated DESC, c.rowid DESC LIMIT ?",
                (self._owner, *(word for word in words for _ in range(2)), limit),
            ).fetchall()
        return [_conversation(row) for row in rows]

    def conversation(self, conversation_id: str) -> Conversation | None:
        """Return one conversation, or None when it does not exist."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT id, title, updated, pinned FROM conversations WHERE id = ? AND owner = ?",
                (conversation_id, self._owner),
            ).fetchone()
        return None if row is None else _conversation(row)

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title; one without a word changes nothing."""
        title = shortened_title(title)
        if title:
            with self._database.write() as db:
                db.execute(
                    "UPDATE conversations SET title = ?1, words = folded(?1) "
                    "WHERE id = ?2 AND owner = ?3",
                    (title, conversation_id, self._owner),
                )

    def pin(self, conversation_id: str, *, is_pinned: bool) -> None:
        """Keep a conversation at the head of the list, or no longer."""
        with self._database.write() as db:
            db.execute(
                "UPDATE conversations SET pinned = ? WHERE id = ? AND owner = ?",
                (is_pinned, conversation_id, self._owner),
            )


def shortened_title(text: str) -> str:
    """Return ``text`` in one line, as a title is kept."""
    return " ".join(text.split())[:MAX_TITLE_CHARS]


def note_words(db: sqlite3.Connection, answer_id: int) -> None:
    """Let searches find a question and the text that its answer has by now."""
    db.execute(
        "INSERT OR REPLACE INTO answer_words "
        "SELECT id, conversation_id, folded(question || ' ' || text) FROM answers WHERE id = ?",
        (answer_id,),
    )


def _conversation(row: sqlite3.Row) -> Conversation:
    return Conversation(row["id"], row["title"], row["updated"], bool(row["pinned"]))
