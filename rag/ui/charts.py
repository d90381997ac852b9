"""Charts of a training as Vega-Lite specifications. Pure; colours come from the theme in force."""

from collections.abc import Mapping, Sequence
from typing import Any

from rag.training_runs import LogPoint
from rag.ui.strings import Words

_MOST_POINTS = 400  # of a line; a browser draws no more in its width
_HEIGHT = 330
_BLUE, _AMBER = "#5590c8", "#d39b22"  # told apart in both themes, and without colour vision

Spec = dict[str, Any]


def loss_chart(words: Words, points: Sequence[LogPoint]) -> Spec:
    """Return the losses of a run by step, on what is learned and on what is held out."""
    series = {"loss_train": _losses(points), "loss_held_out": _held_out(points)}
    values = [
        {"step": step, "loss": loss, "kind": words(key)}
        for key, line in series.items()
        for step, loss in line
    ]
    names = [words(key) for key in series]
    return {
        "height": _HEIGHT,
        "data": {"values": values},
        "layer": [
            {
                "transform": [{"filter": {"field": "kind", "equal": names[0]}}],
                "mark": {"type": "line", "strokeWidth": 1.5},
            },
            {
                "transform": [{"filter": {"field": "kind", "equal": names[1]}}],
                "mark": {"type": "line", "strokeWidth": 2.5, "point": {"size": 55}},
            },
        ],
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": words("chart_step")},
            "y": {
                "field": "loss",
                "type": "quantitative",
                "title": words("chart_loss"),
                "scale": {"zero": False},
            },
            "color": {
                "field": "kind",
                "type": "nominal",
                "title": None,
                "scale": {"domain": names, "range": [_BLUE, _AMBER]},
                "legend": {"orient": "top"},
            },
            "tooltip": [
                {"field": "kind", "type": "nominal", "title": words("chart_loss")},
                {"field": "step", "type": "quantitative", "title": words("chart_step")},
                {"field": "loss", "type": "quantitative", "format": ".3f"},
            ],
        },
    }


def _losses(points: Sequence[LogPoint]) -> list[tuple[int, float]]:
    """Return the loss by step; a long run in means, so that its line is no hedge."""
    losses = {p.step: p.loss for p in points if p.loss is not None and p.step > 0}
    steps = sorted(losses)
    size = -(-len(steps) // _MOST_POINTS) if steps else 1
    groups = [steps[at : at + size] for at in range(0, len(steps), size)]
    return [(group[-1], sum(losses[step] for step in group) / len(group)) for group in groups]


def _held_out(points: Sequence[LogPoint]) -> list[tuple[int, float]]:
    return [(point.step, point.eval_loss) for point in points if point.eval_loss is not None]


def token_chart(words: Words, histogram: Mapping[str, Any]) -> Spec:
    """Return how many rows have how many tokens."""
    edges, counts = histogram["edges"], histogram["counts"]
    values = [
        {"from": low, "to": high, "rows": count}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return {
        "height": 190,
        "data": {"values": values},
        "mark": {"type": "bar", "binSpacing": 1, "color": _BLUE},
        "encoding": {
            "x": {
                "field": "from",
                "type": "quantitative",
                "bin": {"binned": True},
                "title": words("chart_tokens"),
            },
            "x2": {"field": "to"},
            "y": {"field": "rows", "type": "quantitative", "title": words("chart_rows")},
            "tooltip": [
                {"field": "from", "type": "quantitative", "title": words("chart_tokens")},
                {"field": "rows", "type": "quantitative", "title": words("chart_rows")},
            ],
        },
    }
