"""Word documents (DOCX, also Strict ones, templates and those with macros), in reading order.

The walk is our own: python-docx leaves out content controls, tracked insertions, text boxes and
the base text under furigana, and opens no Strict Open XML.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rag.datatypes import BlockKind
from rag.readers.embedded import embedded_files
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.ooxml import Element, OfficePackage, open_office

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_HEADING_NAME = re.compile(r"(?:heading|見出し)\s*([1-9１-９])", re.IGNORECASE)
_MAX_STYLES_INHERITED = 50
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
        body = _Body(_Styles(styles), _notes(package))
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
        self._list_items: dict[str | None, bool] = {}

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

    def is_list_item(self, paragraph: Element) -> bool:
        """Tell whether the paragraph carries a bullet or a number."""
        numbering = _value(paragraph, f"{_W}pPr/{_W}numPr/{_W}numId")
        if numbering is not None:
            return numbering != "0"
        style_id = self._style_id(paragraph)
        if style_id not in self._list_items:
            chain = self._chain(style_id)
            has_number = any(style.find(f"{_W}pPr/{_W}numPr") is not None for style in chain)
            self._list_items[style_id] = has_number
        return self._list_items[style_id]

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

    def __init__(self, styles: _Styles, notes: Notes) -> None:
        self.builder = ExtractBuilder()
        self.title = ""
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
        text = _text(paragraph).strip()
        level = self._styles.level(paragraph)
        if level is not None:
            self.builder.add_heading(text, level)
            self.title = self.title or text.replace("\n", " ")
        else:
            kind: BlockKind = "list" if self._styles.is_list_item(paragraph) else "paragraph"
            self.builder.add(kind, text)
        self._add_notes(paragraph)
        for box in _text_boxes(paragraph):
            self.walk(box)

    def _table(self, table: Element) -> None:
        rows = [list(_inside(row, f"{_W}tc")) for row in _inside(table, f"{_W}tr")]
        if len(rows) == 1 and len(rows[0]) == 1:
            self.walk(rows[0][0])  # a frame drawn around paragraphs
            return
        lines = ("\t".join(_cell_text(cell) for cell in row).rstrip("\t") for row in rows)
        self.builder.add("table", "\n".join(line for line in lines if line.strip()))
        self._add_notes(table)

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


def _cell_text(cell: Element) -> str:
    """Return the cell on one line; a cell merged with the one above it is empty."""
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    if merge is not None and merge.get(f"{_W}val") != "restart":
        return ""
    paragraphs = (_text(paragraph) for paragraph in cell.iter(f"{_W}p"))
    return " ".join(" ".join(text.split()) for text in paragraphs if text.strip())


def _text(element: Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: Element) -> Iterator[str]:
    for child in element:
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _LITERALS:
            yield _LITERALS[child.tag]
        elif child.tag not in _LEFT_OUT:
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
