"""Charts of quality over time, made with Altair. Pure; colours come from the theme in force."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rag.evaluation.quality import changed_parts, measures
from rag.quality_store import QualityCheck
from rag.ui.strings import Words

if TYPE_CHECKING:
    import altair as alt

    _Chart = alt.LayerChart | alt.FacetChart

_HEIGHT = 280
_BESIDE = -12  # pixels from a point to what changed before it
_TOP = 1.16  # of the axis: above 100 % stands what changed
_WEEK_HEIGHT = 200
# Told apart in both themes, and without colour vision.
_SERIES = ("#5590c8", "#d39b22", "#9b6bb3")
_THUMBS = ("#3d9a5f", "#c9463d", "#9aa3ad")
_GRAY = "#8a929c"
_SHORT = slice(5, 16)  # of "2026-11-21 14:05": without the year

Week = tuple[str, dict[str, int]]  # first day; how many answers have which verdict


def share_chart(
    words: Words,
    checks: Sequence[QualityCheck],
    names: Sequence[str],
    local_time: Callable[[str], str],
) -> "_Chart":
    """Return measures over the checks, with intervals, and marks where something changed.

    Args:
        words: the language.
        checks: oldest first.
        names: of the measures. A value of too few questions is left out.
        local_time: how a time is shown.
    """
    import altair as alt

    values, titles = _points(words, checks, names), [words(f"curve_{name}") for name in names]
    days = {str(n): local_time(c.created)[_SHORT] for n, c in enumerate(checks, start=1)}
    table = json.dumps(days, ensure_ascii=False)
    x = alt.X(
        "check:O",
        scale=alt.Scale(domain=list(range(1, len(checks) + 1))),
        axis=alt.Axis(title=None, labelExpr=f"{table}[datum.value]", labelAngle=0,
                      labelOverlap=True, grid=False),
    )  # fmt: skip
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=titles, range=list(_SERIES[: len(titles)])),
        legend=alt.Legend(title=None, orient="top", columns=3, labelLimit=200),
    )
    scale = alt.Scale(domain=[0, _TOP])
    axis = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    y = alt.Y("mean:Q", title=None, scale=scale, axis=axis)
    tooltip = [
        alt.Tooltip("kind:N", title=words("quality_measure")),
        alt.Tooltip("mean:Q", title=words("chart_share"), format=".0%"),
        alt.Tooltip("interval:N", title=words("chart_interval")),
        alt.Tooltip("n:Q", title=words("chart_questions")),
        alt.Tooltip("day:N", title=words("chart_check")),
    ]
    base = _over([{**one, "day": days[str(one["check"])]} for one in values])
    line = base.mark_line(strokeWidth=2.5).encode(x, y, color)
    bars = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x, alt.Y("low:Q", scale=scale), alt.Y2("high:Q"), color
    )
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x, y, color, tooltip=tooltip)
    return alt.layer(*_marks(words, checks, x), bars, line, points, height=_HEIGHT)


def week_chart(words: Words, weeks: Sequence[Week]) -> "_Chart":
    """Return how many answers of each week got which thumb: a short bar is little evidence."""
    import altair as alt

    kinds = ("up", "down", "none")
    titles = [words(f"daily_{kind}") for kind in kinds]
    values = [
        {"week": day, "kind": title, "answers": counts[kind], "order": order}
        for day, counts in weeks
        for order, (kind, title) in enumerate(zip(kinds, titles, strict=True))
    ]
    x = alt.X("week:O", title=words("chart_week"), axis=alt.Axis(labelAngle=0, labelOverlap=True))
    axis = alt.Axis(format="d", tickMinStep=1)
    color = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=titles, range=list(_THUMBS)),
        legend=alt.Legend(title=None, orient="top"),
    )
    tooltip = [
        alt.Tooltip("week:O", title=words("chart_week")),
        alt.Tooltip("kind:N", title=" "),
        alt.Tooltip("answers:Q", title=words("chart_answers")),
    ]
    return alt.layer(
        _over(values)
        .mark_bar(size=22)
        .encode(
            x,
            alt.Y("answers:Q", title=words("chart_answers"), axis=axis),
            color,
            alt.Order("order:Q"),
            tooltip=tooltip,
        ),
        height=_WEEK_HEIGHT,
    )


def _over(values: list[dict[str, Any]]) -> "alt.Chart":
    import altair as alt

    return alt.Chart(alt.Data(values=values))  # type: ignore[no-untyped-call]


def _points(
    words: Words, checks: Sequence[QualityCheck], names: Sequence[str]
) -> list[dict[str, Any]]:
    points = []
    for number, check in enumerate(checks, start=1):
        found = measures(check.results)
        for name in names:
            measure = found[name]
            estimate = measure.estimate
            if estimate is None or not measure.is_telling:
                continue
            points.append({
                "check": number,
                "kind": words(f"curve_{name}"),
                "mean": estimate.mean,
                "low": estimate.low,
                "high": estimate.high,
                "interval": f"{estimate.low:.0%} – {estimate.high:.0%}",
                "n": measure.n,
            })  # fmt: skip
    return points


def _marks(words: Words, checks: Sequence[QualityCheck], x: "alt.X") -> "list[alt.Chart]":
    """Return a dashed line with its reason at every check that was made of something else."""
    import altair as alt

    marks = [
        {"check": number, "why": [words(f"changed_{part}") for part in parts]}
        for number, (before, after) in enumerate(pairwise(checks), start=2)
        if (parts := changed_parts(before, after))
    ]
    if not marks:
        return []
    base = _over(marks)
    return [
        base.mark_rule(strokeDash=[4, 4], color=_GRAY, xOffset=_BESIDE).encode(x),
        base.mark_text(align="left", baseline="top", dx=_BESIDE + 4, color=_GRAY).encode(
            x, alt.Text("why:N"), y=alt.value(2)
        ),
    ]
