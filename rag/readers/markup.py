"""A bound on trees: what markup costs in memory and time goes by its elements, not its bytes."""

from rag.errors import DocumentError


def require_moderate(source: bytes | str, max_elements: int) -> None:
    """Look at markup before a tree is built from it.

    Counting is a thousand times cheaper than parsing. In UTF-16 end tags count as elements.

    Raises:
        DocumentError: more than ``max_elements`` elements begin in ``source``.
    """
    if isinstance(source, str):
        count = source.count("<") - source.count("</")
    else:
        count = source.count(b"<") - source.count(b"</")
    if count > max_elements:
        raise DocumentError(
            "failed",
            f"This file consists of {count} elements, more than the {max_elements} that are safe "
            "to open; split it into smaller files.",
        )
