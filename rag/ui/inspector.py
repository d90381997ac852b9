"""The inspector below an answer: what was searched, found, shown and written, with all figures.

What the answer holds is shown as it is stored. The ranks in the search legs are counted in the
index that answered; in another one they would be those of another search.
"""

import html
from collections.abc import Mapping

import streamlit as st

from rag.datatypes import Answer, Hit
from rag.errors import RagError
from rag.inspection import DEPTH, Places, fate_of, places_of, question_of
from rag.retrieve import Retriever
from rag.store import StoredAnswer
from rag.ui.file_probe import draw_probe, place_in_leg
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import label_text, note_html
from rag.ui.services import Services
from rag.ui.sources import source_label
from rag.ui.strings import Words
from rag.ui.table_view import wide_table_html


def draw_inspector(services: Services, words: Words, stored: StoredAnswer, answer: Answer) -> None:
    """Draw the inspector, folded; what is in it costs nothing before it is opened."""
    box = st.expander(
        words("inspect"),
        icon=":material/troubleshoot:",
        key=f"inspect-{stored.id}",
        on_change="rerun",
    )
    if not box.open:
        return
    with box:
        _draw_facts(words, answer)
        retriever = _retriever(services, words, stored, answer)
        if answer.hits:
            top_k = services.config.top_k
            places = places_of(answer, retriever, top_k) if retriever else {}
            st.html(_table_html(words, answer, places))
            st.html(note_html(words("inspect_legend", depth=f"{DEPTH:,}")))
        _draw_prompt(words, answer)
        if retriever:
            draw_probe(services, words, stored, answer, retriever)


def _retriever(
    services: Services, words: Words, stored: StoredAnswer, answer: Answer
) -> Retriever | None:
    """Return what searches the index that answered, or say why there is none."""
    try:
        index_id, retriever = services.engine.searcher(stored.search_filter)
    except RagError as error:
        st.html(note_html(f"{words('inspect_unusable')} {reason_words(words, str(error))}"))
        return None
    if index_id != answer.index_id:
        st.html(note_html(words("inspect_other_index")))
        return None
    return retriever


def _draw_facts(words: Words, answer: Answer) -> None:
    searched = question_of(answer)
    is_rewritten = searched != answer.question
    facts = [
        ("inspect_question", answer.question),
        ("inspect_searched", searched if is_rewritten else words("inspect_as_asked")),
        ("inspect_evidence", _evidence(words, answer)),
        ("inspect_times", _times(words, answer)),
        ("inspect_tokens", _tokens(words, answer)),
        ("inspect_model", answer.model_id or words("inspect_no_model")),
        ("inspect_index", answer.index_id),
    ]
    if answer.prompt is not None:
        facts.append(("inspect_template", answer.prompt.template_hash))
    rows = "".join(
        f"<div><dt>{html.escape(words(name))}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in facts
    )
    st.html(f'<dl class="fk-inspect">{rows}</dl>')


def _evidence(words: Words, answer: Answer) -> str:
    if answer.evidence is None or answer.evidence_level is None:
        return "–"
    value = words("inspect_evidence_value", value=f"{answer.evidence:.2f}")
    return f"{words(f'evidence_{answer.evidence_level}')} · {value}"


def _times(words: Words, answer: Answer) -> str:
    timings = answer.timings
    parts = [words("timing_search", value=f"{timings.retrieve_ms:,.0f} ms")]
    if timings.first_token_ms is not None:
        parts.append(words("timing_first_token", value=f"{timings.first_token_ms:,.0f} ms"))
    parts.append(words("timing_total", value=f"{timings.total_ms:,.0f} ms"))
    return " · ".join(parts)


def _tokens(words: Words, answer: Answer) -> str:
    prompt, completion = answer.usage.prompt, answer.usage.completion
    budget = answer.prompt.budget_tokens if answer.prompt else 0
    if not budget:
        return words("inspect_tokens_value", prompt=prompt, completion=completion)
    return words("inspect_tokens_budget", prompt=prompt, budget=budget, completion=completion)


def _table_html(words: Words, answer: Answer, places: Mapping[int, Places]) -> str:
    has_reranker = any(hit.rerank_score is not None for hit in answer.hits)
    names = ["passage", "rank", "score", "lexical", "vector"]
    names += ["reranked"] if has_reranker else []
    heads = [words(f"inspect_{name}") for name in (*names, "fate")]
    rows = "".join(
        _row_html(words, heads, answer, hit, places, has_reranker) for hit in answer.hits
    )
    return wide_table_html(heads, rows)


def _row_html(
    words: Words,
    heads: list[str],
    answer: Answer,
    hit: Hit,
    places: Mapping[int, Places],
    has_reranker: bool,
) -> str:
    place = places.get(hit.rank, Places())
    label = source_label(words, hit.chunk.path, hit.chunk.page)
    cells = [
        str(hit.rank),
        f"{hit.score:.3f}",
        place_in_leg(words, place.lexical, hit.lexical_score, 2),
        place_in_leg(words, place.vector, hit.vector_score, 3),
    ]
    if has_reranker:
        cells.append("–" if hit.rerank_score is None else f"{hit.rerank_score:.3f}")
    cells.append(words(f"fate_{fate_of(hit, answer)}"))
    columns = "".join(
        f'<td data-column="{html.escape(head)}">{html.escape(cell)}</td>'
        for head, cell in zip(heads[1:], cells, strict=True)
    )
    return f'<tr><th scope="row">{html.escape(label)}</th>{columns}</tr>'


def _draw_prompt(words: Words, answer: Answer) -> None:
    if answer.prompt is None:
        reason = "inspect_stopped" if answer.is_stopped else "inspect_no_prompt"
        st.html(note_html(words(reason)))
        return
    st.caption(label_text(words("inspect_prompt")))
    for message in answer.prompt.messages:
        st.html(note_html(words(f"role_{message.role}")))
        st.code(message.content, language=None, wrap_lines=True)
    if answer.completion:
        st.caption(label_text(words("inspect_completion")))
        st.code(answer.completion, language=None, wrap_lines=True)
