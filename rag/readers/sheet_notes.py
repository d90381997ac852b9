"""What lies over the cells of an XLSX sheet: text boxes and shapes, and comments on cells."""

from collections.abc import Iterator

from rag.readers.extract import ExtractBuilder
from rag.readers.ooxml import Element, OfficePackage

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_BODY = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}txBody"


def add_notes(builder: ExtractBuilder, package: OfficePackage, part: str) -> None:
    """Add the shapes that hold text as paragraphs, then the comments with their cells as notes.

    Forms are often filled in with text boxes, and the reason for a figure is said in a comment.
    """
    for drawing in package.related(part, "drawing"):
        if package.claim(drawing):
            for body in package.parse(drawing).iter(_BODY):
                builder.add("paragraph", "\n".join(_paragraphs(body)))
    for comments in package.related(part, "comments"):
        if package.claim(comments):
            for comment in package.parse(comments).iter(f"{_S}comment"):
                text = "".join(entry.text or "" for entry in _texts(comment)).strip()
                if text:
                    builder.add("note", f"{comment.get('ref', '')}: {text}")


def _paragraphs(body: Element) -> Iterator[str]:
    for paragraph in body.iterfind(f"{_A}p"):
        text = "".join(entry.text or "" for entry in paragraph.iter(f"{_A}t"))
        if text.strip():
            yield text


def _texts(comment: Element) -> Iterator[Element]:
    """Yield the texts of a comment, without furigana."""
    for text in comment.iterfind(f"{_S}text"):
        yield from text.iterfind(f"{_S}t")
        yield from text.iterfind(f"{_S}r/{_S}t")
