"""Two lines that are served in turn, so that neither can keep the other waiting for long.

A program can ask a hundred questions at once. A person who asks one meanwhile waits for the one
that is being answered and for one more.
"""

from collections import deque
from typing import Generic, Literal, TypeVar

Item = TypeVar("Item")
Line = Literal["people", "programs"]
_OTHER: dict[Line, Line] = {"people": "programs", "programs": "people"}


class FairQueue(Generic[Item]):
    """Each line is served in the order of arrival. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self.current: Item | None = None  # who is being served, also before anyone has begun
        self._served: Line = "programs"  # the line of whoever is or was served last
        self._lines: dict[Line, deque[Item]] = {"people": deque(), "programs": deque()}

    def put(self, line: Line, item: Item) -> None:
        """Add an item at the end of a line; it is served at once when nobody else is there."""
        if self.current is None:
            self.current, self._served = item, line
        else:
            self._lines[line].append(item)

    def waiting(self, line: Line) -> int:
        """Return how many wait in a line."""
        return len(self._lines[line])

    def finish(self) -> None:
        """Go on to the next item: of the other line where somebody waits there."""
        self.current = None
        for line in (_OTHER[self._served], self._served):
            if self._lines[line]:
                self.current, self._served = self._lines[line].popleft(), line
                return

    def remove(self, item: Item) -> None:
        """Take an item out that waits; nothing happens to one that does not."""
        for waiting in self._lines.values():
            if item in waiting:
                waiting.remove(item)

    def ahead(self, item: Item) -> int:
        """Return how many are served before ``item`` if nobody else comes; 0 when it is served."""
        for line, other in _OTHER.items():
            if item in self._lines[line]:
                place = self._lines[line].index(item)
                others_first = place + (self._served == line)
                return 1 + place + min(others_first, self.waiting(other))
        return 0
