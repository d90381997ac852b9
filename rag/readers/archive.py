"""Zip archives: every document inside becomes a part, read under its name in the archive.

Nothing is unpacked to the disk, and no name leads anywhere: it is only shown.
"""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from rag.readers.extract import Extract, Part
from rag.readers.package import CHUNK_BYTES, Package, open_package
from rag.readers.part_names import UniqueNames, clean_parts

_KIND = "a zip archive"
_UTF8_NAME = 0x800  # of a member's flag bits
_HIDDEN_PREFIXES = (".", "~$")
_HIDDEN_NAMES = frozenset((
    "__macosx", "__pycache__", "node_modules", "thumbs.db", "desktop.ini",
))  # fmt: skip
_UNREADABLE = (  # what reading one bad member raises
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError,
    RuntimeError, ValueError,
)  # fmt: skip


def read_zip(file: Path) -> Extract:
    """Return the archive's files as parts; there is no text.

    Folders, links and the hidden files that operating systems leave behind are no parts.

    Raises:
        DocumentError: encrypted, damaged as a whole, or too large when unpacked.
    """
    with open_package(file, _KIND) as package:
        members, links = _members(package)
        kept = [entry for entry in members if _is_readable(package, entry[1])]
    kept_names = {name for name, _ in kept}
    damaged = [name for name, _ in members if name not in kept_names]
    return Extract("", remark=_remark(damaged, links), parts=_parts(file, kept))


def _members(package: Package) -> tuple[list[tuple[str, zipfile.ZipInfo]], int]:
    """Return the regular files under the names to show, each name once, and the count of links."""
    members: list[tuple[str, zipfile.ZipInfo]] = []
    names = UniqueNames()
    links = 0
    for member in package.infolist():
        decoded = _decode_name(member)
        if decoded.endswith(("/", "\\")) or member.filename.endswith("/"):
            continue
        if stat.S_ISLNK(member.external_attr >> 16):
            links += 1
            continue
        parts = clean_parts(decoded)
        if any(p.startswith(_HIDDEN_PREFIXES) or p.lower() in _HIDDEN_NAMES for p in parts):
            continue
        members.append((names.take("/".join(parts) or "file"), member))
    return members, links


def _decode_name(member: zipfile.ZipInfo) -> str:
    """Return the name; without the flag for UTF-8 it is often UTF-8 or Shift_JIS nevertheless."""
    if member.flag_bits & _UTF8_NAME:
        return member.orig_filename
    content = member.orig_filename.encode("cp437")  # as zipfile decoded it
    for encoding in ("utf-8", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.orig_filename


def _is_readable(package: Package, member: zipfile.ZipInfo) -> bool:
    """Unpack a member into nothing, so that its checksum is compared."""
    try:
        with package.open(member) as stream:
            while stream.read(CHUNK_BYTES):
                pass
    except _UNREADABLE:
        return False
    return True


def _remark(damaged: list[str], links: int) -> str:
    reasons = []
    if damaged:
        more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        reasons.append(f"damaged: {damaged[0]}{more}")
    if links:
        reasons.append(f"links to other files: {links}")
    return f"Left out of this archive: {'; '.join(reasons)}." if reasons else ""


def _parts(file: Path, members: list[tuple[str, zipfile.ZipInfo]]) -> Iterator[Part]:
    with open_package(file, _KIND) as package:
        for name, member in members:
            yield Part(name, package.read(member))
