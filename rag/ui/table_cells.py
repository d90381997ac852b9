"""The rows of a table that a span of text touches, as cells with exact spans. Pure functions.

Only what can be told for certain is called a cell: cells are cut out of the stored text and, in
CSV, compared with what the csv module makes of the same record. Otherwise there is no table, and
the text is shown as it stands.
"""

import csv
import io
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from rag.datatypes import Block, Document
from rag.readers.extract import names_columns
from rag.ui.place import suffix_of

MAX_ROWS = 30  # of what is shown; a passage may hold more
_DELIMITERS = (",", "\t", ";", "|")
_SEPARATED = (".csv", ".tsv")
_PIPE = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[\s|:\-]+")  # of Markdown, below the names of the columns


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; ``text`` is what it says, without the quotes of CSV."""

    start: int  # offsets into the document's text
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class CitedTable:
    """Rows with the rows above that name their columns. All rows are as wide as they are."""

    names: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0  # rows beyond `MAX_ROWS`


def cited_table(document: Document, start: int, end: int) -> CitedTable | None:
    """Return the rows that ``text[start:end]`` touches, or None when it is not within a table."""
    first = bisect_right(document.blocks, start, key=lambda block: block.start) - 1
    if first < 0:
        return None
    blocks = [block for block in document.blocks[first:] if block.start < end]
    blocks = [block for block in blocks if block.kind != "heading" and block.end > start]
    if not blocks or any(block.kind != "table" for block in blocks):
        return None
    if suffix_of(document.path) in _SEPARATED:
        return _separated(document, blocks)
    return _lined(document, blocks[0], start, end) if len(blocks) == 1 else None


def _table(names: Iterable[Iterable[str]], rows: list[tuple[Cell, ...]]) -> CitedTable | None:
    """Return a table; a single column is no table."""
    if max(map(len, rows), default=0) < 2:
        return None
    shown = tuple(rows[:MAX_ROWS])
    return CitedTable(tuple(map(tuple, names)), shown, len(rows) - len(shown))


# Separated values: one block a record, under one that names the columns.


def _separated(document: Document, blocks: list[Block]) -> CitedTable | None:
    header = _heading_before(document, blocks[0])
    if header is None or not blocks[0].heading_path:
        return None
    for delimiter in _DELIMITERS:
        names = _record(document.text, header, delimiter)
        joined = ", ".join(" ".join(cell.text.split()) for cell in names or ())
        if names and joined == blocks[0].heading_path[-1]:
            rows = [_record(document.text, block, delimiter) for block in blocks]
            if all(row is not None for row in rows):
                whole = [tuple(row) for row in rows if row is not None]
                return _table([[cell.text for cell in names]], whole)
    return None


def _index(document: Document, block: Block) -> int:
    return bisect_right(document.blocks, block.start, key=lambda other: other.start) - 1


def _heading_before(document: Document, block: Block) -> Block | None:
    """Return the last heading above ``block``."""
    index = _index(document, block)
    above = (other for other in reversed(document.blocks[:index]) if other.kind == "heading")
    return next(above, None)


def _record(text: str, block: Block, delimiter: str) -> list[Cell] | None:
    """Return the cells of one record, or None where the csv module sees others."""
    record = text[block.start : block.end]
    cells, start, is_quoted = [], 0, False
    for at, character in enumerate(f"{record}{delimiter}"):
        if character == '"':
            is_quoted = not is_quoted  # a doubled one turns it twice
        elif character == delimiter and (not is_quoted or at == len(record)):
            said = _unquoted(record[start:at])
            cells.append(Cell(block.start + start, block.start + at, said))
            start = at + 1
    try:
        read = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return cells if read == [[cell.text for cell in cells]] else None


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


# Tables of office documents and of Markdown: one block, one row a line.


def _lined(document: Document, block: Block, start: int, end: int) -> CitedTable | None:
    lines = list(_lines(document.text, block))
    is_piped = all(text.lstrip().startswith("|") for _, text in lines)
    if is_piped:
        names, body = _piped_names(lines)
        cut = _piped
    else:
        names, body = _tabbed_names(document, block, lines)
        cut = _tabbed
    rows = [cut(at, text) for at, text in body if at < end and at + len(text) > start]
    return _table(names, rows)


Lines = list[tuple[int, str]]  # where each begins, and what it says


def _lines(text: str, block: Block) -> Iterable[tuple[int, str]]:
    at = block.start
    for line in text[block.start : block.end].split("\n"):
        yield at, line
        at += len(line) + 1


def _piped_names(lines: Lines) -> tuple[list[list[str]], Lines]:
    if len(lines) > 2 and _RULE.fullmatch(lines[1][1]):
        return [[cell.text for cell in _piped(*lines[0])]], lines[2:]
    return [], lines


def _tabbed_names(document: Document, block: Block, lines: Lines) -> tuple[list[list[str]], Lines]:
    """Return the names of the columns and the rows below them.

    A long table has its names in the heading above: cell by cell in documents, joined by commas
    in sheets, where they are taken apart only if that gives a name for each column.
    """
    columns = max(text.count("\t") for _, text in lines) + 1
    index = _index(document, block)
    above = document.blocks[index - 1] if index else None
    if above is not None and above.kind == "heading" and block.heading_path:
        heading = document.text[above.start : above.end]
        if "\t" in heading:
            return [line.split("\t") for line in heading.split("\n")], lines
        names = heading.split(", ")
        if heading == block.heading_path[-1] and len(names) == columns > 1:
            return [names], lines
    if len(lines) > 1 and names_columns(lines[0][1]):
        return [lines[0][1].split("\t")], lines[1:]
    return [], lines


def _tabbed(at: int, line: str) -> tuple[Cell, ...]:
    cells = []
    for text in line.split("\t"):
        cells.append(Cell(at, at + len(text), text))
        at += len(text) + 1
    return tuple(cells)


def _piped(at: int, line: str) -> tuple[Cell, ...]:
    """Return the cells between the outer pipes, without the spaces around them."""
    bars = [match.start() for match in _PIPE.finditer(line)]
    if not line.rstrip().endswith("|") or bars[-1] != len(line.rstrip()) - 1:
        bars.append(len(line))
    cells = []
    for before, after in pairwise(bars):
        text = line[before + 1 : after]
        start = before + 1 + len(text) - len(text.lstrip())
        said = text.strip()
        cells.append(Cell(at + start, at + start + len(said), said.replace("\\|", "|")))
    return tuple(cells)
