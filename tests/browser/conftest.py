"""Fixtures of the browser tests: Chromium, a server with a fake engine, one with the real one."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, FLAGS, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser

REPOSITORY = Path(__file__).resolve().parents[2]
MODELS = REPOSITORY / "models"


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
    with ServerProcess(tmp_path_factory.mktemp("fake"), "--fake") as process:
        yield process


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the sample documents, made by the command as a person would."""
    if not (MODELS / "fumikura-135m-gptq").exists():
        pytest.skip("needs the default models: run `make setup`")
    index = tmp_path_factory.mktemp("samples") / "index"
    command = [sys.executable, "-m", "rag", "build", "examples/documents"]
    folders = ["--index", str(index), "--models", str(MODELS)]
    subprocess.run([*command, *folders], cwd=REPOSITORY, check=True, timeout=300)
    return index


@pytest.fixture(scope="module")
def real_server(
    tmp_path_factory: pytest.TempPathFactory, sample_index: Path
) -> Iterator[ServerProcess]:
    with ServerProcess(
        tmp_path_factory.mktemp("real"),
        RAG_INDEX_DIR=str(sample_index),
        RAG_MODELS_DIR=str(MODELS),
    ) as process:
        yield process
