"""Cut a document into passages with exact spans.

The splitter's own ``add_start_index`` returns -1 for about half the chunks when lengths are
counted in tokens (langchain-ai/langchain#29884), so spans are not asked of it: it is run
without overlap and without stripping, its pieces then concatenate to the text, and every
span follows by addition. Overlap is added afterwards, in whole sentences.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from rag.datatypes import Block, Chunk, Document
from rag.language import sentence_spans

CountTokens = Callable[[str], int]
Span = tuple[int, int]  # half-open, into the document's text

# Coarse to fine. With keep_separator="end" a stop stays with its own sentence.
SEPARATORS = [
    "\n\n", "\n", "。", "！", "？", ". ", "! ", "? ", "；", "; ", "、", "，", ", ", " ", "\u3000",
    "",
]  # fmt: skip


def chunk_document(
    document: Document,
    chunk_tokens: int,
    overlap_tokens: int,
    count_tokens: CountTokens,
) -> list[Chunk]:
    """Return the passages of ``document`` in reading order.

    No passage crosses a page, so that its page is exact, or a heading, so that it keeps to
    one topic. None is longer than ``chunk_tokens`` as ``count_tokens`` measures it, the
    headings above it included as far as they take at most a third of that.

    Raises:
        ValueError: the splitter lost or changed text, which would make every span wrong.
    """
    chunks: list[Chunk] = []
    for number, (page_start, page_end) in enumerate(_pages(document), start=1):
        page = number if document.page_starts else None
        for start, end in _sections(document.blocks, page_start, page_end):
            room = chunk_tokens - min(count_tokens(_heading(document, start)), chunk_tokens // 3)
            pieces = list(_split(document, start, end, room - overlap_tokens, count_tokens))
            # Headings that fill a piece of their own stand above the next one anyway.
            while len(pieces) > 1 and _is_only_headings(document.blocks, *pieces[0]):
                del pieces[0]
            for left, right in pieces:
                with_overlap = _with_overlap(
                    document.text, start, left, overlap_tokens, count_tokens
                )
                text = document.text[with_overlap:right]
                heading = _heading(document, left)
                chunks.append(Chunk(document.path, with_overlap, right, text, page, heading))
    return chunks


def _pages(document: Document) -> list[Span]:
    starts = document.page_starts or (0,)
    return list(zip(starts, [*starts[1:], len(document.text)], strict=True))


def _sections(blocks: tuple[Block, ...], page_start: int, page_end: int) -> list[Span]:
    """Cut a page where a heading follows body text.

    Headings directly below each other stay together: a title alone is no passage.
    """
    cuts = [page_start]
    follows_heading = True
    for block in blocks:
        if page_start <= block.start < page_end:
            if block.kind == "heading" and not follows_heading:
                cuts.append(block.start)
            follows_heading = block.kind == "heading"
    return list(zip(cuts, [*cuts[1:], page_end], strict=True))


def _is_only_headings(blocks: tuple[Block, ...], start: int, end: int) -> bool:
    inside = [block for block in blocks if start < block.end and block.start < end]
    return bool(inside) and all(block.kind == "heading" for block in inside)


def _split(
    document: Document, start: int, end: int, max_tokens: int, count_tokens: CountTokens
) -> Iterator[Span]:
    """Yield stripped, non-empty spans that cover ``text[start:end]`` without overlap."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=SEPARATORS,
        keep_separator="end",
        strip_whitespace=False,
        chunk_size=max(max_tokens, 1),
        chunk_overlap=0,
        # A piece of no tokens (a no-break space) would be taken for overlap and stand twice.
        length_function=lambda piece: max(count_tokens(piece), 1),
    )
    pieces = splitter.split_text(document.text[start:end])
    if "".join(pieces) != document.text[start:end]:
        raise ValueError(f"The splitter changed the text of {document.path}.")
    for piece in pieces:
        left = start + len(piece) - len(piece.lstrip())
        right = start + len(piece.rstrip())
        start += len(piece)
        if left < right:
            yield left, right


def _with_overlap(
    text: str,
    section_start: int,
    left: int,
    overlap_tokens: int,
    count_tokens: CountTokens,
) -> int:
    """Return ``left`` moved back over whole sentences of at most ``overlap_tokens``.

    Only within its section: what stands before the heading is another topic.
    """
    # Sentences longer than this cannot fit the overlap in any tokenizer.
    window = max(section_start, left - 16 * overlap_tokens)
    start = left
    for sentence_start, _ in reversed(sentence_spans(text[window:left])):
        candidate = window + sentence_start
        is_cut_off = sentence_start == 0 and window > section_start
        if is_cut_off or count_tokens(text[candidate:left]) > overlap_tokens:
            break
        start = candidate
    return start


def _heading(document: Document, offset: int) -> str:
    """Return the headings above ``offset``, outermost first, or the title without any.

    The name of the file stands for a title that is missing, also above headings when the document
    does not begin with one.
    """
    index = bisect_right(document.blocks, offset, key=lambda block: block.start) - 1
    above = document.blocks[index].heading_path if index >= 0 else ()
    title = document.title or PurePosixPath(document.path).stem
    # The first heading usually is the title; saying it twice would dilute the passage.
    if not above or not (document.title or document.blocks[0].kind == "heading"):
        above = (title, *above)
    return " > ".join(dict.fromkeys(above))
