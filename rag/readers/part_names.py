"""Names for files found inside others: safe to show, and each one only once."""

import re
import unicodedata
from pathlib import PurePosixPath

from rag.readers.extract import normalize_text

_DRIVE = re.compile(r"[A-Za-z]:")


def clean_parts(name: str) -> list[str]:
    """Return the parts of a path, without those that lead upwards, to a drive or to the root."""
    name = unicodedata.normalize("NFC", normalize_text(name))  # macOS takes ガ apart
    name = "".join(c for c in name if not _breaks_a_line_of_text(unicodedata.category(c)))
    parts = [part.strip() for part in name.replace("\\", "/").split("/")]
    if parts and _DRIVE.match(parts[0]):
        parts[0] = parts[0][2:]
    return [part for part in parts if part not in ("", ".", "..")]


def _breaks_a_line_of_text(category: str) -> bool:
    """Tell controls, marks of direction and separators of lines and paragraphs."""
    return category.startswith("C") or category in ("Zl", "Zp")


class UniqueNames:
    """Hands every name out once; twins get a number before their suffix."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> str:
        """Return ``name``, or ``name (2).suffix`` and so on when it is taken."""
        unique, path = name, PurePosixPath(name)
        while unique in self._taken:
            self._taken[name] += 1
            unique = str(path.with_name(f"{path.stem} ({self._taken[name]}){path.suffix}"))
        self._taken[unique] = 1
        return unique
