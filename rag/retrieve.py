"""Question to hits: both search legs, fused by their scores, then the best read in context.

Ranks say who is first, not by how much. A sum of scores that are each brought to 0 to 1 by the
best that is possible keeps that (Bruch, Gai and Ingber, 2023, arXiv:2210.11934); with reciprocal
ranks the fused list was worse than its better leg (docs/log.md).

A passage rarely repeats what its document is about: a question names both the subject and the
detail, the passage only the detail. So terms that stand in the first passage of its document, or
in the passages around it, count as well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.corpus import Corpus
from rag.datatypes import Chunk, Hit, Language, Span
from rag.evidence import Similarity
from rag.evidence_score import best_sentence, phrase_shares, shares_of, term_worths
from rag.protocols import Embedder, LexicalIndex, Reranker, SpanReader, VectorIndex

POOL = 50  # rows asked of each leg before fusion
TEXT_POOL = 20  # best rows whose sentences and phrases are looked at
NEIGHBOURS = 2  # passages around one, on either side
# Beside 1 for the words of the passage and its document's first one. Fitted on English and
# Japanese training questions; see docs/log.md.
COSINE_WEIGHT = 2.4
AROUND_WEIGHT = 0.6
TELLING_WEIGHT = 0.35
SENTENCE_WEIGHT = 0.5
PHRASE_WEIGHT = 0.75
_WORDS_MOST = 1 + AROUND_WEIGHT + TELLING_WEIGHT + SENTENCE_WEIGHT + PHRASE_WEIGHT


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
    span_reader: SpanReader | None = None

    def retrieve(self, question: str, language: Language, k: int) -> list[Hit]:
        """Return at most ``k`` hits, best first, no two with the same text."""
        return self.candidates(question, language, k, k)[:k]

    def candidates(self, question: str, language: Language, k: int, count: int) -> list[Hit]:
        """Return the ``count`` best, or more, of what `retrieve` finds its ``k`` hits among.

        A language that the embedder does not know is left to the lexical leg alone: its
        vectors would still be similar to something, and fusing them would bury real matches.
        """
        pool = max(POOL, 2 * k)
        worths = term_worths(question, self.lexical.term_weight)
        lexical = dict(self.lexical.search(question, pool, self.rows))
        cosine: dict[int, float] = {}
        if language in self.embed_languages:
            query = self.embedder.embed_query(question)
            cosine = dict(self.vectors.search(query, pool, self.rows))
            self._complete(question, query, lexical, cosine)
        fused = self._words_in_context(question, worths, sorted(lexical | cosine))
        for row, similarity in cosine.items():
            fused[row] += COSINE_WEIGHT * max(similarity, 0.0)
        ranked = sorted(fused, key=lambda row: (-fused[row], row))
        chunks = self._distinct(ranked, max(TEXT_POOL, self.rerank_pool, count))
        first, rest = list(chunks)[:TEXT_POOL], list(chunks)[TEXT_POOL:]
        texts, shares = [chunks[row].text for row in first], shares_of(worths)
        for row, text, phrases in zip(first, texts, phrase_shares(question, texts), strict=True):
            fused[row] += SENTENCE_WEIGHT * best_sentence(shares, text) + PHRASE_WEIGHT * phrases
        first.sort(key=lambda row: (-fused[row], row))
        most = _WORDS_MOST + (COSINE_WEIGHT if cosine else 0)
        hits = [
            Hit(0, chunks[row], fused[row] / most, lexical.get(row), cosine.get(row))
            for row in first + rest
            if fused[row] >= self.min_score * most
        ]
        hits = self._reranked(question, language, hits)
        return [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]

    def _words_in_context(
        self, question: str, worths: Mapping[str, float], rows: Sequence[int]
    ) -> dict[int, float]:
        """Return how far the words of ``question`` stand in or near each of ``rows``.

        Three parts, each a share of what is possible: the BM25 scores of the terms, the better
        of those in the passage and in the first one of its document; the worth of the terms
        that any of the passages around it holds; and that of the terms in the passage, by how
        few of ``rows`` hold them, because what all of them hold does not tell them apart.
        """
        if not rows:
            return {}
        passages = np.asarray(rows, dtype=np.int64)
        documents = self.corpus.documents_of(rows)
        starts = np.array([document.start for document in documents], dtype=np.int64)
        lasts = np.array([document.stop - 1 for document in documents], dtype=np.int64)
        reach = passages[:, None] + np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
        around = np.clip(reach, starts[:, None], lasts[:, None])
        read, places = np.unique(np.column_stack((passages, starts, around)), return_inverse=True)
        added = self.lexical.matches(question, read)[:, places.reshape(len(rows), -1)]
        most = sum(worths.values()) or 1.0  # what nothing but these terms would score
        worth, holds = np.array(list(worths.values())), added[:, :, 0] > 0
        words = added[:, :, :2].max(axis=2).sum(axis=0) / most
        near = worth @ (added[:, :, 2:] > 0).any(axis=2) / most
        holders = holds.sum(axis=1)
        telling = worth * np.log1p((len(rows) - holders + 0.5) / (holders + 0.5))
        apart = telling @ holds / (telling.sum() or 1.0)
        scores = words + AROUND_WEIGHT * near + TELLING_WEIGHT * apart
        return dict(zip(rows, scores.tolist(), strict=True))

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

    def read(self, question: str, language: Language, hits: Sequence[Hit]) -> list[Hit]:
        """Return ``hits``, each with the spans that may answer, as far as none read it before.

        As they are without a span reader, and in a language that it does not know.
        """
        if self.span_reader is None or language not in self.span_reader.languages:
            return list(hits)
        unread = [hit.chunk for hit in hits if hit.spans is None]
        texts, headings = [one.text for one in unread], [one.heading for one in unread]
        found = iter(self.span_reader.spans(question, texts, headings))
        return [
            replace(hit, spans=_moved(next(found), hit.chunk.start)) if hit.spans is None else hit
            for hit in hits
        ]

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


def _moved(spans: Sequence[Span], start: int) -> tuple[Span, ...]:
    """Return spans of a passage as spans of its document, in which the passage starts there."""
    return tuple(replace(s, start=s.start + start, end=s.end + start) for s in spans)
