"""Models side by side: what each measure is worth before and after, and the worst answers."""

import html
from collections.abc import Mapping, Sequence

import streamlit as st

from rag.evaluation.metrics import Estimate
from rag.training_comparison import (
    CandidateScores,
    Comparison,
    Difference,
    WorstRow,
)
from rag.ui.experiment_view import confusion_html
from rag.ui.safe_markdown import note_html
from rag.ui.strings import Words
from rag.ui.table_view import wide_table_html

# In the order in which they are read; what else a table holds is left to its JSON.
MEASURES = (
    "exact", "normalized_exact", "partial", "f1", "abstention_precision", "abstention_recall",
    "false_abstention", "citation_precision", "citation_recall", "general_likelihood",
)  # fmt: skip
LABEL_MEASURES = ("accuracy", "macro_f1")
_LOWER_IS_BETTER = {"false_abstention"}
_SHOWN_CHARACTERS = 600  # of an answer in the list of the worst


def draw_comparison(words: Words, table: Comparison) -> None:
    """Draw the table of a run and, folded, where its model is at its worst."""
    baseline = candidate_words(words, table.baseline)
    st.html(note_html(words("compare_help", count=f"{table.rows:,}", baseline=baseline)))
    st.html(comparison_html(words, table))
    for candidate in table.candidates:
        if candidate.unavailable:
            name = candidate_words(words, candidate.name)
            st.html(note_html(words("compare_unavailable", name=name, why=candidate.unavailable)))
    for language, of_language in table.languages.items():
        with st.expander(words(f"compare_language_{language}", count=f"{of_language.rows:,}")):
            st.html(comparison_html(words, of_language, has_costs=False))
    _draw_labels(words, table.candidates[-1])
    if table.worst:
        with st.expander(words("compare_worst", count=len(table.worst))):
            st.html("".join(_worst_html(words, row) for row in table.worst))


def _draw_labels(words: Words, candidate: CandidateScores) -> None:
    if candidate.majority is None:
        return
    label, accuracy, macro_f1 = candidate.majority
    baseline = words(
        "train_majority", label=label, accuracy=f"{accuracy:.3f}", macro_f1=f"{macro_f1:.3f}"
    )
    st.html(note_html(baseline))
    with st.expander(words("compare_confusion", name=candidate_words(words, candidate.name))):
        st.html(confusion_html(words, candidate.label_names, candidate.confusion))


def comparison_html(words: Words, table: Comparison, *, has_costs: bool = True) -> str:
    """Return the table: a row a measure, a column a model, and what the last one gained.

    Time and memory are of all rows, and left out without ``has_costs``.

    Each cell names its column as well, for a narrow window, where a row is a block.
    """
    shown = [candidate for candidate in table.candidates if not candidate.unavailable]
    last = next((c for c in reversed(shown) if c.name != table.baseline), None)
    heads = [words("compare_measure"), *(candidate_words(words, c.name) for c in shown)]
    if last is not None:
        heads.append(words("compare_gain", name=candidate_words(words, last.name)))
    body = ""
    for measure in (*MEASURES, *LABEL_MEASURES):
        values = [_values(candidate).get(measure) for candidate in shown]
        if any(values):
            cells = ["–" if value is None else f"{value.mean:.3f}" for value in values]
            if last is not None:
                cells.append(_gain_html(words, measure, table.difference(last.name, measure)))
            body += _row_html(words, measure, heads, cells)
    if has_costs:
        body += _row_html(words, "seconds", heads, [f"{c.seconds:.2f}" for c in shown])
        body += _row_html(words, "memory", heads, [f"{c.peak_memory_mb:,.0f}" for c in shown])
    return wide_table_html(heads, body)


def _row_html(words: Words, measure: str, heads: Sequence[str], cells: Sequence[str]) -> str:
    title = html.escape(words.known(f"measure_{measure}_help", ""), quote=True)
    name = html.escape(words(f"measure_{measure}"))
    values = "".join(
        f'<td data-column="{html.escape(column, quote=True)}">{cell}</td>'
        for column, cell in zip(heads[1:], [*cells, *([""] * len(heads))], strict=False)
    )
    return f'<tr><th scope="row" title="{title}">{name}</th>{values}</tr>'


def candidate_words(words: Words, name: str) -> str:
    """Return what a model of a comparison is called."""
    return words.known(f"candidate_{name}", name)


def _values(candidate: CandidateScores) -> Mapping[str, Estimate]:
    return {**candidate.measures, **candidate.labels}


def _gain_html(words: Words, measure: str, gain: Difference | None) -> str:
    if gain is None:
        return "–"
    verdict = verdict_of(measure, gain.estimate)
    figures = (
        f"{gain.estimate.mean:+.3f} [{gain.estimate.low:+.3f}, {gain.estimate.high:+.3f}]"
        f" · n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{gain.rows:,}"
    )
    if gain.p is not None:
        p = f"p = {gain.p:.3f}" if gain.p >= 0.001 else "p < 0.001"
        figures += " · " + p.replace(" ", "\N{NO-BREAK SPACE}")
    return (
        f'<span class="fk-verdict fk-{verdict}">{html.escape(words(f"compare_{verdict}"))}</span>'
        f'<span class="fk-note">{html.escape(figures)}</span>'
    )


def verdict_of(measure: str, difference: Estimate) -> str:
    """Return "better" or "worse" when all of the interval lies on one side of 0, else "same"."""
    sign = -1 if measure in _LOWER_IS_BETTER else 1
    if difference.low > 0:
        return "better" if sign > 0 else "worse"
    if difference.high < 0:
        return "worse" if sign > 0 else "better"
    return "same"


def _worst_html(words: Words, row: WorstRow) -> str:
    answers: dict[str, tuple[str, float | None]] = {}
    answers[words("compare_expected")] = (row.expected, None)
    for name, text in row.completions.items():
        answers[candidate_words(words, name)] = (text, row.scores.get(name))
    cells = "".join(
        f'<div><div class="fk-block-label"><span>{html.escape(name)}</span>'
        f"<span>{'' if score is None else f'{score:.2f}'}</span></div>"
        f'<div class="fk-block-text">{html.escape(text[:_SHOWN_CHARACTERS].strip() or "–")}</div>'
        "</div>"
        for name, (text, score) in answers.items()
    )
    return (
        f'<div class="fk-worst"><div class="fk-card-title">{html.escape(row.question)}</div>'
        f'<div class="fk-worst-answers">{cells}</div></div>'
    )
