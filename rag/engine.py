"""RagEngine: the facade of the product, and the only place where concrete classes are chosen."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, RLock

from rag.answer import Answerer, clean_question
from rag.build import IndexKinds, build_index
from rag.config import DEFAULT_ANSWER_MODEL, EXTRACTIVE, Config
from rag.corpus import Corpus
from rag.datatypes import (
    Answer,
    BuildReport,
    Document,
    Hit,
    IndexStatus,
    Language,
    Progress,
    Token,
)
from rag.embed import SentenceTransformerEmbedder, load_embedder
from rag.environment import limit_threads
from rag.errors import IndexMismatchError, IndexNotFoundError
from rag.generate import ExtractiveGenerator, LocalGenerator, load_generator
from rag.generations import SCHEMA_VERSION, Manifest, current_build_id, open_current
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.model_folder import find_model, fingerprint
from rag.prompt import TEMPLATE_HASH
from rag.protocols import Generator
from rag.reading_test import remembered_languages
from rag.retrieve import Retriever
from rag.vector_index import FaissVectorIndex


class RagEngine:
    """Asks, searches and builds. Cheap to make; models and index are loaded at first use.

    Thread-safe: every question works on the immutable snapshot that was current when it
    came, and a newly published index is picked up by the next one.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        limit_threads(config.threads)
        self._index_lock = RLock()
        self._embedder: SentenceTransformerEmbedder | None = None
        # A lock of its own: pages that only show the index need not wait for the answer model.
        self._generator_lock = RLock()
        self._generator: LocalGenerator | ExtractiveGenerator | None = None
        self._snapshot: tuple[Manifest, Retriever] | None = None

    # Models -------------------------------------------------------------------------------

    def _load_embedder(self) -> SentenceTransformerEmbedder:
        with self._index_lock:
            if self._embedder is None:
                self._embedder = load_embedder(self.config)
            return self._embedder

    def _load_generator(self) -> LocalGenerator | ExtractiveGenerator:
        with self._generator_lock:
            if self._generator is None:
                self._generator = (
                    ExtractiveGenerator()
                    if self.is_answer_model_missing()
                    else load_generator(self.config)
                )
            return self._generator

    def _generator_for(self, language: Language) -> Generator:
        """Return the answer model if it reads ``language``, else the extractive generator."""
        if language in self.answer_languages():
            return self._load_generator()
        return ExtractiveGenerator()

    def answer_languages(self) -> tuple[str, ...]:
        """Return the languages that the answer model reads, as measured once (`reading_test`).

        Raises:
            ModelError: the answer model cannot be loaded.
        """
        if self.config.answer_languages:
            return self.config.answer_languages
        if self.config.answer_model == EXTRACTIVE or self.is_answer_model_missing():
            return ()
        with self._generator_lock:
            folder = find_model(self.config.answer_model, self.config.models_dir)
            key = f"{fingerprint(folder)}-{self.config.answer_precision}-{TEMPLATE_HASH}"
            file = self.config.state_dir / "readable-languages.json"
            return remembered_languages(self._load_generator, key, file)

    def is_answer_model_missing(self) -> bool:
        """Tell whether the default answer model was never made; answers are then quotes."""
        folder = self.config.models_dir / DEFAULT_ANSWER_MODEL
        return self.config.answer_model == DEFAULT_ANSWER_MODEL and not folder.is_dir()

    def answer_model_id(self) -> str:
        """Return the name of the model that answers, without loading it."""
        if self._generator is not None:
            return self._generator.model_id
        return EXTRACTIVE if self.is_answer_model_missing() else self.config.answer_model

    def notices(self) -> list[str]:
        """Return keys of what a reader should know before asking."""
        return ["no_answer_model"] if self.is_answer_model_missing() else []

    def warm_up(self) -> None:
        """Load the index and both models, so that the first question need not wait.

        Raises:
            RagError: what cannot be loaded, in words.
        """
        _, retriever = self._open()
        retriever.embedder.embed_query("warm-up")
        self.answer_languages()
        self._load_generator()

    # Index --------------------------------------------------------------------------------

    def _open(self) -> tuple[Manifest, Retriever]:
        with self._index_lock:
            current = current_build_id(self.config.index_dir)
            if self._snapshot is None or self._snapshot[0].build_id != current:
                self._snapshot = self._open_current()
            return self._snapshot

    def _open_current(self) -> tuple[Manifest, Retriever]:
        generation = open_current(self.config.index_dir)
        manifest = generation.manifest
        embedder = self._load_embedder()
        self._refuse_mismatch(manifest, embedder)
        retriever = Retriever(
            corpus=Corpus(generation.path),
            lexical=Bm25LexicalIndex.load(generation.path, manifest.chunks),
            vectors=FaissVectorIndex.load(generation.path),
            embedder=embedder,
            embed_languages=self.config.embed_languages or manifest.embed_languages,
        )
        return manifest, retriever

    def _refuse_mismatch(self, manifest: Manifest, embedder: SentenceTransformerEmbedder) -> None:
        recipe = manifest.recipe
        rebuild = f"Rebuild it: `python -m rag build {manifest.folder}`"
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

        Raises:
            RagError: the index is damaged or was built with another embedder.
        """
        try:
            manifest, retriever = self._open()
        except IndexNotFoundError:
            return None
        return IndexStatus(
            index_id=manifest.build_id,
            folder=manifest.folder,
            created=manifest.created,
            documents=manifest.documents,
            chunks=manifest.chunks,
            embed_model=manifest.recipe.embed_model,
            embed_languages=retriever.embed_languages,  # type: ignore[arg-type] # checked on load
            files=retriever.corpus.files(),
        )

    def document(self, path: str) -> Document:
        """Return the stored text of an indexed file.

        Raises:
            RagError: there is no such document, or no index.
        """
        return self._open()[1].corpus.document(path)

    def build(
        self,
        folder: Path,
        progress: Callable[[Progress], None],
        *,
        allow_shrink: bool = False,
    ) -> BuildReport:
        """Index ``folder`` and publish the result; the old index serves until then.

        Raises:
            BuildError: nothing readable, or over half of the documents would be lost.
            IndexBusyError: another process is building.
        """
        kinds = IndexKinds(
            FaissVectorIndex.from_vectors, FaissVectorIndex.load, Bm25LexicalIndex.from_texts
        )
        return build_index(
            folder, self.config, self._load_embedder(), kinds, progress, allow_shrink=allow_shrink
        )

    # Questions ----------------------------------------------------------------------------

    def search(self, question: str, k: int) -> list[Hit]:
        """Return the ``k`` best passages for ``question``.

        Raises:
            RagError: the question is empty or too long, or there is no usable index.
        """
        question = clean_question(question, self.config.max_question_chars)
        return self._open()[1].retrieve(question, detect_language(question), k)

    def ask(self, question: str, stop: Event) -> Iterator[Token | Answer]:
        """Yield the tokens of a draft, then exactly one `Answer`, last.

        Raises:
            RagError: the question is empty or too long, or index or model is unusable.
        """
        question = clean_question(question, self.config.max_question_chars)
        manifest, retriever = self._open()
        answerer = Answerer(self.config, manifest.build_id, retriever, self._generator_for)
        yield from answerer.answer(question, stop)
