"""Fusion of both search legs, worked out by hand on a few passages."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.datatypes import Chunk, Language
from rag.evidence import best_sentence, term_values
from rag.lexical_index import Bm25LexicalIndex
from rag.retrieve import COSINE_WEIGHT, SENTENCE_WEIGHT, Retriever
from rag.vector_index import FaissVectorIndex

TEXTS = (
    "Paid leave lasts ten days. Ask the office.",
    "The office closes at six.",
    "Vacation needs a form.",
    "有給休暇は十日です。事務所で申請します。",
    "Leave by the rear door.",
)
# The first number is what a question about leave looks for, as far as this embedder knows.
COSINES = (0.8, 0.0, 0.6, 0.0, -0.6)
MOST = 1 + SENTENCE_WEIGHT + COSINE_WEIGHT


class Corpus:
    def __init__(self, texts: Sequence[str] = TEXTS) -> None:
        self._texts = texts

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        return [Chunk("a.md", 0, len(self._texts[row]), self._texts[row]) for row in rows]


class Embedder:
    fingerprint, dimension, max_tokens = "fake", 2, 64
    languages: tuple[Language, ...] = ("en",)

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return np.array([1.0, 0.0], dtype=np.float32)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError("nothing is embedded to answer a question but the question")


@pytest.fixture
def retriever() -> Retriever:
    vectors = np.array([(c, math.sqrt(1 - c * c)) for c in COSINES], dtype=np.float32)
    return Retriever(
        corpus=Corpus(),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(TEXTS),
        vectors=FaissVectorIndex.from_vectors(vectors),
        embedder=Embedder(),
        embed_languages=("en",),
    )


def rows(retriever: Retriever, question: str, language: str = "en", k: int = 9) -> list[int]:
    hits = retriever.retrieve(question, language, k)  # type: ignore[arg-type] # a literal
    return [TEXTS.index(hit.chunk.text) for hit in hits]


def test_the_score_is_the_weighted_sum_of_what_each_leg_could_give_at_most(
    retriever: Retriever,
) -> None:
    # Every word stands in two of five passages, so that all weigh the same; "paid" in one.
    hits = retriever.retrieve("paid leave", "en", 9)

    lexical = retriever.lexical
    most = lexical.term_weight("paid") + lexical.term_weight("leav")
    first = hits[0]
    assert first.chunk.text == TEXTS[0]
    assert first.lexical_score is not None
    by_hand = first.lexical_score / most + COSINE_WEIGHT * 0.8 + SENTENCE_WEIGHT * 1.0
    assert first.score == pytest.approx(by_hand / MOST, rel=1e-5)


def test_a_passage_that_only_one_leg_finds_still_gets_the_score_of_the_other(
    retriever: Retriever,
) -> None:
    hits = {hit.chunk.text: hit for hit in retriever.retrieve("paid leave", "en", 9)}

    meant, said = hits[TEXTS[2]], hits[TEXTS[4]]
    assert meant.lexical_score is None
    assert meant.vector_score == pytest.approx(0.6)
    assert said.lexical_score is not None
    assert said.vector_score == pytest.approx(-0.6)
    assert meant.score == pytest.approx(COSINE_WEIGHT * 0.6 / MOST, rel=1e-5)


def test_meaning_without_words_beats_a_word_that_means_something_else(
    retriever: Retriever,
) -> None:
    assert rows(retriever, "leave allowance")[:2] == [0, 2]  # not 4, which leaves by a door


def test_one_sentence_with_all_terms_beats_the_same_terms_apart() -> None:
    texts = ("The fee is due. Students pay.", "Students pay the fee. It is due.")
    apart, together = texts
    values = term_values("students fee", Bm25LexicalIndex.from_texts(texts).term_weight)

    assert values == pytest.approx({"student": 0.5, "fee": 0.5})
    assert best_sentence(values, together) == pytest.approx(1.0)
    assert best_sentence(values, apart) == pytest.approx(0.5)
    assert best_sentence(values, "") == best_sentence({}, together) == 0.0


def test_a_language_that_the_embedder_does_not_know_is_searched_by_words_alone(
    retriever: Retriever,
) -> None:
    hits = retriever.retrieve("有給休暇", "ja", 9)

    assert [hit.chunk.text for hit in hits] == [TEXTS[3]]
    assert hits[0].vector_score is None
    assert 0 < hits[0].score <= 1
    assert rows(retriever, "休暇", "ja") == [3]


def test_scores_fall_and_lie_between_0_and_1(retriever: Retriever) -> None:
    for question in ("paid leave", "office", "door 休暇", "nothing of the kind", "?"):
        scores = [hit.score for hit in retriever.retrieve(question, "en", 9)]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


def test_k_counts_texts_that_differ(retriever: Retriever) -> None:
    many = ["Leave form."] * 60 + ["Leave by the door.", "Leave the keys."]
    retriever = replace(
        retriever,
        corpus=Corpus(many),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(many),
    )

    hits = retriever.retrieve("leave", "ja", 40)

    assert sorted(hit.chunk.text for hit in hits) == sorted(set(many))


class BackwardReranker:
    """Likes the last passage best, and knows no Japanese."""

    languages: tuple[Language, ...] = ("en",)

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        return np.linspace(0.5, 1, len(passages), dtype=np.float32)


def test_the_reranker_orders_the_best_hits_and_leaves_the_rest_behind_them(
    retriever: Retriever,
) -> None:
    before = rows(retriever, "paid leave")
    reranked = replace(retriever, reranker=BackwardReranker(), rerank_pool=2)
    hits = reranked.retrieve("paid leave", "en", 9)

    after = [TEXTS.index(hit.chunk.text) for hit in hits]
    assert after == [before[1], before[0], *before[2:]]
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.rerank_score for hit in hits[:3]] == [1.0, 0.5, None]
    assert rows(reranked, "休暇", "ja") == rows(retriever, "休暇", "ja")


def test_hits_below_the_floor_are_no_hits(retriever: Retriever) -> None:
    scores = [hit.score for hit in retriever.retrieve("paid leave", "en", 9)]
    floor = (scores[1] + scores[2]) / 2

    kept = replace(retriever, min_score=floor).retrieve("paid leave", "en", 9)

    assert [hit.score for hit in kept] == scores[:2]
