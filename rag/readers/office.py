"""Word documents (DOCX, also Strict ones, templates and those with macros), in reading order.

The walk is our own: python-docx leaves out content controls, tracked insertions, text boxes and
the base text under furigana, and opens no Strict Open XML.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rag.readers.embedded import embedded_files
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.ooxml import Element, OfficePackage, open_office
from rag.readers.outline import outline_level
from rag.readers.symbols import RAISED, picture, show_raised
from rag.readers.word_numbering import Numbering

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_HEADING_NAME = re.compile(r"(?:heading|見出し)\s*([1-9１-９])", re.IGNORECASE)
_MAX_STYLES_INHERITED = 50
_MAX_SPAN = 20  # columns of one cell that are counted
_TITLE_NAMES = ("title", "表題")
_LITERALS = {
    f"{_W}tab": "\t",
    f"{_W}ptab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_REFERENCES = (f"{_W}footnoteReference", f"{_W}endnoteReference")
_LEFT_OUT = frozenset(  # deleted, moved away, furigana, second copies, text boxes (read apart)
    [f"{_W}{name}" for name in ("del", "moveFrom", "rt", "pPr", "rPr", "txbxContent")]
    + [f"{_MC}Fallback"]
)

Notes = dict[tuple[str, str], Element]  # tag of the reference and id -> note


def read_docx(file: Path) -> Extract:
    """Read body text, tables, text boxes and notes; headers, footers and comments are left out.

    A footnote or endnote stands behind the paragraph or table that refers to it.

    Raises:
        DocumentError: encrypted, an older format, a broken or oversized package.
    """
    with open_office(file, "a Word document") as package:
        content = package.main(f"{_W}document").find(f"{_W}body")
        if content is None:
            raise zipfile.BadZipFile("no body")
        styles = [package.parse(part) for part in package.related(package.main_name, "styles")]
        numbering = [
            package.parse(part) for part in package.related(package.main_name, "numbering")
        ]
        body = _Body(_Styles(styles), _notes(package), Numbering(numbering))
    body.walk(content)
    return body.builder.build(body.title, parts=embedded_files(file))


def _notes(package: OfficePackage) -> Notes:
    return {
        (f"{_W}{kind}Reference", note.get(f"{_W}id", "")): note
        for kind in ("footnote", "endnote")
        for part in package.related(package.main_name, f"{kind}s")
        for note in package.parse(part).iterfind(f"{_W}{kind}")
    }


class _Styles:
    """What each paragraph style means, with inheritance resolved."""

    def __init__(self, parts: list[Element]) -> None:
        self._styles = {
            style.get(f"{_W}styleId"): style for part in parts for style in part.iter(f"{_W}style")
        }
        self._default = next(
            (
                style_id
                for style_id, style in self._styles.items()
                if style.get(f"{_W}default") and style.get(f"{_W}type") == "paragraph"
            ),
            None,
        )
        self._levels: dict[str | None, int | None] = {}
        self._lists: dict[str | None, tuple[str, str | None] | None] = {}

    def level(self, paragraph: Element) -> int | None:
        """Return the heading level from 1, 0 for the document's title, None for body text."""
        direct = _value(paragraph, f"{_W}pPr/{_W}outlineLvl")
        if direct is not None:
            return _level_from_outline(direct)
        style_id = self._style_id(paragraph)
        if style_id not in self._levels:
            self._levels[style_id] = self._level_of(style_id)
        return self._levels[style_id]

    def _level_of(self, style_id: str | None) -> int | None:
        for style in self._chain(style_id):
            name = _value(style, f"{_W}name") or ""
            if name.strip().lower() in _TITLE_NAMES:
                return 0
            if match := _HEADING_NAME.fullmatch(name.strip()):
                return int(match[1])
            if (outline := _value(style, f"{_W}pPr/{_W}outlineLvl")) is not None:
                return _level_from_outline(outline)
        return None

    def list_of(self, paragraph: Element) -> tuple[str, str | None, str | None] | None:
        """Return list, level and style of a paragraph with a bullet or a number, else None.

        The level is None where the list itself tells it by the style.
        """
        style_id = self._style_id(paragraph)
        number = _value(paragraph, f"{_W}pPr/{_W}numPr/{_W}numId")
        level = _value(paragraph, f"{_W}pPr/{_W}numPr/{_W}ilvl")
        if number is None:
            if style_id not in self._lists:
                self._lists[style_id] = self._list_of_style(style_id)
            of_style = self._lists[style_id]
            if of_style is None:
                return None
            number, level = of_style[0], level or of_style[1]
        return None if number == "0" else (number, level, style_id)

    def _list_of_style(self, style_id: str | None) -> tuple[str, str | None] | None:
        for style in self._chain(style_id):
            number = _value(style, f"{_W}pPr/{_W}numPr/{_W}numId")
            if number is not None:
                return number, _value(style, f"{_W}pPr/{_W}numPr/{_W}ilvl")
        return None

    def _style_id(self, paragraph: Element) -> str | None:
        return _value(paragraph, f"{_W}pPr/{_W}pStyle") or self._default

    def _chain(self, style_id: str | None) -> Iterator[Element]:
        """Yield a style and those it inherits from, which may go round in a circle."""
        for _ in range(_MAX_STYLES_INHERITED):
            if style_id not in self._styles:
                return
            style = self._styles[style_id]
            yield style
            style_id = _value(style, f"{_W}basedOn")


class _Body:
    """Walks blocks in order: paragraphs, tables, and the containers that wrap them."""

    def __init__(self, styles: _Styles, notes: Notes, numbering: Numbering) -> None:
        self.builder = ExtractBuilder()
        self.title = ""
        self._numbering = numbering
        self._styles = styles
        self._notes = notes

    def walk(self, parent: Element) -> None:
        """Add all blocks inside ``parent``."""
        for child in parent:
            if child.tag == f"{_W}p":
                self._paragraph(child)
            elif child.tag == f"{_W}tbl":
                self._table(child)
            elif child.tag not in _LEFT_OUT:
                self.walk(child)  # content controls, tracked insertions, custom XML

    def _paragraph(self, paragraph: Element) -> None:
        text = self._numbered(paragraph)
        level = self._styles.level(paragraph)
        if level is not None:
            self.builder.add_heading(text, level)
            self.title = self.title or text.replace("\n", " ")
        elif (level := outline_level(text)) is not None:
            self.builder.add_heading(text, level)
        elif _text(paragraph).strip():
            is_item = self._styles.list_of(paragraph) is not None
            self.builder.add("list" if is_item else "paragraph", text)
        self._add_notes(paragraph)
        for box in _text_boxes(paragraph):
            self.walk(box)

    def _numbered(self, paragraph: Element) -> str:
        """Return the text of a paragraph behind the number that Word shows before it."""
        of_list = self._styles.list_of(paragraph)
        label = "" if of_list is None else self._numbering.label(*of_list)
        return f"{label} {_text(paragraph).strip()}".strip()

    def _table(self, table: Element) -> None:
        rows = [list(_inside(row, f"{_W}tc")) for row in _inside(table, f"{_W}tr")]
        if len(rows) == 1 and len(rows[0]) == 1:
            self.walk(rows[0][0])  # a frame drawn around paragraphs
            return
        lines = ["".join(self._cell(cell) for cell in row).rstrip("\t") for row in rows]
        self.builder.add_table([line for line in lines if line.strip()])
        self._add_notes(table)

    def _cell(self, cell: Element) -> str:
        """Return the cell on one line and a tab for each column that it takes.

        A cell merged with the one above it is empty.
        """
        span = _value(cell, f"{_W}tcPr/{_W}gridSpan") or ""
        columns = min(int(span), _MAX_SPAN) if span.isdigit() else 1
        merge = cell.find(f"{_W}tcPr/{_W}vMerge")
        if merge is not None and merge.get(f"{_W}val") != "restart":
            return "\t" * columns
        paragraphs = (" ".join(self._numbered(entry).split()) for entry in cell.iter(f"{_W}p"))
        return " ".join(text for text in paragraphs if text) + "\t" * columns

    def _add_notes(self, element: Element) -> None:
        """Add the notes that ``element`` refers to, each once however often it is cited."""
        for reference in _references(element):
            note = self._notes.pop((reference.tag, reference.get(f"{_W}id", "")), None)
            if note is not None:
                paragraphs = (_text(paragraph).strip() for paragraph in note.iter(f"{_W}p"))
                self.builder.add("note", "\n".join(text for text in paragraphs if text))


def _inside(parent: Element, tag: str) -> Iterator[Element]:
    """Yield the nearest descendants of a kind, through containers but not through each other."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _inside(child, tag)


def _text(element: Element) -> str:
    return show_raised("".join(_pieces(element)))


def _pieces(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _LITERALS:
            yield _LITERALS[child.tag]
        elif child.tag == f"{_W}sym":
            yield picture(child.get(f"{_W}font", ""), child.get(f"{_W}char", ""))
        elif child.tag not in _LEFT_OUT:
            if _value(child, f"{_W}rPr/{_W}vertAlign") == "superscript":
                yield RAISED
            yield from _pieces(child)


def _references(element: Element) -> Iterator[Element]:
    for child in element:
        if child.tag in _REFERENCES:
            yield child
        elif child.tag not in _LEFT_OUT:
            yield from _references(child)


def _text_boxes(element: Element) -> Iterator[Element]:
    for child in element:
        if child.tag == f"{_W}txbxContent":
            yield child
        elif child.tag != f"{_MC}Fallback":
            yield from _text_boxes(child)


def _value(element: Element, path: str) -> str | None:
    found = element.find(path)
    return None if found is None else found.get(f"{_W}val")


def _level_from_outline(value: str) -> int | None:
    """Return the heading level of an outline level; Word counts from 0, and 9 is body text."""
    return int(value) + 1 if value.isdigit() and int(value) < 9 else None
