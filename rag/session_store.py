"""Who is signed in, in SQLite: a restart of the server signs nobody out.

Only a hash of what the browser keeps is stored: who reads the database cannot sign in with it.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from rag.database import Database, now

SESSION_SECONDS = 12 * 3600  # a working day; then a person signs in again


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in."""

    kind: str  # how: "password" or "oidc"
    user_id: str
    name: str


class SessionStore:
    """The sessions of one server. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, session: Session) -> str:
        """Return the secret of a new session, for a cookie; what has expired is removed."""
        token = secrets.token_urlsafe(32)
        with self._database.write() as db:
            db.execute("DELETE FROM sessions WHERE expires <= ?", (time.time(),))
            db.execute(
                "INSERT INTO sessions (token_hash, kind, user_id, name, created, expires) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(_hash(token), session.kind, session.user_id, session.name, now()),
                    time.time() + SESSION_SECONDS,
                ),
            )
        return token

    def find(self, token: str) -> Session | None:
        """Return the session of that secret, None when it has ended or never was."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT kind, user_id, name FROM sessions WHERE token_hash = ? AND expires > ?",
                (_hash(token), time.time()),
            ).fetchone()
        return None if row is None else Session(row["kind"], row["user_id"], row["name"])

    def end(self, token: str) -> None:
        """End a session; nothing happens when there is none."""
        with self._database.write() as db:
            db.execute("DELETE FROM sessions WHERE token_hash = ?", (_hash(token),))

    def end_all(self, user_id: str) -> None:
        """End the sessions of a person, in all browsers."""
        with self._database.write() as db:
            db.execute("DELETE FROM sessions WHERE user_id = ?", (user_id,))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
