"""The long-lived objects behind the pages: one engine, store, worker and job list a server."""

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from rag.config import Config, load_config
from rag.errors import RagError
from rag.jobs import Jobs
from rag.store import Store
from rag.worker import AnswerWorker

if TYPE_CHECKING:
    from rag.engine import RagEngine

logger = logging.getLogger(__name__)

# Not RAG_CONFIG_FILE: every RAG_ variable is a setting, and this one names their file.
CONFIG_FILE_VARIABLE = "FUMIKURA_CONFIG"


@dataclass(frozen=True, slots=True)
class Services:
    """What a page may call. Shared by all tabs."""

    config: Config
    engine: "RagEngine"
    store: Store
    worker: AnswerWorker
    jobs: Jobs


@st.cache_resource(show_spinner=False)
def load_services() -> Services:
    """Return the services of this server, made at the first call.

    Raises:
        RagError: a setting, the history or a model folder needs mending. Not cached, so a
            reload tries again.
    """
    named = os.environ.get(CONFIG_FILE_VARIABLE)
    config_file = Path(named) if named else None
    config = load_config(config_file)
    engine = create_engine(config)
    store = Store(config.state_dir)
    # Models take seconds to load; the page must not wait for them.
    threading.Thread(target=_warm_up, args=(engine,), name="warm-up", daemon=True).start()
    jobs = Jobs(config, store, config_file)
    return Services(config, engine, store, AnswerWorker(engine, store), jobs)


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
