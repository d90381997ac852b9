"""The embedding cache: what was embedded stays embedded, and damage is never believed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.embedding_cache import FOLDER_NAME, EmbeddingCache

TEXTS = ["paid leave", "有給", "hotel costs"]


def vectors_of(texts: list[str]) -> NDArray[np.float32]:
    return np.array([[len(text), n, 0.5] for n, text in enumerate(texts)], dtype=np.float32)


def filled(
    index_dir: Path, texts: list[str], build_id: str = "b1"
) -> tuple[NDArray[np.float32], list[int]]:
    """Return what the cache writes into rows of zeros, and which rows it leaves."""
    vectors = np.zeros((len(texts), 3), dtype=np.float32)
    with closing(EmbeddingCache(index_dir, "model-1", build_id)) as cache:
        missing = cache.fill(texts, vectors)
    return vectors, missing


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    with closing(EmbeddingCache(tmp_path, "model-1", "b1")) as cache:
        cache.add(TEXTS, vectors_of(TEXTS))
    return tmp_path


def database(index_dir: Path) -> Path:
    (file,) = (index_dir / FOLDER_NAME).glob("*.sqlite")
    return file


def test_what_was_added_comes_back_exactly_and_the_rest_is_named(index_dir: Path) -> None:
    vectors, missing = filled(index_dir, ["new", "有給", "paid leave", "new too"])

    assert missing == [0, 3]
    np.testing.assert_array_equal(vectors[[2, 1]], vectors_of(TEXTS)[:2])
    np.testing.assert_array_equal(vectors[[0, 3]], 0.0)


def test_another_embedder_finds_nothing(index_dir: Path) -> None:
    with closing(EmbeddingCache(index_dir, "model-2", "b1")) as cache:
        assert cache.fill(TEXTS, np.zeros((3, 3), dtype=np.float32)) == [0, 1, 2]


def test_a_flipped_bit_in_a_vector_makes_it_missing_not_wrong(index_dir: Path) -> None:
    with closing(sqlite3.connect(database(index_dir))) as connection, connection:
        ((key, vector),) = connection.execute(
            "SELECT key, vector FROM embedding ORDER BY key LIMIT 1"
        )
        flipped = bytes([vector[0] ^ 1]) + vector[1:]
        connection.execute("UPDATE embedding SET vector = ? WHERE key = ?", (flipped, key))

    vectors, missing = filled(index_dir, TEXTS)

    assert len(missing) == 1
    kept = [row for row in range(3) if row not in missing]
    np.testing.assert_array_equal(vectors[kept], vectors_of(TEXTS)[kept])


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, bytes(8192)])
def test_a_damaged_file_is_as_good_as_an_empty_one(index_dir: Path, content: bytes) -> None:
    file = database(index_dir)
    file.write_bytes(content)

    assert filled(index_dir, TEXTS)[1] == [0, 1, 2]
    with closing(EmbeddingCache(index_dir, "model-1", "b2")) as cache:
        cache.add(TEXTS, vectors_of(TEXTS))
    assert filled(index_dir, TEXTS)[1] == []


def test_a_page_damaged_in_the_middle_is_as_good_as_an_empty_file(tmp_path: Path) -> None:
    texts = [f"passage {n}" for n in range(2000)]
    with closing(EmbeddingCache(tmp_path, "model-1", "b1")) as cache:
        cache.add(texts, vectors_of(texts))
    file = database(tmp_path)
    content = bytearray(file.read_bytes())
    content[4096 : len(content) // 2] = bytes(len(content) // 2 - 4096)
    file.write_bytes(content)

    vectors, missing = filled(tmp_path, texts)

    kept = [row for row in range(len(texts)) if row not in missing]
    np.testing.assert_array_equal(vectors[kept], vectors_of(texts)[kept])
    assert missing


def test_pruning_forgets_what_no_kept_build_used(index_dir: Path) -> None:
    assert filled(index_dir, ["有給"], build_id="b2")[1] == []
    with closing(EmbeddingCache(index_dir, "model-1", "b3")) as cache:
        cache.add(["new"], vectors_of(["new"]))
        cache.prune(["b3", "b2"])

    assert filled(index_dir, ["paid leave", "有給", "new"])[1] == [0]


def test_the_file_is_readable_by_its_owner_alone(index_dir: Path) -> None:
    assert database(index_dir).stat().st_mode & 0o077 == 0
    assert database(index_dir).parent.stat().st_mode & 0o077 == 0
