"""What a span reader makes of the sentences of a prompt, for the search of an answer. Pure."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from rag.datatypes import Prompt, Span
from rag.evidence import stands_in

_PROPOSED = 2
_FARTHEST = 3.0  # log-odds behind the likeliest span; others are not proposed
_AGREEMENT_WEIGHT = 3.0  # nats; fitted on held-out questions, docs/log.md
_LEAST = 0.02  # so sure of the rest is no reader
_MARKER = re.compile(r"\s*\[\d{1,3}\]\s*$")
_WORD = re.compile(r"[0-9a-z\u00c0-\u024f]+|\w")  # characters of scripts without spaces


def proposed_answers(prompt: Prompt) -> list[str]:
    """Return the likeliest spans as a tuned model would write them, each with its passage."""
    ranked = sorted(_shown(prompt), key=lambda one: -one[1].log_odds)
    texts: dict[tuple[str, ...], str] = {}
    for number, span in ranked:
        if span.log_odds >= ranked[0][1].log_odds - _FARTHEST:
            texts.setdefault(tuple(_words(span.text)), f"{span.text} [{number}]")
    return list(texts.values())[:_PROPOSED]


def support(prompt: Prompt, answer: str) -> float:
    """Return what ``answer`` is worth beside its likelihood, in nats; 0 where nothing was read."""
    spans = [span for _, span in _shown(prompt)]
    if not spans:
        return 0.0
    return _AGREEMENT_WEIGHT * math.log(max(expected_f1(spans, answer), _LEAST))


def expected_f1(spans: list[Span], answer: str) -> float:
    """Return the F1 of ``answer`` against each of ``spans``, weighed by how likely that is, 0 to 1.

    Words count in scripts with spaces between them, characters in others.
    """
    highest = max(span.log_odds for span in spans)
    weights = [math.exp(span.log_odds - highest) for span in spans]
    words = Counter(_words(_MARKER.sub("", answer)))
    f1 = (_f1(words, Counter(_words(span.text))) for span in spans)
    return sum(w * f for w, f in zip(weights, f1, strict=True)) / sum(weights)


def _shown(prompt: Prompt) -> Iterator[tuple[int, Span]]:
    """Yield the spans of the sentences that the prompt shows, with the number of their passage."""
    for sentence in prompt.evidence[: prompt.shown_sentences]:
        holding = (n for n, hit in enumerate(prompt.hits, 1) if stands_in(sentence, hit.chunk))
        number = next(holding, None)
        if number is not None:  # the budget may have left the passage out
            yield from ((number, span) for span in sentence.spans)


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _f1(one: Counter[str], other: Counter[str]) -> float:
    shared = (one & other).total()
    return 2 * shared / (one.total() + other.total()) if shared else 0.0
