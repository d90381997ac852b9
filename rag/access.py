"""Who may open the pages, and as whom: sign-in, sessions and roles, each step in the audit log.

A role is looked up anew at every question, so that a person who was removed, or is no longer an
administrator, is so at once and not at the next sign-in.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.audit import AuditLog
from rag.config import AUTH_OIDC, AUTH_PASSWORD, Config
from rag.errors import AccessError
from rag.session_store import Session, SessionStore
from rag.tries import Tries
from rag.users import Role, UsersFile, clean_name


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in."""

    id: str  # owns the conversations
    name: str  # as shown, and beside feedback
    role: Role

    @property
    def is_admin(self) -> bool:
        """May change what all rely on: documents, models, examples."""
        return self.role == "admin"


class WaitError(AccessError):
    """A sign-in failed too often. ``minutes`` is how long to wait, rounded up."""

    def __init__(self, seconds: float) -> None:
        self.minutes = max(1, math.ceil(seconds / 60))
        super().__init__(f"Too many sign-ins failed. Try again in {self.minutes} minutes.")


class Access:
    """The sign-in of a server whose setting ``auth`` is "password" or "oidc"."""

    def __init__(self, config: Config, sessions: SessionStore, audit: AuditLog) -> None:
        self.kind = config.auth
        self.audit = audit
        self._config = config
        self._sessions = sessions
        self._users = UsersFile(config.state_dir)
        self._tries = Tries()

    def sign_in(self, name: str, password: str, address: str) -> str | None:
        """Return the secret of a new session, None when name and password do not match.

        Args:
            name: as typed.
            password: as typed.
            address: of the browser.

        Raises:
            WaitError: too many tries failed.
            AccessError: the users cannot be read, or people sign in elsewhere.
        """
        if self.kind != AUTH_PASSWORD:
            raise AccessError("There are no passwords here: auth is not set to password.")
        name = clean_name(name)
        wait = self._tries.begin(name, address)
        # Some type their password in the place of their name: only known names are written down.
        known = name if name in self._users.read() else ""
        if wait:
            self.audit.note(known, "sign-in-refused", address=address)
            raise WaitError(wait)
        user = self._users.user(name, password)
        if user is None:
            self.audit.note(known, "sign-in-failed", address=address)
            return None
        self._tries.succeed(name, address)
        self.audit.note(user.name, "sign-in", address=address)
        return self._sessions.begin(Session(AUTH_PASSWORD, user.id, user.name))

    def sign_in_with_claims(self, claims: Mapping[str, Any], address: str) -> str | None:
        """Return the secret of a new session, None for somebody whom the settings do not name.

        Args:
            claims: of an ID token that was checked, of the provider in the settings.
            address: of the browser.

        Raises:
            AccessError: people sign in with passwords here.
        """
        if self.kind != AUTH_OIDC:
            raise AccessError("There is no provider here: auth is not set to oidc.")
        email = str(claims.get("email", "")).strip().lower()
        subject = str(claims.get("sub", ""))
        # Only what the provider denies to have checked: some leave the claim out.
        is_denied = claims.get("email_verified", True) is not True
        if is_denied or not subject or self._oidc_role(email) is None:
            self.audit.note(email, "sign-in-failed", address=address)
            return None
        self.audit.note(email, "sign-in", address=address)
        user_id = f"{claims.get('iss', '')}|{subject}"  # an address may get another owner
        return self._sessions.begin(Session(AUTH_OIDC, user_id, email))

    def sign_out(self, token: str) -> None:
        """End a session; its cookie opens nothing any more, in no window."""
        session = self._sessions.find(token)
        if session is not None:
            self._sessions.end(token)
            self.audit.note(session.name, "sign-out")

    def person(self, token: str) -> Person | None:
        """Return who has this session, as of now; None when nobody has.

        Raises:
            AccessError: the users cannot be read.
        """
        session = self._sessions.find(token) if token else None
        if session is None or session.kind != self.kind:
            return None
        role = self._role(session)
        return None if role is None else Person(session.user_id, session.name, role)

    def _role(self, session: Session) -> Role | None:
        if session.kind == AUTH_OIDC:
            return self._oidc_role(session.name)
        user = self._users.read().get(session.name)
        return user.role if user is not None and user.id == session.user_id else None

    def _oidc_role(self, email: str) -> Role | None:
        name, _, domain = email.rpartition("@")
        if not name:
            return None
        if {email, f"@{domain}"} & set(self._config.oidc_admins):
            return "admin"
        return "reader" if {email, f"@{domain}"} & set(self._config.oidc_readers) else None
