"""The list of conversations in the sidebar: search, groups by day, and a menu beside each."""

import html
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.history_store import MAX_TITLE_CHARS, Conversation
from rag.ui.clock import local_day, local_time, local_today
from rag.ui.conversation import current_conversation, open_conversation
from rag.ui.export import MIME_TYPES, exported, file_name
from rag.ui.safe_markdown import label_text, note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_FIRST = 30  # conversations shown at first
_MORE = 100  # and with each press on "Show more"
_LIMIT = "conversations-shown"  # in the session: how many may be shown
_SEARCH = "conversation-search"
_TITLE_CHARS = 60  # of a title that are shown

Action = Literal["rename", "pin", "unpin", "export", "delete"]


def draw_conversations(services: Services, words: Words, ask_page: StreamlitPage) -> None:
    """Draw the search box and the conversations that it leaves; nothing when there are none."""
    search = str(st.session_state.get(_SEARCH) or "")
    limit = int(st.session_state.get(_LIMIT, _FIRST))
    found = services.store.history.conversations(limit + 1, search)
    if not found and not search.strip():
        return
    st.text_input(
        words("search_conversations"),
        key=_SEARCH,
        placeholder=words("search_conversations"),
        icon=":material/search:",
        max_chars=MAX_TITLE_CHARS,
        label_visibility="collapsed",
    )
    if not found:
        st.html(note_html(words("conversations_none")))
    with st.container(key="conversations", gap=None):
        _draw_groups(services, words, ask_page, found[:limit])
    if len(found) > limit:
        st.button(
            words("conversations_more"),
            key="more-conversations",
            type="tertiary",
            icon=":material/expand_more:",
            on_click=_show_more,
            args=(limit,),
        )


def _show_more(limit: int) -> None:
    st.session_state[_LIMIT] = limit + _MORE


def group_of(conversation: Conversation, day: date, today: date) -> str:
    """Return the group in which a conversation stands that was last used on ``day``."""
    if conversation.is_pinned:
        return "pinned"
    if day >= today:
        return "today"
    if day == today - timedelta(days=1):
        return "yesterday"
    return "week" if day > today - timedelta(days=7) else "earlier"


def _draw_groups(
    services: Services, words: Words, ask_page: StreamlitPage, found: Sequence[Conversation]
) -> None:
    today = local_today()
    current = current_conversation(services.store)

    def group(conversation: Conversation) -> str:
        return group_of(conversation, local_day(conversation.updated), today)

    for name, conversations in groupby(found, key=group):
        st.caption(words(f"conversations_{name}"))
        for conversation in conversations:
            is_current = conversation.id == current
            _draw_row(services, words, ask_page, conversation, is_current=is_current)


def _draw_row(
    services: Services,
    words: Words,
    ask_page: StreamlitPage,
    conversation: Conversation,
    *,
    is_current: bool,
) -> None:
    title = conversation.title[:_TITLE_CHARS]
    options: list[Action] = ["rename", "pin", "export", "delete"]
    if conversation.is_pinned:
        options[1] = "unpin"
    with st.container(
        key=f"listed-{conversation.id}", horizontal=True, gap=None, vertical_alignment="center"
    ):
        if st.button(
            label_text(title),
            key=f"conversation-{conversation.id}",
            type="secondary" if is_current else "tertiary",
            width="stretch",
        ):
            open_conversation(conversation.id)
            st.switch_page(ask_page)
        # The label names the menu to a screen reader; the style sheet shows the icon alone.
        action = st.menu_button(
            label_text(words("conversation_menu", title=title)),
            options,
            key=f"menu-{conversation.id}",
            type="tertiary",
            icon=":material/more_vert:",
            format_func=lambda option: words(f"conversation_{option}"),
        )
    if action is not None:
        _act(services, words, conversation, action)


def _act(services: Services, words: Words, conversation: Conversation, action: Action) -> None:
    if action in ("pin", "unpin"):
        services.store.history.pin(conversation.id, is_pinned=action == "pin")
        st.rerun()
    draw = {"rename": _draw_rename, "export": _draw_export, "delete": _confirm_delete}[action]
    st.dialog(words(f"{action}_conversation"))(draw)(services, words, conversation)


def _draw_rename(services: Services, words: Words, conversation: Conversation) -> None:
    with st.form("rename-form", border=False):
        st.text_input(
            words("conversation_title"),
            conversation.title,
            max_chars=MAX_TITLE_CHARS,
            key=_title_key(conversation),
        )
        if st.form_submit_button(
            words("save"),
            type="primary",
            key="save-title",
            on_click=_rename,
            args=(services, conversation),
        ):
            st.rerun()  # closes the dialog


def _rename(services: Services, conversation: Conversation) -> None:
    services.store.history.rename(conversation.id, str(st.session_state[_title_key(conversation)]))


def _title_key(conversation: Conversation) -> str:
    return f"rename-{conversation.id}"


def _draw_export(services: Services, words: Words, conversation: Conversation) -> None:
    _draw_title(conversation)
    st.html(note_html(words("export_intro")))
    answers = services.store.answers(conversation.id)
    for kind, mime in MIME_TYPES.items():
        st.download_button(
            words(f"export_{kind}"),
            exported(words, kind, conversation, answers, local_time),
            file_name(conversation, kind),
            mime,
            key=f"export-{kind}",
            icon=":material/download:",
            width="stretch",
            on_click="ignore",
        )


def _confirm_delete(services: Services, words: Words, conversation: Conversation) -> None:
    _draw_title(conversation)
    st.write(words("delete_conversation_confirm"))
    if st.button(
        words("delete"),
        key="confirm-delete",
        type="primary",
        on_click=services.store.delete_conversation,
        args=(conversation.id,),
    ):
        st.rerun()  # closes the dialog


def _draw_title(conversation: Conversation) -> None:
    st.html(f'<div class="fk-source-head">{html.escape(conversation.title)}</div>')
