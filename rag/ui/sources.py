"""The drawer on the right that shows where an answer comes from."""

import html
from functools import partial

import streamlit as st

from rag.datatypes import Chunk, Citation
from rag.errors import RagError
from rag.originals import Original, read_original
from rag.ui.page_view import draw_page_view, draw_turner, start_at
from rag.ui.passage import MAX_PART_CHARS, Cited, part_html, passage_html, snapshot_html
from rag.ui.place import document_place, has_slides, place_words, suffix_of
from rag.ui.safe_markdown import label_text, note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.table_cells import cited_table
from rag.ui.table_view import table_html


def source_label(words: Words, path: str, page: int | None, number: int | None = None) -> str:
    """Return the plain words that name a passage, such as "[1] handbook.pdf · p. 3"."""
    name = path.rsplit("/", 1)[-1]
    place = name if page is None else f"{name} · {place_words(words, path, page)}"
    return place if number is None else f"[{number}] {place}"


def show_source(
    services: Services,
    words: Words,
    chunk: Chunk,
    citation: Citation | None = None,
) -> None:
    """Open the drawer for a passage, with the citation inside it marked when there is one."""
    start_at(_page(chunk, citation) or 1)
    # "large" would cover the answer, which one wants to compare with its source.
    st.dialog(words("source"), width="medium", position="right")(_draw_source)(
        services, words, chunk, citation
    )


def _page(chunk: Chunk, citation: Citation | None) -> int | None:
    return citation.page if citation and citation.page is not None else chunk.page


def _draw_source(
    services: Services,
    words: Words,
    chunk: Chunk,
    citation: Citation | None,
) -> None:
    quote = citation.quote if citation else chunk.text
    place = html.escape(document_place(words, chunk.path, _page(chunk, citation)))
    st.html(f'<div class="fk-source-head">{place}</div>')
    if chunk.heading:
        heading = html.escape(words("section", heading=chunk.heading))
        st.html(f'<div class="fk-note">{heading}</div>')
    # First the words themselves, with a button to copy them; then where they stand.
    with st.container(key="source-quote"):
        st.code(quote, language=None, wrap_lines=True)
    cited = _cited(services, words, chunk, citation)
    strong, light = "legend_quote", "legend_passage"
    if cited is None:
        _draw_open_file(services, words, chunk.path)
        st.html(snapshot_html(chunk.text, citation.quote if citation else ""))
    else:
        strong, light = _draw_cited(services, words, cited)
    if citation is not None:
        lightly = f'<mark class="fk-chunk">{words(light)}</mark>' if light else ""
        st.html(
            f'<div class="fk-legend"><mark class="fk-quote">{words(strong)}</mark>{lightly}</div>'
        )


def _cited(
    services: Services,
    words: Words,
    chunk: Chunk,
    citation: Citation | None,
) -> Cited | None:
    """Return the passage in its document; None, and say why, when the document is another now.

    The answer keeps a copy of its passages, so that it can be checked after any sync. A wrong
    mark would be worse than none.
    """
    try:
        document = services.engine.document(chunk.path)
    except RagError:
        st.info(words("source_gone"), icon=":material/history:")
        return None
    text = document.text
    is_same = text[chunk.start : chunk.end] == chunk.text and (
        citation is None or text[citation.start : citation.end] == citation.quote
    )
    if not is_same:
        st.info(words("source_changed"), icon=":material/history:")
        return None
    quote = (citation.start, citation.end) if citation else None
    return Cited(document, (chunk.start, chunk.end), quote)


def _draw_cited(services: Services, words: Words, cited: Cited) -> tuple[str, str]:
    """Draw a passage as its format shows it best; return keys of what the two marks then mean."""
    document, path = cited.document, cited.document.path
    around = passage_html(document.text, cited.passage, cited.quote)
    is_page = False
    with st.container(horizontal=True, gap="small"):
        if suffix_of(path) == ".pdf" and document.page_starts:
            is_page = _chosen_view(words) == "page"
        _draw_open_file(services, words, path)
    if is_page:
        is_drawn = draw_page_view(services, words, cited)
        return "legend_quote", "" if is_drawn else "legend_passage"
    if table := cited_table(document, *(cited.quote or cited.passage)):
        st.html(table_html(words, table, cited.quote))
        with st.expander(words("source_around")):
            st.html(around)
        return "legend_quote", "legend_passage"
    if has_slides(path) and document.page_starts:
        part = cited.part(draw_turner(words, cited))
        is_short = part[1] - part[0] <= MAX_PART_CHARS
        st.html(part_html(document.text, part, cited) if is_short else around)
    else:
        st.html(around)
    return "legend_quote", "legend_passage"


def _chosen_view(words: Words) -> str:
    view = st.segmented_control(
        words("source_view"),
        ["page", "text"],
        default="page",
        required=True,
        format_func=lambda name: words(f"source_view_{name}"),
        key="source-view",
        label_visibility="collapsed",
    )
    return str(view)


def _draw_open_file(services: Services, words: Words, path: str) -> None:
    """Offer the file on disk for download, whatever it is.

    Never shown in place: a web page or a drawing with scripts would run on the app's own address.
    """
    original = _original(services, path)
    if original is None:
        return  # the document is not in the index, which is told below
    if not original.file.is_file():
        st.html(note_html(words("source_no_file")))
        return
    name = original.path.rsplit("/", 1)[-1]
    st.download_button(
        words("source_open_file"),
        partial(_content, services, path),
        file_name=name,
        mime="application/octet-stream",
        key="source-open-file",
        icon=":material/download:",
        help=label_text(words("source_open_file_help", name=name)),
        on_click="ignore",
    )


def _original(services: Services, path: str) -> Original | None:
    try:
        return services.engine.original(path)
    except RagError:
        return None


def _content(services: Services, path: str) -> bytes:
    """Return the file at the click, when the index may be another one than at drawing."""
    return read_original(services.engine.original(path))
