"""Files attached to a PDF, handed out one at a time to become documents themselves."""

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.readers.extract import Part
from rag.readers.part_names import UniqueNames, clean_parts

MAX_TOTAL_BYTES = 100_000_000


class Attachments:
    """What is attached to an open document; ``left_out`` counts what is damaged or too much.

    Only files of the whole document are looked at, not those pinned to a place on a page.
    """

    def __init__(self, document: Any) -> None:  # noqa: ANN401 - pypdfium2 is untyped
        self.left_out = 0
        self._kept: list[tuple[int, str]] = []
        room = MAX_TOTAL_BYTES
        names = UniqueNames()
        for number in range(document.count_attachments()):
            attachment = document.get_attachment(number)
            size = _size(attachment)
            if 0 < size <= room:
                room -= size
                name = "/".join(clean_parts(_name(attachment)))
                self._kept.append((number, names.take(name or f"attachment {number + 1}")))
            else:
                self.left_out += 1

    def __len__(self) -> int:
        return len(self._kept)

    def parts(self, file: Path) -> Iterator[Part]:
        """Yield the files; ``file`` is opened anew, because its document is closed by then."""
        if not self._kept:
            return
        import pypdfium2

        with pypdfium2.PdfDocument(file) as document:
            for number, name in self._kept:
                yield Part(name, bytes(document.get_attachment(number).get_data()))


def _size(attachment: Any) -> int:  # noqa: ANN401 - pypdfium2 is untyped
    import pypdfium2.raw as pdfium

    size = ctypes.c_ulong()
    pdfium.FPDFAttachment_GetFile(attachment, None, 0, size)
    return size.value


def _name(attachment: Any) -> str:  # noqa: ANN401 - pypdfium2 is untyped
    import pypdfium2

    try:
        return str(attachment.get_name())
    except (pypdfium2.PdfiumError, UnicodeDecodeError):
        return ""
