"""The texts of one index generation in one SQLite file: documents, passage spans, statuses.

Passages are stored as spans and cut out of their document on reading, so that
``document.text[start:end] == chunk.text`` holds by construction.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rag.datatypes import Block, Chunk, Document, FileStatus
from rag.errors import IndexDamagedError, RagError

FILE_NAME = "corpus.sqlite"

_SCHEMA = """
CREATE TABLE document (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, title TEXT NOT NULL,
    text TEXT NOT NULL, page_starts TEXT NOT NULL, blocks TEXT NOT NULL
) STRICT;
CREATE TABLE chunk (
    row INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES document(id),
    start INTEGER NOT NULL, end INTEGER NOT NULL, page INTEGER, heading TEXT NOT NULL
) STRICT;
CREATE INDEX chunk_document ON chunk(document_id);
CREATE TABLE file (
    path TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT NOT NULL,
    chunks INTEGER NOT NULL, pages INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    seconds REAL NOT NULL, scanned_pages INTEGER NOT NULL, container TEXT NOT NULL,
    sha256 TEXT NOT NULL, modified INTEGER
) STRICT;
CREATE INDEX file_container ON file(container);
"""
_FILE_COLUMNS = tuple(item.name for item in fields(FileStatus))


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """Where the passages of a document stand: rows ``first_row`` to ``first_row + chunks - 1``."""

    path: str
    first_row: int
    chunks: int
    modified: int | None  # see `FileStatus`


class CorpusWriter:
    """Fills a new corpus file. Rows number the passages from 0 in the order of adding.

    Every method raises OSError when the disk is full or the folder not writable.
    """

    def __init__(self, folder: Path) -> None:
        with _disk_errors():
            self._connection = sqlite3.connect(folder / FILE_NAME)
            self._connection.executescript(_SCHEMA)
        self.documents = 0
        self.chunks = 0

    def add(self, document: Document, chunks: Sequence[Chunk]) -> None:
        """Store a document with its passages.

        Raises:
            ValueError: a span does not give its passage's text.
        """
        for chunk in chunks:
            if document.text[chunk.start : chunk.end] != chunk.text:
                raise ValueError(f"A span of {document.path} does not match its passage.")
        with _disk_errors():
            self._insert(document, chunks)
        self.documents += 1
        self.chunks += len(chunks)

    def _insert(self, document: Document, chunks: Sequence[Chunk]) -> None:
        cursor = self._connection.execute(
            "INSERT INTO document (path, sha256, title, text, page_starts, blocks)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                document.path,
                document.sha256,
                document.title,
                document.text,
                json.dumps(document.page_starts),
                json.dumps([asdict(block) for block in document.blocks], ensure_ascii=False),
            ),
        )
        self._connection.executemany(
            "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?)",
            [
                (self.chunks + i, cursor.lastrowid, c.start, c.end, c.page, c.heading)
                for i, c in enumerate(chunks)
            ],
        )

    def finish(self, files: Iterable[FileStatus]) -> None:
        """Store the status of every file of the folder and finish the corpus."""
        with _disk_errors():
            self._connection.executemany(
                f"INSERT INTO file ({', '.join(_FILE_COLUMNS)})"
                f" VALUES ({', '.join(f':{name}' for name in _FILE_COLUMNS)})",
                [asdict(file) for file in files],
            )
            self._connection.commit()

    def close(self) -> None:
        """Close the file; without `finish` nothing was stored."""
        self._connection.close()


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise OSError(f"{FILE_NAME}: {error}") from error


class Corpus:
    """Reads a finished corpus file. Immutable, so safe from any number of threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        uri = f"{self._path.resolve().as_uri()}?mode=ro&immutable=1"
        try:
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                yield connection
        except sqlite3.DatabaseError as error:
            raise IndexDamagedError(
                f"{self._path} is damaged ({error}). Rebuild the index."
            ) from error

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """Return the passages of ``rows``, in that order."""
        query = (
            "SELECT d.path, c.start, c.end, substr(d.text, c.start + 1, c.end - c.start),"
            " c.page, c.heading FROM chunk c JOIN document d ON d.id = c.document_id"
            " WHERE c.row = ?"
        )
        with self._open() as connection:
            return [Chunk(*connection.execute(query, (row,)).fetchone()) for row in rows]

    def rows_of(self, path: str) -> list[int]:
        """Return the rows of one document's passages, in reading order."""
        query = (
            "SELECT c.row FROM chunk c JOIN document d ON d.id = c.document_id"
            " WHERE d.path = ? ORDER BY c.row"
        )
        with self._open() as connection:
            return [row for (row,) in connection.execute(query, (path,))]

    def documents_of(self, rows: Sequence[int]) -> list[range]:
        """Return, for each of ``rows``, all rows of the document that it stands in."""
        query = (
            # One aggregate each: for two at once SQLite would read every row of the document.
            "SELECT (SELECT min(row) FROM chunk WHERE document_id = c.document_id),"
            " (SELECT max(row) FROM chunk WHERE document_id = c.document_id) + 1"
            " FROM chunk c WHERE c.row = ?"
        )
        with self._open() as connection:
            return [range(*connection.execute(query, (row,)).fetchone()) for row in rows]

    def document(self, path: str) -> Document:
        """Return one stored document.

        Raises:
            RagError: the index holds no document of that path.
        """
        query = "SELECT path, text, sha256, blocks, page_starts, title FROM document WHERE path = ?"
        with self._open() as connection:
            found = connection.execute(query, (path,)).fetchone()
        if found is None:
            raise RagError(f"The index holds no document {path!r}; it may have been removed.")
        blocks = tuple(
            Block(**{**block, "heading_path": tuple(block["heading_path"])})
            for block in json.loads(found[3])
        )
        path, text, sha256, _, page_starts, title = found
        return Document(path, text, sha256, blocks, tuple(json.loads(page_starts)), title)

    def documents(self) -> list[IndexedDocument]:
        """Return what is needed to choose among the documents, in the order of their rows."""
        with self._open() as connection:
            modified = "f.modified" if _keeps_dates(connection) else "NULL"
            query = (
                f"SELECT d.path, c.first_row, c.chunks, {modified} FROM"
                " (SELECT document_id, min(row) AS first_row, count(*) AS chunks FROM chunk"
                " GROUP BY document_id) c"
                " JOIN document d ON d.id = c.document_id LEFT JOIN file f ON f.path = d.path"
                " ORDER BY c.first_row"
            )
            return [IndexedDocument(*row) for row in connection.execute(query)]

    def knows_dates(self) -> bool:
        """Tell whether this corpus was written by a version that keeps the dates of files."""
        with self._open() as connection:
            return _keeps_dates(connection)

    def files(self) -> tuple[FileStatus, ...]:
        """Return the status of every file that the build found, by path."""
        with self._open() as connection:
            query = f"SELECT {_file_columns(connection)} FROM file ORDER BY path"
            return tuple(FileStatus(*row) for row in connection.execute(query))

    def files_of(self, path: str) -> tuple[FileStatus, ...]:
        """Return the status of one file on disk, then those of the files inside it."""
        with self._open() as connection:
            query = (
                f"SELECT {_file_columns(connection)} FROM file WHERE path = ? OR container = ?"
                " ORDER BY container, path"
            )
            return tuple(FileStatus(*row) for row in connection.execute(query, (path, path)))

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and of passages."""
        query = "SELECT (SELECT count(*) FROM document), (SELECT count(*) FROM chunk)"
        with self._open() as connection:
            documents, chunks = connection.execute(query).fetchone()
            return documents, chunks


def _keeps_dates(connection: sqlite3.Connection) -> bool:
    return any(row[1] == "modified" for row in connection.execute("PRAGMA table_info(file)"))


def _file_columns(connection: sqlite3.Connection) -> str:
    # The date came later than the rest of format 2: an index without it is as good otherwise.
    known = _FILE_COLUMNS if _keeps_dates(connection) else _FILE_COLUMNS[:-1]
    return ", ".join(known)
