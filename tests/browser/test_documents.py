"""The Documents page in a real browser: from a folder to its text, live, across a reload."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, TABLE, Scheme, Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

FIELD = '[data-testid="stTextInputField"]:visible'  # those of the options come first to a slow page
LIVE = ".st-key-live-sync"
PLAN = ".st-key-plan"
READY = 120_000  # milliseconds; the embedder loads first


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nEvery employee has 20 days of leave.\n")
    (folder / "empty.txt").write_text("")
    (folder / "茶.md").write_text("# お茶\n\n煎茶は四時に出します。\n")
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, RAG_INDEX_DIR=str(tmp_path / "index")) as process:
        yield process


def button(tab: Tab, name: str) -> "Locator":
    return tab.page.get_by_role("button", name=name)


def sync(tab: Tab, folder: Path | None = None) -> None:
    """Press "Check for changes" and "Sync now", and wait for the end."""
    if folder is not None:
        tab.page.locator(FIELD).first.fill(str(folder))
    button(tab, "Check for changes").click()
    button(tab, "Sync now").click()
    tab.page.locator(LIVE).wait_for()
    tab.page.locator(LIVE).wait_for(state="detached", timeout=READY)


def test_a_folder_becomes_an_index_across_a_reload(
    browser: "Browser", server: ServerProcess, documents: Path
) -> None:
    for number in range(400):  # enough to be seen while their meaning is computed
        text = f"# Note {number}\n\n" + f"The tea of note {number} is at {number}. " * 20
        (documents / f"{number:03}.md").write_text(text)
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.picture("en-light-10-first-steps")
    button(tab, "Open Documents").click()
    button(tab, "Check for changes").wait_for()  # the page before has a field, too
    tab.page.locator(FIELD).first.fill(str(documents))
    button(tab, "Check for changes").click()
    tab.page.get_by_text("403 new, 0 changed, 0 removed, 0 unchanged").wait_for(timeout=READY)
    tab.picture("en-light-11-plan")
    button(tab, "Sync now").click()
    tab.page.locator(LIVE).get_by_text(re.compile(r"\d+ of \d+ · .*(files|passages)/s")).wait_for(
        timeout=READY
    )
    tab.page.reload()
    # The pace is there at once: it does not begin anew with the page.
    tab.page.locator(LIVE).get_by_text(re.compile(r"\d+ of \d+ · .*(files|passages)/s")).wait_for()
    tab.picture("en-light-12-syncing")
    tab.page.locator(LIVE).wait_for(state="detached", timeout=READY)
    tab.page.get_by_text("Last sync").wait_for()
    assert tab.page.get_by_text("403 new").is_visible()
    tab.picture("en-light-13-synced")


def test_a_file_is_opened_left_out_and_taken_in_again(
    browser: "Browser", server: ServerProcess, documents: Path
) -> None:
    tab = Tab(browser, server, "en", "dark", height=1400)
    tab.page.goto(server.url + "/documents")
    sync(tab, documents)
    tab.page.locator(TABLE).wait_for()
    tab.tick(2)  # leave.md
    button(tab, "Open text").click()
    text = tab.page.locator(".fk-text")
    text.wait_for()
    assert text.locator(".fk-block-text").all_inner_texts()[-1] == (
        "Every employee has 20 days of leave."
    )
    assert "Leave" in text.locator(".fk-block-label").last.inner_text()
    tab.picture("en-dark-14-text")
    tab.page.keyboard.press("Escape")
    text.wait_for(state="detached")
    button(tab, "Exclude").click()
    tab.page.locator(LIVE).wait_for()
    tab.page.locator(LIVE).wait_for(state="detached", timeout=READY)
    button(tab, "Excluded 1").wait_for()
    tab.tick(2)
    button(tab, "Include again").click()
    tab.page.locator(LIVE).wait_for()
    tab.page.locator(LIVE).wait_for(state="detached", timeout=READY)
    button(tab, "Indexed 2").wait_for()


def test_changed_files_are_noticed_by_the_switch(
    browser: "Browser", server: ServerProcess, documents: Path
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.page.goto(server.url + "/documents")
    sync(tab, documents)
    button(tab, "Indexed 2").wait_for()  # the end of the page as it is after the sync
    tab.page.locator('[data-testid="stCheckbox"] label').first.click()
    tab.page.locator('[data-testid="stCheckbox"] input:checked').wait_for(state="attached")
    (documents / "new.md").write_text("# New\n\nA new file.\n")
    # Nobody has touched the page. A sync of one file is over before its progress can be seen.
    tab.page.get_by_text("1 new, 0 changed, 0 removed").wait_for(timeout=READY)


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_a_narrow_window_shows_all_of_the_page(
    browser: "Browser", server: ServerProcess, documents: Path, language: str, scheme: Scheme
) -> None:
    tab = Tab(browser, server, "en", scheme)
    tab.page.goto(server.url + "/documents")
    sync(tab, documents)
    narrow = Tab(browser, server, language, scheme, width=390, height=1500)
    narrow.page.goto(server.url + "/documents")
    narrow.page.locator(TABLE).wait_for()
    assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390
    narrow.picture(f"{language}-{scheme}-15-narrow")
    tab.context.close()
