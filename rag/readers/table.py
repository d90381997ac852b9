"""CSV and TSV. The text is the file itself; every record is one block under its header row.

Records, not lines: a quoted cell may hold line breaks.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rag.datatypes import Block
from rag.readers.encoding import decode_text
from rag.readers.extract import Extract, shorten_heading

_SAMPLE_CHARACTERS = 8192
_SAMPLE_RECORDS = 200
_MAX_HEADER_NUMBER = 10
_NUMBER_OR_DATE = re.compile(r"[-+¥$€]?[\d.,:/\-年月日時分%％]*\d[\d.,:/\-年月日時分%％]*")

Record = tuple[int, int, list[str]]  # start, end, cells


def read_csv(file: Path) -> Extract:
    """Read comma, semicolon, tab or ``|`` separated values; see `read_separated`."""
    text = decode_text(file.read_bytes())
    return read_separated(text, _detect_delimiter(text))


def read_tsv(file: Path) -> Extract:
    """Read tab separated values; see `read_separated`."""
    return read_separated(decode_text(file.read_bytes()), "\t")


def read_separated(text: str, delimiter: str) -> Extract:
    """Return one block a record, verbatim.

    A header row becomes a ``heading`` block, and its cells joined by ", " are the heading
    path of all rows below, so that a row found alone still tells what its columns mean.
    """
    records = list(_records(text, delimiter))
    blocks = []
    heading_path: tuple[str, ...] = ()
    header_number = _header_number([cells for _, _, cells in records[:_SAMPLE_RECORDS]])
    for number, (start, end, cells) in enumerate(records):
        if number == header_number:
            blocks.append(Block("heading", start, end))
            header = ", ".join(" ".join(cell.split()) for cell in cells)
            heading_path = (shorten_heading(header),)
        else:
            blocks.append(Block("table", start, end, heading_path))
    return Extract(text, tuple(blocks))


def _detect_delimiter(text: str) -> str:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE_CHARACTERS], delimiters=",\t;|").delimiter
    except csv.Error:
        return ","  # one column only, or no regular pattern


def _records(text: str, delimiter: str) -> Iterator[Record]:
    """Yield the records that are not blank, with their exact spans."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    first = 0
    for after, cells in _parse(lines, delimiter):
        start, end = starts[first], starts[after] - 1
        first = after
        if text[start:end].strip():
            yield start, end, cells


def _parse(lines: list[str], delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each record with the number of the line after it."""
    reader = csv.reader((line + "\n" for line in lines), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, cells) for cells in reader]
    except csv.Error:
        # A stray quote would swallow the rest of the file into one cell.
        return [(number + 1, line.split(delimiter)) for number, line in enumerate(lines)]


def _header_number(records: list[list[str]]) -> int | None:
    """Return the place of the record that names the columns, or None.

    It is the first one, or the first as wide as most when only narrower ones stand above:
    the title of a report and its date. Two columns prove nothing: so are entries of a form.
    """
    usual = Counter(map(len, records)).most_common(1)[0][0] if records else 0
    for number, cells in enumerate(records[: min(_MAX_HEADER_NUMBER, len(records) - 1)]):
        is_wide = len(cells) >= usual and (number == 0 or usual > 2)
        if is_wide and _is_header(cells):
            return number
        if sum(1 for cell in cells if cell.strip()) >= max(usual, 2):
            return None
    return None


def _is_header(cells: list[str]) -> bool:
    """Tell whether the first record names columns: distinct words, and at least two of them."""
    names = [cell.strip() for cell in cells]
    return (
        len(names) > 1
        and all(names)
        and len(set(names)) == len(names)
        and not any(_NUMBER_OR_DATE.fullmatch(name) for name in names)
    )
