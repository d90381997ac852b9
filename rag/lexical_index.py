"""BM25 over the terms of `rag.language`, kept as a score for every term of every passage.

Character 1+2-grams reach nDCG@10 0.95 on Japanese questions where splitting at white space
reaches 0.02; k1 was fitted on Japanese training questions (docs/log.md).

The files are those that bm25s writes, whose scheme this is (Lù, 2024, arXiv:2407.03618): what
one term adds to the score of one passage is known when the index is made, so a question only
adds numbers up.
"""

import json
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamagedError
from rag.language import query_weights, terms
from rag.protocols import RankedRows

FOLDER_NAME = "lexical"
K1, B = 0.6, 0.75
_WEIGHTS, _ROWS, _STARTS = "data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy"
_VOCABULARY, _PARAMETERS = "vocab.index.json", "params.index.json"
_BATCH = 4096  # passages whose terms are sorted at a time; a row within one fits into 16 bits
_FEW = 64  # among less than one passage of so many, looking rows up is faster than adding all up


@dataclass(frozen=True, slots=True)
class _Postings:
    """Term after term, the passages that hold it: ``rows[starts[i]:starts[i + 1]]``, ascending.

    Shapes:
        starts: ``(terms + 1,)``; rows and weights: ``(postings,)``.
    """

    vocabulary: Mapping[str, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    weights: NDArray[np.float32]  # what the term adds to the score of that row

    def frequency(self, term: str) -> int:
        """Return the number of passages that hold ``term``."""
        number = self.vocabulary.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])

    def of(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the rows that hold ``term`` and what it adds to their scores."""
        number = self.vocabulary.get(term)
        start, stop = (0, 0) if number is None else self.starts[number : number + 2]
        return self.rows[start:stop], self.weights[start:stop]


class Bm25LexicalIndex:
    """Term matching with BM25 scores (Robertson et al., 1994; Lucene's variant)."""

    def __init__(self, postings: _Postings, count: int) -> None:
        self._postings = postings
        self._count = count

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Bm25LexicalIndex":
        """Index passages in row order. The texts are read once, some thousand at a time."""
        builder, remaining = _Builder(), iter(texts)
        while batch := list(islice(remaining, _BATCH)):
            builder.add(batch)
        return cls(builder.finish(), len(builder.lengths))

    @classmethod
    def load(cls, folder: Path, count: int) -> "Bm25LexicalIndex":
        """Map the index saved in ``folder`` into memory; ``count`` is its number of passages.

        Raises:
            IndexDamagedError: a file of it cannot be read.
        """
        path = folder / FOLDER_NAME
        if not path.exists():  # no passage holds a single term
            return cls(_Builder().finish(), count)
        try:
            weights, rows, starts = (
                # Slices of a memmap cost 3 us more than those of the array that it is.
                np.asarray(np.load(path / name, mmap_mode="r", allow_pickle=False))
                for name in (_WEIGHTS, _ROWS, _STARTS)
            )
            vocabulary = json.loads((path / _VOCABULARY).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise IndexDamagedError(f"{path} is damaged. Rebuild the index.") from error
        postings = _Postings(vocabulary, starts, rows, weights)
        if not _is_sound(postings, count):
            raise IndexDamagedError(f"{path} is damaged. Rebuild the index.")
        return cls(postings, count)

    def __len__(self) -> int:
        """Return the number of passages."""
        return self._count

    def search(self, query: str, k: int, rows: Sequence[int] | None = None) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with positive scores, best first.

        Ties go by row. The weights of terms are those of the whole index either way.
        """
        among = None if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
        if k < 1:
            return []
        if among is None:
            scores = self._scores(query)
            found = _reaching(scores, k)
            return _best(found, scores[found], k)
        if len(among) * _FEW < self._count:
            scores = self.matches(query, among).sum(axis=0)
        else:
            scores = self._scores(query)[among]
        is_hit = scores > 0
        return _best(among[is_hit], scores[is_hit], k)

    def matches(self, query: str, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what each term of ``query_weights(query)`` adds to the score of each row.

        Shape: ``(terms, len(rows))``, the terms in their order there.
        """
        wanted, sought = np.asarray(rows, dtype=np.int32), query_weights(query)
        added = np.zeros((len(sought), len(wanted)), dtype=np.float32)
        for of_term, (term, weight) in zip(added, sought.items(), strict=True):
            holders, weights = self._postings.of(term)
            if len(holders):
                places = np.minimum(holders.searchsorted(wanted), len(holders) - 1)
                holds = holders[places] == wanted
                of_term[holds] = np.float32(weight) * weights[places[holds]]
        return added

    def term_weight(self, term: str) -> float:
        """Return the inverse document frequency of ``term``; the highest for an unknown one.

        idf = ln(1 + (N - n + 0.5) / (n + 0.5)), with n of N passages holding the term
        (Robertson and Sparck Jones, 1976, in Lucene's positive form).
        """
        frequency = self._postings.frequency(term)
        return math.log(1 + (self._count - frequency + 0.5) / (frequency + 0.5))

    def _scores(self, query: str) -> NDArray[np.float32]:
        """Return the score of every passage. Shape: ``(count,)``."""
        # The loop of `scores[rows] += weight * weights` in C. numpy has none that is as fast:
        # `np.add.at` takes twice as long, and scipy's public product copies the postings first.
        from scipy.sparse._sparsetools import csc_matvec  # type: ignore[import-untyped] # has none

        scores = np.zeros(self._count, dtype=np.float32)
        column, factor = np.zeros(2, dtype=np.int32), np.zeros(1, dtype=np.float32)
        for term, weight in query_weights(query).items():
            rows, weights = self._postings.of(term)
            column[1], factor[0] = len(rows), weight
            csc_matvec(self._count, 1, column, rows, weights, factor, scores)
        return scores

    def save(self, folder: Path) -> None:
        """Write the folder ``lexical`` into ``folder``; nothing when there is not a single term."""
        postings = self._postings
        if not postings.vocabulary:
            return
        path = folder / FOLDER_NAME
        path.mkdir()
        np.save(path / _WEIGHTS, postings.weights, allow_pickle=False)
        np.save(path / _ROWS, postings.rows, allow_pickle=False)
        np.save(path / _STARTS, postings.starts, allow_pickle=False)
        parameters = {"method": "lucene", "k1": K1, "b": B, "num_docs": self._count}
        for name, content in ((_VOCABULARY, postings.vocabulary), (_PARAMETERS, parameters)):
            (path / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _is_sound(postings: _Postings, count: int) -> bool:
    """Tell whether no row or term can point outside: the loop in C would not notice."""
    vocabulary, starts, rows = postings.vocabulary, postings.starts, postings.rows
    return (
        isinstance(vocabulary, dict)
        and [part.dtype.str for part in (starts, rows, postings.weights)] == ["<i8", "<i4", "<f4"]
        and starts.ndim == rows.ndim == 1
        and rows.shape == postings.weights.shape
        and len(starts) > 1
        # The vocabularies that bm25s wrote end in an empty word, which has no postings.
        and len(vocabulary) - ("" in vocabulary) == len(starts) - 1
        and int(starts[0]) == 0
        and int(starts[-1]) == len(rows)
        and bool((np.diff(starts) >= 0).all())
        # A negative row is a very large one without its sign.
        and int(rows.view(np.uint32).max(initial=0)) < count
    )


def _reaching(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return, in order, rows with positive scores, among them the ``k`` best and all their ties.

    Cut into rows of a table, the scores have a largest one in each column. The k-th of these is
    reached by k scores, so nothing below it is among the best: that is three fast passes, where
    a partition of all scores takes ten times as long.
    """
    columns = max(8 * k, math.isqrt(len(scores)))
    height = len(scores) // columns
    floor = 0.0
    if height > 1:
        largest = scores[: height * columns].reshape(height, columns).max(axis=0)
        floor = float(np.partition(largest, columns - k)[columns - k])
    return np.flatnonzero(scores >= floor if floor > 0 else scores > 0)


def _best(rows: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> RankedRows:
    """Return the ``k`` best of ascending ``rows``, ties by row."""
    if len(rows) > k:
        kth = np.partition(scores, len(scores) - k)[len(scores) - k]
        better = np.flatnonzero(scores > kth)
        kept = np.append(better, np.flatnonzero(scores == kth)[: k - len(better)])
        rows, scores = rows[kept], scores[kept]
    order = np.lexsort((rows, -scores))
    return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))


class _Builder:
    """Counts terms batch by batch, ten bytes for each term of each passage, and then weighs them.

    Terms are numbered as they come, so the same texts always give the same files.
    """

    def __init__(self) -> None:
        self.lengths = array("i")  # terms of every passage
        self._vocabulary: dict[str, int] = {}
        # Of each batch, sorted by term and row: term, row within the batch, and how often.
        self._batches: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []

    def add(self, texts: Sequence[str]) -> None:
        """Count the terms of at most `_BATCH` passages."""
        vocabulary, numbers, lengths = self._vocabulary, array("q"), array("i")
        for text in texts:
            found = terms(text)
            numbers.extend([vocabulary.setdefault(term, len(vocabulary)) for term in found])
            lengths.append(len(found))
        keys = np.frombuffer(numbers, dtype=np.int64) * _BATCH
        keys += np.repeat(np.arange(len(texts)), lengths)
        keys, counts = np.unique(keys, return_counts=True)
        self._batches.append(
            ((keys // _BATCH).astype(np.int32), (keys % _BATCH).astype(np.uint16),
             counts.astype(np.int32))
        )  # fmt: skip
        self.lengths.extend(lengths)

    def finish(self) -> _Postings:
        """Return the scores of all postings; the counts are forgotten on the way.

        score = idf * tf / (tf + k1 * (1 - b + b * length / mean length)), with the idf of
        `Bm25LexicalIndex.term_weight`.
        """
        frequencies = np.zeros(len(self._vocabulary), dtype=np.int64)
        for numbers, _, _ in self._batches:
            frequencies += np.bincount(numbers, minlength=len(frequencies))
        starts = np.concatenate(([0], np.cumsum(frequencies)))
        idf = np.log1p((len(self.lengths) - frequencies + 0.5) / (frequencies + 0.5))
        lengths = np.frombuffer(self.lengths, dtype=np.int32).astype(np.float64)
        damping = K1 * (1 - B + B * lengths / (lengths.mean() or 1.0)) if len(lengths) else lengths
        rows = np.empty(int(starts[-1]), dtype=np.int32)
        weights = np.empty(len(rows), dtype=np.float32)
        heads = starts[:-1].copy()  # where the next posting of each term goes
        first_row = 0
        self._batches.reverse()
        while self._batches:
            numbers, row_in_batch, counts = self._batches.pop()
            runs = np.flatnonzero(np.diff(numbers, prepend=-1))
            lengths_of_runs = np.diff(np.append(runs, len(numbers)))
            places = np.arange(len(numbers))
            places += np.repeat(heads[numbers[runs]] - runs, lengths_of_runs)
            heads[numbers[runs]] += lengths_of_runs
            rows[places] = batch_rows = first_row + row_in_batch.astype(np.int32)
            weights[places] = idf[numbers] * (counts / (counts + damping[batch_rows]))
            first_row += _BATCH
        return _Postings(self._vocabulary, starts, rows, weights)
