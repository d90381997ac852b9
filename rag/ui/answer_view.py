"""One finished answer: its words, its sources, what it took."""

import html
from typing import Literal

import streamlit as st

from rag.config import EXTRACTIVE
from rag.datatypes import EVERYWHERE, Answer, EvidenceLevel, Hit
from rag.language import detect_language
from rag.store import INTERRUPTED, StoredAnswer
from rag.ui.feedback_form import draw_feedback
from rag.ui.inspector import draw_inspector
from rag.ui.limits import limit_words
from rag.ui.passage import chunk_of
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import answer_html, label_text, note_html
from rag.ui.services import Services
from rag.ui.sources import show_source, source_label
from rag.ui.strings import Words
from rag.worker import INTERNAL_ERROR

_CLOSEST = 3
_LEVEL_ICONS = {
    "strong": ":material/check_circle:",
    "partial": ":material/contrast:",
    "weak": ":material/help:",
}
_LEVEL_COLORS: dict[EvidenceLevel, Literal["green", "orange", "gray"]] = {
    "strong": "green",
    "partial": "orange",
    "weak": "gray",
}


def draw_answer(services: Services, words: Words, stored: StoredAnswer) -> None:
    """Draw an answer that has ended, in whatever way."""
    answer = stored.answer
    if answer is not None and answer.searched not in ("", answer.question):
        st.html(note_html(words("searched_for", question=answer.searched)))
    if stored.state == "failed":
        _draw_failure(words, stored)
    elif stored.is_live:
        st.html(note_html(words("answered_elsewhere")))
    elif stored.state == "stopped":
        _draw_stopped(services, words, stored)
    elif answer is not None and answer.status == "no_evidence":
        _draw_not_found(services, words, stored, answer)
    elif answer is not None:
        _draw_found(services, words, stored, answer)
    if stored.search_filter.collection:
        st.html(note_html(words("searched_collection", name=stored.search_filter.collection)))
    if limits := limit_words(words, stored.search_filter):
        st.html(note_html(words("searched_limits", limits=limits)))
    if answer is not None:
        st.caption(label_text(_figures(words, answer)))
        draw_feedback(services, words, stored, answer)
        draw_inspector(services, words, stored, answer)


def _draw_found(services: Services, words: Words, stored: StoredAnswer, answer: Answer) -> None:
    titles = {c.n: source_label(words, c.path, c.page) for c in answer.citations}
    quotes = {citation.n: citation.quote for citation in answer.citations}
    st.html(answer_html(stored.text, titles, quotes, answer.language))
    if answer.evidence_level is not None:  # answers of earlier versions have none
        level = answer.evidence_level
        st.badge(words(f"evidence_{level}"), icon=_LEVEL_ICONS[level], color=_LEVEL_COLORS[level])
    if answer.source == "quote":
        was_worded = answer.model_id != EXTRACTIVE
        st.html(note_html(words("quoted" if was_worded else "quoted_without_model")))
    if answer.citations:
        _draw_citations(services, words, stored.id, answer)
    _draw_others(services, words, stored.id, answer)


def _draw_stopped(services: Services, words: Words, stored: StoredAnswer) -> None:
    if stored.text:
        st.html(answer_html(stored.text, language=detect_language(stored.question)))
    st.html(_spoken(note_html(words("stopped" if stored.text else "stopped_empty"))))
    # An answer that was stopped while the model was reading has no provenance yet.
    if stored.answer is not None:
        _draw_others(services, words, stored.id, stored.answer)


def _draw_others(services: Services, words: Words, answer_id: int, answer: Answer) -> None:
    """Draw the passages that were found and not cited, folded."""
    cited = {chunk_of(citation, answer) for citation in answer.citations}
    others = [hit for hit in answer.hits if hit.chunk not in cited]
    if others:
        with st.expander(words("also_read", count=len(others)), icon=":material/library_books:"):
            _draw_hits(services, words, answer_id, others)


def _draw_citations(services: Services, words: Words, answer_id: int, answer: Answer) -> None:
    with st.container(horizontal=True, gap="small", key=f"citations-{answer_id}"):
        for position, citation in enumerate(answer.citations):
            label = source_label(words, citation.path, citation.page, citation.n)
            if st.button(
                label_text(label),
                key=f"citation-{answer_id}-{position}",
                help=words("open_source"),
            ):
                show_source(services, words, chunk_of(citation, answer), citation)


def _draw_hits(services: Services, words: Words, answer_id: int, hits: list[Hit]) -> None:
    for hit in hits:
        label = source_label(words, hit.chunk.path, hit.chunk.page)
        with st.container(gap=None):
            if st.button(
                label_text(label),
                key=f"hit-{answer_id}-{hit.rank}",
                type="tertiary",
                icon=":material/description:",
                help=words("open_source"),
            ):
                show_source(services, words, hit.chunk)
            st.html(note_html(_beginning(hit.chunk.text)))


def _draw_not_found(services: Services, words: Words, stored: StoredAnswer, answer: Answer) -> None:
    is_limited = stored.search_filter != EVERYWHERE
    with st.container(border=True, key=f"not-found-{stored.id}"):
        title = f'<div class="fk-card-title">{html.escape(words("not_found"))}</div>'
        detail = note_html(" ".join(_not_found_words(words, answer, is_limited=is_limited)))
        st.html(_spoken(title + detail))
        closest = list(answer.hits[:_CLOSEST])
        if closest:
            st.caption(words("closest_passages"))
            _draw_hits(services, words, stored.id, closest)


def _not_found_words(words: Words, answer: Answer, *, is_limited: bool) -> list[str]:
    """Return why there is no answer, what was searched, and how to find more."""
    said = [words("not_found_detail")]
    if answer.documents_searched:  # answers of earlier versions did not keep it
        said.append(words.counted("not_found_searched", answer.documents_searched))
    if is_limited:
        said.append(words("not_found_limited"))
    return [*said, words("not_found_widen")]


def failure_words(words: Words, stored: StoredAnswer) -> str:
    """Return why there is no answer."""
    known = {
        INTERRUPTED: words("error_interrupted"),
        INTERNAL_ERROR: words("error_internal"),
    }
    return known.get(stored.error) or reason_words(words, stored.error)


def _draw_failure(words: Words, stored: StoredAnswer) -> None:
    if stored.text:
        st.html(answer_html(stored.text, language=detect_language(stored.question)))
    with st.container(border=True, key=f"failed-{stored.id}"):
        title = f'<div class="fk-card-title">{html.escape(words("failed"))}</div>'
        st.html(_spoken(title + note_html(failure_words(words, stored))))


def _spoken(inner: str) -> str:
    """Return HTML that is read out when the answer has ended; see `page_script.js`."""
    return f'<div class="fk-spoken">{inner}</div>'


def _figures(words: Words, answer: Answer) -> str:
    timings = answer.timings
    parts = [words("timing_search", value=_milliseconds(words, timings.retrieve_ms))]
    if timings.first_token_ms is not None:
        value = _milliseconds(words, timings.first_token_ms)
        parts.append(words("timing_first_token", value=value))
    parts.append(words("timing_total", value=_milliseconds(words, timings.total_ms)))
    if answer.usage.completion:
        parts.append(words("tokens", count=answer.usage.completion))
    parts += [answer.model_id, words("index", index_id=answer.index_id)]
    return " · ".join(parts)


def _milliseconds(words: Words, value: float) -> str:
    return f"{value:.0f} ms" if value < 1000 else words.duration(value / 1000)


def _beginning(text: str, length: int = 140) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[:length]}…"
