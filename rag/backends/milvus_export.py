"""Copy a generation into a collection of Milvus, compare the two, and let the copy serve.

The collection is named after the index. It is filled aside and goes into service when an alias
is moved, which Milvus does in one step. What an interrupted export has sent is kept: the next
one goes on behind it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean
from time import sleep
from typing import Any, Protocol

import numpy as np

from rag.backends.milvus_connection import (
    BEFORE,
    LONG_SECONDS,
    SERVING,
    Milvus,
    collection_name,
    connect,
)
from rag.backends.milvus_index import (
    NO_TERM,
    ROW,
    TERMS,
    VECTOR,
    open_collection,
    term_id,
    term_key,
)
from rag.corpus import Corpus
from rag.datatypes import Progress
from rag.errors import BackendError
from rag.generations import Generation
from rag.language import terms
from rag.lexical_index import K1, B
from rag.protocols import LexicalIndex, RankedRows, VectorIndex

LEAST_RECALL = 0.95
SAMPLED_QUERIES = 200
RECALL_DEPTH = 10
BATCH = 1000  # passages a request: about 3 MB
EXACT_UP_TO = 100_000  # passages that Milvus compares one by one; above, its own choice of index
_TIE = 1e-4  # scores that differ by less are equal: Milvus adds up in another order
_QUERY_CHARS = 80
_WAIT_SECONDS = 0.5  # between two looks at an index in the making

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export copied and how well the copy finds. Recalls are in [0, 1]."""

    place: str  # the address without user and password
    collection: str
    passages: int
    sent: int  # of them now; the rest was there from an interrupted export
    vector_recall: float
    lexical_recall: float
    before: str  # the collection that served until now, kept; "" when there was none


def export_index(
    generation: Generation,
    vectors: VectorIndex,
    lexical: LexicalIndex,
    uri: str,
    progress: OnProgress,
) -> ExportReport:
    """Copy a generation to Milvus and let it serve there, if the copy finds what it should.

    Args:
        generation: what is copied.
        vectors: its vectors on this machine.
        lexical: its lexical index on this machine.
        uri: of Milvus, see `connect`.
        progress: called with the stages export and check.

    Raises:
        BackendError: Milvus does not answer, or the recall of the copy is below 0.95; what
            served before still serves then.
    """
    manifest = generation.manifest
    milvus, collection = connect(uri), collection_name(manifest.build_id)
    if milvus.call("has_collection", collection):
        present = milvus.count(collection)
    else:
        present = 0
        _create(milvus, collection, manifest.dimension, manifest.chunks)
    start = max(0, present // BATCH - 1) * BATCH if present < manifest.chunks else manifest.chunks
    passages = _passages(generation, vectors, lexical, start, progress)
    for batch in passages:
        milvus.call("upsert", collection, batch)
    _finish(milvus, collection)
    copies = open_collection(uri, manifest, lexical)
    recalls = _compare(generation, (vectors, lexical), copies, progress)
    if min(recalls) < LEAST_RECALL:
        if milvus.alias_target(SERVING) != collection:
            milvus.call("drop_collection", collection)
        raise BackendError(
            f"The copy in Milvus at {milvus.place} finds {min(recalls):.3f} of what the index on "
            f"this machine finds; at least {LEAST_RECALL} is wanted. It was not put into service. "
            "Export again, or look into the settings of Milvus."
        )
    before = _put_into_service(milvus, collection)
    sent = manifest.chunks - start
    return ExportReport(milvus.place, collection, manifest.chunks, sent, *recalls, before)


def _create(milvus: Milvus, collection: str, dimension: int, passages: int) -> None:
    from pymilvus import DataType

    client = milvus.client
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field(ROW, DataType.INT64, is_primary=True)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field(TERMS, DataType.SPARSE_FLOAT_VECTOR)
    indexes = client.prepare_index_params()
    dense = "FLAT" if passages <= EXACT_UP_TO else "AUTOINDEX"
    kinds = {VECTOR: dense, TERMS: "SPARSE_INVERTED_INDEX"}
    for field, kind in kinds.items():
        indexes.add_index(field, index_type=kind, index_name=field, metric_type="IP")
    milvus.call("create_collection", collection, schema=schema, index_params=indexes)


def _passages(
    generation: Generation,
    vectors: VectorIndex,
    lexical: LexicalIndex,
    start: int,
    progress: OnProgress,
) -> Iterator[list[dict[str, Any]]]:
    """Yield batches of rows from ``start``, with their vectors and term weights."""
    count = generation.manifest.chunks
    if start >= count:
        return
    lengths = chain.from_iterable(
        map(len, batch) for _, batch in _terms(generation, 0, "measure", progress)
    )
    weights = _Bm25Weights(lexical, fmean(lengths), term_key(generation.manifest))
    for rows, batch in _terms(generation, start, "export", progress):
        found = vectors.vectors(list(rows))
        yield [
            {ROW: row, VECTOR: vector, TERMS: weights.of(passage)}
            for row, vector, passage in zip(rows, found, batch, strict=True)
        ]
    progress(Progress("export", count, count))


def _terms(
    generation: Generation, start: int, stage: str, progress: OnProgress
) -> Iterator[tuple[range, list[list[str]]]]:
    corpus, count = Corpus(generation.path), generation.manifest.chunks
    for first in range(start, count, BATCH):
        progress(Progress(stage, first, count))
        rows = range(first, min(first + BATCH, count))
        yield rows, [terms(chunk.search_text) for chunk in corpus.chunks(rows)]


class _Bm25Weights:
    """What each term of a passage adds to the score of a question that holds it once.

    weight = idf * tf / (tf + k1 * (1 - b + b * length / mean length)), as in `rag.lexical_index`
    (Robertson et al., 1994; Lucene's variant).
    """

    def __init__(self, lexical: LexicalIndex, mean_length: float, key: bytes) -> None:
        self._lexical = lexical
        self._mean_length = mean_length or 1.0  # no passage has a term: nothing is divided by it
        self._key = key
        self._known: dict[str, tuple[int, float]] = {}

    def of(self, passage: Sequence[str]) -> dict[int, float]:
        """Return the weights of a passage by the numbers of its terms."""
        length_factor = K1 * (1 - B + B * len(passage) / self._mean_length)
        weights: dict[int, float] = {}
        for term, count in Counter(passage).items():
            number, idf = self._number_and_idf(term)
            weights[number] = weights.get(number, 0.0) + idf * count / (count + length_factor)
        return weights or {NO_TERM: 1.0}

    def _number_and_idf(self, term: str) -> tuple[int, float]:
        if term not in self._known:
            self._known[term] = term_id(term, self._key), self._lexical.term_weight(term)
        return self._known[term]


def _finish(milvus: Milvus, collection: str) -> None:
    """Wait until everything is stored and indexed, so that the check measures what will serve."""
    milvus.call("flush", collection, timeout_seconds=LONG_SECONDS)
    for field in (VECTOR, TERMS):
        while milvus.call("describe_index", collection, field).get("pending_index_rows", 0):
            sleep(_WAIT_SECONDS)


class _Leg(Protocol):
    def search(self, query: Any, k: int, rows: Sequence[int] | None = None) -> RankedRows: ...  # noqa: ANN401 - a vector or words


def _compare(
    generation: Generation,
    here: tuple[VectorIndex, LexicalIndex],
    there: tuple[VectorIndex, LexicalIndex],
    progress: OnProgress,
) -> tuple[float, float]:
    """Return the recall of both legs, with passages of the index as questions."""
    progress(Progress("check", 0, 0))
    count = generation.manifest.chunks
    sample = np.random.default_rng(0).choice(count, min(SAMPLED_QUERIES, count), replace=False)
    rows = sorted(int(row) for row in sample)
    texts = [chunk.text[:_QUERY_CHARS] for chunk in Corpus(generation.path).chunks(rows)]
    return (
        fmean(overlap(here[0], there[0], query) for query in here[0].vectors(rows)),
        fmean(overlap(here[1], there[1], text) for text in texts),
    )


def overlap(here: _Leg, there: _Leg, query: object) -> float:
    """Return the share of the best 10 that the copy finds; 1 when there is nothing to find.

    A passage as close as the tenth is as good as the tenth, since texts may repeat.
    """
    best = here.search(query, RECALL_DEPTH)
    if not best:
        return 1.0
    found = [row for row, _ in there.search(query, RECALL_DEPTH)]
    least = best[-1][1] - _TIE
    right = [row for row, score in here.search(query, RECALL_DEPTH, found) if score >= least]
    return len(right) / len(best)


def _put_into_service(milvus: Milvus, collection: str) -> str:
    """Move the alias, and return what served before; what served before that is removed."""
    serving, before = milvus.alias_target(SERVING), milvus.alias_target(BEFORE)
    if serving == collection:
        return before
    if serving:
        milvus.point(BEFORE, serving)
    milvus.point(SERVING, collection)
    if before not in ("", serving, collection):
        milvus.call("drop_collection", before)
    return serving
