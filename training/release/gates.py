"""Is a model no worse than the one that serves? Measured on the same questions, gate by gate."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.table import ALL, RECALL, Difference, EvaluationTable

MIN_ROWS = 20  # of a group; fewer cannot tell two models apart
# Share of what a byte costs the serving model. In the worse of two languages, quantizing the
# default model to 4 bits costs 0.08 of it, a useful adapter 0.07, and the same adapter at twice
# its strength 0.45.
RECALL_MARGIN = 0.25
GATES = (
    "normalized_exact", "f1", "abstention_recall", "false_abstention", "citation_precision",
    RECALL,
)  # fmt: skip
_LOWER_IS_BETTER = {"false_abstention"}


@dataclass(frozen=True, slots=True)
class Gate:
    """One measure in one group of rows, of the model and of the one that serves."""

    measure: str
    group: str
    rows: int
    candidate: float | None  # None: no row is a case of it
    serving: float | None
    difference: float  # candidate less serving
    low: float  # of its 95 % interval
    high: float
    is_passed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the gate as the pointer and the log keep it."""
        return asdict(self)

    def __str__(self) -> str:
        ours, theirs = (
            "-" if value is None else f"{value:.3f}" for value in (self.candidate, self.serving)
        )
        where = "" if self.group == ALL else f" ({self.group})"
        return (
            f"{self.measure}{where} {ours} against {theirs}, difference {self.difference:+.3f} "
            f"[{self.low:+.3f}, {self.high:+.3f}], n = {self.rows}"
        )


def judge(table: EvaluationTable, name: str) -> tuple[Gate, ...]:
    """Return the gates of the model called ``name`` against the baseline of ``table``.

    A gate fails when the model is worse beyond the interval: all of it lies on the wrong side of
    0, or of `RECALL_MARGIN` for what the model knew before. Languages count where they have
    `MIN_ROWS` rows; sentences of the forgetting probe always do.
    """
    return tuple(
        _gate(table, difference)
        for difference in table.differences
        if difference.name == name
        and difference.measure in GATES
        and (difference.measure == RECALL or difference.group == ALL or difference.rows >= MIN_ROWS)
    )


def _gate(table: EvaluationTable, difference: Difference) -> Gate:
    estimate = difference.estimate
    serving = _value(table, table.baseline, difference)
    if difference.measure in _LOWER_IS_BETTER:
        is_worse = estimate.low > 0
    elif difference.measure == RECALL:
        is_worse = estimate.high < -RECALL_MARGIN * abs(serving or 0.0)
    else:
        is_worse = estimate.high < 0
    return Gate(
        measure=difference.measure,
        group=difference.group,
        rows=difference.rows,
        candidate=_value(table, difference.name, difference),
        serving=serving,
        difference=estimate.mean,
        low=estimate.low,
        high=estimate.high,
        is_passed=not is_worse,
    )


def _value(table: EvaluationTable, name: str, difference: Difference) -> float | None:
    scores = table.candidate(name)
    if difference.measure == RECALL:
        estimate = (scores.likelihood or {}).get(difference.group)
    else:
        groups = {group.group: group for group in scores.groups}
        estimate = groups[difference.group].measures[difference.measure]
    return None if estimate is None else estimate.mean
