"""The page that shows what is indexed and keeps the index up to date."""

import html

import streamlit as st

from rag.datatypes import IndexStatus, Source
from rag.errors import RagError
from rag.ui.clock import local_time
from rag.ui.files import READABLE, draw_files
from rag.ui.first_run import draw_samples_button
from rag.ui.folders import draw_folders
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.sync_job import draw_job
from rag.ui.sync_plan import draw_plan


def draw(services: Services, words: Words) -> None:
    """Draw the state of the index, its folders, the sync and the table of files."""
    st.header(words("page_documents"))
    status, sources, is_unusable = _read_index(services, words)
    if status is not None:
        draw_damage(words, status)
        _draw_totals(words, status)
    job = services.jobs.latest_sync()
    is_busy = job is not None and job.is_live
    if status is None and not is_unusable and not is_busy:
        st.html(note_html(words("no_index_samples")))
        draw_samples_button(services, words)
    slot = st.container()  # a plan and the sync that it leads to appear in the same place
    st.subheader(words("folders"))
    files = status.files if status else ()
    draw_folders(services, words, sources, files, is_busy=is_busy)
    with slot:
        if job is not None:
            draw_job(services, words, job, has_index=status is not None)
        if not is_busy:
            must_sync = is_unusable or bool(status and (status.damage or not status.knows_dates))
            index_id = status.index_id if status else ""
            draw_plan(services, words, index_id, sources, must_sync=must_sync)
    if services.auto_sync.is_on and not is_busy:
        st.fragment(_notice_sync, run_every="3s")(services, job.id if job else None)
    if status is not None and status.files:
        st.fragment(draw_files)(services, words, status, is_busy=is_busy)


def _notice_sync(services: Services, drawn: int | None) -> None:
    """Draw the page anew when a sync has begun by itself after the one that is drawn.

    It may be over by now: a file or two take less time than there is between two looks.
    """
    job = services.jobs.latest_sync()
    if job is not None and job.id != drawn:
        st.rerun()


def draw_damage(words: Words, status: IndexStatus) -> None:
    """Tell that the newest index is damaged and an older one serves."""
    if status.damage:
        st.warning(
            f"**{words('index_older')}** {words('index_older_help')}", icon=":material/build:"
        )
        st.html(note_html(reason_words(words, status.damage)))


def _read_index(
    services: Services, words: Words
) -> tuple[IndexStatus | None, tuple[Source, ...], bool]:
    """Return what the index holds, its folders, and whether there is one that cannot be used."""
    try:
        with st.spinner(words("opening")):
            status = services.engine.index_status()
    except RagError as error:
        st.warning(f"**{words('index_unusable')}**", icon=":material/build:")
        st.text(reason_words(words, str(error)))
    else:
        return status, status.sources if status else (), False
    try:  # built with another embedder: its folders are known nevertheless
        return None, services.engine.sources(), True
    except RagError:
        return None, (), True


def _draw_totals(words: Words, status: IndexStatus) -> None:
    skipped = sum(file.status not in (*READABLE, "excluded") for file in status.files)
    facts = [
        (words("documents"), f"{status.documents:,}", ""),
        (words("chunks"), f"{status.chunks:,}", ""),
        (words("skipped"), f"{skipped:,}", ""),
        (words("updated"), local_time(status.created), "fk-small"),
    ]
    rows = "".join(
        f'<div><dt>{html.escape(name)}</dt><dd class="{style}">{html.escape(value)}</dd></div>'
        for name, value, style in facts
    )
    st.html(f'<dl class="fk-facts">{rows}</dl>')
