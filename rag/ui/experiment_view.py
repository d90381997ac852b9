"""What came of a run that makes no answer model: labels told apart, text learned."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from rag.training_runs import TrainingRun, read_label_scores, read_probes
from rag.ui.safe_markdown import note_html
from rag.ui.strings import Words
from rag.ui.table_view import wide_table_html

_PROBES = ("exact_match", "mrr")


def draw_experiment(words: Words, run: TrainingRun) -> None:
    """Draw the measures of a classification or of a domain adaptation, if ``run`` is one."""
    if scores := read_label_scores(run):
        st.html(label_scores_html(words, scores))
    if probes := read_probes(run):
        st.html(probes_html(words, probes))


def label_scores_html(words: Words, scores: Mapping[str, Any]) -> str:
    """Return accuracy and macro-F1 beside those of the commonest label, and the confusions."""
    facts = "".join(
        f"<div><dt>{html.escape(words(f'measure_{key}'))}</dt><dd>{scores[key]:.3f}</dd></div>"
        for key in ("accuracy", "macro_f1")
    )
    baseline = words(
        "train_majority",
        label=scores["majority_label"],
        accuracy=f"{scores['majority_accuracy']:.3f}",
        macro_f1=f"{scores['majority_macro_f1']:.3f}",
    )
    return (
        f'<dl class="fk-facts">{facts}</dl>{note_html(baseline)}'
        f"{confusion_html(words, scores['labels'], scores['confusion'])}"
    )


def confusion_html(words: Words, labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Return a table of how often each label was told as which; a last column is none of them."""
    columns = [*labels, words("confusion_none")][: len(matrix[0]) if matrix else 0]
    heads = [words("confusion_right"), *(words("confusion_told", label=c) for c in columns)]
    cells = ([f"{count:,}" for count in row] for row in matrix)
    return _table(heads, zip(labels, cells, strict=False))


def probes_html(words: Words, probes: Mapping[str, Any]) -> str:
    """Return what was known before and after, with intervals, and the loss on held-out text."""
    scores, losses = probes["scores"], probes["held_out_loss"]
    names = list(scores)
    heads = [words("compare_measure"), *(words(f"probe_{name}") for name in names)]
    rows = {
        f"probe_{key}": [
            f"{(e := scores[name][key])['mean']:.3f} [{e['low']:.3f}, {e['high']:.3f}]"
            f" · n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{scores[name]['n']:,}"
            for name in names
        ]
        for key in _PROBES
    }
    rows["probe_loss"] = [f"{losses[name]:.3f}" for name in names]
    return _table(heads, ((words(key), cells) for key, cells in rows.items()))


def _table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return rows under their heads; on a phone each cell shows the head of its column."""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        + "".join(
            f'<td data-column="{html.escape(column, quote=True)}">{html.escape(cell)}</td>'
            for column, cell in zip(heads[1:], cells, strict=False)
        )
        + "</tr>"
        for name, cells in rows
    )
    return wide_table_html(heads, body)
