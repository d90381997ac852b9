"""Which passages a search may see: those of a collection, of paths, of types, of days.

Paths, patterns and types are compared in Unicode form NFKC and without case, so that full-width
and half-width names match. A file inside another one has its own type, and the path and the date
of the file around it as well.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from glob import escape
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from rag.corpus import Corpus, IndexedDocument
from rag.datatypes import SearchFilter, Source
from rag.errors import RagError
from rag.sources import glob_matches, prefixes_of

# What a person may call by one name although its files have several suffixes.
FAMILIES = {
    "word": ("doc", "docm", "docx", "dot", "dotm", "dotx", "odt", "ott", "rtf"),
    "spreadsheet": ("csv", "ods", "ots", "tsv", "xls", "xlsm", "xlsx", "xlt", "xltm", "xltx"),
    "slides": ("odp", "pot", "potm", "potx", "pps", "ppsm", "ppsx", "ppt", "pptm", "pptx"),
    "mail": ("eml", "mbox", "msg"),
    "web": ("htm", "html", "mht", "mhtml", "xhtml"),
    "image": ("bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"),
}
_KEPT_FILTERS = 8  # at a million passages the rows of one may take 8 MB
_EXAMPLES = 3
_SUFFIX = re.compile(r"\.([^./ ]+)(?: \(\d+\))?$")  # the scan numbers names that look alike
_DAY = re.compile(  # with what keyboards have for a hyphen
    r"([0-9]{4})(?:[-−‐/.]([0-9]{1,2})[-−‐/.]|年 ?([0-9]{1,2})月 ?)([0-9]{1,2})日?"
)
_HELD_BACK = re.compile(r"\[([^\]])\]")


@dataclass(frozen=True, slots=True)
class _Left:
    """What a filter leaves of an index; ``rows`` is None when that is all."""

    rows: NDArray[np.int64] | None
    documents: int


class DocumentFilter:
    """Turns limits into rows of one index. Immutable but for a cache, and thread-safe."""

    def __init__(self, corpus: Corpus, sources: Sequence[Source]) -> None:
        """Take the texts of an index and its folders; nothing is read before the first use."""
        self._corpus = corpus
        self._sources = sources
        self._lock = Lock()
        self._known: dict[SearchFilter, _Left] = {}  # used last stands last

    def rows(self, search_filter: SearchFilter) -> NDArray[np.int64] | None:
        """Return the rows of the passages to search, ascending; None for all of them.

        Limits of which each makes sense may leave nothing together; there are no rows then.

        Raises:
            RagError: there is no such collection, path or type, the index does not know dates, or
                the days are in the wrong order.
        """
        return self._left(search_filter).rows

    def documents(self, search_filter: SearchFilter) -> int:
        """Return how many documents a filter leaves.

        Raises:
            RagError: as `rows` does.
        """
        return self._left(search_filter).documents

    def _left(self, search_filter: SearchFilter) -> "_Left":
        with self._lock:
            if search_filter in self._known:
                left = self._known.pop(search_filter)
            else:
                left = self._apply(search_filter)
            self._known[search_filter] = left
            while len(self._known) > _KEPT_FILTERS:
                self._known.pop(next(iter(self._known)))
        return left

    def _apply(self, search_filter: SearchFilter) -> "_Left":
        is_left = np.ones(len(self._documents), dtype=bool)
        if search_filter.collection:
            prefixes = tuple(prefixes_of(self._sources, search_filter.collection))
            is_left &= _each(doc.path.startswith(prefixes) for doc in self._documents)
        if search_filter.paths:
            is_left &= np.any([self._is_at(pattern) for pattern in search_filter.paths], axis=0)
        if search_filter.types:
            is_left &= np.any([self._is_of(name) for name in search_filter.types], axis=0)
        if search_filter.since or search_filter.until:
            is_left &= self._is_between(search_filter.since, search_filter.until)
        if is_left.all():
            return _Left(None, len(self._documents))
        kept = [doc for doc, is_kept in zip(self._documents, is_left, strict=True) if is_kept]
        rows = _rows_of([doc.first_row for doc in kept], [doc.chunks for doc in kept])
        return _Left(rows, len(kept))

    @cached_property
    def _documents(self) -> list[IndexedDocument]:
        return self._corpus.documents()

    @cached_property
    def _paths(self) -> list[str]:
        return [_fold(doc.path) for doc in self._documents]

    @cached_property
    def _types(self) -> NDArray[np.str_]:
        return np.array([type_of(path) for path in self._paths], dtype=np.str_)

    @cached_property
    def _days(self) -> NDArray[np.int32]:
        """The day on which each document was written as this machine's calendar has it, 0: none."""
        return np.array([_day_number(doc.modified) for doc in self._documents], dtype=np.int32)

    def _is_at(self, pattern: str) -> NDArray[np.bool_]:
        folded = _fold(pattern).strip()
        found = _each(glob_matches(path, folded) for path in self._paths)
        if not found.any():
            examples = ", ".join(doc.path for doc in self._documents[:_EXAMPLES])
            raise RagError(
                f"No document of this index is called {pattern!r} or lies there. "
                f"Its paths are such as: {examples}."
            )
        return found

    def _is_of(self, name: str) -> NDArray[np.bool_]:
        wanted = _fold(name).strip(" *.")
        found: NDArray[np.bool_] = np.isin(self._types, FAMILIES.get(wanted, (wanted,)))
        if not wanted or not found.any():
            types = ", ".join(str(known) for known in np.unique(self._types) if known)
            raise RagError(f"No document of this index is of type {name!r}; there are: {types}.")
        return found

    def _is_between(self, since: date | None, until: date | None) -> NDArray[np.bool_]:
        if since and until and since > until:
            raise RagError(f"The first day ({since}) lies after the last day ({until}). Swap them.")
        if not self._corpus.knows_dates():
            raise RagError(
                "This index does not know the dates of its files yet, as an earlier version made "
                "it. Bring it up to date once: `python -m rag sync`."
            )
        days = self._days
        first, last = (since or date.min).toordinal(), (until or date.max).toordinal()
        is_between: NDArray[np.bool_] = (days > 0) & (days >= first) & (days <= last)
        return is_between


def type_of(path: str) -> str:
    """Return what ``path`` ends in, in lower case and without the dot; "" without a suffix."""
    found = _SUFFIX.search(_fold(path))
    return found[1] if found else ""


def exact_pattern(path: str) -> str:
    """Return the pattern that matches one document or folder, and what is inside it."""
    return "/" + "".join(map(_held_back, path))


def pattern_label(pattern: str) -> str:
    """Return a pattern for reading: one that `exact_pattern` made as its path, others as is."""
    path = _HELD_BACK.sub(r"\1", pattern.removeprefix("/"))
    return path if pattern == exact_pattern(path) else pattern


def parse_day(text: str) -> date:
    """Return the day of "2024-03-01", "2024/3/1" or "2024年3月1日", full-width digits as well.

    Raises:
        RagError: it is no such day.
    """
    found = _DAY.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found:
        year, month, japanese_month, day = found.groups()
        with suppress(ValueError):  # the 30th of February
            return date(int(year), int(month or japanese_month), int(day))
    raise RagError(f"{text!r} is no day. Write one as 2024-03-01, 2024/3/1 or 2024年3月1日.")


def _held_back(character: str) -> str:
    """Escape what is, or is normalized to, a sign of patterns; "？" is common in file names."""
    normalized = unicodedata.normalize("NFKC", character)
    if not set("*?[").intersection(normalized):
        return character
    return f"[{character}]" if len(normalized) == 1 else escape(normalized)  # "⁉" is "!?"


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded)


def _each(claims: Iterable[bool]) -> NDArray[np.bool_]:
    return np.fromiter(claims, dtype=bool)


def _day_number(modified: int | None) -> int:
    if modified is None:
        return 0
    try:
        return date.fromtimestamp(modified).toordinal()
    except (OverflowError, ValueError, OSError):  # a disk may say anything
        return 0


def _rows_of(first_rows: Sequence[int], counts: Sequence[int]) -> NDArray[np.int64]:
    """Return every row of the documents: ``first_rows[i]`` and the ``counts[i] - 1`` after it."""
    first = np.asarray(first_rows, dtype=np.int64)
    count = np.asarray(counts, dtype=np.int64)
    before = np.cumsum(count) - count  # rows of the documents before each
    rows: NDArray[np.int64] = np.arange(count.sum()) + np.repeat(first - before, count)
    rows.setflags(write=False)  # shared by all who ask within these limits
    return rows
