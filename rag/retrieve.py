"""Question to hits: both search legs, fused by their scores, and the best sentence of each hit.

Ranks say who is first, not by how much. A sum of scores that are each brought to 0 to 1 by the
best that is possible keeps that (Bruch, Gai and Ingber, 2023, arXiv:2210.11934); with reciprocal
ranks the fused list was worse than its better leg (docs/log.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.corpus import Corpus
from rag.datatypes import Chunk, Hit, Language
from rag.evidence import Similarity, best_sentence, shares_of, term_worths
from rag.protocols import Embedder, LexicalIndex, Reranker, VectorIndex

POOL = 50  # rows asked of each leg before fusion
SENTENCE_POOL = 20  # best rows whose sentences are looked at
# Fitted on English and Japanese training questions; see docs/log.md.
COSINE_WEIGHT = 1.2
SENTENCE_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Retriever:
    """One immutable snapshot of an index, ready to be searched from any thread."""

    corpus: Corpus
    lexical: LexicalIndex
    vectors: VectorIndex
    embedder: Embedder
    embed_languages: tuple[str, ...]
    rows: Sequence[int] | None = None  # passages to search, in order; None for all of them
    reranker: Reranker | None = None
    rerank_pool: int = 20  # best rows that it reads
    min_score: float = 0.0  # of a hit, 0 to 1

    def retrieve(self, question: str, language: Language, k: int) -> list[Hit]:
        """Return at most ``k`` hits, best first, no two with the same text.

        A language that the embedder does not know is left to the lexical leg alone: its
        vectors would still be similar to something, and fusing them would bury real matches.
        """
        pool = max(POOL, 2 * k)
        worths = term_worths(question, self.lexical.term_weight)
        values = shares_of(worths)
        most_words = sum(worths.values()) or 1.0  # what nothing but these terms would score
        lexical = dict(self.lexical.search(question, pool, self.rows))
        cosine: dict[int, float] = {}
        if language in self.embed_languages:
            query = self.embedder.embed_query(question)
            cosine = dict(self.vectors.search(query, pool, self.rows))
            self._complete(question, query, lexical, cosine)
        fused = {
            row: lexical.get(row, 0.0) / most_words + COSINE_WEIGHT * max(cosine.get(row, 0.0), 0)
            for row in lexical | cosine
        }
        ranked = sorted(fused, key=lambda row: (-fused[row], row))
        chunks = self._distinct(ranked, max(SENTENCE_POOL, self.rerank_pool, k))
        first, rest = list(chunks)[:SENTENCE_POOL], list(chunks)[SENTENCE_POOL:]
        for row in first:
            fused[row] += SENTENCE_WEIGHT * best_sentence(values, chunks[row].text)
        first.sort(key=lambda row: (-fused[row], row))
        most = 1 + SENTENCE_WEIGHT + (COSINE_WEIGHT if cosine else 0)
        hits = [
            Hit(0, chunks[row], fused[row] / most, lexical.get(row), cosine.get(row))
            for row in first + rest
            if fused[row] >= self.min_score * most
        ]
        hits = self._reranked(question, language, hits)[:k]
        return [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]

    def _distinct(self, ranked: list[int], count: int) -> dict[int, Chunk]:
        """Return the chunks of the first ``count`` rows, or more, without equal texts."""
        chunks: dict[int, Chunk] = {}
        texts: set[str] = set()
        for start in range(0, len(ranked), count):  # long documents make reading all of them slow
            rows = ranked[start : start + count]
            for row, chunk in zip(rows, self.corpus.chunks(rows), strict=True):
                if chunk.text not in texts:
                    texts.add(chunk.text)
                    chunks[row] = chunk
            if len(chunks) >= count:
                break
        return chunks

    def _reranked(self, question: str, language: Language, hits: list[Hit]) -> list[Hit]:
        """Put the hits that the cross-encoder reads into its order, ahead of the rest."""
        if self.reranker is None or language not in self.reranker.languages:
            return hits
        read = hits[: self.rerank_pool]
        scores = self.reranker.scores(question, [hit.chunk.search_text for hit in read])
        order = np.argsort(-scores, kind="stable")
        answering = [replace(read[n], rerank_score=float(scores[n])) for n in order]
        return answering + hits[self.rerank_pool :]

    def _complete(
        self,
        question: str,
        query: NDArray[np.float32],
        lexical: dict[int, float],
        cosine: dict[int, float],
    ) -> None:
        """Add to each leg the scores of rows that only the other one found."""
        unseen = sorted(cosine.keys() - lexical.keys())
        lexical.update(self.lexical.search(question, len(unseen), unseen) if unseen else ())
        distant = sorted(lexical.keys() - cosine.keys())
        cosine.update(zip(distant, (self.vectors.vectors(distant) @ query).tolist(), strict=True))

    def similarity_to(self, question: str, language: Language) -> Similarity | None:
        """Return a function from texts to their cosine similarities to ``question``.

        None in a language that the embedder does not know.
        """
        if language not in self.embed_languages:
            return None
        query = self.embedder.embed_query(question)
        return lambda texts: (self.embedder.embed_passages(texts) @ query).tolist()
