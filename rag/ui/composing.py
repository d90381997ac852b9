"""Keeps the Enter that ends a conversion from sending: in Safari it comes as one of its own.

Japanese is typed as kana and converted; Enter confirms a conversion. Streamlit asks the event
whether a text is being composed, and Safari says no because it has just ended
(https://bugs.webkit.org/show_bug.cgi?id=165004). All browsers give that Enter the key code 229.
"""

import streamlit as st

_SCRIPT = """
<script>
if (!window.fumikuraGuardsEnter) {
  window.fumikuraGuardsEnter = true;
  document.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.keyCode === 229) event.stopPropagation();
  }, true);
}
</script>
"""


def guard_enter() -> None:
    """Stop that Enter before any field hears of it; the style sheet gives this no room."""
    with st.container(key="guard-enter"):
        st.html(_SCRIPT, unsafe_allow_javascript=True)
