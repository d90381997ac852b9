"""Fusion of both search legs, worked out by hand on a few passages."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.datatypes import Chunk, Hit, Language, Span
from rag.evidence_score import best_sentence, phrase_shares, term_values
from rag.lexical_index import Bm25LexicalIndex
from rag.retrieve import (
    AROUND_WEIGHT,
    COSINE_WEIGHT,
    PHRASE_WEIGHT,
    SENTENCE_WEIGHT,
    TELLING_WEIGHT,
    Retriever,
)
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
WORDS_MOST = 1 + AROUND_WEIGHT + TELLING_WEIGHT + SENTENCE_WEIGHT + PHRASE_WEIGHT
MOST = WORDS_MOST + COSINE_WEIGHT


class Corpus:
    def __init__(self, texts: Sequence[str] = TEXTS, documents: Sequence[range] = ()) -> None:
        self._texts = texts
        self._documents = documents

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        return [Chunk("a.md", 0, len(self._texts[row]), self._texts[row]) for row in rows]

    def documents_of(self, rows: Sequence[int]) -> list[range]:
        each = self._documents or [range(row, row + 1) for row in rows]
        return [next(document for document in each if row in document) for row in rows]


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
    # Both words stand in its first sentence, in a row: every part but BM25 gives all it can.
    by_hand = first.lexical_score / most + (WORDS_MOST - 1) + COSINE_WEIGHT * 0.8
    assert first.score == pytest.approx(by_hand / MOST, rel=1e-5)


def test_a_passage_with_one_of_two_words_gets_its_share_of_every_part(
    retriever: Retriever,
) -> None:
    hits = {hit.chunk.text: hit for hit in retriever.retrieve("paid leave", "en", 9)}

    # One of five passages holds "paid", two hold "leave": idf ln 4 and ln 2.4. All five are
    # candidates, so that among them the words are as rare again. Its vector points away.
    paid, leave = math.log(4), math.log(2.4)
    share = leave / (paid + leave)
    said = hits[TEXTS[4]]
    assert said.lexical_score is not None
    by_hand = said.lexical_score / (paid + leave) + (AROUND_WEIGHT + SENTENCE_WEIGHT) * share
    by_hand += TELLING_WEIGHT * leave**2 / (paid**2 + leave**2)
    assert said.score == pytest.approx(by_hand / MOST, rel=1e-5)


CLUBS = (
    "The archery club was founded by nine students.",
    "Training takes place in the hall.",
    "Members elect a chair.",
    "The fee is twelve euro a year.",
    "The chess club was founded by two teachers.",
    "The fee is nine euro a year.",
)
DOCUMENTS = (range(4), range(4, 6))
JAPANESE_CLUBS = (
    "弓道部は九人の学生が始めた。", "稽古は体育館で行う。", "部員が部長を選ぶ。",
    "会費は年に千円である。", "囲碁部は二人の教員が始めた。", "会費は年に九百円である。",
)  # fmt: skip


def clubs(retriever: Retriever, texts: Sequence[str], documents: Sequence[range]) -> Retriever:
    return replace(
        retriever,
        corpus=Corpus(texts, documents),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(texts),
        embed_languages=(),
    )


@pytest.mark.parametrize(
    ("texts", "question", "wanted", "other"),
    [
        (CLUBS, "What fee does the archery club take?", 3, 5),
        (CLUBS, "What fee does the chess club take?", 5, 3),
        (JAPANESE_CLUBS, "弓道部の会費は？", 3, 5),
        (JAPANESE_CLUBS, "囲碁部の会費は？", 5, 3),
    ],
)
def test_a_passage_is_read_as_one_about_the_subject_of_its_document(
    retriever: Retriever, texts: Sequence[str], question: str, wanted: int, other: int
) -> None:
    def score(text: str, documents: Sequence[range]) -> float:
        hits = clubs(retriever, texts, documents).retrieve(question, "ja", 9)
        return next(hit.score for hit in hits if hit.chunk.text == text)

    assert score(texts[wanted], DOCUMENTS) > score(texts[other], DOCUMENTS) + 0.05
    # The control: alone, neither passage names a club, so that they are nearly as good.
    alone = score(texts[wanted], ()) - score(texts[other], ())
    assert abs(alone) < 0.02


def test_the_words_around_a_passage_are_those_of_its_own_document(retriever: Retriever) -> None:
    searched = clubs(retriever, CLUBS, DOCUMENTS)
    worths = {"chess": 1.0, "fee": 1.0}

    found = searched._words_in_context("chess fee", worths, [3, 5])

    # Row 3 stands next to the chess club as well, but in another document. Both hold "fee",
    # which does not tell them apart: ln(1 + 0.5 / 2.5) of that and ln(1 + 2.5 / 0.5) for "chess".
    chess, fee = searched.lexical.matches("chess fee", [3, 4, 5])
    apart = TELLING_WEIGHT * math.log(1.2) / (math.log(1.2) + math.log(6))
    assert found[3] == pytest.approx(fee[0] / 2 + AROUND_WEIGHT / 2 + apart)
    assert found[5] == pytest.approx((chess[1] + fee[2]) / 2 + AROUND_WEIGHT + apart)


def test_phrases_that_few_of_the_texts_hold_decide() -> None:
    texts = ("Known as the islands.", "The islands are far.", "On the islands.")

    shares = phrase_shares("the islands known as", texts)

    # "known as" stands in one of three, "the islands" in all.
    known, islands = math.log(1 + 2.5 / 1.5), math.log(1 + 0.5 / 3.5)
    nowhere = math.log(1 + 3.5 / 0.5)  # "islands known"
    total = known + islands + nowhere
    assert shares == pytest.approx([(known + islands) / total, islands / total, islands / total])
    assert phrase_shares("the islands", ()) == []


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


class FirstWord:
    """A span reader for which the first word of a passage answers everything."""

    languages: tuple[Language, ...] = ("en",)

    def __init__(self) -> None:
        self.read: list[str] = []
        self.headings: list[str] = []

    def spans(
        self, question: str, passages: Sequence[str], headings: Sequence[str] = ()
    ) -> list[tuple[Span, ...]]:
        self.read += passages
        self.headings += headings
        words = [passage.split()[0] for passage in passages]
        return [(Span(0, len(word), word, 1.0),) for word in words]


def test_hits_are_read_once_and_their_spans_lie_in_the_document(retriever: Retriever) -> None:
    reader = FirstWord()
    retriever = replace(retriever, span_reader=reader)
    known = Hit(1, Chunk("a.md", 0, 9, "Read once"), 0.9, spans=())
    later = Hit(2, Chunk("a.md", 40, 49, "Later one", heading="Times"), 0.8)

    first, second = retriever.read("what?", "en", [known, later])

    assert (first, reader.read, reader.headings) == (known, ["Later one"], ["Times"])
    assert second.spans == (Span(40, 45, "Later", 1.0),)


def test_a_language_that_the_reader_does_not_know_is_not_read(retriever: Retriever) -> None:
    hits = [Hit(1, Chunk("a.md", 0, 5, "十日です。"), 0.9)]

    assert replace(retriever, span_reader=FirstWord()).read("何日?", "ja", hits) == hits
    assert retriever.read("what?", "en", hits) == hits  # no reader at all
