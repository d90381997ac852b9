"""What surrounds every page: language, navigation, the list of conversations."""

import html
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.errors import RagError
from rag.ui import ask, documents, models_page, teach, training_page
from rag.ui.composing import guard_enter
from rag.ui.conversation import open_conversation
from rag.ui.conversation_list import draw_conversations
from rag.ui.reasons import reason_words
from rag.ui.services import Services, load_services
from rag.ui.strings import LANGUAGE_NAMES, UiLanguage, Words, language_of_locale
from rag.ui.style import draw_style

_ICON = Path(__file__).with_name("icon.svg")
_LOGO = Path(__file__).with_name("logo.svg")


def draw() -> None:
    """Draw the page that the address names."""
    words = current_words()
    st.set_page_config(page_title=words("app_name"), page_icon=str(_ICON))
    draw_style()
    guard_enter()
    try:
        services = load_services()
    except RagError as error:
        st.warning(f"**{words('start_failed')}**", icon=":material/settings:")
        st.text(reason_words(words, str(error)))
        return
    documents_page = st.Page(
        partial(documents.draw, services, words),
        title=words("page_documents"),
        icon=":material/folder_open:",
        url_path="documents",
    )
    ask_page = st.Page(
        partial(ask.draw, services, words, documents_page),
        title=words("page_ask"),
        icon=":material/forum:",
        url_path="ask",
        default=True,
    )
    teach_page = st.Page(
        partial(teach.draw, services, words),
        title=words("page_teach"),
        icon=":material/school:",
        url_path="teach",
    )
    training = st.Page(
        lambda: training_page.draw(services, words, models),
        title=words("page_training"),
        icon=":material/model_training:",
        url_path="training",
    )
    models = st.Page(
        lambda: models_page.draw(services, words, training),
        title=words("page_models"),
        icon=":material/swap_horiz:",
        url_path="models",
    )
    page = st.navigation([ask_page, documents_page, teach_page, training, models])
    if page not in (ask_page, training):
        st.set_page_config(layout="wide")  # their tables have long names and texts
    st.logo(str(_LOGO), size="large")
    with st.sidebar:
        _draw_sidebar(services, words, ask_page)
    page.run()


def current_words() -> Words:
    """Return the strings in the chosen language; at first that of the browser."""
    preferred = language_of_locale(st.context.locale)
    chosen = st.session_state.get("language") or st.query_params.get("lang")
    return Words(chosen if chosen in LANGUAGE_NAMES else preferred)


def _draw_sidebar(services: Services, words: Words, ask_page: StreamlitPage) -> None:
    if st.button(words("new_conversation"), icon=":material/add:", key="new", width="stretch"):
        open_conversation(None)
        st.switch_page(ask_page)
    draw_conversations(services, words, ask_page)
    _draw_language_switch(words)
    host = services.engine.answer_host()
    tagline = words("tagline_remote", host=host) if host else words("tagline")
    st.html(f'<div class="fk-note">{html.escape(tagline)}</div>')


def _draw_language_switch(words: Words) -> None:
    options: list[UiLanguage] = list(LANGUAGE_NAMES)
    chosen = st.segmented_control(
        words("language"),
        options,
        default=words.language,
        required=True,
        format_func=lambda language: LANGUAGE_NAMES[language],
        key="language",
        label_visibility="collapsed",
    )
    # In the address, so that a reload keeps the choice; the browser's own needs no mention.
    if chosen and chosen != language_of_locale(st.context.locale):
        st.query_params["lang"] = chosen
    elif "lang" in st.query_params:
        del st.query_params["lang"]
