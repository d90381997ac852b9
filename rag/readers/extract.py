"""What a reader hands back, and the pieces all readers share. Standard library only.

A reader is a function ``(file) -> Extract``. It opens that one file, fetches nothing, and
raises `DocumentError` with a sentence for a person when there is nothing to hand back.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.datatypes import Block, BlockKind
from rag.errors import DocumentError
from rag.readers.symbols import PLAIN_SYMBOLS

MAX_CHARACTERS = 64_000_000  # of one document; no child could hand over more
_MAX_HEADING_CHARACTERS = 1000
_MIN_LONG_TABLE = 400  # characters
_NUMBER = re.compile(r"[-+¥￥$€▲(]?[\d０-９][\d０-９.,:/ -]*[%％)円]?")
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside another one, such as an attachment; it becomes a document of its own."""

    name: str  # as the container calls it, with "/" for folders; shown, never used as a path
    content: bytes


@dataclass(frozen=True, slots=True)
class Extract:
    """The text of one file. All offsets are code points into ``text``."""

    text: str  # "\n" line ends only; never a NUL or a lone surrogate
    blocks: tuple[Block, ...] = ()
    page_starts: tuple[int, ...] = ()  # offset where page i + 1 begins; () without pages
    title: str = ""
    remark: str = ""  # one sentence on what was read only in part; "" as a rule
    scanned_pages: int = 0  # pages whose text was recognized in an image
    parts: Iterable[Part] = ()  # may be a generator: each part is stored before the next is made


Reader = Callable[[Path], Extract]


def normalize_text(text: str) -> str:
    r"""Return ``text`` with "\n" line ends and without BOM, NULs and lone surrogates.

    Nothing else changes, so that a quote of the result stands literally in the file. NULs
    and lone surrogates go because SQLite, JSON and UTF-8 cannot all carry them.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return _LONE_SURROGATES.sub("", text).removeprefix("\ufeff")


def is_cjk(character: str) -> bool:
    """Tell whether ``character`` belongs to a script written without spaces between words.

    Chinese, Japanese and their full-width punctuation; not Korean, which uses spaces.
    """
    code = ord(character)
    return (
        0x2E80 <= code <= 0x312F  # radicals, punctuation, kana
        or 0x31A0 <= code <= 0x9FFF  # kana extensions, ideographs
        or 0xF900 <= code <= 0xFAFF
        or 0xFE30 <= code <= 0xFE4F
        or 0xFF00 <= code <= 0xFFEF  # full-width and half-width forms
        or 0x20000 <= code <= 0x3FFFF
    )


def joint(before: str, after: str) -> str:
    """Return what stands between two halves of a wrapped line: nothing, or one space.

    Nothing beside Japanese, also between a digit and its counter ("11" + "月").
    """
    if not before or not after or is_cjk(before[-1]) or is_cjk(after[0]):
        return ""
    return " "


def shorten_heading(title: str) -> str:
    """Return at most 1000 characters: every block below a heading repeats its title."""
    return title[:_MAX_HEADING_CHARACTERS]


class Headings:
    """The headings above the place where a reader stands, by level (1 is outermost)."""

    def __init__(self) -> None:
        self._open: list[tuple[float, str]] = []

    @property
    def path(self) -> tuple[str, ...]:
        """Titles of the open headings, outermost first."""
        return tuple(title for _, title in self._open)

    def enter(self, level: float, title: str) -> tuple[str, ...]:
        """Open a heading and return the path above it; it closes those of its level and below."""
        self._open = [entry for entry in self._open if entry[0] < level]
        above = self.path
        self._open.append((level, shorten_heading(title)))
        return above


def names_columns(line: str) -> bool:
    """Tell whether the cells of a row may be names: two or more, no number, none twice."""
    cells = [cell.strip() for cell in line.split("\t") if cell.strip()]
    is_distinct = len(set(cells)) == len(cells) > 1
    return is_distinct and not any(_NUMBER.fullmatch(cell) for cell in cells)


def require_room(characters: int) -> None:
    """Raise DocumentError when a document grows beyond `MAX_CHARACTERS`.

    A small file can name the same long text again and again.
    """
    if characters > MAX_CHARACTERS:
        raise DocumentError(
            "failed",
            f"This file holds more than {MAX_CHARACTERS // 1_000_000} million characters of text; "
            "split it.",
        )


class ExtractBuilder:
    """Puts text together block by block, for formats whose text is not the file itself.

    Raises:
        DocumentError: more text than `MAX_CHARACTERS`, from the methods that add some.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._page_starts: list[int] = []
        self._headings = Headings()

    @property
    def length(self) -> int:
        """Code points added so far."""
        return self._length

    def start_page(self) -> None:
        """Begin a page at the next block."""
        self._separate("\n\n")
        self._page_starts.append(self._length)

    def add(self, kind: BlockKind, text: str) -> None:
        """Append a block under the open headings; blank text is left out.

        List items that follow each other stand on neighbouring lines, all other blocks are
        set apart by an empty line.
        """
        self._append(kind, text, self._headings.path)

    def add_table(self, lines: Sequence[str], names: int = 1) -> None:
        """Append a table, one row a line, whose first ``names`` rows name its columns.

        In a table that fills several passages these rows are a heading, or else a row from its
        middle would not tell what its columns mean. The heading ends with the table.
        """
        room = sum(len(line) for line in lines)
        header = " / ".join(", ".join(line.split("\t")) for line in lines[:names])
        if room < _MIN_LONG_TABLE or not 0 < names < len(lines) or not names_columns(lines[0]):
            self.add("table", "\n".join(lines))
            return
        path = self._headings.path
        self._append("heading", "\n".join(lines[:names]), path)
        header = normalize_text(header).translate(PLAIN_SYMBOLS)
        self._append("table", "\n".join(lines[names:]), (*path, shorten_heading(header)))

    def add_heading(self, text: str, level: float) -> None:
        """Append a heading and open it for the blocks that follow. Lower levels are outer."""
        text = normalize_text(text).translate(PLAIN_SYMBOLS).strip()
        if text:
            above = self._headings.enter(level, text.replace("\n", " "))
            self._append("heading", text, above)

    def open_heading(self, text: str, level: float) -> None:
        """Open a heading that the text of the blocks below says itself."""
        if text.strip():
            self._headings.enter(level, normalize_text(text).replace("\n", " ").strip())

    def build(
        self,
        title: str = "",
        *,
        remark: str = "",
        scanned_pages: int = 0,
        parts: Iterable[Part] = (),
    ) -> Extract:
        """Return what was added."""
        return Extract(
            "".join(self._parts),
            tuple(self._blocks),
            tuple(self._page_starts),
            shorten_heading(title.strip()),
            remark,
            scanned_pages,
            parts,
        )

    def _append(self, kind: BlockKind, text: str, heading_path: tuple[str, ...]) -> None:
        text = normalize_text(text).translate(PLAIN_SYMBOLS).strip("\n ")
        if not text.strip():
            return
        follows_list = bool(self._blocks) and self._blocks[-1].kind == kind == "list"
        self._separate("\n" if follows_list else "\n\n")
        start = self._length
        self._write(text)
        self._blocks.append(Block(kind, start, self._length, heading_path))

    def _separate(self, separator: str) -> None:
        at_page_start = bool(self._page_starts) and self._page_starts[-1] == self._length
        if self._length and not at_page_start:
            self._write(separator)

    def _write(self, text: str) -> None:
        self._length += len(text)
        require_room(self._length)
        self._parts.append(text)
