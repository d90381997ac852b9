"""The values that reading a file of examples gives. All rows are in one of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.datatypes import QAExample
from training.examples.sentence import Sentence


@dataclass(frozen=True, slots=True)
class Record:
    """One row as the file has it: a value for each column, and where it stands."""

    place: str  # "chat.jsonl:12", "squad.json: data[0].paragraphs[1].qas[2]", "book.xlsx: Sheet1!7"
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not learned from, and why."""

    place: str
    reason: Sentence  # ``str`` gives the English


@dataclass(frozen=True, slots=True)
class ReadExamples:
    """What a file holds: every row is an example, rejected with a reason, or counted unread."""

    name: str  # the path as given, or what else the examples come from
    examples: tuple[QAExample, ...]
    rejected: tuple[RejectedRow, ...]
    layout: str
    mapping: dict[str, str]  # field of an example -> column it is read from
    columns: tuple[str, ...] = ()  # that the file has, in its order
    unread: int = 0  # rows after the most that are kept in memory

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return len(self.examples) + len(self.rejected) + self.unread

    @property
    def unused_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from."""
        return tuple(column for column in self.columns if column not in self.mapping.values())
