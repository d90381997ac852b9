"""The page on which a person's own test questions are asked again, and compared over time."""

from collections.abc import Sequence

import streamlit as st

from rag.errors import RagError
from rag.evaluation.quality_check import settings_hash
from rag.generations import current_build_id
from rag.quality_store import QualityCheck, QualityQuestion
from rag.ui.clock import local_time
from rag.ui.live_job import draw_live
from rag.ui.quality_figures import draw_curves, draw_daily, draw_figures
from rag.ui.quality_questions import draw_questions
from rag.ui.quality_table import draw_table
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_CHECKS = 30  # drawn; earlier ones are kept


def draw(services: Services, words: Words) -> None:
    """Draw the check, its figures, the curves, the questions and where more come from."""
    st.header(words("page_quality"))
    st.html(note_html(words("quality_intro")))
    questions = services.store.quality.questions()
    checks = services.store.quality.checks(_CHECKS)
    _draw_check(services, words, questions, checks)
    if checks:
        draw_figures(words, checks)
        draw_curves(words, checks)
    if questions:
        draw_table(services, words, questions, checks)
    draw_questions(services, words, questions)
    draw_daily(words, services.store.quality.daily_answers())


def _draw_check(
    services: Services,
    words: Words,
    questions: Sequence[QualityQuestion],
    checks: Sequence[QualityCheck],
) -> None:
    job = services.jobs.latest("quality")
    is_busy = job is not None and job.is_live
    if st.button(
        words("quality_check"),
        key="quality-check",
        type="primary",
        icon=":material/fact_check:",
        disabled=is_busy or not questions,
        help=words("quality_check_help"),
    ):
        try:
            services.jobs.start_quality()
        except RagError as error:
            st.text(reason_words(words, str(error)))
        else:
            st.rerun()
    if host := services.engine.answer_host():
        st.html(note_html(words("quality_sent", host=host)))
    if is_busy:
        st.fragment(draw_live, run_every="1s")(services, words, "quality", "quality_checking")
    elif job is not None and job.state == "failed":
        st.error(words("quality_failed"), icon=":material/error:")
        st.text(reason_words(words, job.message))
    elif job is not None and job.state == "cancelled":
        st.info(words("quality_cancelled"), icon=":material/info:")
    _draw_state(services, words, questions, checks)


def _draw_state(
    services: Services,
    words: Words,
    questions: Sequence[QualityQuestion],
    checks: Sequence[QualityCheck],
) -> None:
    if not checks:
        key = "quality_unchecked" if questions else "quality_empty"
        st.html(note_html(words(key, count=len(questions))))
        return
    last = checks[-1]
    lines = [
        words(
            "quality_last",
            when=local_time(last.created),
            count=len(last.results),
            elapsed=words.duration(int(last.seconds)),
        ),
        words(
            "quality_with",
            index_id=last.index_id,
            model_id=last.model_id,
            settings=settings_hash(last.settings),
        ),
    ]
    asked = {one.question_id for one in last.results}
    waiting = sum(one.id not in asked for one in questions)
    if waiting:
        lines.append(words("quality_waiting", count=waiting))
    if current_build_id(services.config.index_dir) not in (None, last.index_id):
        lines.append(words("quality_stale_index"))
    st.html("".join(map(note_html, lines)))
