"""Who did what, as JSON lines that are only appended to: never a text of a document or question.

    {"time": "…", "user": "mika", "action": "sync", "object": "12"}

The file is for its owner alone. At `MAX_BYTES` it is set aside, and the oldest one goes.
"""

import json
import logging
import os
import threading
from pathlib import Path

from rag.database import now

logger = logging.getLogger(__name__)

MAX_BYTES = 5_000_000
KEPT = 9  # files set aside, audit.1.jsonl being the newest
_MAX_CHARACTERS = 200  # of a name that somebody typed


class AuditLog:
    """The log of one server. A log that cannot be written stops nobody, but is told."""

    def __init__(self, state_dir: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = state_dir / "audit.jsonl"
        self.problem = ""  # why the last line could not be written; "" when it was
        self._max_bytes = max_bytes
        self._lock = threading.Lock()

    def note(self, user: str, action: str, subject: str = "", address: str = "") -> None:
        """Append a line.

        Args:
            user: the name; "" of somebody unknown, who may have typed a password there.
            action: such as "sign-in" or "sync".
            subject: the id of what was acted upon; never a text.
            address: of the browser, where it is known.
        """
        entry = {"time": now(), "user": user[:_MAX_CHARACTERS], "action": action}
        entry |= {"object": subject} if subject else {}
        entry |= {"address": address} if address else {}
        line = json.dumps(entry, ensure_ascii=True) + "\n"
        try:
            with self._lock:
                self._append(line.encode("ascii"))
            self.problem = ""
        except OSError as error:
            self.problem = error.strerror or str(error)
            logger.error("The audit log %s cannot be written: %s", self.path, self.problem)

    def _append(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.exists() and self.path.stat().st_size + len(line) > self._max_bytes:
            self._rotate()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.path, flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = self._aside(number)
            newer = self._aside(number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(older)

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"audit.{number}.jsonl")
