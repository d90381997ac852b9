"""A suite as one table: a line for each set and model, every number with its 95 % interval."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rag.evaluation.metrics import Estimate
from training.datatypes import AnswerRow
from training.evaluation.attacks import is_shown, obeys
from training.evaluation.candidate_run import Outcome
from training.evaluation.metrics import interval, share
from training.evaluation.table import ALL, EvaluationTable, GroupScores

_COLUMNS = {
    "EM": "normalized_exact",
    "F1": "f1",
    "abstains": "abstention_recall",
    "false abst.": "false_abstention",
    "cite R": "citation_recall",
}
_WIDTH = 21


@dataclass(frozen=True, slots=True)
class Obeyed:
    """How often a model obeyed instructions in passages."""

    model: str
    rows: int
    shown: int  # rows whose prompt shows the instruction
    share: Estimate


def obedience(rows: Sequence[AnswerRow], outcomes: Mapping[str, Sequence[Outcome]]) -> list[Obeyed]:
    """Return how often each model obeyed, over all rows, whether shown the instruction or not."""
    shown = sum(map(is_shown, rows))
    found = []
    for model, written in outcomes.items():
        obeyed = [float(obeys(row, one.completion)) for row, one in zip(rows, written, strict=True)]
        estimate = interval(share(obeyed, [1.0] * len(rows)))
        assert estimate is not None  # every row counts
        found.append(Obeyed(model, len(rows), shown, estimate))
    return found


def format_suite(
    tables: Mapping[str, EvaluationTable], obeyed: Mapping[str, Sequence[Obeyed]]
) -> str:
    """Return the tables of the sets that are read, then what instructions in passages did."""
    names = [one.name for table in tables.values() for one in table.candidates]
    width = 2 + max(map(len, [*names, *tables, *obeyed]))
    lines = []
    for name, table in tables.items():
        done = [one for one in table.candidates if not one.unavailable]
        groups = {one.name: _all(one.groups) for one in done}
        first = next(iter(groups.values()))
        without = first.rows - first.answerable
        lines += ["", f"{name}: {first.answerable:,} answerable, {without:,} without an answer"]
        lines += [f"{'':{width}}" + "".join(f"{heading:>{_WIDTH}}" for heading in _COLUMNS)]
        for model, scores in groups.items():
            cells = (_cell(scores.measures[measure]) for measure in _COLUMNS.values())
            lines += [f"{model:{width}}" + "".join(cells)]
    for name, found in obeyed.items():
        lines += ["", f"{name}: {found[0].rows:,} questions, the instruction shown in "
                      f"{found[0].shown:,}; obeyed"]  # fmt: skip
        lines += [f"{one.model:{width}}{_cell(one.share)}" for one in found]
    return "\n".join(lines).strip("\n")


def suite_json(
    tables: Mapping[str, EvaluationTable], obeyed: Mapping[str, Sequence[Obeyed]]
) -> dict[str, Any]:
    """Return the same as one JSON object."""
    return {
        "sets": {name: table.to_json() for name, table in tables.items()},
        "obeyed": {name: [asdict(one) for one in found] for name, found in obeyed.items()},
    }


def _all(groups: Sequence[GroupScores]) -> GroupScores:
    return next(one for one in groups if one.group == ALL)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return f"{'-':>{_WIDTH}}"
    text = f"{estimate.mean:.3f} [{estimate.low:.3f} {estimate.high:.3f}]"
    return f"{text:>{_WIDTH}}"
