"""The page of a PDF in the drawer, the preview of a quote and the original, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Scheme, Tab
from tests.browser.test_browser import QUESTIONS, SOURCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

IMAGE = ".fk-sheet img"
MARK = ".fk-sheet i.fk-quote"
COPY = ".st-key-source-quote button"
DOWNLOAD = '[class*="st-key-source-open-file"] button'


@pytest.fixture
def pdf_server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path, "--pdf")
    try:
        process.wait()
        yield process
    finally:
        process.stop()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_the_page_is_seen_with_its_mark_and_the_file_can_be_saved(
    browser: "Browser", pdf_server: ServerProcess, tmp_path: Path, language: str, scheme: Scheme
) -> None:
    tab = Tab(browser, pdf_server, language, scheme)
    tab.open()
    tab.ask(QUESTIONS[language])
    tab.wait_until_answered()
    chip, preview = tab.page.locator(".fk-chip").first, tab.page.locator(".fk-preview").first
    assert not preview.is_visible()
    chip.focus()
    assert preview.is_visible()
    assert "handbook.pdf" in preview.inner_text()
    tab.picture(f"{language}-{scheme}-page-1-preview")

    tab.page.locator(SOURCE).first.click()
    tab.page.wait_for_selector(MARK)
    assert tab.page.locator(IMAGE).evaluate("image => image.naturalWidth") > 1000
    assert tab.page.locator(COPY).evaluate(
        "button => button.checkVisibility({opacityProperty: true, visibilityProperty: true})"
    )
    boxes = [tab.page.locator(name).first.bounding_box() for name in (DOWNLOAD, ".fk-sheet", MARK)]
    button, sheet, mark = (box for box in boxes if box is not None)
    assert 0 < button["y"] < sheet["y"] < mark["y"] < sheet["y"] + sheet["height"] < 820
    tab.picture(f"{language}-{scheme}-page-2-drawer")
    tab.page.locator('[class*="st-key-source-previous"] button').click()
    tab.page.wait_for_selector(MARK, state="detached")
    tab.page.wait_for_selector(IMAGE)

    with tab.page.expect_download() as saved:
        tab.page.locator(DOWNLOAD).first.click()
    assert saved.value.suggested_filename == "handbook.pdf"
    assert Path(saved.value.path()).read_bytes() == (tmp_path / "handbook.pdf").read_bytes()
