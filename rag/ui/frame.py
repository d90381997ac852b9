"""What surrounds every page: language, navigation, the list of conversations."""

import html
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.access import Person
from rag.errors import RagError, SignedOutError
from rag.permissions import Visit
from rag.ui import (
    ask,
    documents,
    health_page,
    models_page,
    quality_page,
    teach,
    training_page,
)
from rag.ui.composing import guard_enter
from rag.ui.conversation import open_conversation
from rag.ui.conversation_list import draw_conversations
from rag.ui.page_script import draw_script
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services, load_services, services_of
from rag.ui.sign_in import session_token
from rag.ui.strings import LANGUAGE_NAMES, UiLanguage, Words, language_of_locale
from rag.ui.style import draw_style

_ICON = Path(__file__).with_name("icon.svg")
_WIDE = ("documents", "quality", "teach", "models")
_LOGO = Path(__file__).with_name("logo.svg")


def draw() -> None:
    """Draw the page that the address names."""
    words = current_words()
    st.set_page_config(page_title=words("app_name"), page_icon=str(_ICON))
    draw_style()
    draw_script(words)
    guard_enter()
    try:
        services, visit = _services_of_this_tab()
    except SignedOutError:
        st.html(note_html(words("signed_out")))
        st.logout()  # the browser leaves the page, and is led to the sign-in
        return
    except RagError as error:
        st.warning(f"**{words('start_failed')}**", icon=":material/settings:")
        st.text(reason_words(words, str(error)))
        return
    ask_page, pages = _pages(services, words)
    page = st.navigation(pages)
    if page.url_path in _WIDE:
        st.set_page_config(layout="wide")  # their tables have long names and texts
    st.logo(str(_LOGO), size="large")
    with st.sidebar:
        _draw_sidebar(services, words, ask_page)
        if visit is not None and services.person is not None:
            _draw_person(words, services.person, visit)
    page.run()


def _services_of_this_tab() -> tuple[Services, Visit | None]:
    """Return what this tab may use and who visits; None where nobody has to sign in.

    Raises:
        RagError: what `load_services` and `services_of` say.
    """
    services = load_services()
    if services.access is None:
        return services, None
    visit = Visit(services.access, tab_token())
    return services_of(services, visit), visit


def tab_token() -> str:
    """Return the secret of the session that this tab was opened with."""
    return session_token(st.context.cookies)


def _pages(services: Services, words: Words) -> tuple[StreamlitPage, list[StreamlitPage]]:
    """Return the page to begin with, and all those that the person may open."""
    documents_page = st.Page(
        partial(documents.draw, services, words),
        title=words("page_documents"),
        icon=":material/folder_open:",
        url_path="documents",
    )
    ask_page = st.Page(
        partial(ask.draw, services, words, documents_page if services.is_admin else None),
        title=words("page_ask"),
        icon=":material/forum:",
        url_path="ask",
        default=True,
    )
    if not services.is_admin:
        return ask_page, [ask_page]
    quality = st.Page(
        partial(quality_page.draw, services, words),
        title=words("page_quality"),
        icon=":material/monitoring:",
        url_path="quality",
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
    health = _health_page(services, words)
    pages = [ask_page, documents_page, quality, teach_page, training, models, health]
    return ask_page, pages


def _health_page(services: Services, words: Words) -> StreamlitPage:
    """Return the page of the doctor; its name in the sidebar tells how much is to be mended."""
    count = health_page.problems(services.config, services.jobs)
    return st.Page(
        partial(health_page.draw, services, words),
        title=words("page_health_count", count=count) if count else words("page_health"),
        icon=":material/error:" if count else ":material/health_and_safety:",
        url_path="health",
    )


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
    own = words("tagline" if services.person is None else "tagline_shared")
    tagline = words("tagline_remote", host=host) if host else own
    st.html(f'<div class="fk-note">{html.escape(tagline)}</div>')


def _draw_person(words: Words, person: Person, visit: Visit) -> None:
    name = words("signed_in_as_admin" if person.is_admin else "signed_in_as", name=person.name)
    st.html(note_html(name))
    if person.is_admin and visit.audit_problem:
        st.warning(words("audit_failed", problem=visit.audit_problem), icon=":material/warning:")
    st.button(
        words("sign_out"),
        key="sign-out",
        type="tertiary",
        icon=":material/logout:",
        on_click=visit.sign_out,
    )


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
