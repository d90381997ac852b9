"""RagEngine: the facade of the product, and the only place where concrete classes are chosen."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, RLock
from typing import cast

from rag.answer import Answerer, clean_question
from rag.answer_models import AnswerModels
from rag.backends.milvus_connection import collection_name, serving_collection
from rag.backends.milvus_export import ExportReport, export_index
from rag.backends.milvus_index import open_collection
from rag.build import IndexKinds, build_index
from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import (
    EVERYWHERE,
    Answer,
    BuildReport,
    Document,
    Hit,
    IndexStatus,
    Progress,
    SearchFilter,
    Source,
    SyncPlan,
    Token,
)
from rag.embed import ModelEmbedder, load_embedder
from rag.embed_process import EmbedderProcess
from rag.environment import limit_threads
from rag.errors import IndexDamagedError, IndexMismatchError, IndexNotFoundError
from rag.filters import DocumentFilter
from rag.generations import (
    SCHEMA_VERSION,
    Generation,
    Manifest,
    current_build_id,
    open_current,
)
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.originals import Original, find_original
from rag.protocols import Embedder, LexicalIndex, VectorIndex
from rag.rerank import load_reranker
from rag.retrieve import Retriever
from rag.sources import SourceEdit, SyncRequest
from rag.span_reader import load_span_reader
from rag.suggest import candidates, chosen
from rag.survey import survey
from rag.vector_index import FaissVectorIndex

logger = logging.getLogger(__name__)

INDEX_KINDS = IndexKinds(FaissVectorIndex.from_vectors, Bm25LexicalIndex.from_texts)


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


class RagEngine:
    """Asks, searches and builds. Cheap to make; models and index are loaded at first use.

    Thread-safe: every question works on the immutable snapshot that was current when it
    came, and a newly published index is picked up by the next one.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        limit_threads(config.threads)
        self._index_lock = RLock()
        self._embedder: ModelEmbedder | None = None
        self._answer_models = AnswerModels(config)
        self._snapshot: tuple[Generation, Retriever] | None = None
        self._status: tuple[Generation, IndexStatus] | None = None
        self._filter: tuple[Generation, DocumentFilter] | None = None
        self._suggest_lock = RLock()  # apart from the index's: others ask while it is held
        self._suggested: tuple[Generation, dict[str, tuple[str, ...]]] | None = None
        # What CURRENT and the alias in Milvus named when the snapshot was opened.
        self._pointer: tuple[str | None, str] = (None, "")

    # Models -------------------------------------------------------------------------------

    def _load_embedder(self) -> ModelEmbedder:
        with self._index_lock:
            if self._embedder is None:
                self._embedder = load_embedder(self.config)
            return self._embedder

    def answer_languages(self) -> tuple[str, ...]:
        """Return the languages that the answer model reads, as measured once (`reading_test`).

        Raises:
            ModelError: the answer model cannot be loaded.
        """
        return self._answer_models.languages()

    def answer_model_id(self) -> str:
        """Return the name of the model that answers, without loading it."""
        return self._answer_models.model_id()

    def answer_host(self) -> str:
        """Return the host that questions and passages are sent to; "" when they stay here."""
        return self._answer_models.answer_host()

    def notices(self) -> list[str]:
        """Return keys of what a reader should know before asking."""
        return self._answer_models.notices()

    def warm_up(self) -> str:
        """Load the index and the models, so that the first question need not wait.

        Returns what computes the answer model.

        Raises:
            RagError: what cannot be loaded, in words.
        """
        _, retriever = self._open()
        retriever.embedder.embed_query("warm-up")
        retriever.read("warm-up", "en", [])  # loads the span reader, if there is one
        self._answer_models.languages()
        return self._answer_models.load().kernel

    # Index --------------------------------------------------------------------------------

    def _open(self) -> tuple[Generation, Retriever]:
        with self._index_lock:
            exported = serving_collection(self.config.milvus_uri)
            pointer = (current_build_id(self.config.index_dir), exported)
            if self._snapshot is None or pointer != self._pointer:
                self._snapshot = self._open_current(exported)
                self._pointer = pointer
            return self._snapshot

    def _open_current(self, exported: str) -> tuple[Generation, Retriever]:
        generation = open_current(self.config.index_dir)
        manifest = generation.manifest
        embedder = self._load_embedder()
        self._refuse_mismatch(manifest, embedder)
        if self.config.milvus_uri and exported != collection_name(manifest.build_id):
            logger.warning("Index %s was not exported; its files are searched.", manifest.build_id)
        vectors, lexical = self._open_legs(generation, exported)
        languages = self.config.embed_languages or manifest.embed_languages
        corpus = Corpus(generation.path)
        return generation, make_retriever(
            corpus, lexical, vectors, embedder, languages, self.config
        )

    def _open_legs(
        self, generation: Generation, exported: str = ""
    ) -> tuple[VectorIndex, LexicalIndex]:
        """Return both legs: in Milvus when it serves this generation, else from its files."""
        manifest = generation.manifest
        lexical = Bm25LexicalIndex.load(generation.path, manifest.chunks)
        if exported == collection_name(manifest.build_id):
            return open_collection(self.config.milvus_uri, manifest, lexical)
        return FaissVectorIndex.load(generation.path), lexical

    def export(self, uri: str, progress: Callable[[Progress], None]) -> ExportReport:
        """Copy the published index to Milvus at ``uri`` and let it serve there.

        Raises:
            RagError: there is no usable index, Milvus does not answer, or the copy is a poor one.
        """
        generation = open_current(self.config.index_dir)
        return export_index(generation, *self._open_legs(generation), uri, progress)

    def _refuse_mismatch(self, manifest: Manifest, embedder: ModelEmbedder) -> None:
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

    def index_status(self) -> IndexStatus | None:
        """Return what the published index holds, or None when there is none yet.

        The same object until another index serves, so that a page can keep what it made of it:
        to read the status of ten thousand files for every click would take too long.

        Raises:
            RagError: the index is damaged or was built with another embedder.
        """
        try:
            generation, retriever = self._open()
        except IndexNotFoundError:
            return None
        status = self._status
        if status is None or status[0] is not generation:
            status = self._status = (generation, _status_of(generation, retriever))
        return status[1]

    def retriever(self) -> Retriever:
        """Return what searches the whole published index.

        Raises:
            RagError: there is no index, or it is damaged or was built with another embedder.
        """
        return self._open()[1]

    def searcher(self, search_filter: SearchFilter) -> tuple[str, Retriever]:
        """Return the id of the published index, and what searches it within limits.

        Raises:
            RagError: there is no usable index, or a limit makes no sense in it.
        """
        manifest, retriever, _ = self._retriever_within(search_filter)
        return manifest.build_id, retriever

    def document(self, path: str) -> Document:
        """Return the stored text of an indexed file.

        Raises:
            RagError: there is no such document, or no index.
        """
        return self._open()[1].corpus.document(path)

    def original(self, path: str) -> Original:
        """Return the file on disk that an indexed document was read from.

        Raises:
            RagError: there is no such document, no index, or the path leads out of its folder.
        """
        generation, retriever = self._open()
        return find_original(generation.manifest.sources, retriever.corpus.files_of, path)

    def build(
        self,
        folders: Sequence[Path],
        progress: Callable[[Progress], None],
        *,
        allow_shrink: bool = False,
    ) -> BuildReport:
        """Index just these folders and publish the result; the old index serves until then.

        Raises:
            BuildError: nothing readable, or over half of the documents would be lost.
            IndexBusyError: another process is building.
        """
        request = SyncRequest(add=tuple(SourceEdit(f) for f in folders), replaces=True)
        with closing(EmbedderProcess(self.config)) as embedder:
            return build_index(
                request, self.config, embedder, INDEX_KINDS, progress, allow_shrink=allow_shrink
            )

    def plan_sync(
        self, request: SyncRequest, progress: Callable[[Progress], None] = lambda step: None
    ) -> SyncPlan:
        """Return how the folders differ from the index. Nothing is parsed or written.

        Raises:
            RagError: a folder cannot be read, or ``request`` makes no sense.
        """
        return survey(request, self.config, self._load_embedder(), progress).plan

    def sync(
        self,
        request: SyncRequest,
        progress: Callable[[Progress], None],
        on_plan: Callable[[SyncPlan], None] = lambda plan: None,
        *,
        allow_shrink: bool = False,
    ) -> BuildReport:
        """Bring the index up to date with its folders; nothing is published without a change.

        ``on_plan`` is told how the folders differ before anything is read.

        Raises:
            RagError: see `build`, or ``request`` makes no sense.
        """
        with closing(EmbedderProcess(self.config)) as embedder:
            return build_index(
                request,
                self.config,
                embedder,
                INDEX_KINDS,
                progress,
                on_plan,
                allow_shrink=allow_shrink,
                only_changes=True,
            )

    def sources(self) -> tuple[Source, ...]:
        """Return the folders of the serving index; none when there is no index.

        Raises:
            RagError: the index is damaged or of another version.
        """
        try:
            return open_current(self.config.index_dir).manifest.sources
        except IndexNotFoundError:
            return ()

    # Questions ----------------------------------------------------------------------------

    def search(self, question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        """Return the ``k`` best passages for ``question`` within the limits of a filter.

        Raises:
            RagError: the question is empty or too long, there is no usable index, or a limit
                makes no sense; see `DocumentFilter.rows`.
        """
        question = clean_question(question, self.config.max_question_chars)
        with self._reopening_after_damage():
            retriever = self._retriever_within(search_filter)[1]
            return retriever.retrieve(question, detect_language(question), k)

    def ask(
        self,
        question: str,
        stop: Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        """Yield the tokens of a draft, then exactly one `Answer`, last.

        ``history`` are the earlier questions of the conversation, newest last; ``progress`` is
        called as `Answerer.answer` says.

        Raises:
            RagError: the question is empty or too long, index or model is unusable, or a limit
                makes no sense; see `DocumentFilter.rows`.
        """
        question = clean_question(question, self.config.max_question_chars)
        with self._reopening_after_damage():
            manifest, retriever, documents = self._retriever_within(search_filter)
            answerer = self._answerer(manifest, retriever, documents)
            yield from answerer.answer(question, stop, history, progress)

    def suggestions(self, language: str) -> tuple[str, ...]:
        """Return a few questions that the index answers, in ``language`` where it has such.

        Made once for each index, within two seconds or so, without a language model.

        Raises:
            RagError: there is no index, or it is damaged or was built with another embedder.
        """
        with self._reopening_after_damage(), self._suggest_lock:
            generation, retriever = self._open()
            if self._suggested is None or self._suggested[0] is not generation:
                self._suggested = (generation, {})
            known = self._suggested[1]
            if language not in known:
                manifest = generation.manifest
                answerer = self._answerer(manifest, retriever, manifest.documents)
                known[language] = chosen(
                    candidates(retriever.corpus),
                    language,
                    lambda one: answerer.leads_to(one.question, one.path, one.start, one.end),
                )
            return known[language]

    def _answerer(self, manifest: Manifest, retriever: Retriever, documents: int) -> Answerer:
        load = self._answer_models.for_language
        return Answerer(self.config, manifest.build_id, retriever, load, documents)

    @contextmanager
    def _reopening_after_damage(self) -> Iterator[None]:
        """Check the index anew at the next question when it was damaged while it served."""
        try:
            yield
        except IndexDamagedError:
            with self._index_lock:
                self._snapshot = None
            raise

    def _retriever_within(self, search_filter: SearchFilter) -> tuple[Manifest, Retriever, int]:
        """Return what searches the passages that a filter leaves, and of how many documents."""
        generation, retriever = self._open()
        documents = generation.manifest.documents
        if search_filter != EVERYWHERE:
            with self._index_lock:
                if self._filter is None or self._filter[0] is not generation:
                    sources = generation.manifest.sources
                    self._filter = (generation, DocumentFilter(retriever.corpus, sources))
                limits = self._filter[1]
            rows, documents = limits.rows(search_filter), limits.documents(search_filter)
            # An array is all that the indexes need of a sequence, and the typing does not know it.
            retriever = replace(retriever, rows=cast("Sequence[int] | None", rows))
        return generation.manifest, retriever, documents
