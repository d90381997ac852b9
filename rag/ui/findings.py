"""Findings of the doctor on a page: what, its state, and how to mend it with a command to copy."""

import html
from collections.abc import Sequence

import streamlit as st

from rag.config import Config
from rag.doctor import Finding, missing_models
from rag.ui.reasons import finding_words
from rag.ui.strings import Words

_COMMANDS = ("python ", "pip ", "make ")
_LOOKS = {"missing": "block", "unsafe": "block", "slow": "warn", "ok": "ok"}  # style of a level
_KEPT_SECONDS = 20


def draw_findings(words: Words, findings: Sequence[Finding]) -> None:
    """Draw findings one below the other."""
    for finding in findings:
        look = _LOOKS.get(finding.level, "")
        subject = words.known(f"subject_{finding.subject}", finding.subject)
        state = words(f"level_{finding.level}")
        is_command = finding.remedy.startswith(_COMMANDS)
        advice = "" if is_command else finding_words(words, finding.remedy)
        shown = f"<div>{html.escape(words('health_mend'))} {html.escape(advice)}</div>"
        st.html(
            f'<div class="fk-finding fk-{look}">'
            f"<strong>{html.escape(subject)}</strong> · {html.escape(state)}"
            f"<div>{html.escape(finding_words(words, finding.text))}</div>"
            f"{shown if advice else ''}</div>"
        )
        if is_command:
            st.code(finding.remedy, language=None, wrap_lines=True)


def absent_models(config: Config) -> list[Finding]:
    """Return the findings of models that are not on this machine, looked at every few seconds."""
    return _absent_models(config, f"{config.models_dir.absolute()} {config}")


# The settings themselves are no key that Streamlit can make; their text is.
@st.cache_data(ttl=_KEPT_SECONDS, show_spinner=False)
def _absent_models(_config: Config, key: str) -> list[Finding]:
    return missing_models(_config)
