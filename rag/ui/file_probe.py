"""Why not this file? How far the best passage of a chosen file came for the question."""

import streamlit as st

from rag.datatypes import Answer, FileStatus
from rag.errors import RagError
from rag.inspection import Probe, probe
from rag.retrieve import Retriever
from rag.store import StoredAnswer
from rag.ui.limits import MAX_CHOICES
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.sources import show_source, source_label
from rag.ui.strings import Words


def draw_probe(
    services: Services,
    words: Words,
    stored: StoredAnswer,
    answer: Answer,
    retriever: Retriever,
) -> None:
    """Draw the choice of a file and what is known of it; it costs a search when one is chosen."""
    files = {file.path: file for file in retriever.corpus.files()}
    path = st.selectbox(
        words("probe_file"),
        list(files)[:MAX_CHOICES],
        index=None,
        key=f"probe-{stored.id}",
        placeholder=words("probe_placeholder"),
        accept_new_options=True,  # beyond the number that a browser can draw
    )
    if not path:
        return
    try:
        found = probe(answer, path, retriever, services.config.top_k)
    except RagError as error:
        st.text(reason_words(words, str(error)))
        return
    _draw_outcome(services, words, stored, found, files.get(path))


def place_in_leg(words: Words, rank: int | None, score: float | None, digits: int) -> str:
    """Return where a passage stands in a leg; "–" where this leg has nothing of it."""
    if score is None:
        return "–"
    shown = f"{score:.{digits}f}"
    if rank is None:
        return words("inspect_no_place", score=shown)
    return words("inspect_place", rank=rank, score=shown)


def _draw_outcome(
    services: Services, words: Words, stored: StoredAnswer, found: Probe, file: FileStatus | None
) -> None:
    text = words(f"probe_{found.outcome}", top_k=services.config.top_k)
    if found.outcome == "not_indexed" and file is not None:
        text = f"{text} {words(f'status_{file.status}')}: {reason_words(words, file.reason)}"
    st.html(note_html(text))
    if found.chunk is None:
        return
    st.html(note_html(_ranks(words, found)))
    label = source_label(words, found.chunk.path, found.chunk.page)
    if st.button(
        words("open_source"), key=f"probe-open-{stored.id}", icon=":material/description:"
    ):
        show_source(services, words, found.chunk)
    st.html(note_html(words("probe_best", place=label)))
    st.code(found.chunk.text, language=None, wrap_lines=True)


def _ranks(words: Words, found: Probe) -> str:
    fused = words("probe_not_fused", looked_at=found.looked_at)
    if found.rank is not None:
        fused = words(
            "probe_fused",
            rank=found.rank,
            looked_at=found.looked_at,
            score=f"{found.score or 0:.3f}",
        )
    return words(
        "probe_ranks",
        lexical=place_in_leg(words, found.places.lexical, found.lexical_score, 2),
        vector=place_in_leg(words, found.places.vector, found.vector_score, 3),
        fused=fused,
    )
