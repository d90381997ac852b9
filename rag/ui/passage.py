"""A passage marked inside the text around it. Pure functions: text in, escaped HTML out."""

from rag.datatypes import Answer, Chunk, Citation
from rag.ui.safe_markdown import text_html

BEFORE_CHARS = 250  # little, so that the marked words are near the top
AFTER_CHARS = 700


def passage_html(text: str, passage: tuple[int, int], quote: tuple[int, int] | None) -> str:
    """Return ``text`` around ``passage`` with the passage marked lightly, the quote strongly.

    Spans are half-open offsets into ``text``. A quote that reaches over the passage's end is
    marked as far as it goes.
    """
    start, end = passage
    if quote is not None:
        start, end = min(start, quote[0]), max(end, quote[1])
    anchor = quote[0] if quote else start
    first = _cut_after_newline(text, max(0, anchor - BEFORE_CHARS), anchor)
    start = max(start, first)  # a long passage is cut, so that its quote is in view
    last = _cut_before_newline(text, end, min(len(text), end + AFTER_CHARS))
    before = ("… " if first > 0 else "") + text[first:start]
    after = text[end:last] + (" …" if last < len(text) else "")
    return (
        '<div class="fk-passage">'
        f'<span class="fk-around">{text_html(before)}</span>'
        f"{_marked(text, start, end, quote)}"
        f'<span class="fk-around">{text_html(after)}</span></div>'
    )


def snapshot_html(passage: str, quote: str) -> str:
    """Return a passage that was stored with an answer, its quote marked where it occurs."""
    at = passage.find(quote) if quote else -1
    span = None if at < 0 else (at, at + len(quote))
    return f'<div class="fk-passage">{_marked(passage, 0, len(passage), span)}</div>'


def chunk_of(citation: Citation, answer: Answer) -> Chunk:
    """Return the retrieved passage that a citation lies in, or the quote as its own passage.

    Found by offsets instead of by number: numbers follow the order of use in the answer.
    """
    for hit in answer.hits:
        chunk = hit.chunk
        if chunk.path == citation.path and chunk.start <= citation.start < chunk.end:
            return chunk
    return Chunk(citation.path, citation.start, citation.end, citation.quote, citation.page)


def _marked(text: str, start: int, end: int, quote: tuple[int, int] | None) -> str:
    if quote is None:
        return f'<mark class="fk-chunk">{text_html(text[start:end])}</mark>'
    parts = [("fk-chunk", start, quote[0]), ("fk-quote", *quote), ("fk-chunk", quote[1], end)]
    return "".join(
        f'<mark class="{style}">{text_html(text[a:b])}</mark>' for style, a, b in parts if a < b
    )


def _cut_after_newline(text: str, low: int, high: int) -> int:
    """Return where the first whole line begins in ``text[low:high]``, or ``low`` without one."""
    if low == 0:
        return 0
    newline = text.find("\n", low, high)
    return low if newline < 0 else newline + 1


def _cut_before_newline(text: str, low: int, high: int) -> int:
    if high == len(text):
        return high
    newline = text.rfind("\n", low, high)
    return high if newline <= low else newline
