"""One page of a PDF, asked of pdfium: its characters and where they stand."""

import ctypes
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from rag.readers.page_lines import Box, Line, lines_of

_MAX_SCAN_CHARACTERS = 20
_MAX_SCAN_OBJECTS = 1000  # a scan may come in strips; drawings have far more objects
_MIN_SCAN_SHARE = 0.5  # of the page's area
_DOTS_AN_INCH = 200
_POINTS_AN_INCH = 72


def lines_on(text_page: Any) -> list[Line]:  # noqa: ANN401 - pypdfium2 is untyped
    """Return the lines of a page in the order of its text."""
    return lines_of(text_of(text_page), _Glyphs(text_page))


def is_scan(page: Any, lines: Sequence[Line]) -> bool:  # noqa: ANN401 - pypdfium2 is untyped
    """Tell whether a page is little more than an image: at most a page number stands beside it."""
    import pypdfium2.raw as pdfium

    if sum(len(line.text) for line in lines) >= _MAX_SCAN_CHARACTERS:
        return False
    area = 0.0
    for item in islice(page.get_objects(), _MAX_SCAN_OBJECTS):
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            area += (right - left) * (top - bottom)
    page_area: float = page.get_width() * page.get_height()
    return area >= _MIN_SCAN_SHARE * page_area


def image_pixels(page: Any) -> int:  # noqa: ANN401 - pypdfium2 is untyped
    """Return the pixels of the largest image on a page, as its directory tells them."""
    import pypdfium2.raw as pdfium

    sizes = [
        item.get_px_size()
        for item in islice(page.get_objects(), _MAX_SCAN_OBJECTS)
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE
    ]
    return max((width * height for width, height in sizes), default=0)


def render(page: Any, max_side: int) -> Any:  # noqa: ANN401 - pypdfium2 and Pillow, both lazy
    """Return an RGB image of the page, at most ``max_side`` pixels wide and high."""
    longest = max(page.get_width(), page.get_height())
    scale = min(_DOTS_AN_INCH / _POINTS_AN_INCH, max_side / longest)
    return page.render(scale=scale).to_pil().convert("RGB")


class _Glyphs:
    """Where characters stand, asked of pdfium one by one: there is no call for many."""

    def __init__(self, text_page: Any) -> None:  # noqa: ANN401 - pypdfium2 is untyped
        import pypdfium2.raw as pdfium

        self._page = text_page.raw
        self._rectangle, self._matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()
        self._get_box = pdfium.FPDFText_GetLooseCharBox
        self._get_matrix = pdfium.FPDFText_GetMatrix
        self._get_size = pdfium.FPDFText_GetFontSize

    def box(self, index: int) -> Box:
        rectangle, matrix = self._rectangle, self._matrix
        self._get_box(self._page, index, rectangle)
        self._get_matrix(self._page, index, matrix)
        scale = (matrix.c**2 + matrix.d**2) ** 0.5
        size = self._get_size(self._page, index) * scale
        return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top, size)

    def gap(self, before: int, after: int) -> float:
        rectangle = self._rectangle
        self._get_box(self._page, before, rectangle)
        end: float = rectangle.right
        self._get_box(self._page, after, rectangle)
        start: float = rectangle.left
        return start - end


def text_of(text_page: Any) -> str:  # noqa: ANN401 - pypdfium2 is untyped
    """Return the characters of a page, each at the index of its box.

    ``FPDFText_GetText`` gives all at once, but leaves out control characters and writes the
    same U+FFFE for a line-end hyphen and for a glyph it cannot map: those are asked one by one.
    """
    import pypdfium2.raw as pdfium

    page, count = text_page.raw, text_page.count_chars()
    units = (ctypes.c_ushort * (count + 1))()
    length = pdfium.FPDFText_GetText(page, 0, count, units) - 1  # it ends in a NUL
    text = bytes(units)[: 2 * count].decode("utf-16-le", "surrogatepass")
    if length != count or len(text) != count:
        return "".join(chr(pdfium.FPDFText_GetUnicode(page, index)) for index in range(count))
    if "\ufffe" in text:
        characters = list(text)
        for match in re.finditer("\ufffe", text):
            characters[match.start()] = chr(pdfium.FPDFText_GetUnicode(page, match.start()))
        text = "".join(characters)
    return text
