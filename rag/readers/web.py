"""HTML pages: what a browser would show, without scripts and without fetching anything."""

import re
import warnings
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rag.readers.encoding import decode_labelled, decode_text
from rag.readers.extract import Extract, ExtractBuilder, joint, normalize_text
from rag.readers.markup import require_moderate
from rag.readers.symbols import RAISED, show_raised

if TYPE_CHECKING:
    from bs4 import Tag

_INVISIBLE = frozenset((
    "script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object",
    "audio", "video", "canvas", "select", "textarea", "datalist",
    "rt", "rp",  # the reading above Japanese words, which would stand in the middle of them
))  # fmt: skip
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details",
    "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "header", "hgroup", "hr", "html", "legend", "li", "main", "nav", "ol", "p", "section",
    "summary", "ul", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th",
))  # fmt: skip
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_MAX_ELEMENTS = 300_000  # of one page; a table of 100,000 cells has half of it
_MAX_SPAN = 50  # rows or columns of one cell that are counted
_ANCHOR = re.compile(r"\s*(?:¶|🔗|\[\s*(?:edit|編集)[^\[\]]{0,40}\])$")  # of wikis and manuals
_LINE_BREAK = "\v"  # stands for <br>; HTML text cannot hold this character
_SPACES = re.compile(r"[ \t\r\n\f]+")
_HIDDEN_STYLE = re.compile(r"(display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)


def read_html(file: Path) -> Extract:
    """Read a page; its title is ``<title>``, or else the first ``<h1>``.

    Raises:
        DocumentError: the bytes are no text, or the page has too many elements.
    """
    builder = ExtractBuilder()
    title = add_html(builder, decode_html(file.read_bytes()))
    return builder.build(title)


def add_html(builder: ExtractBuilder, source: str) -> str:
    """Add what a browser would show of ``source``, and return the title of the page or "".

    Raises:
        DocumentError: too many elements.
    """
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    require_moderate(source, _MAX_ELEMENTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # XHTML is often no valid XML
        soup = BeautifulSoup(source, "lxml")
    page = _Page(builder)
    page.walk(soup)
    page.flush()
    for tag in (soup.title, soup.h1):
        if tag is not None and (title := " ".join(tag.get_text().split())):
            return normalize_text(title)
    return ""


def decode_html(content: bytes) -> str:
    """Decode by BOM, declared charset, UTF-8 or guess, in this order.

    Raises:
        DocumentError: the bytes are no text.
    """
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(content, is_html=True)
    if not declared or content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return decode_text(content)
    return decode_labelled(content, declared)


class _Page:
    """Walks the tree and collects inline text until a block element ends."""

    def __init__(self, builder: ExtractBuilder) -> None:
        self.builder = builder
        self._inline: list[str] = []
        self._is_list_item = False

    def walk(self, parent: "Tag") -> None:
        """Add what is visible inside ``parent``."""
        for child in parent.children:
            if isinstance(child, str):
                if _is_shown(child):
                    self._inline.append(child)
            elif not _is_hidden(tag := cast("Tag", child)):
                self._element(tag)

    def flush(self) -> None:
        """Write the collected inline text as one block."""
        text = _collapse("".join(self._inline))
        self.builder.add("list" if self._is_list_item else "paragraph", text)
        self._inline.clear()

    def _element(self, tag: "Tag") -> None:
        if tag.name == "a" and not isinstance(tag.previous_sibling, str):
            self._inline.append(" ")  # links of a menu, kept apart by its style alone
        if tag.name == "sup":
            self._inline.append(RAISED)
        if tag.name == "br":
            self._inline.append(_LINE_BREAK)
        elif tag.name in _HEADINGS:
            self.flush()
            self.builder.add_heading(_ANCHOR.sub("", _visible_text(tag)), int(tag.name[1]))
        elif tag.name == "pre":
            self.flush()
            self.builder.add("code", tag.get_text())
        elif tag.name == "table" and tag.find(["table", *_HEADINGS]) is None:
            self.flush()
            self._table(tag)
        elif tag.name in _BLOCKS:
            self._block(tag)
        else:
            self.walk(tag)

    def _block(self, tag: "Tag") -> None:
        self.flush()
        outer = self._is_list_item
        self._is_list_item = outer or tag.name == "li"
        self.walk(tag)
        self.flush()
        self._is_list_item = outer

    def _table(self, table: "Tag") -> None:
        """Write a table, one row a line. Tables that hold headings or tables are mere layout."""
        if table.caption is not None:
            self.builder.add("paragraph", _visible_text(table.caption))
        rows = [row for row in table.find_all("tr") if not _is_hidden(row)]
        lines = [line for line in _lines(rows) if line.strip()]
        names = sum(1 for _ in takewhile(_names_columns, rows))
        self.builder.add_table(lines, names or 1)


def _lines(rows: Sequence["Tag"]) -> Iterator[str]:
    """Yield each row with a tab between columns; a cell over several stands in its first one."""
    taken: dict[int, int] = {}  # column -> rows that a cell from above still covers
    for row in rows:
        line, column = "", 0
        for cell in row.find_all(["td", "th"]):
            while taken.get(column, 0) > 0:
                taken[column] -= 1
                line, column = line + "\t", column + 1
            columns, more_rows = _span(cell, "colspan"), _span(cell, "rowspan") - 1
            line += _visible_text(cell).replace("\n", " ") + "\t" * columns
            taken.update(dict.fromkeys(range(column, column + columns), more_rows))
            column += columns
        for right in [place for place in taken if place >= column]:
            taken[right] -= taken[right] > 0
        yield line.rstrip("\t")


def _span(cell: "Tag", name: str) -> int:
    value = str(cell.get(name, "")).strip()
    return min(max(int(value), 1), _MAX_SPAN) if value.isdecimal() else 1


def _names_columns(row: "Tag") -> bool:
    """Tell whether a row holds nothing but names of columns."""
    return row.find("th") is not None and row.find("td") is None


def _is_shown(text: str) -> bool:
    """Tell text from comments, doctypes and the like, which are subclasses of it in bs4."""
    return type(text).__name__ == "NavigableString"


def _is_hidden(tag: "Tag") -> bool:
    return (
        tag.name in _INVISIBLE
        or tag.has_attr("hidden")
        or bool(_HIDDEN_STYLE.search(str(tag.get("style", ""))))
    )


def _visible_text(tag: "Tag") -> str:
    """Return the visible text of ``tag``, each block element inside it on its own line."""
    return _collapse("".join(_inline_pieces(tag)))


def _inline_pieces(tag: "Tag") -> Iterator[str]:
    for child in tag.children:
        if isinstance(child, str):
            if _is_shown(child):
                yield child
        elif not _is_hidden(inner := cast("Tag", child)):
            is_block = inner.name == "br" or inner.name in _BLOCKS
            yield _LINE_BREAK if is_block else RAISED if inner.name == "sup" else ""
            yield from _inline_pieces(inner)


def _collapse(source: str) -> str:
    """Collapse white space as a browser does; a line break inside Japanese is no space."""
    lines = (_SPACES.sub(_space, line.strip(" \t\r\n\f")) for line in source.split(_LINE_BREAK))
    return show_raised("\n".join(line for line in lines if line))


def _space(match: re.Match[str]) -> str:
    if "\n" not in match[0]:
        return " "
    return joint(match.string[match.start() - 1], match.string[match.end()])
