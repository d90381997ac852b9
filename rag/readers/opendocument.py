"""OpenDocument files of LibreOffice and others: ODT (text), ODS (spreadsheet), ODP (slides).

What is repeated is written once in these formats: a blank row that stands for a million costs
nothing, and a filled one is repeated no more often than a person would copy it.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.datatypes import BlockKind
from rag.errors import DocumentError
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.number_format import plain_number
from rag.readers.ooxml import Element, parse_xml, stream_xml
from rag.readers.package import Package, open_package
from rag.readers.sheet_rows import Row, add_sheet
from rag.readers.slide_layout import Shape, SlideBuilder, in_reading_order

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns"
_OFFICE = f"{{{_NAMESPACE}:office:1.0}}"
_TEXT = f"{{{_NAMESPACE}:text:1.0}}"
_TABLE = f"{{{_NAMESPACE}:table:1.0}}"
_DRAW = f"{{{_NAMESPACE}:drawing:1.0}}"
_PRESENTATION = f"{{{_NAMESPACE}:presentation:1.0}}"
_STYLE = f"{{{_NAMESPACE}:style:1.0}}"
_SVG = f"{{{_NAMESPACE}:svg-compatible:1.0}}"

_PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
_CELL = f"{_TABLE}table-cell"  # a covered one is under a merged cell
_LITERALS = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
_LEFT_OUT = frozenset((  # of the text around: deleted, generated, furigana, or read apart
    f"{_TEXT}tracked-changes", f"{_TEXT}table-of-content", f"{_TEXT}ruby-text", f"{_TEXT}note",
    f"{_OFFICE}annotation", f"{_OFFICE}forms", f"{_DRAW}frame", f"{_DRAW}g",
    f"{_DRAW}custom-shape", f"{_SVG}title", f"{_SVG}desc",
))  # fmt: skip
_FURNITURE = ("date-time", "footer", "header", "page-number", "page")
_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt)")
_MILLIMETRES = {"cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 25.4 / 72}
_TITLE = "Title"  # the style's name in every language
_MAX_REPEATED = 1000  # of one row or cell
_MAX_COPIES = 200_000  # of cells, in one file
_MAX_SPACES = 100


def read_odt(file: Path) -> Extract:
    """Read headings, text, lists, tables, text boxes, footnotes and comments.

    Raises:
        DocumentError: encrypted, or no OpenDocument text.
    """
    with _open(file, "an OpenDocument text") as package:
        body = _body(package, "text")
    styles = body.getroottree().iterfind(f"{_OFFICE}automatic-styles/{_STYLE}style")
    titles = [s for s in styles if s.get(f"{_STYLE}parent-style-name") == _TITLE]
    text = _Text(ExtractBuilder(), (_TITLE, *(s.get(f"{_STYLE}name") for s in titles)))
    text.walk(body)
    return text.builder.build(text.title)


def read_odp(file: Path) -> Extract:
    """Read the slides, hidden ones too, each as a page, with speaker notes.

    Raises:
        DocumentError: encrypted, or no OpenDocument presentation.
    """
    with _open(file, "an OpenDocument presentation") as package:
        body = _body(package, "presentation")
    slides = _Text(SlideBuilder())
    for page in body.iterfind(f"{_DRAW}page"):
        slides.builder.start_page()
        shapes = list(_ordered(page))
        title = next((s for s in shapes if s.get(f"{_PRESENTATION}class") == "title"), None)
        if title is not None:
            slides.add_heading("\n".join(_paragraphs(title)), 1)
            shapes.remove(title)
        for shape in shapes:
            slides.walk(shape)
        for notes in page.iterfind(f"{_PRESENTATION}notes"):
            for shape in _ordered(notes):
                slides.builder.add("note", "\n".join(_paragraphs(shape)))
    return slides.builder.build(slides.title)


def read_ods(file: Path) -> Extract:
    """Read all sheets, hidden ones too, each as a page.

    Raises:
        DocumentError: encrypted, or no OpenDocument spreadsheet.
    """
    builder = ExtractBuilder()
    with (
        _open(file, "an OpenDocument spreadsheet") as package,
        package.open("content.xml") as stream,
    ):
        table, row = f"{_TABLE}table", f"{_TABLE}table-row"
        events = stream_xml(stream, table, row, events=("start", "end"))
        rows = _Rows(events)
        for event, element in events:
            if element.tag == table and event == "start":
                add_sheet(builder, element.get(f"{_TABLE}name", ""), rows.up_to_end_of(element))
    return builder.build()


@contextmanager
def _open(file: Path, kind: str) -> Iterator[Package]:
    with open_package(file, kind) as package:
        names = package.namelist()
        manifest = "META-INF/manifest.xml"
        if manifest in names and b"encryption-data" in package.read(manifest):
            raise DocumentError(
                "encrypted",
                "This file is protected with a password; save a copy without the password.",
            )
        if "content.xml" not in names:
            raise zipfile.BadZipFile("no content")
        yield package


def _body(package: Package, kind: str) -> Element:
    body = parse_xml(package.read("content.xml")).find(f"{_OFFICE}body/{_OFFICE}{kind}")
    if body is None:
        raise zipfile.BadZipFile("content of another kind")
    return body


class _Text:
    """Walks what holds paragraphs, lists and tables, and adds these in order."""

    def __init__(self, builder: ExtractBuilder, title_styles: tuple[str, ...] = ()) -> None:
        self.builder = builder
        self.title = ""
        self._title_styles = title_styles

    def add_heading(self, text: str, level: int) -> None:
        """Add a heading; the first one is the document's title."""
        self.builder.add_heading(text, level)
        self.title = self.title or " ".join(text.split())

    def walk(self, parent: Element, kind: BlockKind = "paragraph") -> None:
        """Add all blocks inside ``parent``; its paragraphs are of ``kind``."""
        for child in parent:
            if child.tag == f"{_TEXT}h":
                self.add_heading(_text(child), _count(child, f"{_TEXT}outline-level"))
                self._add_apart(child)
            elif child.tag == f"{_TEXT}p":
                if child.get(f"{_TEXT}style-name") in self._title_styles:
                    self.add_heading(_text(child), 0)
                else:
                    self.builder.add(kind, _text(child))
                self._add_apart(child)
            elif child.tag in (f"{_TEXT}list-item", f"{_TEXT}list-header"):
                self.walk(child, "list")
            elif child.tag == f"{_TABLE}table":
                self._table(child)
            elif child.tag not in _LEFT_OUT or child.tag.startswith(_DRAW):
                self.walk(child, kind)

    def _add_apart(self, paragraph: Element) -> None:
        """Add the notes, comments and text boxes that are anchored in a paragraph."""
        for child in paragraph:
            if child.tag in (f"{_TEXT}note", f"{_OFFICE}annotation"):
                self.builder.add("note", "\n".join(_paragraphs(child)))
            elif child.tag in _LEFT_OUT and child.tag.startswith(_DRAW):
                self.walk(child)
            else:
                self._add_apart(child)

    def _table(self, table: Element) -> None:
        rows = list(_inside(table, f"{_TABLE}table-row"))
        if len(rows) == 1 and len(rows[0]) == 1:
            self.walk(rows[0][0])  # a frame drawn around paragraphs
            return
        lines = []
        for row in rows:
            cells = [" ".join(" ".join(_paragraphs(cell)).split()) for cell in row]
            lines.append("\t".join(cells).rstrip("\t"))
        self.builder.add("table", "\n".join(line for line in lines if line.strip()))
        for paragraph in table.iter(*_PARAGRAPHS):
            self._add_apart(paragraph)


def _inside(parent: Element, tag: str) -> Iterator[Element]:
    """Yield the nearest descendants with a tag, through groups but not through each other."""
    for child in parent:
        if child.tag == tag:
            yield child
        else:
            yield from _inside(child, tag)


def _paragraphs(element: Element) -> Iterator[str]:
    """Yield the paragraphs anywhere in ``element`` that hold text."""
    for child in element:
        if child.tag in _PARAGRAPHS:
            if (text := _text(child)).strip():
                yield text
        elif child.tag not in (f"{_OFFICE}annotation", f"{_TEXT}note-citation"):
            yield from _paragraphs(child)


def _text(element: Element) -> str:
    return "".join(_pieces(element)).strip(" \n")


def _pieces(element: Element) -> Iterator[str]:
    yield _collapse(element.text)
    for child in element:
        if child.tag == f"{_TEXT}s":
            yield " " * min(_count(child, f"{_TEXT}c"), _MAX_SPACES)
        elif child.tag in _LITERALS:
            yield _LITERALS[child.tag]
        elif child.tag not in _LEFT_OUT:
            yield from _pieces(child)
        yield _collapse(child.tail)


def _collapse(text: str | None) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text or "")


def _count(element: Element, name: str) -> int:
    value = element.get(name, "1")
    return int(value) if value.isdigit() else 1


def _ordered(page: Element) -> Iterator[Element]:
    """Yield the shapes of a slide in reading order; groups keep together."""
    found = []
    for shape in page:
        is_shape = shape.tag.startswith(_DRAW)
        if is_shape and shape.get(f"{_PRESENTATION}class", "") not in _FURNITURE:
            left, top, height = (_length(shape, name) for name in ("x", "y", "height"))
            found.append(Shape(left, top, height, shape))
    for shape in in_reading_order(found):
        if shape.tag == f"{_DRAW}g":
            yield from _ordered(shape)
        else:
            yield shape


def _length(shape: Element, name: str) -> float:
    match = _LENGTH.fullmatch(shape.get(f"{_SVG}{name}", ""))
    return float(match[1]) * _MILLIMETRES[match[2]] if match else 0.0


class _Rows:
    """Yields the rows of one sheet after the other. What is repeated is copied, within bounds."""

    def __init__(self, events: Iterator[tuple[str, Element]]) -> None:
        self._events = events
        self._copies_left = _MAX_COPIES

    def up_to_end_of(self, table: Element) -> Iterator[Row]:
        """Yield the rows of a sheet; the events are used up to its end."""
        number = 0
        for event, element in self._events:
            if event == "end" and element is table:
                return
            if event == "end" and element.tag == f"{_TABLE}table-row":
                repeated = _count(element, f"{_TABLE}number-rows-repeated")
                if cells := list(self._cells(element)):
                    for copy in range(1 + self._copies(repeated, len(cells))):
                        yield number + copy, cells
                number += repeated

    def _cells(self, row: Element) -> Iterator[tuple[int, str]]:
        column = 0
        for cell in row:
            repeated = _count(cell, f"{_TABLE}number-columns-repeated")
            if cell.tag == _CELL and (text := _cell_text(cell)):
                for copy in range(1 + self._copies(repeated, 1)):
                    yield column + copy, text
            column += repeated

    def _copies(self, repeated: int, cells: int) -> int:
        """Return how many copies of so many cells to make beside the first one."""
        wanted = min(repeated, _MAX_REPEATED) - 1
        copies = max(min(wanted, self._copies_left // cells), 0)
        self._copies_left -= copies * cells
        return copies


def _cell_text(cell: Element) -> str:
    """Return dates in ISO 8601 and numbers without separators, as in other spreadsheets."""
    shown = " ".join(" ".join(_paragraphs(cell)).split())
    shown = shown or cell.get(f"{_OFFICE}value", "")
    kind = cell.get(f"{_OFFICE}value-type")
    if kind == "date":
        return (
            str(cell.get(f"{_OFFICE}date-value", shown)).replace("T00:00:00", "").replace("T", " ")
        )
    if kind in ("float", "currency") and "," in shown:
        return plain_number(float(cell.get(f"{_OFFICE}value", "nan")))
    return shown
