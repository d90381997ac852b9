"""Files to documents, in parser children: every file ends in one status, and none stops a build.

A file may hold others (an archive, a mail with attachments). Each of them becomes a document of
its own whose path goes on where that of its container ends: ``mail.eml/report.pdf``.
"""

import importlib
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from rag.config import Config
from rag.datatypes import Document, FileStatus, Source, Status
from rag.errors import DocumentError
from rag.readers.part_names import clean_parts
from rag.readers.pool import ParserPool
from rag.readers.process import ParserProcess, Reading, StoredPart
from rag.scan import FoundFile, refuse, scan, sha256_of, unique_path

READERS = "rag.readers"
MAX_DEPTH = 5  # of files inside files
_MAX_MB_INSIDE = 100  # of one file on disk, over all levels
_MAX_SECONDS_LOST_INSIDE = 10  # on files that cannot be read; then a container's rest is not tried
_MAX_NAME_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    ``document`` is there exactly when ``status.status`` is "indexed"; the build still has to
    fill in ``status.chunks``.
    """

    status: FileStatus
    document: Document | None = None


def refused_suffixes(registry: str = READERS) -> dict[str, str]:
    """Return the suffixes of files that are never opened, each with the reason."""
    table: dict[str, str] = importlib.import_module(registry).REFUSED_SUFFIXES
    return table


def abilities(config: Config, registry: str = READERS) -> tuple[str, ...]:
    """Return what decides whether a file that was refused once is worth another try."""
    names: tuple[str, ...] = importlib.import_module(registry).abilities()
    limits = (config.parse_seconds, config.parse_memory_mb, config.max_file_mb)
    return (*names, "limits {} s, {} MB, {} MB".format(*limits))


def read_folder(folder: Path, config: Config, registry: str = READERS) -> Iterator[Outcome]:
    """Yield one outcome for every file of a folder and every file inside those, sorted by path.

    Raises:
        BuildError: see `rag.scan.scan`.
    """
    source = Source(str(folder.expanduser().resolve()))
    entries = scan([source], refused_suffixes(registry), config.max_file_mb, lambda step: None)
    files = [entry for entry in entries if isinstance(entry, FoundFile)]
    with tempfile.TemporaryDirectory() as scratch:
        readings = read_files(files, config, Path(scratch), registry)
        for entry in entries:
            if isinstance(entry, FileStatus):
                yield Outcome(entry)
            else:
                yield from next(readings)


def read_files(
    files: Sequence[FoundFile], config: Config, scratch: Path, registry: str = READERS
) -> Generator[list[Outcome]]:
    """Yield the outcomes of each file, in order: its own first, then those of files inside it.

    Args:
        files: as `scan` found them.
        config: the limits ``max_file_mb``, ``parse_seconds``, ``parse_memory_mb`` and the number
            of ``parse_workers``.
        scratch: folder for what is unpacked; emptied after each file.
        registry: module that offers ``reader_for`` and ``REFUSED_SUFFIXES``.
    """
    if not files:
        return
    seconds, memory_mb = config.parse_seconds, config.parse_memory_mb
    size = min(config.parse_workers, len(files))
    reader = _FileReader(config, scratch, refused_suffixes(registry))
    with (
        ParserPool(registry, seconds, memory_mb, size) as pool,
        closing(pool.map(reader.read, files)) as outcomes,
    ):
        yield from outcomes


class _FileReader:
    """Reads one file with all that is inside it. Stateless, so several threads may share it."""

    def __init__(self, config: Config, scratch: Path, refused: dict[str, str]) -> None:
        self._config = config
        self._scratch = scratch.resolve()  # LibreOffice takes its profile by an absolute address
        self._refused = refused

    def read(self, parser: ParserProcess, found: FoundFile) -> list[Outcome]:
        """Return the outcome of the file, then those of the files inside it."""
        with tempfile.TemporaryDirectory(prefix="read-", dir=self._scratch) as scratch:
            outcomes = self._read(parser, found, Path(scratch), (), _Room())
        taken: set[str] = set()  # a folder in an archive may be called like an archive beside it
        return [_renamed(outcome, unique_path(outcome.status.path, taken)) for outcome in outcomes]

    def _read(
        self,
        parser: ParserProcess,
        found: FoundFile,
        scratch: Path,
        inside: tuple[FoundFile, ...],
        room: "_Room",
    ) -> list[Outcome]:
        """Read a file that lies inside the files ``inside``, outermost first."""
        started = time.monotonic()
        status = FileStatus(
            found.path,
            "indexed",
            "",
            size_bytes=found.size_bytes,
            container=inside[0].path if inside else "",
            sha256=found.sha256,
            modified=found.modified,
        )
        try:
            reading = self._parse(parser, found, scratch, inside)
        except DocumentError as error:
            refusal = error.status if error.status in get_args(Status) else "failed"
            seconds = round(time.monotonic() - started, 3)
            status = replace(status, status=refusal, reason=str(error), seconds=seconds)
            return [Outcome(status)]
        status = replace(status, seconds=round(time.monotonic() - started, 3))
        outcome = _outcome(status, reading)
        parts = self._read_parts(parser, reading.parts, scratch, (*inside, found), room)
        return [outcome, *parts]

    def _parse(
        self, parser: ParserProcess, found: FoundFile, scratch: Path, inside: tuple[FoundFile, ...]
    ) -> Reading:
        if inside:
            refuse(found.path, found.size_bytes, self._refused, self._config.max_file_mb)
        if len(inside) > MAX_DEPTH or any(found.sha256 == outer.sha256 for outer in inside):
            raise DocumentError(
                "failed",
                f"This file lies inside itself or more than {MAX_DEPTH} other files deep; "
                "unpack it into the folder if it matters.",
            )
        # A pipe in its place would be read up to the time limit, a link anywhere it leads.
        if found.file.is_symlink() or (found.file.exists() and not found.file.is_file()):
            raise DocumentError("unsupported", "This is no longer a regular file.")
        try:
            reading = parser.read(found.file, found.size_bytes, scratch)
        except DocumentError:
            _require_unchanged(found)  # or the file that went away would be called damaged
            raise
        _require_unchanged(found)
        return reading

    def _read_parts(
        self,
        parser: ParserProcess,
        parts: Sequence[StoredPart],
        scratch: Path,
        inside: tuple[FoundFile, ...],
        room: "_Room",
    ) -> Iterator[Outcome]:
        for number, part in enumerate(parts):
            folder = scratch / f"in-{number}"
            folder.mkdir()
            path = f"{inside[-1].path}/{_shown(part.name)}"
            size_bytes = part.file.stat().st_size
            modified = inside[0].modified
            found = FoundFile(path, part.file, size_bytes, sha256_of(part.file), modified)
            if reason := room.refusal(size_bytes):
                status = FileStatus(
                    path, "failed", reason, container=inside[0].path, modified=modified
                )
                yield Outcome(status)
            else:
                outcomes = self._read(parser, found, folder, inside, room)
                own = outcomes[0]
                room.lost_seconds += own.status.seconds if own.document is None else 0
                yield from outcomes
            part.file.unlink()


@dataclass(slots=True)
class _Room:
    """What is left for the files inside one file on disk, over all levels."""

    megabytes: float = _MAX_MB_INSIDE
    lost_seconds: float = 0.0

    def refusal(self, size_bytes: int) -> str:
        """Take the room of one more file; return why it is not to be read, "" when it is."""
        if self.lost_seconds >= _MAX_SECONDS_LOST_INSIDE:
            return "Not tried, as other files in the same archive took too long; unpack it."
        self.megabytes -= size_bytes / 1e6
        if self.megabytes < 0:
            return (
                f"Not tried, as the archive unpacks to more than {_MAX_MB_INSIDE} MB; "
                "unpack it into the folder."
            )
        return ""


def _shown(name: str) -> str:
    """Return the name of a part as it may stand in a path; a child could have sent any."""
    return "/".join(clean_parts(name))[-_MAX_NAME_CHARACTERS:] or "unnamed"


def _renamed(outcome: Outcome, path: str) -> Outcome:
    if path == outcome.status.path:
        return outcome
    document = replace(outcome.document, path=path) if outcome.document else None
    return Outcome(replace(outcome.status, path=path), document)


def _require_unchanged(found: FoundFile) -> None:
    if sha256_of(found.file) != found.sha256:
        raise DocumentError("failed", "This file changed while it was being read; try again.")


def _outcome(status: FileStatus, reading: Reading) -> Outcome:
    extract = reading.extract
    if not extract.text.strip():
        reason = f"Files inside, each listed by itself: {len(reading.parts)}. {extract.remark}"
        return Outcome(replace(status, status="archive", reason=reason.strip()))
    status = replace(
        status,
        reason=extract.remark,
        pages=len(extract.page_starts),
        scanned_pages=extract.scanned_pages,
    )
    document = Document(
        path=status.path,
        text=extract.text,
        sha256=status.sha256,
        blocks=extract.blocks,
        page_starts=extract.page_starts,
        title=extract.title,
    )
    return Outcome(status, document)
