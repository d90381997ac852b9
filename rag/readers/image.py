"""Images of documents: scans, photographs, faxes. They are read only by text recognition."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers import ocr
from rag.readers.extract import Extract
from rag.readers.page_blocks import body_size_of, build_pages
from rag.readers.page_lines import Line

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")


def read_image(file: Path) -> Extract:
    """Read the text in an image; a TIFF may hold several pages, of an animation the first counts.

    Raises:
        DocumentError: text recognition is not installed, the image is too large or holds no text.
    """
    if not ocr.is_installed():
        raise DocumentError(
            "unsupported",
            f"This is an image; to have the text in it recognized, {ocr.REMEDY} and build again.",
        )
    pages: list[list[Line]] = [ocr.recognize(image, body_size_of([])) for image in _images(file)]
    if not any(pages):
        raise DocumentError(
            "no_text",
            "No text was found in this image; if it shows some, scan it larger and straighter.",
        )
    return build_pages(pages, scanned_pages=sum(bool(lines) for lines in pages))


def _images(file: Path) -> Iterator[Any]:
    """Yield the pages upright, on white, and small enough to recognize."""
    import PIL.Image
    import PIL.ImageOps

    try:
        image = PIL.Image.open(file, formats=_FORMATS)
    except PIL.Image.DecompressionBombError as error:
        raise _too_large() from error
    with image:
        for number in range(getattr(image, "n_frames", 1) if image.format == "TIFF" else 1):
            image.seek(number)
            if image.width * image.height > ocr.MAX_PIXELS:
                raise _too_large()
            page = PIL.ImageOps.exif_transpose(image)
            page = page.convert("RGBA" if page.has_transparency_data else "RGB")
            page.thumbnail((ocr.MAX_SIDE, ocr.MAX_SIDE))
            if page.mode == "RGBA":
                white = PIL.Image.new("RGBA", page.size, "white")
                page = PIL.Image.alpha_composite(white, page).convert("RGB")
            yield page


def _too_large() -> DocumentError:
    return DocumentError(
        "failed",
        f"This image has more than {ocr.MAX_PIXELS // 1_000_000} million pixels; save it smaller.",
    )
