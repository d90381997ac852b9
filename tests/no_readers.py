"""A registry of readers in which reading anything is an error: for files that must not be read."""

from pathlib import Path

from rag.errors import DocumentError
from rag.readers import REFUSED_SUFFIXES, Reader, abilities

__all__ = ["REFUSED_SUFFIXES", "abilities", "reader_for"]


def reader_for(file: Path) -> Reader:
    raise DocumentError("failed", f"{file.name} was read.")
