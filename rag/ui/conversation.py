"""Which conversation a tab shows. The address names it, so that a reload finds it again."""

import streamlit as st

from rag.store import Store

_PARAMETER = "c"


def current_conversation(store: Store) -> str | None:
    """Return the id of the conversation to show; None for a new one."""
    named = st.query_params.get(_PARAMETER)
    # Streamlit drops the parameters when the page changes, so their absence means nothing;
    # but an id that this tab did not write itself was entered, or is the browser's "back".
    if named and named != st.session_state.get("conversation_in_address"):
        st.session_state["conversation"] = named if store.conversation_exists(named) else None
        st.session_state["conversation_in_address"] = named
    current: str | None = st.session_state.get("conversation")
    if current is not None and not store.conversation_exists(current):
        current = st.session_state["conversation"] = None  # deleted in another tab
    return current


def open_conversation(conversation_id: str | None) -> None:
    """Make a conversation the current one; None begins a new one with the next question."""
    st.session_state["conversation"] = conversation_id


def write_address(conversation_id: str | None) -> None:
    """Name the shown conversation in the address bar."""
    if conversation_id is not None:
        st.query_params[_PARAMETER] = conversation_id
    elif _PARAMETER in st.query_params:
        del st.query_params[_PARAMETER]
    st.session_state["conversation_in_address"] = conversation_id
