"""PDF text layers by pypdfium2, with the lines of a page put together into paragraphs.

pdfium is not thread-safe: one process reads one document at a time.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.datatypes import BlockKind
from rag.errors import DocumentError
from rag.readers.extract import Extract, ExtractBuilder, joint, normalize_text
from rag.readers.page_lines import Box, Line, Paragraph, lines_of, paragraphs_of

_MAX_HEADING_CHARACTERS = 120
_MIN_HEADING_RATIO = 1.08  # of the type size to that of the body


def read_pdf(file: Path) -> Extract:
    """Read all pages; headings are short lines in larger type than the body.

    Raises:
        DocumentError: a password is needed, the file is damaged, or there is no text layer.
    """
    document = _open(file)
    pages = [_lines(page) for page in _pages(document)]
    document.close()
    if not any(line.text.strip() for lines in pages for line in lines):
        raise DocumentError(
            "no_text",
            "This PDF holds no text, perhaps only scanned images; "
            "run it through OCR (text recognition) and add the result.",
        )
    return _build(pages)


def _open(file: Path) -> Any:  # noqa: ANN401 - pypdfium2 is untyped
    import pypdfium2
    import pypdfium2.raw as pdfium

    try:
        return pypdfium2.PdfDocument(file)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise DocumentError(
                "encrypted",
                "This PDF opens only with a password; save a copy without the password.",
            ) from error
        raise DocumentError(
            "failed",
            "This file is damaged or not a PDF; open it in a PDF viewer and save or print it "
            "as a new PDF.",
        ) from error


def _pages(document: Any) -> Iterator[Any]:  # noqa: ANN401 - pypdfium2 is untyped
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        yield text_page
        text_page.close()
        page.close()


def _lines(text_page: Any) -> list[Line]:  # noqa: ANN401 - pypdfium2 is untyped
    """Return the lines of a page.

    Character by character, because ``FPDFText_GetText`` writes the same U+FFFE for a
    line-end hyphen and for a glyph it cannot map, and because its offsets may differ from
    those of the boxes.
    """
    import pypdfium2.raw as pdfium

    rectangle, matrix = pdfium.FS_RECTF(), pdfium.FS_MATRIX()

    def box_at(index: int) -> Box:
        pdfium.FPDFText_GetLooseCharBox(text_page, index, rectangle)
        pdfium.FPDFText_GetMatrix(text_page, index, matrix)
        scale = (matrix.c**2 + matrix.d**2) ** 0.5
        size = pdfium.FPDFText_GetFontSize(text_page, index) * scale
        return Box(rectangle.left, rectangle.bottom, rectangle.right, rectangle.top, size)

    count = text_page.count_chars()
    return lines_of([pdfium.FPDFText_GetUnicode(text_page, i) for i in range(count)], box_at)


def _build(pages: list[list[Line]]) -> Extract:
    sizes = Counter[float]()
    for line in (line for lines in pages for line in lines):
        sizes[round(line.size * 2) / 2] += len(line.text)
    body_size = sizes.most_common(1)[0][0]
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
    return builder.build(normalize_text(title))


def _blocks(
    lines: list[Line], body_size: float, compounds: frozenset[str]
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
