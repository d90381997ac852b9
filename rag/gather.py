"""Steps to documents: each file is read, or taken over from the serving generation."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import Chunk, Document, FileStatus, Progress
from rag.ingest import Outcome, read_files
from rag.scan import FoundFile
from rag.sync import Step

# An emptied file is not among these: it was read well, and holds nothing now.
_KEEPS_OLD_TEXT = ("failed", "encrypted", "unsupported")


@dataclass(frozen=True, slots=True)
class Gathered:
    """One file of the new generation. ``chunks`` is None for a text that is still to be cut."""

    status: FileStatus
    document: Document | None = None
    chunks: list[Chunk] | None = None


class Gathering:
    """Carries out the steps of a build.

    Args:
        steps: as `rag.sync.compare` returns them.
        former: texts of the serving generation; None when they would be other ones today.
        config: limits of the readers.
        scratch: folder for what is unpacked.
        progress: called before each file that is read, and at the end, with stage "read".
        registry: module of the readers.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        former: Corpus | None,
        config: Config,
        scratch: Path,
        progress: Callable[[Progress], None],
        registry: str,
    ) -> None:
        self._steps = steps
        self._former = former
        self._config = config
        self._scratch = scratch
        self._progress = progress
        self._registry = registry

    def files(self) -> Iterator[Gathered]:
        """Yield every file, and after it the files inside it."""
        to_read = [s.entry for s in self._steps if isinstance(s.entry, FoundFile) and s.is_read]
        readings = read_files(to_read, self._config, self._scratch, self._registry)
        with closing(readings):
            done = 0
            for step in self._steps:
                if step.is_read:
                    self._progress(Progress("read", done, len(to_read), step.entry.path))
                    yield from self._read(next(readings), step.former)
                    done += 1
                elif isinstance(step.entry, FileStatus):
                    yield from self._unread(step.entry, step.former)
                else:
                    yield from _dated(
                        self._taken_over(step.former, step.entry.path), step.entry.modified
                    )
        self._progress(Progress("read", len(to_read), len(to_read)))

    def _read(self, outcomes: list[Outcome], former_path: str) -> Iterator[Gathered]:
        status = outcomes[0].status
        if status.status in _KEEPS_OLD_TEXT:
            yield from self._unread(status, former_path)
        else:
            yield from (Gathered(outcome.status, outcome.document) for outcome in outcomes)

    def _unread(self, refusal: FileStatus, former_path: str) -> Iterator[Gathered]:
        """Yield a file that cannot be read, with the text that it had before, if any."""
        former = list(self._taken_over(former_path, refusal.path)) if former_path else []
        if not any(gathered.document for gathered in former):
            yield Gathered(refusal)
            return
        reason = f"{refusal.reason} Answers still use the text that this file had before."
        stale = replace(
            former[0].status,
            status="stale",
            reason=reason,
            sha256=refusal.sha256,
            size_bytes=refusal.size_bytes,
        )
        yield replace(former[0], status=stale)
        yield from former[1:]

    def _taken_over(self, old_path: str, path: str) -> Iterator[Gathered]:
        """Yield a file of the serving generation and all files inside it, under another path."""
        if self._former is None:
            return
        for status in self._former.files_of(old_path):
            moved = path + status.path.removeprefix(old_path)
            container = path if status.container else ""
            moved_status = replace(status, path=moved, container=container)
            if not status.chunks:
                yield Gathered(moved_status)
                continue
            document = replace(self._former.document(status.path), path=moved)
            chunks = self._former.chunks(self._former.rows_of(status.path))
            yield Gathered(moved_status, document, [replace(c, path=moved) for c in chunks])


def _dated(files: Iterable[Gathered], modified: int | None) -> Iterator[Gathered]:
    """Yield the files with another date: the same content may have been written anew."""
    for gathered in files:
        yield replace(gathered, status=replace(gathered.status, modified=modified))
