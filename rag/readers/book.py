"""EPUB books: every document of the reading order is a page, written as a browser shows it."""

import posixpath
import re
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
_HEADING = re.compile(r"<h[1-6][\s>]", re.IGNORECASE)
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
        chapters = _chapters(package, package_path, root)
        for path in _spine(package_path, root):
            builder.start_page()
            try:
                content = package.read(path)
            except KeyError:
                missing += 1
                continue
            source = decode_html(content)
            if path in chapters and not _HEADING.search(source):
                _enter_chapter(builder, chapters[path], source)
            add_html(builder, source)
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
            path = _resolved(package_path, item.get("href", ""))
            if path not in seen:
                seen.add(path)
                yield path


def _enter_chapter(builder: ExtractBuilder, name: str, source: str) -> None:
    """Open the heading of a page; it is written as well unless the page begins with it."""
    page = ExtractBuilder()
    add_html(page, source)
    text = "".join(page.build().text[: 2 * len(name) + 20].split())
    if text.startswith("".join(name.split())):
        builder.open_heading(name, 1)
    elif text:
        builder.add_heading(name, 1)


def _chapters(package: Package, package_path: str, root: "_Element") -> dict[str, str]:
    """Return the first name that a table of contents gives each page.

    In many Japanese books it alone tells what is a chapter: their headings are plain paragraphs.
    """
    found: dict[str, str] = {}
    names = package.namelist()
    for item in root.xpath("//*[local-name()='manifest']/*[local-name()='item']"):
        is_contents = "nav" in item.get("properties", "").split()
        if not is_contents and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        path = _resolved(package_path, item.get("href", ""))
        if path not in names:
            continue
        contents = _parse(package.read(path))
        for entry in contents.xpath("//*[local-name()='nav']//*[local-name()='a'][@href]"):
            name = " ".join("".join(entry.itertext()).split())
            found.setdefault(_resolved(path, entry.get("href")), name)
        for entry in contents.xpath("//*[local-name()='navPoint']"):
            labels = entry.xpath("./*[local-name()='navLabel']/*[local-name()='text']")
            pages = entry.xpath("./*[local-name()='content']/@src")
            if labels and pages:
                name = " ".join("".join(labels[0].itertext()).split())
                found.setdefault(_resolved(path, pages[0]), name)
    return found


def _resolved(base: str, address: str) -> str:
    address = unquote(address.partition("#")[0])
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), address))


def _parse(content: bytes) -> "_Element":
    from lxml import etree

    require_moderate(content, _MAX_ELEMENTS)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, recover=True)
    root = etree.fromstring(content, parser)
    if root is None:
        raise zipfile.BadZipFile("no XML")  # told as a damaged file by open_package
    return root
