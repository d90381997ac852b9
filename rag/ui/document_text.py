"""The drawer on the right that shows the extracted text of a document with its blocks."""

import html

import streamlit as st

from rag.datatypes import Document
from rag.errors import RagError
from rag.ui.place import place_words
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import text_html
from rag.ui.segments import Segment, screens_of, segments_of
from rag.ui.services import Services
from rag.ui.strings import Words


def show_document(services: Services, words: Words, path: str) -> None:
    """Open the drawer."""
    st.dialog(words("extracted_text"), width="medium", position="right")(_draw)(
        services, words, path
    )


def _draw(services: Services, words: Words, path: str) -> None:
    st.html(f'<div class="fk-source-head">{html.escape(path)}</div>')
    try:
        document = services.engine.document(path)
    except RagError as error:
        st.text(reason_words(words, str(error)))
        return
    segments = segments_of(document)
    screens = screens_of(segments)
    facts = [words("count_blocks", count=f"{len(segments):,}")]
    facts.append(words("count_characters", count=f"{len(document.text):,}"))
    st.html(f'<div class="fk-note">{html.escape(" · ".join(facts))}</div>')
    number = 1
    if len(screens) > 1:
        number = st.pagination(len(screens), key=f"text-{path}", max_visible_pages=5)
    before = screens[number - 2][-1] if number > 1 else None
    st.html(
        f'<div class="fk-text">{_screen_html(words, document, screens[number - 1], before)}</div>'
    )


def _screen_html(
    words: Words, document: Document, screen: list[Segment], before: Segment | None
) -> str:
    """Return the pieces as inert HTML; a page or heading is named where it begins."""
    parts = []
    page = before.page if before else 0
    headings: tuple[str, ...] = ()
    for segment in screen:
        if segment.page != page:
            page = segment.page
            name = place_words(words, document.path, page)
            parts.append(f'<div class="fk-page">{html.escape(name)}</div>')
        label = [words.known(f"block_{segment.kind}", segment.kind)]
        if segment.heading_path != headings and segment.heading_path:
            label.append(" > ".join(segment.heading_path))
        headings = segment.heading_path
        text = document.text[segment.start : segment.end]
        parts.append(
            f'<div class="fk-block fk-{segment.kind}"><div class="fk-block-label">'
            f"<span>{html.escape(' · '.join(label))}</span>"
            f"<span>{segment.start:,}-{segment.end:,}</span></div>"
            f'<div class="fk-block-text">{text_html(text)}</div></div>'
        )
    return "".join(parts)
