"""What a check found: counts, and findings in words. As JSON it outlives the command.

`CheckReport.blocking` is what forbids to train; warnings are for a person to weigh.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from training.examples.sentence import Sentence, Value, sentence_from_json
from training.examples.values import RejectedRow

Level = Literal["block", "warn", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a person should know, and how grave it is."""

    level: Level
    sentence: Sentence


def finding(level: Level, kind: str, **values: Value) -> Finding:
    """Return the finding of that kind of sentence."""
    return Finding(level, Sentence(kind, values))


@dataclass(frozen=True, slots=True)
class FileCheck:
    """One file: how it was read, and what of it was left out."""

    name: str
    layout: str
    mapping: dict[str, str]  # field -> column
    columns: tuple[str, ...]
    kept: int
    rejected: tuple[RejectedRow, ...]
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many rows have how many tokens: ``counts[n]`` are below ``edges[n + 1]``."""

    edges: tuple[int, ...]  # ascending; one more than counts
    counts: tuple[int, ...]
    median: int
    p95: int  # 95 % of the rows have no more
    longest: int


@dataclass(frozen=True, slots=True)
class LabelBalance:
    """How often each label occurs, and what always saying the commonest is worth."""

    counts: dict[str, int]
    majority: str
    accuracy: float
    macro_f1: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that is known of examples before anything is trained."""

    files: tuple[FileCheck, ...]
    train: int
    held_out: int
    languages: dict[str, int]
    not_found: int  # examples whose right answer is that there is none
    labels: LabelBalance | None = None  # None: these are no labels
    authors: dict[str, int] = field(default_factory=dict)  # corrections of each, before the limit
    prompt_tokens: Histogram | None = None  # None until rows are made
    completion_tokens: Histogram | None = None
    recall: float | None = None  # None: no search was tried
    sample: str = ""  # one row as it is learned, what is learned of it in [[ ]]
    findings: tuple[Finding, ...] = ()  # the gravest first

    @property
    def kept(self) -> int:
        """How many rows of all files are examples."""
        return sum(file.kept for file in self.files)

    @property
    def rejected(self) -> int:
        """How many rows of all files are left out, each with its reason."""
        return sum(len(file.rejected) for file in self.files)

    @property
    def blocking(self) -> tuple[str, ...]:
        """What forbids to train, in English."""
        return tuple(str(f.sentence) for f in self.findings if f.level == "block")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should weigh, in English."""
        return tuple(str(f.sentence) for f in self.findings if f.level == "warn")

    def with_findings(self, *added: Finding) -> "CheckReport":
        """Return the report with more findings."""
        order = {"block": 0, "warn": 1, "info": 2}
        findings = sorted((*self.findings, *added), key=lambda found: order[found.level])
        return replace(self, findings=tuple(findings))

    def to_json(self) -> dict[str, Any]:
        """Return what `check_from_json` reads; each sentence with its words in both languages."""
        files = [
            {
                **asdict(replace(file, rejected=())),
                "rejected": [
                    {"place": row.place, "reason": row.reason.to_json()} for row in file.rejected
                ],
            }
            for file in self.files
        ]
        findings = [{"level": f.level, **f.sentence.to_json()} for f in self.findings]
        return {
            **asdict(replace(self, files=(), findings=())),
            "files": files,
            "findings": findings,
            "blocking": list(self.blocking),
        }


def check_from_json(table: Mapping[str, Any]) -> CheckReport:
    """Return the report that `CheckReport.to_json` wrote.

    Raises:
        KeyError, TypeError: it is none, or one of another version.
    """
    values = {key: value for key, value in table.items() if key != "blocking"}
    values["files"] = tuple(_file(file) for file in table["files"])
    values["findings"] = tuple(
        Finding(found["level"], sentence_from_json(found)) for found in table["findings"]
    )
    values["labels"] = LabelBalance(**table["labels"]) if table["labels"] else None
    for name in ("prompt_tokens", "completion_tokens"):
        values[name] = _histogram(table[name])
    return CheckReport(**values)


def _file(table: Mapping[str, Any]) -> FileCheck:
    rejected = tuple(
        RejectedRow(row["place"], sentence_from_json(row["reason"])) for row in table["rejected"]
    )
    return FileCheck(**{**table, "columns": tuple(table["columns"]), "rejected": rejected})


def _histogram(table: Mapping[str, Any] | None) -> Histogram | None:
    if table is None:
        return None
    edges, counts = tuple(table["edges"]), tuple(table["counts"])
    return Histogram(**{**table, "edges": edges, "counts": counts})
