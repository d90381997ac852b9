"""Pages of lines to the blocks of a document: headings, paragraphs, lists, tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rag.datatypes import BlockKind
from rag.readers.extract import Extract, ExtractBuilder, Part, joint, normalize_text
from rag.readers.outline import outline_level
from rag.readers.page_furniture import without_furigana, without_running_lines
from rag.readers.page_lines import Line
from rag.readers.page_paragraphs import Paragraph, paragraphs_of

_MAX_HEADING_CHARACTERS = 120
_DEFAULT_BODY_SIZE = 10.0
_POINTS = tuple("•‣◦–-・✓➢")  # lists in large type on slides; not "■", which opens headings
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
    body_lines = without_running_lines([without_furigana(lines) for lines in pages], body_size)
    for number, lines in enumerate(body_lines):
        builder.start_page()
        for kind, text, level in _blocks(lines, body_size, compounds):
            if kind == "heading":
                builder.add_heading(text, level)
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
    """Yield kind, text and level of headings; close paragraphs of one kind share a block."""
    kind: BlockKind | None = None
    text, level = "", 0.0
    for paragraph in paragraphs_of(lines, compounds):
        next_kind = _kind(paragraph, body_size)
        outline = None if paragraph.is_row else outline_level(paragraph.text)
        next_level = -round(paragraph.size * 2) / 2  # larger type is an outer level
        if outline is not None and next_kind != "heading":
            next_kind, next_level = "heading", outline
        goes_on = paragraph.is_close and next_level == level and outline is None
        if next_kind == kind == "heading" and goes_on:
            text += joint(text, paragraph.text) + paragraph.text
        elif next_kind == kind != "heading" and paragraph.is_close:
            text += "\n" + paragraph.text
        else:
            if kind is not None:
                yield kind, text, level
            kind, text, level = next_kind, paragraph.text, next_level
    if kind is not None:
        yield kind, text, level


def _kind(paragraph: Paragraph, body_size: float) -> BlockKind:
    if paragraph.is_row:
        return "table"
    is_heading = (
        paragraph.size >= body_size * _MIN_HEADING_RATIO
        and not paragraph.is_vertical  # a stamp in the margin, as a rule
        and len(paragraph.text) <= _MAX_HEADING_CHARACTERS
        and any(character.isalpha() for character in paragraph.text)
        and not paragraph.text.endswith("。")
        and not paragraph.text.startswith(_POINTS)
    )
    if is_heading:
        return "heading"
    return "list" if paragraph.is_list_item else "paragraph"
