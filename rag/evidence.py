"""Which sentences of the passages speak best to a question. Pure, like `language`."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby

from rag.datatypes import Chunk, Citation, Evidence, Hit
from rag.evidence_score import TermWeight, coverage
from rag.language import (
    content_terms,
    is_question,
    names_all,
    numbers,
    phrase_text,
    sentence_spans,
    terms,
)
from rag.table_rows import headers, is_row

MAX_QUOTED = 3  # sentences
QUOTED_SHARE = 0.8  # of the best sentence's score

Similarity = Callable[[Sequence[str]], Sequence[float]]

_ASKS_FOR_NUMBER = re.compile(
    r"\b(?:how (?:many|much|long|old|often|far|tall|big|late|early|soon)|when"
    r"|what (?:time|date|year|day|number|age|percentage)|which (?:year|date|day|number|extension)"
    r"|deadline|cost|price|fee)\b"
    r"|何[年月日時分円回人台個本名件歳度割階%％]|いつ|いくら|いくつ|どのくらい|どれくらい"
    r"|料金|費用|期限|締切|番号|内線|時間|日数|人数",
    re.IGNORECASE,
)
_NUMBER_BONUS = 0.3  # a sentence with a number answers "how many" more often than one without
_CONTEXT_WEIGHT = 0.5  # a term that only the headings or the sentence before hold
_ASKED_WEIGHT = 0.8  # or the question before it, as in a list of questions with their answers
_PASSAGE_WEIGHT = 0.3  # a sentence of a passage that speaks to the whole question
_COSINE_WEIGHT = 0.7
_SPAN_WEIGHT = 0.5  # a sentence that surely holds the answer, where passages were read
# A sentence that holds a whole question wants to be found by it: it tells a model what to answer
# more often than that it answers. Its words count, its spans do not. A few words that somebody
# searches for are no such question. In bytes: a Japanese character says as much as three letters.
_LEAST_ECHO = 40
_ENDS_OF_QUESTIONS = " ?.!。"
_LONGEST_HEADING = 80  # characters
_ENDS_OF_SENTENCES = ".。!！,、"
_EMPTY_FACTOR = 0.3  # a heading, markup, a question or its echo answers nothing


def rank_sentences(
    question: str, hits: Sequence[Hit], similarity: Similarity | None = None
) -> list[Evidence]:
    """Return the sentences of ``hits``, each once, the likeliest to hold the answer first.

    Terms are weighted by how few of these sentences hold them. Ties keep the order of the
    hits, so that retrieval decides what words cannot. Where a question names a form, a part or a
    standard, such as V-1, and a document does, too, others have no say: what they tell of another
    form looks like an answer.

    Args:
        question: as asked.
        hits: best first.
        similarity: cosine similarities of the question to texts, in a language that the
            embedder knows; words decide alone without it.
    """
    wanted = content_terms(question)
    asks_for_number = bool(_ASKS_FOR_NUMBER.search(question))
    hits = _naming(question, hits) or hits
    candidates = [
        (index, hit.chunk, span)
        for index, hit in enumerate(hits)
        for span in sentence_spans(hit.chunk.text)
    ]
    texts = [chunk.text[start:end] for _, chunk, (start, end) in candidates]
    header_of = _headers([index for index, _, _ in candidates], texts)
    header_rows = set(header_of.values())
    term_sets = [set(terms(text)) for text in texts]
    weight = _rarity(term_sets)
    total = sum(weight(term) for term in wanted) or 1.0
    cosines = similarity(texts) if similarity and texts else [0.0] * len(texts)
    headings = [set(terms(f"{hit.chunk.heading} {_own_heading(hit.chunk)}")) for hit in hits]
    asked_numbers = numbers(question)
    asked = phrase_text(question).rstrip(_ENDS_OF_QUESTIONS)
    odds = _span_odds(hits)
    passages = [_PASSAGE_WEIGHT * coverage(question, h.chunk.search_text, weight) for h in hits]
    ranked = []
    for number, (index, chunk, (start, end)) in enumerate(candidates):
        found, text = term_sets[number], texts[number]
        follows = number > 0 and candidates[number - 1][0] == index
        above = header_of.get(number, number - 1 if follows else None)
        around = headings[index] | (term_sets[above] if above is not None else set())
        is_reply = above is not None and is_question(texts[above])
        context_weight = _ASKED_WEIGHT if is_reply else _CONTEXT_WEIGHT
        covered = sum(weight(term) for term in wanted & found)
        covered += context_weight * sum(weight(term) for term in wanted & around - found)
        score = covered / total + passages[index] + _COSINE_WEIGHT * max(cosines[number], 0.0)
        if asks_for_number and numbers(text) - asked_numbers:
            score += _NUMBER_BONUS
        start, end = chunk.start + start, chunk.start + end
        spans = tuple(s for s in hits[index].spans or () if start <= s.start and s.end <= end)
        is_bare = not content_terms(text) - wanted or number in header_rows
        if is_bare or is_question(text) or text.startswith(("#", "<")):
            score *= _EMPTY_FACTOR
        score *= 1.0 - 0.02 * index
        if len(asked.encode()) >= _LEAST_ECHO and asked in phrase_text(text):
            spans = ()
        score += _SPAN_WEIGHT * sum(math.exp(span.log_odds) for span in spans) / odds
        ranked.append(Evidence(chunk.path, chunk.page, start, end, text, score, spans))
    return _without_repeats(sorted(ranked, key=lambda sentence: -sentence.score))


def _own_heading(chunk: Chunk) -> str:
    """Return the heading that a passage begins with; those above it are known to its chunk."""
    first, _, below = chunk.text.partition("\n")
    is_heading = below and len(first) <= _LONGEST_HEADING and not is_row(first)
    return first if is_heading and first[-1] not in _ENDS_OF_SENTENCES else ""


def _headers(passages: Sequence[int], texts: Sequence[str]) -> dict[int, int]:
    """Return the number of the header of each sentence that is a row under one.

    Args:
        passages: number of the passage of each sentence; those of one passage together.
        texts: the sentences.
    """
    found: dict[int, int] = {}
    for _, group in groupby(range(len(texts)), key=lambda number: passages[number]):
        numbers_of_passage = list(group)
        first = numbers_of_passage[0]
        within = headers([texts[number] for number in numbers_of_passage])
        found.update((first + row, first + header) for row, header in within.items())
    return found


def _span_odds(hits: Sequence[Hit]) -> float:
    """Return the odds of all spans of ``hits`` and of no answer, which are 1, together."""
    return 1.0 + sum(math.exp(span.log_odds) for hit in hits for span in hit.spans or ())


def _naming(question: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits of documents that name what the question names, as far as hits show them."""
    naming = {
        hit.chunk.path
        for hit in hits
        if names_all(question, f"{hit.chunk.path} {hit.chunk.search_text}")
    }
    return [hit for hit in hits if hit.chunk.path in naming]


def _without_repeats(ranked: Iterable[Evidence]) -> list[Evidence]:
    """Leave out a sentence whose text, or whose place in its document, came before.

    Neighbouring passages overlap, so that the same place stands in both, once perhaps cut.
    """
    kept: dict[str, Evidence] = {}
    for sentence in ranked:
        overlaps = any(
            other.path == sentence.path
            and other.start < sentence.end
            and sentence.start < other.end
            for other in kept.values()
        )
        if not overlaps:
            kept.setdefault(sentence.text, sentence)
    return list(kept.values())


def quotable(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences to show when no answer could be worded: the best and its equals.

    One sentence holds the answer to two thirds of the sample questions, these to five sixths
    (docs/log.md); sentences far behind the best are left out, as they would only distract.
    """
    least = QUOTED_SHARE * evidence[0].score if evidence else 0.0
    return [sentence for sentence in evidence if sentence.score >= least][:MAX_QUOTED]


def stands_in(sentence: Evidence | Citation, chunk: Chunk) -> bool:
    """Tell whether ``sentence``, or the one that is cited, is a part of the passage ``chunk``."""
    is_inside = chunk.start <= sentence.start and sentence.end <= chunk.end
    return is_inside and sentence.path == chunk.path


def _rarity(term_sets: Iterable[set[str]]) -> TermWeight:
    sets = list(term_sets)
    frequency = Counter(term for terms in sets for term in terms)
    return lambda term: math.log(1 + (len(sets) + 1) / (frequency[term] + 0.5))
