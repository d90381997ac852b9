import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import IndexDamagedError
from rag.language import query_weights, terms
from rag.lexical_index import K1, B, Bm25LexicalIndex
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

TEXTS = ["cat cat dog", "dog", "有給休暇は二十日です", "給料は月末です"]


def test_bm25_scores_are_those_of_the_formula() -> None:
    index = Bm25LexicalIndex.from_texts(["cat cat dog", "dog", "bird bird", "fish"])
    idf = np.log(1 + (4 - 1 + 0.5) / (1 + 0.5))  # one of four passages holds "cat"
    length_factor = K1 * (1 - B + B * 3 / 1.75)  # three terms; the mean of 3, 1, 2, 1 is 1.75
    expected = idf * 2 / (2 + length_factor)

    [(row, score)] = index.search("cat", k=5)

    assert row == 0
    assert score == pytest.approx(expected, rel=1e-4)


def test_what_the_terms_add_to_a_passage_sums_up_to_its_score() -> None:
    index = Bm25LexicalIndex.from_texts(TEXTS)
    question = "submarine cat 有給休暇"

    added = index.matches(question, [3, 0, 2, 0])

    named = dict(zip(query_weights(question), added.tolist(), strict=True))
    assert named["submarin"] == [0, 0, 0, 0]
    assert named["cat"][0] == named["cat"][2] == 0 < named["cat"][1] == named["cat"][3]
    scores = dict(index.search(question, 4))
    by_row = [scores.get(row, 0.0) for row in (3, 0, 2, 0)]
    assert added.sum(axis=0).tolist() == pytest.approx(by_row)
    assert index.matches("of the", [0, 1]).sum() == 0
    assert index.matches(question, []).shape == (len(query_weights(question)), 0)


def test_a_two_character_japanese_word_finds_its_passage_first() -> None:
    index = Bm25LexicalIndex.from_texts(TEXTS)

    assert index.search("有給", k=5)[0][0] == 2


def test_a_passage_that_shares_no_term_is_no_hit() -> None:
    index = Bm25LexicalIndex.from_texts(TEXTS)

    assert index.search("submarine", k=5) == []
    assert index.search("what is the", k=5) == []
    assert [row for row, _ in index.search("dog", k=5)] == [1, 0]


def test_a_corpus_without_words_is_searched_without_error(tmp_path: Path) -> None:
    index = Bm25LexicalIndex.from_texts(["...", "!!!"])
    index.save(tmp_path)

    assert Bm25LexicalIndex.load(tmp_path, 2).search("dog", k=5) == []


def test_a_saved_lexical_index_gives_the_same_scores(tmp_path: Path) -> None:
    index = Bm25LexicalIndex.from_texts(TEXTS)
    index.save(tmp_path)

    loaded = Bm25LexicalIndex.load(tmp_path, len(TEXTS))

    assert loaded.search("有給 dog", k=5) == index.search("有給 dog", k=5)
    assert loaded.term_weight("dog") == pytest.approx(np.log(1 + 2.5 / 2.5))
    assert loaded.term_weight("submarine") == pytest.approx(np.log(1 + 4.5 / 0.5))


WORDS = "cat dog bird fish 有給 休暇 給料 ２０日 Wi-Fi 東京 ﾃﾞｰﾀ RFC-7231".split()


def many_texts(count: int) -> list[str]:
    """Short texts of few words: enough for several batches, and full of ties."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, rng.integers(0, 4))) for _ in range(count)]


def ranking_by_formula(texts: list[str], query: str) -> list[tuple[int, float]]:
    counts = [Counter(terms(text)) for text in texts]
    mean_length = sum(c.total() for c in counts) / len(texts)
    frequency = Counter(term for c in counts for term in c)
    scores = [0.0] * len(texts)
    for term, weight in query_weights(query).items():
        n = frequency[term]
        idf = math.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
        for row, c in enumerate(counts):
            damping = K1 * (1 - B + B * c.total() / mean_length)
            scores[row] += weight * idf * c[term] / (c[term] + damping)
    ranked = sorted(range(len(texts)), key=lambda row: (-round(scores[row], 5), row))
    return [(row, scores[row]) for row in ranked if scores[row] > 0]


@pytest.mark.parametrize("query", ["cat", "有給休暇は20日", "wi-fi データ dog 東京"])
@pytest.mark.parametrize("k", [1, 10, 400, 20_000])
def test_the_best_of_several_batches_are_those_of_the_formula(query: str, k: int) -> None:
    texts = many_texts(9000)  # more than two batches

    found = Bm25LexicalIndex.from_texts(iter(texts)).search(query, k)

    expected = ranking_by_formula(texts, query)[:k]
    assert [row for row, _ in found] == [row for row, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-5)


def test_few_rows_and_many_rows_are_scored_alike() -> None:
    index = Bm25LexicalIndex.from_texts(many_texts(9000))
    everywhere = dict(index.search("有給 dog", 9000))

    for rows in ([5, 3, 4321, 8999, 3], list(range(0, 9000, 2))):
        found = index.search("有給 dog", 9000, rows)
        assert dict(found) == {row: everywhere[row] for row in set(rows) & everywhere.keys()}
        assert found == sorted(found, key=lambda item: (-item[1], item[0]))
        assert index.search("有給 dog", 2, rows) == found[:2]


def test_the_same_texts_give_the_same_files(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        Bm25LexicalIndex.from_texts(TEXTS).save(tmp_path / name)

    files = sorted(file.name for file in (tmp_path / "a" / "lexical").iterdir())
    assert len(files) == 5
    for file in files:
        one, other = (tmp_path / name / "lexical" / file for name in "ab")
        assert one.read_bytes() == other.read_bytes()


def _point_outside(folder: Path) -> None:
    rows = np.load(folder / "indices.csc.index.npy")
    rows[0] = len(TEXTS)
    np.save(folder / "indices.csc.index.npy", rows)


def _point_before(folder: Path) -> None:
    rows = np.load(folder / "indices.csc.index.npy")
    rows[0] = -1
    np.save(folder / "indices.csc.index.npy", rows)


def _drop_the_last(folder: Path) -> None:
    rows = np.load(folder / "indices.csc.index.npy")
    np.save(folder / "indices.csc.index.npy", rows[:-1])


def _number_a_term_too_high(folder: Path) -> None:
    (folder / "vocab.index.json").write_text('{"dog": 1000}')


def _keep_no_table(folder: Path) -> None:
    (folder / "vocab.index.json").write_text("[]")


@pytest.mark.parametrize(
    "harm", [_point_outside, _point_before, _drop_the_last, _number_a_term_too_high, _keep_no_table]
)
def test_a_lexical_index_that_points_outside_is_called_damaged(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    Bm25LexicalIndex.from_texts(TEXTS).save(tmp_path)
    assert Bm25LexicalIndex.load(tmp_path, len(TEXTS)).search("dog", 5)

    harm(tmp_path / "lexical")

    with pytest.raises(IndexDamagedError, match="Rebuild"):
        Bm25LexicalIndex.load(tmp_path, len(TEXTS))


def unit_rows(count: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def test_faiss_finds_what_brute_force_finds(tmp_path: Path) -> None:
    rows, query = unit_rows(200), unit_rows(1, seed=1)[0]
    FaissVectorIndex.from_vectors(rows).save(tmp_path)
    by_hand = sorted(enumerate(rows @ query), key=lambda item: -item[1])[:10]

    found = FaissVectorIndex.load(tmp_path).search(query, k=10)

    assert [row for row, _ in found] == [row for row, _ in by_hand]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in by_hand], rtol=1e-5)


def test_vectors_that_are_no_directions_are_refused() -> None:
    with pytest.raises(ValueError, match="length 1"):
        FaissVectorIndex.from_vectors(2 * unit_rows(3))


def test_a_file_that_is_no_index_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "vectors.faiss").write_bytes(b"not an index")

    with pytest.raises(IndexDamagedError, match="Rebuild"):
        FaissVectorIndex.load(tmp_path)


def test_both_legs_search_among_given_rows_alone() -> None:
    texts = ["paid leave", "有給休暇", "unpaid leave", "leave of absence"]
    embedder = HashingEmbedder()
    lexical = Bm25LexicalIndex.from_texts(texts)
    vectors = FaissVectorIndex.from_vectors(embedder.embed_passages(texts))
    query = embedder.embed_query("leave")

    assert {row for row, _ in lexical.search("leave", 9)} == {0, 2, 3}
    assert {row for row, _ in lexical.search("leave", 9, [1, 2])} == {2}
    assert lexical.search("leave", 9, []) == []
    assert {row for row, _ in vectors.search(query, 9)} == {0, 1, 2, 3}
    among = dict(vectors.search(query, 9, [1, 3]))
    assert set(among) == {1, 3}
    assert among.items() <= dict(vectors.search(query, 9)).items()
    assert vectors.search(query, 9, []) == []
