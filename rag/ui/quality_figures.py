"""How good answers and search are now and over time: figures, curves, and thumbs week by week."""

import html
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

import streamlit as st

from rag.evaluation.quality import (
    ANSWERS,
    MIN_QUESTIONS,
    RETRIEVAL,
    SIGNIFICANT,
    Measure,
    chance_of,
    changed_parts,
    changed_settings,
    changes,
    measures,
)
from rag.quality_store import DailyAnswer, QualityCheck
from rag.ui.clock import local_day, local_time, local_today
from rag.ui.quality_charts import Week, share_chart, week_chart
from rag.ui.safe_markdown import note_html
from rag.ui.strings import Words

_WEEKS = 12
_RECENT = timedelta(weeks=4)


def draw_figures(words: Words, checks: Sequence[QualityCheck]) -> None:
    """Draw every measure of the newest check and of the one before, with interval and n."""
    st.subheader(words("quality_figures"))
    found = [measures(check.results) for check in checks[-2:]]
    heads = [words("quality_now"), *([words("quality_before")] if len(found) > 1 else [])]
    columns = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in heads)
    rows = [
        _row_html(words, name, heads, [one[name] for one in reversed(found)])
        for name in (*ANSWERS, *RETRIEVAL)
        if any(one[name].n for one in found)
    ]
    st.html(
        f'<div class="fk-wide"><table class="fk-table fk-pair"><thead><tr>'
        f'<th scope="col">{html.escape(words("quality_measure"))}</th>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    st.html(note_html(words("quality_help")))


def _row_html(words: Words, name: str, heads: Sequence[str], found: Sequence[Measure]) -> str:
    cells = "".join(
        f'<td data-column="{html.escape(head)}">{_figure_html(words, name, one)}</td>'
        for head, one in zip(heads, found, strict=True)
    )
    return f'<tr><th scope="row">{html.escape(words(f"measure_{name}"))}</th>{cells}</tr>'


def _figure_html(words: Words, name: str, measure: Measure) -> str:
    estimate = measure.estimate
    if estimate is None:
        return html.escape(words("quality_none"))
    if name == "mrr":
        value = words("quality_mrr_value", mean=f"{estimate.mean:.2f}")
        low, high = f"{estimate.low:.2f}", f"{estimate.high:.2f}"
        interval = words("quality_mrr_interval", low=low, high=high, n=measure.n)
    else:
        count, share = round(estimate.mean * measure.n), f"{100 * estimate.mean:.0f}"
        value = words("quality_share", count=count, n=measure.n, share=share)
        low, high = f"{100 * estimate.low:.0f}", f"{100 * estimate.high:.0f}"
        interval = words("quality_interval", low=low, high=high)
    if not measure.is_telling:
        interval = f"{interval} · {words('quality_few')}"
    return f'{html.escape(value)}<div class="fk-note">{html.escape(interval)}</div>'


def draw_curves(words: Words, checks: Sequence[QualityCheck]) -> None:
    """Draw answers and search over the checks, each with words that say what is seen."""
    _draw_answers(words, checks)
    _draw_retrieval(words, checks)


def _draw_answers(words: Words, checks: Sequence[QualityCheck]) -> None:
    st.subheader(words("quality_answers"))
    found = measures(checks[-1].results)["good"]
    if not found.is_telling or found.estimate is None:
        st.html(note_html(words("quality_too_few", count=found.n, least=MIN_QUESTIONS)))
        return
    count = round(found.estimate.mean * found.n)
    seen = [words("quality_seen_answers", count=count, n=found.n), *_seen_change(words, checks)]
    _draw_chart(words, checks, ("good", "cites"), seen)


def _draw_retrieval(words: Words, checks: Sequence[QualityCheck]) -> None:
    found = measures(checks[-1].results)
    first, five = found["hit@1"], found["hit@5"]
    st.subheader(words("quality_retrieval"))
    if not first.is_telling or first.estimate is None or five.estimate is None:
        few = words("quality_too_few_sources", count=first.n, least=MIN_QUESTIONS)
        st.html(note_html(few))
        return
    seen = words(
        "quality_seen_retrieval",
        n=first.n,
        first=round(first.estimate.mean * first.n),
        five=round(five.estimate.mean * five.n),
    )
    _draw_chart(words, checks, RETRIEVAL, [seen])


def _draw_chart(
    words: Words, checks: Sequence[QualityCheck], names: Sequence[str], seen: list[str]
) -> None:
    is_marked = any(changed_parts(*pair) for pair in pairwise(checks))
    if len(checks) == 1:
        seen.append(words("quality_one_point"))
    seen.append(words("quality_seen_marks" if is_marked else "quality_seen_bars"))
    text = words("sentence_space").join(seen)
    st.altair_chart(share_chart(words, checks, names, local_time), alt=text)
    st.html(note_html(text))


def _seen_change(words: Words, checks: Sequence[QualityCheck]) -> list[str]:
    """Return what changed since the check before, and whether chance could do that."""
    if len(checks) < 2:
        return []
    both = [one for one in changes(checks) if one.before is not None]
    better, worse = (sum(one.change == name for one in both) for name in ("better", "worse"))
    seen = [words("quality_seen_change", n=len(both), better=better, worse=worse)]
    if better or worse:
        is_chance = chance_of(worse, better) >= SIGNIFICANT
        seen.append(words("quality_seen_chance" if is_chance else "quality_seen_no_chance"))
    settings = changed_settings(checks[-2].settings, checks[-1].settings)
    if settings:
        names = [
            words("quality_setting_change", name=name, before=before, after=after)
            for name, before, after in settings
        ]
        seen.append(words("quality_seen_settings", names=words("comma").join(names)))
    return seen


def draw_daily(words: Words, answers: Sequence[DailyAnswer]) -> None:
    """Draw how many answers of daily use got which thumb."""
    st.subheader(words("quality_daily"))
    if not answers:
        st.html(note_html(words("quality_daily_none")))
        return
    since = local_today() - _RECENT
    recent = [one for one in answers if local_day(one.created) > since]
    n = len(recent)
    up, down = (sum(one.verdict == name for one in recent) for name in ("up", "down"))
    if n < MIN_QUESTIONS:
        seen = words("quality_daily_few", n=n, up=up, down=down)
    else:
        shares = {"up": f"{100 * up / n:.0f}", "down": f"{100 * down / n:.0f}"}
        seen = words("quality_daily_seen", n=n, **shares)
    st.altair_chart(week_chart(words, weeks_of(answers, local_today())), alt=seen)
    st.html(note_html(seen))


def weeks_of(answers: Sequence[DailyAnswer], today: date) -> list[Week]:
    """Return the last weeks up to ``today``, each by its Monday; one without answers too."""
    this_week = today - timedelta(days=today.weekday())
    days = [this_week - timedelta(weeks=n) for n in reversed(range(_WEEKS))]
    counts = {day: {"up": 0, "down": 0, "none": 0} for day in days}
    for one in answers:
        day = local_day(one.created)
        monday = day - timedelta(days=day.weekday()) if day > date.min else day
        if monday in counts:
            counts[monday][one.verdict or "none"] += 1
    first = next((n for n, day in enumerate(days) if any(counts[day].values())), len(days) - 1)
    return [(f"{day:%m-%d}", counts[day]) for day in days[first:]]
