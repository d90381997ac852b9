"""Folder to published index: read, cut, embed, index, verify, publish."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chunk import chunk_document
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import BuildReport, Chunk, Document, FileStatus, Progress
from rag.errors import BuildError, IndexDamagedError, IndexNotFoundError
from rag.generations import (
    SCHEMA_VERSION,
    Generation,
    Recipe,
    discard,
    exclusive_writer,
    open_current,
    publish,
    start_generation,
)
from rag.ingest import read_folder
from rag.protocols import Embedder, LexicalIndex, VectorIndex

EMBED_BATCH = 64  # passages between two progress reports

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class IndexKinds:
    """The concrete index classes, chosen by the engine."""

    index_vectors: Callable[[NDArray[np.float32]], VectorIndex]
    load_vectors: Callable[[Path], VectorIndex]
    index_texts: Callable[[Sequence[str]], LexicalIndex]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the serving generation already has, and the new one can take over."""

    corpus: Corpus
    vectors: VectorIndex
    hashes: dict[str, str]


def build_index(
    folder: Path,
    config: Config,
    embedder: Embedder,
    kinds: IndexKinds,
    progress: OnProgress,
    *,
    allow_shrink: bool = False,
) -> BuildReport:
    """Index every readable file below ``folder`` and publish the result.

    Files whose content is unchanged since the serving generation are neither parsed nor
    embedded again. Whatever fails, the serving generation stays.

    Raises:
        BuildError: the folder is missing or holds nothing readable, or over half of the
            documents would be lost without ``allow_shrink``.
        IndexBusyError: another process is building.
    """
    started = time.monotonic()
    folder = folder.expanduser().resolve()
    with exclusive_writer(config.index_dir):
        recipe = Recipe(
            SCHEMA_VERSION,
            config.embed_model,
            embedder.fingerprint,
            min(config.chunk_tokens, embedder.max_tokens),
            config.chunk_overlap_tokens,
        )
        current = _open_if_usable(config.index_dir)
        known = _known(current, recipe, kinds)
        generation_folder = start_generation(config.index_dir)
        try:
            build = _Build(generation_folder, folder, config, recipe, embedder, kinds, progress)
            files = build.read(known)
            _refuse_bad_outcome(files, folder, current, allow_shrink)
            generation = build.finish(files)
        except OSError as error:
            raise BuildError(
                f"The new index could not be written to {config.index_dir} ({error}). Free some "
                "disk space or check the folder's permissions; the previous index is untouched."
            ) from error
        finally:
            discard(generation_folder)
    manifest = generation.manifest
    seconds = round(time.monotonic() - started, 2)
    return BuildReport(manifest.build_id, manifest.documents, manifest.chunks, files, seconds)


def _open_if_usable(index_dir: Path) -> Generation | None:
    """Return the serving generation; a damaged or missing one only means to start afresh."""
    try:
        return open_current(index_dir)
    except (IndexNotFoundError, IndexDamagedError):
        return None


def _known(current: Generation | None, recipe: Recipe, kinds: IndexKinds) -> _Known | None:
    if current is None or current.manifest.recipe != recipe:
        return None
    corpus = Corpus(current.path)
    return _Known(corpus, kinds.load_vectors(current.path), corpus.hashes())


def _refuse_bad_outcome(
    files: Sequence[FileStatus], folder: Path, current: Generation | None, allow_shrink: bool
) -> None:
    readable = sum(file.chunks > 0 for file in files)
    if readable == 0:
        reasons = "; ".join(f"{file.path}: {file.reason}" for file in files[:3])
        raise BuildError(
            f"None of the {len(files)} files in {folder} could be indexed ({reasons}). "
            "Add readable documents; the previous index is untouched."
        )
    if current is None or allow_shrink or current.manifest.folder != str(folder):
        return
    before = current.manifest.documents
    if readable * 2 < before:
        raise BuildError(
            f"Only {readable} of {before} documents are left in {folder}. If that is meant, "
            "build with --allow-shrink; otherwise check that the folder is complete. The "
            "previous index is untouched."
        )


class _Build:
    """One new generation in the making."""

    def __init__(
        self,
        generation_folder: Path,
        source: Path,
        config: Config,
        recipe: Recipe,
        embedder: Embedder,
        kinds: IndexKinds,
        progress: OnProgress,
    ) -> None:
        self._folder = generation_folder
        self._source = source
        self._config = config
        self._recipe = recipe
        self._embedder = embedder
        self._kinds = kinds
        self._progress = progress
        self._texts: list[str] = []  # search text of every passage, by row
        self._reused: dict[int, NDArray[np.float32]] = {}  # vectors taken over, by row

    def read(self, known: _Known | None) -> tuple[FileStatus, ...]:
        """Fill the corpus from the folder; return the status of every file."""
        hashes = known.hashes if known else {}
        files: list[FileStatus] = []
        with closing(CorpusWriter(self._folder)) as corpus:
            for outcome in read_folder(
                self._source,
                self._config,
                is_known=lambda path, sha256: hashes.get(path) == sha256,
                progress=self._progress,
            ):
                status = outcome.status
                if outcome.document:
                    status = self._add(
                        corpus, outcome.document, self._chunk(outcome.document), status
                    )
                elif known and status.status == "unchanged":
                    status = self._take_over(corpus, status, known)
                files.append(status)
            corpus.finish(files)
        return tuple(files)

    def _chunk(self, document: Document) -> list[Chunk]:
        return chunk_document(
            document,
            self._recipe.chunk_tokens,
            self._recipe.chunk_overlap_tokens,
            self._embedder.count_tokens,
        )

    def _add(
        self,
        corpus: CorpusWriter,
        document: Document,
        chunks: list[Chunk],
        status: FileStatus,
    ) -> FileStatus:
        if not chunks:
            return replace(status, status="no_text", reason="The file holds no text.")
        corpus.add(document, chunks)
        self._texts += [chunk.search_text for chunk in chunks]
        return replace(status, chunks=len(chunks), pages=len(document.page_starts))

    def _take_over(self, corpus: CorpusWriter, status: FileStatus, known: _Known) -> FileStatus:
        """Copy a document with its passages and vectors from the serving generation."""
        rows = known.corpus.rows_of(status.path)
        first = len(self._texts)
        for offset, vector in enumerate(known.vectors.vectors(rows)):
            self._reused[first + offset] = vector
        document = known.corpus.document(status.path)
        return self._add(corpus, document, known.corpus.chunks(rows), status)

    def finish(self, files: Sequence[FileStatus]) -> Generation:
        """Embed, index, verify and publish what `read` has collected."""
        vectors = self._kinds.index_vectors(self._embed())
        vectors.save(self._folder)
        self._progress(Progress("index", 0, 0))
        lexical = self._kinds.index_texts(self._texts)
        lexical.save(self._folder)
        self._verify(vectors, lexical)
        documents, chunks = Corpus(self._folder).counts()
        return publish(
            self._folder,
            self._source,
            self._recipe,
            dimension=self._embedder.dimension,
            embed_languages=self._embedder.languages,
            documents=documents,
            chunks=chunks,
        )

    def _embed(self) -> NDArray[np.float32]:
        vectors = np.empty((len(self._texts), self._embedder.dimension), dtype=np.float32)
        for row, vector in self._reused.items():
            vectors[row] = vector
        # Passages of like length together: a batch costs what its longest one costs.
        rows = [row for row in range(len(self._texts)) if row not in self._reused]
        rows.sort(key=lambda row: len(self._texts[row]))
        for start in range(0, len(rows), EMBED_BATCH):
            self._progress(Progress("embed", start, len(rows)))
            batch = rows[start : start + EMBED_BATCH]
            vectors[batch] = self._embedder.embed_passages([self._texts[row] for row in batch])
        self._progress(Progress("embed", len(rows), len(rows)))
        return vectors

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
