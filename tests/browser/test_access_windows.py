"""Signing in, reloading and signing out in a real browser; two people see their own alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.access_state import PASSWORD, add_people
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, LOCALES, Tab
from tests.fakes import EchoEngine

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

QUESTION = "How many days of leave do I get?"
LISTED = '[class*="st-key-conversation-"] button'
SIGN_OUT = '[class*="st-key-sign-out"] button'

UNAUTHORIZED = ("401 (Unauthorized)",)  # the browser complains of a page that is a sign-in


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("shared")
    add_people(folder / "state")
    with ServerProcess(folder, "--fake", RAG_AUTH="password") as process:
        yield process


def sign_in(tab: Tab, name: str, password: str = PASSWORD) -> None:
    tab.page.fill("#name", name)
    tab.page.fill("#password", password)
    tab.page.click("button[type=submit]")


@pytest.mark.parametrize("language", list(LOCALES))
def test_two_people_sign_in_reload_and_see_their_own_conversations_alone(
    browser: "Browser", shared: ServerProcess, language: str
) -> None:
    mika = Tab(browser, shared, language, "light" if language == "en" else "dark")
    mika.provoked = UNAUTHORIZED
    mika.page.goto(shared.url)
    mika.page.wait_for_selector("#password")
    mika.picture(f"{language}-sign-in-1")
    sign_in(mika, "mika", "not the password")
    mika.page.wait_for_selector('[role="alert"]')
    mika.picture(f"{language}-sign-in-2-wrong")
    sign_in(mika, "mika")
    mika.page.wait_for_selector(".fk-intro")
    assert mika.page.get_by_role("link", name="Documents").count() == 0
    mika.ask(QUESTION)
    mika.wait_until_answered()
    address = mika.page.url
    assert "c=" in address

    mika.page.reload()
    mika.page.wait_for_selector('[class*="st-key-citation-"] button')
    assert mika.answer() == EchoEngine.ANSWERS["en"][0].replace("[1]", "1")
    assert [
        cookie["httpOnly"] for cookie in mika.context.cookies() if "fumikura" in cookie["name"]
    ] == [True]
    assert "fumikura_session" not in mika.page.evaluate("document.cookie")
    mika.picture(f"{language}-sign-in-3-asked")

    ren = Tab(browser, shared, language, "light")
    ren.provoked = UNAUTHORIZED
    ren.page.goto(address)  # the address of a conversation that is not theirs
    ren.page.wait_for_selector("#password")
    sign_in(ren, "ren")
    ren.page.wait_for_selector(".fk-intro")
    assert ren.page.locator(LISTED).count() == 0
    assert ren.page.get_by_text(QUESTION).count() == 0

    other = mika.context.new_page()
    other.goto(address)
    other.wait_for_selector(SIGN_OUT)
    mika.page.click(SIGN_OUT)
    mika.page.wait_for_selector("#password")
    mika.page.goto(address)
    mika.page.wait_for_selector("#password")
    other.click(LISTED)  # a window that was open: its next click finds nobody
    other.wait_for_selector("#password")
    assert ren.page.locator(SIGN_OUT).count() == 1


def test_a_link_from_another_site_opens_the_page_of_who_is_signed_in(
    browser: "Browser", shared: ServerProcess, tmp_path: Path
) -> None:
    tab = Tab(browser, shared, "en", "light")
    tab.provoked = (*UNAUTHORIZED, "http://localhost:")
    tab.page.goto(shared.url)
    sign_in(tab, "aki")
    tab.page.wait_for_selector(".fk-intro")
    assert tab.page.get_by_role("link", name="Documents").count() == 1
    # "localhost" is another site than 127.0.0.1, as browsers see it.
    elsewhere = shared.url.replace("127.0.0.1", "localhost")
    tab.page.goto(f"{elsewhere}/sign-in")
    tab.page.evaluate(
        "address => { const link = document.createElement('a'); link.href = address;"
        " document.body.append(link); link.click(); }",
        f"{shared.url}/documents",
    )
    tab.page.wait_for_selector(".fk-facts")
    assert tab.page.url.startswith(shared.url)
    tab.context.close()
