"""The page of a PDF in the drawer, the preview of a quote and the original, in a real browser."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Scheme, Tab
from tests.browser.test_browser import QUESTIONS, SOURCE
from tests.fakes import EchoEngine
from tests.paged_engine import PAGES

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
    with ServerProcess(
        tmp_path, "--pdf", RAG_PARSE_SECONDS="60"
    ) as process:  # drawing on a busy machine
        yield process


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


PAGE_WIDTH, PAGE_HEIGHT = 600, 800  # points, of `write_pdf`
CHARACTER_WIDTH = {"en": 6, "ja": 10}  # points, of its two fonts at size 10
TOLERANCE = 4  # points


def marked_region(tab: Tab) -> tuple[float, float, float, float] | None:
    """Return left, top, right and bottom of all yellow pixels, in points of the page."""
    box = tab.page.locator(IMAGE).bounding_box()
    sheet = tab.page.locator(".fk-sheet").bounding_box()  # shows a part of the picture
    assert box is not None
    assert sheet is not None
    picture = Image.open(io.BytesIO(tab.page.screenshot())).convert("RGB")
    pixels = np.asarray(picture, dtype=np.int16)
    inside = np.zeros(pixels.shape[:2], dtype=bool)
    frame = 3  # pixels of the border of the sheet
    top, left = round(max(sheet["y"], box["y"])) + frame, round(max(sheet["x"], box["x"])) + frame
    bottom = round(min(sheet["y"] + sheet["height"], box["y"] + box["height"])) - frame
    right = round(min(sheet["x"] + sheet["width"], box["x"] + box["width"])) - frame
    inside[top:bottom, left:right] = True
    rows, columns = np.nonzero(inside & (pixels[:, :, 0] - pixels[:, :, 2] > 40))
    if not len(rows):
        return None
    across, down = PAGE_WIDTH / box["width"], PAGE_HEIGHT / box["height"]
    xs, ys = (columns - box["x"]) * across, (rows - box["y"]) * down
    return float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max())


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_marked_pixels_are_those_of_the_quoted_words_and_no_others(
    browser: "Browser", pdf_server: ServerProcess, language: str
) -> None:
    quote = EchoEngine.ANSWERS[language][1]
    x, baseline, size, line = next(placed for placed in PAGES[1] if quote in placed[3])
    left = x + line.index(quote) * CHARACTER_WIDTH[language]
    right = left + len(quote) * CHARACTER_WIDTH[language]
    tab = Tab(browser, pdf_server, language, "light")
    tab.page.set_default_timeout(90_000)
    tab.open()
    tab.ask(QUESTIONS[language])
    tab.wait_until_answered()
    tab.page.locator(SOURCE).first.click()
    tab.page.wait_for_selector(MARK)
    tab.page.wait_for_timeout(600)  # the drawer slides in
    tab.picture(f"{language}-page-3-pixels")
    region = marked_region(tab)
    assert region is not None
    assert region[0] == pytest.approx(left, abs=TOLERANCE)
    assert region[2] == pytest.approx(right, abs=TOLERANCE)
    assert PAGE_HEIGHT - baseline - size - TOLERANCE < region[1] < PAGE_HEIGHT - baseline
    assert PAGE_HEIGHT - baseline - TOLERANCE < region[3] < PAGE_HEIGHT - baseline + size / 2
    tab.page.locator('[class*="st-key-source-previous"] button').click()
    tab.page.wait_for_selector(MARK, state="detached")
    tab.page.wait_for_timeout(600)
    assert marked_region(tab) is None  # the other page has no mark
