"""Routes on a real socket in this process, so that a test sees what its engine is told."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from rag.api.routes import api_routes
from rag.config import Config
from rag.store import Store
from rag.ui.server import PrivateMiddleware
from rag.worker import AnswerWorker
from tests.browser.server_process import free_port
from tests.fakes import wait_until


@dataclass(frozen=True)
class FakeServices:
    """What the routes may use, over an engine of the tests."""

    config: Config
    engine: Any
    store: Store
    worker: AnswerWorker


def services_over(engine: Any, tmp_path: Path, config: Config) -> FakeServices:  # noqa: ANN401 - as said
    store = Store(tmp_path / "state")
    return FakeServices(config, engine, store, AnswerWorker(engine, store))


@contextmanager
def serving(routes: Sequence[Route]) -> Iterator[int]:
    """Serve the routes behind the middleware of the pages; yield the port."""
    port = free_port()
    app = Starlette(routes=list(routes), middleware=[Middleware(PrivateMiddleware)])
    settings = uvicorn.Config(app, "127.0.0.1", port, log_level="error", lifespan="off")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, 10)
        yield port
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextmanager
def serving_api(services: FakeServices) -> Iterator[int]:
    """Serve what programs ask."""
    with serving(api_routes(lambda: services)) as port:
        yield port
