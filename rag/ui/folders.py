"""The folders that the index follows: add one, change one, stop following one."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from rag.datatypes import DEFAULT_COLLECTION, FileStatus, Source
from rag.sources import SourceEdit, SyncRequest, labels
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.sync_plan import ask_for_plan, start_sync


@dataclass(frozen=True, slots=True)
class _Followed:
    source: Source
    documents: int


def draw_folders(
    services: Services,
    words: Words,
    sources: Sequence[Source],
    files: Sequence[FileStatus],
    *,
    is_busy: bool,
) -> None:
    """Draw the list of folders, the form that adds one and the switch for keeping up."""
    followed = _followed(sources, files)
    for number, item in enumerate(followed):
        _draw_folder(services, words, item, number, is_busy=is_busy, is_last=len(followed) == 1)
    _draw_form(words, has_folders=bool(sources), is_busy=is_busy)
    if sources:
        st.toggle(
            words("auto_sync"),
            value=services.auto_sync.is_on,
            key="auto-sync",
            help=words("auto_sync_help"),
            on_change=_switch_auto_sync,
            args=(services,),
        )


def _switch_auto_sync(services: Services) -> None:
    services.auto_sync.switch(on=bool(st.session_state["auto-sync"]))


def _followed(sources: Sequence[Source], files: Sequence[FileStatus]) -> list[_Followed]:
    followed = []
    for label, source in zip(labels(sources), sources, strict=True):
        prefix = f"{label}/" if label else ""
        count = sum(1 for file in files if file.chunks and file.path.startswith(prefix))
        followed.append(_Followed(source, count))
    return followed


def _draw_folder(
    services: Services,
    words: Words,
    item: _Followed,
    number: int,
    *,
    is_busy: bool,
    is_last: bool,
) -> None:
    source = item.source
    facts = [words("folder_documents", count=f"{item.documents:,}")]
    facts.append(words("in_collection", name=source.collection))
    patterns = {"only": source.include, "without": source.exclude}
    facts += [
        words(f"patterns_{name}", patterns=_shortened(shown))
        for name, values in patterns.items()
        if (shown := _real(values))
    ]
    with st.container(horizontal=True, vertical_alignment="center", key=f"folder-row-{number}"):
        st.html(
            f'<div class="fk-folder">{html.escape(source.folder)}'
            f'<div class="fk-note">{html.escape(" · ".join(facts))}</div></div>'
        )
        if st.button(
            words("change"),
            key=f"change-{number}",
            type="tertiary",
            icon=":material/tune:",
            disabled=is_busy,
        ):
            st.dialog(words("change_folder"))(_draw_change)(services, words, item, is_last=is_last)


def _draw_change(services: Services, words: Words, item: _Followed, *, is_last: bool) -> None:
    source = item.source
    st.html(f'<div class="fk-source-head">{html.escape(source.folder)}</div>')
    keys = [f"{name}-{source.folder}" for name in ("collection", "include", "exclude")]
    st.text_input(words("collection"), source.collection, max_chars=100, key=keys[0])
    st.text_area(words("include"), "\n".join(_real(source.include)), height=80, key=keys[1])
    st.text_area(
        words("exclude_patterns"),
        "\n".join(_real(source.exclude)),
        height=80,
        key=keys[2],
        help=words("pattern_help"),
    )
    is_done = st.button(
        words("check"),
        key="check-change",
        type="primary",
        on_click=_ask_for_change,
        args=(source.folder, keys),
    )
    if not is_last:
        with st.expander(words("stop_following")):
            st.text(words("stop_following_confirm", count=item.documents))
            is_done |= st.button(
                words("stop_following"),
                key="stop-following",
                on_click=start_sync,
                args=(services, SyncRequest(drop=(Path(source.folder),))),
            )
    if is_done:
        st.rerun()  # closes the dialog


def _ask_for_change(folder: str, keys: Sequence[str]) -> None:
    collection, include, exclude = (str(st.session_state[key]) for key in keys)
    edit = SourceEdit(
        Path(folder),
        collection.strip() or DEFAULT_COLLECTION,
        _patterns(include, "\n"),  # a comma may be part of a document's name
        _patterns(exclude, "\n"),
    )
    ask_for_plan(SyncRequest(add=(edit,)))


def _draw_form(words: Words, *, has_folders: bool, is_busy: bool) -> None:
    version = st.session_state.get("folder_form", 0)  # a new key empties the fields
    with st.form(f"folder-form-{version}", border=False):
        columns = st.columns([3, 1], vertical_alignment="bottom")
        folder = columns[0].text_input(
            words("add_folder" if has_folders else "folder"),
            placeholder=words("folder_optional" if has_folders else "folder_placeholder"),
            help=words("folder_help"),
            disabled=is_busy,
        )
        is_submitted = columns[1].form_submit_button(
            words("check"), type="primary", disabled=is_busy, width="stretch"
        )
        with st.expander(words("folder_options")):
            collection = st.text_input(
                words("collection"),
                placeholder=DEFAULT_COLLECTION,
                help=words("collection_help"),
                max_chars=100,
            )
            include = st.text_input(
                words("include"), placeholder="*.pdf, *.docx", help=words("pattern_help")
            )
            exclude = st.text_input(
                words("exclude_patterns"), placeholder="drafts, *.tmp", help=words("pattern_help")
            )
    if not is_submitted:
        return
    if folder.strip():
        edit = SourceEdit(
            Path(folder.strip()),
            collection.strip() or None,
            _patterns(include, ",、") or None,
            _patterns(exclude, ",、") or None,
        )
        ask_for_plan(SyncRequest(add=(edit,)))
    elif has_folders:
        ask_for_plan(SyncRequest())
    else:
        st.info(words("folder_needed"), icon=":material/info:")


def _patterns(text: str, separators: str) -> tuple[str, ...]:
    parts = re.split(f"[{separators}]", text)
    return tuple(part.strip() for part in parts if part.strip())


def _real(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns without those that only say that there are none."""
    return tuple(pattern for pattern in patterns if pattern not in ("", "*"))


def _shortened(patterns: Sequence[str], count: int = 4) -> str:
    more = "…" if len(patterns) > count else ""
    return ", ".join([*patterns[:count], *([more] if more else [])])
