"""Where test questions come from: typed, taken over from judged answers, read from a file."""

import streamlit as st

from rag.errors import RagError
from rag.evaluation.quality_file import (
    line_of_question,
    question_of_feedback,
    question_of_pair,
    questions_from_lines,
)
from rag.feedback import LIMITS, Feedback
from rag.quality_store import QualityQuestion
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_LOOKED_AT = 200  # judged answers, the newest
_TOLD = "quality-told"
_EXPECT = ("answer", "nothing")


def draw_questions(services: Services, words: Words, questions: list[QualityQuestion]) -> None:
    """Draw the three ways to more questions."""
    st.subheader(words("quality_questions"))
    if message := st.session_state.pop(_TOLD, ""):
        st.success(message, icon=":material/check:")
    _draw_feedback(services, words, {one.question for one in questions})
    with st.expander(words("quality_add"), icon=":material/edit:", expanded=not questions):
        _draw_form(services, words)
    with st.expander(words("quality_files"), icon=":material/upload_file:"):
        _draw_files(services, words, questions)


def draw_take(services: Services, words: Words, feedback: Feedback) -> None:
    """Draw the button that makes a test question of one judged answer, for who may."""
    question = question_of_feedback(feedback)
    if question is None or not services.is_admin:
        return
    key = f"quality-take-{feedback.answer_id}"
    if any(one.question == _one_line(question) for one in services.store.quality.questions()):
        st.html(note_html(words("quality_taken")))
    else:
        st.button(
            words("quality_take"),
            key=key,
            type="tertiary",
            icon=":material/fact_check:",
            on_click=_take,
            args=(services, question),
        )


def _take(services: Services, question: QualityQuestion) -> None:
    services.store.quality.add([question])


def _one_line(question: QualityQuestion) -> str:
    return " ".join(question.question.split())


def _draw_feedback(services: Services, words: Words, known: set[str]) -> None:
    feedback = services.store.feedback
    made = {judged.id: question_of_feedback(judged) for judged in feedback.inbox(None, _LOOKED_AT)}
    # An example that was accepted on the Teach page may have been mended there.
    made |= {pair.feedback_id: question_of_pair(pair) for pair in feedback.accepted()}
    waiting = {_one_line(one): one for one in made.values() if one and _one_line(one) not in known}
    if not waiting:
        st.html(note_html(words("quality_take_none")))
    elif st.button(
        words("quality_take_all", count=len(waiting)),
        key="quality-take-all",
        icon=":material/playlist_add:",
    ):
        _add(services, words, list(waiting.values()))


def _draw_form(services: Services, words: Words) -> None:
    version = st.session_state.get("quality_form", 0)  # a new key empties the fields
    expect = st.segmented_control(
        words("quality_expect"),
        _EXPECT,
        default="answer",
        required=True,
        format_func=lambda name: words(f"expect_{name}"),
        key=f"quality-expect-{version}",
    )
    with st.form(f"quality-form-{version}", border=False):
        question = st.text_input(
            words("quality_question"), max_chars=services.config.max_question_chars
        )
        answers, source = "", None
        if expect == "answer":
            answers = st.text_area(
                words("quality_answer"),
                height=80,
                max_chars=LIMITS["answer"],
                placeholder=words("quality_answer_placeholder"),
                help=words("quality_answer_help"),
            )
            source = st.selectbox(
                words("quality_source"),
                _documents(services),
                index=None,
                placeholder=words("quality_source_placeholder"),
                help=words("quality_source_help"),
            )
        is_sent = st.form_submit_button(words("quality_save"), type="primary", key="quality-save")
    if not is_sent:
        return
    lines = tuple(line.strip() for line in (answers or "").splitlines() if line.strip())
    if expect == "answer" and not lines and not source:
        st.info(words("quality_needs"), icon=":material/info:")
        return
    if _add(services, words, [QualityQuestion((question or "").strip(), lines, source or "")]):
        st.session_state["quality_form"] = version + 1
        st.rerun()


def _documents(services: Services) -> list[str]:
    try:
        status = services.engine.index_status()
    except RagError:
        return []  # the page has said already what is wrong with the index
    return [file.path for file in status.files if file.chunks] if status else []


def _add(services: Services, words: Words, questions: list[QualityQuestion]) -> bool:
    """Keep questions and tell so; return whether that went well."""
    try:
        added = services.store.quality.add(questions)
    except RagError as error:
        st.error(words("quality_not_read"), icon=":material/error:")
        st.text(reason_words(words, str(error)))
        return False
    told = words("quality_added", count=added) if added else words("quality_known")
    st.session_state[_TOLD] = told
    return True


def _draw_files(services: Services, words: Words, questions: list[QualityQuestion]) -> None:
    version = st.session_state.get("quality_upload", 0)
    file = st.file_uploader(
        words("quality_import"),
        type=["jsonl", "ndjson"],
        help=words("quality_import_help"),
        key=f"quality-upload-{version}",
    )
    if file is not None and _import(services, words, file.getvalue()):
        st.session_state["quality_upload"] = version + 1
        st.rerun()
    st.download_button(
        words("quality_export", count=len(questions)),
        "".join(map(line_of_question, questions)),
        file_name="fumikura-test-questions.jsonl",
        mime="application/jsonl",
        key="quality-export",
        icon=":material/download:",
        disabled=not questions,
        on_click="ignore",
    )


def _import(services: Services, words: Words, content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
        questions = questions_from_lines(text)
    except (UnicodeDecodeError, RagError) as error:
        st.error(words("quality_not_read"), icon=":material/error:")
        st.text(reason_words(words, str(error)))
        return False
    return _add(services, words, questions)
