"""Rows of CSV, TSV and Excel workbooks under their header, streamed.

A stray quotation mark costs the line that it stands in, and not all that follows.
"""

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.extract import normalize_text
from training.examples.errors import ExampleFileError
from training.examples.layouts import count_known, detect, folded_name, shown
from training.examples.sentence import Sentence
from training.examples.text_file import Line, read_lines
from training.examples.values import Record, RejectedRow

Item = Record | RejectedRow
Row = tuple[int, list[tuple[int, str]]]  # number; column and text of its cells that hold any

_DELIMITERS = ",\t;|"
_HEAD_ROWS = 10  # of a sheet: a title may stand above the header


def separated_rows(file: Path) -> Iterator[Item]:
    """Yield the rows of a CSV or TSV file; its first row that is not blank names the columns.

    Raises:
        ExampleFileError: the file cannot be read.
    """
    lines = read_lines(file)
    header = next((line for line in lines if line.text.strip() or line.problem), None)
    if header is None:
        return
    if header.problem:
        raise ExampleFileError("file_encoding", file=str(file), line=header.number)
    rows = _parsed(_Replayed(header, lines), _delimiter(header.text), file.name)
    columns: list[str] = []
    for row in rows:
        if isinstance(row, RejectedRow):
            yield row
            continue
        place, cells = row
        if not columns:
            columns = _named(cells)
        elif len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            counts = {"cells": len(cells), "columns": len(columns)}
            yield RejectedRow(place, Sentence("row_cells", counts))
        else:
            yield Record(place, dict(zip(columns, cells, strict=False)))


def _delimiter(header: str) -> str:
    """Return what cuts the header into the most columns that are known, or else the most."""

    def worth(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([header], delimiter=delimiter), [])
        return count_known(cells), len(cells)

    return max(_DELIMITERS, key=worth)


class _Replayed:
    """Lines for `csv.reader`; those of the record that it is reading can be given back."""

    def __init__(self, first: Line, rest: Iterator[Line]) -> None:
        self._waiting = deque([first])
        self._rest = rest
        self.taken: list[Line] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._rest)
        self.taken.append(line)
        return line.text

    def give_back(self) -> None:
        """Read the lines of this record again, but for the first."""
        self._waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _parsed(
    lines: _Replayed, delimiter: str, name: str
) -> Iterator[tuple[str, list[str]] | RejectedRow]:
    """Yield place and cells of each record that is not blank."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.give_back()
            place = f"{name}:{lines.taken[0].number}"
            yield RejectedRow(place, Sentence("row_quotes", {"error": str(error)}))
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            continue
        place = f"{name}:{lines.taken[0].number}"
        problem = next((line.problem for line in lines.taken if line.problem), None)
        if problem:
            yield RejectedRow(place, problem)
        elif any(cell.strip() for cell in cells):
            yield place, cells


def workbook_rows(file: Path, given: Mapping[str, str]) -> Iterator[Item]:
    """Yield the rows of every sheet of an Excel workbook that has a question and an answer.

    Raises:
        ExampleFileError: no workbook, encrypted or damaged, or no sheet has such columns.
    """
    headers: dict[str, str] = {}  # of sheets without question and answer
    first: list[str] = []  # columns of the first sheet that is read
    for sheet, named_rows in groupby(_all_rows(file), key=itemgetter(0)):
        rows = (row for _, row in named_rows)
        head = list(islice(rows, _HEAD_ROWS))
        at = _header(head, given)
        if at is not None:
            columns = _named(_dense(head[at][1]))
            first = first or columns
            columns = _as_in(first, columns)
            yield from _sheet_rows(f"{file.name}: {sheet}", columns, chain(head[at + 1 :], rows))
        else:
            headers[sheet] = shown(_named(_dense(head[0][1])))
    if headers and not first:
        found = next(iter(headers.values()))
        raise ExampleFileError(
            "columns",
            file=str(file),
            found=found,
            missing="question, answer",
            example=found.split(", ")[0],
        )
    for sheet, found in headers.items():
        yield RejectedRow(f"{file.name}: {sheet}", Sentence("sheet_columns", {"found": found}))


def _all_rows(file: Path) -> Iterator[tuple[str, Row]]:
    from rag.readers.spreadsheet import read_sheet_rows

    try:
        yield from read_sheet_rows(file)
    except DocumentError as error:
        raise ExampleFileError("workbook", file=str(file), error=str(error)) from error
    except FileNotFoundError as error:
        raise ExampleFileError("file_missing", file=str(file)) from error
    except Exception as error:  # parsers raise anything on damaged files
        reason = f"{type(error).__name__}: {error}"
        raise ExampleFileError("file_damaged", file=str(file), error=reason) from error


def _sheet_rows(sheet: str, columns: Sequence[str], rows: Iterable[Row]) -> Iterator[Item]:
    for number, cells in rows:
        place = f"{sheet}!{number}"
        values = dict(cells)
        if (beyond := max(values)) >= len(columns):
            counts = {"cells": beyond + 1, "columns": len(columns)}
            yield RejectedRow(place, Sentence("row_cells", counts))
        else:
            yield Record(place, {name: values.get(n, "") for n, name in enumerate(columns)})


def _as_in(first: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return ``columns`` under the names that the first sheet has for the same fields.

    One sheet may be in Japanese and the next in English; a file has one mapping.
    """
    here, there = detect(columns), detect(first)
    if here is None or there is None:
        return list(columns)
    names = {column: there[1][field] for field, column in here[1].items() if field in there[1]}
    return [names.get(column, column) for column in columns]


def _header(rows: Sequence[Row], given: Mapping[str, str]) -> int | None:
    """Return the place of the row that names the columns; None when there is none."""
    wanted = {folded_name(name) for name in given.values() if name}
    for n, (_, cells) in enumerate(rows):
        names = [text for _, text in cells]
        if detect(names) or (wanted and wanted <= {folded_name(name) for name in names}):
            return n
    return None


def _dense(cells: Sequence[tuple[int, str]]) -> list[str]:
    texts = dict(cells)
    return [texts.get(column, "") for column in range(max(texts) + 1)]


def _named(cells: Sequence[str]) -> list[str]:
    """Return names of columns, no two alike and none empty."""
    names: list[str] = []
    for n, cell in enumerate(cells, start=1):
        name = " ".join(normalize_text(cell).split()) or f"({n})"
        names.append(name if name not in names else f"{name} ({n})")
    return names
