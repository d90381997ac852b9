"""The page on which questions are asked and answered."""

import html
from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from rag.datatypes import EVERYWHERE, IndexStatus, SearchFilter
from rag.errors import RagError
from rag.language import detect_language
from rag.store import StoredAnswer
from rag.ui.conversation import current_conversation, open_conversation, write_address
from rag.ui.documents import draw_damage
from rag.ui.exchange import Drawn, draw_exchange, show_newest
from rag.ui.findings import absent_models
from rag.ui.first_run import draw_absent, draw_first_run, ready_html
from rag.ui.limits import draw_limits
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import answer_html, label_text, note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.versions import turns_of


def draw(services: Services, words: Words, documents_page: StreamlitPage | None) -> None:
    """Draw the conversation, the input, and what takes its time last: an answer, suggestions.

    ``documents_page`` is None for somebody who may not add documents.
    """
    conversation_id = current_conversation(services.store)
    write_address(conversation_id)
    answers = services.store.answers(conversation_id) if conversation_id else []
    status, is_unusable = _index_status(services, words)
    suggestions = st.empty()
    if not answers and status is not None:
        suggestions = _draw_start(services, words, status)
    elif not answers and documents_page is None:
        st.html(note_html(words("empty_reader")))
    elif not answers and documents_page is not None and not is_unusable:
        draw_first_run(services, words, documents_page)
    turns = turns_of(answers)
    drawn = []
    for versions in turns:
        can_ask_anew = versions is turns[-1] and status is not None
        drawn.append(draw_exchange(services, words, versions, can_ask_anew=can_ask_anew))
    live = next((one for one in reversed(drawn) if one.box is not None), None)
    search_filter = _draw_input(services, words, answers, live.answer if live else None, status)
    if drawn and drawn[-1].asked_anew:
        limits = EVERYWHERE if drawn[-1].is_widened else search_filter
        _ask_anew(services, drawn[-1], limits)
    if live is not None and live.box is not None:
        _follow(services, words, live.answer, live.box)
    if not answers and status is not None and search_filter == EVERYWHERE:
        with suggestions:
            _draw_suggestions(services, words)


def _index_status(services: Services, words: Words) -> tuple[IndexStatus | None, bool]:
    """Return what the index holds, and whether there is one that cannot be used."""
    try:
        # The first call may meet the models being loaded in the background.
        with st.spinner(words("opening")):
            status = services.engine.index_status()
    except RagError as error:
        st.warning(f"**{words('index_unusable')}**", icon=":material/build:")
        st.text(reason_words(words, str(error)))
        draw_absent(words, absent_models(services.config))
        return None, True
    if status is not None:
        draw_damage(words, status)
    for notice in services.engine.notices() if status else ():
        host = services.engine.answer_host()
        st.html(note_html(words.known(f"notice_{notice}", notice, host=host)))
    return status, False


def _draw_start(services: Services, words: Words, status: IndexStatus) -> DeltaGenerator:
    """Draw the page before the first question; return the place for suggestions."""
    detail = words("ask_intro_detail", documents=status.documents, chunks=status.chunks)
    title = html.escape(words("ask_intro"))
    is_first = not services.store.latest_answers(1)
    steps = ready_html(words) if is_first else ""
    st.html(f'<div class="fk-intro"><h1>{title}</h1>{note_html(detail)}{steps}</div>')
    return st.container(key="suggestions", gap="small", horizontal_alignment="center")


def _draw_suggestions(services: Services, words: Words) -> None:
    """Draw questions that the documents answer; the first look at an index takes a moment."""
    try:
        questions = services.engine.suggestions(words.language)
    except RagError:
        return  # the page has said already what is wrong with the index
    if questions:
        st.html(note_html(words("suggestions")))
    for number, question in enumerate(questions):
        st.button(
            label_text(question),
            key=f"suggestion-{number}",
            on_click=_ask,
            args=(services, question, EVERYWHERE),
        )


def _draw_input(
    services: Services,
    words: Words,
    answers: Sequence[StoredAnswer],
    live: StoredAnswer | None,
    status: IndexStatus | None,
) -> SearchFilter:
    """Draw what is typed into; return the limits of the next question."""
    with st.bottom:
        failed = st.session_state.pop("ask_error", None)
        if failed:
            st.error(words("failed"), icon=":material/info:")
            st.text(reason_words(words, failed))
        if live is not None:
            st.button(
                words("stop"),
                key="stop",
                icon=":material/stop_circle:",
                on_click=services.worker.stop,
                args=(live.id,),
                shortcut="Esc",
            )
        search_filter = draw_limits(words, answers[-1] if answers else None, status)
        st.chat_input(
            words("ask_placeholder"),
            key="question",
            max_chars=services.config.max_question_chars,
            disabled=live is not None or status is None,
            on_submit=_submit,
            args=(services, search_filter),
        )
    return search_filter


def _submit(services: Services, search_filter: SearchFilter) -> None:
    _ask(services, str(st.session_state["question"] or ""), search_filter)


def _ask(services: Services, question: str, search_filter: SearchFilter) -> None:
    question = question.strip()
    if not question:
        return
    try:
        conversation_id = current_conversation(services.store)
        if conversation_id is None:
            conversation_id = services.store.create_conversation(question)
            open_conversation(conversation_id)
        services.worker.submit(conversation_id, question, search_filter)
    except RagError as error:
        st.session_state["ask_error"] = str(error)


def _ask_anew(services: Services, drawn: Drawn, search_filter: SearchFilter) -> None:
    """Put a question in the place of the last one, and draw the page with it."""
    turn = drawn.answer.turn
    try:
        services.worker.submit(
            drawn.answer.conversation_id, drawn.asked_anew, search_filter, version_of=turn
        )
        show_newest(turn)
    except RagError as error:
        st.session_state["ask_error"] = str(error)
    st.rerun()


def _follow(services: Services, words: Words, stored: StoredAnswer, box: DeltaGenerator) -> None:
    """Show the text as it comes. Drawing at every piece is what lets a click interrupt this."""
    draft, language = "", detect_language(stored.question)
    for piece in services.worker.tail(stored.id):
        draft += piece
        if draft:
            inner = answer_html(draft, language=language)
            box.html(f'<div class="fk-draft">{inner}</div>')
        else:
            box.html(_working(_stage(services, words, stored)))
    st.rerun()


def _stage(services: Services, words: Words, stored: StoredAnswer) -> str:
    """Return what the answer waits for, as the worker and the engine tell it."""
    ahead = services.worker.questions_ahead(stored.id)
    if ahead:
        return words.counted("waiting", ahead)
    step = services.worker.step(stored.id)
    if step is None:
        return words("opening")
    doing = words.counted(f"step_{step.stage}", step.total)
    elapsed = (datetime.now(UTC) - datetime.fromisoformat(stored.created)).total_seconds()
    if elapsed < 1:
        return doing
    return f"{doing} · {words('elapsed', elapsed=words.duration(int(elapsed)))}"


def _working(text: str) -> str:
    return f'<div class="fk-working">{html.escape(text)}</div>'
