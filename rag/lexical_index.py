"""BM25 over the terms of `rag.language`. The only owner of bm25s.

Character 1+2-grams reach nDCG@10 0.95 on Japanese questions where splitting at white space
reaches 0.02; k1 was fitted on Japanese training questions (docs/log.md).
"""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import IndexDamagedError
from rag.language import query_weights, terms
from rag.protocols import RankedRows

FOLDER_NAME = "lexical"
K1, B = 0.6, 0.75


class Bm25LexicalIndex:
    """Term matching with BM25 scores (Robertson et al., 1994; Lucene's variant)."""

    def __init__(self, bm25: Any, count: int) -> None:  # noqa: ANN401 - bm25s ships no types
        self._bm25 = bm25
        self._count = count

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> "Bm25LexicalIndex":
        """Index passages in row order."""
        import bm25s

        corpus = [terms(text) for text in texts]
        bm25 = bm25s.BM25(k1=K1, b=B, method="lucene")
        # A corpus without a single term (all punctuation) has no vocabulary to index.
        if any(corpus):
            bm25.index(corpus, show_progress=False)
            return cls(bm25, len(corpus))
        return cls(None, len(corpus))

    @classmethod
    def load(cls, folder: Path, count: int) -> "Bm25LexicalIndex":
        """Map the index saved in ``folder`` into memory; ``count`` is its number of passages.

        Raises:
            IndexDamagedError: a file of it cannot be read.
        """
        import bm25s

        path = folder / FOLDER_NAME
        if not path.exists():
            return cls(None, count)
        try:
            bm25 = bm25s.BM25.load(path, mmap=True, allow_pickle=False, show_progress=False)
        except (OSError, ValueError, KeyError) as error:
            raise IndexDamagedError(f"{path} is damaged. Rebuild the index.") from error
        return cls(bm25, count)

    def __len__(self) -> int:
        """Return the number of passages."""
        return self._count

    def search(self, query: str, k: int, rows: Sequence[int] | None = None) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with positive scores, best first.

        Ties go by row. The weights of terms are those of the whole index either way.
        """
        scores = self._scores(query)
        if scores is None:
            return []
        if rows is not None:
            among = np.zeros(len(scores), dtype=bool)
            among[np.asarray(rows, dtype=np.int64)] = True
            scores = np.where(among, scores, 0.0)
        matching = np.flatnonzero(scores > 0)
        order = np.lexsort((matching, -scores[matching]))[:k]
        return [(int(row), float(scores[row])) for row in matching[order]]

    def term_weight(self, term: str) -> float:
        """Return the inverse document frequency of ``term``; the highest for an unknown one.

        idf = ln(1 + (N - n + 0.5) / (n + 0.5)), with n of N passages holding the term
        (Robertson and Sparck Jones, 1976, in Lucene's positive form).
        """
        frequency = 0
        if self._bm25 is not None and (term_id := self._bm25.vocab_dict.get(term)) is not None:
            starts = self._bm25.scores["indptr"]
            frequency = int(starts[term_id + 1] - starts[term_id])
        return math.log(1 + (self._count - frequency + 0.5) / (frequency + 0.5))

    def _scores(self, query: str) -> Any:  # noqa: ANN401 - numpy array or None
        if self._bm25 is None:
            return None
        scores = np.zeros(self._count, dtype=np.float32)
        table, vocabulary = self._bm25.scores, self._bm25.vocab_dict
        for term, weight in query_weights(query).items():
            if (term_id := vocabulary.get(term)) is not None:
                start, stop = table["indptr"][term_id], table["indptr"][term_id + 1]
                scores[table["indices"][start:stop]] += weight * table["data"][start:stop]
        return scores

    def save(self, folder: Path) -> None:
        """Write the folder ``lexical`` into ``folder``."""
        if self._bm25 is not None:
            self._bm25.save(folder / FOLDER_NAME, allow_pickle=False, show_progress=False)
