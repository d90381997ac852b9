"""The table of examples: each is read, mended, accepted or rejected by a person.

Edits are kept in the session until they are saved, whatever else happens on the page: another
filter, another page, new feedback.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

import streamlit as st

from rag.errors import RagError
from rag.feedback import LIMITS, PAIR_STATES, AuthorCount, Pair, PairState, pair_line
from rag.feedback_store import EDITABLE
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_Edits = dict[int, dict[str, str]]  # id of a pair -> field -> new text
_WIDTHS = {"question": 190, "answer": 170, "quote": 190, "source": 120, "passage": 200}
_ORDER = ("state", "question", "answer", "quote", "hint", "source", "passage")
_DRAFTS = "pair-drafts"  # in the session: edits that were not saved yet
_BASE = "pair-base"  # the key of the table, and the edits that it was made with
_DISCARDED = "pair-discarded"  # how often edits were discarded; another number is another table
_TOLD = "pairs-told"  # what came of the last saving
_AUTHOR_SHARE = 0.05  # of what is accepted, from one person; training takes no more


def draw_pairs(services: Services, words: Words) -> None:
    """Draw the filter, what to do with the edits, and the table."""
    pairs = services.store.feedback.pairs()
    if not pairs:
        st.html(note_html(words("pairs_empty")))
        return
    st.html(note_html(words("pairs_intro")))
    _warn_of_authors(words, services.store.feedback.authors())
    state = _choose(words, pairs)
    actions = st.container(horizontal=True, gap="small", key="pair-actions")
    told = st.container()
    shown = [pair for pair in pairs if state in (None, pair.state)]
    drafts = _draw_table(words, shown, pairs)
    with actions:
        _draw_actions(services, words, drafts)
    with told:
        if message := st.session_state.pop(_TOLD, ""):
            st.success(message, icon=":material/check:")


def _choose(words: Words, pairs: Sequence[Pair]) -> PairState | None:
    counts = Counter(pair.state for pair in pairs)
    return st.pills(
        words("pairs_filter"),
        [state for state in PAIR_STATES if counts[state]],
        format_func=lambda state: f"{words(f'pair_{state}')} {counts[state]:,}",
        key="pairs-filter",
        label_visibility="collapsed",
    )


def _warn_of_authors(words: Words, authors: Sequence[AuthorCount]) -> None:
    accepted = sum(row.accepted for row in authors)
    for row in authors:
        if row.author and row.accepted > _AUTHOR_SHARE * accepted:
            st.html(
                note_html(
                    words(
                        "pairs_one_author",
                        author=row.author,
                        count=row.accepted,
                        total=accepted,
                        percent=round(100 * _AUTHOR_SHARE),
                    )
                )
            )


def _draw_table(words: Words, shown: Sequence[Pair], pairs: Sequence[Pair]) -> _Edits:
    """Return all edits that were not saved yet."""
    base, key = _base(shown, pairs)
    rows = [{**_texts(pair), **base.get(pair.id, {})} for pair in shown]
    table = {field: [row[field] for row in rows] for field in EDITABLE}
    table |= {"hint": [_remark(words, pair) for pair in shown]}
    st.data_editor(
        table,
        key=key,
        hide_index=True,
        column_order=_ORDER,
        disabled=["hint"],
        row_height=70,
        alt=words("pairs_alt"),
        column_config={
            "state": st.column_config.SelectboxColumn(
                words("pairs_state"),
                options=PAIR_STATES,
                format_func=lambda state: words(f"pair_{state}"),
                required=True,
                width=95,
            ),
            **{
                field: st.column_config.TextColumn(
                    words(f"pairs_{field}"), max_chars=LIMITS[field], width=width
                )
                for field, width in _WIDTHS.items()
            },
            "hint": st.column_config.TextColumn(words("pairs_remark"), width=140),
        },
    )
    edited = st.session_state[key]["edited_rows"] if key in st.session_state else {}
    drafts = _merged(base, {shown[int(row)].id: cells for row, cells in edited.items()}, pairs)
    st.session_state[_DRAFTS] = drafts
    return drafts


def _base(shown: Sequence[Pair], pairs: Sequence[Pair]) -> tuple[_Edits, str]:
    """Return the edits that the table begins with, and its key.

    The table knows its own edits by row number. Other rows, or the same rows with other texts,
    are another table, which begins with what was edited in the one before.
    """
    discarded = st.session_state.get(_DISCARDED, 0)
    content = repr((discarded, shown)).encode()
    key = f"pairs-{sha256(content).hexdigest()[:12]}"
    base: _Edits
    known, base = st.session_state.get(_BASE, ("", {}))
    if known != key or key not in st.session_state:  # the latter after a visit to another page
        base = _merged(st.session_state.get(_DRAFTS, {}), {}, pairs)
        st.session_state[_BASE] = (key, base)
    return base, key


def _merged(
    base: _Edits, edits: Mapping[int, Mapping[str, str | None]], pairs: Sequence[Pair]
) -> _Edits:
    """Return what differs from the stored pairs after both; a cell that was emptied is ""."""
    merged: _Edits = {}
    for pair in pairs:
        cells = {**base.get(pair.id, {}), **edits.get(pair.id, {})}
        stored = _texts(pair)
        changed = {name: cell or "" for name, cell in cells.items() if (cell or "") != stored[name]}
        if changed:
            merged[pair.id] = changed
    return merged


def _texts(pair: Pair) -> dict[str, str]:
    return {field: str(getattr(pair, field)) for field in EDITABLE}


def _remark(words: Words, pair: Pair) -> str:
    parts = [words(f"missing_{pair.missing}") if pair.missing else ""]
    parts.append("" if pair.answer else words("pairs_not_found"))
    if pair.triage not in ("", "answered_wrong"):
        parts.append(words(f"outcome_{pair.triage}"))
    parts.append(words("pairs_author", author=pair.author) if pair.author else "")
    return " · ".join(part for part in parts if part)


def _draw_actions(services: Services, words: Words, drafts: _Edits) -> None:
    if st.button(
        words("pairs_save", count=len(drafts)) if drafts else words("pairs_saved_all"),
        key="pairs-save",
        type="primary",
        icon=":material/save:",
        disabled=not drafts,
    ):
        _save(services, words, drafts)
    if drafts:
        st.button(words("pairs_discard"), key="pairs-discard", on_click=_discard)
    accepted = services.store.feedback.accepted()
    st.download_button(
        words("pairs_download", count=len(accepted)),
        "".join(map(pair_line, accepted)),
        file_name="fumikura-examples.jsonl",
        mime="application/jsonl",
        key="pairs-download",
        icon=":material/download:",
        disabled=not accepted,
        on_click="ignore",
    )


def _save(services: Services, words: Words, drafts: _Edits) -> None:
    try:
        saved = services.store.feedback.edit_pairs(drafts)
    except RagError as error:
        st.error(reason_words(words, str(error)))
        return
    st.session_state[_DRAFTS] = {}
    st.session_state[_TOLD] = words("pairs_saved", count=saved)
    st.rerun()


def _discard() -> None:
    st.session_state[_DRAFTS] = {}
    st.session_state[_DISCARDED] = st.session_state.get(_DISCARDED, 0) + 1
