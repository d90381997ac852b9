"""The long-lived objects behind the pages: one engine, store, worker and job list a server."""

import logging
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from rag.access import Access, Person
from rag.audit import AuditLog
from rag.comparison import Comparer
from rag.config import AUTH_OFF, Config, load_config
from rag.datatypes import Source
from rag.errors import RagError
from rag.generations import current_build_id
from rag.jobs import Jobs
from rag.permissions import Gate, PersonalStore, PersonalWorker, Visit
from rag.store import Store
from rag.ui.auto_sync import AutoSync
from rag.worker import AnswerWorker

if TYPE_CHECKING:
    from rag.engine import RagEngine

logger = logging.getLogger(__name__)

# Not RAG_CONFIG_FILE: every RAG_ variable is a setting, and this one names their file.
CONFIG_FILE_VARIABLE = "FUMIKURA_CONFIG"


@dataclass(frozen=True, slots=True)
class Services:
    """What a page may call. Shared by all tabs; where people sign in, each gets `services_of`."""

    config: Config
    engine: "RagEngine"
    store: Store
    worker: AnswerWorker
    jobs: Jobs
    auto_sync: AutoSync
    comparer: Comparer
    access: Access | None = None  # None: nobody signs in, and whoever is here may do everything
    person: Person | None = None  # for whom these are; None for those of the server

    @property
    def is_admin(self) -> bool:
        """Whether who uses them may change what all rely on."""
        return self.person is None or self.person.is_admin


@st.cache_resource(show_spinner=False)
def load_services() -> Services:
    """Return the services of this server, made at the first call.

    Raises:
        RagError: a setting, the history or a model folder needs mending. Not cached, so a
            reload tries again.
    """
    config_file = named_config_file()
    config = load_config(config_file)
    engine = create_engine(config)
    store = Store(config.state_dir)
    # Models take seconds to load; the page must not wait for them.
    threading.Thread(target=_warm_up, args=(engine,), name="warm-up", daemon=True).start()
    jobs = Jobs(config, store, config_file)
    auto_sync = AutoSync(store, jobs, _SourcesOfIndex(engine))
    auto_sync.start()
    comparer = Comparer(config, store.comparisons)
    worker = AnswerWorker(engine, store)
    access = None
    if config.auth != AUTH_OFF:
        access = Access(config, store.sessions, AuditLog(config.state_dir))
    return Services(config, engine, store, worker, jobs, auto_sync, comparer, access)


def named_config_file() -> Path | None:
    """Return the file of settings that `python -m rag serve` was given, None without one."""
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    return Path(named) if named else None


def services_of(services: Services, visit: Visit) -> Services:
    """Return the services as one person may use them: see `rag.permissions`.

    Raises:
        SignedOutError: nobody is signed in any more.
        AccessError: who it is cannot be told.
    """
    person = visit.person()
    own = services.store.of(person.id, person.name)
    behind: dict[str, Any] = {
        "engine": services.engine,
        "store": PersonalStore(own, visit),
        "worker": PersonalWorker(services.worker, own),
        "jobs": services.jobs,
        "auto_sync": services.auto_sync,
        "comparer": services.comparer,
    }
    gates: dict[str, Any] = {name: Gate(each, name, visit) for name, each in behind.items()}
    return replace(services, access=None, person=person, **gates)


class _SourcesOfIndex:
    """The folders of the serving index, read anew only when another index serves.

    To read them is to check every file of the index, which is too much for every few seconds.
    """

    def __init__(self, engine: "RagEngine") -> None:
        self._engine = engine
        self._index_id: str | None = None
        self._sources: tuple[Source, ...] = ()

    def __call__(self) -> tuple[Source, ...]:
        index_id = current_build_id(self._engine.config.index_dir)
        if index_id != self._index_id:
            self._index_id, self._sources = index_id, ()  # a damaged one is not read twice
            self._sources = self._engine.sources()
        return self._sources


def create_engine(config: Config) -> "RagEngine":
    """Return the engine; tests put another one here."""
    from rag.engine import RagEngine

    return RagEngine(config)


def _warm_up(engine: "RagEngine") -> None:
    try:
        engine.warm_up()
    except RagError as error:
        # Not lost: the first question meets the same error and shows it.
        logger.warning("Warming up: %s", error)
    except Exception:  # likewise, and a thread has no caller to tell
        logger.exception("Warming up failed")
