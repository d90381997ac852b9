"""How the folders differ from the index: what a build would do, and whether that is meant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import FileStatus, Progress, Source, SyncPlan
from rag.errors import (
    BuildError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    RagError,
)
from rag.generations import SCHEMA_VERSION, Generation, Recipe, open_current
from rag.ingest import READERS, abilities, refused_suffixes
from rag.protocols import Embedder
from rag.scan import scan
from rag.sources import SyncRequest, apply_request, labels
from rag.sync import Step, by_present_path, compare


@dataclass(frozen=True, slots=True)
class Survey:
    """What the folders hold now, compared with the serving index."""

    sources: tuple[Source, ...]
    steps: list[Step]
    plan: SyncPlan
    serving: Generation | None
    recipe: Recipe
    abilities: tuple[str, ...]

    def former(self) -> Corpus | None:
        """Return the texts that can be taken over; None when readers would make others today."""
        if self.serving is None:
            return None
        if self.serving.manifest.recipe.schema_version != self.recipe.schema_version:
            return None
        return Corpus(self.serving.path)

    @property
    def keeps_chunks(self) -> bool:
        """Tell whether texts that are taken over would be cut as they are."""
        return self.serving is not None and self.serving.manifest.recipe == self.recipe

    @property
    def is_up_to_date(self) -> bool:
        """Tell whether a new index would hold just what the serving one holds."""
        return (
            self.serving is not None
            and not self.serving.damage
            and Corpus(self.serving.path).knows_dates()
            and not self.plan.has_changes
            and self.serving.manifest.sources == self.sources
            and self.serving.manifest.recipe == self.recipe
        )


def survey(
    request: SyncRequest,
    config: Config,
    embedder: Embedder,
    progress: Callable[[Progress], None],
    registry: str = READERS,
) -> Survey:
    """Return what a build would do. Hashes every file, parses none, loads no model.

    Raises:
        RagError: a folder cannot be read, or ``request`` makes no sense.
    """
    serving = _open_if_usable(config.index_dir)
    recipe = Recipe(
        SCHEMA_VERSION,
        config.embed_model,
        embedder.fingerprint,
        config.chunk_tokens,
        config.chunk_overlap_tokens,
    )
    files = Corpus(serving.path).files() if serving else ()
    if serving is not None:
        _refuse_unknown_paths(request, files)
    sources = apply_request(serving.manifest.sources if serving else (), request)
    entries = scan(sources, refused_suffixes(registry), config.max_file_mb, progress)
    found = Survey(sources, [], SyncPlan(), serving, recipe, abilities(config, registry))
    known: dict[str, FileStatus] = {}
    partial: set[str] = set()
    if serving is not None and found.former() is not None:
        known = by_present_path(files, serving.manifest.sources, sources)
        partial = {file.container for file in files if file.status not in ("indexed", "archive")}
    can_do_more = serving is not None and serving.manifest.abilities != found.abilities
    steps, plan = compare(entries, known, request, partial=partial, retries_refused=can_do_more)
    return replace(found, steps=steps, plan=plan)


def _open_if_usable(index_dir: Path) -> Generation | None:
    """Return the serving generation; one that cannot be used only means to start afresh."""
    try:
        return open_current(index_dir)
    except (IndexNotFoundError, IndexDamagedError, IndexMismatchError):
        return None


def _refuse_unknown_paths(request: SyncRequest, files: Sequence[FileStatus]) -> None:
    known = {file.path: file for file in files}
    for path in (*request.leave_out, *request.take_in, *request.retry):
        if path not in known:
            raise RagError(f"The index lists no file {path!r}. Copy its path from `status`.")
    for path in (*request.leave_out, *request.take_in):
        if container := known[path].container:
            raise RagError(
                f"{path!r} lies inside {container!r}, which can only be left out or taken in whole."
            )


def refuse_bad_outcome(files: Sequence[FileStatus], found: Survey, *, allow_shrink: bool) -> None:
    """Raise BuildError when no file was readable, or most documents of a kept folder are gone."""
    if not any(file.chunks for file in files):
        reasons = "; ".join(f"{file.path}: {file.reason}" for file in files[:3])
        raise BuildError(
            f"None of the {len(files)} files in {_folders(found.sources)} could be indexed "
            f"({reasons}). Add readable documents; the previous index is untouched."
        )
    if found.serving is None or allow_shrink:
        return
    old = _documents_by_folder(found.serving.manifest.sources, Corpus(found.serving.path).files())
    new = _documents_by_folder(found.sources, files)
    # A folder that was dropped on purpose is not compared.
    before = sum(count for folder, count in old.items() if folder in new)
    after = sum(count for folder, count in new.items() if folder in old)
    if after * 2 < before:
        raise BuildError(
            f"Only {after} of {before} documents are left in {_folders(found.sources)}. If that is "
            "meant, repeat the command with --allow-shrink; otherwise check that the folder is "
            "complete. The previous index is untouched."
        )


def _folders(sources: Sequence[Source]) -> str:
    return ", ".join(source.folder for source in sources)


def _documents_by_folder(sources: Sequence[Source], files: Sequence[FileStatus]) -> dict[str, int]:
    counts = {}
    for label, source in zip(labels(sources), sources, strict=True):
        prefix = f"{label}/" if label else ""
        counts[source.folder] = sum(f.chunks > 0 and f.path.startswith(prefix) for f in files)
    return counts
