"""Folders to published index: compare, read, cut, embed, index, verify, publish."""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chunk import chunk_document
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import (
    BuildReport,
    Chunk,
    Document,
    FileStatus,
    Progress,
    SyncPlan,
)
from rag.embedding_cache import EmbeddingCache
from rag.errors import (
    BuildError,
)
from rag.gather import Gathered, Gathering
from rag.generations import (
    Generation,
    Manifest,
    discard,
    exclusive_writer,
    publish,
    start_generation,
)
from rag.ingest import READERS
from rag.protocols import Embedder, LexicalIndex, VectorIndex
from rag.sources import SyncRequest
from rag.survey import Survey, refuse_bad_outcome, survey
from rag.sync import Step

logger = logging.getLogger(__name__)

EMBED_BATCH = 64  # passages between two progress reports

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class IndexKinds:
    """The concrete index classes, chosen by the engine."""

    index_vectors: Callable[[NDArray[np.float32]], VectorIndex]
    index_texts: Callable[[Sequence[str]], LexicalIndex]


def build_index(
    request: SyncRequest,
    config: Config,
    embedder: Embedder,
    kinds: IndexKinds,
    progress: OnProgress,
    on_plan: Callable[[SyncPlan], None] = lambda plan: None,
    *,
    allow_shrink: bool = False,
    only_changes: bool = False,
    registry: str = READERS,
) -> BuildReport:
    """Bring the index up to date with its folders and publish the result.

    Files whose content the serving generation knows are not parsed, and passages that were
    embedded before are not embedded again. Whatever fails, the serving generation stays.

    Args:
        request: the folders, and what to change about them.
        config: limits, sizes, and where the index lies.
        embedder: makes the vectors; its model is loaded only when one is missing.
        kinds: makes the two indexes.
        progress: called with the stages scan, load, read, embed and index.
        on_plan: told how the folders differ from the index, before anything is read.
        allow_shrink: publish even when over half of the documents are gone.
        only_changes: publish nothing when nothing changed.
        registry: module of the readers.

    Raises:
        BuildError: a folder is missing or nothing is readable, or over half of the documents
            would be lost without ``allow_shrink``.
        IndexBusyError: another process is building.
    """
    started = time.monotonic()
    with exclusive_writer(config.index_dir), _disk_errors(config.index_dir):
        found = survey(request, config, embedder, progress, registry)
        on_plan(found.plan)
        if only_changes and found.is_up_to_date and found.serving:
            return _unchanged_report(found, found.serving, started)
        generation_folder = start_generation(config.index_dir)
        try:
            build = _Build(generation_folder, found, config, embedder, kinds, progress)
            files = build.read(registry)
            refuse_bad_outcome(files, found, allow_shrink=allow_shrink)
            manifest = build.finish().manifest
        finally:
            discard(generation_folder)
    return BuildReport(
        manifest.build_id,
        manifest.documents,
        manifest.chunks,
        _as_reported(files, found.steps),
        round(time.monotonic() - started, 2),
        found.plan,
        build.embedded,
    )


@contextmanager
def _disk_errors(index_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"The new index could not be written to {index_dir} ({error}). Free some disk space "
            "or check the folder's permissions; the previous index is untouched."
        ) from error


def _unchanged_report(found: Survey, serving: Generation, started: float) -> BuildReport:
    manifest = serving.manifest
    return BuildReport(
        manifest.build_id,
        manifest.documents,
        manifest.chunks,
        _as_reported(Corpus(serving.path).files(), found.steps),
        round(time.monotonic() - started, 2),
        found.plan,
        is_new=False,
    )


def _as_reported(files: Sequence[FileStatus], steps: Sequence[Step]) -> tuple[FileStatus, ...]:
    """Return the statuses with "unchanged" for what was indexed before under the same path."""
    kept = {step.entry.path for step in steps if step.is_unchanged}
    return tuple(
        replace(file, status="unchanged")
        if file.status == "indexed" and (file.container or file.path) in kept
        else file
        for file in files
    )


class _Build:
    """One new generation in the making."""

    def __init__(
        self,
        generation_folder: Path,
        found: Survey,
        config: Config,
        embedder: Embedder,
        kinds: IndexKinds,
        progress: OnProgress,
    ) -> None:
        self.embedded = 0
        self._folder = generation_folder
        self._found = found
        self._config = config
        self._embedder = embedder
        self._kinds = kinds
        self._progress = progress
        self._chunk_tokens = config.chunk_tokens
        self._texts: list[str] = []  # search text of every passage, by row

    def read(self, registry: str) -> tuple[FileStatus, ...]:
        """Fill the corpus; return the status of every file."""
        former = self._found.former()
        keeps_chunks = self._found.keeps_chunks
        if not keeps_chunks or any(step.is_read for step in self._found.steps):
            self._progress(Progress("load", 0, 0))  # or the first file would seem to take so long
            self._chunk_tokens = min(self._config.chunk_tokens, self._embedder.max_tokens)
        with (
            closing(CorpusWriter(self._folder)) as corpus,
            tempfile.TemporaryDirectory(prefix="scratch-", dir=self._folder) as scratch,
        ):
            gathering = Gathering(
                self._found.steps, former, self._config, Path(scratch), self._progress, registry
            )
            files = []
            for gathered in gathering.files():
                chunks = gathered.chunks if keeps_chunks else None
                files.append(self._add(corpus, replace(gathered, chunks=chunks)))
            corpus.finish(files)
        return tuple(sorted(files, key=lambda file: file.path))

    def _add(self, corpus: CorpusWriter, gathered: Gathered) -> FileStatus:
        document, chunks = gathered.document, gathered.chunks
        if document is None:
            return gathered.status
        if chunks is None:
            try:
                chunks = self._chunk(document)
            except ValueError:  # one text that the splitter cannot take must not stop the rest
                logger.exception("Cutting %s failed", document.path)
                reason = "This text could not be cut into passages; please report it."
                return replace(gathered.status, status="failed", reason=reason)
        if not chunks:
            reason = "This file holds no text that could be searched, so it is left out."
            return replace(gathered.status, status="no_text", reason=reason)
        corpus.add(document, chunks)
        self._texts += [chunk.search_text for chunk in chunks]
        return replace(gathered.status, chunks=len(chunks), pages=len(document.page_starts))

    def _chunk(self, document: Document) -> list[Chunk]:
        return chunk_document(
            document,
            self._chunk_tokens,
            self._config.chunk_overlap_tokens,
            self._embedder.count_tokens,
        )

    def finish(self) -> Generation:
        """Embed, index, verify and publish what `read` has collected."""
        index_dir, build_id = self._folder.parent, self._folder.name
        serving = self._found.serving.manifest.build_id if self._found.serving else None
        fingerprint = self._found.recipe.embed_fingerprint
        with closing(EmbeddingCache(index_dir, fingerprint, build_id)) as cache:
            vectors = self._kinds.index_vectors(self._embed(cache))
            vectors.save(self._folder)
            self._progress(Progress("index", 0, 0))
            lexical = self._kinds.index_texts(self._texts)
            lexical.save(self._folder)
            self._verify(vectors, lexical)
            generation = publish(self._folder, self._manifest(), serving)
            with suppress(OSError):  # it is published by now, and the next build prunes again
                cache.prune((build_id, *((serving,) if serving else ())))
        return generation

    def _manifest(self) -> Manifest:
        documents, chunks = Corpus(self._folder).counts()
        return Manifest(
            build_id=self._folder.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            sources=self._found.sources,
            recipe=self._found.recipe,
            abilities=self._found.abilities,
            dimension=self._dimension,
            embed_languages=self._languages,
            documents=documents,
            chunks=chunks,
            sha256={},
        )

    def _embed(self, cache: EmbeddingCache) -> NDArray[np.float32]:
        vectors = np.empty((len(self._texts), self._dimension), dtype=np.float32)
        rows_of: dict[str, list[int]] = {}  # a text that stands in several files is embedded once
        for row in cache.fill(self._texts, vectors):
            rows_of.setdefault(self._texts[row], []).append(row)
        # Passages of like length together: a batch costs what its longest one costs.
        missing = sorted(rows_of, key=len)
        for start in range(0, len(missing), EMBED_BATCH):
            self._progress(Progress("embed", start, len(missing)))
            texts = missing[start : start + EMBED_BATCH]
            embedded = self._embedder.embed_passages(texts)
            cache.add(texts, embedded)
            for text, vector in zip(texts, embedded, strict=True):
                vectors[rows_of[text]] = vector
        self._progress(Progress("embed", len(missing), len(missing)))
        self.embedded = len(missing)
        return vectors

    # What the serving generation says of the same embedder saves loading the model when there is
    # nothing to embed.

    @property
    def _dimension(self) -> int:
        return self._same_embedder.dimension if self._same_embedder else self._embedder.dimension

    @property
    def _languages(self) -> tuple[str, ...]:
        same = self._same_embedder
        return same.embed_languages if same else self._embedder.languages

    @property
    def _same_embedder(self) -> Manifest | None:
        serving = self._found.serving
        fingerprint = self._found.recipe.embed_fingerprint
        if serving is None or serving.manifest.recipe.embed_fingerprint != fingerprint:
            return None
        return serving.manifest

    def _verify(self, vectors: VectorIndex, lexical: LexicalIndex) -> None:
        """Check counts, and that a passage's own vector finds a passage equally close."""
        counts = {len(vectors), len(lexical), Corpus(self._folder).counts()[1], len(self._texts)}
        middle = len(self._texts) // 2
        found = vectors.search(vectors.vectors([middle])[0], 1)
        if len(counts) != 1 or found[0][1] < 0.999:
            raise BuildError(
                "The new index failed its self-check and was not published; the previous one "
                "still serves. Build again; if it happens twice, please report it."
            )
