"""Rows as a file of JSON lines: what a run made of its examples, for its later stages."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.answer_json import prompt_from_fields
from rag.errors import RagError
from training.datatypes import AnswerRow, QAExample


def rows_to_jsonl(rows: Iterable[AnswerRow], file: Path) -> None:
    """Write one JSON object a row; ``file`` appears or changes as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)


def rows_from_jsonl(file: Path) -> list[AnswerRow]:
    """Return the rows that `rows_to_jsonl` wrote.

    Raises:
        RagError: the file cannot be read, or a line of it is no row.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RagError(f"The rows in {file} cannot be read ({error}).") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        if line:
            try:
                rows.append(_row_from(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise RagError(
                    f"{file} line {number} is no row ({error}). Remove the file; the run makes it "
                    "again."
                ) from error
    return rows


def _row_from(fields: dict[str, Any]) -> AnswerRow:
    example = fields["example"]
    return AnswerRow(
        prompt=prompt_from_fields(fields["prompt"]),
        completion=str(fields["completion"]),
        example=QAExample(**{**example, "answers": tuple(example["answers"])}),
        gold_passage=int(fields["gold_passage"]),
        documents=tuple(fields["documents"]),
    )
