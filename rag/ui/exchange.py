"""One question with its answer on the Ask page, and what was asked in its place before.

The last question can be asked again or be edited. What was there stays reachable as an earlier
version, as people know it from other chats: an answer may have been the better one, and feedback
on it may refer to it. The newest version is the one that the conversation goes on from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from rag.datatypes import EVERYWHERE
from rag.store import StoredAnswer
from rag.ui.answer_view import draw_answer
from rag.ui.safe_markdown import note_html, text_html
from rag.ui.services import Services
from rag.ui.strings import Words

_EDITED = "edited-turn"  # in the session: the turn whose question is being edited
_SHOWN = "shown-versions"  # in the session: turn -> number of the version shown, from 0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What came of drawing an exchange."""

    answer: StoredAnswer
    box: DeltaGenerator | None = None  # the place of an answer that is still to come
    asked_anew: str = ""  # the question that a person puts in the place of this one; "" for none
    is_widened: bool = False  # it is to be asked without limits


def draw_exchange(
    services: Services, words: Words, versions: Sequence[StoredAnswer], *, can_ask_anew: bool
) -> Drawn:
    """Draw a question and its answer, in the version that the reader chose."""
    number = _shown_number(services, versions)
    shown = versions[number]
    asked_anew, is_widened = "", False
    with st.chat_message(words("you"), avatar=":material/person:"):
        if can_ask_anew and st.session_state.get(_EDITED) == shown.turn:
            asked_anew = _draw_edit(services, words, shown)
        else:
            st.html(f'<div class="fk-answer"><p>{text_html(shown.question)}</p></div>')
    with st.chat_message(words("assistant"), avatar=":material/menu_book:"):
        if services.worker.is_live(shown.id):
            return Drawn(shown, st.empty())
        # Read again: the answer may have ended between the list and this line.
        shown = services.store.answer(shown.id) or shown
        draw_answer(services, words, shown)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if len(versions) > 1:
                _draw_versions(words, shown.turn, number, len(versions))
            if can_ask_anew and not shown.is_live:
                asked_anew = asked_anew or _draw_actions(words, shown)
                if _is_limited_miss(shown) and _draw_widen(words, shown):
                    asked_anew, is_widened = shown.question, True
    return Drawn(shown, asked_anew=asked_anew, is_widened=is_widened)


def show_newest(turn: int) -> None:
    """Show the newest version of a turn from now on, and nothing to edit."""
    st.session_state.pop(_EDITED, None)
    st.session_state.get(_SHOWN, {}).pop(turn, None)


def _shown_number(services: Services, versions: Sequence[StoredAnswer]) -> int:
    newest = len(versions) - 1
    if services.worker.is_live(versions[newest].id):
        return newest  # it is followed as it comes
    chosen: int = st.session_state.get(_SHOWN, {}).get(versions[0].turn, newest)
    return min(chosen, newest)


def _draw_versions(words: Words, turn: int, number: int, count: int) -> None:
    for name, other in (("earlier", number - 1), ("newer", number + 1)):
        st.button(
            words(f"version_{name}"),
            key=f"version-{name}-{turn}",
            type="tertiary",
            icon=":material/chevron_left:" if name == "earlier" else ":material/chevron_right:",
            disabled=not 0 <= other < count,
            on_click=_show,
            args=(turn, other),
        )
    note = words("version_number", number=number + 1, count=count)
    st.html(note_html(note if number == count - 1 else f"{note} · {words('version_old')}"))


def _show(turn: int, number: int) -> None:
    st.session_state[_SHOWN] = {**st.session_state.get(_SHOWN, {}), turn: number}


def _draw_actions(words: Words, shown: StoredAnswer) -> str:
    """Return the question when it is to be asked again, else ""."""
    is_again = st.button(
        words("ask_again"),
        key=f"again-{shown.turn}",
        type="tertiary",
        icon=":material/refresh:",
        help=words("ask_again_help"),
    )
    st.button(
        words("edit_question"),
        key=f"edit-{shown.turn}",
        type="tertiary",
        icon=":material/edit:",
        on_click=_edit,
        args=(shown.turn,),
    )
    return shown.question if is_again else ""


def _is_limited_miss(shown: StoredAnswer) -> bool:
    is_miss = shown.answer is not None and shown.answer.status == "no_evidence"
    return is_miss and shown.search_filter != EVERYWHERE


def _draw_widen(words: Words, shown: StoredAnswer) -> bool:
    return st.button(
        words("ask_everywhere"),
        key=f"widen-{shown.turn}",
        type="tertiary",
        icon=":material/zoom_out_map:",
    )


def _edit(turn: int) -> None:
    st.session_state[_EDITED] = turn


def _draw_edit(services: Services, words: Words, shown: StoredAnswer) -> str:
    """Return the edited question once it is sent, else ""."""
    with st.form(f"edit-form-{shown.turn}", border=False):
        question = st.text_area(
            words("edit_question"),
            shown.question,
            max_chars=services.config.max_question_chars,
            key=f"edited-{shown.id}",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True, gap="small"):
            is_sent = st.form_submit_button(words("edit_send"), type="primary", key="edit-send")
            st.form_submit_button(
                words("cancel"), key="edit-cancel", on_click=show_newest, args=(shown.turn,)
            )
    return question.strip() if is_sent else ""
