"""Check an answer against its passages: what no passage supports is not shown.

A small model cites badly and invents freely, so its markers are taken as a hint only. Every
sentence must find a passage that holds what it adds to the question; the marker is then ours
and points at an exact sentence.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer_type import fits
from rag.datatypes import Citation, Evidence, Hit, Prompt
from rag.evidence import MAX_QUOTED, quotable, stands_in
from rag.language import (
    content_terms,
    detect_language,
    is_negated,
    is_question,
    numbers,
    sentence_spans,
    sentences,
    terms,
)
from rag.table_rows import is_row, named_cells

# [1], [1, 2], 【1】, ［１］, [1][2]; also "[passage 1]", which small models write.
_MARKER = re.compile(
    r"\s*[\[【［〔](?:passages?|文章)?\s*(\d{1,3}(?:\s*[,、，]\s*\d{1,3})*)\s*[\]】］〕]"
)

MIN_SUPPORT = 0.7  # share of a sentence's new terms that its evidence must hold
_LIST_MARKER = re.compile(r"^(?:[-*+•・]|\d{1,3}[.)])\s+(?=\S)")  # of the document's own list
MAX_BARE_TERMS = 3  # a bare amount or name can answer from a sentence with "not" in it
# Of the best sentence's score, for one that a model points at: docs/log.md has what they bring.
_POINTED_FIRST = 0.7
_POINTED_AT_ALL = 0.5
_TO_FIT = 4  # of the best sentences; one far behind is no answer for its kind alone
_OFFERS_CHOICE = re.compile(r"\bor\b|どちら|それとも|どっち", re.IGNORECASE)
_STUTTER = re.compile(r"(.{2,20}?)\1\1")  # a model going in circles


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """The supported part of a completion; ``text`` is "" when nothing was supported."""

    text: str
    citations: tuple[Citation, ...]
    dropped: tuple[str, ...] = ()  # sentences that no evidence supports


def check_answer(prompt: Prompt, completion: str) -> CheckedAnswer:
    """Return the sentences of ``completion`` that the evidence supports, each with its citation.

    A true sentence can still answer another question. It counts only when its support is
    among ``prompt.evidence``, which was ranked against the question without the model. A
    model that had to be shown single sentences is believed only on the best one: where it rests
    on another, quotes are right more often (docs/log.md). Nor is it on a row of a table, whose
    columns it does not see: the row is quoted, and a person picks the cell. A day is no answer to
    "at what time", whatever supports it (`rag.answer_type`).

    Args:
        prompt: what the model was asked; its passage ``[n]`` is ``prompt.hits[n - 1]``.
        completion: what the model wrote, with or without markers.
    """
    citations: list[Citation] = []
    kept: list[str] = []
    dropped: list[str] = []
    believed = prompt.evidence
    if prompt.shown_sentences:
        believed = tuple(best for best in prompt.evidence[:1] if not is_row(best.text))
    if not fits(prompt.question, completion):
        believed = ()
    for sentence, markers in _claims(completion):
        evidence = _support(prompt, sentence, markers, believed)
        if evidence is None:
            dropped.append(sentence)
        else:
            kept.append(_marked(sentence, _cite(evidence, citations)))
    return CheckedAnswer("\n".join(kept), tuple(citations), tuple(dropped))


def pointed_at(prompt: Prompt, completion: str) -> list[Evidence]:
    """Return the sentences that a model was shown and that back what it wrote, in its order."""
    shown = prompt.evidence[: prompt.shown_sentences]
    found = (_support(prompt, *claim, shown) for claim in _claims(completion))
    return [sentence for sentence in found if sentence is not None]


def quotable_evidence(prompt: Prompt) -> list[Evidence]:
    """Return the sentences that may be quoted, best first: headings and questions answer nobody.

    Where some of the best can be of the kind that is asked for, no other is.
    """
    headings = {title for hit in prompt.hits for title in hit.chunk.heading.split(" > ")}
    told = [
        one
        for one in prompt.evidence
        if one.text.lstrip("# ") not in headings and not is_question(one.text)
    ]
    fitting = [one for one in told[:_TO_FIT] if fits(prompt.question, one.text)]
    return fitting or told


def quote_answer(
    evidence: Sequence[Evidence], pointed: Sequence[Evidence] = (), hits: Sequence[Hit] = ()
) -> CheckedAnswer:
    """Return sentences, quoted and cited, a line each; nothing when there are none.

    Args:
        evidence: best first; the best and its equals are quoted.
        pointed: among them, where a model found its answer. Those as good as the best come
            before it, those far behind are left out.
        hits: the passages that they stand in: the row of a table is told with the names of its
            columns, and cited as it stands.
    """
    citations: list[Citation] = []
    best = quotable(evidence)
    top = best[0].score if best else 0.0
    first = [one for one in pointed if one.score >= _POINTED_FIRST * top]
    then = [one for one in pointed if one.score >= _POINTED_AT_ALL * top]
    quoted = list(dict.fromkeys([*first, *best[:1], *then, *best]))[:MAX_QUOTED]
    lines = [_marked(_told(sentence, hits), _cite(sentence, citations)) for sentence in quoted]
    return CheckedAnswer("\n".join(lines), tuple(citations))


def _told(sentence: Evidence, hits: Sequence[Hit]) -> str:
    """Return the words of a quoted sentence, on one line."""
    for chunk in (hit.chunk for hit in hits if stands_in(sentence, hit.chunk)):
        told = sentences(chunk.text)
        if named := named_cells(sentence.text, told, chunk.heading, is_cut=chunk.start > 0):
            return named
    return _LIST_MARKER.sub("", " ".join(sentence.text.split()))


def _marked(sentence: str, citation: Citation) -> str:
    separator = "" if sentence[-1] in "。！？」』" else " "
    return f"{sentence}{separator}[{citation.n}]"


def _claims(completion: str) -> list[tuple[str, list[int]]]:
    """Split a completion into sentences and the passage numbers that each one names.

    A marker after the full stop belongs to the sentence before it; a sentence said twice
    counts once.
    """
    claims: dict[str, list[int]] = {}
    sentence = ""
    for start, end in sentence_spans(completion):
        bare, markers = read_markers(completion[start:end])
        if content_terms(bare):
            sentence = bare
        if sentence:
            claims.setdefault(sentence, []).extend(markers)
    return list(claims.items())


def read_markers(text: str) -> tuple[str, list[int]]:
    """Return ``text`` without its markers, and the passage numbers that they name, in order."""
    groups = " ".join(_MARKER.findall(unicodedata.normalize("NFKC", text)))
    return _MARKER.sub("", text).strip(), [int(number) for number in re.findall(r"\d+", groups)]


def _support(
    prompt: Prompt, sentence: str, markers: Sequence[int], among: Sequence[Evidence]
) -> Evidence | None:
    """Return which of ``among`` backs ``sentence``, or None.

    Of several, one in a passage that the model named, then the one that shares most.
    """
    said = content_terms(sentence)
    new_terms = said - content_terms(prompt.question)
    if markers and _OFFERS_CHOICE.search(prompt.question):
        new_terms = said  # "Which is older, A or B?" is answered in words of the question
    if not new_terms or _STUTTER.search(sentence):
        return None
    named = [prompt.hits[n - 1].chunk for n in markers if 1 <= n <= len(prompt.hits)]

    def is_named(evidence: Evidence) -> bool:
        return any(stands_in(evidence, chunk) for chunk in named)

    backing = [
        evidence
        for evidence in among
        if not numbers(sentence) - numbers(evidence.text) - numbers(prompt.question)
        and _shares_words(sentence, new_terms, evidence, is_named=is_named(evidence))
    ]
    return max(
        backing,
        key=lambda evidence: (is_named(evidence), len(new_terms & set(terms(evidence.text)))),
        default=None,
    )


def _shares_words(
    sentence: str, new_terms: set[str], evidence: Evidence, *, is_named: bool
) -> bool:
    """Tell whether ``evidence`` holds most of what ``sentence`` adds to the question."""
    if detect_language(sentence) != detect_language(evidence.text):
        # Two languages share no words: only the model's own marker can vouch for it.
        return is_named
    # "not" is no term, so a sentence could turn its evidence round and still share its words.
    denies, is_denied = is_negated(sentence), is_negated(evidence.text)
    if denies != is_denied and (denies or len(new_terms) > MAX_BARE_TERMS):
        return False
    return len(new_terms & set(terms(evidence.text))) >= MIN_SUPPORT * len(new_terms)


def _cite(evidence: Evidence, citations: list[Citation]) -> Citation:
    """Return the citation of ``evidence``, numbered by first use and kept in ``citations``."""
    place = (evidence.path, evidence.start, evidence.end)
    for citation in citations:
        if (citation.path, citation.start, citation.end) == place:
            return citation
    citation = Citation(
        len(citations) + 1,
        evidence.path,
        evidence.page,
        evidence.start,
        evidence.end,
        evidence.text,
    )
    citations.append(citation)
    return citation
