"""Pages of lines to the blocks of a document: headings, paragraphs, lists, tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rag.datatypes import BlockKind
from rag.readers.extract import Extract, ExtractBuilder, Part, joint, normalize_text
from rag.readers.page_lines import Line
from rag.readers.page_paragraphs import Paragraph, paragraphs_of

_MAX_HEADING_CHARACTERS = 120
_DEFAULT_BODY_SIZE = 10.0
_MIN_HEADING_RATIO = 1.08  # of the type size to that of the body


def build_pages(
    pages: Sequence[Sequence[Line]],
    *,
    remark: str = "",
    scanned_pages: int = 0,
    parts: Iterable[Part] = (),
) -> Extract:
    """Return the pages; headings are short lines in larger type than the body."""
    body_size = body_size_of(pages)
    compounds = frozenset(word for lines in pages for line in lines for word in line.compounds())
    builder = ExtractBuilder()
    title = ""
    for number, lines in enumerate(pages):
        builder.start_page()
        for kind, text, size in _blocks(lines, body_size, compounds):
            if kind == "heading":
                builder.add_heading(text, -round(size * 2) / 2)  # larger type is an outer level
                title = title or (text.replace("\n", " ") if number == 0 else "")
            else:
                builder.add(kind, text)
    return builder.build(
        normalize_text(title), remark=remark, scanned_pages=scanned_pages, parts=parts
    )


def body_size_of(pages: Sequence[Sequence[Line]]) -> float:
    """Return the type size of most characters, in half points; 10 where there are none."""
    sizes = Counter[float]()
    for line in (line for lines in pages for line in lines):
        sizes[round(line.size * 2) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else _DEFAULT_BODY_SIZE


def _blocks(
    lines: Sequence[Line], body_size: float, compounds: frozenset[str]
) -> Iterator[tuple[BlockKind, str, float]]:
    """Yield kind, text and type size; close paragraphs of one kind share a block."""
    kind: BlockKind | None = None
    text, size = "", 0.0
    for paragraph in paragraphs_of(lines, compounds):
        next_kind = _kind(paragraph, body_size)
        if next_kind == kind == "heading" and paragraph.is_close and paragraph.size == size:
            text += joint(text, paragraph.text) + paragraph.text
        elif next_kind == kind != "heading" and paragraph.is_close:
            text += "\n" + paragraph.text
        else:
            if kind is not None:
                yield kind, text, size
            kind, text, size = next_kind, paragraph.text, paragraph.size
    if kind is not None:
        yield kind, text, size


def _kind(paragraph: Paragraph, body_size: float) -> BlockKind:
    if paragraph.is_row:
        return "table"
    is_heading = (
        paragraph.size >= body_size * _MIN_HEADING_RATIO
        and not paragraph.is_vertical  # a stamp in the margin, as a rule
        and len(paragraph.text) <= _MAX_HEADING_CHARACTERS
        and any(character.isalpha() for character in paragraph.text)
        and not paragraph.text.endswith("。")
    )
    if is_heading:
        return "heading"
    return "list" if paragraph.is_list_item else "paragraph"
