"""Fixtures of the browser tests: Chromium, a server with a fake engine, one with the real one."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.errors import RagError
from rag.generations import open_current
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    playwright_api = pytest.importorskip("playwright.sync_api")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Fail a test whose pages complained, or asked another machine for anything."""
    Tab.opened.clear()
    yield
    faults = [fault for tab in Tab.opened for fault in tab.faults()]
    for tab in Tab.opened:
        tab.context.close()
    assert faults == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("fake"), "--fake")
    try:
        process.wait()
        yield process
    finally:
        process.stop()


@pytest.fixture
def real_server(tmp_path: Path) -> Iterator[ServerProcess]:
    index, models = REPOSITORY / "index", REPOSITORY / "models"
    try:
        open_current(index)
    except RagError as error:
        pytest.skip(f"needs an index of examples/documents in index/: {error}")
    process = ServerProcess(tmp_path, RAG_INDEX_DIR=str(index), RAG_MODELS_DIR=str(models))
    try:
        process.wait()
        yield process
    finally:
        process.stop()
