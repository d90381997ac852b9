"""Characters on a page to lines, by where they stand. Lengths are PDF points.

Vertical writing uses the same rules with the page turned: a line's ``start`` is then its
top, and the next line stands to the left instead of below.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from rag.readers.extract import is_cjk, normalize_text
from rag.readers.symbols import PLAIN_SYMBOLS

LINE_END_HYPHEN = "\x02"  # what pdfium reports for a hyphen where a word is broken
_UNKNOWN = "\0"
_SOFT_HYPHEN = "\xad"
_LINE_END_SOFT_HYPHEN = re.compile(r"\xad(?=[^\S\r\n]*(?:[\r\n]|\Z))")
_FRAGMENT = re.compile(r"[^\r\n\x02]*\x02|[^\r\n\x02]+")
_WORD = re.compile(r"[^ \t\xa0\0]+(?:\0+[^ \t\xa0\0]+)*")
_SURROGATE = re.compile("[\ud800-\udfff]")

_CELL_GAP = 2.0  # em; justified text hardly ever stretches a space this far
_PUNCTUATION = "、。，．・「」『』（）！？"  # their boxes are half empty
_MIN_WORD_GAP = 0.15

BULLET = re.compile(
    r"(?:[•●○◦▪■□◆◇▶►☆★※✓・‣]|[-–—*](?=\s)|[①-⑳]"
    r"|(?:\d{1,3}|[A-Za-z])[.．](?=\s)"
    r"|第[\d０-９一二三四五六七八九十百]+[条章節項編](?=[\s（(]|$))"
)
NUMBER_IN_PARENTHESES = re.compile(r"[(（]?(?:\d{1,3}|[０-９]{1,3}|[A-Za-zア-ン]|[ivx]{1,4})[)）]")
_LEADER = re.compile(r"(?:[.．…‥・·]\s?){4,}\s*[\d０-９]+$")
COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]+-[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Box:
    """Where a character stands, in points from the page's lower left, and its type size."""

    left: float
    bottom: float
    right: float
    top: float
    size: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line as a reader sees it. ``start`` to ``end`` runs along the writing."""

    text: str
    start: float
    end: float
    low: float  # across the writing; the next line's is smaller
    high: float
    size: float
    is_vertical: bool = False
    is_row: bool = False  # cells with wide gaps between them, or a table of contents entry
    cell_start: float | None = None  # where the last cell begins

    @property
    def has_hyphen(self) -> bool:
        """Tell whether the line ends inside a word."""
        return len(self.text) > 1 and self.text.endswith("-") and self.text[-2].isalpha()

    def compounds(self) -> list[str]:
        """Return the words written with a hyphen inside the line, in lower case."""
        return [word.lower() for word in COMPOUND.findall(self.text)]


class Glyphs(Protocol):
    """Where the characters of a page stand. Each answer costs a call into pdfium."""

    def box(self, index: int) -> Box:
        """Return the box of one character."""
        ...

    def gap(self, before: int, after: int) -> float:
        """Return the room between two characters of one line."""
        ...


def lines_of(text: str, glyphs: Glyphs) -> list[Line]:
    """Return the lines of a page in the order of ``text``.

    Args:
        text: one code point a character; NUL for those without a known one, which are dropped.
        glyphs: where the character at an index of ``text`` stands.
    """
    if _SOFT_HYPHEN in text:
        text = _LINE_END_SOFT_HYPHEN.sub(LINE_END_HYPHEN, text).replace(_SOFT_HYPHEN, _UNKNOWN)
    fragments = (_line(text, start, end, glyphs) for start, end in _fragments(text))
    return join_fragments(fragment for fragment in fragments if fragment.text)


def join_fragments(fragments: Iterable[Line]) -> list[Line]:
    """Return lines, each of the fragments that follow each other beside each other."""
    lines: list[Line] = []
    for line in fragments:
        if lines and _is_same_line(lines[-1], line):
            lines[-1] = _append(lines[-1], line)
        elif len(lines) > 1 and _is_beside_cell(lines[-2], lines[-1], line):
            lines[-2] = _append(lines[-2], line)
        else:
            lines.append(line)
    return lines


def _fragments(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of what stands between line ends, without outer white space."""
    for match in _FRAGMENT.finditer(text):
        start, end = match.span()
        while start < end and (text[start] == _UNKNOWN or text[start].isspace()):
            start += 1
        while start < end and (text[end - 1] == _UNKNOWN or text[end - 1].isspace()):
            end -= 1
        if start < end:
            yield start, end


def _line(page_text: str, start: int, end: int, glyphs: Glyphs) -> Line:
    first, last = glyphs.box(start), glyphs.box(end - 1)
    across = abs((first.bottom + first.top) - (last.bottom + last.top))
    along = abs((first.left + first.right) - (last.left + last.right))
    size = max(first.size, last.size)
    text, last_cell = _line_text(page_text, start, end, glyphs, size)
    cell_start = None if last_cell is None else glyphs.box(last_cell).left
    is_row = cell_start is not None or bool(_LEADER.search(text))
    if across > along:
        left, right = min(first.left, last.left), max(first.right, last.right)
        text = _with_gaps(page_text, start, end, glyphs, size) or text
        return Line(text, -first.top, -last.bottom, left, right, size, True, is_row)
    bottom, top = min(first.bottom, last.bottom), max(first.top, last.top)
    return Line(text, first.left, last.right, bottom, top, size, False, is_row, cell_start)


def _with_gaps(text: str, start: int, end: int, glyphs: Glyphs, size: float) -> str:
    """Return a vertical line with a wide space where there is room for one.

    Many programs write none into the page, and pdfium looks for gaps beside characters only.
    """
    if not all(is_cjk(character) for character in text[start:end]):
        return ""
    pieces, bottom = [], glyphs.box(start).bottom
    for index in range(start, end):
        box = glyphs.box(index)
        is_apart = bottom - box.top > 0.7 * size and text[index - 1] not in _PUNCTUATION
        pieces += ["\u3000"] if is_apart else []
        pieces.append(text[index])
        bottom = box.bottom
    return "".join(pieces)


def _line_text(
    page_text: str, start: int, end: int, glyphs: Glyphs, size: float
) -> tuple[str, int | None]:
    """Return the text with a space a gap or a tab between cells, and the last cell's index."""
    text = ""
    last_cell: int | None = None
    previous = start
    for match in _WORD.finditer(page_text, start, end):
        if text:
            is_wide = glyphs.gap(previous, match.start()) > _CELL_GAP * size
            is_cell = is_wide and not is_item(text, whole=True)
            last_cell = match.start() if is_cell else last_cell
            text += "\t" if is_cell else " "
        text += match[0]
        previous = match.end() - 1
    text = text.replace(LINE_END_HYPHEN, "-")
    if _SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return normalize_text(text).translate(PLAIN_SYMBOLS), last_cell


def _is_same_line(line: Line, fragment: Line) -> bool:
    overlap = min(line.high, fragment.high) - max(line.low, fragment.low)
    height = min(line.high - line.low, fragment.high - fragment.low)
    is_beside = fragment.start >= line.end - 0.5 * line.size
    is_turned = line.is_vertical != fragment.is_vertical and len(fragment.text) > 1
    return overlap > 0.3 * height and is_beside and not is_turned


def _is_beside_cell(first: Line, second: Line, fragment: Line) -> bool:
    """Tell whether ``fragment`` is the next cell of a row whose last cell took two lines."""
    is_one_cell = abs(first.start - second.start) < 0.1 * first.size and first.low > second.low
    gap = fragment.start - max(first.end, second.end)
    return is_one_cell and gap > 0 and _is_same_line(first, fragment)


def _append(line: Line, fragment: Line) -> Line:
    gap = (fragment.start - line.end) / max(line.size, fragment.size, 0.1)
    is_cell = gap > _CELL_GAP and not is_item(line.text, whole=True)
    space = "\t" if is_cell else " " if gap > _MIN_WORD_GAP else ""
    return replace(
        line,
        text=line.text + space + fragment.text,
        end=max(line.end, fragment.end),
        low=min(line.low, fragment.low),
        size=max(line.size, fragment.size),
        is_row=line.is_row or fragment.is_row or is_cell,
        cell_start=fragment.cell_start or (fragment.start if is_cell else line.cell_start),
    )


def is_item(text: str, *, whole: bool = False) -> bool:
    """Tell whether ``text`` begins with a list mark, or is nothing but one."""
    for pattern in (BULLET, NUMBER_IN_PARENTHESES):
        if match := pattern.match(text + " "):
            return not whole or match.end() >= len(text)
    return whole and len(text) <= 4 and text.rstrip(".．").replace(".", "").isdigit()
