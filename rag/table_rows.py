"""Rows of tables among the sentences of a passage, and the header that each stands under. Pure."""

import csv
import re
from collections.abc import Sequence
from itertools import groupby
from statistics import median

_SEPARATORS = "|\t,"
_LEAST_CELLS = 2
_LONGEST_ROW = 2000  # characters; nobody reads a longer one, and csv refuses cells of 131,072
_ROW = re.compile(r"\||\t.*\t|(?:,\S[^,]*){3}")  # of a table as text
_CELL = re.compile(r"(?:[^|\t,]|,\s|(?<=\d),(?=\d{3}))+")
_BAR = re.compile(r"(?<!\\)\|")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")


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


def named_cells(row: str, sentences: Sequence[str], heading: str, *, is_cut: bool) -> str:
    """Return what ``row`` says, each cell after the name of its column; "" where that is not known.

    A row by itself does not tell whether 75 is what there is or what it costs, and under a wrong
    name it tells something false: only what can be names is taken for some.

    Args:
        row: one of ``sentences``.
        sentences: of its passage, in its order.
        heading: of the passage; of a long table it ends in the names of the columns.
        is_cut: the passage begins within its document, so that its first row may be any.
    """
    if not is_row(row) or row not in sentences or len(row) > _LONGEST_ROW:
        return ""
    cells = _cells(row)
    header = headers(sentences).get(sentences.index(row))
    choices = [heading.rpartition(" > ")[2].split(", ")]
    if header is not None and not (header == 0 and is_cut):
        choices.append(_cells(sentences[header]))
    names = next((names for names in choices if _can_name(names, cells)), ())
    return " · ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=False) if cell)


def _can_name(names: Sequence[str], cells: Sequence[str]) -> bool:
    """Tell whether each cell gets a name of its own: some words, no number."""
    is_complete = len(names) == len(cells) >= _LEAST_CELLS and all(names)
    return is_complete and len(set(names)) == len(names) and all(map(_LETTER.search, names))


def _cells(row: str) -> list[str]:
    if "|" in row:
        inner = row.strip().removeprefix("|").removesuffix("|")
        return [cell.strip() for cell in _BAR.split(inner)]
    cells = row.split("\t") if "\t" in row else next(csv.reader([" ".join(row.split())]))
    return [" ".join(cell.split()) for cell in cells]


def _numbers(row: str) -> int:
    """Count the cells that hold a digit."""
    return sum(bool(_DIGIT.search(cell)) for cell in _CELL.findall(row))


def _shape(sentence: str) -> tuple[int, ...]:
    """Return how many of each separator a row has; () of a sentence that is none."""
    return tuple(map(sentence.count, _SEPARATORS[:2])) if is_row(sentence) else ()
