"""How probably passages hold the answer to a question, and how much of it a text says. Pure."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.datatypes import Hit
from rag.language import content_terms, phrase_text, phrases, query_weights, sentences, terms

TermWeight = Callable[[str], float]


def coverage(question: str, text: str, weight: TermWeight) -> float:
    """Return the weighted share of the question's content terms that ``text`` holds, 0 to 1.

    With inverse document frequencies as weights this asks: are the words that make this
    question special in here? A question without content terms is covered by nothing.
    """
    wanted = content_terms(question)
    found = wanted & set(terms(text))
    total = sum(weight(term) for term in wanted)
    return sum(weight(term) for term in found) / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Calibration:
    """Weights of a logistic regression over what retrieval knows of a question."""

    coverage: float
    sentence: float
    lead: float
    score: float
    constant: float


# Fitted on training questions with and without their passage in the index; the command and the
# figures are in docs/log.md. Without vectors, words bear all of it.
_WITH_VECTORS = _Calibration(-0.36, 0.90, 11.1, 6.50, -4.86)
_WORDS_ALONE = _Calibration(4.36, 1.92, 10.1, -1.04, -5.45)
_READ_HITS = 5


@dataclass(frozen=True, slots=True)
class _Reading:
    """Weights of a logistic regression over that logit and what a span reader finds."""

    retrieval: float
    span: float  # of the log-odds of the likeliest span
    constant: float


# Fitted on held-out training questions, half with an answer, near misses among them: these hold
# more words of the question than what answers people who ask in their own. docs/log.md.
_READ_WITH_VECTORS = _Reading(0.10, 0.40, 0.05)
_READ_WORDS_ALONE = _Reading(0.40, 0.35, -0.06)


def evidence_features(
    question: str, hits: Sequence[Hit], weight: TermWeight
) -> tuple[float, float, float, float]:
    """Return what speaks for an answer being in ``hits``: coverage, sentence, lead, score.

    The share of the question's rare terms in one passage and in one sentence, how far the best
    hit is ahead of the next four, and its score; each about 0 to 1.
    """
    read = hits[:_READ_HITS]
    if not read:
        return 0.0, 0.0, 0.0, 0.0
    scores = sorted((hit.score for hit in hits), reverse=True)
    rest = scores[1:_READ_HITS]
    lead = scores[0] - sum(rest) / len(rest) if rest else scores[0]
    passage = max(coverage(question, hit.chunk.search_text, weight) for hit in read)
    values = term_values(question, weight)
    sentence = max(best_sentence(values, hit.chunk.text) for hit in read)
    return passage, sentence, lead, scores[0]


def evidence_score(question: str, hits: Sequence[Hit], weight: TermWeight) -> float:
    """Return how probably ``hits`` hold the answer, if half of all questions have one.

    A calibrated probability, not a promise. Where no span reader read the hits it rests on words
    and on cosines, and a passage about the same thing that does not say what was asked looks the
    same to both.
    """
    if not hits:
        return 0.0
    logit = retrieval_logit(question, hits, weight)
    spans = [span.log_odds for hit in hits for span in hit.spans or ()]
    if spans:
        read = _READ_WITH_VECTORS if _has_vectors(hits) else _READ_WORDS_ALONE
        logit = read.constant + read.retrieval * logit + read.span * max(spans)
    return 1 / (1 + math.exp(-logit))


def retrieval_logit(question: str, hits: Sequence[Hit], weight: TermWeight) -> float:
    """Return the log-odds of an answer in ``hits``, one or more, by words and cosines alone."""
    fitted = _WITH_VECTORS if _has_vectors(hits) else _WORDS_ALONE
    passage, sentence, lead, score = evidence_features(question, hits, weight)
    logit = fitted.constant + fitted.coverage * passage + fitted.sentence * sentence
    return logit + fitted.lead * lead + fitted.score * score


def _has_vectors(hits: Sequence[Hit]) -> bool:
    return any(hit.vector_score is not None for hit in hits)


def term_worths(question: str, weight: TermWeight) -> dict[str, float]:
    """Return the most that a match on each term of ``question`` can score in BM25."""
    return {term: times * weight(term) for term, times in query_weights(question).items()}


def term_values(question: str, weight: TermWeight) -> dict[str, float]:
    """Return what a match on each term of ``question`` is worth; all together 1."""
    return shares_of(term_worths(question, weight))


def shares_of(worths: Mapping[str, float]) -> dict[str, float]:
    """Return ``worths`` as shares of their sum."""
    total = sum(worths.values()) or 1.0
    return {term: worth / total for term, worth in worths.items()}


def best_sentence(values: Mapping[str, float], text: str) -> float:
    """Return the largest share of a question that one sentence of ``text`` holds, 0 to 1.

    An answer stands in a sentence: one with all terms tells more than the same terms apart.
    """
    found = (set(terms(sentence)) for sentence in sentences(text))
    shares = (sum(worth for term, worth in values.items() if term in each) for each in found)
    return max(shares, default=0.0)


def phrase_shares(question: str, texts: Sequence[str]) -> list[float]:
    """Return the share of the question's phrases that each text holds, 0 to 1.

    Phrases are weighted by how few of ``texts`` hold them: what all of them say tells nothing.
    """
    wanted, searched = phrases(question), [phrase_text(text) for text in texts]
    held = [{phrase for phrase in wanted if phrase in text} for text in searched]
    counts = Counter(phrase for found in held for phrase in found)
    worth = {p: math.log(1 + (len(texts) - counts[p] + 0.5) / (counts[p] + 0.5)) for p in wanted}
    total = sum(worth.values()) or 1.0
    return [sum(worth[phrase] for phrase in found) / total for found in held]
