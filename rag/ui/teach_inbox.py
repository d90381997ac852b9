"""What readers said of answers, with why each wrong one was wrong and what to do about it."""

import html
from typing import Literal

import streamlit as st

from rag.datatypes import Answer, Chunk, Citation
from rag.feedback import OUTCOMES, Feedback, Outcome, Triage
from rag.ui.clock import local_time
from rag.ui.feedback_form import advice, look_for_cause
from rag.ui.limits import limit_words
from rag.ui.safe_markdown import label_text, note_html, text_html
from rag.ui.services import Services
from rag.ui.sources import show_source, source_label
from rag.ui.strings import Words

_Subject = Outcome | Literal["up"]
_PAGE = 20
_MAX_SHOWN = 600  # characters of an answer
_Color = Literal["red", "orange", "violet", "blue", "gray", "green"]
_COLORS: dict[str, _Color] = {
    "not_indexed": "red",
    "not_retrieved": "orange",
    "not_in_prompt": "violet",
    "answered_wrong": "blue",
    "unknown": "gray",
    "up": "green",
}
_ICONS = {
    "not_indexed": ":material/folder_off:",
    "not_retrieved": ":material/search_off:",
    "not_in_prompt": ":material/content_cut:",
    "answered_wrong": ":material/model_training:",
    "unknown": ":material/help:",
    "up": ":material/thumb_up:",
}


def draw_inbox(services: Services, words: Words) -> None:
    """Draw the filter and the feedback, newest first."""
    counts = services.store.feedback.counts()
    if not counts:
        st.html(note_html(words("inbox_empty")))
        return
    subject = _choose(words, counts)
    limit = int(st.session_state.get("inbox-limit", _PAGE))
    for feedback in services.store.feedback.inbox(subject, limit):
        _draw_item(services, words, feedback)
    more = (sum(counts.values()) if subject is None else counts.get(subject, 0)) - limit
    if more > 0 and st.button(words("inbox_more", count=more), key="inbox-more"):
        st.session_state["inbox-limit"] = limit + _PAGE
        st.rerun()


def subject_of(feedback: Feedback) -> str:
    """Return what a piece of feedback is filed under."""
    if feedback.judgement.verdict == "up":
        return "up"
    return feedback.triage.outcome if feedback.triage else "unknown"


def _choose(words: Words, counts: dict[str, int]) -> _Subject | None:
    order: tuple[_Subject, ...] = ("answered_wrong", *OUTCOMES, "up")
    options = [name for name in dict.fromkeys(order) if name in counts]
    return st.pills(
        words("inbox_filter"),
        options,
        format_func=lambda name: f"{words(f'outcome_{name}')} {counts[name]:,}",
        key="inbox-filter",
        label_visibility="collapsed",
    )


def _draw_item(services: Services, words: Words, feedback: Feedback) -> None:
    subject = subject_of(feedback)
    with st.container(border=True, key=f"inbox-{feedback.id}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(words(f"outcome_{subject}"), icon=_ICONS[subject], color=_COLORS[subject])
            if feedback.pair_state is not None:
                st.badge(words(f"pair_{feedback.pair_state}"), color="gray")
            st.html(note_html(_facts(words, feedback)))
        st.html(_item_html(words, feedback))
        if subject != "up":
            st.html(note_html(advice(words, feedback)))
        _draw_actions(services, words, feedback)


def _facts(words: Words, feedback: Feedback) -> str:
    judgement = feedback.judgement
    parts = [local_time(feedback.updated), judgement.author]
    parts.append(words(f"fault_{judgement.fault}") if judgement.fault else "")
    parts.append(feedback.answer.model_id)
    if limits := limit_words(words, feedback.search_filter):
        parts.append(words("searched_limits", limits=limits))
    return " · ".join(part for part in parts if part)


def _item_html(words: Words, feedback: Feedback) -> str:
    answer, judgement = feedback.answer, feedback.judgement
    said = answer.text if answer.status == "answered" else words("not_found")
    rows = [("inbox_said", _cut(said))]
    if judgement.correction is not None:
        rows.append(("inbox_corrected", _cut(judgement.correction) or words("not_found")))
    if feedback.triage is not None and feedback.triage.quote:
        rows.append(("inbox_quote", _cut(feedback.triage.quote)))
    if judgement.note:
        rows.append(("feedback_note", judgement.note))
    shown = "".join(
        f"<dt>{html.escape(words(name))}</dt><dd>{text_html(text)}</dd>" for name, text in rows
    )
    return (
        f'<div class="fk-card-title">{text_html(answer.question)}</div>'
        f'<dl class="fk-feedback">{shown}</dl>'
    )


def _draw_actions(services: Services, words: Words, feedback: Feedback) -> None:
    number = feedback.id
    with st.container(horizontal=True, gap="small"):
        passage = _passage(feedback)
        if passage is not None:
            label = label_text(source_label(words, passage.path, passage.page))
            icon = ":material/description:"
            if st.button(label, key=f"inbox-source-{number}", icon=icon, help=words("open_source")):
                citation = _citation(passage, feedback.triage or Triage("unknown"))
                show_source(services, words, passage, citation)
        if feedback.can_be_example and feedback.pair_state is None:
            st.button(
                words("inbox_propose"),
                key=f"inbox-propose-{number}",
                icon=":material/playlist_add:",
                on_click=services.store.feedback.propose,
                args=(number,),
            )
        if subject_of(feedback) not in ("up", "answered_wrong") and st.button(
            words("inbox_again"), key=f"inbox-again-{number}", icon=":material/refresh:"
        ):
            with st.spinner(words("feedback_looking")):
                look_for_cause(services, number)
            st.rerun()
        if st.button(
            words("delete"), key=f"inbox-delete-{number}", type="tertiary", icon=":material/delete:"
        ):
            st.dialog(words("inbox_delete"))(_confirm_delete)(services, words, number)


def _confirm_delete(services: Services, words: Words, feedback_id: int) -> None:
    st.write(words("inbox_delete_confirm"))
    if st.button(
        words("delete"),
        key="inbox-confirm-delete",
        type="primary",
        on_click=services.store.feedback.delete,
        args=(feedback_id,),
    ):
        st.rerun()  # closes the dialog


def _passage(feedback: Feedback) -> Chunk | None:
    if feedback.triage is not None and feedback.triage.passage is not None:
        return feedback.triage.passage
    return feedback.judgement.passage or _cited(feedback.answer)


def _cited(answer: Answer) -> Chunk | None:
    paths = {citation.path for citation in answer.citations}
    return next((hit.chunk for hit in answer.hits if hit.chunk.path in paths), None)


def _citation(passage: Chunk, found: Triage) -> Citation | None:
    at = passage.text.find(found.quote) if found.quote else -1
    if at < 0:
        return None
    start = passage.start + at
    return Citation(1, passage.path, passage.page, start, start + len(found.quote), found.quote)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
