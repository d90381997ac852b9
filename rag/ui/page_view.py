"""The drawn page of a PDF with the quoted words marked on it, and the buttons that turn pages."""

import base64
import html

import streamlit as st

from rag.config import Config
from rag.errors import RagError
from rag.page_pictures import PagePictures
from rag.readers.page_marks import Rectangle, indexes_of, rectangles_over
from rag.readers.page_process import PagePicture
from rag.ui.passage import Cited, passage_html
from rag.ui.place import place_words
from rag.ui.safe_markdown import label_text, note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_ABOVE = 0.06  # of the page's height: what is seen above the first mark
_PAGE = "source_page"  # in the session: the page that the drawer shows


def draw_page_view(services: Services, words: Words, cited: Cited) -> bool:
    """Draw the page and return True; or say why it cannot be shown, and draw the text instead."""
    number = draw_turner(words, cited)
    picture = _picture(services, words, cited, number)
    if isinstance(picture, str):
        st.html(note_html(picture))
        st.html(passage_html(cited.document.text, cited.passage, cited.quote))
        return False
    marks = marks_on(picture, cited, number)
    is_home = number == cited.page
    if is_home and cited.quote and not marks:
        st.html(note_html(words("source_scan" if picture.is_scan else "source_unplaced")))
    path = cited.document.path
    alt = words(
        "source_page_alt_marked" if marks else "source_page_alt",
        place=place_words(words, path, number),
        name=path.rsplit("/", 1)[-1],
    )
    st.html(page_html(picture, marks, alt, "fk-quote" if cited.quote else "fk-chunk"))
    return True


def start_at(page: int) -> None:
    """Let the drawer that is about to open begin at a page."""
    st.session_state[_PAGE] = page


def draw_turner(words: Words, cited: Cited) -> int:
    """Draw the buttons that turn pages and return the page to be shown."""
    count, home, path = len(cited.document.page_starts), cited.page, cited.document.path
    number = min(max(1, int(st.session_state.get(_PAGE, home))), count)
    if count > 1:
        place = place_words(words, path, number)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.button(
                words("source_previous"),
                key="source-previous",
                icon=":material/chevron_left:",
                disabled=number == 1,
                on_click=start_at,
                args=(number - 1,),
            )
            st.caption(label_text(words("source_place_of", place=place, count=count)))
            st.button(
                words("source_next"),
                key="source-next",
                icon=":material/chevron_right:",
                disabled=number == count,
                on_click=start_at,
                args=(number + 1,),
            )
    if number != home and cited.quote:
        st.html(note_html(words("source_quote_elsewhere", place=place_words(words, path, home))))
        st.button(
            words("source_quote_back"),
            key="source-back",
            type="tertiary",
            on_click=start_at,
            args=(home,),
        )
    return number


def marks_on(picture: PagePicture, cited: Cited, number: int) -> list[Rectangle]:
    """Return where the quote, or else the passage, stands on page ``number``; exact or nothing."""
    first, after = cited.part(number)
    start, end = cited.quote or cited.passage
    if not first <= start < end <= after:
        return []
    stored = cited.document.text[first:after]
    found = indexes_of(picture.characters, stored, start - first, end - first)
    marks = rectangles_over([picture.boxes[index] for index in found])
    is_visible = all(
        mark.left < picture.width and mark.right > 0 and mark.top < picture.height
        and mark.bottom > 0
        for mark in marks
    )  # fmt: skip
    return marks if is_visible else []  # words beside the page's visible part are not seen


def page_html(picture: PagePicture, marks: list[Rectangle], alt: str, style: str) -> str:
    """Return the picture with marks laid over it, in shares of its size. Nothing is loaded."""
    image = base64.b64encode(picture.image).decode("ascii")
    above = max(0.0, min((mark.top for mark in marks), default=0.0) - _ABOVE * picture.height)
    begin = f'<i class="fk-begin" style="top:{100 * above / picture.height:.3f}%"></i>'
    shown = (begin if marks else "") + "".join(
        f'<i class="{style}" style="left:{100 * mark.left / picture.width:.3f}%;'
        f"top:{100 * mark.top / picture.height:.3f}%;"
        f"width:{100 * mark.width / picture.width:.3f}%;"
        f'height:{100 * mark.height / picture.height:.3f}%"></i>'
        for mark in marks
    )
    return (
        '<div class="fk-sheet" tabindex="0"><div>'
        f'<img src="data:image/webp;base64,{image}" alt="{html.escape(alt, quote=True)}"'
        f' width="{picture.width}" height="{picture.height}">{shown}</div></div>'
    )


def _picture(services: Services, words: Words, cited: Cited, number: int) -> PagePicture | str:
    """Return the drawn page, or in words why there is none."""
    try:
        original = services.engine.original(cited.document.path)
    except RagError:
        return words("page_problem_gone")
    if original.holds:
        return words("page_problem_inside", container=original.path)
    with st.spinner(words("source_drawing")):
        # The hash of the document, not that of the file: a stale text is of an earlier file.
        picture = _pictures(services.config).picture(original.file, cited.document.sha256, number)
    return picture if isinstance(picture, PagePicture) else words(f"page_problem_{picture}")


@st.cache_resource(show_spinner=False, max_entries=1)
def _pictures(_config: Config) -> PagePictures:
    """Return the pages that were drawn for this server, whoever looks at them."""
    return PagePictures(_config)
