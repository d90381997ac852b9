"""Question to hits: both search legs, fused by rank."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.corpus import Corpus
from rag.datatypes import Hit, Language
from rag.evidence import Similarity
from rag.protocols import Embedder, LexicalIndex, RankedRows, VectorIndex

RRF_K = 60  # Cormack, Clarke and Buettcher, SIGIR 2009
POOL = 50  # rows asked of each leg before fusion


@dataclass(frozen=True, slots=True)
class Retriever:
    """One immutable snapshot of an index, ready to be searched from any thread."""

    corpus: Corpus
    lexical: LexicalIndex
    vectors: VectorIndex
    embedder: Embedder
    embed_languages: tuple[str, ...]
    rows: Sequence[int] | None = None  # passages to search, in order; None for all of them

    def retrieve(self, question: str, language: Language, k: int) -> list[Hit]:
        """Return at most ``k`` hits, best first, no two with the same text.

        A language that the embedder does not know is left to the lexical leg alone: its
        vectors would still be similar to something, and fusing them would bury real matches.
        """
        pool = max(POOL, 2 * k)
        lexical = dict(self.lexical.search(question, pool, self.rows))
        vector: dict[int, float] = {}
        if language in self.embed_languages:
            vector = dict(self.vectors.search(self.embedder.embed_query(question), pool, self.rows))
        fused = fuse_ranks([list(lexical.items()), list(vector.items())])
        hits: list[Hit] = []
        texts: set[str] = set()
        for chunk, (row, score) in zip(
            self.corpus.chunks([row for row, _ in fused]), fused, strict=True
        ):
            if chunk.text not in texts and len(hits) < k:
                texts.add(chunk.text)
                hits.append(Hit(len(hits) + 1, chunk, score, lexical.get(row), vector.get(row)))
        return hits

    def similarity_to(self, question: str, language: Language) -> Similarity | None:
        """Return a function from texts to their cosine similarities to ``question``.

        None in a language that the embedder does not know.
        """
        if language not in self.embed_languages:
            return None
        query = self.embedder.embed_query(question)
        return lambda texts: (self.embedder.embed_passages(texts) @ query).tolist()


def fuse_ranks(legs: list[RankedRows]) -> RankedRows:
    """Return the rows of all legs by reciprocal rank fusion, best first, ties by row.

    score(row) = sum over legs of 1 / (k + rank), with the 1-based rank (Cormack et al., 2009).
    """
    scores: dict[int, float] = {}
    for leg in legs:
        for rank, (row, _) in enumerate(leg, start=1):
            scores[row] = scores.get(row, 0.0) + 1.0 / (RRF_K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
