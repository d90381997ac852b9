"""A document's text in pieces that can be shown: its blocks, what lies between, page by page. Pure.

Nothing is left out but white space between blocks, and every piece is an exact span of the text.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.datatypes import Document

SEGMENT_CHARS = 8_000  # a table may be one block of megabytes
_SCREEN_SEGMENTS = 40
_SCREEN_CHARS = 30_000


@dataclass(frozen=True, slots=True)
class Segment:
    """A block or a part of one; ``kind`` is "text" for what no block covers."""

    kind: str
    start: int
    end: int
    heading_path: tuple[str, ...]
    page: int  # 1-based; 0 for documents without pages


def segments_of(document: Document) -> list[Segment]:
    """Return the pieces of a document in reading order."""
    pieces: list[Segment] = []
    at = 0
    for block in document.blocks:
        pieces += _pieces(document, "text", at, block.start, ())
        pieces += _pieces(document, block.kind, block.start, block.end, block.heading_path)
        at = block.end
    pieces += _pieces(document, "text", at, len(document.text), ())
    return pieces


def screens_of(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Return the pieces in groups that a browser draws at once; one group at least."""
    screens: list[list[Segment]] = [[]]
    chars = 0
    for segment in segments:
        length = segment.end - segment.start
        is_full = len(screens[-1]) >= _SCREEN_SEGMENTS or chars + length > _SCREEN_CHARS
        if screens[-1] and is_full:
            screens.append([])
            chars = 0
        screens[-1].append(segment)
        chars += length
    return screens


def _pieces(
    document: Document, kind: str, start: int, end: int, heading_path: tuple[str, ...]
) -> Iterator[Segment]:
    """Cut a span where a page begins and where it gets too long to draw."""
    while start < end:
        page = bisect_right(document.page_starts, start)
        limit = min(end, start + SEGMENT_CHARS)
        if page < len(document.page_starts):
            limit = min(limit, document.page_starts[page])
        if kind != "text" or not document.text[start:limit].isspace():
            yield Segment(kind, start, limit, heading_path, page)
        start = limit
