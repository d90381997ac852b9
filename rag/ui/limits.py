"""What a question is limited to: the choice beside the input, and its words beside an answer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import streamlit as st

from rag.datatypes import EVERYWHERE, FileStatus, IndexStatus, SearchFilter
from rag.filters import exact_pattern, pattern_label, type_of
from rag.store import StoredAnswer
from rag.ui.safe_markdown import label_text, note_html
from rag.ui.strings import Words

MAX_CHOICES = 1000  # a browser draws no more at once; a pattern reaches the others
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


def draw_limits(
    words: Words, last: StoredAnswer | None, status: IndexStatus | None
) -> SearchFilter:
    """Return the limits for the next question, at first those of the last answer."""
    if status is None:
        return EVERYWHERE
    before = last.search_filter if last else EVERYWHERE
    # Each answer may have changed the limits that are remembered, in another tab as well.
    key = str(last.id if last else 0)
    choices = _choices(status)
    remembered = limit_words(words, before)  # they hold on, so they are told while it is folded
    label = words("searched_limits", limits=remembered) if remembered else words("limits")
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        collection = _draw_collections(words, before.collection, status, key)
        icon = ":material/filter_list:"
        with st.expander(label_text(label), icon=icon, key=f"limits-{key}"):
            paths = _draw_paths(words, before.paths, choices.paths, key)
            types = _draw_types(words, before.types, choices.types, key)
            since, until = _draw_days(words, before, status, key)
    return SearchFilter(collection, paths, types, since, until)


def limit_words(words: Words, search_filter: SearchFilter) -> str:
    """Return the limits for reading, "" when there are none but the collection."""
    parts = []
    if search_filter.paths:
        names = words("comma").join(pattern_label(pattern) for pattern in search_filter.paths)
        parts.append(words("limited_paths", names=names))
    if search_filter.types:
        names = words("comma").join(search_filter.types)
        parts.append(words("limited_types", names=names))
    if search_filter.since:
        parts.append(words("limited_since", day=search_filter.since))
    if search_filter.until:
        parts.append(words("limited_until", day=search_filter.until))
    return " · ".join(parts)


def path_choices(documents: Sequence[FileStatus]) -> dict[str, str]:
    """Return pattern -> label of folders and containers, then of documents, each by path."""
    paths = {document.path for document in documents}
    folders = {path[: slash.start()] for path in paths for slash in re.finditer("(?<=[^/])/", path)}
    labels = {path: f"{path}/" for path in sorted(folders - paths)}
    labels |= {path: path for path in sorted(paths)}
    return {exact_pattern(path): label for path, label in list(labels.items())[:MAX_CHOICES]}


@dataclass(frozen=True, slots=True)
class _Choices:
    """What can be chosen among the documents of an index."""

    status: IndexStatus  # held, so that nothing else can get its identity, which is the key
    paths: dict[str, str]
    types: list[str]


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs={IndexStatus: id})
def _choices(status: IndexStatus) -> _Choices:
    """Return the choices, made once for each index: ten thousand paths take their time."""
    documents = [file for file in status.files if file.chunks]
    types = {type_of(document.path) for document in documents} - {""}
    return _Choices(status, path_choices(documents), sorted(types))


def _draw_collections(words: Words, before: str, status: IndexStatus, key: str) -> str:
    """Return the collection to ask, "" for all. Nothing is drawn while there is no choice."""
    names = sorted({source.collection for source in status.sources})
    if len(names) < 2:
        return ""
    options = ["", *names]
    chosen = st.selectbox(
        words("collection"),
        options,
        index=options.index(before) if before in options else 0,
        format_func=lambda name: name or words("all_collections"),
        key=f"collection-{key}",
        label_visibility="collapsed",
        width=260,
    )
    return chosen or ""


def _draw_paths(
    words: Words, before: Sequence[str], labels: Mapping[str, str], key: str
) -> tuple[str, ...]:
    chosen = st.multiselect(
        words("limit_paths"),
        # One that was typed is an option of its own from then on.
        [*labels, *(pattern for pattern in before if pattern not in labels)],
        default=list(before),
        format_func=lambda pattern: labels.get(pattern) or pattern_label(pattern),
        key=f"limit-paths-{key}",
        help=words("limit_paths_help"),
        placeholder=words("limit_any"),
        accept_new_options=True,
        select_all=False,
    )
    return tuple(str(pattern) for pattern in chosen)


def _draw_types(
    words: Words, before: Sequence[str], types: Sequence[str], key: str
) -> tuple[str, ...]:
    chosen = st.multiselect(
        words("limit_types"),
        types,
        default=[name for name in before if name in types],
        key=f"limit-types-{key}",
        placeholder=words("limit_any"),
        select_all=False,
    )
    return tuple(chosen)


def _draw_days(
    words: Words, before: SearchFilter, status: IndexStatus, key: str
) -> tuple[date | None, date | None]:
    if not status.knows_dates:
        st.html(note_html(words("limit_no_dates")))
        return None, None
    days = []
    with st.container(horizontal=True, gap="small"):
        for name, value in (("since", before.since), ("until", before.until)):
            day = st.date_input(
                words(f"limit_{name}"),
                value=value,
                min_value=_FIRST_DAY,
                max_value=_LAST_DAY,
                format="YYYY-MM-DD",
                key=f"limit-{name}-{key}",
            )
            days.append(day if isinstance(day, date) else None)
    return days[0], days[1]
