"""Recognized lines of an image to reading order: columns of running text one by one, else rows.

The rules know only the direction of writing and the one across it, so that they hold for
horizontal text and for Japanese columns from right to left alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.readers.page_lines import Line, join_fragments

_USUAL_SIZES = (0.75, 1.35)  # of the page's usual one: what a recognizer's boxes vary by
_MIN_COLUMN_LINES = 4
_MIN_COLUMN_SHARE = 0.2  # of the page's width; narrower ones are cells of a table
_FULL_LINE_SHARE = 0.8  # of its column's width


@dataclass(frozen=True, slots=True)
class _Placed:
    """A line in the direction that most of its page is written in."""

    start: float
    end: float
    low: float
    high: float
    line: Line


def arrange(fragments: Sequence[Line], body_size: float) -> list[Line]:
    """Return the lines of a page as they are read, the usual ones in ``body_size``.

    Sizes near the usual one become the same, because they are measured on boxes around the
    ink and would make headings of lines with tall letters.
    """
    if not fragments:
        return []
    lengths = {True: 0, False: 0}
    for line in fragments:
        lengths[line.is_vertical] += len(line.text)
    is_vertical = lengths[True] > lengths[False]
    placed = [_place(line, is_vertical=is_vertical) for line in fragments]
    usual = _usual_size(fragments)
    lines = [_level(item.line, usual, body_size) for item in _ordered(placed)]
    return join_fragments(lines)


def _place(line: Line, *, is_vertical: bool) -> _Placed:
    start, end, low, high = line.start, line.end, line.low, line.high
    if is_vertical and not line.is_vertical:
        return _Placed(-high, -low, start, end, line)
    if line.is_vertical and not is_vertical:
        return _Placed(low, high, -end, -start, line)
    return _Placed(start, end, low, high, line)


def _ordered(placed: list[_Placed]) -> list[_Placed]:
    """Return columns one by one where there are some, below what stands above all of them."""
    by_height = sorted(placed, key=lambda item: -item.high)
    for last in range(len(by_height), len(by_height) - 3, -1):  # a page's foot has a line or two
        for first in range(last - 2 * _MIN_COLUMN_LINES + 1):
            columns = _columns(by_height[first:last])
            if columns:
                left, right = columns
                above, below = by_height[:first], by_height[last:]
                return _rows(above) + _ordered(left) + _ordered(right) + _rows(below)
    return _rows(by_height)


def _columns(placed: list[_Placed]) -> tuple[list[_Placed], list[_Placed]] | None:
    """Return the sides of an empty strip with running text on both; tables have none."""
    by_start = sorted(placed, key=lambda item: item.start)
    width = max(item.end for item in placed) - by_start[0].start
    edge = by_start[0].end
    for number, item in enumerate(by_start):
        sides = by_start[:number], by_start[number:]
        if item.start > edge and all(_is_column(side, width) for side in sides):
            return sides
        edge = max(edge, item.end)
    return None


def _is_column(placed: list[_Placed], page_width: float) -> bool:
    if len(placed) < _MIN_COLUMN_LINES:
        return False
    width = max(item.end for item in placed) - min(item.start for item in placed)
    full = sum(item.end - item.start >= _FULL_LINE_SHARE * width for item in placed)
    return width >= _MIN_COLUMN_SHARE * page_width and full >= len(placed) / 2


def _rows(by_height: list[_Placed]) -> list[_Placed]:
    rows: list[list[_Placed]] = []
    for item in sorted(by_height, key=lambda item: -(item.low + item.high)):
        if rows and _is_in_row(rows[-1][0], item):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [item for row in rows for item in sorted(row, key=lambda item: item.start)]


def _is_in_row(first: _Placed, item: _Placed) -> bool:
    overlap = min(first.high, item.high) - max(first.low, item.low)
    return overlap > 0.5 * min(first.high - first.low, item.high - item.low)


def _usual_size(lines: Sequence[Line]) -> float:
    """Return the size that half of the characters are set in or below."""
    by_size = sorted(lines, key=lambda line: line.size)
    half = sum(len(line.text) for line in lines) / 2
    for line in by_size:
        half -= len(line.text)
        if half <= 0:
            return max(line.size, 1.0)
    return 1.0


def _level(line: Line, usual: float, body_size: float) -> Line:
    scale = body_size / usual
    ratio = line.size / usual
    smallest, largest = _USUAL_SIZES
    is_usual = smallest <= ratio <= largest
    return replace(
        line,
        start=line.start * scale,
        end=line.end * scale,
        low=line.low * scale,
        high=line.high * scale,
        size=body_size if is_usual else body_size * max(round(ratio * 4), 1) / 4,
    )
