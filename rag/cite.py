"""Check an answer against its passages: what no passage supports is not shown.

A small model cites badly and invents freely, so its markers are taken as a hint only. Every
sentence must find a passage that holds what it adds to the question; the marker is then ours
and points at an exact sentence.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from rag.datatypes import Citation, Hit
from rag.evidence import EvidenceSentence, rank_sentences
from rag.language import content_terms, detect_language, numbers, sentence_spans

# [1], [1, 2], 【1】, ［１］, [1][2]; also "[passage 1]", which small models write.
_MARKER = re.compile(
    r"\s*[\[【［〔](?:passages?|文章)?\s*(\d{1,3}(?:\s*[,、，]\s*\d{1,3})*)\s*[\]】］〕]"
)

MIN_SUPPORT = 0.7  # share of a sentence's new terms that its passage must hold
# A supported sentence can still answer another question. It counts only when the passages,
# ranked against the question without the model, put its source among the first few.
WITNESSES = 3
_STUTTER = re.compile(r"(.{2,20}?)\1\1")  # a model going in circles


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """The supported part of a completion; ``text`` is "" when nothing was supported."""

    text: str
    citations: tuple[Citation, ...]
    dropped: tuple[str, ...]  # sentences that no passage supports


def check_answer(question: str, completion: str, hits: Sequence[Hit]) -> CheckedAnswer:
    """Return the sentences of ``completion`` that a passage supports, each with its citation.

    Args:
        question: as asked; words repeated from it prove nothing.
        completion: what the model wrote, with or without markers.
        hits: the passages of the prompt; ``hits[n - 1]`` was shown as ``[n]``.
    """
    citations: list[Citation] = []
    kept: list[str] = []
    dropped: list[str] = []
    for sentence, markers in _claims(completion):
        evidence = _support(question, sentence, markers, hits)
        if evidence is None:
            dropped.append(sentence)
            continue
        citation = _cite(evidence, hits, citations)
        separator = "" if sentence[-1] in "。！？」』" else " "
        kept.append(f"{sentence}{separator}[{citation.n}]")
    return CheckedAnswer("\n".join(kept), tuple(citations), tuple(dropped))


def quote_answer(question: str, hits: Sequence[Hit]) -> CheckedAnswer:
    """Return the sentence of ``hits`` that speaks best to the question, quoted and cited."""
    ranked = rank_sentences(question, hits)
    if not ranked:
        return CheckedAnswer("", (), ())
    citation = _cite(ranked[0], hits, [])
    text = " ".join(citation.quote.split())
    separator = "" if text[-1] in "。！？」』" else " "
    return CheckedAnswer(f"{text}{separator}[1]", (citation,), ())


def _claims(completion: str) -> list[tuple[str, list[int]]]:
    """Split a completion into sentences and the passage numbers that each one names.

    A marker after the full stop belongs to the sentence before it.
    """
    claims: list[tuple[str, list[int]]] = []
    for start, end in sentence_spans(completion):
        piece = completion[start:end]
        markers = [
            int(unicodedata.normalize("NFKC", number))
            for group in _MARKER.findall(piece)
            for number in re.split(r"\D+", group)
        ]
        sentence = _MARKER.sub("", piece).strip()
        if sentence and content_terms(sentence):
            claims.append((sentence, markers))
        elif claims:
            claims[-1][1].extend(markers)
    return list({sentence: (sentence, markers) for sentence, markers in claims}.values())


def _support(
    question: str, sentence: str, markers: Sequence[int], hits: Sequence[Hit]
) -> EvidenceSentence | None:
    """Return the passage sentence that backs ``sentence``, or None.

    Of several, one in a passage that the model named, then the one that shares most.
    """
    new_terms = content_terms(sentence) - content_terms(question)
    if not new_terms or _STUTTER.search(sentence):
        return None
    named = {n - 1 for n in markers}
    backing = [
        witness
        for witness in rank_sentences(question, hits)[:WITNESSES]
        if not numbers(sentence) - numbers(hits[witness.hit_index].chunk.text) - numbers(question)
        and _shares_words(sentence, new_terms, witness, is_named=witness.hit_index in named)
    ]
    return max(
        backing,
        key=lambda witness: (
            witness.hit_index in named,
            len(numbers(sentence) & numbers(witness.text)),
            len(new_terms & content_terms(witness.text)),
        ),
        default=None,
    )


def _shares_words(
    sentence: str, new_terms: set[str], witness: EvidenceSentence, *, is_named: bool
) -> bool:
    """Tell whether ``witness`` holds most of what ``sentence`` adds to the question."""
    if detect_language(sentence) != detect_language(witness.text):
        # Two languages share no words: only the model's own marker can vouch for it.
        return is_named
    return len(new_terms & content_terms(witness.text)) >= MIN_SUPPORT * len(new_terms)


def _cite(evidence: EvidenceSentence, hits: Sequence[Hit], citations: list[Citation]) -> Citation:
    """Return the citation of ``evidence``, numbered by first use and kept in ``citations``."""
    chunk = hits[evidence.hit_index].chunk
    for citation in citations:
        if (citation.path, citation.start, citation.end) == (
            chunk.path,
            evidence.start,
            evidence.end,
        ):
            return citation
    citation = Citation(
        len(citations) + 1, chunk.path, chunk.page, evidence.start, evidence.end, evidence.text
    )
    citations.append(citation)
    return citation
