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
        spans = [span for other in (*near, hit) for span in other.spans or ()]
        joined[joined.index(near[0])] = replace(near[0], chunk=whole, spans=_likeliest(spans))
        joined = [other for other in joined if other not in near[1:]]
    return [replace(hit, rank=rank) for rank, hit in enumerate(joined, start=1)]


def _likeliest(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Return ``spans``, likeliest first, each place once."""
    ranked = sorted(spans, key=lambda span: -span.log_odds)
    return tuple({(span.start, span.end): span for span in reversed(ranked)}.values())[::-1]


def _touch(one: Chunk, other: Chunk) -> bool:
    is_same_place = (one.path, one.heading) == (other.path, other.heading)
    return is_same_place and one.start <= other.end and other.start <= one.end


def _union(one: Chunk, other: Chunk) -> Chunk:
    first, second = sorted((one, other), key=lambda chunk: (chunk.start, -chunk.end))
    if second.end <= first.end:
        return first
    return replace(first, end=second.end, text=first.text + second.text[first.end - second.start :])
