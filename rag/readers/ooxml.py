"""Office Open XML packages (DOCX, XLSX, PPTX): their parts, what links them, files inside them.

Strict Open XML differs from the usual kind in its namespaces, so these are rewritten before a
part is parsed; parts that are streamed are to be matched with ``{*}`` instead.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from rag.errors import DocumentError
from rag.readers.markup import require_moderate
from rag.readers.package import Package, open_package

COMPOUND_FILE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
RELATION_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

_STRICT_NAMESPACE = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_OLD_FORMATS = {  # a stream's name -> program, its old suffix, its new one
    "WordDocument": ("Word", ".doc", ".docx"),
    "Workbook": ("Excel", ".xls", ".xlsx"),
    "PowerPoint Document": ("PowerPoint", ".ppt", ".pptx"),
}

_MAX_ELEMENTS = 500_000  # of one part; a handbook of 872 pages has a fifth of it

Element = Any  # lxml ships no types


class OfficePackage:
    """The parts of an open package. Names match in any case, as the standard asks.

    Raises:
        zipfile.BadZipFile: the package does not say which part is the document.
    """

    def __init__(self, archive: Package) -> None:
        self._archive = archive
        self._names = {name.lower(): name for name in archive.namelist()}
        self._relations: dict[str, dict[str, tuple[str, str]]] = {}
        self._claimed: set[str] = set()
        mains = self.related("", "officeDocument")
        if not mains:
            raise zipfile.BadZipFile("no main part")
        self.main_name = mains[0]

    def main(self, root_tag: str) -> Element:
        """Return the root of the document itself.

        Raises:
            zipfile.BadZipFile: it is a document of another kind than ``root_tag`` opens.
        """
        root = self.parse(self.main_name)
        if root.tag != root_tag:
            raise zipfile.BadZipFile(f"the main part is {root.tag}")
        return root

    def parse(self, name: str) -> Element:
        """Return the root element of a part, in the namespaces of transitional Open XML."""
        content = self._archive.read(self._actual(name))
        return parse_xml(
            _STRICT_NAMESPACE.sub(rb"http://schemas.openxmlformats.org/\1/2006/", content)
        )

    def open(self, name: str) -> IO[bytes]:
        """Open a part for reading.

        Raises:
            zipfile.BadZipFile: there is no such part.
        """
        return self._archive.open(self._actual(name))

    def claim(self, name: str) -> bool:
        """Tell whether a part is claimed for the first time.

        What is shown is stored once, but a hostile package may refer to it a thousand times.
        """
        is_new = name not in self._claimed
        self._claimed.add(name)
        return is_new

    def related(self, source: str, kind: str) -> list[str]:
        """Return the parts that ``source`` names as its ``kind``, such as "notesSlide"."""
        relations = self.relations(source).values()
        return [target for found, target in relations if found == kind]

    def relations(self, source: str) -> dict[str, tuple[str, str]]:
        """Return kind and part of all relations of ``source`` to parts inside, by their id."""
        if source not in self._relations:
            self._relations[source] = self._read_relations(source)
        return self._relations[source]

    def _actual(self, name: str) -> str:
        if name.lower() not in self._names:
            raise zipfile.BadZipFile(f"no part {name}")
        return self._names[name.lower()]

    def _read_relations(self, source: str) -> dict[str, tuple[str, str]]:
        folder, name = posixpath.split(source)
        relations_name = posixpath.join(folder, "_rels", f"{name}.rels")
        if relations_name.lower() not in self._names:
            return {}
        found = {}
        for relation in self.parse(relations_name):
            if relation.get("TargetMode") != "External":
                kind = posixpath.basename(relation.get("Type", ""))
                target = posixpath.join("/", folder, unquote(relation.get("Target", "")))
                found[relation.get("Id", "")] = (kind, posixpath.normpath(target).lstrip("/"))
        return found


@contextmanager
def open_office(file: Path, kind: str) -> Iterator[OfficePackage]:
    """Open a document; ``kind`` is what a person calls it, with its article.

    Raises:
        DocumentError: no package, encrypted, an older format, or too large when unpacked.
    """
    with file.open("rb") as stream:
        is_compound = stream.read(len(COMPOUND_FILE_MAGIC)) == COMPOUND_FILE_MAGIC
    if is_compound:
        raise compound_file_error(file.read_bytes(), kind)
    with open_package(file, kind) as archive:
        yield OfficePackage(archive)


def compound_file_error(content: bytes, kind: str) -> DocumentError:
    """Return what to say of a compound file where a package is expected.

    With a password set, Office wraps the package into one; old formats are compound files too.
    """
    if "EncryptedPackage".encode("utf-16-le") in content:
        return DocumentError(
            "encrypted",
            "This file is protected with a password; save a copy without the password.",
        )
    for stream, (program, old, new) in _OLD_FORMATS.items():
        if stream.encode("utf-16-le") in content:
            return DocumentError(
                "unsupported",
                f"This file is in the old {program} format ({old}); save it as {new}.",
            )
    return DocumentError(
        "failed",
        f"This file is damaged or not {kind}; open it in its own program and save it again.",
    )


def parse_xml(content: bytes) -> Element:
    """Return the root element; entities stay unresolved, comments are dropped.

    Raises:
        DocumentError: too many elements.
    """
    from lxml import etree

    require_moderate(content, _MAX_ELEMENTS)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(content, parser)


def stream_xml(stream: IO[bytes], *tags: str, events: tuple[str, ...] = ("end",)) -> Iterator[Any]:
    """Yield event and element for the given tags; each is emptied after its end was handled."""
    from lxml import etree

    walk = etree.iterparse(
        stream, events=events, tag=tags, resolve_entities=False, no_network=True,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    for event, element in walk:
        yield event, element
        if event == "end":
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
