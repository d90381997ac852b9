"""Questions to the sample documents with the default models, in a real browser."""

import re
from typing import TYPE_CHECKING

import pytest

from rag.ui.strings import CATALOGUES
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Scheme, Tab
from tests.browser.test_browser import SOURCE
from tests.browser.test_together import NOTE_STEPS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

NOT_FOUND = '[class*="st-key-not-found"]'
READY = 90_000  # milliseconds; the models load first
ASKED = {  # question, what its answer holds, the file that says it
    "en": (
        "What is the minimum length of a password for an ordinary staff account?",
        "14 characters",
        "it-and-network-policy.md",
    ),
    "ja": ("新たに採用した職員の試用期間は何か月ですか？", "３か月", "就業規則.docx"),
}
NOWHERE = {"en": "What is the capital of Mongolia?", "ja": "モンゴルの首都はどこですか？"}


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("ja", "light")])
def test_the_samples_are_asked_and_a_question_beyond_them_is_not_answered(
    browser: "Browser", real_server: ServerProcess, language: str, scheme: Scheme
) -> None:
    words = CATALOGUES[language]  # type: ignore[index] # a literal
    question, held, file = ASKED[language]
    tab = Tab(browser, real_server, language, scheme)
    tab.page.set_default_timeout(READY)
    tab.open()
    tab.page.locator(".st-key-suggestions button").first.wait_for()
    tab.ask(question)
    tab.page.locator(SOURCE).first.wait_for()
    assert held in tab.answer()
    tab.picture(f"{language}-{scheme}-8-real")
    tab.page.locator(SOURCE).first.click()
    assert held in tab.page.locator("mark.fk-quote").first.inner_text()
    assert file in tab.page.get_by_role("dialog").inner_text()
    tab.picture(f"{language}-{scheme}-9-real-source")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-passage", state="detached")

    tab.ask(NOWHERE[language])
    card = tab.page.locator(NOT_FOUND)
    card.wait_for()
    assert words["not_found"] in card.inner_text()
    assert words["not_found_searched"].format(count=20) in card.inner_text()
    assert card.get_by_role("button").count() == 3  # the closest passages can be read
    tab.picture(f"{language}-{scheme}-9-real-not-found")


def test_a_suggested_question_is_answered_by_its_documents(
    browser: "Browser", real_server: ServerProcess
) -> None:
    for language in ("en", "ja"):
        tab = Tab(browser, real_server, language, "light")
        tab.page.set_default_timeout(READY)
        tab.open()
        tab.page.locator(".st-key-suggestions button").first.click()
        tab.page.locator(SOURCE).first.wait_for()


def test_a_follow_up_shows_the_question_that_was_searched(
    browser: "Browser", real_server: ServerProcess
) -> None:
    tab = Tab(browser, real_server, "en", "light")
    tab.page.set_default_timeout(READY)
    tab.open()
    tab.ask("How long may I borrow an instrument?")
    tab.page.locator(SOURCE).first.wait_for()
    tab.ask("And a harp?")
    searched = tab.page.get_by_text(re.compile(r"Searched for: .*harp"))
    searched.wait_for()
    assert "borrow" in searched.inner_text()


def test_the_steps_name_how_many_files_and_passages(
    browser: "Browser", real_server: ServerProcess
) -> None:
    tab = Tab(browser, real_server, "en", "light")
    tab.page.set_default_timeout(READY)
    tab.open()
    tab.page.evaluate(NOTE_STEPS)
    tab.ask("What must a member do before the spindle moulder is used in the workshop?")
    tab.wait_until_answered(90)
    steps = "\n".join(tab.page.evaluate("window.steps"))
    assert re.search(r"Searching 20 files|Reading \d passages?", steps), steps
