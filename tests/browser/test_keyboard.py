"""The main way through the pages with keys alone: ask, read a source, rename, ask again, stop."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import REPOSITORY
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Tab
from tests.browser.test_browser import QUESTIONS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

MARK = ".fk-sheet i.fk-quote"
MOST_STOPS = 40  # of the Tab key on one page


@pytest.fixture
def pdf_server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, "--pdf", FUMIKURA_PAUSE_SECONDS="0.3") as process:
        yield process


def reach(tab: Tab, selector: str, key: str = "Tab") -> None:
    """Press Tab until the focus is in an element, and see that it shows."""
    for _ in range(MOST_STOPS):
        tab.page.keyboard.press(key)
        if tab.page.locator(f"{selector} :focus, {selector}:focus").count():
            assert is_outlined(tab.page.locator(":focus"))
            return
    raise AssertionError(f"no key leads to {selector}")


def primary_color() -> str:
    """Return the accent of the light theme as browsers write it."""
    theme = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())["theme"]
    red, green, blue = bytes.fromhex(theme["light"]["primaryColor"].removeprefix("#"))
    return f"rgb({red}, {green}, {blue})"


def is_outlined(focused: "Locator") -> bool:
    """Tell whether an element looks as if it had the focus: an outline, a ring or its border."""
    return bool(
        focused.evaluate(
            """async (element, primary) => {
                await new Promise(done => setTimeout(done, 350)); // it fades in
                for (let at = element, n = 0; at && n < 5; at = at.parentElement, n++) {
                    const style = getComputedStyle(at);
                    const width = parseFloat(style.outlineWidth);
                    if (style.outlineStyle !== 'none' && width > 0) return true;
                    if (style.boxShadow !== 'none') return true;
                    if (style.borderTopColor === primary && style.borderTopStyle === 'solid')
                        return true;
                }
                return false;
            }""",
            primary_color(),
        )
    )


def test_everything_can_be_done_with_keys(browser: "Browser", pdf_server: ServerProcess) -> None:
    tab = Tab(browser, pdf_server, "en", "light")
    keys = tab.page.keyboard
    tab.open()
    reach(tab, ".st-key-question")
    keys.type(QUESTIONS["en"])
    keys.press("Enter")
    tab.page.wait_for_selector(".fk-draft")
    tab.wait_until_answered()
    tab.page.wait_for_selector('[class*="st-key-again-"]')
    assert tab.page.locator(".st-key-question :focus").count() == 1  # ready for the next question

    reach(tab, '[class*="st-key-citation-"]', "Shift+Tab")
    keys.press("Enter")
    tab.page.wait_for_selector(MARK)
    reach(tab, '[class*="st-key-source-previous"]')
    keys.press("Enter")
    tab.page.wait_for_selector(MARK, state="detached")
    reach(tab, '[class*="st-key-source-next"]')
    keys.press("Enter")
    tab.page.wait_for_selector(MARK)
    # The last page has no next one: the button that was pressed is closed, and the focus moves on.
    tab.page.locator("[role=dialog]:focus").wait_for()
    keys.press("Escape")
    tab.page.wait_for_selector(".fk-sheet", state="detached")
    tab.page.locator('[class*="st-key-citation-"] :focus').wait_for()  # where one was before

    reach(tab, '[class*="st-key-again-"]')
    keys.press("Enter")
    tab.page.wait_for_selector(".fk-draft")
    keys.press("Escape")
    stopped = "Stopped. This is the text up to that moment."
    tab.page.locator(".fk-spoken").get_by_text(stopped).wait_for()
    tab.wait_until_answered()

    reach(tab, '[class*="st-key-menu-"]')
    keys.press("Enter")
    tab.page.locator("[role=menu]:focus, [role=menu] :focus").wait_for()
    keys.press("ArrowDown")
    keys.press("ArrowUp")
    keys.press("Enter")
    tab.page.locator('[role=dialog] [class*="st-key-rename-"]').first.wait_for()
    reach(tab, '[role=dialog] [data-testid="stTextInput"]')
    keys.press("Control+a")
    keys.type("Holidays")
    keys.press("Enter")
    title = tab.page.locator('[class*="st-key-conversation-"] button').first
    tab.page.wait_for_selector("[role=dialog]", state="detached")
    assert title.inner_text() == "Holidays"
