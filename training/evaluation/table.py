"""What an evaluation of answer models found: values, and how they become ``table.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from rag.errors import RagError
from rag.evaluation.metrics import Estimate

TABLE = "table.json"
ALL = "all"  # the group of all rows; the others are the languages
RECALL = "general_likelihood"  # `training.evaluation.forgetting`, in nats a byte
# Measures of a group, with the heading of their column. Higher is better, but for the last.
MEASURES: dict[str, str] = {
    "exact": "exact",
    "normalized_exact": "norm.",
    "partial": "partial",
    "f1": "F1",
    "abstention_precision": "abst. P",
    "abstention_recall": "abst. R",
    "citation_precision": "cite P",
    "citation_recall": "cite R",
    "false_abstention": "false a.",
}


class EvaluationError(RagError):
    """Models cannot be compared."""


@dataclass(frozen=True, slots=True)
class GroupScores:
    """One model over the rows of one language, or over all."""

    group: str
    rows: int
    answerable: int
    measures: dict[str, Estimate | None]  # None: no row is a case of it


@dataclass(frozen=True, slots=True)
class LabelScores:
    """One model over the rows that have a label, against always saying the commonest one."""

    labels: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]  # gold by predicted; the last column is none of them
    accuracy: Estimate
    macro_f1: Estimate
    majority: str
    majority_accuracy: float
    majority_macro_f1: float


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """One model. ``unavailable`` says why it could not be run, and then nothing is measured."""

    name: str
    folder: str
    precision: str
    fingerprint: str
    model_id: str = ""
    unavailable: str = ""
    groups: tuple[GroupScores, ...] = ()
    labels: LabelScores | None = None
    likelihood: dict[str, Estimate] | None = None  # `RECALL` by group; None of one that only quotes
    seconds: float = 0.0  # a question, mean
    peak_memory_mb: float = 0.0
    peak_gpu_mb: float = 0.0
    load_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a model has of a measure than the baseline has, on the same questions."""

    name: str  # of the model
    group: str
    measure: str
    rows: int
    estimate: Estimate
    p: float | None  # McNemar's exact test; None of a measure that is no yes or no


@dataclass(frozen=True, slots=True)
class WorstRow:
    """A row on which the last model is at its worst, with what each model wrote."""

    row: int
    language: str
    question: str
    expected: str
    completions: dict[str, str]
    scores: dict[str, float]  # F1, or whether it abstains where no passage answers


@dataclass(frozen=True, slots=True)
class EvaluationTable:
    """The comparison of some models on the same rows."""

    rows: int
    rows_sha256: str
    baseline: str  # name of the model that the others are compared with: the serving one if there
    candidates: tuple[CandidateScores, ...]
    differences: tuple[Difference, ...]
    worst: tuple[WorstRow, ...]

    def candidate(self, name: str) -> CandidateScores:
        """Return the scores of a model.

        Raises:
            KeyError: it was not evaluated.
        """
        return {candidate.name: candidate for candidate in self.candidates}[name]

    def to_json(self) -> dict[str, Any]:
        """Return what `table_from_json` reads."""
        return asdict(self)


def table_from_json(table: Mapping[str, Any]) -> EvaluationTable:
    """Return the table that `EvaluationTable.to_json` wrote.

    Raises:
        KeyError, TypeError: it is another one.
    """
    return EvaluationTable(
        rows=table["rows"],
        rows_sha256=table["rows_sha256"],
        baseline=table["baseline"],
        candidates=tuple(_candidate(entry) for entry in table["candidates"]),
        differences=tuple(
            Difference(**{**entry, "estimate": Estimate(**entry["estimate"])})
            for entry in table["differences"]
        ),
        worst=tuple(WorstRow(**entry) for entry in table["worst"]),
    )


def read_table(file: Path) -> EvaluationTable:
    """Return the table in ``file``, or in the folder ``file``.

    Raises:
        EvaluationError: it is missing or damaged.
    """
    file = file / TABLE if file.is_dir() else file
    try:
        return table_from_json(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise EvaluationError(f"There is no evaluation in {file}.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvaluationError(f"{file} is damaged. Evaluate the models again.") from error


def _candidate(entry: Mapping[str, Any]) -> CandidateScores:
    likelihood = entry["likelihood"]
    return CandidateScores(
        **{
            **entry,
            "groups": tuple(
                GroupScores(**{**group, "measures": _estimates(group["measures"])})
                for group in entry["groups"]
            ),
            "labels": entry["labels"] and _labels(entry["labels"]),
            "likelihood": likelihood and cast(dict[str, Estimate], _estimates(likelihood)),
        }
    )


def _estimates(entries: Mapping[str, Any]) -> dict[str, Estimate | None]:
    return {name: entry and Estimate(**entry) for name, entry in entries.items()}


def _labels(entry: Mapping[str, Any]) -> LabelScores:
    return LabelScores(
        **{
            **entry,
            "labels": tuple(entry["labels"]),
            "matrix": tuple(tuple(row) for row in entry["matrix"]),
            "accuracy": Estimate(**entry["accuracy"]),
            "macro_f1": Estimate(**entry["macro_f1"]),
        }
    )
