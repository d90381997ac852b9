"""One page of a PDF as a picture, with its characters and where each stands on it.

Runs in the page child only: what a hostile page does to pdfium must not happen to a server.
"""

import base64
import ctypes
import io
import re
from collections.abc import Iterator
from typing import Any

from rag.readers.pdf import open_pdf
from rag.readers.pdf_page import is_scan, lines_on, render, text_of

MAX_SIDE = 1754  # pixels; A4 then has 150 dots an inch, sharp in a drawer on a fine screen
MAX_PAGE_CHARACTERS = 50_000  # a page with more is shown without marks
SUBPIXELS = 1000  # boxes are whole numbers of thousandths of a pixel
_MAX_SCAN_CHARACTERS = 200  # white space included; with more, a page need not be looked at
_CHARACTER = re.compile("[\ud800-\udbff][\udc00-\udfff]|.", re.DOTALL)


def draw(content: bytes, number: int) -> dict[str, Any]:
    """Return page ``number`` (1-based) in plain values; the parent makes a `PagePicture` of them.

    Raises:
        DocumentError: the PDF cannot be opened.
        IndexError: there is no such page.
    """
    with open_pdf(content) as document:
        if not 1 <= number <= len(document):
            raise IndexError(number)
        page = document[number - 1]
        image = render(page, MAX_SIDE)
        written = io.BytesIO()
        image.save(written, "WEBP", quality=85)
        text_page = page.get_textpage()
        characters, boxes = "", list[int]()
        count = text_page.count_chars()
        if count <= MAX_PAGE_CHARACTERS:
            found = list(_characters(page, text_page, image.width, image.height))
            characters = "".join(character for character, _ in found)
            boxes = [side for _, box in found for side in box]
        return {
            "image": base64.b64encode(written.getvalue()).decode("ascii"),
            "width": image.width,
            "height": image.height,
            "is_scan": count <= _MAX_SCAN_CHARACTERS and is_scan(page, lines_on(text_page)),
            "characters": characters,
            "boxes": boxes,
        }


def _characters(
    page: Any,  # noqa: ANN401 - pypdfium2 is untyped
    text_page: Any,  # noqa: ANN401
    width: int,
    height: int,
) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """Yield each character of a page with the left, top, right and bottom of its box.

    pdfium counts UTF-16 units; the two of a rare character become one. What has no known
    character, or half a one, stays as NUL, so that nothing is taken for its neighbour.
    """
    places = _Places(page, text_page, width, height)
    for match in _CHARACTER.finditer(text_of(text_page)):
        units = match[0]
        character = units.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        known = character if len(character) == 1 and character != "\ufffd" else "\0"
        yield known, places.box(match.start())


class _Places:
    """Where characters stand in the picture, asked of pdfium, which knows of turned pages."""

    def __init__(
        self,
        page: Any,  # noqa: ANN401 - pypdfium2 is untyped
        text_page: Any,  # noqa: ANN401
        width: int,
        height: int,
    ) -> None:
        import pypdfium2.raw as pdfium

        self._page, self._text_page = page.raw, text_page.raw
        self._size = (width * SUBPIXELS, height * SUBPIXELS)
        self._rectangle, self._x, self._y = pdfium.FS_RECTF(), ctypes.c_int(), ctypes.c_int()
        self._get_box = pdfium.FPDFText_GetLooseCharBox
        self._to_device = pdfium.FPDF_PageToDevice

    def box(self, index: int) -> tuple[int, int, int, int]:
        found = self._rectangle
        if not self._get_box(self._text_page, index, found):
            return 0, 0, 0, 0
        x_1, y_1 = self._point(found.left, found.top)
        x_2, y_2 = self._point(found.right, found.bottom)
        return min(x_1, x_2), min(y_1, y_2), max(x_1, x_2), max(y_1, y_2)

    def _point(self, x: float, y: float) -> tuple[int, int]:
        self._to_device(self._page, 0, 0, *self._size, 0, x, y, self._x, self._y)
        return self._x.value, self._y.value
