"""Conversations in a real browser: found again, renamed, pinned, exported, deleted, asked anew."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.ui.english import EN
from rag.ui.japanese import JA
from tests.browser.serve import SUGGESTED
from tests.browser.server_process import ServerProcess
from tests.browser.tab import ANSWER, CHROMIUM, Tab
from tests.browser.test_browser import QUESTIONS, SOURCE
from tests.fakes import EchoEngine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

LISTED = '[class*="st-key-conversation-"]:not([class*="search"]) button'
SEARCH = ".st-key-conversation-search input"
FIELD = '[data-testid="stChatInput"] textarea:not([disabled])'
TEXT = EchoEngine.ANSWERS["en"][0].replace("[1]", "1")


@pytest.fixture
def tab(browser: "Browser", server: ServerProcess) -> Tab:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    return tab


def button(tab: Tab, name: str) -> "Locator":
    return tab.page.get_by_role("button", name=name, exact=True)


def titles(tab: Tab) -> list[str]:
    return [title.strip() for title in tab.page.locator(LISTED).all_inner_texts()]


def wait_for_titles(tab: Tab, expected: list[str]) -> None:
    deadline = time.monotonic() + 10
    while titles(tab) != expected:
        assert time.monotonic() < deadline, titles(tab)
        time.sleep(0.1)


def choose(tab: Tab, title: str, action: str) -> None:
    tab.page.get_by_role("button", name=EN["conversation_menu"].format(title=title)).click()
    tab.page.get_by_role("menuitem", name=EN[f"conversation_{action}"]).click()


def test_a_conversation_is_found_by_a_japanese_word_renamed_pinned_and_deleted(
    tab: Tab, server: ServerProcess
) -> None:
    tab.ask("repeat the opening hours")
    tab.wait_until_answered()
    button(tab, EN["new_conversation"]).click()
    tab.page.wait_for_selector(".fk-intro")
    tab.ask(QUESTIONS["ja"])
    tab.wait_until_answered()

    tab.page.fill(SEARCH, "有給")
    tab.page.keyboard.press("Enter")
    wait_for_titles(tab, [QUESTIONS["ja"]])
    tab.page.fill(SEARCH, "")
    tab.page.keyboard.press("Enter")
    wait_for_titles(tab, [QUESTIONS["ja"], "repeat the opening hours"])

    choose(tab, "repeat the opening hours", "rename")
    tab.page.get_by_role("dialog").locator("input").fill("Hours")
    button(tab, EN["save"]).click()
    wait_for_titles(tab, [QUESTIONS["ja"], "Hours"])
    choose(tab, "Hours", "pin")
    wait_for_titles(tab, ["Hours", QUESTIONS["ja"]])
    tab.picture("en-light-40-pinned")

    choose(tab, "Hours", "delete")
    button(tab, EN["delete"]).wait_for()
    tab.page.keyboard.press("Escape")
    button(tab, EN["delete"]).wait_for(state="detached")
    assert titles(tab) == ["Hours", QUESTIONS["ja"]]  # a look at the question deletes nothing
    choose(tab, "Hours", "delete")
    button(tab, EN["delete"]).click()
    wait_for_titles(tab, [QUESTIONS["ja"]])


def test_a_conversation_is_saved_as_three_kinds_of_files(tab: Tab, server: ServerProcess) -> None:
    tab.ask(QUESTIONS["en"])
    tab.wait_until_answered()
    choose(tab, QUESTIONS["en"], "export")
    texts = {}
    for kind in ("markdown", "html", "jsonl"):
        with tab.page.expect_download() as saved:
            button(tab, EN[f"export_{kind}"]).click()
        suffix = Path(saved.value.suggested_filename).suffix
        texts[suffix] = Path(saved.value.path()).read_text(encoding="utf-8")
    quote = EchoEngine.ANSWERS["en"][1]
    assert set(texts) == {".md", ".html", ".jsonl"}
    for text in (texts[".md"], texts[".html"]):
        assert QUESTIONS["en"] in text
        assert quote in text
        assert "handbook.pdf" in text
    assert texts[".html"].lstrip().lower().startswith("<!doctype html>")
    (line,) = [json.loads(line) for line in texts[".jsonl"].splitlines()]
    assert QUESTIONS["en"] in json.dumps(line)
    assert quote in json.dumps(line)


def test_a_question_is_asked_again_and_edited_and_its_versions_are_kept(
    tab: Tab, server: ServerProcess
) -> None:
    tab.ask("repeat one")
    tab.wait_until_answered()
    button(tab, EN["ask_again"]).click()
    tab.page.get_by_text("Version 2 of 2").wait_for(timeout=20_000)
    button(tab, EN["edit_question"]).click()
    tab.page.locator('[class*="st-key-edited-"] textarea').fill("repeat two")
    button(tab, EN["edit_send"]).click()
    tab.page.get_by_text("Version 3 of 3").wait_for(timeout=20_000)
    assert tab.answer() == "repeat two 1"
    tab.picture("en-light-41-versions")
    button(tab, EN["version_earlier"]).click()
    tab.page.get_by_text("Version 2 of 3").wait_for()
    assert tab.answer() == "repeat one 1"
    tab.page.reload()
    tab.page.get_by_text("Version 3 of 3").wait_for()  # the conversation goes on from the newest


def test_a_suggestion_is_asked_and_a_follow_up_shows_what_was_searched(
    tab: Tab, server: ServerProcess
) -> None:
    button(tab, SUGGESTED[0]).click()
    tab.page.locator(SOURCE).first.wait_for(timeout=20_000)
    assert tab.page.locator(ANSWER).first.inner_text() == SUGGESTED[0]
    tab.ask("And for part-time staff?")
    searched = tab.page.get_by_text("Searched for:")
    searched.wait_for(timeout=20_000)
    assert "leave" in searched.inner_text()
    assert "part-time" in searched.inner_text()


def test_limits_hold_until_a_miss_is_asked_of_all_documents(
    tab: Tab, server: ServerProcess
) -> None:
    tab.page.get_by_text(EN["limits"]).click()
    tab.page.get_by_role("combobox", name=EN["limit_types"]).click()
    tab.page.get_by_role("option", name="pdf").click()
    tab.page.keyboard.press("Escape")
    tab.ask("none of the limits")
    card = tab.page.locator('[class*="st-key-not-found"]')
    card.wait_for()
    assert EN["not_found_limited"] in card.inner_text()
    assert tab.page.get_by_text("Limited to types: pdf").first.is_visible()
    tab.picture("en-light-42-not-found-limited")
    button(tab, EN["ask_everywhere"]).click()
    tab.page.get_by_text("Version 2 of 2").wait_for()
    assert EN["not_found_limited"] not in card.inner_text()
    assert tab.page.get_by_text("Limited to types: pdf").count() == 0


def test_escape_stops_an_answer(tab: Tab, server: ServerProcess) -> None:
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    pressed = time.monotonic()
    tab.page.keyboard.press("Escape")
    tab.wait_until_answered()
    assert time.monotonic() - pressed < 1.5
    assert tab.answer() != TEXT
    assert tab.page.get_by_text(EN["stopped"]).is_visible()


def test_the_enter_that_confirms_a_conversion_does_not_send(
    tab: Tab, server: ServerProcess
) -> None:
    keyboard = tab.context.new_cdp_session(tab.page)
    enter = {"key": "Enter", "code": "Enter"}
    tab.page.focus(FIELD)
    keyboard.send(
        "Input.imeSetComposition", {"text": "ゆうきゅう", "selectionStart": 5, "selectionEnd": 5}
    )
    keyboard.send(
        "Input.dispatchKeyEvent", {"type": "keyDown", "windowsVirtualKeyCode": 229, **enter}
    )
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", "windowsVirtualKeyCode": 13, **enter})
    keyboard.send("Input.insertText", {"text": "有給"})
    # Safari ends the composition first, and its Enter says nothing of one but the key code.
    keyboard.send(
        "Input.dispatchKeyEvent", {"type": "keyDown", "windowsVirtualKeyCode": 229, **enter}
    )
    time.sleep(1)
    assert tab.page.locator(ANSWER).count() == 0
    assert tab.page.input_value(FIELD) == "有給"
    tab.page.keyboard.press("Enter")  # this one is meant
    tab.page.locator(ANSWER).first.wait_for()
    assert tab.page.locator(ANSWER).first.inner_text() == "有給"
    tab.wait_until_answered()


def test_the_language_is_switched_and_stays_switched(tab: Tab, server: ServerProcess) -> None:
    tab.ask(QUESTIONS["en"])
    tab.wait_until_answered()
    tab.page.get_by_role("radio", name="日本語").click()
    tab.page.get_by_text(JA["evidence_strong"]).or_(
        tab.page.get_by_text(JA["also_read"][:6])
    ).first.wait_for()
    assert tab.page.get_by_role("link", name=JA["page_documents"]).is_visible()
    assert tab.answer() == TEXT  # an answer is in the language of its question
    tab.page.reload()
    tab.wait_until_answered()
    tab.page.get_by_role("link", name=JA["page_documents"]).click()
    tab.page.get_by_role("heading", name=JA["page_documents"]).first.wait_for()
    tab.page.get_by_role("radio", name="English").click()
    tab.page.get_by_role("heading", name=EN["page_documents"]).first.wait_for()
