"""The pages in a real browser: streaming, reload, stop, sources, and no request elsewhere."""

import time
from typing import TYPE_CHECKING

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import ANSWER, CHROMIUM, TABLE, Scheme, Tab
from tests.fakes import ATTACK, EchoEngine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

QUESTIONS = {"en": "How many days of leave do I get?", "ja": "有給休暇は何日もらえますか？"}
STOP = '[class*="st-key-stop"] button'
SOURCE = '[class*="st-key-citation-"] button'
AT_WORK = "document.getAnimations().some(one => one.animationName === 'fk-busy')"
IS_PRESSED = """selector => {
    document.body.classList.remove("fk-pressed");
    const element = document.querySelector(selector);
    element.dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));
    return document.body.classList.contains("fk-pressed");
}"""


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_an_answer_grows_names_its_source_and_shows_it(
    browser: "Browser", server: ServerProcess, language: str, scheme: Scheme
) -> None:
    tab = Tab(browser, server, language, scheme)
    text, quote = EchoEngine.ANSWERS[language]
    tab.open()
    tab.picture(f"{language}-{scheme}-1-start")
    tab.ask(QUESTIONS[language])
    tab.page.wait_for_selector(".fk-draft")
    early = len(tab.answer())
    time.sleep(0.6)
    later = len(tab.answer())
    tab.picture(f"{language}-{scheme}-2-streaming")
    assert 0 < early < later < len(text)
    tab.wait_until_answered()
    assert tab.answer().replace("\n", "") == text.replace("[1]", "1")
    tab.picture(f"{language}-{scheme}-3-answer")
    tab.page.locator(SOURCE).first.click()
    assert tab.page.locator("mark.fk-quote").first.inner_text() == quote
    tab.picture(f"{language}-{scheme}-4-source")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-passage", state="detached")
    tab.ask("none")
    tab.page.wait_for_selector('[class*="st-key-not-found"]')
    tab.picture(f"{language}-{scheme}-5-not-found")
    tab.open("/documents")
    tab.page.wait_for_selector('[data-testid="stDataFrame"]')
    tab.picture(f"{language}-{scheme}-6-documents")


def test_a_reload_in_mid_answer_loses_nothing(browser: "Browser", server: ServerProcess) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    tab.page.reload()
    tab.page.wait_for_selector(".fk-draft")
    tab.wait_until_answered()
    assert tab.answer() == EchoEngine.ANSWERS["en"][0].replace("[1]", "1")
    tab.page.reload()
    tab.page.wait_for_selector(SOURCE)
    assert tab.page.locator(ANSWER).count() == 2


def test_stop_ends_the_answer_within_a_second_and_keeps_its_text(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    time.sleep(0.4)
    pressed = time.monotonic()
    tab.page.click(STOP)
    tab.wait_until_answered()
    assert time.monotonic() - pressed < 1.0
    assert tab.answer() != ""
    assert EchoEngine.ANSWERS["en"][0].startswith(tab.answer())
    assert tab.page.locator(".fk-note").get_by_text("Stopped. This is the text up to").is_visible()
    tab.picture("en-light-7-stopped")


def test_a_line_at_the_top_tells_that_the_page_is_at_work(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.page.wait_for_function(f"!{AT_WORK}")
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    assert tab.page.evaluate(AT_WORK)
    tab.wait_until_answered()
    tab.page.wait_for_function(f"!{AT_WORK}")


def test_a_press_on_what_can_be_pressed_shows_before_the_server_knows(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open("/documents")
    tab.page.wait_for_selector(f"{TABLE} .dvn-scroller")
    assert not tab.page.evaluate(IS_PRESSED, ".fk-facts")  # nothing comes of such a click
    for pressable in (
        '[data-testid="stMain"] button',
        f"{TABLE} .dvn-scroller",
        '[data-testid="stSidebarNav"] a',  # the last one: it leads to another page
    ):
        tab.page.wait_for_selector(pressable)
        assert tab.page.evaluate(IS_PRESSED, pressable), pressable


def test_a_click_elsewhere_in_mid_answer_loses_nothing(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    tab.page.get_by_role("link", name="Documents").click()
    tab.page.wait_for_selector(".fk-facts")
    tab.page.get_by_role("link", name="Ask").click()
    tab.page.wait_for_selector(SOURCE, timeout=15000)
    assert tab.answer() == EchoEngine.ANSWERS["en"][0].replace("[1]", "1")


def test_hostile_words_load_nothing_wherever_they_are_shown(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server, "en", "light")
    tab.open()
    tab.ask(f"attack {ATTACK[:60]}")  # also the title in the list of conversations
    tab.page.wait_for_selector(SOURCE)
    tab.page.locator("summary").first.click()
    tab.page.locator(SOURCE).first.click()
    tab.page.wait_for_selector(".fk-passage")
    tab.picture("en-light-13-hostile")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-passage", state="detached")
    tab.page.get_by_role("link", name="Documents").click()
    tab.page.wait_for_selector('[data-testid="stDataFrame"]')
    tab.tick(3)  # a file with a hostile name
    tab.page.locator(".st-key-exclude button:not([disabled])").wait_for()
    assert tab.page.locator('a[href*="evil"], img[src*="evil"], iframe').count() == 0
    # The policy would block a request with a complaint: there is not even an attempt.
