"""The drawer on the right that shows where an answer comes from."""

import html

import streamlit as st

from rag.datatypes import Chunk, Citation
from rag.errors import RagError
from rag.ui.passage import passage_html, snapshot_html
from rag.ui.place import document_place, place_words
from rag.ui.services import Services
from rag.ui.strings import Words


def source_label(words: Words, path: str, page: int | None, number: int | None = None) -> str:
    """Return the plain words that name a passage, such as "[1] handbook.pdf · p. 3"."""
    name = path.rsplit("/", 1)[-1]
    place = name if page is None else f"{name} · {place_words(words, path, page)}"
    return place if number is None else f"[{number}] {place}"


def show_source(
    services: Services, words: Words, chunk: Chunk, citation: Citation | None = None
) -> None:
    """Open the drawer for a passage, with the citation inside it marked when there is one."""
    # "large" would cover the answer, which one wants to compare with its source.
    st.dialog(words("source"), width="medium", position="right")(_draw_source)(
        services, words, chunk, citation
    )


def _draw_source(services: Services, words: Words, chunk: Chunk, citation: Citation | None) -> None:
    quote = citation.quote if citation else chunk.text
    page = citation.page if citation and citation.page is not None else chunk.page
    place = html.escape(document_place(words, chunk.path, page))
    st.html(f'<div class="fk-source-head">{place}</div>')
    if chunk.heading:
        heading = html.escape(words("section", heading=chunk.heading))
        st.html(f'<div class="fk-note">{heading}</div>')
    # First the words themselves, with a button to copy them; then where they stand.
    st.code(quote, language=None, wrap_lines=True)
    st.html(_passage(services, words, chunk, citation))
    if citation is not None:
        st.html(
            f'<div class="fk-legend"><mark class="fk-quote">{words("legend_quote")}</mark>'
            f'<mark class="fk-chunk">{words("legend_passage")}</mark></div>'
        )


def _passage(services: Services, words: Words, chunk: Chunk, citation: Citation | None) -> str:
    """Return the marked passage; a wrong highlight would be worse than none."""
    quote = citation.quote if citation else ""
    try:
        text = services.engine.document(chunk.path).text
    except RagError:
        st.info(words("source_gone"), icon=":material/history:")
        return snapshot_html(chunk.text, quote)
    is_same = text[chunk.start : chunk.end] == chunk.text and (
        citation is None or text[citation.start : citation.end] == citation.quote
    )
    if not is_same:
        st.info(words("source_changed"), icon=":material/history:")
        return snapshot_html(chunk.text, quote)
    span = (citation.start, citation.end) if citation else None
    return passage_html(text, (chunk.start, chunk.end), span)
