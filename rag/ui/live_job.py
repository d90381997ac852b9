"""A job under way, drawn anew every second: how far it is, and a button that ends it."""

import html
from datetime import UTC, datetime

import streamlit as st

from rag.job_store import Job
from rag.jobs import JobKind
from rag.ui.pace import pace_of
from rag.ui.services import Services
from rag.ui.strings import Words


def draw_live(services: Services, words: Words, kind: JobKind, otherwise: str) -> None:
    """Draw the live job of a kind, a fragment; draw the page anew when it has ended.

    Args:
        services: where the job runs.
        words: the language; has the stages as "<kind>_stage_<stage>".
        kind: of the job.
        otherwise: the key of the title for a stage without words.
    """
    job = services.jobs.latest(kind)
    if job is None or not job.is_live:
        st.rerun()
    progress = job.progress
    with st.container(border=True, key=f"live-{kind}"):
        stage = words.known(f"{kind}_stage_{progress.stage}", words(otherwise))
        st.html(
            f'<div class="fk-card-title">{html.escape(stage)}</div>'
            f'<div class="fk-note fk-figures">{html.escape(pace_words(words, job))}</div>'
        )
        if progress.total:
            st.progress(min(1.0, progress.done / progress.total))
        if progress.item:
            st.html(f'<div class="fk-note fk-item">{html.escape(progress.item)}</div>')
        st.button(
            words("cancelling" if job.is_cancel_requested else "cancel"),
            key=f"cancel-{kind}",
            icon=":material/close:",
            disabled=job.is_cancel_requested,
            on_click=services.jobs.cancel,
            args=(job.id,),
        )


def pace_words(words: Words, job: Job) -> str:
    """Return how far a job is, and how long it has taken and will take."""
    now = datetime.now(UTC)
    progress = job.progress
    parts = []
    if progress.total and progress.stage != "stage":
        parts.append(words("progress", done=f"{progress.done:,}", total=f"{progress.total:,}"))
        seconds_left = pace_of(job, now).seconds_left
        if seconds_left is not None:
            parts.append(words("time_left", duration=words.rough_duration(seconds_left)))
    elapsed = now - datetime.fromisoformat(job.created)
    parts.append(words("elapsed", elapsed=words.duration(int(elapsed.total_seconds()))))
    return " · ".join(parts)
