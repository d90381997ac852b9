import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import IndexDamagedError
from rag.vector_index import EXACT_UP_TO, LEAST_RECALL, FaissVectorIndex

COUNT = 4000
DIMENSIONS = {"exact": 64, "shortlist": 64, "bytes": 62}  # 62 is not divisible by 4


def unit_rows(count: int, dimension: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.fixture(scope="module", params=DIMENSIONS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows(kind: str) -> NDArray[np.float32]:
    rows = unit_rows(COUNT, DIMENSIONS[kind])
    rows[7] = rows[3]  # a passage that occurs twice
    return rows


@pytest.fixture(scope="module")
def queries(kind: str) -> NDArray[np.float32]:
    return unit_rows(50, DIMENSIONS[kind], seed=1)


@pytest.fixture(scope="module")
def folder(kind: str, rows: NDArray[np.float32], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(kind)
    made(kind, rows).save(folder)
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> FaissVectorIndex:
    return FaissVectorIndex.load(folder)


def made(kind: str, rows: NDArray[np.float32]) -> FaissVectorIndex:
    return FaissVectorIndex.from_vectors(rows, COUNT if kind == "exact" else COUNT - 1)


def brute_force(rows: NDArray[np.float32], query: NDArray[np.float32], k: int) -> list[int]:
    cosines = rows @ query
    return sorted(range(len(rows)), key=lambda row: (-cosines[row], row))[:k]


# Every case below holds for every kind.


def test_size_and_dimension_decide_on_the_kind(index: FaissVectorIndex, kind: str) -> None:
    assert index.description.kind == kind
    assert (len(index), index.dimension) == (COUNT, DIMENSIONS[kind])


def test_nearly_all_of_the_true_neighbours_are_found(
    index: FaissVectorIndex, rows: NDArray[np.float32], queries: NDArray[np.float32]
) -> None:
    recalls = []
    for query in queries:
        found = index.search(query, 10)
        recalls.append(len({row for row, _ in found} & set(brute_force(rows, query, 10))) / 10)
        cosines = [cosine for _, cosine in found]
        assert cosines == sorted(cosines, reverse=True)
        np.testing.assert_allclose(cosines, [rows[row] @ query for row, _ in found], atol=0.01)
    assert np.mean(recalls) >= (1 if index.description.kind == "exact" else 0.96)
    assert index.description.recall_at_10 >= LEAST_RECALL


@pytest.mark.parametrize("share", [1, 40, 1333])
def test_a_filter_is_searched_as_if_there_were_no_other_rows(
    index: FaissVectorIndex, queries: NDArray[np.float32], share: int
) -> None:
    among = list(range(5, COUNT, share))
    kept = index.vectors(among)
    for query in queries[:10]:
        expected = [among[i] for i in brute_force(kept, query, 10)]
        found = index.search(query, 10, among)
        assert [row for row, _ in found] == expected
        np.testing.assert_allclose(
            [cosine for _, cosine in found], index.vectors(expected) @ query, atol=1e-5
        )


def test_a_filter_of_nothing_finds_nothing(
    index: FaissVectorIndex, queries: NDArray[np.float32]
) -> None:
    assert index.search(queries[0], 10, []) == []


def test_more_hits_than_vectors_are_all_vectors(
    index: FaissVectorIndex, queries: NDArray[np.float32]
) -> None:
    assert len(index.search(queries[0], COUNT + 5)) == COUNT
    assert len(index.search(queries[0], 10, [1, 2, 3])) == 3


def test_vectors_that_are_the_same_tie_by_row(
    index: FaissVectorIndex, rows: NDArray[np.float32]
) -> None:
    assert [row for row, _ in index.search(rows[3], 2)] == [3, 7]


def test_stored_vectors_are_returned_nearly_as_they_were(
    index: FaissVectorIndex, rows: NDArray[np.float32]
) -> None:
    wanted = [0, COUNT - 1, 17, 17]

    kept = index.vectors(wanted)

    np.testing.assert_allclose((kept * rows[wanted]).sum(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(kept, axis=1), 1, atol=1e-5)
    assert index.vectors([]).shape == (0, index.dimension)


def test_a_vector_finds_itself(index: FaissVectorIndex) -> None:
    [(row, cosine)] = index.search(index.vectors([2000])[0], 1)

    assert row == 2000
    assert cosine == pytest.approx(1, abs=1e-5)


def test_the_same_vectors_give_the_same_files(
    kind: str, folder: Path, rows: NDArray[np.float32], tmp_path: Path
) -> None:
    on_disk = np.memmap(tmp_path / "rows", np.float32, "w+", shape=rows.shape)
    on_disk[:] = rows
    made(kind, on_disk).save(tmp_path)

    for name in ("vectors.faiss", "vectors.json"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


# Which kind is made, and what is said of it.


def test_vectors_too_close_for_one_byte_a_dimension_are_kept_exactly() -> None:
    rows = unit_rows(20, 64)[np.arange(COUNT) % 20] + 1e-3 * unit_rows(COUNT, 64, seed=1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    assert FaissVectorIndex.from_vectors(rows, COUNT - 1).description.kind == "exact"


def test_the_measured_recall_is_kept_with_the_index(folder: Path, kind: str) -> None:
    description = json.loads((folder / "vectors.json").read_text())

    assert description["kind"] == kind
    assert LEAST_RECALL <= description["recall_at_10"] <= 1
    assert (description["sampled_queries"] > 0) == (kind != "exact")
    assert (description["shortlist"] > 0) == (kind == "shortlist")


def test_an_index_without_description_is_exact(tmp_path: Path) -> None:
    FaissVectorIndex.from_vectors(unit_rows(5, 8)).save(tmp_path)
    (tmp_path / "vectors.json").unlink()

    assert FaissVectorIndex.load(tmp_path).description.kind == "exact"


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "exact", "method_of_the_future": 1}'])
def test_a_description_that_says_something_else_is_called_damaged(
    tmp_path: Path, text: str
) -> None:
    FaissVectorIndex.from_vectors(unit_rows(5, 8)).save(tmp_path)
    (tmp_path / "vectors.json").write_text(text)

    with pytest.raises(IndexDamagedError, match=r"vectors\.json is damaged"):
        FaissVectorIndex.load(tmp_path)


def test_a_file_that_ends_early_is_called_damaged(folder: Path, tmp_path: Path) -> None:
    content = (folder / "vectors.faiss").read_bytes()
    (tmp_path / "vectors.faiss").write_bytes(content[: len(content) // 2])

    with pytest.raises(IndexDamagedError, match="Rebuild"):
        FaissVectorIndex.load(tmp_path)


def test_a_vector_of_another_length_far_behind_is_refused() -> None:
    rows = np.tile(unit_rows(1, 4), (20_000, 1))
    rows[-1] *= 2

    assert len(rows) < EXACT_UP_TO
    with pytest.raises(ValueError, match="length 1"):
        FaissVectorIndex.from_vectors(rows)


def test_a_search_leaves_the_threads_of_other_libraries_as_they_were() -> None:
    """PyTorch shares them: a training that searches for its rows went on with one."""
    import faiss

    index = FaissVectorIndex.from_vectors(np.eye(4, dtype=np.float32))
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(2)
    try:
        index.search(np.eye(4, dtype=np.float32)[0], 2)
        index.search(np.eye(4, dtype=np.float32)[0], 2, [1, 2])
        assert faiss.omp_get_max_threads() == 2
    finally:
        faiss.omp_set_num_threads(before)
