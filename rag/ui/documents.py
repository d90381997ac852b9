"""The page that shows what is indexed and builds the index anew."""

import html
from collections import Counter
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from rag.datatypes import FileStatus, IndexStatus
from rag.errors import RagError
from rag.store import Job
from rag.ui.services import Services
from rag.ui.strings import Words

_INDEXED = ("indexed", "unchanged")
_SHRINK_OPTION = "--allow-shrink"  # named by the error that asks whether a loss is meant


def draw(services: Services, words: Words) -> None:
    """Draw the state of the index, the build form and the table of files."""
    st.header(words("page_documents"))
    try:
        with st.spinner(words("opening")):
            status = services.engine.index_status()
    except RagError as error:
        status = None
        st.warning(f"**{words('index_unusable')}**", icon=":material/build:")
        st.text(str(error))
    else:
        if status is None:
            st.html(f'<div class="fk-note">{html.escape(words("no_index"))}</div>')
        else:
            _draw_totals(words, status)
    job = services.jobs.latest_build()
    _draw_form(services, words, status, job)
    if job is not None and job.is_live:
        st.fragment(_draw_live, run_every="1s")(services, words, has_index=status is not None)
    elif job is not None:
        _draw_outcome(services, words, job)
    files = _files(status, job)
    if files:
        _draw_files(words, files)


def _draw_totals(words: Words, status: IndexStatus) -> None:
    skipped = sum(item.status not in _INDEXED for item in status.files)
    facts = [
        (words("documents"), str(status.documents), ""),
        (words("chunks"), str(status.chunks), ""),
        (words("skipped"), str(skipped), ""),
        (words("updated"), _local_time(status.created), "fk-small"),
        (words("indexed_folder"), status.folder, "fk-small"),
    ]
    rows = "".join(
        f'<div><dt>{html.escape(name)}</dt><dd class="{style}">{html.escape(value)}</dd></div>'
        for name, value, style in facts
    )
    st.html(f'<dl class="fk-facts">{rows}</dl>')


def _draw_form(
    services: Services, words: Words, status: IndexStatus | None, job: Job | None
) -> None:
    is_live = job is not None and job.is_live
    suggested = job.subject if job else status.folder if status else ""
    with st.form("build", border=False):
        columns = st.columns([3, 1], vertical_alignment="bottom")
        folder = columns[0].text_input(
            words("folder"),
            value=suggested,
            placeholder=words("folder_placeholder"),
            help=words("folder_help"),
            disabled=is_live,
        )
        is_submitted = columns[1].form_submit_button(
            words("rebuild" if status else "build"),
            type="primary",
            disabled=is_live,
            width="stretch",
        )
    if is_submitted and (folder or "").strip():
        _start(services, words, Path((folder or "").strip()))


def _start(services: Services, words: Words, folder: Path, *, allow_shrink: bool = False) -> None:
    try:
        services.jobs.start_build(folder, allow_shrink=allow_shrink)
    except RagError as error:
        st.error(words("build_failed"), icon=":material/info:")
        st.text(str(error))
    else:
        st.rerun()


def _draw_live(services: Services, words: Words, *, has_index: bool) -> None:
    """Draw the build under way; runs every second by itself until the build ends."""
    job = services.jobs.latest_build()
    if job is None or not job.is_live:
        st.rerun()
    progress = job.progress
    stage = words.known(f"stage_{progress.stage}", progress.stage) or words("build_starting")
    elapsed = datetime.now(UTC) - datetime.fromisoformat(job.created)
    details = [words("elapsed", elapsed=words.duration(int(elapsed.total_seconds())))]
    if progress.total:
        details.insert(0, words("progress", done=progress.done, total=progress.total))
    with st.container(border=True, key="live-build"):
        st.html(
            f'<div class="fk-card-title">{html.escape(stage)}</div>'
            f'<div class="fk-note">{html.escape(" · ".join(details))}</div>'
        )
        st.progress(min(1.0, progress.done / progress.total) if progress.total else 0.0)
        st.html(f'<div class="fk-note">{html.escape(progress.item) or "&nbsp;"}</div>')
        st.button(
            words("cancelling" if job.is_cancel_requested else "cancel"),
            key="cancel",
            icon=":material/close:",
            disabled=job.is_cancel_requested,
            on_click=services.jobs.cancel,
            args=(job.id,),
        )
        if has_index:
            st.html(f'<div class="fk-note">{html.escape(words("build_serving"))}</div>')


def _draw_outcome(services: Services, words: Words, job: Job) -> None:
    if job.state == "done" and job.report is not None:
        report = job.report
        st.success(
            words(
                "build_done",
                documents=report.documents,
                chunks=report.chunks,
                elapsed=words.duration(report.seconds),
            ),
            icon=":material/check_circle:",
        )
    elif job.state == "cancelled":
        st.info(words("build_cancelled"), icon=":material/info:")
    elif job.state == "failed":
        st.error(words("build_failed"), icon=":material/error:")
        st.text(job.message)
        if _SHRINK_OPTION in job.message and st.button(words("build_anyway"), key="build-anyway"):
            _start(services, words, Path(job.subject), allow_shrink=True)


def _files(status: IndexStatus | None, job: Job | None) -> tuple[FileStatus, ...]:
    """Return the files of the index; while it does not list them, those of the last build."""
    if status is not None and status.files:
        return status.files
    return job.report.files if job is not None and job.report is not None else ()


def _draw_files(words: Words, files: tuple[FileStatus, ...]) -> None:
    st.subheader(words("files"))
    counts = Counter(item.status for item in files)
    chosen = st.pills(
        words("filter_status"),
        sorted(counts, key=counts.__getitem__, reverse=True),
        selection_mode="multi",
        format_func=lambda status: f"{words(f'status_{status}')} {counts[status]}",
        key="status",
    )
    shown = [item for item in files if not chosen or item.status in chosen]
    st.dataframe(
        {
            words("column_path"): [item.path for item in shown],
            words("column_status"): [words(f"status_{item.status}") for item in shown],
            words("column_reason"): [item.reason for item in shown],
            words("column_chunks"): [item.chunks for item in shown],
            words("column_pages"): [item.pages or None for item in shown],
            words("column_size"): [ceil(item.size_bytes / 102.4) / 10 for item in shown],
        },
        hide_index=True,
        placeholder="–",
        alt=words("files_alt"),
    )


def _local_time(created: str) -> str:
    """Return an ISO 8601 time in the reader's time zone, to the minute."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return created
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")
