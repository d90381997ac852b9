"""The table of test questions, what became worse on top, and one question then and now."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import streamlit as st

from rag.evaluation.quality import changes
from rag.quality_store import QualityCheck, QualityQuestion, QualityResult
from rag.ui.clock import local_time
from rag.ui.safe_markdown import note_html, text_html
from rag.ui.services import Services
from rag.ui.strings import Words

_SIGNS = {"worse": "▼", "better": "▲", "same": "=", "new": "+", "waiting": "…"}


@dataclass(frozen=True, slots=True)
class _Row:
    question: QualityQuestion
    change: str
    now: QualityResult | None
    before: QualityResult | None


def draw_table(
    services: Services,
    words: Words,
    questions: Sequence[QualityQuestion],
    checks: Sequence[QualityCheck],
) -> None:
    """Draw the questions that are asked now, and below them the one whose row is ticked."""
    rows = _rows(questions, checks)
    st.subheader(words("quality_table"))
    st.html(note_html(words("quality_table_help")))
    text = st.column_config.TextColumn
    # A choice is a row number: other rows need another table, or it would mean another question.
    content = repr([(row.question.id, row.change) for row in rows]).encode()
    event = st.dataframe(
        {
            words("column_change"): [_change(words, row) for row in rows],
            words("column_question"): [row.question.question for row in rows],
            words("column_now"): [_verdict(words, row.now) for row in rows],
            words("column_before"): [_verdict(words, row.before) for row in rows],
        },
        hide_index=True,
        alt=words("quality_table_alt"),
        column_config={
            words("column_change"): text(width=106),
            words("column_question"): text(width=330),
            words("column_now"): text(width=174),
            words("column_before"): text(width=174),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=f"quality-{sha256(content).hexdigest()[:12]}",
    )
    chosen = event["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        _draw_question(services, words, rows[chosen[0]], checks)


def _rows(questions: Sequence[QualityQuestion], checks: Sequence[QualityCheck]) -> list[_Row]:
    by_id = {one.id: one for one in questions}
    asked = [
        _Row(by_id[one.now.question_id], one.change, one.now, one.before)
        for one in changes(checks)
        if one.now.question_id in by_id
    ]
    known = {row.question.id for row in asked}
    return asked + [_Row(one, "waiting", None, None) for one in questions if one.id not in known]


def _change(words: Words, row: _Row) -> str:
    return f"{_SIGNS[row.change]} {words(f'change_{row.change}')}"


def _verdict(words: Words, result: QualityResult | None) -> str:
    return words(f"verdict_{result.verdict}") if result else words("quality_none")


def _draw_question(
    services: Services, words: Words, row: _Row, checks: Sequence[QualityCheck]
) -> None:
    with st.container(border=True, key="quality-question"):
        st.html(
            f'<div class="fk-card-title">{text_html(row.question.question)}</div>'
            f'<dl class="fk-feedback"><dt>{html.escape(words("quality_expected"))}</dt>'
            f"<dd>{text_html(_expected(words, row.question))}</dd></dl>"
        )
        sides = []
        if len(checks) > 1:
            sides.append(_side_html(words, "quality_then", checks[-2], row.before))
        if checks:
            sides.append(_side_html(words, "quality_today", checks[-1], row.now))
        st.html(f'<div class="fk-worst-answers">{"".join(sides)}</div>')
        st.button(
            words("quality_remove"),
            key=f"quality-remove-{row.question.id}",
            type="tertiary",
            icon=":material/delete:",
            on_click=services.store.quality.remove,
            args=(row.question.id,),
        )


def _expected(words: Words, question: QualityQuestion) -> str:
    if not question.is_answerable:
        return words("quality_expected_none")
    source = question.source
    parts = list(question.answers)
    if source:
        parts.append(source if parts else words("quality_expected_source", source=source))
    return "\n".join(parts)


def _side_html(words: Words, key: str, check: QualityCheck, result: QualityResult | None) -> str:
    title = f'<div class="fk-side">{html.escape(words(key, when=local_time(check.created)))}</div>'
    if result is None:
        return f"<div>{title}{note_html(words('quality_never'))}</div>"
    style = "fk-better" if result.is_good else "fk-worse"
    verdict = html.escape(words(f"verdict_{result.verdict}"))
    said = result.text or words("quality_said_nothing")
    return (
        f'<div>{title}<span class="fk-verdict {style}">{verdict}</span>'
        f"<p>{text_html(said)}</p>"
        f"{''.join(note_html(line) for line in _notes(words, result))}</div>"
    )


def _notes(words: Words, result: QualityResult) -> list[str]:
    notes = []
    if result.evidence_level is not None and result.text:
        notes.append(words(f"evidence_{result.evidence_level}"))
    if result.cited:
        notes.append(words("quality_cited", names=words("comma").join(result.cited)))
    if not result.is_source_indexed:
        notes.append(words("quality_source_gone", source=result.source))
    elif result.source:
        found = result.rank is not None
        notes.append(words("quality_rank" if found else "quality_no_rank", rank=result.rank))
    return notes
