"""From a document of the index to its file on disk. Nothing else of the disk can be named.

The index holds paths as a person reads them, so a name is joined to its folder again and must
lie in that folder once all links are resolved.
"""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.datatypes import FileStatus, Source
from rag.errors import RagError
from rag.sources import labels


@dataclass(frozen=True, slots=True)
class Original:
    """The file on disk that is, or holds, an indexed document. It may have gone by now."""

    path: str  # as the index names the file on disk
    file: Path  # absolute, links resolved, inside a folder of the index
    sha256: str  # of its bytes when it was indexed
    holds: bool  # the document lies inside it: an attachment, a member of an archive


def find_original(
    sources: Sequence[Source], files_of: Callable[[str], Sequence[FileStatus]], path: str
) -> Original:
    """Return the file that the document ``path`` was read from.

    Args:
        sources: the folders of the index.
        files_of: gives the statuses of a path and of what lies inside it.
        path: of a document, as the index names it.

    Raises:
        RagError: the index holds no such file, or its path leads out of its folder.
    """
    status = _status(files_of, path)
    on_disk = _status(files_of, status.container) if status.container else status
    for source, label in zip(sources, labels(sources), strict=True):
        if label and not on_disk.path.startswith(f"{label}/"):
            continue
        folder = Path(source.folder).resolve()
        file = (folder / on_disk.path.removeprefix(f"{label}/" if label else "")).resolve()
        if file != folder and file.is_relative_to(folder):
            return Original(on_disk.path, file, on_disk.sha256, bool(status.container))
    raise RagError(f"{path!r} lies in no folder of this index.")


def read_original(original: Original) -> bytes:
    """Return the bytes of the file as it is now.

    Raises:
        RagError: it is gone, or something else has taken its place.
    """
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(
            original.file, "rb", opener=lambda path, mode: os.open(path, mode | flags)
        ) as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return stream.read()
    except OSError as error:
        raise RagError(
            f"{original.path} cannot be opened; check that it is still in its folder."
        ) from error
    raise RagError(f"{original.path} is no longer a regular file.")


def _status(files_of: Callable[[str], Sequence[FileStatus]], path: str) -> FileStatus:
    for status in files_of(path):
        if status.path == path:
            return status
    raise RagError(f"The index holds no file {path!r}; it may have been removed.")
