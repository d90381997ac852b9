"""Which folders an index follows, and which of their files. Pure functions, no I/O.

Patterns are shell globs where ``*`` also crosses "/". A pattern without "/" is compared with the
name of the file and of every folder above it; one with "/" with the whole path below the source;
a leading "/" says that a name stands at the top. Case and Unicode form do not matter.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

from rag.datatypes import Source
from rag.errors import RagError


@dataclass(frozen=True, slots=True)
class SourceEdit:
    """A change to the folders of an index. None keeps what a known folder has."""

    folder: Path
    collection: str | None = None
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a person asks of a sync. Without anything, the known folders are brought up to date."""

    add: tuple[SourceEdit, ...] = ()  # folders to follow, or known ones with other settings
    drop: tuple[Path, ...] = ()  # folders not to follow any longer
    replaces: bool = False  # follow only the folders of ``add``
    leave_out: tuple[str, ...] = ()  # documents to exclude, by path
    take_in: tuple[str, ...] = ()  # documents to exclude no longer
    retry: tuple[str, ...] = ()  # documents to read again although they did not change
    retries_all: bool = False  # the same for every file that could not be read


def apply_request(sources: Sequence[Source], request: SyncRequest) -> tuple[Source, ...]:
    """Return the sources that ``request`` makes of ``sources``.

    Raises:
        RagError: no folder is left, one folder lies in another, or a path belongs to none.
    """
    known = {} if request.replaces else {source.folder: source for source in sources}
    before = {source.folder: source for source in sources}
    for folder in request.drop:
        if known.pop(_absolute(folder), None) is None:
            names = ", ".join(known) or "none"
            raise RagError(f"{folder} is no folder of this index (it has: {names}).")
    for edit in request.add:
        folder_name = _absolute(edit.folder)
        known[folder_name] = _edited(before.get(folder_name, Source(folder_name)), edit)
    for path in (*request.leave_out, *request.take_in):
        folder_name, pattern = _exact_pattern(sources, path)
        if source := known.get(folder_name):
            kept = tuple(other for other in source.exclude if other != pattern)
            added = (pattern,) if path in request.leave_out else ()
            known[folder_name] = replace(source, exclude=kept + added)
    _check(tuple(known.values()))
    return tuple(known.values())


def labels(sources: Sequence[Source]) -> list[str]:
    """Return what the paths of each source begin with: "" for one alone, else its folder's name.

    Twins get a number, in the order of the sources: "papers", "papers-2".
    """
    if len(sources) == 1:
        return [""]
    taken: list[str] = []
    for source in sources:
        name = Path(source.folder).name or "root"
        label, number = name, 1
        while label in taken:
            number += 1
            label = f"{name}-{number}"
        taken.append(label)
    return taken


def prefixes_of(sources: Sequence[Source], collection: str) -> list[str]:
    """Return the beginnings of the paths of one collection; "" stands for every path.

    Raises:
        RagError: there is no such collection.
    """
    names = sorted({source.collection for source in sources})
    if collection not in names:
        raise RagError(f"There is no collection {collection!r}; there are: {', '.join(names)}.")
    if len(names) == 1:
        return [""]
    pairs = zip(labels(sources), sources, strict=True)
    return [f"{label}/" for label, source in pairs if source.collection == collection]


def exclusion(source: Source, path: str) -> str:
    """Return the reason why a path below the source is left out, "" when it is not.

    Args:
        source: the folder with its patterns.
        path: relative to the folder, "/" between parts; of a file or of a folder.
    """
    for pattern in source.exclude:
        if _matches(path, pattern):
            return f"Left out by the pattern {pattern!r} of its folder."
    return ""


def is_included(source: Source, path: str) -> bool:
    """Tell whether a file matches one of the patterns to include, when there are any."""
    return not source.include or any(_matches(path, pattern) for pattern in source.include)


def glob_matches(path: str, pattern: str) -> bool:
    """Tell whether a pattern, as above, matches a path. Both are folded alike by the caller."""
    if "/" not in pattern.rstrip("/"):
        return any(fnmatchcase(part, pattern.rstrip("/")) for part in path.split("/"))
    pattern = pattern.strip("/")
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*")


def _matches(path: str, pattern: str) -> bool:
    return glob_matches(_fold(path), _fold(pattern))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _absolute(folder: Path) -> str:
    return str(folder.expanduser().resolve())


def _edited(source: Source, edit: SourceEdit) -> Source:
    return Source(
        source.folder,
        source.collection if edit.collection is None else edit.collection,
        source.include if edit.include is None else edit.include,
        source.exclude if edit.exclude is None else edit.exclude,
    )


def _exact_pattern(sources: Sequence[Source], path: str) -> tuple[str, str]:
    """Return the folder a document belongs to, and the pattern that matches it alone."""
    for label, source in zip(labels(sources), sources, strict=True):
        if not label or path.startswith(f"{label}/"):
            return source.folder, f"/{escape(path.removeprefix(f'{label}/') if label else path)}"
    raise RagError(f"{path!r} belongs to no folder of this index.")


def _check(sources: tuple[Source, ...]) -> None:
    if not sources:
        raise RagError("This leaves no folder in the index. Name one to keep or to add.")
    for source in sources:
        if not source.collection.strip() or len(source.collection) > 100:
            raise RagError("The name of a collection has 1 to 100 characters.")
        for other in sources:
            if other is not source and Path(source.folder).is_relative_to(other.folder):
                raise RagError(
                    f"{source.folder} lies inside {other.folder}, which is in the index already; "
                    "its files would stand there twice. Drop one of the two folders."
                )
