"""A folder to documents: every file found ends in exactly one outcome, and none stops a build.

Files are parsed in a child process with limits on time and memory. Left out silently, as
they are not documents: names that begin with "." or "~$", ``Thumbs.db``, ``desktop.ini``,
and everything inside ``__pycache__`` and ``node_modules``.
"""

import hashlib
import importlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rag.config import Config
from rag.datatypes import Document, FileStatus, Progress, Status
from rag.errors import BuildError, DocumentError
from rag.readers.process import ParserProcess

READERS = "rag.readers"

_HIDDEN_PREFIXES = (".", "~$")
_HIDDEN_NAMES = frozenset(("__pycache__", "node_modules", "thumbs.db", "desktop.ini"))
_REFUSALS = ("no_text", "encrypted", "unsupported", "failed")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file of the folder, not opened yet."""

    path: str  # relative to the folder, "/" between parts; always encodable as UTF-8
    file: Path  # absolute, links resolved
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file.

    ``document`` is there exactly when ``status.status`` is "indexed"; the build still has to
    fill in ``status.chunks``.
    """

    status: FileStatus
    document: Document | None = None


def scan_folder(folder: Path) -> list[FoundFile | FileStatus]:
    """Return the folder's files, and a status for all else that is there, sorted by path.

    Nothing outside the folder is reached: links to files inside are read under the link's
    name, other links are reported and not followed.

    Raises:
        BuildError: the folder does not exist, is no folder, is unreadable or holds no file.
    """
    root = folder.expanduser()
    if not root.exists():
        raise BuildError(f"The folder {folder} does not exist. Name a folder with documents.")
    if not root.is_dir():
        raise BuildError(f"{folder} is a file, not a folder. Name the folder that holds it.")
    root = root.resolve()
    try:
        found = _scan(root)
    except OSError as error:
        raise BuildError(
            f"The folder {folder} cannot be listed ({error.strerror}). Check its permissions."
        ) from error
    if not found:
        raise BuildError(f"The folder {folder} holds no files. Put documents into it and retry.")
    return found


def read_folder(
    folder: Path,
    config: Config,
    *,
    is_known: Callable[[str, str], bool] = lambda path, sha256: False,
    progress: Callable[[Progress], None] = lambda step: None,
    registry: str = READERS,
) -> Iterator[Outcome]:
    """Yield one outcome for every file of the folder, sorted by path.

    Args:
        folder: searched with all its subfolders.
        config: the limits ``max_file_mb``, ``parse_seconds`` and ``parse_memory_mb``.
        is_known: called with path and SHA-256 of a file; when it returns True the file is not
            parsed and its status is "unchanged".
        progress: called before each file and once at the end, with stage "read".
        registry: module that offers ``reader_for`` and ``SUPPORTED_SUFFIXES``.

    Raises:
        BuildError: see `scan_folder`; raised by the call, not by the first outcome.
    """
    entries = scan_folder(folder)
    return _outcomes(entries, config, is_known, progress, registry)


def _outcomes(
    entries: list[FoundFile | FileStatus],
    config: Config,
    is_known: Callable[[str, str], bool],
    progress: Callable[[Progress], None],
    registry: str,
) -> Iterator[Outcome]:
    suffixes: tuple[str, ...] = importlib.import_module(registry).SUPPORTED_SUFFIXES
    with ParserProcess(registry, config.parse_seconds, config.parse_memory_mb) as parser:
        for number, entry in enumerate(entries):
            progress(Progress("read", number, len(entries), entry.path))
            if isinstance(entry, FileStatus):
                yield Outcome(entry)
                continue
            try:
                _check(entry, suffixes, config.max_file_mb)
                yield _read(entry, parser, is_known)
            except DocumentError as error:
                status = cast("Status", error.status if error.status in _REFUSALS else "failed")
                yield Outcome(
                    FileStatus(entry.path, status, str(error), size_bytes=entry.size_bytes)
                )
    progress(Progress("read", len(entries), len(entries)))


def _scan(root: Path) -> list[FoundFile | FileStatus]:
    found: list[FoundFile | FileStatus] = []
    pending = [root]  # not recursive: folders may be nested deeper than Python's stack
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            if folder == root:
                raise
            reason = "This folder cannot be listed; check its permissions."
            found.append(FileStatus(_printable(folder.relative_to(root)), "failed", reason))
            continue
        for entry in entries:
            if entry.name.startswith(_HIDDEN_PREFIXES) or entry.name.lower() in _HIDDEN_NAMES:
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            else:
                found.append(_classify(entry, root))
    return sorted(found, key=lambda entry: entry.path)


def _classify(entry: os.DirEntry[str], root: Path) -> FoundFile | FileStatus:
    file = Path(entry.path)
    path = _printable(file.relative_to(root))
    try:
        if entry.is_symlink():
            return _resolve_link(file, path, root)
        if entry.is_file():
            return FoundFile(path, file, entry.stat().st_size)
    except (OSError, RuntimeError):  # RuntimeError: Path.resolve on a loop of links
        return FileStatus(path, "failed", "This cannot be opened; check where it leads.")
    reason = "This is a pipe, socket or device, not a file, so it is never opened."
    return FileStatus(path, "unsupported", reason)


def _resolve_link(link: Path, path: str, root: Path) -> FoundFile | FileStatus:
    target = link.resolve()
    if not target.is_relative_to(root):
        reason = "This link leads out of the folder and is not followed; copy the file instead."
    elif target.is_dir():
        reason = "This link leads to a folder that is read under its own name."
    elif target.is_file():
        return FoundFile(path, target, target.stat().st_size)
    else:
        reason = "This link leads nowhere; delete it or restore what it points to."
    return FileStatus(path, "unsupported", reason)


def _printable(relative: Path) -> str:
    r"""Return the path with "/" between its parts; bytes that are no UTF-8 become ``\xNN``."""
    return os.fsencode(relative.as_posix()).decode("utf-8", errors="backslashreplace")


def _check(found: FoundFile, suffixes: tuple[str, ...], max_file_mb: int) -> None:
    suffix = found.file.suffix.lower()
    if suffix not in suffixes:
        kind = f"{_printable(Path(suffix))} files" if suffix else "files without a suffix"
        raise DocumentError(
            "unsupported",
            f"There is no reader for {kind}; save the content as one of {', '.join(suffixes)}.",
        )
    if found.size_bytes > max_file_mb * 1_000_000:
        raise DocumentError(
            "failed",
            f"This file has {found.size_bytes / 1e6:.0f} MB, more than the limit of "
            f"{max_file_mb} MB; split it, or raise max_file_mb.",
        )


def _read(found: FoundFile, parser: ParserProcess, is_known: Callable[[str, str], bool]) -> Outcome:
    sha256 = _sha256(found.file)
    if is_known(found.path, sha256):
        return Outcome(FileStatus(found.path, "unchanged", "", size_bytes=found.size_bytes))
    extract = parser.read(found.file)
    if _sha256(found.file) != sha256:
        raise DocumentError("failed", "This file changed while it was being read; build again.")
    document = Document(
        path=found.path,
        text=extract.text,
        sha256=sha256,
        blocks=extract.blocks,
        page_starts=extract.page_starts,
        title=extract.title,
    )
    pages, size_bytes = len(extract.page_starts), found.size_bytes
    status = FileStatus(found.path, "indexed", "", pages=pages, size_bytes=size_bytes)
    return Outcome(status, document)


def _sha256(file: Path) -> str:
    """Hash a file without following a link or waiting on a pipe that has taken its place."""
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(file, "rb", opener=lambda path, mode: os.open(path, mode | flags)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise DocumentError("unsupported", "This is no longer a regular file.")
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DocumentError(
            "failed", "This file cannot be opened; check its permissions and the disk."
        ) from error
