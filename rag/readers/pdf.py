"""PDF text layers by pypdfium2, with the lines of a page put together into paragraphs.

pdfium is not thread-safe: one process reads one document at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers.extract import Extract
from rag.readers.page_blocks import build_pages
from rag.readers.pdf_page import lines_on


def read_pdf(file: Path) -> Extract:
    """Read all pages; headings are short lines in larger type than the body.

    Raises:
        DocumentError: a password is needed, the file is damaged, or there is no text layer.
    """
    document = _open(file)
    pages = [lines_on(page) for page in _pages(document)]
    document.close()
    if not any(line.text.strip() for lines in pages for line in lines):
        raise DocumentError(
            "no_text",
            "This PDF holds no text, perhaps only scanned images; "
            "run it through OCR (text recognition) and add the result.",
        )
    return build_pages(pages)


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
