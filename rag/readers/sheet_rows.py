"""Rows of a spreadsheet to blocks; what XLSX, XLS and ODS share once cells are text.

Rows come sparse, so that one far cell costs no more than a near one. A blank row ends a table.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice, pairwise

from rag.readers.extract import ExtractBuilder, require_room

Cells = list[tuple[int, str]]  # column and text of the cells of a row that hold any
Row = tuple[int, Cells]  # number first; rows come in order

_HEAD_ROWS = 100  # looked at together
_MAX_GAP = 50  # columns; beyond, cells no longer stand below each other, and tabs pile up
_MAX_TITLE_CHARACTERS = 60
_NOTE_MARKS = ("※", "*", "＊", "注", "・", "-")
_NUMBER_OR_DATE = re.compile(r"[-+¥￥$€▲(]?\d[\d.,:/\- ]*[%％)]?|[-#].*|TRUE|FALSE")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SHEET, _TITLE, _TABLE, _COLUMNS, _SUBCOLUMNS = range(1, 6)  # levels of headings


def add_sheet(builder: ExtractBuilder, name: str, rows: Iterable[Row]) -> None:
    """Add a sheet as one page, with its name as a heading unless it is empty.

    Rows that name the columns of a table become headings of the rows below;
    what stands alone above a table is a heading as well.

    Raises:
        DocumentError: more text than one document may hold.
    """
    builder.start_page()
    sheet = _Sheet(builder, name)
    filled = enumerate(_filled(rows, builder.length))
    # What a row's number and its place among filled rows differ by grows with each blank row.
    for _, table in groupby(filled, key=lambda entry: entry[1][0] - entry[0]):
        sheet.add_table(cells for _, (_, cells) in table)
    sheet.end()


def _filled(rows: Iterable[Row], length: int) -> Iterator[Row]:
    """Yield the rows that hold any text, as long as there is room behind ``length``."""
    for number, cells in rows:
        if cells:
            length += sum(len(text) for _, text in cells)
            require_room(length)
            yield number, cells


class _Sheet:
    """Writes the tables of one sheet. A line alone waits for what follows it."""

    def __init__(self, builder: ExtractBuilder, name: str) -> None:
        self._builder = builder
        self._name = name
        self._waiting = ""

    def add_table(self, rows: Iterator[Cells]) -> None:
        """Add rows that stand together; they are taken one by one, as there may be many."""
        if self._name:
            self._builder.add_heading(self._name, _SHEET)
            self._name = ""
        lines: list[str] = []
        for row in rows:
            if len(row) > 1:
                self._add_lines_and_rows(lines, chain([row], rows))
                return
            lines.append(row[0][1])
        self.end()
        if len(lines) == 1:
            self._waiting = lines[0]
        else:
            self._builder.add("paragraph", "\n".join(lines))

    def end(self) -> None:
        """Add the line that waits as what it is when nothing follows: a paragraph."""
        self._builder.add("paragraph", self._waiting)
        self._waiting = ""

    def _add_lines_and_rows(self, lines: list[str], rows: Iterator[Cells]) -> None:
        if self._waiting and _is_title(self._waiting):
            self._builder.add_heading(self._waiting, _TITLE)
            self._waiting = ""
        self.end()
        level = _TABLE
        if lines and _is_title(lines[0]):
            self._builder.add_heading(lines.pop(0), level)
            level = _COLUMNS
        self._builder.add("paragraph", "\n".join(lines))
        head = list(islice(rows, _HEAD_ROWS))
        names = _header_rows(head)
        for number, row in enumerate(head[:names]):
            self._builder.add_heading(", ".join(text for _, text in row), level + number)
        first_column = min(row[0][0] for row in head)
        lines = [_line(row, first_column) for row in chain(head[names:], rows)]
        self._builder.add("table", "\n".join(lines))


def _line(row: Cells, first_column: int) -> str:
    """Return the cells of a row, joined by as many tabs as there are columns between them."""
    pieces = []
    before = first_column
    for column, text in row:
        gap = max(column - before, 0)
        pieces.append("\t" * (gap if gap <= _MAX_GAP else 1) + text)
        before = column
    return "".join(pieces)


def _is_title(line: str) -> bool:
    return (
        len(line) <= _MAX_TITLE_CHARACTERS
        and any(character.isalpha() for character in line)
        and not line.endswith(("。", ".", "、", "！", "!"))
        and not line.startswith(_NOTE_MARKS)
    )


def _header_rows(rows: list[Cells]) -> int:
    """Return how many rows at the top name columns: up to two, and one row is left below.

    A header names at least half of the cells below it. A row of fewer names above it spans
    groups of columns; one below it may divide some of its columns.
    """
    for number, (row, next_row) in enumerate(pairwise(rows[:3])):
        if not _are_names(row):
            return 0
        if len(row) * 2 >= len(next_row):
            return number + 1 + (number == 0 and len(rows) > 2 and _divides_columns(rows))
    return 0


def _divides_columns(rows: list[Cells]) -> bool:
    """Tell whether the second row names parts of the columns that the first one names.

    As under merged cells: it fills gaps of the row above. It has gaps itself where that row
    needs no parts, or else the row below shows by its numbers that the names end here.
    """
    above, below = ({column for column, _ in row} for row in rows[:2])
    has_numbers = any(_NUMBER_OR_DATE.fullmatch(text) for _, text in rows[2])
    fills_gaps = bool(below - above) and bool(above - below or has_numbers)
    return fills_gaps and (_are_names(rows[1]) or (has_numbers and _are_parts(rows[1])))


def _are_parts(row: Cells) -> bool:
    """Tell whether a row repeats a few names: plan and result of each half year."""
    names = {text for _, text in row}
    return len(names) > 1 and not any(_NUMBER_OR_DATE.fullmatch(text) for text in names)


def _are_names(row: Cells) -> bool:
    """Tell whether a row holds names, at least two and most of them once; years may be among."""
    names = {text for _, text in row if not _NUMBER_OR_DATE.fullmatch(text)}
    years = {text for _, text in row if _YEAR.fullmatch(text)}
    is_all_names = all(text in names or text in years for _, text in row)
    is_distinct = len(names | years) * 3 >= len(row) * 2
    return bool(names) and len(row) > 1 and is_all_names and is_distinct
