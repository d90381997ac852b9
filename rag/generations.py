"""Index generations: ``index/<build_id>/`` written aside, published by one rename.

``index/CURRENT`` holds the id of the generation that serves and the hash of its manifest. A
build writes beside it, syncs, records a SHA-256 of every file in ``manifest.json`` and only then
replaces ``CURRENT``: killed at any moment, it leaves the old index or the new one, never a
mixture. FAISS notices 6 % of single flipped bits by itself, so every file is checked against
the manifest when opened.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from rag.errors import BuildError, IndexBusyError, IndexDamagedError, IndexNotFoundError

SCHEMA_VERSION = 1  # raise it when readers, chunking or terms change what an index means
_CURRENT = "CURRENT"
_MANIFEST = "manifest.json"
_POINTER = re.compile(r"(?P<build_id>\d{8}T\d{6}Z-[0-9a-f]{6})\n(?P<sha256>[0-9a-f]{64})\n")


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
    folder: str  # absolute path of the indexed folder
    recipe: Recipe
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


def new_build_id() -> str:
    """Return a fresh id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def current_build_id(index_dir: Path) -> str | None:
    """Return the id that ``CURRENT`` names, or None when nothing was published yet.

    Raises:
        IndexDamagedError: ``CURRENT`` holds something else.
    """
    pointer = _read_pointer(index_dir)
    return pointer[0] if pointer else None


def _read_pointer(index_dir: Path) -> tuple[str, str] | None:
    """Return the build id and the SHA-256 of its manifest."""
    path = index_dir / _CURRENT
    try:
        match = _POINTER.fullmatch(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(path, "cannot be read") from error
    if match is None:
        raise _damaged(path, "does not name an index")
    return match["build_id"], match["sha256"]


def open_current(index_dir: Path) -> Generation:
    """Return the generation that serves, after checking every file of it.

    Raises:
        IndexNotFoundError: nothing was published yet.
        IndexDamagedError: a file is missing or differs from its checksum.
    """
    pointer = _read_pointer(index_dir)
    if pointer is None:
        raise IndexNotFoundError(
            f"There is no index in {index_dir} yet. Build one: `python -m rag build FOLDER`."
        )
    build_id, manifest_sha256 = pointer
    path = index_dir / build_id
    _check(path / _MANIFEST, manifest_sha256)
    manifest = _read_manifest(path)
    for name, sha256 in manifest.sha256.items():
        _check(path / name, sha256, manifest.folder)
    return Generation(path, manifest)


def _check(path: Path, sha256: str, folder: str = "FOLDER") -> None:
    try:
        actual = _sha256(path)
    except OSError as error:
        raise _damaged(path, "is missing or cannot be read", folder) from error
    if actual != sha256:
        raise _damaged(path, "differs from its checksum", folder)


def _damaged(path: Path, problem: str, folder: str = "FOLDER") -> IndexDamagedError:
    return IndexDamagedError(
        f"The index file {path} {problem}. Rebuild it: `python -m rag build {folder}`."
    )


def _read_manifest(path: Path) -> Manifest:
    """Return the manifest, whose checksum holds; it can still be of another version."""
    try:
        table = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        recipe = Recipe(**table.pop("recipe"))
        languages = tuple(table.pop("embed_languages"))
        sha256 = dict(table.pop("sha256"))
        return Manifest(recipe=recipe, embed_languages=languages, sha256=sha256, **table)
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path / _MANIFEST, "was written by another version") from error


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

    Removes what dead builds left and all generations but the one that serves, which becomes
    the previous one. Call it, and `publish`, only while holding `exclusive_writer`.
    """
    current = _serving_id(index_dir)
    for path in index_dir.iterdir():
        if path.is_dir() and path.name != current:
            shutil.rmtree(path)
    folder = index_dir / new_build_id()
    folder.mkdir(mode=0o700)
    return folder


def discard(folder: Path) -> None:
    """Remove a generation that was not published; the one that serves is never removed."""
    if _serving_id(folder.parent) != folder.name:
        shutil.rmtree(folder, ignore_errors=True)


def _serving_id(index_dir: Path) -> str | None:
    """Return the id in ``CURRENT``; None also when it is damaged, as a build is what mends it."""
    try:
        return current_build_id(index_dir)
    except IndexDamagedError:
        return None


def publish(
    folder: Path,
    source: Path,
    recipe: Recipe,
    *,
    dimension: int,
    embed_languages: tuple[str, ...],
    documents: int,
    chunks: int,
) -> Generation:
    """Write the manifest, sync everything and make ``folder`` the generation that serves."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = Manifest(
        build_id=folder.name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        folder=str(source),
        recipe=recipe,
        dimension=dimension,
        embed_languages=embed_languages,
        documents=documents,
        chunks=chunks,
        sha256={path.relative_to(folder).as_posix(): _sha256(path) for path in files},
    )
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=1)
    (folder / _MANIFEST).write_text(text, encoding="utf-8")
    for path in (*files, folder / _MANIFEST, *(p for p in folder.rglob("*") if p.is_dir()), folder):
        _sync(path)
    pointer = folder.parent / f"{_CURRENT}.new"
    pointer.write_text(f"{folder.name}\n{_sha256(folder / _MANIFEST)}\n", encoding="ascii")
    _sync(pointer)
    pointer.replace(folder.parent / _CURRENT)
    _sync(folder.parent)
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
