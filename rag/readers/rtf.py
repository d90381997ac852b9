r"""Rich Text Format (.rtf), walked token by token.

Our own walk and not striprtf's: Japanese WordPad writes the second byte of a character as a
plain letter (``\'83e`` is テ), which striprtf cannot decode, and it drops notes, text boxes and
headings. Source: Rich Text Format Specification 1.9.1 (Microsoft, 2008).
"""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.extract import Extract, ExtractBuilder, normalize_text
from rag.readers.rtf_words import CHARACTERS, CODE_PAGES, DESTINATIONS

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?\d{1,10})? ?|\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<symbol>[^a-zA-Z])|(?P<brace>[{}])|[\r\n]+|(?P<plain>[^\\{}\r\n]+)|\\",
    re.DOTALL,
)
_HEADING_NAME = re.compile(r"(?:heading|見出し)\s*([1-9１-９])", re.IGNORECASE)
_NO_OUTLINE = 9  # the level of body text
_BULLET = re.compile(r"[\ue000-\uf8ff·•o§*\s-]*")


def read_rtf(file: Path) -> Extract:
    """Read body text, tables, text boxes and footnotes; headers, footers and comments are left out.

    Raises:
        DocumentError: this is no RTF.
    """
    source = file.read_bytes().decode("latin-1")
    if not source.removeprefix("ï»¿").lstrip().startswith("{\\rtf"):
        raise DocumentError(
            "failed",
            "This file is damaged or not an RTF document; open it in its own program and save "
            "it again.",
        )
    walk = _Walk()
    walk.run(source)
    return walk.builder.build(walk.title)


@dataclass(slots=True)
class _Group:
    """What a closing brace takes back."""

    destination: str = ""  # "": body text
    font: int | None = None
    fallback_length: int = 1  # characters that follow \u for readers that do not know it
    is_hidden: bool = False
    is_new: bool = False  # its first control word is still to come
    is_aside: bool = False  # its text stands apart from that of the paragraph around it


class _Walk:
    """Reads tokens and writes blocks; the text of a paragraph gathers in ``_text``."""

    def __init__(self) -> None:
        self.builder = ExtractBuilder()
        self.title = ""
        self._group = _Group()
        self._outer: list[_Group] = []
        self._encoding = "cp1252"
        self._fonts: dict[int, str] = {}
        self._levels: dict[int, int] = {}  # of styles that are headings
        self._style = 0
        self._bytes = bytearray()  # not decoded yet, in the encoding of the font
        self._text: list[str] = []
        self._outer_texts: list[list[str]] = []  # paragraphs that a note or box interrupts
        self._asides: list[tuple[str, str]] = []  # notes and boxes of this paragraph
        self._skipped = 0  # characters still to skip after \u
        self._has_label = False  # a number or bullet stands before this paragraph
        self._cells: list[str] = []
        self._rows: list[str] = []
        self._level: int | None = None  # of the heading that this paragraph is
        self._is_list_item = False
        self._is_in_table = False

    def run(self, source: str) -> None:
        """Read the whole file."""
        position = 0
        while match := _TOKEN.match(source, position):
            position = match.end()
            kind = match.lastgroup
            if kind == "brace":
                self._open() if match["brace"] == "{" else self._close()
            elif match["word"]:
                number = int(match["number"]) if match["number"] else None
                if match["word"] == "bin":
                    position += max(number or 0, 0)
                else:
                    self._word(match["word"], number)
            elif kind == "symbol":
                self._symbol(match["symbol"])
            elif kind == "hex":
                self._write_bytes(bytes.fromhex(match["hex"]))
            elif kind == "plain":
                self._write_bytes(match["plain"].encode("latin-1"))
        self._decode()
        self._end_paragraph()
        self._end_table()

    def _open(self) -> None:
        self._decode()
        self._skipped = 0
        outer = self._group
        self._outer.append(outer)
        self._group = _Group(
            outer.destination, outer.font, outer.fallback_length, outer.is_hidden, is_new=True
        )

    def _close(self) -> None:
        self._decode()
        self._skipped = 0
        if not self._outer:
            return
        closed, self._group = self._group, self._outer.pop()
        if closed.is_aside:
            text = _join(self._text).strip()
            self._text = self._outer_texts.pop()
            self._end_aside(closed.destination, text)

    def _end_aside(self, destination: str, text: str) -> None:
        if destination == "title":
            self.title = " ".join(normalize_text(text).split())
        elif destination == "label":
            self._has_label = True
            if not _BULLET.fullmatch(text):
                self._text.append(f"{text} ")
        else:
            self._asides.append((destination, text))

    def _symbol(self, symbol: str) -> None:
        if symbol == "*" and self._group.is_new:
            self._group.destination = "skip"  # unless the next word is one that is known
        elif symbol in "\r\n":
            self._word("par", None)
        elif symbol in ("\\", "{", "}"):
            self._write_bytes(symbol.encode())  # may be the second byte of a character
        elif symbol in CHARACTERS:
            self._write(CHARACTERS[symbol])

    def _word(self, word: str, number: int | None) -> None:
        group = self._group
        if group.is_new:
            group.is_new = False
            self._enter_destination(word)
        destination = group.destination
        if word == "u" and number is not None:
            self._write(chr(number % 0x10000))
            self._skipped = group.fallback_length
            return
        self._decode()
        self._skipped = 0
        if word == "ansicpg":
            self._encoding = _known_encoding(f"cp{number}")
        elif word == "uc":
            group.fallback_length = max(number or 0, 0)
        elif word == "f":
            group.font = number
        elif destination in ("fonts", "styles"):
            self._define(word, number or 0)
        elif destination != "skip" and not self._write_word(word, number) and not destination:
            self._body_word(word, number or 0)

    def _define(self, word: str, number: int) -> None:
        """Take in the encoding of a font or the level of a heading style."""
        if word == "fcharset" and number != 1 and self._group.font is not None:
            self._fonts[self._group.font] = CODE_PAGES.get(number, self._encoding)
        elif word == "s":
            self._style = number
        elif word == "outlinelevel" and number < _NO_OUTLINE:
            self._levels[self._style] = number + 1

    def _enter_destination(self, word: str) -> None:
        group = self._group
        outer = self._outer[-1].destination if self._outer else ""
        destination = DESTINATIONS.get(word)
        if outer == "skip" and word != "title":
            destination = "skip"
        if destination is None:
            return
        group.destination = outer if destination == "" else destination
        if destination in ("note", "box", "title", "label"):
            group.is_aside = True
            self._outer_texts.append(self._text)
            self._text = []

    def _write_word(self, word: str, number: int | None) -> bool:
        """Write the character that ``word`` stands for; tell whether it was of this kind."""
        if word in ("v", "deleted"):
            self._group.is_hidden = number != 0
        elif word == "plain":
            self._group.is_hidden = False
        elif word in CHARACTERS:
            self._write(CHARACTERS[word])
        elif word == "par" and self._group.destination:
            self._write("\n")
        else:
            return False
        return True

    def _body_word(self, word: str, number: int) -> None:
        if word in ("par", "sect"):
            self._end_line()
        elif word == "pard":
            self._reset_paragraph()
        elif word == "intbl":
            self._is_in_table = True
        elif word == "s":
            self._level = self._levels.get(number)
        elif word == "outlinelevel":
            self._level = number + 1 if number < _NO_OUTLINE else None
        elif word == "ls":
            self._is_list_item = number != 0
        elif word == "cell":
            self._cells.append(" ".join(_join(self._text).split()))
            self._text = []
        elif word == "row":
            self._rows.append("\t".join(self._cells).rstrip("\t"))
            self._cells = []

    def _write_bytes(self, content: bytes) -> None:
        self._group.is_new = False
        skipped = min(self._skipped, len(content))
        self._skipped -= skipped
        if self._group.destination not in ("skip", "fonts") and not self._group.is_hidden:
            self._bytes += content[skipped:]

    def _write(self, text: str) -> None:
        self._decode()
        if self._group.destination not in ("skip", "fonts") and not self._group.is_hidden:
            self._text.append(text)

    def _decode(self) -> None:
        if not self._bytes:
            return
        encoding = self._fonts.get(self._group.font or 0, self._encoding)
        text = self._bytes.decode(encoding, errors="replace")
        self._bytes.clear()
        if self._group.destination == "styles":
            if match := _HEADING_NAME.fullmatch(text.strip().rstrip(";")):
                self._levels[self._style] = int(match[1])
        else:
            self._text.append(text)

    def _reset_paragraph(self) -> None:
        self._level = None
        self._is_list_item = False
        self._is_in_table = False

    def _end_line(self) -> None:
        if self._is_in_table:
            self._text.append("\n")  # of a cell
        else:
            self._end_paragraph()

    def _end_paragraph(self) -> None:
        text = _join(self._text)
        self._text = []
        self._end_table()
        if self._level is not None:
            self.builder.add_heading(text, self._level)
        else:
            is_list_item = self._is_list_item or self._has_label
            self.builder.add("list" if is_list_item else "paragraph", text)
        self._has_label = False
        self._add_asides()

    def _end_table(self) -> None:
        if self._cells:
            self._rows.append("\t".join(self._cells))
        self.builder.add("table", "\n".join(row for row in self._rows if row.strip()))
        self._rows, self._cells = [], []

    def _add_asides(self) -> None:
        for destination, text in self._asides:
            self.builder.add("note" if destination == "note" else "paragraph", text)
        self._asides = []


def _join(pieces: list[str]) -> str:
    r"""Return the pieces as one text; two \u that are halves of one character become it."""
    return "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
