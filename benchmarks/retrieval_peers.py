"""Other ways to find passages, each as its makers set it up by default.

A peer gets every context whole, as one document, and returns the positions of the best ones.
None is given a tokenizer of ours: what is compared is what a person gets who changes nothing.
"""

from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.metrics import DEPTH
from rag.protocols import Embedder

Search = Callable[[str], list[int]]
EMBED_BATCH = 64


class Corpus:
    """The contexts, and their vectors by the embedder of the product, made when first asked for."""

    def __init__(self, contexts: Sequence[str], embedder: Embedder) -> None:
        self.contexts = list(contexts)
        self.embedder = embedder
        self._vectors: NDArray[np.float32] | None = None

    def vectors(self) -> NDArray[np.float32]:
        """Return one vector a context; the model cuts what is too long for it off, silently.

        Shape: ``(len(contexts), dimension)``.
        """
        if self._vectors is None:
            parts = [
                self.embedder.embed_passages(self.contexts[start : start + EMBED_BATCH])
                for start in range(0, len(self.contexts), EMBED_BATCH)
            ]
            self._vectors = np.concatenate(parts)
        return self._vectors


def _langchain(corpus: Corpus) -> Search:
    from langchain_community.retrievers import BM25Retriever

    positions = [{"position": n} for n in range(len(corpus.contexts))]
    retriever = BM25Retriever.from_texts(corpus.contexts, metadatas=positions, k=DEPTH)
    return lambda question: [d.metadata["position"] for d in retriever.invoke(question)]


def _rank_bm25(corpus: Corpus) -> Search:
    from rank_bm25 import BM25Okapi

    bm25 = BM25Okapi([context.split() for context in corpus.contexts])
    positions = list(range(len(corpus.contexts)))
    return lambda question: list(bm25.get_top_n(question.split(), positions, n=DEPTH))


def _haystack(corpus: Corpus) -> Search:
    from haystack import Document
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents(
        [Document(content=c, meta={"position": n}) for n, c in enumerate(corpus.contexts)]
    )
    retriever = InMemoryBM25Retriever(store, top_k=DEPTH)
    return lambda question: [
        document.meta["position"] for document in retriever.run(query=question)["documents"]
    ]


def _bm25s(corpus: Corpus) -> Search:
    import bm25s

    bm25 = bm25s.BM25()
    bm25.index(bm25s.tokenize(corpus.contexts, show_progress=False), show_progress=False)
    k = min(DEPTH, len(corpus.contexts))

    def search(question: str) -> list[int]:
        tokens = bm25s.tokenize(question, show_progress=False)
        rows, scores = bm25.retrieve(tokens, k=k, show_progress=False)
        # It fills its answer up with contexts that share no term.
        return [int(row) for row, score in zip(rows[0], scores[0], strict=True) if score > 0]

    return search


def _chroma(corpus: Corpus) -> Search:
    import chromadb
    from chromadb.config import Settings

    client = chromadb.EphemeralClient(Settings(anonymized_telemetry=False))
    name = "peers"
    if name in [collection.name for collection in client.list_collections()]:
        client.delete_collection(name)
    collection = client.create_collection(name, embedding_function=None)
    vectors = corpus.vectors()
    for start in range(0, len(vectors), 1000):
        ids = [str(n) for n in range(start, min(start + 1000, len(vectors)))]
        collection.add(ids=ids, embeddings=vectors[start : start + 1000])

    def search(question: str) -> list[int]:
        query: Any = corpus.embedder.embed_query(question)[np.newaxis]
        found = collection.query(query_embeddings=query, n_results=DEPTH, include=[])
        return [int(name) for name in found["ids"][0]]

    return search


def _faiss(corpus: Corpus) -> Search:
    import faiss

    vectors = corpus.vectors()
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)

    def search(question: str) -> list[int]:
        _, rows = index.search(corpus.embedder.embed_query(question)[np.newaxis], DEPTH)
        return [int(row) for row in rows[0] if row >= 0]

    return search


# Name, the packages it needs, and what makes it.
PEERS: tuple[tuple[str, tuple[str, ...], Callable[[Corpus], Search]], ...] = (
    ("LangChain BM25Retriever", ("langchain-community", "rank-bm25"), _langchain),
    ("rank_bm25, str.split", ("rank-bm25",), _rank_bm25),
    ("Haystack BM25", ("haystack-ai",), _haystack),
    ("bm25s, its tokenizer", ("bm25s",), _bm25s),
    ("Chroma, our vectors", ("chromadb",), _chroma),
    ("FAISS flat, our vectors", ("faiss-cpu",), _faiss),
)


def missing_package(packages: Sequence[str]) -> str:
    """Return the first of ``packages`` that is not installed, "" when all are."""
    for package in packages:
        try:
            version(package)
        except PackageNotFoundError:
            return package
    return ""
