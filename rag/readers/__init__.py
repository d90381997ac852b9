"""Which reader reads which file. The libraries are imported when a reader first runs."""

from pathlib import Path

from rag.readers.extract import Extract, Reader
from rag.readers.office import read_docx
from rag.readers.opendocument import read_odp, read_ods, read_odt
from rag.readers.pdf import read_pdf
from rag.readers.slides import read_pptx
from rag.readers.spreadsheet import read_xls, read_xlsx
from rag.readers.table import read_csv, read_tsv
from rag.readers.text import read_markdown, read_plain
from rag.readers.web import read_html

__all__ = ["REFUSED_SUFFIXES", "SUPPORTED_SUFFIXES", "Extract", "Reader", "reader_for"]

_READERS: dict[str, Reader] = {
    ".csv": read_csv,
    **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), read_docx),
    **dict.fromkeys((".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"), read_pptx),
    **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), read_xlsx),
    **dict.fromkeys((".xls", ".xlt"), read_xls),
    **dict.fromkeys((".odt", ".ott"), read_odt),
    **dict.fromkeys((".ods", ".ots"), read_ods),
    **dict.fromkeys((".odp", ".otp"), read_odp),
    ".htm": read_html,
    ".html": read_html,
    ".log": read_plain,
    ".markdown": read_markdown,
    ".md": read_markdown,
    ".pdf": read_pdf,
    ".rst": read_plain,
    ".tsv": read_tsv,
    ".txt": read_plain,
    ".xhtml": read_html,
}
SUPPORTED_SUFFIXES = tuple(_READERS)
# Files that are told unsupported by their name alone, without opening them: suffix -> reason.
REFUSED_SUFFIXES: dict[str, str] = {}


def reader_for(path: Path) -> Reader | None:
    """Return the reader for a file name, by its suffix in any case; None for other files."""
    return _READERS.get(path.suffix.lower())
