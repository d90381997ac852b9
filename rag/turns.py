"""A lock that is given in the order in which it was asked for.

A plain lock goes to whoever is quickest, so that one of three readers may wait for ever.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Event

_LOOK_SECONDS = 0.05  # between two looks at a stop event


class Turns:
    """Gives turns, one at a time, first come, first served. Thread-safe, not reentrant."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._queue: deque[object] = deque()  # who has the turn first, then those who wait

    @property
    def ahead(self) -> int:
        """How many would be served before one who comes now."""
        return len(self._queue)

    @contextmanager
    def turn(self, stop: Event | None = None) -> Iterator[bool]:
        """Wait, and hold the turn for the body; false when ``stop`` was set before it came."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
        try:
            yield self._wait(ticket, stop)
        finally:
            with self._changed:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, stop: Event | None) -> bool:
        with self._changed:
            while self._queue[0] is not ticket:
                if stop is not None and stop.is_set():
                    return False
                self._changed.wait(_LOOK_SECONDS if stop is not None else None)
        return True
