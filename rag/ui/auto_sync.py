"""Keeps the index up to date while a person wants that: a file changes, a sync starts.

A thread of the server instead of a process of its own: it can never be left behind, and what it
starts are ordinary syncs, which the page shows and cancels like any other.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from rag.datatypes import Source
from rag.errors import RagError
from rag.job_store import Job
from rag.scan import signature
from rag.sources import SyncRequest
from rag.store import Store

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
_SETTING = "auto_sync"


class Syncing(Protocol):
    """What this needs of `rag.jobs.Jobs`."""

    def start_sync(self, request: SyncRequest) -> Job:
        """Start a sync and return at once."""
        ...

    def latest_sync(self) -> Job | None:
        """Return the sync that was started last."""
        ...


class AutoSync:
    """Looks at the followed folders every `LOOK_SECONDS` while it is switched on.

    A sync that fails is not repeated before something changes again: it would fail likewise.
    """

    def __init__(
        self, store: Store, jobs: Syncing, read_sources: Callable[[], tuple[Source, ...]]
    ) -> None:
        """Take note of what to watch; `start` begins."""
        self._store = store
        self._jobs = jobs
        self._read_sources = read_sources
        self._synced: int | None = None  # signature of the folders when a sync last began
        self._seen: int | None = None  # signature at the last look
        self._complaint = ""

    @property
    def is_on(self) -> bool:
        """Tell whether a person has switched this on, now or before a restart."""
        return self._store.setting(_SETTING) == "on"

    def switch(self, *, on: bool) -> None:
        """Switch this on or off, for later servers too."""
        self._store.save_setting(_SETTING, "on" if on else "off")

    def start(self) -> None:
        """Begin to look, in a thread that ends with the process."""
        threading.Thread(target=self._run, name="auto-sync", daemon=True).start()

    def _run(self) -> None:
        pause = threading.Event()
        while not pause.wait(LOOK_SECONDS):
            try:
                self.look()
            except RagError as error:  # such as a disk that was taken off: it may come back
                if str(error) != self._complaint:
                    logger.warning("Keeping the index up to date: %s", error)
                self._complaint = str(error)
            except Exception:  # the last resort of a thread without a caller
                logger.exception("Keeping the index up to date failed")

    def look(self) -> None:
        """Start a sync if the folders have changed and then stood still for one look.

        Raises:
            RagError: a folder cannot be listed, or the sync cannot start.
        """
        sources = self._read_sources() if self.is_on else ()
        if not sources:
            self._synced = self._seen = None
            return
        now = signature(sources)
        was_seen, self._seen = self._seen == now, now
        if not was_seen or now == self._synced:  # a copy under way is not read half
            return
        latest = self._jobs.latest_sync()
        if latest is None or not latest.is_live:
            self._jobs.start_sync(SyncRequest())
            self._synced = now
