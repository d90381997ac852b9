"""RagEngine: the facade of the product. Only here and in `serving_index` are classes chosen."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Event, RLock

from rag.answer import Answerer, clean_question
from rag.answer_models import AnswerModels
from rag.backends.milvus_export import ExportReport, export_index
from rag.build import IndexKinds, build_index
from rag.config import Config
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
from rag.embed_process import EmbedderProcess
from rag.environment import limit_threads
from rag.errors import IndexNotFoundError
from rag.generations import Generation, Manifest, open_current
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.originals import Original, find_original
from rag.retrieve import Retriever
from rag.serving_index import ServingIndex
from rag.sources import SourceEdit, SyncRequest
from rag.suggest import candidates, chosen
from rag.survey import survey
from rag.vector_index import FaissVectorIndex

INDEX_KINDS = IndexKinds(FaissVectorIndex.from_vectors, Bm25LexicalIndex.from_texts)


class RagEngine:
    """Asks, searches and builds. Cheap to make; models and index are loaded at first use.

    Thread-safe: every question works on the immutable snapshot that was current when it
    came, and a newly published index is picked up by the next one.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        limit_threads(config.threads)
        self._index = ServingIndex(config)
        self._answer_models = AnswerModels(config)
        self._suggest_lock = RLock()  # apart from the index's: others ask while it is held
        self._suggested: tuple[Generation, dict[str, tuple[str, ...]]] | None = None

    # Models -------------------------------------------------------------------------------

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
        _, retriever = self._index.open()
        retriever.embedder.embed_query("warm-up")
        retriever.read("warm-up", "en", [])  # loads the span reader, if there is one
        self._answer_models.languages()
        return self._answer_models.load().kernel

    # Index --------------------------------------------------------------------------------

    def export(self, uri: str, progress: Callable[[Progress], None]) -> ExportReport:
        """Copy the published index to Milvus at ``uri`` and let it serve there.

        Raises:
            RagError: there is no usable index, Milvus does not answer, or the copy is a poor one.
        """
        generation = open_current(self.config.index_dir)
        return export_index(generation, *self._index.legs(generation), uri, progress)

    def index_status(self) -> IndexStatus | None:
        """Return what the published index holds, or None when there is none yet.

        The same object until another index serves, so that a page can keep what it made of it:
        to read the status of ten thousand files for every click would take too long.

        Raises:
            RagError: the index is damaged or was built with another embedder.
        """
        return self._index.status()

    def retriever(self) -> Retriever:
        """Return what searches the whole published index.

        Raises:
            RagError: there is no index, or it is damaged or was built with another embedder.
        """
        return self._index.open()[1]

    def searcher(self, search_filter: SearchFilter) -> tuple[str, Retriever]:
        """Return the id of the published index, and what searches it within limits.

        Raises:
            RagError: there is no usable index, or a limit makes no sense in it.
        """
        manifest, retriever, _ = self._index.within(search_filter)
        return manifest.build_id, retriever

    def document(self, path: str) -> Document:
        """Return the stored text of an indexed file.

        Raises:
            RagError: there is no such document, or no index.
        """
        return self._index.open()[1].corpus.document(path)

    def original(self, path: str) -> Original:
        """Return the file on disk that an indexed document was read from.

        Raises:
            RagError: there is no such document, no index, or the path leads out of its folder.
        """
        generation, retriever = self._index.open()
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
        return survey(request, self.config, self._index.embedder(), progress).plan

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
        with self._index.reopening_after_damage():
            retriever = self._index.within(search_filter)[1]
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
        with self._index.reopening_after_damage():
            manifest, retriever, documents = self._index.within(search_filter)
            answerer = self._answerer(manifest, retriever, documents)
            yield from answerer.answer(question, stop, history, progress)

    def suggestions(self, language: str) -> tuple[str, ...]:
        """Return a few questions that the index answers, in ``language`` where it has such.

        Made once for each index, within two seconds or so, without a language model.

        Raises:
            RagError: there is no index, or it is damaged or was built with another embedder.
        """
        with self._index.reopening_after_damage(), self._suggest_lock:
            generation, retriever = self._index.open()
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
