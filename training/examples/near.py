"""Questions that ask the same in nearly the same words.

Jaccard similarity of their terms, found exactly by prefix filtering (Bayardo, Ma and Srikant,
WWW 2007): two sets that overlap enough share one of their rarest terms.
"""

from collections import Counter
from collections.abc import Sequence
from math import ceil

from rag.language import is_negated, numbers, terms

LEAST_SIMILARITY = 0.8
_MIN_TERMS = 3  # with fewer, one shared word is most of a question


class NearQuestions:
    """Questions to be looked up by another one."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._sets = [frozenset(terms(question)) for question in questions]
        self._details = [_details(question) for question in questions]
        self._frequency = Counter(term for found in self._sets for term in found)
        self._by_term: dict[str, list[int]] = {}
        for row, found in enumerate(self._sets):
            if len(found) < _MIN_TERMS:
                continue
            for term in self._prefix(found):
                self._by_term.setdefault(term, []).append(row)

    def near(self, question: str) -> list[int]:
        """Return the rows of questions that nearly equal ``question``, also equal ones.

        Other numbers, or a "not" in only one of them, make another question.
        """
        found, details = frozenset(terms(question)), _details(question)
        if len(found) < _MIN_TERMS:
            return []
        candidates = {row for term in self._prefix(found) for row in self._by_term.get(term, ())}
        return sorted(
            row
            for row in candidates
            if self._details[row] == details
            and similarity(found, self._sets[row]) >= LEAST_SIMILARITY
        )

    def _prefix(self, found: frozenset[str]) -> list[str]:
        length = len(found) - ceil(LEAST_SIMILARITY * len(found)) + 1
        return sorted(found, key=lambda term: (self._frequency[term], term))[:length]


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets, 0 to 1; 0 when their sizes rule out more."""
    if min(len(one), len(other)) < LEAST_SIMILARITY * max(len(one), len(other)):
        return 0.0
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def _details(question: str) -> tuple[frozenset[str], bool]:
    return frozenset(numbers(question)), is_negated(question)
