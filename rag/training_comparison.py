"""The table that a training run leaves: several models on the same questions and passages.

Reads only, and forgives like `rag.training_runs`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag.evaluation.metrics import Estimate

_TABLE = Path("evaluation", "table.json")
_ALL = "all"  # rows of every language
_LANGUAGES = ("en", "ja")
RECALL = "general_likelihood"  # of sentences that have nothing to do with the training


@dataclass(frozen=True, slots=True)
class CandidateScores:
    """One model of a comparison."""

    name: str
    model_id: str
    unavailable: str  # why it could not be run; "" when it was
    measures: Mapping[str, Estimate]  # over all rows; one that is undefined is left out
    labels: Mapping[str, Estimate]  # "accuracy" and "macro_f1" of a classification
    majority: tuple[str, float, float] | None  # commonest label; its accuracy, its macro-F1
    label_names: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]  # label by predicted; a last column is none of them
    seconds: float  # a question
    peak_memory_mb: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more of a measure a model has than the baseline, on the same questions."""

    candidate: str
    measure: str
    rows: int
    estimate: Estimate
    p: float | None


@dataclass(frozen=True, slots=True)
class WorstRow:
    """A question on which the newest model is at its worst, and what each model wrote."""

    question: str
    expected: str
    completions: Mapping[str, str]
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table of a run: the same questions and passages for every model."""

    rows: int
    baseline: str
    candidates: tuple[CandidateScores, ...]
    differences: tuple[Difference, ...]
    worst: tuple[WorstRow, ...]
    languages: Mapping[str, "Comparison"] = field(default_factory=dict)  # the rows of each alone

    def difference(self, candidate: str, measure: str) -> Difference | None:
        """Return how ``candidate`` differs from the baseline in ``measure``, if that is known."""
        for found in self.differences:
            if (found.candidate, found.measure) == (candidate, measure):
                return found
        return None


def read_comparison(run_folder: Path) -> Comparison | None:
    """Return the table of a run, None before it has one."""
    try:
        table = json.loads((run_folder / _TABLE).read_text(encoding="utf-8"))
        rows = {
            group["group"]: int(group["rows"])
            for entry in table["candidates"]
            for group in entry["groups"]
        }
        languages = {
            language: _comparison(table, language, rows[language])
            for language in _LANGUAGES
            if language in rows
        }
        return replace(_comparison(table, _ALL, int(table["rows"])), languages=languages)
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _comparison(table: Mapping[str, Any], group: str, rows: int) -> Comparison:
    return Comparison(
        rows=rows,
        baseline=str(table["baseline"]),
        candidates=tuple(_candidate(entry, group) for entry in table["candidates"]),
        differences=tuple(
            Difference(
                entry["name"],
                entry["measure"],
                int(entry["rows"]),
                Estimate(**entry["estimate"]),
                entry["p"],
            )
            for entry in table["differences"]
            if entry["group"] == group
        ),
        worst=tuple(
            WorstRow(row["question"], row["expected"], row["completions"], row["scores"])
            for row in table["worst"]
            if group in (_ALL, row.get("language"))
        ),
    )


def _candidate(entry: Mapping[str, Any], group: str) -> CandidateScores:
    groups = {one["group"]: one["measures"] for one in entry["groups"]}
    labels = (entry.get("labels") or {}) if group == _ALL else {}
    majority = None
    if labels:
        accuracy, macro_f1 = labels["majority_accuracy"], labels["majority_macro_f1"]
        majority = (str(labels["majority"]), float(accuracy), float(macro_f1))
    recall = {RECALL: (entry.get("likelihood") or {}).get(group)}
    return CandidateScores(
        name=str(entry["name"]),
        model_id=str(entry.get("model_id", "")),
        unavailable=str(entry.get("unavailable", "")),
        measures=_estimates({**groups.get(group, {}), **recall}),
        labels=_estimates({name: labels.get(name) for name in ("accuracy", "macro_f1")}),
        majority=majority,
        label_names=tuple(labels.get("labels", ())),
        confusion=tuple(tuple(row) for row in labels.get("matrix", ())),
        seconds=float(entry.get("seconds", 0.0)),
        peak_memory_mb=float(entry.get("peak_memory_mb", 0.0)),
    )


def _estimates(entries: Mapping[str, Any]) -> dict[str, Estimate]:
    return {name: Estimate(**entry) for name, entry in entries.items() if entry}
