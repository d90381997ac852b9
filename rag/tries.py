"""How often a sign-in may fail, for a person and for an address, before it has to wait."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable

WINDOW_SECONDS = 15 * 60
_MAX_KEYS = 10_000  # names and addresses that are remembered; the oldest go first
# A person from one address; an address; a person from anywhere. The last bound is wide, as
# anybody could lock a person out with it.
PERSON_AND_ADDRESS, ADDRESS, PERSON = 5, 30, 100


class Tries:
    """Failed sign-ins of the last `WINDOW_SECONDS`, in memory: a restart forgets them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[Hashable, deque[float]] = {}
        self._lock = threading.Lock()

    def begin(self, name: str, address: str) -> float:
        """Count a try as failed, and return 0; or the seconds to wait before there may be one.

        Counted at its beginning, so that many at once are no way around the bound.
        """
        now = self._clock()
        with self._lock:
            wait = max(self._seconds(key, bound, now) for key, bound in _bounds(name, address))
            if wait > 0:
                return wait
            for key, _ in _bounds(name, address):
                self._failed.setdefault(key, deque()).append(now)
            while len(self._failed) > _MAX_KEYS:
                del self._failed[next(iter(self._failed))]
        return 0.0

    def succeed(self, name: str, address: str) -> None:
        """Forget the failures of a person at this address: it was that person."""
        with self._lock:
            (first, _), *others = _bounds(name, address)
            self._failed.pop(first, None)
            for key, _ in others:
                if self._failed.get(key):
                    self._failed[key].pop()

    def _seconds(self, key: Hashable, bound: int, now: float) -> float:
        times = self._failed.get(key)
        if times is None:
            return 0.0
        while times and now - times[0] >= WINDOW_SECONDS:
            times.popleft()
        if not times:
            del self._failed[key]
            return 0.0
        return times[-bound] + WINDOW_SECONDS - now if len(times) >= bound else 0.0


def _bounds(name: str, address: str) -> tuple[tuple[Hashable, int], ...]:
    return (
        (("both", name, address), PERSON_AND_ADDRESS),
        (("address", address), ADDRESS),
        (("person", name), PERSON),
    )
