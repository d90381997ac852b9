"""Folder to index with a hashing embedder: what is kept, embedded again, refused, cleaned up."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.build import build_index
from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import BuildReport, Progress
from rag.engine import INDEX_KINDS
from rag.errors import BuildError, IndexBusyError
from rag.generations import current_build_id, open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.sources import SourceEdit, SyncRequest
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

FILES = {
    "handbook.md": "# Leave\n\nEvery employee has 20 days of paid leave a year.\n\n"
    "# Travel\n\nHotel costs are refunded up to 120 EUR a night.\n",
    "規則/就業規則.txt": "第12条 年次有給休暇は、入社から6か月後に10日与える。\n",
    "prices.csv": "item,price\nviolin,3000\ncello,4500\n",
}


def write_files(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "documents", FILES)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(index_dir=tmp_path / "index", embed_model="hashing")


def only(folder: Path) -> SyncRequest:
    """Ask for an index of this folder alone."""
    return SyncRequest(add=(SourceEdit(folder),), replaces=True)


def build(
    folder: Path,
    config: Config,
    embedder: HashingEmbedder | None = None,
    *,
    allow_shrink: bool = False,
) -> BuildReport:
    embedder = embedder or HashingEmbedder()
    return build_index(
        only(folder), config, embedder, INDEX_KINDS, lambda step: None, allow_shrink=allow_shrink
    )


def generations(config: Config) -> list[str]:
    return sorted(path.parent.name for path in config.index_dir.glob("*/corpus.sqlite"))


def test_every_file_ends_in_one_status_and_every_span_gives_its_passage(
    folder: Path, config: Config
) -> None:
    (folder / "film.mp4").write_bytes(b"\0\0\0 ftyp")
    (folder / "empty.txt").write_text("")

    report = build(folder, config)

    assert {file.path: file.status for file in report.files} == {
        "empty.txt": "no_text",
        "film.mp4": "unsupported",
        "handbook.md": "indexed",
        "prices.csv": "indexed",
        "規則/就業規則.txt": "indexed",
    }
    assert [file.path for file in report.files if not file.reason] == [
        "handbook.md",
        "prices.csv",
        "規則/就業規則.txt",
    ]
    corpus = Corpus(open_current(config.index_dir).path)
    assert corpus.files() == report.files
    chunks = [c for f in report.files for c in corpus.chunks(corpus.rows_of(f.path))]
    assert all(corpus.document(c.path).text[c.start : c.end] == c.text for c in chunks)
    assert (report.documents, report.chunks) == (3, len(chunks))
    assert sum(file.chunks for file in report.files) == len(chunks)


def test_both_legs_and_the_corpus_number_the_passages_alike(folder: Path, config: Config) -> None:
    report = build(folder, config)

    path = open_current(config.index_dir).path
    (chunk,) = Corpus(path).chunks([Corpus(path).rows_of("規則/就業規則.txt")[0]])
    row = Corpus(path).rows_of("規則/就業規則.txt")[0]
    lexical, vectors = Bm25LexicalIndex.load(path, report.chunks), FaissVectorIndex.load(path)
    assert lexical.search("年次有給休暇", 1)[0][0] == row
    (found,) = vectors.search(HashingEmbedder().embed_query(chunk.search_text), 1)
    assert found[0] == row
    assert found[1] == pytest.approx(1.0, abs=1e-6)


def test_a_second_build_embeds_nothing_and_keeps_the_same_vectors(
    folder: Path, config: Config
) -> None:
    first = build(folder, config)
    before = FaissVectorIndex.load(open_current(config.index_dir).path)
    embedder = HashingEmbedder()

    second = build(folder, config, embedder)

    assert embedder.embedded == []
    assert {file.status for file in second.files} == {"unchanged"}
    assert [(f.path, f.chunks, f.pages, f.size_bytes) for f in second.files] == [
        (f.path, f.chunks, f.pages, f.size_bytes) for f in first.files
    ]
    assert second.index_id != first.index_id
    after = FaissVectorIndex.load(open_current(config.index_dir).path)
    rows = list(range(first.chunks))
    np.testing.assert_array_equal(after.vectors(rows), before.vectors(rows))


def test_only_a_changed_file_is_embedded_again(folder: Path, config: Config) -> None:
    build(folder, config)
    (folder / "prices.csv").write_text("item,price\nharp,9000\n", encoding="utf-8")
    embedder = HashingEmbedder()

    report = build(folder, config, embedder)

    assert {file.path: file.status for file in report.files} == {
        "handbook.md": "unchanged",
        "prices.csv": "indexed",
        "規則/就業規則.txt": "unchanged",
    }
    assert len(embedder.embedded) == 1
    assert "harp" in embedder.embedded[0]


def test_a_mixed_build_equals_a_fresh_one(folder: Path, config: Config, tmp_path: Path) -> None:
    build(folder, config)
    write_files(folder, {"aaa.txt": "A new first file moves all rows.", "prices.csv": "a,b\n1,2\n"})
    build(folder, config)
    fresh = Config(index_dir=tmp_path / "fresh", embed_model="hashing")
    build(folder, fresh)

    mixed_path, fresh_path = open_current(config.index_dir).path, open_current(fresh.index_dir).path

    rows = list(range(Corpus(fresh_path).counts()[1]))
    assert Corpus(mixed_path).chunks(rows) == Corpus(fresh_path).chunks(rows)
    np.testing.assert_array_equal(
        FaissVectorIndex.load(mixed_path).vectors(rows),
        FaissVectorIndex.load(fresh_path).vectors(rows),
    )


def test_a_renamed_file_is_found_under_its_new_name_only(folder: Path, config: Config) -> None:
    build(folder, config)
    (folder / "prices.csv").rename(folder / "rates.csv")

    report = build(folder, config)

    corpus = Corpus(open_current(config.index_dir).path)
    assert corpus.rows_of("prices.csv") == []
    assert len(corpus.rows_of("rates.csv")) == 1
    assert [file.path for file in report.files] == ["handbook.md", "rates.csv", "規則/就業規則.txt"]


def test_a_removed_file_leaves_both_legs(folder: Path, config: Config) -> None:
    def finds(word: str) -> tuple[bool, bool]:
        """Whether the lexical leg and the vector leg have a passage with ``word``."""
        generation = open_current(config.index_dir)
        corpus, count = Corpus(generation.path), generation.manifest.chunks
        lexical = Bm25LexicalIndex.load(generation.path, count).search(word, count)
        vectors = FaissVectorIndex.load(generation.path)
        nearest = vectors.search(HashingEmbedder().embed_query(word), count)
        assert len(vectors) == count
        return bool(lexical), any(
            word in chunk.text for chunk in corpus.chunks([row for row, _ in nearest])
        )

    build(folder, config)
    assert finds("cello") == (True, True)
    (folder / "prices.csv").unlink()

    report = build(folder, config)

    assert report.documents == 2
    assert finds("cello") == (False, False)
    assert finds("Hotel") == (True, True)


def test_nothing_readable_is_refused_and_the_old_index_serves(
    folder: Path, config: Config, tmp_path: Path
) -> None:
    index_id = build(folder, config).index_id
    empty, unreadable = tmp_path / "empty", tmp_path / "unreadable"
    empty.mkdir()
    write_files(unreadable, {"a.mp4": "x", "blank.txt": " \n\n", "b.docx": "not a zip"})
    file = folder / "prices.csv"

    for bad, words in [
        (empty, "holds no files"),
        (unreadable, "None of the 3 files"),
        (tmp_path / "missing", "does not exist"),
        (file, "is a file, not a folder"),
    ]:
        with pytest.raises(BuildError, match=words):
            build(bad, config)

    assert open_current(config.index_dir).manifest.build_id == index_id
    assert generations(config) == [index_id]


def test_losing_over_half_of_the_documents_must_be_meant(tmp_path: Path, config: Config) -> None:
    folder = write_files(
        tmp_path / "documents", {f"{n}.txt": f"Text number {n}." for n in range(5)}
    )
    before = build(folder, config).index_id
    for n in (0, 1):
        (folder / f"{n}.txt").unlink()
    kept = build(folder, config)  # three of five are more than half
    assert kept.documents == 3
    for n in (2, 3):
        (folder / f"{n}.txt").unlink()

    with pytest.raises(BuildError, match=r"Only 1 of 3 documents .* --allow-shrink"):
        build(folder, config)
    assert current_build_id(config.index_dir) == kept.index_id != before

    assert build(folder, config, allow_shrink=True).documents == 1


def test_another_folder_may_be_smaller(folder: Path, config: Config, tmp_path: Path) -> None:
    build(folder, config)
    other = write_files(tmp_path / "other", {"one.txt": "A single file."})

    assert build(other, config).documents == 1


def test_files_of_another_folder_are_not_taken_for_known_by_name_alone(
    folder: Path, config: Config, tmp_path: Path
) -> None:
    build(folder, config)
    other = write_files(tmp_path / "other", {"prices.csv": "item,price\nharp,9000\n"})

    report = build(other, config)

    assert [file.status for file in report.files] == ["indexed"]
    assert "harp" in Corpus(open_current(config.index_dir).path).document("prices.csv").text


def test_another_embedder_embeds_everything_again(folder: Path, config: Config) -> None:
    chunks = build(folder, config).chunks
    other = HashingEmbedder(fingerprint="another")

    report = build(folder, config, other)

    assert len(other.embedded) == chunks
    assert {file.status for file in report.files} == {"unchanged"}  # read no second time
    assert open_current(config.index_dir).manifest.recipe.embed_fingerprint == "another"


class _FailingEmbedder(HashingEmbedder):
    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise MemoryError("out of memory in mid-build")


class _ZeroEmbedder(HashingEmbedder):
    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), self.dimension), dtype=np.float32)


@pytest.mark.parametrize(
    ("embedder", "error"),
    [(_FailingEmbedder("fails"), MemoryError), (_ZeroEmbedder("zero"), ValueError)],
)
def test_an_embedder_that_fails_midway_leaves_the_old_index_and_no_stray_folder(
    folder: Path, config: Config, embedder: HashingEmbedder, error: type[Exception]
) -> None:
    index_id = build(folder, config).index_id

    with pytest.raises(error):
        build(folder, config, embedder)

    assert open_current(config.index_dir).manifest.build_id == index_id
    assert generations(config) == [index_id]
    assert build(folder, config).documents == 3  # the lock is free again


def test_an_interrupted_build_leaves_the_old_index_and_no_stray_folder(
    folder: Path, config: Config
) -> None:
    index_id = build(folder, config).index_id

    def interrupt(step: Progress) -> None:
        if step.stage == "index":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(only(folder), config, HashingEmbedder("other"), INDEX_KINDS, interrupt)

    assert open_current(config.index_dir).manifest.build_id == index_id
    assert generations(config) == [index_id]


def test_a_second_writer_in_another_process_is_told_at_once(folder: Path, config: Config) -> None:
    build(folder, config)
    index_id = current_build_id(config.index_dir)
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from rag.generations import exclusive_writer\n"
        "with exclusive_writer(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(config.index_dir)],
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(IndexBusyError, match="Another build is writing"):
            build(folder, config)
        assert holder.poll() is None  # nobody waited for it
        assert open_current(config.index_dir).manifest.build_id == index_id
    finally:
        holder.kill()
        holder.communicate()

    assert build(folder, config).documents == 3  # the kernel freed the dead process's lock


def test_a_damaged_index_is_read_anew_but_embeds_nothing_again(
    folder: Path, config: Config
) -> None:
    first = build(folder, config)
    (open_current(config.index_dir).path / "vectors.faiss").write_bytes(b"")
    embedder = HashingEmbedder()

    report = build(folder, config, embedder)

    assert {file.status for file in report.files} == {"indexed"}
    assert embedder.embedded == []
    assert report.chunks == first.chunks
    assert open_current(config.index_dir).damage == ""


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"\x00\x00\x00", b"../../nowhere", b""])
def test_a_garbage_pointer_is_rebuilt_from_scratch(
    folder: Path, config: Config, garbage: bytes
) -> None:
    build(folder, config)
    (config.index_dir / "CURRENT").write_bytes(garbage)

    report = build(folder, config)

    assert open_current(config.index_dir).manifest.build_id == report.index_id


def test_a_build_that_fails_under_a_garbage_pointer_says_why_and_leaves_no_stray_folder(
    folder: Path, config: Config, tmp_path: Path
) -> None:
    build(folder, config)
    (config.index_dir / "CURRENT").write_text("garbage")
    unreadable = write_files(tmp_path / "unreadable", {"empty.txt": ""})
    before = generations(config)

    with pytest.raises(BuildError, match="could be indexed"):
        build(unreadable, config)

    assert generations(config) == before


def test_only_two_generations_are_kept_and_dead_builds_are_removed(
    folder: Path, config: Config
) -> None:
    config.index_dir.mkdir()
    stray = config.index_dir / "20200101T000000Z-dead00"
    stray.mkdir()
    (stray / "corpus.sqlite").write_bytes(b"half")

    built = [build(folder, config).index_id for _ in range(4)]

    assert not stray.exists()
    assert len(generations(config)) == 2
    assert set(generations(config)) < set(built)
    assert built[-1] in generations(config)


def test_progress_counts_up_to_its_total_in_every_stage(folder: Path, config: Config) -> None:
    steps: list[Progress] = []

    build_index(only(folder), config, HashingEmbedder(), INDEX_KINDS, steps.append)

    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == ["scan", "load", "read", "embed", "index"]
    for stage in stages:
        last = [step for step in steps if step.stage == stage][-1]
        assert last.done == last.total
