"""Text files of any size, plain or gzip, as lines that a damaged byte does not end.

UTF-8 with or without mark, UTF-16 with one, CP932 and EUC-JP are told apart by their bytes.
"""

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from rag.readers.extract import normalize_text
from training.examples.errors import ExampleFileError
from training.examples.sentence import Sentence

MAX_JSON_BYTES = 512 << 20  # of a file that has to be parsed in one piece
MAX_LINE_CHARACTERS = 16_000_000
UTF8 = "utf-8-sig"
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 20
_PROVEN_CHARACTERS = 8  # beyond ASCII; chance does not make so many valid UTF-8 sequences
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BAD_BYTES = re.compile("[\udc80-\udcff]")  # as "surrogateescape" keeps them
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")  # also of a pair, as of an emoji
_EXACT_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its end. One with a ``problem`` is not to be learned from."""

    number: int  # from 1
    text: str
    problem: Sentence | None = None


@contextmanager
def open_bytes(file: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked when it is gzip by its content.

    Raises:
        ExampleFileError: missing, no regular file, not readable, or damaged; also while reading.
    """
    if file.exists() and not file.is_file():
        raise ExampleFileError("file_unreadable", file=str(file), error="it is no regular file")
    try:
        with file.open("rb") as raw:
            is_packed = raw.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            raw.seek(0)
            with gzip.open(raw) if is_packed else raw as stream:
                yield cast(IO[bytes], stream)
    except FileNotFoundError as error:
        raise ExampleFileError("file_missing", file=str(file)) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ExampleFileError("file_damaged", file=str(file), error=str(error)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ExampleFileError("file_unreadable", file=str(file), error=reason) from error


def encoding_of(file: Path) -> str:
    """Return the encoding of a text file; UTF-8 also for one with some damaged bytes."""
    proven = 0
    with open_bytes(file) as stream:
        chunk = stream.read(_CHUNK_BYTES)
        for mark, encoding in _MARKS:
            if chunk.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk:
                proven += _beyond_ascii(decoder.decode(chunk))
                chunk = stream.read(_CHUNK_BYTES)
            decoder.decode(b"", final=True)
            return UTF8
        except UnicodeDecodeError as error:
            proven += _beyond_ascii(error.object[: error.start].decode("utf-8", "ignore"))
    if proven < _PROVEN_CHARACTERS:
        for encoding in ("cp932", "euc_jp"):
            if _is_all(file, encoding):
                return encoding
    return UTF8


def _beyond_ascii(text: str) -> int:
    return 0 if text.isascii() else sum(character > "\x7f" for character in text)


def _is_all(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_bytes(file) as stream:
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def read_lines(file: Path) -> Iterator[Line]:
    """Yield the lines of a text file of any size; none takes more than 16 million characters.

    Raises:
        ExampleFileError: the file cannot be read, at the start or further on.
    """
    encoding = encoding_of(file)
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    with (
        open_bytes(file) as raw,
        io.TextIOWrapper(raw, encoding=encoding, errors=errors, newline="") as text,
    ):
        number = 0
        while line := text.readline(MAX_LINE_CHARACTERS):
            number += 1
            problem = None
            if not line.endswith(("\n", "\r")) and len(line) == MAX_LINE_CHARACTERS:
                problem = Sentence("row_long", {"limit": MAX_LINE_CHARACTERS})
                _skip_line(text)
                line = ""
            elif not line.isascii() and _BAD_BYTES.search(line):
                problem = Sentence("row_encoding", {"encoding": encoding.removesuffix("-sig")})
            yield Line(number, line, problem)


def _skip_line(text: IO[str]) -> None:
    while (piece := text.readline(_CHUNK_BYTES)) and not piece.endswith(("\n", "\r")):
        pass


def read_json(file: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the value of a JSON file of at most 512 MB.

    Raises:
        ExampleFileError: larger, not JSON (names line and column), or in an unknown encoding.
    """
    limit = MAX_JSON_BYTES >> 20
    if file.is_file() and file.stat().st_size > MAX_JSON_BYTES:
        raise ExampleFileError("json_too_large", file=str(file), limit=limit)
    encoding = encoding_of(file)
    with open_bytes(file) as stream:
        content = stream.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise ExampleFileError("json_too_large", file=str(file), limit=limit)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ExampleFileError("file_encoding", file=str(file), line=line) from error
    del content
    problem: Exception
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        problem, line, column, reason = error, error.lineno, error.colno, error.msg
    except RecursionError as error:
        problem, line, column, reason = error, 1, 1, "nested too deeply"
    raise ExampleFileError(
        "json_malformed", file=str(file), line=line, column=column, error=reason
    ) from problem


def parse_json(text: str) -> Any:  # noqa: ANN401 - whatever the text holds
    """Return a JSON value; a whole number beyond 15 digits stays text, as in an identifier.

    Lone surrogates, which JSON can escape and UTF-8 cannot hold, are left out.

    Raises:
        json.JSONDecodeError: not JSON.
        RecursionError: nested too deeply.
    """
    value = json.loads(text, parse_int=_whole_number)
    return _writable(value) if _SURROGATE_ESCAPE.search(text) else value


def _writable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return normalize_text(value)
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return value


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) <= _EXACT_DIGITS else digits
