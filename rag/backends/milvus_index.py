"""Both search legs over one Milvus collection, which holds numbers and no text.

A collection holds for every passage its row, its vector, and the BM25 weights of its terms as
a sparse vector. Milvus would cut terms with analyzers of its own, which know neither our
2-grams nor our stems; the inner product of stored weights with the weights of the question's
terms is exactly the score of our own index instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.backends.milvus_connection import LONG_SECONDS, Milvus, collection_name, connect
from rag.errors import BackendError
from rag.generations import Manifest
from rag.language import query_weights
from rag.protocols import LexicalIndex, RankedRows

ROW, VECTOR, TERMS = "row", "vector", "terms"  # fields
NO_TERM = 2**32 - 2  # Milvus stores no empty sparse vector; no question asks for this one
_MOST_HITS = 16_384  # Milvus returns no more
_FETCHED_ROWS = 1000  # a request
_SHORTEST_RANGE = 3  # rows in sequence that are worth a condition of their own


class MilvusVectorIndex:
    """The vectors of one collection, searched by inner product."""

    def __init__(self, milvus: Milvus, collection: str, count: int, dimension: int) -> None:
        self._milvus = milvus
        self._collection = collection
        self._count = count
        self.dimension = dimension

    def __len__(self) -> int:
        """Return the number of vectors."""
        return self._count

    def search(
        self, query: NDArray[np.float32], k: int, rows: Sequence[int] | None = None
    ) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with their cosine similarity, best first.

        Ties go by row.

        Raises:
            BackendError: Milvus does not answer.
        """
        k = min(k, self._count)
        return _search(self._milvus, self._collection, VECTOR, query.tolist(), k, rows)

    def vectors(self, rows: list[int]) -> NDArray[np.float32]:
        """Return the stored vectors of ``rows``. Shape: ``(len(rows), dimension)``.

        Raises:
            BackendError: Milvus does not answer, or lacks one of the rows.
        """
        found: dict[int, list[float]] = {}
        for start in range(0, len(rows), _FETCHED_ROWS):
            ids = sorted(set(rows[start : start + _FETCHED_ROWS]))
            entities = self._milvus.call("get", self._collection, ids=ids, output_fields=[VECTOR])
            found.update((int(entity[ROW]), entity[VECTOR]) for entity in entities)
        if missing := set(rows) - found.keys():
            raise _incomplete(self._milvus, self._collection, self._count - len(missing))
        shape = (len(rows), self.dimension)
        return np.asarray([found[row] for row in rows], dtype=np.float32).reshape(shape)

    def save(self, folder: Path) -> None:
        """Do nothing: the collection is where this index is kept."""


class MilvusLexicalIndex:
    """The term weights of one collection, with the scores of the index that they came from.

    ``statistics`` is that index. It stays on this machine and tells how rare a term is.
    """

    def __init__(
        self, milvus: Milvus, collection: str, key: bytes, statistics: LexicalIndex
    ) -> None:
        self._milvus = milvus
        self._collection = collection
        self._key = key
        self._statistics = statistics

    def __len__(self) -> int:
        """Return the number of passages."""
        return len(self._statistics)

    def search(self, query: str, k: int, rows: Sequence[int] | None = None) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with positive scores, best first.

        Ties go by row.

        Raises:
            BackendError: Milvus does not answer.
        """
        weights: dict[int, float] = {}
        for term, weight in query_weights(query).items():
            number = term_id(term, self._key)
            weights[number] = weights.get(number, 0.0) + weight
        k = min(k, len(self)) if weights else 0
        return _search(self._milvus, self._collection, TERMS, weights, k, rows)

    def matches(self, query: str, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return what each term of a question adds to each row: see `LexicalIndex.matches`."""
        return self._statistics.matches(query, rows)

    def term_weight(self, term: str) -> float:
        """Return how rare ``term`` is among the passages; an unknown term is the rarest."""
        return self._statistics.term_weight(term)

    def save(self, folder: Path) -> None:
        """Do nothing: the collection is where this index is kept."""


def open_collection(
    uri: str, manifest: Manifest, statistics: LexicalIndex
) -> tuple[MilvusVectorIndex, MilvusLexicalIndex]:
    """Return both legs over the collection of one generation.

    Args:
        uri: of Milvus, see `connect`.
        manifest: of the generation.
        statistics: its lexical index on this machine.

    Raises:
        BackendError: Milvus does not answer, or holds another number of passages.
    """
    milvus, collection = connect(uri), collection_name(manifest.build_id)
    milvus.call("load_collection", collection, timeout_seconds=LONG_SECONDS)
    count = milvus.count(collection)
    if count != manifest.chunks:
        raise _incomplete(milvus, collection, count)
    return (
        MilvusVectorIndex(milvus, collection, count, manifest.dimension),
        MilvusLexicalIndex(milvus, collection, term_key(manifest), statistics),
    )


def term_key(manifest: Manifest) -> bytes:
    """Return what keeps term numbers from being told by hashing a dictionary.

    It is the checksum of the texts: every machine that has the generation has it, and nobody
    who has the collection alone.
    """
    return bytes.fromhex(manifest.sha256["corpus.sqlite"])


def term_id(term: str, key: bytes) -> int:
    """Return the dimension of ``term``: a keyed hash of 32 bits, never `NO_TERM`.

    A hash and no vocabulary, which would be one more file to keep in step. With a million
    different terms one of the question meets another one's number in 1 of 4,300 cases; the few
    passages that hold the other one then score too high.
    """
    return int.from_bytes(blake2b(term.encode(), digest_size=8, key=key).digest()) % NO_TERM


def _search(
    milvus: Milvus,
    collection: str,
    field: str,
    query: list[float] | Mapping[int, float],
    k: int,
    rows: Sequence[int] | None,
) -> RankedRows:
    if k < 1 or (rows is not None and not len(rows)):
        return []
    [hits] = milvus.call(
        "search",
        collection,
        data=[query],
        anns_field=field,
        limit=min(k, _MOST_HITS),
        filter="" if rows is None else row_filter(rows),
        output_fields=[ROW],
        search_params={"metric_type": "IP"},
        consistency_level="Eventually",  # an exported collection does not change any more
    )
    return _ranked((int(hit[ROW]), float(hit["distance"])) for hit in hits)


def _ranked(hits: Iterable[tuple[int, float]]) -> RankedRows:
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def row_filter(rows: Sequence[int]) -> str:
    """Return ``rows`` as a condition of Milvus.

    A folder's passages are rows in sequence, and a range costs the same however long it is.
    """
    ordered = np.unique(np.asarray(rows, dtype=np.int64))
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1)
    long = [run for run in runs if len(run) >= _SHORTEST_RANGE]
    single = [str(row) for run in runs if len(run) < _SHORTEST_RANGE for row in run]
    conditions = [f"({run[0]} <= {ROW} and {ROW} <= {run[-1]})" for run in long]
    if single:
        conditions.append(f"{ROW} in [{', '.join(single)}]")
    return " or ".join(conditions)


def _incomplete(milvus: Milvus, collection: str, count: int) -> BackendError:
    return BackendError(
        f"The collection {collection} in Milvus at {milvus.place} holds {count} of the passages "
        f"of the index, and not just all of them. Export again: `python -m rag export --to URI`."
    )
