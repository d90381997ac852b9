"""The one script of the pages, for screen readers, keyboards and people who wait.

Streamlit's frame says that every page is English, an answer that grows is not announced, a field
that is closed for a while loses the focus, and a click shows when the server has heard of it. See
`page_script.js`.
"""

from pathlib import Path

import streamlit as st

from rag.ui.strings import Words

_SCRIPT = Path(__file__).with_name("page_script.js").read_text(encoding="utf-8")


def draw_script(words: Words) -> None:
    """Send the script and the language of the page; both take no room."""
    language = f'document.documentElement.lang = "{words.language}";'
    with st.container(key="page-script"):
        # Nothing of a document or a person is in it.
        st.html(f"<script>{language}\n{_SCRIPT}</script>", unsafe_allow_javascript=True)
