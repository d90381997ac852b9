"""From a wish to a sync: compare the folders with the index, show the counts, then start."""

import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from rag.datatypes import Progress, Source, SyncPlan
from rag.errors import RagError
from rag.sources import SyncRequest, apply_request
from rag.ui.reasons import reason_words
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.sync_job import plan_words

MAX_NAMES = 100  # of each kind
_SHOW_SECONDS = 0.2
_WISH, _PLANNED, _ERROR = "sync_wish", "sync_planned", "sync_error"


@dataclass(frozen=True, slots=True)
class _Planned:
    request: SyncRequest
    plan: SyncPlan
    index_id: str  # of the index that it was compared with


def ask_for_plan(request: SyncRequest) -> None:
    """Have the page compare the folders with the index when it is drawn next."""
    st.session_state[_WISH] = request
    st.session_state.pop(_PLANNED, None)


def start_sync(services: Services, request: SyncRequest) -> None:
    """Start a sync; the page that is drawn next shows it, or why there is none."""
    st.session_state.pop(_PLANNED, None)
    try:
        services.jobs.start_sync(request)
    except RagError as error:
        st.session_state[_ERROR] = str(error)


def draw_plan(
    services: Services,
    words: Words,
    index_id: str,
    sources: Sequence[Source],
    *,
    must_sync: bool,
) -> None:
    """Draw what the last wish comes to, if it is of this index: counts, names, and the choice.

    Args:
        services: what carries it out.
        words: the language.
        index_id: of the serving index; "" without one.
        sources: the folders that it follows.
        must_sync: offer the sync even when nothing has changed; the index is to be made anew.
    """
    if error := st.session_state.pop(_ERROR, ""):
        _draw_error(words, error)
    wish: SyncRequest | None = st.session_state.pop(_WISH, None)
    if wish is not None:
        planned = _compare(services, words, wish, index_id)
        if planned is None:
            return
        st.session_state[_PLANNED] = planned
    planned = st.session_state.get(_PLANNED)
    if planned is not None and planned.index_id == index_id:
        edits = apply_request(sources, planned.request) != tuple(sources)
        _draw_planned(services, words, planned, must_sync=must_sync or edits)


def _draw_error(words: Words, error: str) -> None:
    st.error(words("check_failed"), icon=":material/info:")
    st.text(reason_words(words, error))


def _compare(
    services: Services, words: Words, request: SyncRequest, index_id: str
) -> _Planned | None:
    place = st.empty()
    try:
        with st.spinner(words("checking")):
            plan = services.engine.plan_sync(request, _shower(words, place.caption))
    except RagError as error:
        _draw_error(words, str(error))
        return None
    finally:
        place.empty()
    return _Planned(request, plan, index_id)


def _shower(words: Words, show: Callable[[str], object]) -> Callable[[Progress], None]:
    """Return a function that shows progress, but not every file of ten thousand."""
    shown = 0.0

    def show_progress(progress: Progress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= _SHOW_SECONDS:
            shown = now
            show(words("progress", done=f"{progress.done:,}", total=f"{progress.total:,}"))

    return show_progress


def _draw_planned(services: Services, words: Words, planned: _Planned, *, must_sync: bool) -> None:
    plan = planned.plan
    is_needed = plan.has_changes or must_sync
    with st.container(border=True, key="plan"):
        title = words("plan_title" if is_needed else "plan_nothing")
        st.html(
            f'<div class="fk-card-title">{html.escape(title)}</div>'
            f'<div class="fk-plan">{html.escape(plan_words(words, plan))}</div>'
        )
        _draw_names(words, plan)
        with st.container(horizontal=True, gap="small"):
            if is_needed and st.button(words("sync_now"), key="sync-now", type="primary"):
                st.session_state["folder_form"] = st.session_state.get("folder_form", 0) + 1
                start_sync(services, planned.request)
                st.rerun()
            if st.button(words("dismiss" if is_needed else "close"), key="dismiss-plan"):
                st.session_state.pop(_PLANNED, None)
                st.rerun()


def _draw_names(words: Words, plan: SyncPlan) -> None:
    renamed = [f"{old} → {new}" for old, new in plan.renamed]
    kinds = [
        ("names_new", plan.new),
        ("names_changed", plan.changed),
        ("names_renamed", renamed),
        ("names_removed", plan.removed),
        ("names_retried", plan.retried),
    ]
    if not any(names for _, names in kinds):
        return
    with st.expander(words("show_names")):
        st.html("".join(_names_html(words, key, names) for key, names in kinds if names))


def _names_html(words: Words, key: str, names: Sequence[str]) -> str:
    items = "".join(f"<li>{html.escape(name)}</li>" for name in names[:MAX_NAMES])
    more = len(names) - MAX_NAMES
    rest = (
        f'<div class="fk-note">{words("names_more", count=f"{more:,}")}</div>' if more > 0 else ""
    )
    return f'<div class="fk-names"><strong>{words(key)}</strong><ul>{items}</ul>{rest}</div>'
