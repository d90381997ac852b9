"""The page on which corrections become examples, and two models are compared."""

import html

import streamlit as st

from rag.errors import RagError
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.teach_compare import draw_compare
from rag.ui.teach_inbox import draw_inbox
from rag.ui.teach_pairs import draw_pairs

_VIEWS = ("inbox", "pairs", "compare")
_DRAWN = {"inbox": draw_inbox, "pairs": draw_pairs, "compare": draw_compare}


def draw(services: Services, words: Words) -> None:
    """Draw the counts and the chosen view."""
    st.header(words("page_teach"))
    st.html(note_html(words("teach_intro")))
    _mark_missing(services, words)
    totals = st.container()
    view = st.segmented_control(
        words("teach_view"),
        _VIEWS,
        default="inbox",
        required=True,
        format_func=lambda name: words(f"teach_{name}"),
        key="teach-view",
        label_visibility="collapsed",
        persist_state="session",
    )
    _DRAWN[view](services, words)
    with totals:  # last, as a view may change what is counted
        _draw_totals(services, words)


def _mark_missing(services: Services, words: Words) -> None:
    try:
        with st.spinner(words("opening")):  # at the first call, the index is opened
            services.store.feedback.mark_missing(services.engine.document)
    except RagError as error:
        st.warning(words("teach_index_unusable"), icon=":material/build:")
        st.text(reason_words(words, str(error)))


def _draw_totals(services: Services, words: Words) -> None:
    feedback = services.store.feedback
    counts = feedback.counts()
    right = counts.pop("up", 0)
    usable = feedback.accepted()
    authors = feedback.authors()
    facts = [
        ("teach_right", right),
        ("teach_wrong", sum(counts.values())),
        ("teach_to_review", sum(row.proposed for row in authors)),
        ("teach_accepted", len(usable)),
    ]
    rows = "".join(
        f"<div><dt>{html.escape(words(name))}</dt><dd>{count:,}</dd></div>" for name, count in facts
    )
    st.html(f'<dl class="fk-facts">{rows}</dl>')
    left_out = sum(row.accepted for row in authors) - len(usable)
    if left_out:
        st.html(note_html(words("teach_left_out", count=left_out)))
