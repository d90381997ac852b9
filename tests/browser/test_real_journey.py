"""The first day of a person, with real models: from nothing to answers in both languages.

And what a short answer is too quick for, with the model that the default one is made of, which
writes at length: to see an answer grow, stop it, reload and open a second window in its midst.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.ui.strings import CATALOGUES
from tests.browser.conftest import MODELS
from tests.browser.server_process import ServerProcess
from tests.browser.tab import ANSWER, CHROMIUM, Tab
from tests.browser.test_browser import SOURCE, STOP
from tests.browser.test_documents import button, sync

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BASE = "smollm2-135m-instruct"
READY = 60_000  # milliseconds; models load, and the base is made ready for its first answer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
    pytest.mark.skipif(not (MODELS / BASE).exists(), reason="needs the default models: make setup"),
]

LEAVE = (
    "# Annual leave\n\nEvery employee has 20 days of annual leave. Ask your manager by Friday.\n"
)
TEA = "# お茶\n\n煎茶は午後四時に出します。担当は総務課の森です。\n"
GROWTH = """() => {
    window.drafts = [];
    new MutationObserver(() => {
        const draft = document.querySelector(".fk-draft")?.innerText;
        if (draft && draft !== window.drafts.at(-1)) window.drafts.push(draft);
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, encoding="utf-8")
    (folder / "お茶.md").write_text(TEA, encoding="utf-8")
    return folder


@pytest.fixture
def empty_server(tmp_path: Path) -> Iterator[ServerProcess]:
    index = str(tmp_path / "index")
    with ServerProcess(tmp_path, RAG_INDEX_DIR=index, RAG_MODELS_DIR=str(MODELS)) as process:
        yield process


@pytest.fixture(scope="module")
def long_server(
    tmp_path_factory: pytest.TempPathFactory, sample_index: Path
) -> Iterator[ServerProcess]:
    with ServerProcess(
        tmp_path_factory.mktemp("long"),
        RAG_INDEX_DIR=str(sample_index),
        RAG_MODELS_DIR=str(MODELS),
        RAG_ANSWER_MODEL=BASE,
        RAG_MIN_EVIDENCE_PERCENT="0",
        RAG_MAX_NEW_TOKENS="200",
    ) as process:
        yield process


def test_a_folder_is_indexed_asked_in_both_languages_and_remembered(
    browser: "Browser", empty_server: ServerProcess, documents: Path
) -> None:
    tab = Tab(browser, empty_server, "en", "light")
    tab.page.set_default_timeout(READY)
    tab.open()
    button(tab, "Open Documents").click()
    button(tab, "Check for changes").wait_for()
    sync(tab, documents)
    button(tab, "Indexed 2").wait_for()

    tab.page.get_by_role("link", name="Ask").click()
    tab.ask("How many days of annual leave does an employee have?")
    tab.page.locator(SOURCE).first.wait_for()
    assert "20" in tab.answer()
    tab.ask("煎茶は何時に出しますか？")
    tab.page.locator(ANSWER).filter(has_text="四時").wait_for()

    tab.page.get_by_text("日本語", exact=True).click()
    tab.page.get_by_placeholder(CATALOGUES["ja"]["ask_placeholder"]).wait_for()
    tab.page.reload()
    tab.page.get_by_placeholder(CATALOGUES["ja"]["ask_placeholder"]).wait_for()
    tab.page.locator(ANSWER).filter(has_text="四時").wait_for()
    assert tab.page.locator(ANSWER).count() == 4  # two questions and their answers


def test_a_real_answer_grows_is_stopped_and_survives_a_reload_and_a_second_window(
    browser: "Browser", long_server: ServerProcess
) -> None:
    tab = Tab(browser, long_server, "en", "light")
    tab.page.set_default_timeout(READY)
    tab.open()
    tab.page.evaluate(GROWTH)
    tab.ask("Tell me everything about the music van and its routes.")
    tab.page.wait_for_function("window.drafts.length > 5")
    tab.page.click(STOP)
    tab.wait_until_answered()
    tab.page.get_by_text("Stopped. This is the text up to").wait_for()
    drafts = tab.page.evaluate("window.drafts")
    assert all(later.startswith(early[:-2]) for early, later in pairwise(drafts))

    tab.ask("Describe how an instrument is cared for, step by step.")
    tab.page.wait_for_selector(".fk-draft")
    tab.page.reload()
    tab.page.wait_for_selector(".fk-draft")
    tab.page.wait_for_url(re.compile(r"\?c="))
    other = tab.context.new_page()
    other.set_default_timeout(READY)
    other.goto(tab.page.url)
    other.wait_for_selector(".fk-draft")
    tab.wait_until_answered(READY / 1000)
    other.wait_for_selector(".fk-draft, .fk-working", state="detached")
    assert tab.page.locator(ANSWER).count() == 4
    assert other.locator(ANSWER).all_inner_texts() == tab.page.locator(ANSWER).all_inner_texts()
