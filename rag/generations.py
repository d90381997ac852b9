"""Index generations: ``index/<build_id>/`` written aside, published by one rename.

``index/CURRENT`` names the generation that serves. A build writes beside it, syncs, records a
SHA-256 of every file in ``manifest.json`` and that of the manifest in ``SEAL``, and only then
replaces ``CURRENT``: killed at any moment, it leaves the old index or the new one, never a
mixture. FAISS notices 6 % of single flipped bits by itself, so every file is checked when a
generation is opened; when one is damaged, the one before it serves.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from rag.datatypes import Source
from rag.errors import (
    BuildError,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    RagError,
)

SCHEMA_VERSION = 2  # raise it when readers, chunking or terms change what an index means
KEPT_GENERATIONS = 2  # the one that serves and the one before it
_CURRENT = "CURRENT"
_MANIFEST = "manifest.json"
_SEAL = "SEAL"
_SEALED = re.compile(r"([0-9a-f]{64})\n")
_BUILD_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides which vectors and passages a file becomes."""

    schema_version: int
    embed_model: str
    embed_fingerprint: str
    chunk_tokens: int
    chunk_overlap_tokens: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation is made of; stored beside it as JSON."""

    build_id: str
    created: str  # ISO 8601, UTC
    sources: tuple[Source, ...]
    recipe: Recipe
    abilities: tuple[str, ...]  # of the readers: what refused files need not be tried again for
    dimension: int
    embed_languages: tuple[str, ...]
    documents: int
    chunks: int
    sha256: dict[str, str]  # relative file name -> hash


@dataclass(frozen=True, slots=True)
class Generation:
    """One published, verified generation."""

    path: Path
    manifest: Manifest
    damage: str = ""  # why the newest generation does not serve; "" when this is the newest


def new_build_id() -> str:
    """Return a fresh id that sorts by time: UTC, microseconds in hex, one random digit."""
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%SZ}-{now.microsecond:05x}{token_hex(1)[0]}"


def current_build_id(index_dir: Path) -> str | None:
    """Return the id that ``CURRENT`` names, or None when there is none or it is damaged."""
    try:
        first_line, _, _ = (index_dir / _CURRENT).read_text(encoding="ascii").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return first_line if _BUILD_ID.fullmatch(first_line) else None


def open_current(index_dir: Path) -> Generation:
    """Return the newest generation that is whole, after checking every file of it.

    Raises:
        IndexNotFoundError: nothing was published yet.
        IndexDamagedError: no generation is whole.
        IndexMismatchError: another version of this program wrote the index.
    """
    current = current_build_id(index_dir)
    others = [build_id for build_id in _sealed_ids(index_dir) if build_id != current]
    damage: RagError | None = None
    if index_dir.exists() and not index_dir.is_dir():
        damage = _damaged(index_dir, "should be a folder; move it away")
    elif current is None and (index_dir / _CURRENT).exists():
        damage = _damaged(index_dir / _CURRENT, "does not name an index")
    elif current is None and others:
        damage = _damaged(index_dir / _CURRENT, "is missing")
    for build_id in (*((current,) if current else ()), *others):
        try:
            manifest = _verified_manifest(index_dir / build_id)
        except IndexDamagedError as error:
            damage = damage or error
        else:
            return Generation(index_dir / build_id, manifest, str(damage or ""))
    if damage is not None:
        raise damage
    raise IndexNotFoundError(
        f"There is no index in {index_dir} yet. Build one: `python -m rag build FOLDER`."
    )


def _sealed_ids(index_dir: Path) -> list[str]:
    """Return the ids of the generations that were finished, newest first."""
    try:
        names = [path.name for path in index_dir.iterdir() if (path / _SEAL).is_file()]
    except OSError:
        return []
    return sorted(filter(_BUILD_ID.fullmatch, names), reverse=True)


def _verified_manifest(path: Path) -> Manifest:
    seal = path / _SEAL
    try:
        sealed = _SEALED.fullmatch(seal.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        _refuse_other_version(path)
        raise _damaged(seal, "is missing or cannot be read") from error
    if sealed is None:
        raise _damaged(seal, "holds no checksum")
    _check(path / _MANIFEST, sealed[1])
    manifest = _read_manifest(path)
    folders = " ".join(source.folder for source in manifest.sources)
    for name, sha256 in manifest.sha256.items():
        _check(path / name, sha256, folders)
    return manifest


def _refuse_other_version(path: Path) -> None:
    """Tell an index of format 1, which had no seal, from a damaged one."""
    try:
        table = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        version, folder = table["recipe"]["schema_version"], table["folder"]
    except (OSError, ValueError, TypeError, KeyError):
        return
    raise IndexMismatchError(
        f"The index has format {version}; this version reads format {SCHEMA_VERSION}. "
        f"Rebuild it: `python -m rag build {folder}`."
    )


def _check(path: Path, sha256: str, folders: str = "FOLDER") -> None:
    try:
        actual = _sha256(path)
    except OSError as error:
        raise _damaged(path, "is missing or cannot be read", folders) from error
    if actual != sha256:
        raise _damaged(path, "differs from its checksum", folders)


def _damaged(path: Path, problem: str, folders: str = "FOLDER") -> IndexDamagedError:
    return IndexDamagedError(
        f"The index file {path} {problem}. Rebuild it: `python -m rag build {folders}`."
    )


def _read_manifest(path: Path) -> Manifest:
    """Return the manifest, whose checksum holds; it can still be of another version."""
    try:
        table = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        return Manifest(
            **{
                **table,
                "sources": tuple(_read_source(source) for source in table["sources"]),
                "recipe": Recipe(**table["recipe"]),
                "abilities": tuple(table["abilities"]),
                "embed_languages": tuple(table["embed_languages"]),
            }
        )
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path / _MANIFEST, "was written by another version") from error


def _read_source(table: dict[str, Any]) -> Source:
    patterns = {name: tuple(table[name]) for name in ("include", "exclude")}
    return Source(**{**table, **patterns})


@contextmanager
def exclusive_writer(index_dir: Path) -> Iterator[None]:
    """Hold the index for writing; the kernel frees it when the process dies.

    Raises:
        IndexBusyError: another process is building.
        BuildError: the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    try:
        index_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(index_dir / ".lock")
        lock.acquire(timeout=0.2)
    except Timeout as error:
        raise IndexBusyError(
            f"Another build is writing to {index_dir} at this moment. Wait for it to end."
        ) from error
    except OSError as error:
        raise BuildError(f"The index folder {index_dir} cannot be written ({error}).") from error
    try:
        yield
    finally:
        lock.release()


def start_generation(index_dir: Path) -> Path:
    """Return an empty folder for a new generation.

    Removes what dead builds left behind: only folders that are named like a generation, as the
    index may have been put into a folder with other things. Call it, and `publish`, only while
    holding `exclusive_writer`.
    """
    _remove_all_but(index_dir, _finished_ids(index_dir)[:KEPT_GENERATIONS])
    folder = index_dir / new_build_id()
    folder.mkdir(mode=0o700)
    return folder


def _finished_ids(index_dir: Path) -> list[str]:
    """Return the ids of published generations, the one that serves first, then newest first."""
    current = current_build_id(index_dir)
    sealed = _sealed_ids(index_dir)
    if current is None:
        return sealed
    # A newer one than CURRENT names was finished and then not published.
    return [current, *(build_id for build_id in sealed if build_id < current)]


def _remove_all_but(index_dir: Path, kept: Sequence[str]) -> None:
    for path in index_dir.iterdir():
        if path.is_dir() and _BUILD_ID.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a generation that was not published; the one that serves is never removed."""
    current = current_build_id(folder.parent)
    # Where the pointer cannot be read, a finished generation may well be the one that serves.
    if current != folder.name and (current or not (folder / _SEAL).exists()):
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, manifest: Manifest, serving: str | None) -> Generation:
    """Make ``folder`` the generation that serves, and remove all but the one before it.

    Args:
        folder: holds all files of the generation.
        manifest: without ``sha256``, which is worked out here.
        serving: id of the generation that served until now, which is kept; None without one.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    manifest = replace(manifest, sha256=hashes)
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1)
    (folder / _MANIFEST).write_text(text, encoding="utf-8")
    (folder / _SEAL).write_text(f"{_sha256(folder / _MANIFEST)}\n", encoding="ascii")
    for path in (*folder.rglob("*"), folder):
        _sync(path)
    pointer = folder.parent / f"{_CURRENT}.new"
    pointer.write_text(f"{folder.name}\n", encoding="ascii")
    _sync(pointer)
    pointer.replace(folder.parent / _CURRENT)
    with suppress(OSError):  # it is published by now, and the next build tidies up again
        _sync(folder.parent)
        _remove_all_but(folder.parent, [folder.name, *((serving,) if serving else ())])
    return Generation(folder, manifest)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
