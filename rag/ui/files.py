"""The table of files: what became of each, why, and what can be done about it."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

import streamlit as st

from rag.datatypes import FileStatus, IndexStatus, Source
from rag.errors import RagError
from rag.sources import SyncRequest, apply_request
from rag.ui.document_text import show_document
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import UiLanguage, Words
from rag.ui.sync_plan import start_sync

if TYPE_CHECKING:
    import pyarrow

READABLE = ("indexed", "archive", "stale")
_SCANNED = "scanned"  # stands among the statuses in the filter, but is no status


def draw_files(services: Services, words: Words, status: IndexStatus, *, is_busy: bool) -> None:
    """Draw the filters, the actions on the chosen file, and the table."""
    st.subheader(words("files"))
    listed = _listed(status, words.language)
    shown = _filtered(words, listed)
    actions = st.container(key="file-actions")
    file = _draw_table(words, listed, shown)
    with actions:
        _draw_actions(services, words, status, file, is_busy=is_busy)


@dataclass(frozen=True, slots=True)
class _Listed:
    """The files of an index as they are listed in one language."""

    status: IndexStatus  # held, so that nothing else can get its identity, which is the key
    table: "pyarrow.Table"  # one row for each of its files, in their order
    folded: tuple[str, ...]  # what the filter looks for words in


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={IndexStatus: id})
def _listed(status: IndexStatus, language: UiLanguage) -> _Listed:
    """Return the list, made once: with ten thousand files, no click should wait for it."""
    import pyarrow

    words, files = Words(language), status.files
    reasons = [reason_words(words, file.reason) for file in files]
    table = pyarrow.table(
        {
            words("column_path"): [_shown_path(file) for file in files],
            words("column_status"): [_badges(words, file) for file in files],
            words("column_reason"): reasons,
            words("column_pages"): [file.pages or None for file in files],
            words("column_chunks"): [file.chunks or None for file in files],
            words("column_size"): [ceil(file.size_bytes / 102.4) / 10 for file in files],
            words("column_seconds"): [ceil(file.seconds * 100) / 100 or None for file in files],
        }
    )
    pairs = zip(files, reasons, strict=True)
    return _Listed(status, table, tuple(_folded(f"{f.path}\n{reason}") for f, reason in pairs))


def _filtered(words: Words, listed: _Listed) -> list[int]:
    """Draw the filters; return which files they leave, as rows of the list."""
    files = listed.status.files
    counts: Counter[str] = Counter(file.status for file in files)
    options = sorted(counts, key=counts.__getitem__, reverse=True)
    if scanned := sum(1 for file in files if file.scanned_pages):
        counts[_SCANNED] = scanned
        options.append(_SCANNED)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.pills(
            words("filter_status"),
            options,
            selection_mode="multi",
            format_func=lambda name: f"{words(f'status_{name}')} {counts[name]:,}",
            key="status",
            label_visibility="collapsed",
        )
        text = st.text_input(
            words("filter_text"),
            placeholder=words("filter_text"),
            key="file-filter",
            label_visibility="collapsed",
            icon=":material/search:",
        )
    statuses = {name for name in chosen if name != _SCANNED}
    wanted = _folded(text.strip())
    return [
        row
        for row, (file, text) in enumerate(zip(files, listed.folded, strict=True))
        if (not statuses or file.status in statuses)
        and (_SCANNED not in chosen or file.scanned_pages)
        and (not wanted or wanted in text)
    ]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _draw_table(words: Words, listed: _Listed, shown: Sequence[int]) -> FileStatus | None:
    """Return the file whose row is chosen."""
    files = [listed.status.files[row] for row in shown]
    # A choice is a row number: other rows need another table, or it would mean another file.
    names = "\n".join([listed.status.index_id, *(file.path for file in files)])
    key = f"files-{sha256(names.encode()).hexdigest()[:12]}"
    number = st.column_config.NumberColumn(width=80)
    longer_number = st.column_config.NumberColumn(width=98)
    event = st.dataframe(
        listed.table if len(files) == len(listed.folded) else listed.table.take(shown),
        hide_index=True,
        placeholder="–",
        alt=words("files_alt"),
        column_config={
            words("column_path"): st.column_config.TextColumn(width=230),
            words("column_status"): st.column_config.ListColumn(width=124),
            words("column_pages"): number,
            words("column_chunks"): number,
            words("column_size"): longer_number,
            words("column_seconds"): longer_number,
            words("column_reason"): st.column_config.TextColumn(width=220),
        },
        on_select="rerun",
        selection_mode="single-row",
        key=key,
    )
    rows = event["selection"]["rows"]
    return files[rows[0]] if rows and rows[0] < len(files) else None


def _shown_path(file: FileStatus) -> str:
    """Return the path; for a file inside another one with the border between the two marked."""
    inside = file.path.removeprefix(f"{file.container}/")
    return f"{file.container} › {inside}" if file.container else file.path


def _badges(words: Words, file: FileStatus) -> list[str]:
    badges = [words(f"status_{file.status}")]
    return [*badges, words("status_scanned")] if file.scanned_pages else badges


def _draw_actions(
    services: Services,
    words: Words,
    status: IndexStatus,
    file: FileStatus | None,
    *,
    is_busy: bool,
) -> None:
    """Draw the buttons, also while no row is chosen: the table must not move under the pointer."""
    st.html(note_html(_describe(words, file)))
    on_disk = (file.container or file.path) if file else ""
    is_out = file is not None and file.status == "excluded"
    with st.container(horizontal=True, gap="small"):
        if st.button(
            words("open_text"),
            key="open-text",
            icon=":material/article:",
            disabled=file is None or not file.chunks,
        ):
            show_document(services, words, file.path if file else "")
        if st.button(
            words("retry"),
            key="retry",
            icon=":material/refresh:",
            disabled=is_busy or file is None or not _can_retry(file),
        ):
            start_sync(services, SyncRequest(retry=(on_disk,)))
            st.rerun()
        if st.button(
            words("take_in" if is_out else "exclude"),
            key="exclude",
            icon=":material/add_circle:" if is_out else ":material/block:",
            disabled=is_busy or file is None or (is_out and not _can_take_in(status.sources, file)),
        ):
            paths = (on_disk,)
            request = SyncRequest(take_in=paths) if is_out else SyncRequest(leave_out=paths)
            start_sync(services, request)
            st.rerun()
        _draw_retry_all(services, words, status.files, is_busy=is_busy)


def _describe(words: Words, file: FileStatus | None) -> str:
    if file is None:
        return words("choose_file")
    inside = words("inside_container", container=file.container) if file.container else ""
    reason = reason_words(words, file.reason)
    return " · ".join(part for part in (file.path, reason, inside) if part)


def _can_retry(file: FileStatus) -> bool:
    """Tell whether reading the file again may change anything: its name alone may refuse it."""
    return file.status != "excluded" and bool(file.sha256 or file.status in ("failed", "stale"))


def _can_take_in(sources: Sequence[Source], file: FileStatus) -> bool:
    """Tell whether the file was left out by itself, not by a pattern or with its folder."""
    try:
        after = apply_request(sources, SyncRequest(take_in=(file.path,)))
    except RagError:
        return False
    return after != tuple(sources)


def _draw_retry_all(
    services: Services, words: Words, files: Sequence[FileStatus], *, is_busy: bool
) -> None:
    refused = sum(
        1
        for file in files
        if file.sha256 and not file.container and file.status not in ("indexed", "archive")
    )
    if refused and st.button(
        words("retry_all", count=refused),
        key="retry-all",
        type="tertiary",
        icon=":material/refresh:",
        disabled=is_busy,
    ):
        start_sync(services, SyncRequest(retries_all=True))
        st.rerun()
