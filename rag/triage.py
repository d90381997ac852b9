"""Why an answer was wrong: was the right passage indexed, retrieved, in the prompt?

Most wrong answers are misses of the index or of the search, which no training mends. The right
passage is the one that a person names, else the one that holds the words of the correction.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rag.datatypes import EVERYWHERE, Answer, Chunk, Hit, SearchFilter
from rag.feedback import Judgement, Outcome, Triage
from rag.language import content_terms, detect_language, numbers, sentences, terms

HELD = 0.7  # share of the correction's words in a passage that is taken for the right one
ABSENT = 0.34  # share below which no passage is
FOUND_DEPTH = 20  # passages looked at for the words of a correction
RANK_DEPTH = 100  # passages looked at for the rank of the right one
_FEW_WORDS = 2  # so few stand in many passages: the right one must share words with the question
_SHARED = 0.3  # of the question's words
_QUERY_CHARS = 400
_COUNTED = re.compile(r"\d+\D")
_BARE = {"yes", "いい", "いえ"}  # terms of a bare yes or no, which stands nowhere
_NUMBER_WEIGHT = 2  # a number tells more of an answer than the words around it


class Search(Protocol):
    """The one thing a triage needs of the index."""

    def __call__(
        self, question: str, k: int, search_filter: SearchFilter = EVERYWHERE
    ) -> list[Hit]:
        """Return the ``k`` best passages within the limits of a filter."""
        ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The words by which a correction is recognized."""

    words: frozenset[str]  # that it adds to the question
    numbers: frozenset[str]
    counted: frozenset[str]  # those that a counter follows, with it: 10日
    question: frozenset[str]

    def share(self, text: str) -> float:
        """Return how much of the correction ``text`` holds, 0 to 1.

        A number counts with its counter: of 10日, one in 10人 is half a match at most.
        """
        said = set(terms(text))
        most = len(self.words) + _NUMBER_WEIGHT * len(self.numbers)
        held = self.numbers & numbers(text)
        found = len(self.words & said) + _NUMBER_WEIGHT * len(held)
        share = found / (most or 1)
        if held != self.numbers:
            return share / 2
        return share if self.counted <= said else min(share, 0.5)

    def is_in(self, text: str) -> bool:
        """Tell whether ``text`` can be taken for what the correction rests on."""
        if self.share(text) < HELD:
            return False
        is_telling = len(self.words | self.numbers) > _FEW_WORDS or not self.question
        shared = len(self.question & set(terms(text)))
        return is_telling or shared >= _SHARED * len(self.question)

    def closeness(self, text: str) -> tuple[float, int]:
        """Return what tells the right one of passages that both hold the correction."""
        return self.share(text), len(self.question & set(terms(text)))


def triage(
    answer: Answer,
    judgement: Judgement,
    search: Search,
    search_filter: SearchFilter = EVERYWHERE,
) -> Triage:
    """Return how far the passage with the right answer came when ``answer`` was made.

    Args:
        answer: with its provenance.
        judgement: what is wrong with it.
        search: in the index of today.
        search_filter: where the question was asked.

    Raises:
        RagError: the index cannot be searched.
    """
    if judgement.correction == "":
        # Nothing should have been found: there is no passage to look for.
        return Triage("answered_wrong" if answer.status == "answered" else "unknown")
    wanted = _wanted(answer.searched or answer.question, judgement.correction or "")
    chunk = judgement.passage
    if chunk is None:
        if not (wanted.words or wanted.numbers):
            return Triage("unknown")
        chunk, outcome = _find(answer, judgement.correction or "", wanted, search)
        if chunk is None:
            return Triage(outcome)
    quote = _quote(chunk, wanted)
    hit = next((hit for hit in answer.hits if _holds(hit.chunk, chunk.path, quote)), None)
    if hit is None:
        return _not_retrieved(answer, chunk, quote, search, search_filter)
    is_read = _squeezed(quote) in _squeezed(_shown(answer))
    return Triage("answered_wrong" if is_read else "not_in_prompt", hit.rank, chunk, quote)


def says_the_same(question: str, expected: str, text: str) -> bool:
    """Tell whether ``text`` holds what ``expected`` adds to the question, in whatever words.

    All of its numbers, and most of its other words. An answer that turns the meaning round with
    the same words, by a "not", is not told apart.
    """
    return _wanted(question, expected).share(text) >= HELD


def _wanted(question: str, correction: str) -> _Wanted:
    asked = content_terms(question)
    said = content_terms(correction) - _BARE
    counted = frozenset(filter(_COUNTED.fullmatch, terms(correction)))
    return _Wanted(
        words=frozenset(said - asked or said),
        numbers=frozenset(numbers(correction)),
        counted=counted,
        # 歳 of 何歳 stands wherever 65歳 does.
        question=frozenset(asked - {number[-1] for number in counted}),
    )


def _find(
    answer: Answer, correction: str, wanted: _Wanted, search: Search
) -> tuple[Chunk | None, Outcome]:
    """Return the passage that holds the correction best, or why there is none."""
    question = answer.searched or answer.question
    hits = list(answer.hits)
    for query in (correction, f"{question} {correction}"):
        hits += search(query[:_QUERY_CHARS], FOUND_DEPTH)
    chunks = [hit.chunk for hit in hits]
    best = max(chunks, key=lambda chunk: wanted.closeness(chunk.search_text), default=None)
    share = wanted.share(best.search_text) if best else 0.0
    if best is not None and wanted.is_in(best.search_text):
        return best, "unknown"
    # A document in another language may say the same with none of these words.
    is_comparable = _is_in_language_of(correction, chunks)
    return None, "not_indexed" if share < ABSENT and is_comparable else "unknown"


def _is_in_language_of(correction: str, chunks: Sequence[Chunk]) -> bool:
    language = detect_language(correction)
    return not chunks or any(detect_language(chunk.text) == language for chunk in chunks)


def _quote(chunk: Chunk, wanted: _Wanted) -> str:
    """Return the sentence of ``chunk`` that holds the answer."""
    return max(sentences(chunk.text), key=wanted.closeness, default=chunk.text)


def _not_retrieved(
    answer: Answer, chunk: Chunk, quote: str, search: Search, search_filter: SearchFilter
) -> Triage:
    question = (answer.searched or answer.question)[:_QUERY_CHARS]
    ranked = search(question, RANK_DEPTH, search_filter)
    rank = next((hit.rank for hit in ranked if _holds(hit.chunk, chunk.path, quote)), None)
    if rank is None:  # too far behind, outside the limits, or no longer in the index
        by_words = search(quote[:_QUERY_CHARS], FOUND_DEPTH)
        if not any(_holds(hit.chunk, chunk.path, quote) for hit in by_words):
            return Triage("not_indexed", None, chunk, quote)
    return Triage("not_retrieved", rank, chunk, quote)


def _holds(chunk: Chunk, path: str, quote: str) -> bool:
    return chunk.path == path and _squeezed(quote) in _squeezed(chunk.text)


def _shown(answer: Answer) -> str:
    """Return the words that the model was shown, which may be fewer than its passages."""
    return answer.prompt.messages[-1].content if answer.prompt and answer.prompt.messages else ""


def _squeezed(text: str) -> str:
    return "".join(text.split())
