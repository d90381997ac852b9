"""Files to records, by their suffix and, where that lies, by their content.

JSONL and CSV are streamed; JSON is parsed in one piece and therefore bounded.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.examples.errors import ExampleFileError
from training.examples.nested import (
    Item,
    is_pubmedqa,
    is_squad,
    pubmedqa_rows,
    squad_rows,
    unfolded,
)
from training.examples.sentence import Sentence
from training.examples.tables import separated_rows, workbook_rows
from training.examples.text_file import Line, parse_json, read_json, read_lines
from training.examples.values import Record, RejectedRow

_JSON, _LINES = (".json",), (".jsonl", ".ndjson")
_SEPARATED, _WORKBOOK = (".csv", ".tsv"), (".xlsx", ".xlsm")
KINDS = (*_JSON, *_LINES, *_SEPARATED, *_WORKBOOK)
_SHOWN_KEYS = 10


def read_records(file: Path, given: Mapping[str, str]) -> Iterator[Item]:
    """Yield every row of a file with its place; conversations give one row an exchange.

    Args:
        file: of one of `KINDS`; text also as gzip.
        given: field -> column, as a person mapped them; tells the header of a sheet.

    Raises:
        ExampleFileError: the file as a whole cannot be read, at the start or further on.
    """
    suffix = Path(file.name.lower().removesuffix(".gz")).suffix
    if suffix in _WORKBOOK:
        yield from workbook_rows(file, given)
    elif suffix in _SEPARATED:
        yield from separated_rows(file)
    elif suffix in (*_JSON, *_LINES):
        is_lines = _is_lines(file, suffix in _LINES)
        for item in _json_lines(file) if is_lines else _json_rows(file):
            yield from unfolded(item) if isinstance(item, Record) else (item,)
    else:
        raise ExampleFileError("file_kind", file=str(file), kinds=", ".join(KINDS))


def _is_lines(file: Path, is_named_lines: bool) -> bool:
    """Tell whether each line is a value: many a .json holds lines, and some .jsonl a list."""
    first, second = "", ""
    for line in read_lines(file):
        if line.text.strip():
            if first:
                second = line.text
                break
            first = line.text
    if is_named_lines:
        return not first.lstrip().startswith("[")
    return _is_object(first) and second.lstrip().startswith("{")


def _is_object(line: str) -> bool:
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(parse_json(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(file: Path) -> Iterator[Item]:
    for line in read_lines(file):
        if line.problem or line.text.strip():
            yield _record_of(line, f"{file.name}:{line.number}")


def _record_of(line: Line, place: str) -> Item:
    if line.problem:
        return RejectedRow(place, line.problem)
    try:
        value = parse_json(line.text)
    except json.JSONDecodeError as error:
        return RejectedRow(place, Sentence("row_json", {"column": error.colno, "error": error.msg}))
    except RecursionError:
        return RejectedRow(place, Sentence("row_deep"))
    return _record(place, value)


def _json_rows(file: Path) -> Iterator[Item]:
    value = read_json(file)
    name = file.name
    if is_pubmedqa(value):
        yield from pubmedqa_rows(name, value)
        return
    if isinstance(value, dict):
        key = _key_of_rows(value)
        if key is None:
            raise ExampleFileError("json_shape", file=str(file), found=_described(value))
        name, value = f"{file.name}: {key}", value[key]
    elif isinstance(value, list):
        name = f"{file.name}: "
    else:
        raise ExampleFileError("json_shape", file=str(file), found=_described(value))
    if is_squad(value):
        yield from squad_rows(name, value, file.name)
    else:
        for n, row in enumerate(value):
            yield _record(f"{name}[{n}]", row)


def _record(place: str, value: Any) -> Item:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, dict):
        return Record(place, value)
    return RejectedRow(place, Sentence("row_shape"))


def _key_of_rows(value: Mapping[str, Any]) -> str | None:
    """Return "data", or the one key that holds a list of objects."""
    lists = [
        key
        for key, rows in value.items()
        if isinstance(rows, list) and any(isinstance(row, dict) for row in rows)
    ]
    if isinstance(value.get("data"), list):
        return "data"
    return lists[0] if len(lists) == 1 else None


def _described(value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    if isinstance(value, dict):
        keys = [str(key)[:40] for key in list(value)[:_SHOWN_KEYS]]
        return f"an object with the keys {', '.join(keys) or '—'}"
    return {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(
        type(value), "a number"
    )
