"""How well a passage, or one sentence of it, speaks to a question. Pure, like `language`."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from rag.datatypes import Chunk, Evidence, Hit
from rag.language import content_terms, numbers, sentence_spans, terms

MAX_QUOTED = 3  # sentences
QUOTED_SHARE = 0.8  # of the best sentence's score

TermWeight = Callable[[str], float]
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
_PASSAGE_WEIGHT = 0.3  # a sentence of a passage that speaks to the whole question
_COSINE_WEIGHT = 0.7
_EMPTY_FACTOR = 0.3  # a heading, markup, a question or its echo answers nothing


def coverage(question: str, text: str, weight: TermWeight) -> float:
    """Return the weighted share of the question's content terms that ``text`` holds, 0 to 1.

    With inverse document frequencies as weights this asks: are the words that make this
    question special in here? A question without content terms is covered by nothing.
    """
    wanted = content_terms(question)
    found = wanted & set(terms(text))
    total = sum(weight(term) for term in wanted)
    return sum(weight(term) for term in found) / total if total > 0 else 0.0


def evidence_score(question: str, hits: Sequence[Hit], weight: TermWeight) -> float:
    """Return how likely ``hits`` hold the answer, about 0 to 1; higher is better.

    The mean of two witnesses: the best coverage of the question's rare terms by one passage,
    and the best cosine similarity. Without a vector leg the first one speaks alone.
    """
    best_coverage = max(
        (coverage(question, h.chunk.search_text, weight) for h in hits), default=0.0
    )
    cosines = [hit.vector_score for hit in hits if hit.vector_score is not None]
    return (best_coverage + max(cosines)) / 2 if cosines else best_coverage


def rank_sentences(
    question: str, hits: Sequence[Hit], similarity: Similarity | None = None
) -> list[Evidence]:
    """Return every sentence of ``hits``, the likeliest to hold the answer first.

    Terms are weighted by how few of these sentences hold them. Ties keep the order of the
    hits, so that retrieval decides what words cannot.

    Args:
        question: as asked.
        hits: best first.
        similarity: cosine similarities of the question to texts, in a language that the
            embedder knows; words decide alone without it.
    """
    wanted = content_terms(question)
    asks_for_number = bool(_ASKS_FOR_NUMBER.search(question))
    candidates = [
        (index, hit.chunk, span)
        for index, hit in enumerate(hits)
        for span in sentence_spans(hit.chunk.text)
    ]
    texts = [chunk.text[start:end] for _, chunk, (start, end) in candidates]
    term_sets = [set(terms(text)) for text in texts]
    weight = _rarity(term_sets)
    total = sum(weight(term) for term in wanted) or 1.0
    cosines = similarity(texts) if similarity and texts else [0.0] * len(texts)
    headings = [set(terms(hit.chunk.heading)) for hit in hits]
    asked_numbers = numbers(question)
    passages = [_PASSAGE_WEIGHT * coverage(question, h.chunk.search_text, weight) for h in hits]
    ranked = []
    for number, (index, chunk, (start, end)) in enumerate(candidates):
        found, text = term_sets[number], texts[number]
        follows = number > 0 and candidates[number - 1][0] == index
        around = headings[index] | (term_sets[number - 1] if follows else set())
        covered = sum(weight(term) for term in wanted & found)
        covered += _CONTEXT_WEIGHT * sum(weight(term) for term in wanted & around - found)
        score = covered / total + passages[index] + _COSINE_WEIGHT * max(cosines[number], 0.0)
        if asks_for_number and numbers(text) - asked_numbers:
            score += _NUMBER_BONUS
        if not content_terms(text) - wanted or text[-1] in "?？" or text.startswith(("#", "<")):
            score *= _EMPTY_FACTOR
        score *= 1.0 - 0.02 * index
        start, end = chunk.start + start, chunk.start + end
        ranked.append(Evidence(chunk.path, chunk.page, start, end, text, score))
    return sorted(ranked, key=lambda sentence: -sentence.score)


def quotable(evidence: Sequence[Evidence]) -> list[Evidence]:
    """Return the sentences to show when no answer could be worded: the best and its equals.

    One sentence holds the answer to two thirds of the sample questions, these to five sixths
    (docs/log.md); sentences far behind the best are left out, as they would only distract.
    """
    least = QUOTED_SHARE * evidence[0].score if evidence else 0.0
    distinct: dict[str, Evidence] = {}  # the same sentence may stand in two documents
    for sentence in evidence:
        if sentence.score >= least:
            distinct.setdefault(sentence.text, sentence)
    return list(distinct.values())[:MAX_QUOTED]


def stands_in(sentence: Evidence, chunk: Chunk) -> bool:
    """Tell whether ``sentence`` is a part of the passage ``chunk``."""
    is_inside = chunk.start <= sentence.start and sentence.end <= chunk.end
    return is_inside and sentence.path == chunk.path


def _rarity(term_sets: Iterable[set[str]]) -> TermWeight:
    sets = list(term_sets)
    frequency = Counter(term for terms in sets for term in terms)
    return lambda term: math.log(1 + (len(sets) + 1) / (frequency[term] + 0.5))
