"""EPUB books: every document of the reading order is a page, written as a browser shows it."""

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.errors import DocumentError
from rag.readers.extract import Extract, ExtractBuilder, normalize_text
from rag.readers.markup import require_moderate
from rag.readers.package import Package, open_package
from rag.readers.web import add_html, decode_html

if TYPE_CHECKING:
    from lxml.etree import _Element

_FONT_SCRAMBLERS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_MAX_ELEMENTS = 100_000  # of one description
_PAGE_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read_epub(file: Path) -> Extract:
    """Read the book in the order of its spine; its title is that of the package.

    Raises:
        DocumentError: copy protected, too large when unpacked, or no EPUB.
    """
    builder = ExtractBuilder()
    with open_package(file, "an EPUB book") as package:
        _refuse_protected(package)
        package_path, root = _open_description(package)
        missing = 0
        for path in _spine(package_path, root):
            builder.start_page()
            try:
                content = package.read(path)
            except KeyError:
                missing += 1
                continue
            add_html(builder, decode_html(content))
        titles = root.xpath("//*[local-name()='metadata']//*[local-name()='title']")
    title = " ".join("".join(titles[0].itertext()).split()) if titles else ""
    remark = f"{missing} parts of this book are missing in the file." if missing else ""
    return builder.build(normalize_text(title), remark=remark)


def _refuse_protected(package: Package) -> None:
    """Raise unless everything but fonts is readable.

    Fonts are often scrambled in books that are otherwise open.
    """
    if "META-INF/encryption.xml" not in package.namelist():
        return
    root = _parse(package.read("META-INF/encryption.xml"))
    methods = root.xpath("//*[local-name()='EncryptedData']/*[local-name()='EncryptionMethod']")
    if any(method.get("Algorithm") not in _FONT_SCRAMBLERS for method in methods):
        raise DocumentError(
            "encrypted",
            "This book is copy protected (DRM) and cannot be opened here; "
            "add a copy without the protection.",
        )


def _open_description(package: Package) -> tuple[str, "_Element"]:
    """Return path and root of the package document (.opf)."""
    names = package.namelist()
    path = ""
    if "META-INF/container.xml" in names:
        container = _parse(package.read("META-INF/container.xml"))
        paths = container.xpath("//*[local-name()='rootfile']/@full-path")
        path = paths[0] if paths else ""
    if path not in names:
        path = next((name for name in names if name.endswith(".opf")), "")
    if not path:
        raise DocumentError(
            "failed",
            "This file is damaged or not an EPUB book: its table of contents is missing; "
            "get it again or convert it to PDF.",
        )
    return path, _parse(package.read(path))


def _spine(package_path: str, root: "_Element") -> Iterator[str]:
    """Yield the paths of the book's pages inside the package in reading order, each one once."""
    items = {
        item.get("id"): item
        for item in root.xpath("//*[local-name()='manifest']/*[local-name()='item']")
    }
    seen = set()
    for reference in root.xpath("//*[local-name()='spine']/*[local-name()='itemref']"):
        item = items.get(reference.get("idref"))
        if item is not None and item.get("media-type", _PAGE_TYPES[0]) in _PAGE_TYPES:
            address = unquote(item.get("href", "").partition("#")[0])
            path = posixpath.normpath(posixpath.join(posixpath.dirname(package_path), address))
            if path not in seen:
                seen.add(path)
                yield path


def _parse(content: bytes) -> "_Element":
    from lxml import etree

    require_moderate(content, _MAX_ELEMENTS)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    root = etree.fromstring(content, parser)
    if root is None:
        raise zipfile.BadZipFile("no XML")  # told as a damaged file by open_package
    return root
