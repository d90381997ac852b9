"""An evaluation as plain text: one line a model, as in the article on Q&A tuning and 4 bits."""

from collections.abc import Iterator

from rag.evaluation.metrics import Estimate
from training.evaluation.experiment_report import format_confusion
from training.evaluation.table import (
    ALL,
    MEASURES,
    RECALL,
    CandidateScores,
    EvaluationTable,
    GroupScores,
    LabelScores,
)

_WIDTH = 9
_SHOWN_CHARACTERS = 70  # of a completion


def format_table(table: EvaluationTable) -> str:
    """Return the whole table: scores by group, differences, labels, what was not run."""
    lines: list[str] = []
    width = _name_width(table)
    done = [candidate for candidate in table.candidates if not candidate.unavailable]
    for group in [one.group for one in done[0].groups]:
        lines += ["", *_group(done, group, width)]
    lines += ["", *_cost(done, width), *_differences(table, width)]
    for candidate in done:
        if candidate.labels:
            lines += ["", *_labels(candidate.name, candidate.labels)]
    lines += [
        f"{candidate.name}: not run, {candidate.unavailable}"
        for candidate in table.candidates
        if candidate.unavailable
    ]
    return "\n".join(lines).strip("\n")


def format_worst(table: EvaluationTable) -> str:
    """Return the worst rows of the last model, with what each model wrote."""
    lines = []
    width = _name_width(table)
    for row in table.worst:
        lines += ["", f"row {row.row} ({row.language}): {row.question}"]
        lines += [f"  {'wanted':{width}} {_short(row.expected)}"]
        lines += [
            f"  {name:{width}} {_short(text)}  ({row.scores[name]:.2f})"
            for name, text in row.completions.items()
        ]
    return "\n".join(lines).strip("\n")


def _name_width(table: EvaluationTable) -> int:
    return 2 + max(len(candidate.name) for candidate in table.candidates)


def _group(candidates: list[CandidateScores], group: str, width: int) -> Iterator[str]:
    of_group = {one.name: _of(one, group) for one in candidates}
    first = next(iter(of_group.values()))
    title = "all rows" if group == ALL else group
    yield f"{title}: n = {first.rows}, of which {first.answerable} have an answer"
    yield f"{'':{width}}" + "".join(f"{heading:>{_WIDTH}}" for heading in MEASURES.values())
    for name, scores in of_group.items():
        values = "".join(_cell(scores.measures[measure]) for measure in MEASURES)
        yield f"{name:{width}}{values}"


def _cost(candidates: list[CandidateScores], width: int) -> Iterator[str]:
    headings = ("s/quest.", "peak MB", "GPU MB", "load s", "nats/B en", "nats/B ja")
    yield f"{'':{width}}" + "".join(f"{heading:>{_WIDTH + 2}}" for heading in headings)
    for one in candidates:
        known = one.likelihood or {}
        likelihoods = "".join(_cell(known.get(language), _WIDTH + 2) for language in ("en", "ja"))
        yield (
            f"{one.name:{width}}{one.seconds:>{_WIDTH + 2}.2f}"
            f"{one.peak_memory_mb:>{_WIDTH + 2}.0f}{one.peak_gpu_mb:>{_WIDTH + 2}.0f}"
            f"{one.load_seconds:>{_WIDTH + 2}.1f}{likelihoods}"
        )


def _differences(table: EvaluationTable, width: int) -> Iterator[str]:
    if not table.differences:
        return
    yield ""
    yield (
        f"Difference to {table.baseline} on the same questions, with its 95 % interval (paired "
        "bootstrap) and p (McNemar, exact):"
    )
    for one in table.differences:
        if one.group != ALL:
            continue
        measure = "general text, nats/B" if one.measure == RECALL else one.measure
        p = "" if one.p is None else f"  p = {one.p:.3g}"
        interval = f"[{one.estimate.low:+.3f}, {one.estimate.high:+.3f}]"
        yield f"  {one.name:{width}}{measure:22}{one.estimate.mean:+.3f} {interval}{p}"


def _labels(name: str, labels: LabelScores) -> Iterator[str]:
    yield (
        f"{name}: accuracy {_with_interval(labels.accuracy)}, macro-F1 "
        f"{_with_interval(labels.macro_f1)}; always {labels.majority!r}: "
        f"{labels.majority_accuracy:.3f} and {labels.majority_macro_f1:.3f}"
    )
    yield from format_confusion(labels.labels, (*labels.labels, "none"), labels.matrix)


def _of(candidate: CandidateScores, group: str) -> GroupScores:
    return next(one for one in candidate.groups if one.group == group)


def _cell(estimate: Estimate | None, width: int = _WIDTH) -> str:
    return f"{'-':>{width}}" if estimate is None else f"{estimate.mean:>{width}.3f}"


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _short(text: str) -> str:
    line = " ".join(text.split()) or "(nothing)"
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}…"
