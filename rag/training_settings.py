"""The settings of a training run, as a page makes them: a recipe that comes along, and changes.

The recipes are the TOML files of `training/configs`; this package knows their form but never
imports the training side. What a page makes is a TOML file as well, named by its content, so
that a check and the run that follows can be told to be about the very same settings.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import RagError

RECIPES = Path(__file__).resolve().parent.parent / "training" / "configs"
UPLOADS = "uploads"
_CONFIGS = "configs"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r"[\w][\w.-]{0,59}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings that come along."""

    name: str
    description: str  # its first lines of comment, in English
    table: Mapping[str, Any]

    @property
    def task(self) -> str:
        """What is taught: "answer", "classify", "pretrain" or "preference"."""
        return str(self.table.get("task", "answer"))


def read_recipes(folder: Path = RECIPES) -> list[Recipe]:
    """Return the recipes by name. A damaged file is left out."""
    found = []
    for file in sorted(folder.glob("*.toml"), key=lambda file: file.stem):
        try:
            text = file.read_text(encoding="utf-8")
            found.append(Recipe(file.stem, _first_comment(text), tomllib.loads(text)))
        except (OSError, ValueError):
            continue
    return found


def _first_comment(text: str) -> str:
    """Return the first paragraph of the comment that a file begins with; commands are left out."""
    lines: list[str] = []
    for line in text.splitlines():
        words = line.removeprefix("#").strip()
        if not line.startswith("#") or (lines and not words):
            break
        if words and not words.startswith("python -m "):
            lines.append(words)
    return " ".join(lines)


def changed(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``table`` with ``changes``, whose keys are places such as "train.rank"."""
    result: dict[str, Any] = json.loads(json.dumps(table, default=str))
    for place, value in changes.items():
        *sections, key = place.split(".")
        section = result
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = value
    return result


def value_at(table: Mapping[str, Any], place: str, otherwise: Any) -> Any:  # noqa: ANN401 - any setting
    """Return the value at a place such as "train.rank"."""
    value: Any = table
    for key in place.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return otherwise
        value = value[key]
    return value


def settings_file(table: Mapping[str, Any], state_dir: Path) -> Path:
    """Return where `save_settings` keeps ``table``: the same settings have the same file."""
    digest = hashlib.sha256(to_toml(table).encode()).hexdigest()[:12]
    return state_dir / _CONFIGS / f"{table['name']}-{digest}.toml"


def save_settings(table: Mapping[str, Any], state_dir: Path) -> Path:
    """Write ``table`` for `python -m training` and return the file.

    Raises:
        RagError: the name cannot be that of a folder, or nothing can be written there.
    """
    if not _NAME.fullmatch(str(table["name"])):
        raise RagError(
            f"{table['name']!r} cannot name a model. Use up to 60 letters, digits, - and _."
        )
    file = settings_file(table, state_dir)
    _write(file, to_toml(table).encode())
    return file


def save_upload(name: str, content: bytes, state_dir: Path) -> Path:
    """Keep an uploaded file of examples and return where; the same content has the same place.

    Raises:
        RagError: nothing can be written there.
    """
    digest = hashlib.sha256(content).hexdigest()[:12]
    plain = re.sub(r"[^\w.()+ -]", "_", Path(name).name).lstrip(".")[-100:] or "examples"
    file = state_dir / UPLOADS / digest / plain
    if not file.is_file():
        _write(file, content)
    return file


def _write(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_bytes(content)
        partial.chmod(0o600)
        partial.replace(file)
    except OSError as error:
        raise RagError(
            f"{file} cannot be written ({error}). Free some space, or set RAG_STATE_DIR to a "
            "writable folder, and start again."
        ) from error


def to_toml(table: Mapping[str, Any]) -> str:
    """Return text, numbers, truth values, lists of them and tables as TOML 1.0."""
    return "\n".join(_lines(table, ())) + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            full = (*path, key)
            lines += ["", f"[{'.'.join(map(_key, full))}]", *_lines(value, full)]
    return lines


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return _text(str(value))


def _text(text: str) -> str:
    # A JSON string is a TOML string, but for this one control character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
