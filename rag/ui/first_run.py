"""The first start in three steps: choose documents, wait until they are read, ask."""

import html
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.doctor import Finding
from rag.errors import RagError
from rag.sources import SourceEdit, SyncRequest
from rag.ui.findings import absent_models, draw_findings
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.sync_job import draw_job

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "documents"
_SIGNS = {"done": "✓"}


def draw_first_run(services: Services, words: Words, documents_page: StreamlitPage) -> None:
    """Draw the three steps of an app without an index; the second one is live."""
    absent = absent_models(services.config)
    job = services.jobs.latest_sync()
    is_busy = job is not None and job.is_live
    st.html(f'<div class="fk-first"><h1>{html.escape(words("first_title"))}</h1></div>')
    is_blocked = any(finding.subject == "embedder" for finding in absent)
    if is_blocked:
        draw_absent(words, absent)
    with st.container(border=True, key="first-run"):
        st.html(step_html(words, 1, "done" if is_busy else "now"))
        if not is_busy:
            _draw_choice(services, words, documents_page, is_blocked=is_blocked)
        st.html(step_html(words, 2, "now" if is_busy else "next"))
        st.html(note_html(words("first_wait" if is_busy else "first_wait_next")))
        if job is not None:
            draw_job(services, words, job, has_index=False)
        st.html(step_html(words, 3, "next") + note_html(words("first_ask_next")))
    if not is_blocked:  # the others make answers better, and can come later
        draw_absent(words, absent)


def draw_absent(words: Words, absent: Sequence[Finding]) -> None:
    """Draw the models that are missing, each with its command."""
    if absent:
        with st.container(border=True, key="absent-models"):
            title = html.escape(words("first_models_missing"))
            help_html = note_html(words("first_models_help"))
            st.html(f'<div class="fk-card-title">{title}</div>{help_html}')
            draw_findings(words, absent)


def draw_samples_button(services: Services, words: Words, *, is_blocked: bool = False) -> None:
    """Draw the button that indexes the documents that come with the program, if they did."""
    if SAMPLES.is_dir() and st.button(
        words("first_samples"),
        key="first-samples",
        icon=":material/library_books:",
        help=words("first_samples_help"),
        disabled=is_blocked,
    ):
        _start(services, words, SAMPLES)


def ready_html(words: Words) -> str:
    """Return the three steps with the last one to do."""
    steps = step_html(words, 1, "done") + step_html(words, 2, "done") + step_html(words, 3, "now")
    return f'<div class="fk-strip">{steps}</div>{note_html(words("first_ask_now"))}'


def step_html(words: Words, number: int, state: str) -> str:
    """Return the head of a step: its number or a tick, its name, and how far it is."""
    current = ' aria-current="step"' if state == "now" else ""
    return (
        f'<div class="fk-steps fk-step fk-step-{state}"{current}>'
        f'<span class="fk-step-sign" aria-hidden="true">{_SIGNS.get(state, number)}</span>'
        f"<strong>{html.escape(words(f'first_step_{number}'))}</strong>"
        f'<span class="fk-step-state">{html.escape(words(f"step_state_{state}"))}</span></div>'
    )


def _draw_choice(
    services: Services, words: Words, documents_page: StreamlitPage, *, is_blocked: bool
) -> None:
    with st.form("first-folder-form", border=False):
        columns = st.columns([3, 2], vertical_alignment="bottom")
        folder = columns[0].text_input(
            words("first_folder"),
            placeholder=words("folder_placeholder"),
            help=words("folder_help"),
            disabled=is_blocked,
        )
        is_sent = columns[1].form_submit_button(
            words("first_read"), type="primary", disabled=is_blocked, width="stretch"
        )
    if is_sent and folder.strip():
        _start(services, words, Path(folder.strip()))
    elif is_sent:
        st.info(words("folder_needed"), icon=":material/info:")
    if SAMPLES.is_dir():
        st.html(note_html(words("first_or")))
    with st.container(horizontal=True, gap="small"):
        draw_samples_button(services, words, is_blocked=is_blocked)
        if st.button(words("go_to_documents"), type="tertiary", icon=":material/folder_open:"):
            st.switch_page(documents_page)


def _start(services: Services, words: Words, folder: Path) -> None:
    try:
        services.jobs.start_sync(SyncRequest(add=(SourceEdit(folder),)))
    except RagError as error:
        st.error(words("first_not_started"), icon=":material/info:")
        st.text(reason_words(words, str(error)))
    else:
        st.rerun()
