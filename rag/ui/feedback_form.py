"""What a reader says of an answer: thumbs below it, and a small form when it was wrong."""

import streamlit as st

from rag.datatypes import Answer
from rag.errors import RagError
from rag.feedback import FAULTS, LIMITS, Feedback, Judgement, Triage
from rag.prompt import says_not_found
from rag.store import StoredAnswer
from rag.triage import triage
from rag.ui.quality_questions import draw_take
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.sources import source_label
from rag.ui.strings import Words

_OPEN = "feedback-form"  # in the session: id of the answer whose form is open
_LABEL_CHARACTERS = 60
_THUMBS = {"down": 0, "up": 1}


def draw_feedback(services: Services, words: Words, stored: StoredAnswer, answer: Answer) -> None:
    """Draw the thumbs of a finished answer, and below them the form or what came of it."""
    if stored.state != "done":
        return
    feedback = services.store.feedback.on_answer(stored.id)
    verdict = feedback.judgement.verdict if feedback else None
    with st.container(key=f"feedback-{stored.id}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.feedback(
                "thumbs",
                key=_key("thumbs", stored),
                default=_THUMBS[verdict] if verdict else None,
                on_change=_judge,
                args=(services, stored, answer),
            )
            if feedback is not None and verdict == "up":
                st.html(note_html(words("feedback_thanks")))
                draw_take(services, words, feedback)
        if feedback is None or verdict != "down":
            return
        if st.session_state.get(_OPEN) == stored.id:
            _draw_form(services, words, stored, answer, feedback.judgement)
        else:
            _draw_outcome(words, stored, feedback)
            draw_take(services, words, feedback)


def advice(words: Words, feedback: Feedback) -> str:
    """Return what follows from a triage, in words."""
    found = feedback.triage or Triage("unknown")
    judgement = feedback.judgement
    if judgement.correction is None and judgement.passage is None:
        return words("advice_no_correction")
    if found.outcome == "answered_wrong" and judgement.correction == "":
        return words("advice_should_not_find")
    if found.outcome in ("not_retrieved", "not_in_prompt") and found.rank is not None:
        return words(f"advice_{found.outcome}_rank", rank=found.rank)
    return words(f"advice_{found.outcome}")


def look_for_cause(services: Services, feedback_id: int) -> None:
    """Keep why the answer was wrong; without an index to search, the cause is not clear."""
    feedback = services.store.feedback.by_id(feedback_id)
    if feedback is None:
        return
    try:
        found = triage(
            feedback.answer, feedback.judgement, services.engine.search, feedback.search_filter
        )
    except RagError:
        found = Triage("unknown")
    services.store.feedback.save_triage(feedback_id, found)


def _key(name: str, stored: StoredAnswer) -> str:
    return f"{name}-{stored.id}"


def _judge(services: Services, stored: StoredAnswer, answer: Answer) -> None:
    thumb = st.session_state[_key("thumbs", stored)]
    before = services.store.feedback.on_answer(stored.id)
    if thumb is None and before is not None:
        services.store.feedback.delete(before.id)
    elif thumb == _THUMBS["up"]:
        services.store.feedback.save(stored.id, answer, Judgement("up"), stored.search_filter)
    elif thumb == _THUMBS["down"]:
        # Kept at once: a form that is never sent does not take the verdict along.
        services.store.feedback.save(stored.id, answer, Judgement("down"), stored.search_filter)
        st.session_state[_OPEN] = stored.id


def _draw_form(
    services: Services, words: Words, stored: StoredAnswer, answer: Answer, before: Judgement
) -> None:
    chunks = [hit.chunk for hit in answer.hits]
    with st.form(_key("form", stored)):
        fault = st.pills(
            words("feedback_fault"),
            FAULTS,
            default=before.fault,
            format_func=lambda name: words(f"fault_{name}"),
            key=_key("fault", stored),
        )
        correction = st.text_area(
            words("feedback_correction"),
            before.correction or "",
            max_chars=LIMITS["answer"],
            height=80,
            placeholder=words("feedback_correction_placeholder"),
            help=words("feedback_correction_help"),
            key=_key("correction", stored),
        )
        chosen = st.selectbox(
            words("feedback_passage"),
            range(len(chunks)),
            index=chunks.index(before.passage) if before.passage in chunks else None,
            format_func=lambda n: _passage_label(words, answer, n),
            placeholder=words("feedback_passage_placeholder"),
            help=words("feedback_passage_help"),
            key=_key("passage", stored),
        )
        note = st.text_input(
            words("feedback_note"),
            before.note,
            max_chars=LIMITS["note"],
            key=_key("note", stored),
        )
        if services.person is not None:
            st.html(note_html(words("feedback_is_read")))
        with st.container(horizontal=True, gap="small"):
            is_sent = st.form_submit_button(
                words("feedback_send"), type="primary", key=_key("send", stored)
            )
            is_put_off = st.form_submit_button(words("feedback_later"), key=_key("later", stored))
    if is_sent:
        typed = (correction or "").strip()
        judgement = Judgement(
            "down",
            fault,
            (note or "").strip(),
            "" if says_not_found(typed) else typed or None,
            None if chosen is None else chunks[chosen],
        )
        _keep(services, words, stored, answer, judgement)
    if is_sent or is_put_off:
        del st.session_state[_OPEN]
        st.rerun()


def _keep(
    services: Services, words: Words, stored: StoredAnswer, answer: Answer, judgement: Judgement
) -> None:
    with st.spinner(words("feedback_looking")):
        saved = services.store.feedback.save(stored.id, answer, judgement, stored.search_filter)
        look_for_cause(services, saved)


def _draw_outcome(words: Words, stored: StoredAnswer, feedback: Feedback) -> None:
    is_proposed = feedback.pair_state is not None
    told = [words("feedback_thanks"), advice(words, feedback)]
    told += [words("feedback_proposed")] if is_proposed else []
    st.html(note_html(words("sentence_space").join(told)))
    st.button(
        words("feedback_change"),
        key=_key("change", stored),
        type="tertiary",
        icon=":material/edit:",
        on_click=_open_form,
        args=(stored.id,),
    )


def _open_form(answer_id: int) -> None:
    st.session_state[_OPEN] = answer_id


def _passage_label(words: Words, answer: Answer, number: int) -> str:
    chunk = answer.hits[number].chunk
    beginning = " ".join(chunk.text.split())[:_LABEL_CHARACTERS]
    return f"{source_label(words, chunk.path, chunk.page)}: {beginning}"
