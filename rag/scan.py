"""Folders to a list of files with their hashes: nothing is parsed, nothing outside is reached.

Left out silently, as they are not documents: names that begin with "." or "~$", ``Thumbs.db``,
``desktop.ini``, and everything inside ``__pycache__``, ``__MACOSX`` and ``node_modules``.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rag.datatypes import FileStatus, Progress, Source, Status
from rag.errors import BuildError, DocumentError
from rag.sources import exclusion, is_included, labels

_HIDDEN_PREFIXES = (".", "~$")
_HIDDEN_NAMES = frozenset(("__pycache__", "__macosx", "node_modules", "thumbs.db", "desktop.ini"))


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A regular file, hashed but not parsed."""

    path: str  # as the index names it; always encodable as UTF-8
    file: Path  # absolute, links resolved
    size_bytes: int
    sha256: str = ""
    modified: int | None = None  # of the file on disk: seconds since 1970


Entry = FoundFile | FileStatus


def scan(
    sources: Sequence[Source],
    refused_suffixes: Mapping[str, str],
    max_file_mb: int,
    progress: Callable[[Progress], None],
) -> list[Entry]:
    """Return the files of all sources with their hashes, and a status for all that is no such.

    Nothing outside the folders is reached: links to files inside are read under the link's
    name, other links are reported and not followed.

    Args:
        sources: the folders, with their patterns.
        refused_suffixes: suffix -> reason, for files that are not even opened.
        max_file_mb: larger files are refused.
        progress: called before each file and once at the end, with stage "scan".

    Raises:
        BuildError: a folder does not exist, is none, is unreadable or holds no file.
    """
    entries: list[Entry] = []
    for source, label in zip(sources, labels(sources), strict=True):
        found = _Walk(source, f"{label}/" if label else "").entries()
        entries += sorted(found, key=lambda entry: entry.path)
    hashed = []
    taken: set[str] = set()
    for number, entry in enumerate(entries):
        progress(Progress("scan", number, len(entries), entry.path))
        entry = replace(entry, path=unique_path(entry.path, taken))
        hashed.append(_examined(entry, refused_suffixes, max_file_mb))
    progress(Progress("scan", len(entries), len(entries)))
    return hashed


def signature(sources: Iterable[Source]) -> int:
    """Return a number that changes when a file comes, goes, grows or is written to.

    Much cheaper than `scan`, which a watch calls only after this has changed.

    Raises:
        BuildError: see `scan`.
    """
    facts = []
    for source in sources:
        for entry in _Walk(source, "").entries():
            written = 0
            if isinstance(entry, FoundFile):
                try:
                    written = entry.file.stat().st_mtime_ns
                except OSError:  # it has just gone; the next look finds the list shorter
                    written = -1
            facts.append((source.folder, entry.path, entry.size_bytes, written))
    return hash(tuple(sorted(facts)))


class _Walk:
    """One walk through one source."""

    def __init__(self, source: Source, prefix: str) -> None:
        self._source = source
        self._prefix = prefix
        self._root = Path(source.folder)
        self._found: list[Entry] = []

    def entries(self) -> list[Entry]:
        """Return what is there, in no order, not hashed yet."""
        folder = self._source.folder
        if not self._root.exists():
            raise BuildError(f"The folder {folder} does not exist. Name a folder with documents.")
        if not self._root.is_dir():
            raise BuildError(f"{folder} is a file, not a folder. Name the folder that holds it.")
        pending = [self._root]  # not recursive: folders may be nested deeper than Python's stack
        while pending:
            pending += self._list(pending.pop())
        if not self._found:
            raise BuildError(
                f"The folder {folder} holds no files. Put documents into it and retry."
            )
        return self._found

    def _list(self, folder: Path) -> list[Path]:
        """Take note of the files in ``folder`` and return its subfolders."""
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            if folder == self._root:
                raise BuildError(
                    f"The folder {folder} cannot be listed ({error.strerror}). "
                    "Check its permissions."
                ) from error
            reason = "This folder cannot be listed; check its permissions."
            self._report(self._relative(folder), "failed", reason)
            return []
        subfolders = []
        for entry in entries:
            if entry.name.startswith(_HIDDEN_PREFIXES) or entry.name.lower() in _HIDDEN_NAMES:
                continue
            relative = self._relative(Path(entry.path))
            if reason := exclusion(self._source, relative):
                self._report(relative, "excluded", reason)
            elif entry.is_dir(follow_symlinks=False):
                subfolders.append(Path(entry.path))
            elif not is_included(self._source, relative):
                self._report(relative, "excluded", "Not among the files to include.")
            else:
                self._classify(entry, relative)
        return subfolders

    def _relative(self, file: Path) -> str:
        return printable(file.relative_to(self._root))

    def _add(self, relative: str, file: Path, facts: os.stat_result) -> None:
        modified = facts.st_mtime_ns // 1_000_000_000
        found = FoundFile(self._prefix + relative, file, facts.st_size, modified=modified)
        self._found.append(found)

    def _report(self, relative: str, status: Status, reason: str) -> None:
        self._found.append(FileStatus(self._prefix + relative, status, reason))

    def _classify(self, entry: os.DirEntry[str], relative: str) -> None:
        file = Path(entry.path)
        try:
            if entry.is_symlink():
                self._resolve_link(file, relative)
            elif entry.is_file():
                self._add(relative, file, entry.stat())
            else:
                reason = "This is a pipe, socket or device, not a file, so it is never opened."
                self._report(relative, "unsupported", reason)
        except (OSError, RuntimeError):  # RuntimeError: Path.resolve on a loop of links
            reason = "This cannot be opened; check where it leads."
            self._report(relative, "failed", reason)

    def _resolve_link(self, link: Path, relative: str) -> None:
        target = link.resolve()
        if not target.is_relative_to(self._root):
            reason = "This link leads out of the folder and is not followed; copy the file instead."
        elif target.is_dir():
            reason = "This link leads to a folder that is read under its own name."
        elif target.is_file():
            self._add(relative, target, target.stat())
            return
        else:
            reason = "This link leads nowhere; delete it or restore what it points to."
        self._report(relative, "unsupported", reason)


def printable(relative: Path) -> str:
    r"""Return the path with "/" between its parts; bytes that are no UTF-8 become ``\xNN``."""
    return os.fsencode(relative.as_posix()).decode("utf-8", errors="backslashreplace")


def unique_path(path: str, taken: set[str]) -> str:
    """Return ``path``, with a number when it is ``taken`` already, and take it.

    Two names can look alike once bytes that are no UTF-8 are written out.
    """
    unique, number = path, 1
    while unique in taken:
        number += 1
        unique = f"{path} ({number})"
    taken.add(unique)
    return unique


def _examined(entry: Entry, refused_suffixes: Mapping[str, str], max_file_mb: int) -> Entry:
    """Return the file with its hash, or the status of one that is not to be read."""
    if isinstance(entry, FileStatus):
        return entry
    try:
        refuse(entry.path, entry.size_bytes, refused_suffixes, max_file_mb)
        return replace(entry, sha256=sha256_of(entry.file))
    except DocumentError as error:
        return FileStatus(
            entry.path,
            error.status,
            str(error),
            size_bytes=entry.size_bytes,
            modified=entry.modified,
        )


def refuse(
    path: str, size_bytes: int, refused_suffixes: Mapping[str, str], max_file_mb: int
) -> None:
    """Raise DocumentError for a file whose name or size tells that it is not to be read."""
    if reason := refused_suffixes.get(Path(path).suffix.lower()):
        raise DocumentError("unsupported", reason)
    if size_bytes > max_file_mb * 1_000_000:
        raise DocumentError(
            "failed",
            f"This file has {size_bytes / 1e6:.0f} MB, more than the limit of "
            f"{max_file_mb} MB; split it, or raise max_file_mb.",
        )


def sha256_of(file: Path) -> str:
    """Hash a file without following a link or waiting on a pipe that has taken its place.

    Raises:
        DocumentError: it is no regular file any more, or cannot be opened.
    """
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
