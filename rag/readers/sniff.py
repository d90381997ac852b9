"""What a file is by its content, told as the suffix such a file should have.

Suffixes are often wrong: a report exported "as .xls" is an HTML table, a ".doc" is RTF. Only
marks that no prose can carry are trusted against the suffix of a text file.
"""

import re
import zipfile
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.encoding import decode_text
from rag.readers.package import Package

TEXT_SUFFIXES_OF_EXPORTS = {".doc": ".txt", ".xls": ".csv"}  # what programs write under them

_HEAD_BYTES = 4096
_SAMPLE_BYTES = 65_536
_COMPOUND_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", ".png"),
    (b"\xff\xd8\xff", ".jpg"),
    (b"II*\0", ".tif"),
    (b"MM\0*", ".tif"),
    (b"\x1f\x8b\x08", ".gz"),
    (b"7z\xbc\xaf\x27\x1c", ".7z"),
    (b"Rar!\x1a\x07", ".rar"),
    (b"\xfd7zXZ\0", ".xz"),
    (b"SQLite format 3\0", ".sqlite"),
    (b"\x78\x9f\x3e\x22", ".tnef"),
    (b"\x7fELF", ".elf"),
)
_STREAMS = (  # of a compound file, with what it then is
    ("__properties_version1.0", ".msg"),
    ("WordDocument", ".doc"),
    ("PowerPoint Document", ".ppt"),
    ("Workbook", ".xls"),
    ("Book", ".xls"),
)
_ENCRYPTED_STREAMS = frozenset(("EncryptedPackage", "\x09DRMContent"))
_OFFICE_FOLDERS = (("word/", ".docx"), ("ppt/", ".pptx"), ("xl/", ".xlsx"))
_MIMETYPES = {
    "application/epub+zip": ".epub",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.presentation": ".odp",
    "application/vnd.oasis.opendocument.graphics": ".odg",
}
_PDF_MARK = re.compile(rb"%PDF-\d")
_PDF_START = re.compile(rb"%PDF-\d\.\d[ \t]*(?:\s%[\x80-\xff]{2}|[\r\n]+\d+ \d+ obj\b)")
_RTF_START = re.compile(rb"\s*\{\\rtf1?\s*(?:\\|\{)")
_MARKUP_START = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|meta)\b", re.IGNORECASE)
_MHTML_START = re.compile(rb"(?:[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?MIME-Version:", re.IGNORECASE)


def kind_by_content(file: Path, *, is_text_suffix: bool) -> str | None:
    """Return the suffix that fits the content, None when the content does not tell.

    Args:
        file: an existing file; no more than its first bytes and its directory are read.
        is_text_suffix: the name says text, so that only binary marks count, and a PDF or an
            RTF file must show more than the words it begins with.

    Raises:
        DocumentError: a compound file that holds an encrypted document.
    """
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(_COMPOUND_MAGIC):
        return _kind_of_compound(file)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(file)
    for magic, told_kind in _MAGIC:
        if head.startswith(magic):
            return told_kind
    kind = _kind_of_picture(head)
    if kind is None and _is_pdf(head, is_text_suffix=is_text_suffix):
        kind = ".pdf"
    if kind is None and _is_rtf(file, head, is_text_suffix=is_text_suffix):
        kind = ".rtf"
    return kind


def kind_of_markup(file: Path) -> str | None:
    """Return ".html" or ".mht" for a file that begins like one. Prose may; ask by suffix first."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if b"\0" in head:
        head = head.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    head = head.removeprefix(b"\xef\xbb\xbf")
    if _MARKUP_START.match(_without_preamble(head)):
        return ".html"
    return ".mht" if _MHTML_START.match(head) and b"multipart/related" in head else None


def _without_preamble(head: bytes) -> bytes:
    """Return what follows comments and processing instructions."""
    head = head.lstrip()
    while head.startswith((b"<!--", b"<?")):
        _, _, head = head.partition(b"-->" if head.startswith(b"<!--") else b"?>")
        head = head.lstrip()
    return head


def is_text(file: Path) -> bool:
    """Tell whether the beginning of ``file`` decodes as text."""
    with file.open("rb") as stream:
        sample = stream.read(_SAMPLE_BYTES)
    if len(sample) == _SAMPLE_BYTES:  # no character may be cut in two
        whole_lines, _, _ = sample.rpartition(b"\n")
        last_start = next((n for n in range(1, 5) if sample[-n] & 0xC0 != 0x80), 1)  # of UTF-8
        sample = whole_lines or sample[:-last_start]
    try:
        decode_text(sample)
    except DocumentError:
        return False
    return True


def _is_pdf(head: bytes, *, is_text_suffix: bool) -> bool:
    if is_text_suffix:  # a text about PDF may begin with its mark, but goes on in words
        return bool(_PDF_START.match(head))
    return bool(_PDF_MARK.match(head)) and b" obj" in head


def _is_rtf(file: Path, head: bytes, *, is_text_suffix: bool) -> bool:
    if not _RTF_START.match(head.removeprefix(b"\xef\xbb\xbf")):
        return False
    return not is_text_suffix or file.read_bytes().rstrip(b"\0\r\n\t ").endswith(b"}")


def _kind_of_picture(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    if head[:6] in (b"GIF87a", b"GIF89a") and b"\0" in head[:64]:
        return ".gif"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return ".bmp"
    if head[4:8] == b"ftyp":
        return ".heic" if head[8:12] in (b"heic", b"heix", b"mif1", b"avif") else ".mp4"
    return None


def _kind_of_zip(file: Path) -> str | None:
    """Tell packages apart by their members; a broken one is left to the reader of its suffix."""
    try:
        with Package(file) as package:
            names = package.namelist()
            if "mimetype" in names and package.getinfo("mimetype").file_size < 256:
                declared = package.read("mimetype").decode("ascii", errors="replace").strip()
                kind = _MIMETYPES.get(declared.removesuffix("-template"))
                if kind:
                    return kind
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, ValueError):
        return None
    if "META-INF/container.xml" in names and any(name.endswith(".opf") for name in names):
        return ".epub"
    if "[Content_Types].xml" not in names:
        return ".zip"
    if "xl/workbook.bin" in names:
        return ".xlsb"
    return next(
        (kind for folder, kind in _OFFICE_FOLDERS if any(n.startswith(folder) for n in names)),
        None,
    )


def _kind_of_compound(file: Path) -> str | None:
    import olefile

    try:
        with olefile.OleFileIO(str(file)) as compound:
            streams = {path[0] for path in compound.listdir(streams=True, storages=True)}
    except Exception:  # noqa: BLE001 - olefile raises many kinds on damaged files
        return None
    if streams & _ENCRYPTED_STREAMS:
        raise DocumentError(
            "encrypted",
            "This file is protected with a password or a licence; "
            "save a copy without the protection.",
        )
    return next((kind for stream, kind in _STREAMS if stream in streams), None)
