"""Characters on a page to lines, and lines to paragraphs, by where they stand.

A line goes on in the next one when the next one's first word would not have fitted behind
it. Rows of tables, list items and short lines therefore stay on lines of their own, and
sentences that a page breaks become whole again. Lengths are PDF points.

Vertical writing uses the same rules with the page turned: a line's ``start`` is then its
top, and the next line stands to the left instead of below.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from rag.readers.extract import is_cjk, joint, normalize_text

LINE_END_HYPHEN = 2  # what pdfium reports for a hyphen where a word is broken
_SOFT_HYPHEN = 0xAD
_LINE_ENDS = (10, 13)
_SPACES = (32, 9, 0xA0)

_CELL_GAP = 2.0  # em; justified text hardly ever stretches a space this far
_MIN_WORD_GAP = 0.15
_MAX_LEADING = 2.5
_MIN_WIDE = 0.4  # of the page's text width: a column of running text, not of labels

_BULLET = re.compile(
    r"(?:[•●○◦▪■□◆◇▶►☆★※✓・‣]|[-–—*](?=\s)|[①-⑳]"
    r"|(?:\d{1,3}|[A-Za-z])[.．](?=\s)"
    r"|第[\d０-９一二三四五六七八九十百]+[条章節項編](?=[\s（(]|$))"
)
_NUMBER_IN_PARENTHESES = re.compile(r"[(（]?(?:\d{1,3}|[０-９]{1,3}|[A-Za-zア-ン]|[ivx]{1,4})[)）]")
_LEADER = re.compile(r"(?:[.．…‥・·]\s?){4,}\s*[\d０-９]+$")
_SENTENCE_ENDS = tuple(".。!！?？:：;；")
_COMPOUND = re.compile(r"[^\W\d_]+-[^\W\d_]+")
_FIRST_WORD = re.compile(r"[^\s\u2e80-\U0003ffff]+")


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
        return [word.lower() for word in _COMPOUND.findall(self.text)]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together. ``is_close``: set right under the one before."""

    text: str
    size: float
    is_row: bool
    is_list_item: bool
    is_vertical: bool
    is_close: bool


def lines_of(codes: Sequence[int], box_at: Callable[[int], Box]) -> list[Line]:
    """Return the lines of a page in the order of ``codes``.

    Args:
        codes: Unicode code points; 0 for glyphs without a known one, which are dropped.
        box_at: the box of the character at an index of ``codes``.
    """
    lines: list[Line] = []
    for indices in _fragments(codes):
        line = _line(indices, codes, box_at)
        if lines and _is_same_line(lines[-1], line):
            lines[-1] = _append(lines[-1], line)
        elif len(lines) > 1 and _is_beside_cell(lines[-2], lines[-1], line):
            lines[-2] = _append(lines[-2], line)
        else:
            lines.append(line)
    return lines


def paragraphs_of(lines: Sequence[Line], compounds: frozenset[str]) -> Iterator[Paragraph]:
    """Yield the paragraphs of a page.

    Args:
        lines: the lines of one page in reading order.
        compounds: words of the document that keep their hyphen when a line breaks them.
    """
    if not lines:
        return
    leading = _usual_leading(lines)
    text_width = max(line.end for line in lines) - min(line.start for line in lines)
    is_close = False
    for run in _runs(lines, leading):
        text, first = run[0].text, run[0]
        for before, line in zip(run, [*run[1:], None], strict=True):
            if line is not None and _goes_on(first, before, line, run, text_width):
                text = _join(text, line.text, compounds)
                continue
            is_item = _is_item(first.text)
            yield Paragraph(text, first.size, first.is_row, is_item, first.is_vertical, is_close)
            if line is not None:
                text, first, is_close = line.text, line, True
        is_close = False


def _fragments(codes: Sequence[int]) -> Iterator[list[int]]:
    """Yield the indices between pdfium's line ends, without outer white space."""
    fragment: list[int] = []
    for index, code in enumerate([*codes, 10]):
        if code in _LINE_ENDS or (fragment and codes[fragment[-1]] == LINE_END_HYPHEN):
            while fragment and chr(codes[fragment[-1]]).isspace():
                fragment.pop()
            if fragment:
                yield fragment
            fragment = []
        if code and code not in _LINE_ENDS and (fragment or not chr(code).isspace()):
            fragment.append(index)


def _line(indices: list[int], codes: Sequence[int], box_at: Callable[[int], Box]) -> Line:
    first, last = box_at(indices[0]), box_at(indices[-1])
    across = abs((first.bottom + first.top) - (last.bottom + last.top))
    along = abs((first.left + first.right) - (last.left + last.right))
    text, cell_start = _line_text(indices, codes, box_at)
    size = max(first.size, last.size)
    is_row = cell_start is not None or bool(_LEADER.search(text))
    if across > along:
        left, right = min(first.left, last.left), max(first.right, last.right)
        return Line(text, -first.top, -last.bottom, left, right, size, True, is_row)
    bottom, top = min(first.bottom, last.bottom), max(first.top, last.top)
    return Line(text, first.left, last.right, bottom, top, size, False, is_row, cell_start)


def _line_text(
    indices: list[int], codes: Sequence[int], box_at: Callable[[int], Box]
) -> tuple[str, float | None]:
    """Return the text with a space a gap or a tab between cells, and the last cell's start."""
    text = ""
    cell_start: float | None = None
    previous = indices[0]
    for index in indices:
        code = codes[index]
        if code in _SPACES or (code == _SOFT_HYPHEN and index != indices[-1]):
            continue
        if index > previous + 1 and any(gap in _SPACES for gap in codes[previous + 1 : index]):
            before, after = box_at(previous), box_at(index)
            is_wide = after.left - before.right > _CELL_GAP * before.size
            is_cell = is_wide and not _is_item(text, whole=True)
            cell_start = after.left if is_cell else cell_start
            text += "\t" if is_cell else " "
        text += "-" if code in (LINE_END_HYPHEN, _SOFT_HYPHEN) else chr(code)
        previous = index
    if any("\ud800" <= character <= "\udfff" for character in text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return normalize_text(text), cell_start


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
    is_cell = gap > _CELL_GAP and not _is_item(line.text, whole=True)
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


def _usual_leading(lines: Sequence[Line]) -> float:
    """Return the usual distance of neighbouring lines, in em."""
    distances = [
        (line.low - following.low) / max(line.size, 0.1) for line, following in pairwise(lines)
    ]
    return median([d for d in distances if 0.3 < d <= _MAX_LEADING] or [1.2])


def _runs(lines: Sequence[Line], leading: float) -> Iterator[list[Line]]:
    """Yield groups of lines set one right under the other in one type size."""
    run = [lines[0]]
    for line in lines[1:]:
        before = run[-1]
        distance = (before.low - line.low) / max(before.size, 0.1)
        sizes = sorted((before.size, line.size))
        is_stacked = (
            before.is_vertical == line.is_vertical
            and sizes[0] >= 0.85 * sizes[1]
            and 0.3 < distance <= leading * 1.35 + 0.1
            and min(before.end, line.end) > max(before.start, line.start)
        )
        if is_stacked or before.has_hyphen:
            run.append(line)
        else:
            yield run
            run = [line]
    yield run


def _goes_on(
    first: Line, line: Line, following: Line, run: Sequence[Line], text_width: float
) -> bool:
    """Tell whether a line was broken by the page's edge, and not by its author."""
    if following.is_row:
        return False
    if first.is_row:
        return _is_in_last_cell(first, following)
    if line.has_hyphen:
        return True
    if _BULLET.match(following.text):
        return False
    ends_sentence = line.text.endswith(_SENTENCE_ENDS)
    if ends_sentence and _NUMBER_IN_PARENTHESES.match(following.text):
        return False
    is_hanging = following.start - first.start > 0.5 * line.size
    if ends_sentence and _is_item(first.text) and not is_hanging:
        return False
    is_indented = following.start - line.start > 0.8 * line.size
    if is_indented and not _is_item(line.text) and (ends_sentence or is_cjk(following.text[0])):
        return False
    edge = max(other.end for other in run)
    if edge - line.end > _first_word_width(following):
        return False
    # The longest of a few short lines always looks full; running text proves it is one.
    is_wide = edge - min(other.start for other in run) > _MIN_WIDE * text_width
    full_lines = sum(edge - other.end <= _first_word_width(after) for other, after in pairwise(run))
    return is_wide or full_lines > 1


def _is_in_last_cell(row: Line, following: Line) -> bool:
    """Tell whether a line stands under the last cell of a row, as its second line."""
    return row.cell_start is not None and abs(following.start - row.cell_start) < row.size


def _first_word_width(line: Line) -> float:
    """Return the room that the line's first word needs at the end of the line before it."""
    if is_cjk(line.text[0]):
        return 2.0 * line.size  # one character, and one more that may not start a line
    widths = [1.0 if is_cjk(character) else 0.5 for character in line.text]
    word = _FIRST_WORD.match(line.text)
    word_share = sum(widths[: word.end()]) / sum(widths) if word else 0.0
    return word_share * (line.end - line.start) + 0.5 * line.size


def _is_item(text: str, *, whole: bool = False) -> bool:
    """Tell whether ``text`` begins with a list mark, or is nothing but one."""
    for pattern in (_BULLET, _NUMBER_IN_PARENTHESES):
        if match := pattern.match(text + " "):
            return not whole or match.end() >= len(text)
    return whole and len(text) <= 4 and text.rstrip(".．").replace(".", "").isdigit()


def _join(text: str, following: str, compounds: frozenset[str]) -> str:
    if not text.endswith("-") or not text[-2:-1].isalpha():
        return text + joint(text, following) + following
    halves = (text.split()[-1], following.split()[0])
    candidate = _COMPOUND.search("".join(halves).lower())
    is_compound = candidate is not None and candidate[0] in compounds
    is_letter = not text[-3:-2].isalpha()  # as in "d-dimensional"
    if is_compound or is_letter or not following[0].islower():
        return text + following
    return text[:-1] + following
