"""Make one passage of hits that overlap in their document. Pure, like `prompt`.

Neighbouring passages share some sentences. A model that reads whole passages would read these
twice, and take a sentence that one of them cuts for its end.
"""

from collections.abc import Sequence
from dataclasses import replace

from rag.datatypes import Chunk, Hit, Span


def join_neighbours(hits: Sequence[Hit]) -> list[Hit]:
    """Return ``hits`` with those that touch or overlap joined, each at the rank of its best.

    Passages under different headings stay apart, as each is shown under its own.
    """
    joined: list[Hit] = []
    for hit in hits:
        near = [other for other in joined if _touch(other.chunk, hit.chunk)]
        if not near:
            joined.append(hit)
            continue
        whole = hit.chunk
        for other in near:  # two that were apart may both touch the one between them
            whole = _union(whole, other.chunk)
        spans = _likeliest([*near, hit])
        joined[joined.index(near[0])] = replace(near[0], chunk=whole, spans=spans)
        joined = [other for other in joined if other not in near[1:]]
    return [replace(hit, rank=rank) for rank, hit in enumerate(joined, start=1)]


def _likeliest(hits: Sequence[Hit]) -> tuple[Span, ...] | None:
    """Return the spans of ``hits``, likeliest first, each place once; None when none was read."""
    if all(hit.spans is None for hit in hits):
        return None
    kept: dict[tuple[int, int], Span] = {}
    for span in sorted(
        (span for hit in hits for span in hit.spans or ()), key=lambda span: -span.log_odds
    ):
        kept.setdefault((span.start, span.end), span)
    return tuple(kept.values())


def _touch(one: Chunk, other: Chunk) -> bool:
    is_same_place = (one.path, one.heading) == (other.path, other.heading)
    return is_same_place and one.start <= other.end and other.start <= one.end


def _union(one: Chunk, other: Chunk) -> Chunk:
    first, second = sorted((one, other), key=lambda chunk: (chunk.start, -chunk.end))
    if second.end <= first.end:
        return first
    return replace(first, end=second.end, text=first.text + second.text[first.end - second.start :])
