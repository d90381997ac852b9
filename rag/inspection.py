"""How an answer came about: where passages stood in both search legs, and what became of them.

Hits hold their scores. The ranks in the legs are not stored: they are counted anew, in the index
that answered and in no other.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag.datatypes import Answer, Chunk, Hit
from rag.evidence import stands_in
from rag.retrieve import POOL, Retriever

DEPTH = 1000  # places of a leg that are counted

# What became of a passage that was found.
Fate = Literal[
    "cited",
    "shown",  # to the model, and the answer does not rest on it
    "over_budget",  # the prompt had no room for it
    "no_sentence",  # none of its sentences was among the best, which alone are shown
    "not_read",  # farther behind than the model reads
    "not_asked",  # the model was not asked
    "not_shown",  # and an older version did not keep why
]
# Why a file was not found, beside the fates of its best passage.
Outcome = Literal[
    Fate,
    "not_indexed",
    "outside_limits",
    "shares_nothing",  # no word of the question, and the embedder does not know the language
    "behind_in_legs",  # too far behind in both legs to be looked at
    "repeated",  # the same words stand in another passage, which was looked at instead
    "low_score",  # below the setting min_score_percent
    "outranked",
]
_Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """Where a passage stands in each leg, 1-based; None beyond `DEPTH`, or where it is not."""

    lexical: int | None = None
    vector: int | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of the best passage of a file for a question."""

    outcome: Outcome
    chunk: Chunk | None = None
    places: Places = Places()
    lexical_score: float | None = None
    vector_score: float | None = None
    rank: int | None = None  # of the fused list; None when it was not in it
    score: float | None = None  # there
    looked_at: int = 0  # passages in that list


def question_of(answer: Answer) -> str:
    """Return the question as it was searched."""
    return answer.searched or answer.question


def fate_of(hit: Hit, answer: Answer) -> Fate:
    """Return what became of one of the hits of ``answer``."""
    prompt, chunk = answer.prompt, hit.chunk
    if any(_begins_in(chunk, c.path, c.start) for c in answer.citations):
        return "cited"
    if prompt is None:
        return "not_asked"
    if any(_overlaps(chunk, shown.chunk) for shown in prompt.hits if _is_shown(chunk, answer)):
        return "shown"
    if not prompt.passages_read:
        return "not_shown"
    if hit.rank > prompt.passages_read:
        return "not_read"
    return "over_budget" if _is_shown(chunk, answer) else "no_sentence"


def places_of(answer: Answer, retriever: Retriever, top_k: int) -> dict[int, Places]:
    """Return rank of a hit -> where it stands in each leg. Arguments as of `probe`."""
    lexical, vector = _ranks(answer, retriever)
    pool = max(POOL, 2 * top_k)  # every hit is among the first of one leg
    rows = sorted({row for leg in (lexical, vector) for row, rank in leg.items() if rank <= pool})
    by_key = dict(zip(map(_key, retriever.corpus.chunks(rows)), rows, strict=True))
    return {
        hit.rank: Places(lexical.get(row), vector.get(row))
        for hit in answer.hits
        if (row := by_key.get(_key(hit.chunk))) is not None
    }


def probe(answer: Answer, path: str, retriever: Retriever, top_k: int) -> Probe:
    """Return how far the best passage of a file came for the question, and why no farther.

    Args:
        answer: of the index that ``retriever`` searches.
        path: of the file.
        retriever: within the limits of the question.
        top_k: as the settings say.
    """
    rows = retriever.corpus.rows_of(path)
    if not rows:
        return Probe("not_indexed")
    if retriever.rows is not None:
        allowed = set(retriever.rows)
        rows = [row for row in rows if row in allowed]
        if not rows:
            return Probe("outside_limits")
    question, language = question_of(answer), answer.language
    whole_pool = 2 * max(POOL, 2 * top_k)  # what both legs can find together
    anyhow = replace(retriever, min_score=0.0)
    looked_at = anyhow.candidates(question, language, top_k, whole_pool)
    own = next((hit for hit in looked_at if hit.chunk.path == path), None)
    best = own or next(
        iter(replace(anyhow, rows=rows, reranker=None).retrieve(question, language, 1)), None
    )
    if best is None:
        return Probe("shares_nothing", looked_at=len(looked_at))
    return Probe(
        outcome=_outcome(best, own, looked_at, answer, retriever.min_score),
        chunk=best.chunk,
        places=_places_in_file(best.chunk, rows, answer, retriever),
        lexical_score=best.lexical_score,
        vector_score=best.vector_score,
        rank=own.rank if own else None,
        score=own.score if own else None,
        looked_at=len(looked_at),
    )


def _outcome(
    best: Hit, own: Hit | None, looked_at: Sequence[Hit], answer: Answer, min_score: float
) -> Outcome:
    if own is None:
        is_repeated = any(hit.chunk.text == best.chunk.text for hit in looked_at)
        return "repeated" if is_repeated else "behind_in_legs"
    found = next((hit for hit in answer.hits if _key(hit.chunk) == _key(own.chunk)), None)
    if found is not None:
        return fate_of(found, answer)
    return "low_score" if own.score < min_score else "outranked"


def _places_in_file(
    chunk: Chunk, rows: Sequence[int], answer: Answer, retriever: Retriever
) -> Places:
    # Reading all passages of a long document would take seconds; they begin in their order.
    corpus = retriever.corpus
    row = rows[bisect_left(rows, chunk.start, key=lambda row: corpus.chunks([row])[0].start)]
    lexical, vector = _ranks(answer, retriever)
    return Places(lexical.get(row), vector.get(row))


def _ranks(answer: Answer, retriever: Retriever) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Return row -> rank in each leg, as far as `DEPTH`; none in a leg that was not searched."""
    question = question_of(answer)
    lexical = retriever.lexical.search(question, DEPTH, retriever.rows)
    vector: list[tuple[int, float]] = []
    if answer.language in retriever.embed_languages:
        query = retriever.embedder.embed_query(question)
        vector = retriever.vectors.search(query, DEPTH, retriever.rows)
    return _numbered(lexical), _numbered(vector)


def _numbered(ranked: Sequence[tuple[int, float]]) -> dict[int, int]:
    return {row: rank for rank, (row, _) in enumerate(ranked, start=1)}


def _is_shown(chunk: Chunk, answer: Answer) -> bool:
    """Tell whether a sentence of the passage is among those shown, or all sentences are."""
    prompt = answer.prompt
    if prompt is None or not prompt.shown_sentences:
        return prompt is not None
    return any(stands_in(sentence, chunk) for sentence in prompt.evidence[: prompt.shown_sentences])


def _begins_in(chunk: Chunk, path: str, start: int) -> bool:
    return chunk.path == path and chunk.start <= start < chunk.end


def _overlaps(one: Chunk, other: Chunk) -> bool:
    return one.path == other.path and one.start < other.end and other.start < one.end


def _key(chunk: Chunk) -> _Key:
    return chunk.path, chunk.start, chunk.end
