"""Several windows and several people at once: nobody loses an answer or sees another's."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.ui.strings import CATALOGUES
from tests.browser.server_process import ServerProcess
from tests.browser.tab import ANSWER, CHROMIUM, Tab
from tests.browser.test_browser import SOURCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

LONG = "and again " * 60  # the first answer takes its time, while the others come to wait
# Noted by the page itself: what it says may be over before a test could ask for it.
NOTE_STEPS = """() => {
    window.steps = [];
    new MutationObserver(() => {
        const shown = document.querySelector(".fk-working");
        if (shown) window.steps.push(shown.textContent);
    }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""
LANGUAGES = ("en", "ja", "en", "ja")


def questions_in_order_of_answers(server: ServerProcess) -> list[str]:
    database = Path(server.log.parent / "state" / "fumikura.sqlite")
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT question FROM answers ORDER BY finished")
        return [question for (question,) in rows]


def test_four_people_wait_in_order_and_get_their_own_answers(
    browser: "Browser", server: ServerProcess
) -> None:
    tabs = [Tab(browser, server, language, "light") for language in LANGUAGES]
    asked = [f"repeat person {number}" for number in range(1, 5)]
    asked[0] = f"{asked[0]} {LONG}".strip()
    for tab in tabs:
        tab.open()
        tab.page.evaluate(NOTE_STEPS)
    for tab, question in zip(tabs, asked, strict=True):
        tab.ask(question)
    for tab, question in zip(tabs, asked, strict=True):
        tab.wait_until_answered(120)
        assert tab.page.locator(ANSWER).all_inner_texts() == [question, f"{question} 1"]
        others = [other for other in asked if other != question]
        main = tab.page.locator('[data-testid="stMain"]').inner_text()
        assert not any(other in main for other in others)
    assert questions_in_order_of_answers(server) == asked
    for ahead, tab in enumerate(tabs):
        words = CATALOGUES[LANGUAGES[ahead]]  # type: ignore[index] # a literal
        waited = words["waiting_one" if ahead == 1 else "waiting"].format(count=ahead)
        assert (waited in tab.page.evaluate("window.steps")) == (ahead > 0)


def test_two_windows_follow_one_conversation(browser: "Browser", server: ServerProcess) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    asked = f"repeat {LONG}".strip()
    tab.ask(asked)
    tab.page.wait_for_selector(".fk-draft")
    tab.page.wait_for_url(re.compile(r"\?c="))
    other = tab.context.new_page()
    other.goto(tab.page.url)
    other.wait_for_selector(".fk-draft")
    for page in (tab.page, other):
        page.locator(SOURCE).first.wait_for(timeout=90_000)
        assert page.locator(ANSWER).all_inner_texts() == [asked, f"{asked} 1"]
    # What one window goes on with is there in the other, which cannot ask the old one anew.
    other.fill("textarea:not([disabled])", "none of this")
    other.keyboard.press("Enter")
    other.locator('[class*="st-key-not-found"]').wait_for()
    tab.page.get_by_role("button", name="Ask again").click()
    tab.page.locator('[class*="st-key-not-found"]').wait_for()
    assert questions_in_order_of_answers(server)[-2:] == [asked, "none of this"]
