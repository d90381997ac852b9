"""Excel workbooks: XLSX and XLSM as a stream of rows, XLS by xlrd. Each sheet is a page.

Not by openpyxl: it fills every gap of a sheet with cells, needs a second pass to tell which
formulas hold no value, and opens no Strict Open XML. Macros are never looked at.
"""

import io
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers.embedded import embedded_files
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.number_format import BUILT_IN_FORMATS, plain_number, show_number, show_stored
from rag.readers.ooxml import (
    COMPOUND_FILE_MAGIC,
    RELATION_ID,
    Element,
    OfficePackage,
    open_office,
    stream_xml,
)
from rag.readers.sheet_notes import add_notes
from rag.readers.sheet_rows import Row, add_sheet

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_EXACT_DIGITS = 15
_COLUMNS = 16_384
_MAX_LETTERS = 3  # of a column: XFD is the last one


def read_xlsx(file: Path) -> Extract:
    """Read all sheets, hidden ones too, with the values that were last calculated.

    Raises:
        DocumentError: encrypted, no workbook, or nothing in it but formulas without a value.
    """
    builder = ExtractBuilder()
    with open_office(file, "an Excel workbook") as package:
        workbook = package.main(f"{_S}workbook")
        cells = _Cells(package, workbook)
        for name, part in _sheets(package, workbook):
            add_sheet(builder, name, cells.rows(part) if part else iter(()))
            if part:
                add_notes(builder, package, part)
    extract = builder.build(remark=_remark(cells.missing), parts=embedded_files(file))
    if cells.missing and not extract.text:
        raise DocumentError("no_text", f"This file holds nothing else: {extract.remark}")
    return extract


def read_sheet_rows(file: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows of an XLSX workbook that hold any text, each with the name of its sheet.

    For who wants cells, not text.

    Raises:
        DocumentError: encrypted, or no workbook.
    """
    with open_office(file, "an Excel workbook") as package:
        workbook = package.main(f"{_S}workbook")
        cells = _Cells(package, workbook)
        for name, part in _sheets(package, workbook):
            for row in cells.rows(part) if part else ():
                if row[1]:
                    yield name, row


def _sheets(package: OfficePackage, workbook: Element) -> Iterator[tuple[str, str]]:
    """Yield name and part of each sheet; "" for what has no cells of its own, such as a chart."""
    relations = package.relations(package.main_name)
    for sheet in workbook.iterfind(f"{_S}sheets/{_S}sheet"):
        kind, part = relations.get(sheet.get(RELATION_ID), ("", ""))
        is_new = kind == "worksheet" and package.claim(part)
        yield sheet.get("name", ""), part if is_new else ""


def _remark(missing: int) -> str:
    if not missing:
        return ""
    count = "1 formula has" if missing == 1 else f"{missing} formulas have"
    return f"{count} no stored value; open and save the file in a spreadsheet program."


class _Cells:
    """Turns the cells of one workbook into text."""

    def __init__(self, package: OfficePackage, workbook: Element) -> None:
        self.missing = 0  # formulas without a stored value
        self._package = package
        properties = workbook.find(f"{_S}workbookPr")
        date_base = "" if properties is None else properties.get("date1904", "")
        self._starts_1904 = date_base in ("1", "true")
        self._strings = list(_shared_strings(package))
        self._formats = _formats(package)

    def rows(self, part: str) -> Iterator[Row]:
        """Yield the rows of a sheet in order; those out of order are counted on."""
        number = 0
        with self._package.open(part) as stream:
            for _, row in stream_xml(stream, "{*}row"):
                number = max(_integer(row.get("r"), number + 1), number + 1)
                yield number, list(self._row(row))

    def _row(self, row: Element) -> Iterator[tuple[int, str]]:
        column = -1
        for cell in row:
            reference = cell.get("r")
            letters = reference.rstrip("0123456789") if reference else ""
            column = _column(letters) if 0 < len(letters) <= _MAX_LETTERS else column + 1
            if len(cell) and (text := self._text(cell)):
                yield column, text

    def _text(self, cell: Element) -> str:
        """Return what a cell shows, on one line."""
        if cell.get("t") == "s":  # often the same long text many times
            number = cell.findtext("{*}v")
            return self._strings[int(number)] if number else ""
        return " ".join(self._own_text(cell).split())

    def _own_text(self, cell: Element) -> str:
        value, formula, kind = "", False, cell.get("t", "n")
        for child in cell:
            name = child.tag.rpartition("}")[2]
            if name == "v":
                value, formula = child.text or "", False
            elif name == "f":
                formula = True
            elif name == "is":
                return _rich_text(child)
        self.missing += formula
        if kind == "n":
            return self._number(value, cell.get("s"))
        if kind == "b":
            return _boolean(value in ("1", "true"))
        if kind == "d":
            return value.removesuffix("T00:00:00").replace("T", " ")
        return _unescape(value)  # a formula's text, or an error

    def _number(self, value: str, style: str | None) -> str:
        code = self._formats.get(style or "0", "")
        if not code and value.isdigit() and len(value) <= _EXACT_DIGITS:
            return value
        return show_stored(value, code, starts_1904=self._starts_1904)


def _shared_strings(package: OfficePackage) -> Iterator[str]:
    for part in package.related(package.main_name, "sharedStrings"):
        with package.open(part) as stream:
            for _, item in stream_xml(stream, "{*}si"):
                yield " ".join(_rich_text(item).split())


def _rich_text(item: Element) -> str:
    """Return the text of all runs, without furigana."""
    texts = (child.text or "" for run in item for child in _text_elements(run))
    return _unescape("".join(texts))


def _text_elements(run: Element) -> Iterator[Element]:
    name = run.tag.rpartition("}")[2]
    if name == "t":
        yield run
    elif name == "r":
        yield from run.iterfind("{*}t")


def _unescape(text: str) -> str:
    """Resolve ``_x000D_`` and the like, which stand for characters that XML cannot hold."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _formats(package: OfficePackage) -> dict[str, str]:
    """Return the number formats of the cell styles that have one, by style."""
    found: dict[str, str] = {}
    for part in package.related(package.main_name, "styles"):
        styles = package.parse(part)
        codes = {str(number): code for number, code in BUILT_IN_FORMATS.items()}
        for entry in styles.iterfind(f"{_S}numFmts/{_S}numFmt"):
            codes[entry.get("numFmtId", "")] = entry.get("formatCode", "")
        for number, style in enumerate(styles.iterfind(f"{_S}cellXfs/{_S}xf")):
            if code := codes.get(style.get("numFmtId", "0")):
                found[str(number)] = code
    return found


def _integer(value: str | None, default: int) -> int:
    return int(value) if value and value.isdigit() else default


@lru_cache(maxsize=_COLUMNS)
def _column(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _boolean(value: object) -> str:
    return "TRUE" if value else "FALSE"


def read_xls(file: Path) -> Extract:
    """Read an Excel 2 to 2003 workbook, all sheets, hidden ones too.

    Raises:
        DocumentError: encrypted, or no workbook.
    """
    import xlrd

    content = file.read_bytes()
    try:
        book = xlrd.open_workbook(
            file_contents=content,
            logfile=io.StringIO(),
            formatting_info=content.startswith(COMPOUND_FILE_MAGIC),
            on_demand=True,
            ragged_rows=True,
        )
    except xlrd.XLRDError as error:
        raise _xls_error(str(error)) from error
    builder = ExtractBuilder()
    for index, name in enumerate(book.sheet_names()):
        add_sheet(builder, name, _xls_rows(book, index))
        book.unload_sheet(index)
    return builder.build()


def _xls_error(message: str) -> DocumentError:
    if "encrypted" in message:
        return DocumentError(
            "encrypted",
            "This file is protected with a password; save a copy without the password.",
        )
    return DocumentError(
        "failed",
        "This file is damaged or not an Excel workbook, though its suffix says so; "
        "open it in a spreadsheet program and save it as .xlsx.",
    )


def _xls_rows(book: Any, index: int) -> Iterator[Row]:  # noqa: ANN401 - xlrd is untyped
    sheet = book.sheet_by_index(index)
    show = _xls_text(book)
    for number in range(sheet.nrows):
        cells = enumerate(sheet.row(number))
        texts = ((column, " ".join(show(cell).split())) for column, cell in cells)
        yield number, [(column, text) for column, text in texts if text]


def _xls_text(book: Any) -> Callable[[Any], str]:  # noqa: ANN401 - xlrd is untyped
    import xlrd

    codes = [book.format_map[style.format_key].format_str for style in book.xf_list]

    def show(cell: Any) -> str:  # noqa: ANN401 - xlrd is untyped
        if cell.ctype in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
            if cell.xf_index is None:
                return plain_number(cell.value)
            return show_number(cell.value, codes[cell.xf_index], starts_1904=bool(book.datemode))
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return _boolean(cell.value)
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return str(xlrd.error_text_from_code.get(cell.value, ""))
        return str(cell.value)

    return show
