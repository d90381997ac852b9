"""What to do with each file: take it over from the serving index, or read it.

Pure: it compares the files found with the statuses that the serving index stored.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.datatypes import FileStatus, Source, SyncPlan
from rag.scan import Entry, FoundFile
from rag.sources import SyncRequest, labels

_HAS_TEXT = ("indexed", "archive", "stale")


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one entry: it is read, or taken over from ``former``, or only listed."""

    entry: Entry
    former: str = ""  # path of the same file, or of the same content, in the serving index
    is_read: bool = False  # by a reader; should it refuse, the text of ``former`` is kept
    is_unchanged: bool = False


def compare(
    entries: Sequence[Entry],
    known: Mapping[str, FileStatus],
    request: SyncRequest,
    *,
    partial: AbstractSet[str],
    retries_refused: bool,
) -> tuple[list[Step], SyncPlan]:
    """Return a step for each entry, and how the folders differ from the index.

    Args:
        entries: as `rag.scan.scan` returns them.
        known: what the serving index has of files on disk (none inside containers), by the path
            that they would have now; empty when nothing can be taken over.
        request: whose ``retry`` and ``retries_all`` are heeded.
        partial: paths in the serving index of files that hold others which could not be read.
        retries_refused: read again what could not be read, as the readers can do more by now.
    """
    entries = [*entries, *_out_of_sight(entries, known)]
    comparison = _Comparison(entries, known, request, partial, retries_refused)
    steps = [comparison.step(entry) for entry in entries]
    return steps, comparison.plan()


def by_present_path(
    files: Iterable[FileStatus], before: Sequence[Source], now: Sequence[Source]
) -> dict[str, FileStatus]:
    """Return the files on disk by the path they have now, as a further folder changes all paths.

    Those of a folder that is followed no longer keep the path they had.
    """
    labels_now = {s.folder: label for s, label in zip(now, labels(now), strict=True)}
    prefixes = []
    for source, label in zip(before, labels(before), strict=True):
        label_now = labels_now.get(source.folder, label)
        prefixes.append((f"{label}/" if label else "", f"{label_now}/" if label_now else ""))
    known = {}
    for file in files:
        if not file.container:
            old, new = next(pair for pair in prefixes if file.path.startswith(pair[0]))
            known[new + file.path.removeprefix(old)] = file
    return known


def _out_of_sight(
    entries: Sequence[Entry], known: Mapping[str, FileStatus]
) -> Iterator[FileStatus]:
    """Yield the known files of folders that cannot be listed: they are not known to be gone."""
    for entry in entries:
        if isinstance(entry, FileStatus) and entry.status == "failed":
            for path, status in known.items():
                if path.startswith(f"{entry.path}/") and status.status in _HAS_TEXT:
                    yield FileStatus(path, "failed", entry.reason, size_bytes=status.size_bytes)


class _Comparison:
    def __init__(
        self,
        entries: Sequence[Entry],
        known: Mapping[str, FileStatus],
        request: SyncRequest,
        partial: AbstractSet[str],
        retries_refused: bool,
    ) -> None:
        self._known = known
        self._partial = partial
        self._request = request
        self._retries_refused = retries_refused or request.retries_all
        self._present = {
            entry.path
            for entry in entries
            if isinstance(entry, FoundFile) or entry.status != "excluded"
        }
        self._by_content = {
            (status.sha256, _suffix(path)): path
            for path, status in known.items()
            if status.sha256 and status.status in ("indexed", "archive")
        }
        self._new: list[str] = []
        self._changed: list[str] = []
        self._renamed: list[tuple[str, str]] = []
        self._retried: list[str] = []
        self._unchanged = 0

    def step(self, entry: Entry) -> Step:
        """Decide on one entry and count it."""
        known = self._known.get(entry.path)
        if isinstance(entry, FileStatus):
            return self._unreadable(entry, known)
        if known is not None and known.sha256 == entry.sha256:
            if self._is_retried(entry.path, known):
                self._retried.append(entry.path)
                return Step(entry, known.path, is_read=True)
            self._unchanged += 1
            return Step(entry, known.path, is_unchanged=True)
        source = self._by_content.get((entry.sha256, _suffix(entry.path)))
        if known is not None and (known.sha256 or known.status == "stale"):
            self._changed.append(entry.path)
        elif source is not None and source not in self._present:
            self._renamed.append((source, entry.path))
        else:
            self._new.append(entry.path)
        if source is not None:
            return Step(entry, self._known[source].path)
        return Step(entry, known.path if known else "", is_read=True)

    def _unreadable(self, entry: FileStatus, known: FileStatus | None) -> Step:
        """Keep the text of a file that was readable before, unless it is left out on purpose."""
        if known is None or known.status not in _HAS_TEXT or entry.status != "failed":
            return Step(entry)
        if known.status == "stale":
            self._unchanged += 1
        else:
            self._changed.append(entry.path)
        return Step(entry, known.path)

    def _is_retried(self, path: str, known: FileStatus) -> bool:
        if any(wanted == path or wanted.startswith(f"{path}/") for wanted in self._request.retry):
            return True
        # A remark beside an indexed file says what of it could not be read.
        is_whole = known.status == "archive" or (known.status == "indexed" and not known.reason)
        return self._retries_refused and (not is_whole or known.path in self._partial)

    def plan(self) -> SyncPlan:
        """Return what was counted."""
        moved = {source for source, _ in self._renamed}
        removed = [
            path
            for path, status in self._known.items()
            if path not in self._present | moved and (status.sha256 or status.status == "stale")
        ]
        return SyncPlan(
            tuple(self._new),
            tuple(self._changed),
            tuple(self._renamed),
            tuple(removed),
            tuple(self._retried),
            self._unchanged,
        )


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower()
