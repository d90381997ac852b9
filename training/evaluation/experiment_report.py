"""What came of a run that makes no answer model, as plain text: labels, knowledge of a folder."""

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 9
_PROBES = {"exact_match": "exact match", "mrr": "mean reciprocal rank"}


def format_label_scores(scores: Mapping[str, Any]) -> str:
    """Return accuracy and macro-F1 beside those of the commonest label, and the confusions.

    Args:
        scores: a `training.tuning.classify.LabelScores`, as it is kept in JSON.
    """
    return "\n".join(
        [
            f"held-out rows: n = {scores['examples']}",
            f"accuracy {scores['accuracy']:.3f}, macro-F1 {scores['macro_f1']:.3f}; "
            f"always {scores['majority_label']!r}: {scores['majority_accuracy']:.3f} "
            f"and {scores['majority_macro_f1']:.3f}",
            *format_confusion(scores["labels"], scores["labels"], scores["confusion"]),
        ]
    )


def format_confusion(
    labels: Sequence[str], told: Sequence[str], matrix: Sequence[Sequence[int]]
) -> list[str]:
    """Return one line for each right label, with how often each one of ``told`` was said."""
    return [
        f"  {'right, then said':18}" + "".join(f"{label:>{_WIDTH}}" for label in told),
        *(
            f"  {label:18}" + "".join(f"{count:>{_WIDTH}}" for count in row)
            for label, row in zip(labels, matrix, strict=True)
        ),
    ]


def format_probes(probes: Mapping[str, Any]) -> str:
    """Return what was known before and after, with 95 % intervals, and the loss on held-out text.

    Args:
        probes: what `training.runs.experiment_stages.probe_knowledge` keeps in JSON.
    """
    lines = [f"questions: n = {next(iter(probes['scores'].values()))['n']}"]
    for name, scores in probes["scores"].items():
        measured = (
            f"{words} {scores[key]['mean']:.3f} "
            f"[{scores[key]['low']:.3f}, {scores[key]['high']:.3f}]"
            for key, words in _PROBES.items()
        )
        loss = probes["held_out_loss"][name]
        lines.append(f"  {name:8}" + ", ".join((*measured, f"loss on held-out text {loss:.3f}")))
    return "\n".join(lines)
