"""From a span of the stored text to rectangles on a drawn page. Pure functions, exact or nothing.

The stored text of a page and the characters of the PDF differ by what the reader does: it joins
lines, takes hyphens out of broken words, sets tabs between cells, and leaves out headers that
return and furigana. So both are compared without white space and hyphens, and a quote counts as
found only where it stands once with what is around it. A wrong mark would be worse than none.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.readers.symbols import PLAIN_SYMBOLS

_HYPHENS = "-\x02\xad"  # pdfium reports U+0002 for a hyphen where a word is broken
_BREAKS = "\x02\xad\r\n"  # beside which the reader may have taken a hyphen away
_NO_CHARACTER = "\0\ufffe\ufeff"
_CONTEXTS = (12, 30, 90)  # letters around a quote that must stand there as well
_TELLING = 40  # letters that are telling by themselves
_MAX_GAP = 2.0  # em between neighbours in one line; beyond, something else may stand there


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a drawn page, in pixels from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Its extent from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Its extent from top to bottom."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class _Letters:
    """What of a text is compared; ``places[i]`` is where ``text[i]`` stands in the whole."""

    text: str
    places: tuple[int, ...]


def indexes_of(characters: str, stored: str, start: int, end: int) -> list[int]:
    """Return which of a page's characters are ``stored[start:end]``; none when that is not certain.

    White space and hyphens have no index.

    Args:
        characters: of the page, in the order of the PDF.
        stored: the text that the reader made of this page.
        start: offset into ``stored``; half-open with ``end``.
        end: see ``start``.
    """
    on_page, in_text = _letters(characters), _letters(stored)
    first, after = bisect_left(in_text.places, start), bisect_left(in_text.places, end)
    if not 0 <= start < end <= len(stored) or first == after:
        return []
    at = _only_place(on_page.text, in_text.text, first, after)
    if at is None:
        return []
    found = list(on_page.places[at : at + after - first])
    pairs = zip(pairwise(found), pairwise(in_text.places[first:after]), strict=True)
    if all(_same_hyphens(characters[a + 1 : b], stored[c + 1 : d]) for (a, b), (c, d) in pairs):
        return found
    return []


def rectangles_over(boxes: Sequence[Rectangle]) -> list[Rectangle]:
    """Return few rectangles that cover the boxes of characters in reading order.

    Characters that follow each other in a line, or in a column of vertical writing, share one;
    none reaches over what stands between two lines.
    """
    runs: list[_Run] = []
    for box in boxes:
        if box.width > 0 and box.height > 0 and not (runs and runs[-1].take(box)):
            runs.append(_Run(box))
    return [run.rectangle for run in runs]


def _letters(text: str) -> _Letters:
    found = list(_compared(text))
    return _Letters("".join(c for c, _ in found), tuple(place for _, place in found))


def _compared(text: str) -> Iterator[tuple[str, int]]:
    for place, character in enumerate(text):
        if not character.isspace() and character not in _HYPHENS and character not in _NO_CHARACTER:
            plain = PLAIN_SYMBOLS.get(ord(character), character)
            if plain:
                yield plain, place


def _only_place(on_page: str, in_text: str, first: int, after: int) -> int | None:
    """Return where ``in_text[first:after]`` stands on the page, when there is one such place.

    Looked for with what is around it on both sides or on one: beside it may stand what the
    reader left out. Without any it must be long.
    """
    is_telling = after - first >= _TELLING or (first, after) == (0, len(in_text))
    for context in _CONTEXTS:
        left, right = max(0, first - context), min(len(in_text), after + context)
        for low, high in ((left, right), (left, after), (first, right)):
            is_bare = (low, high) == (first, after)
            at = None if is_bare else _single(on_page, in_text, low, high)
            if at is not None:
                return at + first - low
    return _single(on_page, in_text, first, after) if is_telling else None


def _single(on_page: str, in_text: str, low: int, high: int) -> int | None:
    """Return where ``in_text[low:high]`` stands on the page, if once there and once in the text."""
    words = in_text[low:high]
    at = on_page.find(words)
    is_single = at >= 0 and on_page.find(words, at + 1) < 0
    return at if is_single and in_text.find(words) == low == in_text.rfind(words) else None


def _same_hyphens(on_page: str, in_text: str) -> bool:
    """Tell whether two letters that follow each other have a hyphen between them in both texts.

    Or else "1-2" would pass for "12". At the end of a line the reader may take one away.
    """
    is_on_page = any(hyphen in on_page for hyphen in _HYPHENS)
    is_in_text = "-" in in_text
    may_differ = is_on_page and any(character in on_page for character in _BREAKS)
    return is_on_page == is_in_text or may_differ


class _Run:
    """Characters one after another in one direction."""

    def __init__(self, box: Rectangle) -> None:
        self.rectangle = box
        self._last = box
        self._is_vertical: bool | None = None  # not known of one character

    def take(self, box: Rectangle) -> bool:
        """Add a character if it is the next one of this line or column."""
        for is_vertical in (False, True):
            if self._is_vertical in (None, is_vertical) and _follows(self._last, box, is_vertical):
                self._is_vertical = is_vertical
                self._last = box
                self.rectangle = _union(self.rectangle, box)
                return True
        return False


def _follows(before: Rectangle, box: Rectangle, is_vertical: bool) -> bool:
    if is_vertical:
        before, box = _turned(before), _turned(box)
    size = min(before.height, box.height)
    overlap = min(before.bottom, box.bottom) - max(before.top, box.top)
    em = max(before.height, box.height)
    is_behind = before.left - 0.1 * em <= box.left <= before.right + _MAX_GAP * em
    return overlap > 0.5 * size and is_behind


def _turned(box: Rectangle) -> Rectangle:
    """Return the box with its axes exchanged, so that a column becomes a line."""
    return Rectangle(box.top, box.left, box.bottom, box.right)


def _union(one: Rectangle, other: Rectangle) -> Rectangle:
    return Rectangle(
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )
