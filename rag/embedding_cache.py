"""Vectors that were worked out before, by the hash of their text: nothing is embedded twice.

One SQLite file an embedder, beside the generations. It is filled batch by batch, so a build that
was cancelled or killed goes on where it stopped. A row that does not match its own checksum, like
a file that cannot be read, is as good as none.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER_NAME = "embeddings"
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA secure_delete = ON;  -- vectors of removed documents go for good
CREATE TABLE IF NOT EXISTS embedding (
    key BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum BLOB NOT NULL, build_id TEXT NOT NULL
) WITHOUT ROWID, STRICT;
"""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class EmbeddingCache:
    """The vectors of one embedder. For one writer at a time; close it after use.

    Raises OSError from every method when the disk is full or the folder not writable.

    Args:
        index_dir: folder of the index.
        fingerprint: of the embedder; another one has another cache.
        build_id: of the build that uses it, see `prune`.
    """

    def __init__(self, index_dir: Path, fingerprint: str, build_id: str) -> None:
        folder = index_dir / FOLDER_NAME
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{sha256(fingerprint.encode()).hexdigest()[:16]}.sqlite"
        self._build_id = build_id
        self._connection = self._open()

    def fill(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> list[int]:
        """Write what is known into ``vectors`` and return the positions that are not.

        Shapes:
            vectors: ``(len(texts), dimension)``; row i belongs to ``texts[i]``.
        """
        missing = list(range(len(texts)))
        with self._guarded():
            missing = [i for i, text in enumerate(texts) if not self._load(text, vectors[i])]
            is_missing = set(missing)
            used = [(self._build_id, _key(t)) for i, t in enumerate(texts) if i not in is_missing]
            with self._connection:
                self._connection.executemany(
                    "UPDATE embedding SET build_id = ? WHERE key = ?", used
                )
        return missing

    def _load(self, text: str, vector: NDArray[np.float32]) -> bool:
        """Fill ``vector`` and return True, when that of ``text`` is stored and whole."""
        row = self._connection.execute(
            "SELECT vector, checksum FROM embedding WHERE key = ?", (_key(text),)
        ).fetchone()
        if row is None or _checksum(row[0]) != row[1] or len(row[0]) != vector.nbytes:
            return False
        vector[:] = np.frombuffer(row[0], dtype=np.float32)
        return True

    def add(self, texts: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Store the vectors of ``texts``. Shape: ``(len(texts), dimension)``."""
        rows = []
        for text, vector in zip(texts, vectors, strict=True):
            content = vector.astype(np.float32).tobytes()
            rows.append((_key(text), content, _checksum(content), self._build_id))
        with self._guarded(), self._connection:
            self._connection.executemany("REPLACE INTO embedding VALUES (?, ?, ?, ?)", rows)

    def prune(self, kept: Sequence[str]) -> None:
        """Forget what none of the builds ``kept`` used: a removed document leaves no vectors."""
        marks = ", ".join("?" for _ in kept)
        with self._guarded(), self._connection:
            self._connection.execute(
                f"DELETE FROM embedding WHERE build_id NOT IN ({marks})", list(kept)
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.OperationalError as error:
            raise OSError(f"{self._path.name}: {error}") from error
        except sqlite3.DatabaseError:
            return self._start_afresh()

    def _connect(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        connection = sqlite3.connect(self._path)
        connection.executescript(_SCHEMA)
        return connection

    def _start_afresh(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        return self._connect()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn a full disk into OSError, and a damaged file into an empty one."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _DAMAGED:
                raise OSError(f"{self._path.name}: {error}") from error
            self._connection.close()
            self._connection = self._start_afresh()


def _key(text: str) -> bytes:
    return sha256(text.encode()).digest()


def _checksum(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()
