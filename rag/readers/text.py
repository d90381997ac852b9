"""Plain text and Markdown. The text is the file itself, so that every quote stands in it.

Only blocks and headings are worked out; no mark-up is removed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from rag.datatypes import Block, BlockKind
from rag.readers.encoding import decode_text
from rag.readers.extract import Extract, Headings, shorten_heading
from rag.readers.outline import plain_level

_PARAGRAPH = re.compile(r"\S.*(?:\n.*\S.*)*")
_LINE = re.compile(r"[^\n]+")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_TEXT_UNDERLINE = re.compile(r"[ \t]*(={3,}|-{3,})\s*")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})([^`]*)")
_LIST_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]+.*)?")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")


def read_plain(file: Path) -> Extract:
    """Read a text file; paragraphs are separated by blank lines. There is no title.

    Headings are lines that are underlined, numbered, in capitals or marked as such, and have
    something below them: what only looks like one, as an item of a list, stays text.

    Raises:
        DocumentError: the bytes are no text.
    """
    text = decode_text(file.read_bytes())
    headings = Headings()
    blocks: list[Block] = []
    parts = list(_plain_parts(text))
    for part, below in zip_longest(parts, parts[1:]):
        has_text = below is not None and (below.kind != "heading" or below.level > part.level)
        if part.kind == "heading" and has_text:
            above = headings.enter(part.level, part.title)
            blocks.append(Block("heading", part.start, part.end, above))
        else:
            blocks.append(Block("paragraph", part.start, part.end, headings.path))
    return Extract(text, tuple(blocks))


def _plain_parts(text: str) -> Iterator["_Part"]:
    """Yield the paragraphs of plain text; a line that looks like a heading is a part of its own."""
    for paragraph in _PARAGRAPH.finditer(text):
        start, end = paragraph.span()
        lines = list(_LINE.finditer(text, start, end))
        for line, below in zip_longest(lines, lines[1:]):
            after = line.end()
            level = plain_level(line[0], stands_alone=len(lines) == 1)
            if below is not None and _TEXT_UNDERLINE.fullmatch(below[0]):
                level, after = 1 if "=" in below[0] else 2, below.end()
            if level is None:
                continue
            if start < line.start():
                yield _Part("paragraph", start, line.start() - 1)
            yield _Part("heading", line.start(), after, level, line[0].strip())
            start = after + 1
        if start < end:
            yield _Part("paragraph", start, end)


def plain_extract(text: str, kind: BlockKind = "paragraph", remark: str = "") -> Extract:
    """Cut ``text``, which is kept as it is, into blocks at its blank lines."""
    blocks = [Block(kind, match.start(), match.end()) for match in _PARAGRAPH.finditer(text)]
    return Extract(text, tuple(blocks), remark=remark)


def read_markdown(file: Path) -> Extract:
    """Read a Markdown file; see `markdown_extract`.

    Raises:
        DocumentError: the bytes are no text.
    """
    return markdown_extract(decode_text(file.read_bytes()))


def markdown_extract(text: str) -> Extract:
    """Find the blocks of ``text``, which is kept as it is; its title is the first heading.

    HTML comments and front matter become ``note`` blocks: they are part of the file but not
    of what it shows.
    """
    headings = Headings()
    blocks: list[Block] = []
    title = ""
    for part in _MarkdownParts(text).parts():
        above = headings.path
        if part.kind == "heading":
            above = headings.enter(part.level, part.title)
            title = title or shorten_heading(part.title)
        blocks.append(Block(part.kind, part.start, part.end, above))
    return Extract(text, tuple(blocks), title=title)


@dataclass(frozen=True, slots=True)
class _Part:
    kind: BlockKind
    start: int
    end: int
    level: int = 0  # of a heading, 1 to 6
    title: str = ""


class _MarkdownParts:
    """Finds the blocks of CommonMark that matter for citing, line by line."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def parts(self) -> Iterator[_Part]:
        """Yield the blocks in order. Blank lines and horizontal rules belong to none."""
        first = 0
        while first < len(self._lines):
            if not self._lines[first].strip():
                first += 1
                continue
            kind, after = self._next_block(first)
            if kind == "heading":
                yield self._heading(first, after)
            elif kind is not None:
                yield self._part(kind, first, after)
            first = after

    def _next_block(self, first: int) -> tuple[BlockKind | None, int]:
        """Return the kind of the block at a non-blank line, and the line after it."""
        line = self._lines[first]
        if first == 0 and line.rstrip() == "---" and (after := self._after(first, "---")):
            return "note", after
        if line.lstrip().startswith("<!--"):
            return "note", self._after_comment(first)
        if _FENCE.fullmatch(line):
            return "code", self._after_fence(first)
        if _HEADING.fullmatch(line):
            return "heading", first + 1
        if _RULE.fullmatch(line):
            return None, first + 1
        if self._is_table(first):
            return "table", self._after_table(first)
        if _LIST_ITEM.fullmatch(line):
            return "list", self._after_list(first)
        if _UNDERLINE.fullmatch(self._line(first + 1)):
            return "heading", first + 2
        return "paragraph", self._after_paragraph(first)

    def _line(self, number: int) -> str:
        return self._lines[number] if number < len(self._lines) else ""

    def _part(self, kind: BlockKind, first: int, after: int) -> _Part:
        while not self._lines[after - 1].strip():
            after -= 1
        return _Part(kind, self._starts[first], self._starts[after] - 1)

    def _heading(self, first: int, after: int) -> _Part:
        match = _HEADING.fullmatch(self._lines[first])
        if match:
            level = len(match[1])
            title = (match[2] or "").strip()
            bare = title.rstrip("#")  # no pattern: it would backtrack over long runs of spaces
            if not bare or bare[-1].isspace():
                title = bare.rstrip()
        else:
            level = 1 if "=" in self._lines[first + 1] else 2
            title = self._lines[first].strip()
        return _Part("heading", self._starts[first], self._starts[after] - 1, level, title)

    def _after(self, first: int, closing: str) -> int | None:
        for number in range(first + 1, len(self._lines)):
            if self._lines[number].rstrip() == closing:
                return number + 1
        return None

    def _after_comment(self, first: int) -> int:
        for number in range(first, len(self._lines)):
            if "-->" in self._lines[number]:
                return number + 1
        return len(self._lines)

    def _after_fence(self, first: int) -> int:
        fence = self._lines[first].strip()
        mark = fence[: len(fence) - len(fence.lstrip(fence[0]))]
        for number in range(first + 1, len(self._lines)):
            line = self._lines[number].strip()
            if line.startswith(mark) and not line.strip(mark[0]):
                return number + 1
        return len(self._lines)

    def _is_table(self, first: int) -> bool:
        rule = self._line(first + 1)
        return "|" in self._lines[first] and "|" in rule and bool(_TABLE_RULE.fullmatch(rule))

    def _after_table(self, first: int) -> int:
        after = first + 2
        while "|" in self._line(after):
            after += 1
        return after

    def _after_list(self, first: int) -> int:
        """Return the line after the list: a blank line ends it unless more of it follows."""
        after = first + 1
        while after < len(self._lines):
            line = self._lines[after]
            is_inside = line.startswith((" ", "\t")) or bool(_LIST_ITEM.fullmatch(line))
            if line.strip() and not is_inside:
                is_lazy = bool(self._lines[after - 1].strip()) and not self._opens_block(after)
                if not is_lazy:
                    break
            after = self._after_fence(after) if _FENCE.fullmatch(line) else after + 1
        return after

    def _after_paragraph(self, first: int) -> int:
        after = first + 1
        while self._line(after).strip() and not self._opens_block(after):
            after += 1
        return after

    def _opens_block(self, number: int) -> bool:
        """Tell whether the line ends a paragraph that stands above it."""
        line = self._lines[number]
        return bool(
            _HEADING.fullmatch(line)
            or _FENCE.fullmatch(line)
            or _RULE.fullmatch(line)
            or _LIST_ITEM.fullmatch(line)
            or line.startswith("<!--")
            or self._is_table(number)
        )
