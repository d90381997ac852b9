"""The people who may sign in with a password: one line each in a file of its owner alone.

A line is ``name:role:id:hash``. The id is drawn for each person anew and owns the conversations,
so that somebody who gets the name of somebody removed does not get what that one asked.
"""

import os
import re
import secrets
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from rag.errors import AccessError
from rag.passwords import (
    MAX_CHARACTERS,
    MIN_CHARACTERS,
    hash_password,
    is_password,
    refuse_malformed,
    waste_time,
)
from rag.private_file import SharedFileError, read_private

Role = Literal["admin", "reader"]
ROLES: tuple[Role, ...] = get_args(Role)

_NAME = re.compile(r"[\w.@+-]{1,64}")  # also Japanese; no colon, no space
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class User:
    """One line of the file."""

    name: str
    role: Role
    id: str
    password_hash: str


class UsersFile:
    """The file of users; it is read anew at every call, so that a change holds at once."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "users"

    def read(self) -> dict[str, User]:
        """Return the users by name; none without a file.

        Raises:
            AccessError: the file cannot be read, others can read it, or a line is malformed.
        """
        try:
            content = read_private(self.path, _MOST_BYTES)
        except FileNotFoundError:
            return {}
        except SharedFileError as error:
            raise AccessError(
                f"The file of users {self.path} can be read by other accounts. Make it yours "
                f"alone: `chmod 600 {self.path}`."
            ) from error
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        if len(content) > _MOST_BYTES:
            raise self._unreadable("it is too large")
        return self._parse(content.decode("utf-8", errors="replace"))

    def user(self, name: str, password: str) -> User | None:
        """Return the user of that name and password; None takes as long.

        Raises:
            AccessError: see `read`.
        """
        user = self.read().get(clean_name(name))
        if user is None:
            waste_time(password)
            return None
        return user if is_password(password, user.password_hash) else None

    def put(self, name: str, role: Role, password: str) -> User:
        """Add a user, or give one another role and password; return the line.

        Raises:
            AccessError: the name or the password will not do, or the file cannot be written.
        """
        name = clean_name(name)
        if not _NAME.fullmatch(name):
            raise AccessError(
                f"{name!r} is no name of a user. Take up to 64 letters, digits and . @ + - _ "
                "without spaces."
            )
        refuse_password(password, name)
        users = self.read()
        known = users.get(name)
        user_id = known.id if known else secrets.token_hex(8)
        user = User(name, role, user_id, hash_password(password))
        self._write({**users, name: user})
        return user

    def remove(self, name: str) -> User:
        """Remove a user, and return the line.

        Raises:
            AccessError: there is none of that name, or the file cannot be written.
        """
        users = self.read()
        removed = users.pop(clean_name(name), None)
        if removed is None:
            raise AccessError(
                f"There is no user {name!r}. `python -m rag user list` names those there are."
            )
        self._write(users)
        return removed

    def _parse(self, text: str) -> dict[str, User]:
        users: dict[str, User] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            parts = line.strip().split(":")
            try:
                name, role, user_id, password_hash = parts
                refuse_malformed(password_hash)
            except ValueError as error:
                raise self._malformed(number) from error
            if role not in ROLES or not _NAME.fullmatch(name) or not user_id or name in users:
                raise self._malformed(number)
            users[name] = User(name, role, user_id, password_hash)
        return users

    def _write(self, users: dict[str, User]) -> None:
        lines = "".join(f"{u.name}:{u.role}:{u.id}:{u.password_hash}\n" for u in users.values())
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # mkstemp makes a file of mode 600.
            descriptor, aside = tempfile.mkstemp(dir=self.path.parent, prefix=".users-")
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(lines)
                stream.flush()
                os.fsync(stream.fileno())
            Path(aside).replace(self.path)
        except OSError as error:
            raise AccessError(
                f"The file of users {self.path} cannot be written ({error.strerror or error}). "
                "Set RAG_STATE_DIR to a folder that you may write to."
            ) from error

    def _malformed(self, number: int) -> AccessError:
        return AccessError(
            f"Line {number} of the file of users {self.path} is malformed. Remove that line, and "
            "add the person with `python -m rag user add NAME`."
        )

    def _unreadable(self, reason: str) -> AccessError:
        return AccessError(
            f"The file of users {self.path} cannot be read ({reason}). Make it readable for the "
            "account that runs Fumikura."
        )


def clean_name(name: str) -> str:
    """Return a name as it is stored: full-width letters and case make no other person."""
    return unicodedata.normalize("NFKC", name).strip().lower()


def refuse_password(password: str, name: str) -> None:
    """Raise AccessError when a password is too short, too long, or the name.

    Length is what counts against guessing (NIST SP 800-63B); no kinds of characters are asked.
    """
    if len(password) < MIN_CHARACTERS:
        raise AccessError(
            f"The password is too short. Take at least {MIN_CHARACTERS} characters, such as a few "
            "words that do not belong together."
        )
    if len(password) > MAX_CHARACTERS:
        raise AccessError(f"The password is longer than {MAX_CHARACTERS} characters.")
    if len(set(password)) < 4 or clean_name(password) == name:
        raise AccessError("The password is too easy to guess. Take a few words instead.")
