"""What a part of a document is called: a slide, a sheet, a section, else a page. Pure."""

import re

from rag.ui.strings import Words

# Suffix of a file name -> key of the words.
_NAMES = {
    **dict.fromkeys((".odp", ".pps", ".ppsm", ".ppsx", ".ppt", ".pptm", ".pptx"), "slide"),
    **dict.fromkeys((".ods", ".xls", ".xlsm", ".xlsx"), "sheet"),
    ".epub": "chapter",
}
_SUFFIX = re.compile(r"(\.[^./ ]+)(?: \(\d+\))?$")  # the scan numbers names that look alike


def place_words(words: Words, path: str, page: int) -> str:
    """Return where ``page`` of the document ``path`` is, such as "p. 3" or "slide 3"."""
    return words(_NAMES.get(suffix_of(path), "page"), page=page)


def suffix_of(path: str) -> str:
    """Return the suffix of a document's name in lower case, such as ".pdf"; "" without one."""
    found = _SUFFIX.search(path)
    return found[1].lower() if found else ""


def has_slides(path: str) -> bool:
    """Tell whether the parts of a document are slides, each a text of its own."""
    return _NAMES.get(suffix_of(path)) == "slide"


def document_place(words: Words, path: str, page: int | None) -> str:
    """Return the path with the page behind it, for documents that have pages."""
    return path if page is None else f"{path} · {place_words(words, path, page)}"
