"""Which shipped weights a model folder was made of, so that an update of them makes it anew."""

import hashlib
import json
from pathlib import Path

MADE_OF = "made_of.json"
_PARTS = ("*.safetensors", "*.json")  # of what is shipped; not its log and its card


def note_source(folder: Path, shipped: Path) -> None:
    """Write into ``folder`` that it is made of ``shipped``."""
    (folder / MADE_OF).write_text(json.dumps({"sha256": _digest(shipped)}), encoding="utf-8")


def is_made_of(folder: Path, shipped: Path) -> bool:
    """Tell whether ``folder`` is there, and made of ``shipped`` as it is now."""
    try:
        noted = json.loads((folder / MADE_OF).read_text(encoding="utf-8"))
        return bool(noted["sha256"] == _digest(shipped))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _digest(shipped: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(file for part in _PARTS for file in shipped.glob(part)):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
