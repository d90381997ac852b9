"""From nothing to an answer, and from questions to a curve, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.ui.strings import CATALOGUES
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Scheme, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

LIVE = ".st-key-live-sync"
SUGGESTION = '[class*="st-key-suggestion-"] button'
SOURCE = '[class*="st-key-citation-"] button:visible'  # a narrow window has a hidden one too
CHART = '[data-testid="stVegaLiteChart"] canvas, [data-testid="stVegaLiteChart"] svg.marks'
READY = 120_000  # milliseconds
QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions.jsonl"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """The real engine without an index; a stand-in embeds, and sentences are quoted."""
    embedder = tmp_path / "models" / "hashing"
    embedder.mkdir(parents=True)
    (embedder / "model.safetensors").write_bytes(b"")
    process = ServerProcess(
        tmp_path,
        "--hashing",
        RAG_INDEX_DIR=str(tmp_path / "index"),
        RAG_MODELS_DIR=str(tmp_path / "models"),
        RAG_EMBED_MODEL="hashing",
        RAG_ANSWER_MODEL="extractive",
    )
    try:
        process.wait(READY / 1000)
        yield process
    finally:
        process.stop()


def button(tab: Tab, name: str) -> "Locator":
    return tab.page.get_by_role("button", name=name, exact=True)


def read_the_samples(tab: Tab, words: dict[str, str]) -> None:
    tab.open()
    tab.picture(f"{words['page_ask']}-40-first-start")
    button(tab, words["first_samples"]).click()
    tab.page.locator(LIVE).wait_for(timeout=READY)
    tab.picture(f"{words['page_ask']}-41-first-reading")
    tab.page.wait_for_selector(".fk-strip", timeout=READY)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_the_first_start_ends_in_an_answer(
    browser: "Browser", server: ServerProcess, language: str, scheme: Scheme
) -> None:
    words = CATALOGUES[language]  # type: ignore[index] # a literal
    tab = Tab(browser, server, language, scheme, width=390, height=900)
    tab.page.set_default_timeout(READY)
    read_the_samples(tab, words)
    tab.page.locator(SUGGESTION).first.wait_for()
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    tab.picture(f"{language}-42-first-ready")
    tab.page.locator(SUGGESTION).first.click()
    tab.page.locator(SOURCE).first.wait_for()
    assert tab.answer()
    tab.picture(f"{language}-43-first-answer")


def test_questions_are_checked_twice_and_become_a_curve(
    browser: "Browser", server: ServerProcess, tmp_path: Path
) -> None:
    words = CATALOGUES["en"]
    tab = Tab(browser, server, "en", "light", height=1400)
    tab.page.set_default_timeout(READY)
    read_the_samples(tab, words)
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    few = [line for line in lines if json.loads(line)["answerable"]][:24]
    mine = tmp_path / "mine.jsonl"
    mine.write_text("\n".join(few), encoding="utf-8")
    tab.page.goto(server.url + "/quality")
    tab.page.get_by_text(words["quality_files"]).click()
    tab.page.locator("input[type=file]").set_input_files(str(mine))
    tab.page.get_by_text(words["quality_added"].format(count=24)).wait_for()
    button(tab, words["quality_check"]).click()
    tab.page.locator(CHART).nth(1).wait_for()
    tab.page.get_by_text(words["quality_one_point"]).nth(1).wait_for()
    button(tab, words["quality_check"]).click()
    tab.page.get_by_text("Of the 24 questions of both checks").first.wait_for()
    tab.page.reload()
    tab.page.locator(CHART).nth(1).wait_for()
    tab.picture("en-44-quality")
