"""Which reader reads which file. The libraries are imported when a reader first runs."""

import unicodedata
from pathlib import Path

from rag.errors import DocumentError
from rag.readers import ocr, sniff
from rag.readers.archive import read_zip
from rag.readers.book import read_epub
from rag.readers.card import read_card
from rag.readers.code import CODE_SUFFIXES, read_code, read_notebook
from rag.readers.extract import Extract, Reader
from rag.readers.image import read_image
from rag.readers.legacy import find_libreoffice, read_legacy_doc, read_legacy_ppt
from rag.readers.mail import read_eml, read_mbox, read_mht
from rag.readers.office import read_docx
from rag.readers.opendocument import read_odp, read_ods, read_odt
from rag.readers.outlook import read_msg
from rag.readers.pdf import read_pdf
from rag.readers.refused import REFUSED_SUFFIXES
from rag.readers.rtf import read_rtf
from rag.readers.slides import read_pptx
from rag.readers.spreadsheet import read_xls, read_xlsx
from rag.readers.structured import read_json
from rag.readers.table import read_csv, read_tsv
from rag.readers.text import read_markdown, read_plain
from rag.readers.web import read_html

__all__ = ["REFUSED_SUFFIXES", "SUPPORTED_SUFFIXES", "Extract", "Reader", "abilities", "reader_for"]

# What these readers read is text, whatever it begins with; `sniff` is then asked with care.
_TEXT_READERS: dict[str, Reader] = {
    **dict.fromkeys(CODE_SUFFIXES, read_code),
    ".adoc": read_plain,
    ".asc": read_plain,
    ".csv": read_csv,
    ".eml": read_eml,
    ".geojson": read_json,
    ".htm": read_html,
    ".html": read_html,
    ".ics": read_card,
    ".ipynb": read_notebook,
    ".json": read_json,
    ".jsonl": read_json,
    ".log": read_plain,
    ".markdown": read_markdown,
    ".mbox": read_mbox,
    ".md": read_markdown,
    ".mht": read_mht,
    ".mhtml": read_mht,
    ".ndjson": read_json,
    ".org": read_plain,
    ".rst": read_plain,
    ".srt": read_plain,
    ".tex": read_plain,
    ".text": read_plain,
    ".tsv": read_tsv,
    ".txt": read_plain,
    ".vcf": read_card,
    ".vtt": read_plain,
    ".xhtml": read_html,
}
_BINARY_READERS: dict[str, Reader] = {
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), read_docx),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), read_pptx),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), read_xlsx),
    **dict.fromkeys((".xls", ".xlt"), read_xls),
    **dict.fromkeys((".odt", ".ott"), read_odt),
    **dict.fromkeys((".ods", ".ots"), read_ods),
    **dict.fromkeys((".odp", ".otp"), read_odp),
    **dict.fromkeys((".doc", ".dot"), read_legacy_doc),
    **dict.fromkeys((".ppt", ".pps", ".pot"), read_legacy_ppt),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif"), read_image
    ),
    ".epub": read_epub,
    ".msg": read_msg,
    ".pdf": read_pdf,
    ".rtf": read_rtf,
    ".zip": read_zip,
}
_READERS = {**_TEXT_READERS, **_BINARY_READERS}
SUPPORTED_SUFFIXES = tuple(_READERS)


def reader_for(file: Path) -> Reader:
    """Return the reader for an existing file: by its content where that tells, else by its name.

    Raises:
        DocumentError: there is no reader for this file, or it is encrypted.
    """
    suffix = suffix_of(file)
    if suffix in REFUSED_SUFFIXES:
        raise DocumentError("unsupported", REFUSED_SUFFIXES[suffix])
    kind = sniff.kind_by_content(file, is_text_suffix=suffix in _TEXT_READERS)
    if kind is None and suffix not in _TEXT_READERS:
        kind = sniff.kind_of_markup(file) or _kind_by_name(file, suffix)
    kind = kind or suffix
    if kind in REFUSED_SUFFIXES:
        raise DocumentError("unsupported", REFUSED_SUFFIXES[kind])
    if kind not in _READERS:
        raise DocumentError(
            "unsupported",
            "This kind of file cannot be read here; export it as PDF, as an Office document or "
            "as plain text.",
        )
    return _READERS[kind]


def abilities() -> tuple[str, ...]:
    """Return what of the optional programs is installed: with more, more files can be read."""
    can = {"text recognition": ocr.is_installed(), "LibreOffice": find_libreoffice() is not None}
    return tuple(name for name, is_there in can.items() if is_there)


def suffix_of(file: Path) -> str:
    """Return the suffix in lower case and half-width characters, "" without one."""
    return Path(unicodedata.normalize("NFKC", file.name).strip()).suffix.lower()


def _kind_by_name(file: Path, suffix: str) -> str:
    """Return the suffix to read by: that of text, where a name without reader holds text."""
    text_suffix = sniff.TEXT_SUFFIXES_OF_EXPORTS.get(suffix)
    if (suffix not in _READERS or text_suffix) and sniff.is_text(file):
        return text_suffix or ".txt"
    return suffix
