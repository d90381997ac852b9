"""What stands on pages beside their text: running headers and footers, page numbers, furigana."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from rag.readers.extract import is_cjk
from rag.readers.page_lines import Line

_LINES_AT_AN_EDGE = 3
_MIN_PAGES = 3
_MIN_SHARE = 0.3  # left and right pages may differ, and chapters begin without
_MAX_SIZE_RATIO = 1.08  # to the body; larger lines are headings, which may look alike
_FIRST_NUMBER = re.compile(r"(^[^\w\t]*|\t[^\w\t]*)(\d{1,5})(?!\d)")
_LAST_NUMBER = re.compile(r"(?<!\d)(\d{1,5})(?=\s*(?:/|of\b)|[^\w\t]*$)")
_NEIGHBOURS = 4
_MAX_FURIGANA_RATIO = 0.6
_KANA = re.compile(r"[\u3040-\u30ff\s]+")
_SPACE = re.compile(r" +")

Key = tuple[str, int, int, bool]


def without_running_lines(pages: Sequence[Sequence[Line]], body_size: float) -> list[list[Line]]:
    """Return the pages without the headers and footers that return, but for their first time.

    They would stand in every passage, and be what a passage is found by. A line returns when
    it stands at one height at the edge of several pages with the same words; of its numbers,
    those may differ that count the pages. What stands inside of a line that stays, stays too.
    """
    pages_of: defaultdict[Key, list[int]] = defaultdict(list)
    for number, lines in enumerate(pages):
        for key in {key for edge in _edges(lines) for i in edge for key in _keys(lines[i], number)}:
            pages_of[key].append(number)
    needed = max(_MIN_PAGES, _MIN_SHARE * sum(1 for lines in pages if lines))
    first_page = {key: on[0] for key, on in pages_of.items() if len(on) >= needed}
    kept = []
    for number, lines in enumerate(pages):
        left_out: set[int] = set()
        for edge in _edges(lines):
            for index in edge:
                line = lines[index]
                first = min(first_page.get(key, number) for key in _keys(line, number))
                if first == number or line.size >= body_size * _MAX_SIZE_RATIO:
                    break
                left_out.add(index)
        kept.append([line for index, line in enumerate(lines) if index not in left_out])
    return kept


def _edges(lines: Sequence[Line]) -> tuple[list[int], list[int]]:
    """Return the places of the lines at the lower and the upper edge, the outermost first."""
    by_height = sorted(range(len(lines)), key=lambda index: lines[index].low)
    return by_height[:_LINES_AT_AN_EDGE], by_height[: -_LINES_AT_AN_EDGE - 1 : -1]


def _keys(line: Line, page_number: int) -> list[Key]:
    place = (round(line.low), round(line.size), line.is_vertical)
    return [(words, *place) for words in _wordings(line.text, page_number)]


def _wordings(text: str, page_number: int) -> set[str]:
    """Return the text as it is, and with numbers at the ends of cells as distances to the page's.

    One by one, as "QP-07" and "1/30" end in numbers that stay.
    """
    by_first = _FIRST_NUMBER.sub(lambda m: f"{m[1]}<{int(m[2]) - page_number}>", text)
    by_last = _LAST_NUMBER.sub(lambda m: f"<{int(m[1]) - page_number}>", text, count=1)
    return {text, by_first, by_last}


def without_furigana(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a page without the small readings beside them.

    The text under a reading is often set apart to make room: the gaps go as well.
    """
    readings: set[int] = set()
    read: set[int] = set()
    for index, line in enumerate(lines):
        if _KANA.fullmatch(line.text):
            near = range(max(index - _NEIGHBOURS, 0), min(index + _NEIGHBOURS + 1, len(lines)))
            bases = [other for other in near if _stands_beside(line, lines[other])]
            if bases:
                readings.add(index)
                read.update(bases)
    return [
        replace(line, text=_SPACE.sub(_close, line.text)) if index in read else line
        for index, line in enumerate(lines)
        if index not in readings
    ]


def _stands_beside(reading: Line, line: Line) -> bool:
    return (
        reading.is_vertical == line.is_vertical
        and reading.size <= _MAX_FURIGANA_RATIO * line.size
        and abs(reading.low - line.high) < 0.5 * line.size
        and reading.start >= line.start - line.size
        and reading.end <= line.end + line.size
    )


def _close(match: re.Match[str]) -> str:
    before, after = match.string[match.start() - 1], match.string[match.end() : match.end() + 1]
    return "" if is_cjk(before) and after and is_cjk(after) else match[0]
