"""Files embedded in Office documents, handed out one at a time to become documents themselves."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from rag.readers.extract import Part
from rag.readers.ooxml import COMPOUND_FILE_MAGIC
from rag.readers.package import Package

_NATIVE = "\1Ole10Native"  # any file, wrapped by the Packager
_PACKAGE = "Package"  # an Open XML document
_OLD_DOCUMENTS = {"WordDocument": ".doc", "Workbook": ".xls", "PowerPoint Document": ".ppt"}
_CONTENT_TYPES = {
    b"wordprocessingml": ".docx",
    b"spreadsheetml": ".xlsx",
    b"presentationml": ".pptx",
    b"opendocument.text": ".odt",
    b"opendocument.spreadsheet": ".ods",
    b"opendocument.presentation": ".odp",
}


def embedded_files(file: Path, left_out: frozenset[str] = frozenset()) -> Iterator[Part]:
    """Yield what stands in the ``embeddings`` folder of a package that was opened before.

    Args:
        file: the Office document.
        left_out: names of parts that were read already, such as the workbook of a chart.
    """
    with Package(file) as archive:
        for member in archive.infolist():
            path = PurePosixPath(member.filename)
            if path.parent.name != "embeddings" or member.is_dir() or member.filename in left_out:
                continue
            try:
                content = archive.read(member)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
                continue  # one file less; the document around it was read
            if path.suffix.lower() != ".bin":
                yield Part(path.name, content)
            elif content.startswith(COMPOUND_FILE_MAGIC):
                yield from _unwrap(path.stem, content)


def _unwrap(stem: str, content: bytes) -> Iterator[Part]:
    """Yield the file in an OLE container; other objects, such as formulas, hold none."""
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(content)) as container:
            part = _wrapped_file(stem, container, content)
    except Exception:  # noqa: BLE001 - olefile raises many kinds on damaged files
        return
    if part is not None:
        yield part


def _wrapped_file(stem: str, container: Any, content: bytes) -> Part | None:  # noqa: ANN401 - untyped
    if container.exists(_PACKAGE):
        package = container.openstream(_PACKAGE).read()
        return Part(stem + _package_suffix(package), package)
    if container.exists(_NATIVE):
        return _native_file(container.openstream(_NATIVE).read())
    for stream, suffix in _OLD_DOCUMENTS.items():
        if container.exists(stream):
            return Part(stem + suffix, content)
    return None


def _package_suffix(package: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            names = {"[Content_Types].xml", "mimetype"} & set(archive.namelist())
            types = b"".join(archive.open(name).read(1_000_000) for name in sorted(names))
    except zipfile.BadZipFile:
        return ".bin"
    return next((suffix for mark, suffix in _CONTENT_TYPES.items() if mark in types), ".zip")


def _native_file(stream: bytes) -> Part | None:
    r"""Return the file in an ``\1Ole10Native`` stream ([MS-OLEDS] 2.3.6 leaves it to packagers).

    Total size, flags, label, path, flags, a sized path, then the sized content. Paths are in
    the code page of the computer that wrote them, in Japan 932.
    """
    label, at = _string(stream, 6)
    _, at = _string(stream, at)
    (path_length,) = struct.unpack_from("<I", stream, at + 4)
    at += 8 + path_length
    (length,) = struct.unpack_from("<I", stream, at)
    content = stream[at + 4 : at + 4 + length]
    name = label.decode("cp932", errors="replace").replace("\\", "/").rsplit("/", 1)[-1]
    return Part(name, content) if name and len(content) == length else None


def _string(stream: bytes, start: int) -> tuple[bytes, int]:
    end = stream.find(b"\0", start)
    return (stream[start:end], end + 1) if end >= 0 else (b"", len(stream))
