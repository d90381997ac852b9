"""PDF by pypdfium2: text layers, scanned pages where text recognition is installed, attachments.

pdfium is not thread-safe: one process reads one document at a time.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers import ocr
from rag.readers.extract import Extract
from rag.readers.limits import request_seconds
from rag.readers.page_blocks import body_size_of, build_pages
from rag.readers.page_lines import Line
from rag.readers.pdf_attachments import Attachments
from rag.readers.pdf_page import image_pixels, is_scan, lines_on, render

_PAGES_A_REQUEST = 100
_SECONDS_A_REQUEST = 60

Document = Any  # pypdfium2 is untyped


def read_pdf(file: Path) -> Extract:
    """Read all pages; headings are short lines in larger type than the body.

    Raises:
        DocumentError: a password is needed, the file is damaged, or there is no text to be had.
    """
    with open_pdf(file) as document:
        pages, scans, oversized = _text_pages(document)
        recognized = _recognize(document, pages, scans) if ocr.is_installed() else 0
        attachments = Attachments(document)
    remark = ""
    if not any(pages):
        remark = _no_text_reason(has_scans=bool(scans), is_oversized=bool(oversized))
        if not attachments:
            raise DocumentError("no_text", remark)
    elif scans and not ocr.is_installed():
        remark = (
            f"{len(scans)} of {len(pages)} pages are scanned images; to have their text "
            f"recognized, {ocr.REMEDY} and build again."
        )
    elif oversized:
        remark = (
            f"{oversized} of {len(pages)} pages are images with more than "
            f"{ocr.MAX_PIXELS // 1_000_000} million pixels, which are not read."
        )
    elif attachments.left_out:
        remark = f"{attachments.left_out} attached files are damaged or too large and left out."
    parts = attachments.parts(file)
    return build_pages(pages, remark=remark, scanned_pages=recognized, parts=parts)


def open_pdf(file: Path | bytes) -> Document:
    """Open a PDF, or the content of one.

    Raises:
        DocumentError: a password is needed, or the file is damaged.
    """
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


def _text_pages(document: Document) -> tuple[list[list[Line]], list[int], int]:
    """Return the lines of each page, the numbers of scanned pages, and how many are too large."""
    pages, scans, oversized = [], [], 0
    for number in range(len(document)):
        if number % _PAGES_A_REQUEST == _PAGES_A_REQUEST - 1:
            request_seconds(_SECONDS_A_REQUEST)
        page = document[number]
        text_page = page.get_textpage()
        lines = lines_on(text_page)
        if is_scan(page, lines):
            if image_pixels(page) > ocr.MAX_PIXELS:
                oversized += 1
            else:
                scans.append(number)
        pages.append(lines)
        text_page.close()
        page.close()
    return pages, scans, oversized


def _recognize(document: Document, pages: list[list[Line]], scans: Sequence[int]) -> int:
    """Put recognized lines into the scanned pages; return in how many there was text."""
    body_size = body_size_of(pages)
    recognized = 0
    for number in scans:
        page = document[number]
        lines = ocr.recognize(render(page, ocr.MAX_SIDE), body_size)
        page.close()
        if lines:
            pages[number] = lines
            recognized += 1
    return recognized


def _no_text_reason(*, has_scans: bool, is_oversized: bool) -> str:
    if is_oversized and not has_scans:
        return (
            f"This PDF holds only images with more than {ocr.MAX_PIXELS // 1_000_000} million "
            "pixels; scan it at 300 dots an inch or less."
        )
    if not has_scans:
        return (
            "This PDF holds no text, perhaps only drawings; "
            "run it through OCR (text recognition) and add the result."
        )
    if ocr.is_installed():
        return (
            "No text was found in the scanned images of this PDF; scan it again, in better light."
        )
    return (
        f"This PDF holds only scanned images; to have their text recognized, {ocr.REMEDY} "
        "and build again."
    )
