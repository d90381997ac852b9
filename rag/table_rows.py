"""Rows of tables among the sentences of a passage, and the header that each stands under. Pure."""

import re
from collections.abc import Sequence
from itertools import groupby
from statistics import median

_SEPARATORS = "|\t,"
_ROW = re.compile(r"\||\t.*\t|(?:,\S[^,]*){3}")  # of a table as text
_CELL = re.compile(r"(?:[^|\t,]|,\s|(?<=\d),(?=\d{3}))+")
_DIGIT = re.compile(r"\d")


def is_row(sentence: str) -> bool:
    """Tell whether ``sentence`` is a row of a table as text: cells between bars, tabs or commas."""
    return bool(_ROW.search(sentence))


def headers(sentences: Sequence[str]) -> dict[int, int]:
    """Return the number of the header of each row that stands under one.

    A header is the first of two or more rows of as many cells, where most of the others have
    numbers in more cells: where all is words, a first row may be like the others.

    Args:
        sentences: of one passage, in its order.
    """
    found: dict[int, int] = {}
    for shape, run in groupby(enumerate(sentences), key=lambda one: _shape(one[1])):
        first, *rows = list(run)
        if shape and rows and _numbers(first[1]) < median(_numbers(text) for _, text in rows):
            found.update((number, first[0]) for number, _ in rows)
    return found


def _numbers(row: str) -> int:
    """Count the cells that hold a digit."""
    return sum(bool(_DIGIT.search(cell)) for cell in _CELL.findall(row))


def _shape(sentence: str) -> tuple[int, ...]:
    """Return how many of each separator a row has; () of a sentence that is none."""
    return tuple(map(sentence.count, _SEPARATORS[:2])) if is_row(sentence) else ()
