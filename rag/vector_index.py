"""Nearest neighbours by inner product with FAISS. The only owner of that library.

Up to `EXACT_UP_TO` vectors the search is exact. Above that a shortlist from 4-bit product
quantization is ranked again by vectors of one byte a dimension (André et al., VLDB 2015;
Douze et al., 2024, arXiv:2401.08281): 432 bytes a vector and some milliseconds a question at a
million, where exact search takes 1,536 bytes and fifty. An index that finds less than
`LEAST_RECALL` of the true neighbours at build is made in the next slower kind.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamagedError
from rag.protocols import RankedRows

FILE_NAME = "vectors.faiss"
DESCRIPTION_FILE_NAME = "vectors.json"
EXACT_UP_TO = 100_000  # vectors: 10 ms a question at 384 dimensions on one core
LEAST_RECALL = 0.98  # of the ten nearest
_SHORTLISTS = (2000, 4000, 8000)  # vectors; 2000 cost half a millisecond more than 200
_SHORTLIST_FACTOR = 20  # as many for each vector that is asked for, at least
_SAMPLED_QUERIES = 200
_TRAINING_VECTORS = 65_536
_BATCH = 16_384  # vectors that are read at a time
_SEED = 0

Kind = Literal["exact", "shortlist", "bytes"]


@dataclass(frozen=True, slots=True)
class IndexDescription:
    """How vectors are kept, and how much of the exact result that was measured to find."""

    kind: Kind  # all dimensions; a 4-bit shortlist, then one byte a dimension; the bytes alone
    shortlist: int = 0  # vectors that are ranked again, or 20 times what is asked for if more
    recall_at_10: float = 1.0  # of `sampled_queries` made from the vectors; ties count as found
    sampled_queries: int = 0


class FaissVectorIndex:
    """Rows of unit vectors, searched by inner product, which is then the cosine similarity."""

    def __init__(self, index: Any, description: IndexDescription) -> None:  # noqa: ANN401 - faiss ships no types
        self._index = index
        self.description = description

    @classmethod
    def from_vectors(
        cls, vectors: NDArray[np.float32], exact_up_to: int = EXACT_UP_TO
    ) -> "FaissVectorIndex":
        """Index the rows of ``vectors``. Shape: ``(count, dimension)``, each of length 1.

        They are read in batches, so a memmap is never in memory as a whole. The same vectors
        give the same index.

        Raises:
            ValueError: a vector is not finite or not of unit length.
        """
        for batch in _batches(vectors):
            if not np.allclose(np.linalg.norm(batch, axis=1), 1.0, atol=1e-3):
                raise ValueError("Vectors must be finite and of length 1 to be searched by cosine.")
        if len(vectors) <= exact_up_to:
            return cls(_filled("Flat", vectors), IndexDescription("exact"))
        return _smallest_good_enough(vectors)

    @classmethod
    def load(cls, folder: Path) -> "FaissVectorIndex":
        """Map the index saved in ``folder`` into memory.

        Raises:
            IndexDamagedError: a file of it cannot be read.
        """
        import faiss

        path, description = folder / FILE_NAME, folder / DESCRIPTION_FILE_NAME
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise IndexDamagedError(f"{path} is damaged. Rebuild the index.") from error
        if not description.exists():  # written before there was another kind
            return cls(index, IndexDescription("exact"))
        try:
            table = json.loads(description.read_text(encoding="utf-8"))
            return cls(index, IndexDescription(**table))
        except (OSError, ValueError, TypeError) as error:
            raise IndexDamagedError(f"{description} is damaged. Rebuild the index.") from error

    def __len__(self) -> int:
        """Return the number of vectors."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return int(self._index.d)

    def search(
        self, query: NDArray[np.float32], k: int, rows: Sequence[int] | None = None
    ) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with their cosine similarity, best first.

        Ties go by row. Among given rows, the search is exact as far as the vectors are kept.
        """
        # FAISS does not scale what it decodes back to length 1, so its order is nearly the right
        # one: twice as many leave nobody out.
        depth = min(k if self.description.kind == "exact" else 2 * k, len(self)) or 1
        with _one_thread():
            if rows is None:
                found = self._nearest(query, depth)
            else:
                found = self._nearest_among(query, depth, np.asarray(rows, dtype=np.int64))
        found = found[found >= 0]
        cosines = self.vectors(found) @ query
        order = np.lexsort((found, -cosines))[:k]
        return list(zip(found[order].tolist(), cosines[order].tolist(), strict=True))

    def _nearest(self, query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """Return the rows of the ``k`` nearest, -1 where there is none."""
        import faiss

        parameters = None
        if self.description.kind == "shortlist":
            parameters = faiss.IndexRefineSearchParameters(  # type: ignore[call-arg] # made by SWIG
                k_factor=max(self.description.shortlist / k, _SHORTLIST_FACTOR)
            )
        found: NDArray[np.int64] = self._index.search(query[None], k, params=parameters)[1][0]
        return found

    def _nearest_among(
        self, query: NDArray[np.float32], k: int, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Return the rows of the ``k`` nearest of ``rows``, -1 where there is none."""
        import faiss

        is_wanted = np.zeros(len(self), dtype=bool)
        is_wanted[rows] = True
        selector: Any = faiss.IDSelectorBitmap  # made by SWIG, as the parameters are
        bits = selector(np.packbits(is_wanted, bitorder="little"))
        among = faiss.SearchParameters(sel=bits)  # type: ignore[call-arg] # see above
        found: NDArray[np.int64] = self._kept.search(query[None], k, params=among)[1][0]
        return found

    @property
    def _kept(self) -> Any:  # noqa: ANN401 - faiss ships no types
        """The part that holds the vectors; 4-bit codes can be searched only as a whole."""
        import faiss

        if self.description.kind != "shortlist":
            return self._index
        return faiss.downcast_index(self._index.refine_index)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors of ``rows`` as they are kept. Shape: ``(len(rows), dimension)``.

        Of length 1 in every kind; one byte a dimension keeps cosines to some thousandths.
        """
        if not len(rows):
            return np.zeros((0, self.dimension), dtype=np.float32)
        kept: NDArray[np.float32] = self._kept.reconstruct_batch(np.asarray(rows, dtype=np.int64))
        if self.description.kind != "exact":
            kept /= np.linalg.norm(kept, axis=1, keepdims=True)
        return kept

    def save(self, folder: Path) -> None:
        """Write ``vectors.faiss`` and ``vectors.json`` into ``folder``.

        Raises:
            OSError: the disk is full or the folder not writable.
        """
        import faiss

        try:
            faiss.write_index(self._index, str(folder / FILE_NAME))
        except RuntimeError as error:
            raise OSError(f"{folder / FILE_NAME} could not be written") from error
        text = json.dumps(asdict(self.description), indent=1)
        (folder / DESCRIPTION_FILE_NAME).write_text(text, encoding="utf-8")


def _batches(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(vectors), _BATCH):
        yield np.ascontiguousarray(vectors[start : start + _BATCH])


def _filled(factory: str, vectors: NDArray[np.float32]) -> Any:  # noqa: ANN401 - faiss ships no types
    """Return an index of ``vectors``, trained on an even sample of them."""
    import faiss

    index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        step = -(-len(vectors) // _TRAINING_VECTORS)
        index.train(np.ascontiguousarray(vectors[::step]))
    for batch in _batches(vectors):
        index.add(batch)
    return index


def _smallest_good_enough(vectors: NDArray[np.float32]) -> FaissVectorIndex:
    """Return the smallest and fastest kind of index that reaches `LEAST_RECALL`."""
    truth = _Truth(vectors)
    dimension = vectors.shape[1]
    if dimension % 4 == 0:  # each 4-bit code stands for four dimensions
        index = _filled(f"PQ{dimension // 4}x4fs,Refine(SQ8)", vectors)
        for shortlist in _SHORTLISTS:
            found = truth.described(index, "shortlist", shortlist)
            if found.description.recall_at_10 >= LEAST_RECALL:
                return found
        del index
    found = truth.described(_filled("SQ8", vectors), "bytes")
    if found.description.recall_at_10 >= LEAST_RECALL:
        return found
    return FaissVectorIndex(_filled("Flat", vectors), IndexDescription("exact"))


class _Truth:
    """The exact neighbours of made-up queries, to compare an index with.

    A query is a vector moved by the difference of two others: it has a cosine of about 0.6 to
    where it comes from, as a question to its passage. The vectors themselves would make easy
    queries, as nearer neighbours stand out more in a shortlist.
    """

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        rng = np.random.default_rng(_SEED)
        moved, to, away = (
            vectors[rng.integers(len(vectors), size=_SAMPLED_QUERIES)] for _ in "123"
        )
        queries = moved + to - away
        self._vectors = vectors
        self._queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        self._tenth = self._tenth_best()

    def _tenth_best(self) -> NDArray[np.float32]:
        """Return the cosine of each query's tenth neighbour. Shape: ``(queries,)``."""
        depth = min(10, len(self._vectors))
        best: NDArray[np.float32] = np.full((len(self._queries), depth), -np.inf, np.float32)
        for batch in _batches(self._vectors):
            scores = np.hstack([best, self._queries @ batch.T])
            best = np.partition(scores, -depth, axis=1)[:, -depth:]
        tenth: NDArray[np.float32] = best.min(axis=1)
        return tenth

    def described(self, index: Any, kind: Kind, shortlist: int = 0) -> FaissVectorIndex:  # noqa: ANN401 - faiss ships no types
        """Return ``index`` with the share of the ten nearest that it finds.

        A vector as near as the tenth counts, because passages that occur twice tie.
        """
        untested = FaissVectorIndex(index, IndexDescription(kind, shortlist))
        found = 0
        for query, tenth in zip(self._queries, self._tenth, strict=True):
            rows = [row for row, _ in untested.search(query, 10)]
            found += int((self._vectors[rows] @ query >= tenth - 1e-6).sum())
        recall = found / (len(self._queries) * min(10, len(self._vectors)))
        return FaissVectorIndex(
            index, IndexDescription(kind, shortlist, round(recall, 4), len(self._queries))
        )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search with one thread: a question is a small job.

    Where another process has a core, a second thread costs fifty times what it saves, in waiting
    for it (docs/log.md). The number is put back, as PyTorch shares it: a training that had searched
    before would go on with one thread.
    """
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
