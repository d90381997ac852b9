"""Two models answer the same prompt side by side; which is which is told after the vote."""

import html
from collections import Counter
from collections.abc import Sequence

import streamlit as st

from rag.comparison import INTERNAL_ERROR, ComparisonState, comparable_models, is_worded
from rag.comparison_store import Comparison, Vote
from rag.errors import RagError
from rag.store import StoredAnswer
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import answer_html, note_html, text_html
from rag.ui.services import Services
from rag.ui.strings import Words

_ANSWERS = 50  # the last ones can be asked again
_VOTED = 200  # comparisons that are counted and listed
_VOTES: tuple[tuple[Vote, str], ...] = (
    ("left", ":material/arrow_back:"),
    ("tie", ":material/drag_handle:"),
    ("right", ":material/arrow_forward:"),
)


def draw_compare(services: Services, words: Words) -> None:
    """Draw what waits for a vote, the form that begins a comparison, and the votes so far."""
    st.html(note_html(words("blind_intro")))
    comparisons = services.store.comparisons.latest(_VOTED)
    for comparison in comparisons:
        if comparison.vote is None:
            _draw_pair(services, words, comparison)
    state = services.comparer.state
    if state is not None and state.is_running:
        st.fragment(_draw_running, run_every="1s")(services, words)
    else:
        _draw_form(services, words, state)
    _draw_votes(words, [each for each in comparisons if each.vote is not None])


def _draw_running(services: Services, words: Words) -> None:
    state = services.comparer.state
    if state is None or not state.is_running:
        st.rerun()
    with st.container(border=True, key="comparing"):
        st.html(
            f'<div class="fk-card-title">{text_html(state.question)}</div>'
            f'<div class="fk-working">'
            f"{html.escape(words('blind_running', done=state.answered))}</div>"
        )


def _draw_form(services: Services, words: Words, state: ComparisonState | None) -> None:
    if state is not None and state.error:
        known = words("error_internal") if state.error == INTERNAL_ERROR else ""
        st.error(known or reason_words(words, state.error), icon=":material/info:")
    try:
        models = comparable_models(services.config)
    except RagError as error:
        st.error(reason_words(words, str(error)), icon=":material/info:")
        return
    answers = _askable(services.store.latest_answers(_ANSWERS))
    if len(models) < 2 or not answers:
        missing = "blind_no_answers" if len(models) > 1 else "blind_one_model"
        st.html(note_html(words(missing)))
        return
    with st.form("compare"):
        chosen = st.selectbox(
            words("blind_question"),
            range(len(answers)),
            format_func=lambda n: answers[n].question,
            key="compare-question",
        )
        left, right = st.columns(2)
        first = left.selectbox(words("blind_first"), models, index=0, key="compare-first")
        second = right.selectbox(words("blind_second"), models, index=1, key="compare-second")
        is_sent = st.form_submit_button(
            words("blind_start"), type="primary", icon=":material/compare_arrows:"
        )
    if is_sent:
        _start(services, words, answers[chosen], (first, second))


def _askable(answers: Sequence[StoredAnswer]) -> list[StoredAnswer]:
    """Return the answers that a model worded, each question once, the newest first."""
    kept: dict[str, StoredAnswer] = {}
    for stored in answers:
        if stored.answer is not None and is_worded(stored.answer.prompt, stored.answer.model_id):
            kept.setdefault(stored.question, stored)
    return list(kept.values())


def _start(services: Services, words: Words, stored: StoredAnswer, models: tuple[str, str]) -> None:
    assert stored.answer is not None
    assert stored.answer.prompt is not None  # `_askable` keeps no others
    try:
        services.comparer.start(stored.answer.prompt, models)
    except RagError as error:
        st.error(reason_words(words, str(error)), icon=":material/info:")
        return
    st.rerun()


def _draw_pair(services: Services, words: Words, comparison: Comparison) -> None:
    with st.container(border=True, key=f"comparison-{comparison.id}"):
        st.html(f'<div class="fk-card-title">{text_html(comparison.question)}</div>')
        sides = (("A", comparison.left_text), ("B", comparison.right_text))
        for column, (name, text) in zip(st.columns(2), sides, strict=True):
            with column, st.container(border=True, height="stretch"):
                st.html(
                    f'<div class="fk-side">{name}</div>{answer_html(text)}'
                    if text
                    else f'<div class="fk-side">{name}</div>{note_html(words("blind_silent"))}'
                )
        with st.expander(words("blind_prompt"), icon=":material/description:"):
            st.text(comparison.messages[-1].content)
        with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
            for vote, icon in _VOTES:
                st.button(
                    words(f"blind_{vote}"),
                    key=f"vote-{comparison.id}-{vote}",
                    icon=icon,
                    on_click=services.store.comparisons.vote,
                    args=(comparison.id, vote),
                )


def _draw_votes(words: Words, voted: Sequence[Comparison]) -> None:
    if not voted:
        return
    st.subheader(words("blind_votes"))
    wins = Counter(winner for each in voted if (winner := _winner(each)))
    losses = Counter(loser for each in voted if (loser := _loser(each)))
    ties = sum(1 for each in voted if each.vote == "tie")
    lines = [
        words("blind_wins", model=model, wins=wins[model], losses=losses[model])
        for model in sorted(wins | losses, key=lambda model: -wins[model])
    ]
    st.html(note_html(" · ".join([*lines, words("blind_ties", count=ties)])))
    st.dataframe(
        {
            words("pairs_question"): [each.question for each in voted],
            words("blind_better"): [_winner(each) or words("blind_tie") for each in voted],
            words("blind_chosen"): [_texts(each)[0] for each in voted],
            words("blind_other"): [_texts(each)[1] for each in voted],
        },
        hide_index=True,
        alt=words("blind_votes"),
        key="votes",
    )


def _winner(comparison: Comparison) -> str:
    sides = {"left": comparison.left_model, "right": comparison.right_model}
    return sides.get(comparison.vote or "", "")


def _loser(comparison: Comparison) -> str:
    sides = {"left": comparison.right_model, "right": comparison.left_model}
    return sides.get(comparison.vote or "", "")


def _texts(comparison: Comparison) -> tuple[str, str]:
    texts = (comparison.left_text, comparison.right_text)
    return texts if comparison.vote != "right" else (texts[1], texts[0])
