"""A passage marked inside the text around it. Pure functions: text in, escaped HTML out."""

from bisect import bisect_right
from dataclasses import dataclass

from rag.datatypes import Answer, Chunk, Citation, Document
from rag.ui.safe_markdown import text_html

BEFORE_CHARS = 250  # little, so that the marked words are near the top
AFTER_CHARS = 700
MAX_PART_CHARS = 20_000  # of a part that is shown whole


@dataclass(frozen=True, slots=True)
class Cited:
    """A passage in a document that is as it was when the answer was written.

    Spans are half-open offsets into ``document.text``.
    """

    document: Document
    passage: tuple[int, int]
    quote: tuple[int, int] | None  # None for a passage that was found and not cited

    @property
    def page(self) -> int:
        """The page, slide or sheet (1-based) on which the quote begins; 0 without pages."""
        return bisect_right(self.document.page_starts, (self.quote or self.passage)[0])

    def part(self, number: int) -> tuple[int, int]:
        """Return the span of page ``number`` (1-based)."""
        starts = (*self.document.page_starts, len(self.document.text))
        return starts[number - 1], starts[number]


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


def part_html(text: str, part: tuple[int, int], cited: Cited) -> str:
    """Return a whole page, with passage and quote marked as far as they lie in it."""
    start, end = part
    first, last = max(start, cited.passage[0]), min(end, cited.passage[1])
    quote = cited.quote
    if quote is not None:
        first, last = min(first, max(start, quote[0])), max(last, min(end, quote[1]))
        quote = (max(start, quote[0]), min(end, quote[1]))
    if first >= last:
        return f'<div class="fk-passage">{text_html(text[start:end])}</div>'
    return (
        f'<div class="fk-passage">{text_html(text[start:first])}'
        f"{_marked(text, first, last, quote)}{text_html(text[last:end])}</div>"
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
