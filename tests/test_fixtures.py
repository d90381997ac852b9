"""Real documents, clean, odd, encrypted and damaged, when they lie beside the project."""

import shutil
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from rag.build import build_index
from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import BuildReport, FileStatus
from rag.engine import INDEX_KINDS
from rag.generations import open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.readers import abilities
from rag.sources import SourceEdit, SyncRequest
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

NOT_READ = {
    "empty.txt": "no_text",
    "fake-encrypted.msg": "encrypted",
    "random.bin": "unsupported",
    "testWORD_protected_passtika.docx": "encrypted",
    "testWORD_truncated.docx": "failed",
}
READ_WITH = {
    "jpn-vert.jpeg": "text recognition",
    "with-attachment.pdf/image.png": "text recognition",
    "legacy_sample.ppt": "LibreOffice",
}
MANY_DOCUMENTS = 34


def sync(folder: Path, index_dir: Path, embedder: HashingEmbedder) -> BuildReport:
    config = Config(index_dir=index_dir, embed_model="hashing")
    request = SyncRequest(add=(SourceEdit(folder),))
    return build_index(request, config, embedder, INDEX_KINDS, lambda step: None, only_changes=True)


@lru_cache
def built() -> tuple[Path, tuple[FileStatus, ...]]:
    """Return the generation of all documents and the status of every file."""
    index_dir = Path(mkdtemp(prefix="fumikura-test-"))
    report = sync(FIXTURES / "documents", index_dir, HashingEmbedder())
    return open_current(index_dir).path, report.files


def test_every_document_ends_as_a_careful_person_would_say() -> None:
    _, files = built()
    on_disk = {file.path: file for file in files if not file.container}
    assert len(on_disk) == MANY_DOCUMENTS + 1  # and their manifest

    missing = {path for path, ability in READ_WITH.items() if ability not in abilities()}
    expected = dict.fromkeys(on_disk, "indexed") | NOT_READ
    expected |= dict.fromkeys(missing & set(on_disk), "unsupported")

    assert {path: file.status for path, file in on_disk.items()} == expected
    assert all(file.reason for file in files if file.status != "indexed")
    assert max(file.seconds for file in files) < 30


def test_files_inside_files_are_read_to_the_last() -> None:
    _, files = built()
    missing = {path for path, ability in READ_WITH.items() if ability not in abilities()}

    inside = [file for file in files if file.container and file.path not in missing]

    assert len(inside) > 8
    assert {file.status for file in inside} == {"indexed", "archive"}
    assert max(file.path.count(".zip") for file in inside) >= 3


def test_every_readable_document_is_found_by_a_phrase_from_it() -> None:
    path, files = built()
    corpus = Corpus(path)
    lexical = Bm25LexicalIndex.load(path, corpus.counts()[1])
    for file in files:
        if not file.chunks:
            continue
        rows = corpus.rows_of(file.path)
        chunks = corpus.chunks(rows)
        words = max(chunks, key=lambda chunk: len(chunk.text)).text.split()
        phrase = " ".join(words[: 12 if len(words) > 12 else None])[:120]
        found = {chunk.path for chunk in corpus.chunks([r for r, _ in lexical.search(phrase, 5)])}
        # Copies of a text hold the same phrase.
        texts = {corpus.document(other).text for other in found}
        assert file.path in found or corpus.document(file.path).text in texts, phrase


def test_all_spans_are_exact_and_every_page_is_right() -> None:
    path, files = built()
    corpus = Corpus(path)
    for file in files:
        if not file.chunks:
            continue
        document = corpus.document(file.path)
        ends = [*document.page_starts[1:], len(document.text)]
        for chunk in corpus.chunks(corpus.rows_of(file.path)):
            assert document.text[chunk.start : chunk.end] == chunk.text
            assert (chunk.page is None) == (not document.page_starts)
            if chunk.page is not None:
                assert document.page_starts[chunk.page - 1] <= chunk.start
                assert chunk.end <= ends[chunk.page - 1]


def test_syncing_a_book_touches_only_what_changed(tmp_path: Path) -> None:
    book, index_dir, embedder = tmp_path / "book", tmp_path / "index", HashingEmbedder()
    shutil.copytree(FIXTURES / "rust-book-ja", book)
    first = sync(book, index_dir, embedder)
    assert first.documents > 100
    embedder.embedded.clear()

    unchanged = sync(book, index_dir, embedder)

    assert (unchanged.is_new, embedder.embedded) == (False, [])
    assert unchanged.seconds < first.seconds

    chapter = book / "ch04-01-what-is-ownership.md"
    chapter.write_text(
        chapter.read_text(encoding="utf-8") + "\n補遺の一文です。\n", encoding="utf-8"
    )
    sync(book, index_dir, embedder)
    assert len(embedder.embedded) == 1
    assert "補遺" in embedder.embedded[0]

    chapter.unlink()
    sync(book, index_dir, embedder)
    generation = open_current(index_dir)
    corpus, count = Corpus(generation.path), generation.manifest.chunks
    lexical = Bm25LexicalIndex.load(generation.path, count).search("補遺の一文です", count)
    nearest = FaissVectorIndex.load(generation.path).search(
        embedder.embed_query("補遺の一文です"), count
    )
    rows = [row for row, _ in (*lexical, *nearest)]
    assert all(chapter.name not in chunk.path for chunk in corpus.chunks(rows))
    assert not any("補遺" in chunk.text for chunk in corpus.chunks(rows))
