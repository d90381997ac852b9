r"""JSON and JSON Lines, scanned without recursion.

Where a person can read the file line by line its text is the file itself, so that every quote
stands in it. One-line files and those with escapes such as ``\u65e5`` are written out as
``key: value`` lines instead, because nobody searches for escapes.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rag.datatypes import Block, BlockKind
from rag.readers.encoding import decode_text
from rag.readers.extract import Extract, normalize_text, shorten_heading
from rag.readers.text import plain_extract

_TOKEN = re.compile(
    r'\s*(?:(?P<string>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<mark>[\[\]{}:,])'
    r"|(?P<other>-?(?:\d[\d.eE+-]*|Infinity)|true|false|null|NaN))",
    re.DOTALL,
)
_UNREADABLE_ESCAPE = re.compile(r"\\[unrtbf]")
_MAX_LINE_CHARACTERS = 2000
_RECORD_CHARACTERS = 1000  # a larger object or array is cut below its keys
_MAX_HEADINGS = 8
_MAX_VALUES = 1_000_000  # and keys; their places cost about 200 MB
_SEPARATOR = "\n\n"
_TOO_MANY = "This JSON holds too many values to be taken apart, so it was read as plain text."
_SPOILED = "This is no complete JSON, so it was read as plain text."


@dataclass(slots=True)
class _Value:
    """A value with its place in the source, and what is inside it."""

    start: int  # of its key, where it has one
    key: str | None
    key_end: int = 0
    text: str = ""  # of a string, number or word
    end: int = 0
    children: list["_Value"] | None = None  # of an object or array
    is_object: bool = False


@dataclass(frozen=True, slots=True)
class _Passage:
    """Neighbouring values that make one block, or the one value whose key is a heading."""

    path: tuple[str, ...]  # keys above
    values: list[_Value]
    is_heading: bool = False


def read_json(file: Path) -> Extract:
    """Read JSON, or JSON values one after the other as in JSON Lines.

    Every object that is small enough is one block, below the keys that lead to it.

    Raises:
        DocumentError: the bytes are no text.
    """
    text = decode_text(file.read_bytes())
    try:
        values = _scan(text)
    except OverflowError:
        return plain_extract(text, remark=_TOO_MANY)
    except ValueError:
        return plain_extract(text, remark=_SPOILED)
    is_readable = not _UNREADABLE_ESCAPE.search(text) and all(
        len(line) <= _MAX_LINE_CHARACTERS for line in text.split("\n")
    )
    return _verbatim(text, values) if is_readable else _written_out(values)


def _scan(text: str) -> list[_Value]:
    """Return the values that stand one after the other in ``text``.

    Lenient about commas. An object may hold a key twice, and then both are kept.

    Raises:
        ValueError: this is no JSON, or it ends too early.
        OverflowError: more than `_MAX_VALUES` keys and values.
    """
    root = _Value(0, None, children=[])
    open_values = [root]
    key: tuple[int, str, int] | None = None
    for match in _tokens(text):
        position = match.end()
        start, mark = match.start(match.lastgroup or 0), match["mark"]
        around = open_values[-1]
        siblings = around.children if around.children is not None else []
        if mark in ("{", "["):
            opened = _value(start, key)
            opened.children, opened.is_object = [], mark == "{"
            siblings.append(opened)
            open_values.append(opened)
            key = None
        elif mark in ("}", "]"):
            is_keyless = around.is_object and any(child.key is None for child in siblings)
            if len(open_values) == 1 or around.is_object != (mark == "}") or key or is_keyless:
                raise ValueError(f"{mark} at {position} closes nothing")
            open_values.pop().end = position
        elif mark == ":":
            if not around.is_object or not siblings or siblings[-1].key is not None or key:
                raise ValueError(f"no key before {position}")
            name = siblings.pop()
            key = (name.start, name.text, name.end)
        elif mark is None:
            value = _value(start, key)
            value.text = _string(match["string"]) if match["string"] else match["other"]
            value.end = position
            siblings.append(value)
            key = None
    if len(open_values) > 1 or key:
        raise ValueError("the end is missing")
    return root.children or []


def _tokens(text: str) -> Iterator[re.Match[str]]:
    position, end, values = 0, len(text.rstrip()), 0
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"no JSON at {position}")
        values += match["mark"] in (None, "[", "{")
        if values > _MAX_VALUES:
            raise OverflowError(f"{_MAX_VALUES} values up to {position}")
        yield match
        position = match.end()


def _value(start: int, key: tuple[int, str, int] | None) -> _Value:
    return _Value(*key) if key else _Value(start, None)


def _string(source: str) -> str:
    if "\\" not in source:
        return source[1:-1]
    return str(json.loads(source, strict=False))


def _passages(values: list[_Value]) -> Iterator[_Passage]:
    """Yield headings and blocks in the order of the file, by a stack of our own."""
    pending: list[tuple[_Passage, bool]] = [(_Passage((), values), True)]
    while pending:
        passage, is_open = pending.pop()
        if not is_open:
            yield passage
            continue
        inside: list[tuple[_Passage, bool]] = []
        for is_container, run in groupby(passage.values, lambda v: v.children is not None):
            if not is_container:
                inside.append((_Passage(passage.path, list(run)), False))
                continue
            for value in run:
                inside += _open(value, passage.path)
        pending += reversed(inside)


def _open(value: _Value, path: tuple[str, ...]) -> list[tuple[_Passage, bool]]:
    """Return a small object as one block, a large one as a heading and what is inside."""
    children = value.children or []
    is_list_of_records = len(children) > 1 and all(c.children is not None for c in children)
    is_large = value.end - value.start > _RECORD_CHARACTERS
    if not is_large and (value.is_object or not is_list_of_records):
        return [(_Passage(path, [value]), False)]
    if value.key is None or len(path) == _MAX_HEADINGS or not value.key.strip():
        return [(_Passage(path, children), True)]
    below = (*path, shorten_heading(" ".join(value.key.split())))
    heading = _Passage(path, [value], is_heading=True)
    return [(heading, False), (_Passage(below, children), True)]


def _verbatim(text: str, values: list[_Value]) -> Extract:
    blocks = []
    for passage in _passages(values):
        first, last = passage.values[0], passage.values[-1]
        if passage.is_heading:
            blocks.append(Block("heading", first.start, first.key_end, passage.path))
        else:
            blocks.append(Block("code", first.start, last.end, passage.path))
    return Extract(text, tuple(blocks))


def _written_out(values: list[_Value]) -> Extract:
    pieces: list[str] = []
    blocks = []
    length = 0
    for passage in _passages(values):
        if passage.is_heading:
            written = passage.values[0].key or ""
        else:
            written = "\n".join(line for value in passage.values for line in _lines(value, ""))
        written = normalize_text(written).strip()
        if not written:
            continue
        kind: BlockKind = "heading" if passage.is_heading else "paragraph"
        blocks.append(Block(kind, length, length + len(written), passage.path))
        pieces.append(written)
        length += len(written) + len(_SEPARATOR)
    return Extract(_SEPARATOR.join(pieces), tuple(blocks))


def _lines(value: _Value, prefix: str) -> Iterator[str]:
    """Yield ``key: value`` lines. Recursive, but only over small records."""
    name = prefix + (value.key or "")
    if value.children is None:
        yield f"{name.removesuffix('.')}: {value.text}" if name else value.text
    elif value.children and all(c.children is None and c.key is None for c in value.children):
        joined = ", ".join(child.text for child in value.children)
        yield f"{name.removesuffix('.')}: {joined}" if name else joined
    else:
        for child in value.children:
            yield from _lines(child, f"{name}." if value.key is not None else name)
