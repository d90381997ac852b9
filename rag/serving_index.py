"""The index that serves: opened at first use, opened again when another one is published.

A question keeps the generation that was current when it came.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import cast

from rag.backends.milvus_connection import collection_name, serving_collection
from rag.backends.milvus_index import open_collection
from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import EVERYWHERE, IndexStatus, SearchFilter
from rag.embed import ModelEmbedder, load_embedder
from rag.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError
from rag.filters import DocumentFilter
from rag.generations import (
    SCHEMA_VERSION,
    Generation,
    Manifest,
    current_build_id,
    open_current,
)
from rag.lexical_index import Bm25LexicalIndex
from rag.protocols import Embedder, LexicalIndex, VectorIndex
from rag.rerank import load_reranker
from rag.retrieve import Retriever
from rag.span_reader import load_span_reader
from rag.vector_index import FaissVectorIndex

logger = logging.getLogger(__name__)


class ServingIndex:
    """The published index of the settings. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = RLock()
        self._embedder: ModelEmbedder | None = None
        self._snapshot: tuple[Generation, Retriever] | None = None
        self._status: tuple[Generation, IndexStatus] | None = None
        self._filter: tuple[Generation, DocumentFilter] | None = None
        # What CURRENT and the alias in Milvus named when the snapshot was opened.
        self._pointer: tuple[str | None, str] = (None, "")

    def embedder(self) -> ModelEmbedder:
        """Return the embedder of the settings, after loading it once."""
        with self._lock:
            if self._embedder is None:
                self._embedder = load_embedder(self._config)
            return self._embedder

    def open(self) -> tuple[Generation, Retriever]:
        """Return the generation that serves now, and what searches the whole of it.

        Raises:
            RagError: there is no index, or it is damaged or was built with another embedder.
        """
        with self._lock:
            exported = serving_collection(self._config.milvus_uri)
            pointer = (current_build_id(self._config.index_dir), exported)
            if self._snapshot is None or pointer != self._pointer:
                self._snapshot = self._open_current(exported)
                self._pointer = pointer
            return self._snapshot

    def status(self) -> IndexStatus | None:
        """Return what the published index holds, or None when there is none yet.

        The same object until another index serves.

        Raises:
            RagError: the index is damaged or was built with another embedder.
        """
        try:
            generation, retriever = self.open()
        except IndexNotFoundError:
            return None
        status = self._status
        if status is None or status[0] is not generation:
            status = self._status = (generation, _status_of(generation, retriever))
        return status[1]

    def within(self, search_filter: SearchFilter) -> tuple[Manifest, Retriever, int]:
        """Return what searches the passages that a filter leaves, and of how many documents.

        Raises:
            RagError: there is no usable index, or a limit makes no sense in it.
        """
        generation, retriever = self.open()
        documents = generation.manifest.documents
        if search_filter != EVERYWHERE:
            with self._lock:
                if self._filter is None or self._filter[0] is not generation:
                    sources = generation.manifest.sources
                    self._filter = (generation, DocumentFilter(retriever.corpus, sources))
                limits = self._filter[1]
            rows, documents = limits.rows(search_filter), limits.documents(search_filter)
            # An array is all that the indexes need of a sequence, and the typing does not know it.
            retriever = replace(retriever, rows=cast("Sequence[int] | None", rows))
        return generation.manifest, retriever, documents

    @contextmanager
    def reopening_after_damage(self) -> Iterator[None]:
        """Check the index anew at the next question when it was damaged while it served."""
        try:
            yield
        except IndexDamagedError:
            with self._lock:
                self._snapshot = None
            raise

    def legs(self, generation: Generation, exported: str = "") -> tuple[VectorIndex, LexicalIndex]:
        """Return both legs: in Milvus when it serves this generation, else from its files."""
        manifest = generation.manifest
        lexical = Bm25LexicalIndex.load(generation.path, manifest.chunks)
        if exported == collection_name(manifest.build_id):
            return open_collection(self._config.milvus_uri, manifest, lexical)
        return FaissVectorIndex.load(generation.path), lexical

    def _open_current(self, exported: str) -> tuple[Generation, Retriever]:
        generation = open_current(self._config.index_dir)
        manifest = generation.manifest
        embedder = self.embedder()
        _refuse_mismatch(manifest, embedder)
        if self._config.milvus_uri and exported != collection_name(manifest.build_id):
            logger.warning("Index %s was not exported; its files are searched.", manifest.build_id)
        vectors, lexical = self.legs(generation, exported)
        languages = self._config.embed_languages or manifest.embed_languages
        corpus = Corpus(generation.path)
        return generation, make_retriever(
            corpus, lexical, vectors, embedder, languages, self._config
        )


def make_retriever(
    corpus: Corpus,
    lexical: LexicalIndex,
    vectors: VectorIndex,
    embedder: Embedder,
    embed_languages: tuple[str, ...],
    config: Config,
) -> Retriever:
    """Return what searches one index as the settings say.

    Raises:
        ModelError: the reranker or the span reader of the settings is not on this machine.
    """
    return Retriever(
        corpus=corpus,
        lexical=lexical,
        vectors=vectors,
        embedder=embedder,
        embed_languages=embed_languages,
        reranker=load_reranker(config),
        rerank_pool=config.rerank_pool,
        min_score=config.min_score_percent / 100,
        span_reader=load_span_reader(config),
    )


def _status_of(generation: Generation, retriever: Retriever) -> IndexStatus:
    manifest = generation.manifest
    return IndexStatus(
        index_id=manifest.build_id,
        folder=manifest.sources[0].folder,
        created=manifest.created,
        documents=manifest.documents,
        chunks=manifest.chunks,
        embed_model=manifest.recipe.embed_model,
        embed_languages=retriever.embed_languages,  # type: ignore[arg-type] # checked on load
        files=retriever.corpus.files(),
        sources=manifest.sources,
        damage=generation.damage,
        knows_dates=retriever.corpus.knows_dates(),
    )


def _refuse_mismatch(manifest: Manifest, embedder: ModelEmbedder) -> None:
    recipe = manifest.recipe
    folders = " ".join(source.folder for source in manifest.sources)
    rebuild = f"Rebuild it: `python -m rag build {folders}`"
    if recipe.schema_version != SCHEMA_VERSION:
        raise IndexMismatchError(
            f"The index has format {recipe.schema_version}; this version reads format "
            f"{SCHEMA_VERSION}. {rebuild}."
        )
    if recipe.embed_fingerprint != embedder.fingerprint:
        raise IndexMismatchError(
            f"The index was built with embedder {recipe.embed_model!r} "
            f"({recipe.embed_fingerprint[:8]}), but the settings name {embedder.name!r} "
            f"({embedder.fingerprint[:8]}). {rebuild}, or set "
            f"RAG_EMBED_MODEL={recipe.embed_model}."
        )
