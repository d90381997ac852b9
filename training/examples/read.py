"""Read a file of examples. Every row of it is an example, rejected with a reason, or counted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from training.datatypes import QAExample
from training.examples.errors import ExampleFileError
from training.examples.fields import to_example
from training.examples.layouts import check_fields, map_columns
from training.examples.nested import Item
from training.examples.records import read_records
from training.examples.sentence import Sentence
from training.examples.values import ReadExamples, Record, RejectedRow

MAX_ROWS = 200_000  # of one file, kept in memory
MAX_CHARACTERS = 200_000_000  # the same; a passage of many questions counts once
_HEAD_ROWS = 100  # whose columns tell the layout


def read_examples(file: Path, mapping: Mapping[str, str] | None = None) -> ReadExamples:
    """Return the examples of a file: Alpaca, ShareGPT, messages, SQuAD, PubMedQA, tables and more.

    Args:
        file: ``.json``, ``.jsonl``, ``.csv``, ``.tsv``, also as ``.gz``, or ``.xlsx``.
        mapping: field -> column, before what is detected; "" for a field that is not read.

    Raises:
        ExampleFileError: the file as a whole cannot be read; names file, line or columns.
    """
    given = dict(mapping or {})
    check_fields(given)
    items = read_records(file, given)
    head = list(islice(items, _HEAD_ROWS))
    if not head:
        raise ExampleFileError("file_empty", file=str(file))
    columns = list(
        dict.fromkeys(str(key) for item in head if isinstance(item, Record) for key in item.values)
    )
    layout, found = "", given
    if columns:  # otherwise no row could be read, and each says why
        layout, found = map_columns(str(file), columns, given)
    kept = _Kept()
    for item in chain(head, items):
        if kept.is_full:
            kept.unread += 1
        else:
            kept.add(_judged(item, found))
    return ReadExamples(
        name=str(file),
        examples=tuple(kept.examples),
        rejected=tuple(kept.rejected),
        layout=layout,
        mapping=found,
        columns=tuple(columns),
        unread=kept.unread,
    )


def read_files(
    files: Sequence[Path], mapping: Mapping[str, str] | None = None
) -> list[ReadExamples]:
    """Return what each file holds, in their order.

    Of several files, one without the columns of ``mapping`` is read as detected.

    Raises:
        ExampleFileError: a file as a whole cannot be read, or none has the given columns.
    """
    found: list[ReadExamples] = []
    misses: list[ExampleFileError] = []
    for file in files:
        try:
            found.append(read_examples(file, mapping))
        except ExampleFileError as error:
            if error.sentence.kind != "mapping_column":
                raise
            misses.append(error)
            if len(misses) == len(files):
                raise misses[0] from error
            found.append(read_examples(file))
    return found


def _judged(item: Item, mapping: Mapping[str, str]) -> QAExample | RejectedRow:
    if isinstance(item, RejectedRow):
        return item
    found = to_example(item, mapping)
    return RejectedRow(item.place, found) if isinstance(found, Sentence) else found


class _Kept:
    """Rows as long as there is room for them; the rest is counted."""

    def __init__(self) -> None:
        self.examples: list[QAExample] = []
        self.rejected: list[RejectedRow] = []
        self.unread = 0
        self._characters = 0
        self._texts: dict[str, str] = {}  # passages, so that equal ones are one in memory

    @property
    def is_full(self) -> bool:
        """There is no room for another row."""
        rows = len(self.examples) + len(self.rejected)
        return rows >= MAX_ROWS or self._characters > MAX_CHARACTERS

    def add(self, row: QAExample | RejectedRow) -> None:
        """Keep a row."""
        if isinstance(row, RejectedRow):
            self.rejected.append(row)
            return
        passage = self._texts.setdefault(row.passage, row.passage)
        if passage is row.passage:
            self._characters += len(passage)
        self._characters += len(row.question) + len(row.answer) + len(row.quote)
        self.examples.append(replace(row, passage=passage))
