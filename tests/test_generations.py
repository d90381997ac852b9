"""Generations on disk: killed at any moment or damaged in any file, never a mixture."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.build import build_index
from rag.config import Config
from rag.corpus import Corpus
from rag.engine import INDEX_KINDS
from rag.errors import BuildError, IndexDamagedError, IndexMismatchError, IndexNotFoundError
from rag.generations import current_build_id, exclusive_writer, open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.sources import SourceEdit, SyncRequest
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

ROOT = Path(__file__).resolve().parent.parent
KILLS = int(os.environ.get("FUMIKURA_KILLS", "40"))

# Forks a builder for every line on stdin, so that the libraries are imported only once. The
# builder alternates two folders, and appends every published id to a log.
BUILDER = """
import itertools, os, sys
from pathlib import Path
import faiss, langchain_text_splitters, scipy.sparse
from rag.build import build_index
from rag.config import Config
from rag.engine import INDEX_KINDS
from rag.sources import SourceEdit, SyncRequest
from tests.fakes import HashingEmbedder

base = Path(sys.argv[1])
config = Config(index_dir=base / "index", embed_model="hashing")

def build_forever():
    for number in itertools.count():
        folder = base / "AB"[number // 4 % 2]  # three of four builds take everything over
        request = SyncRequest(add=(SourceEdit(folder),), replaces=True)
        report = build_index(request, config, HashingEmbedder(), INDEX_KINDS, lambda step: None)
        with (base / "log").open("a") as log:
            log.write(report.index_id + "\\n")

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        build_forever()
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("dead", flush=True)
"""


def write_folder(folder: Path, word: str, count: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        (folder / f"{n}.txt").write_text(f"{word} stands in file {n} of {count}.\n第{n}条\n")
    return folder


def published(index_dir: Path, folder: Path) -> Path:
    """Build ``folder`` and return the generation's folder."""
    config = Config(index_dir=index_dir, embed_model="hashing")
    request = SyncRequest(add=(SourceEdit(folder),), replaces=True)
    build_index(request, config, HashingEmbedder(), INDEX_KINDS, lambda step: None)
    return open_current(index_dir).path


@pytest.fixture
def index_dir(tmp_path: Path) -> Path:
    published(tmp_path / "index", write_folder(tmp_path / "A", "alpha", 2))
    return tmp_path / "index"


@pytest.fixture
def builder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate()


def assert_whole(index_dir: Path, sizes: dict[str, int]) -> str:
    """Check every part of the generation that serves against each other; return its id."""
    generation = open_current(index_dir)  # verifies every checksum
    manifest, path = generation.manifest, generation.path
    word = {"A": "alpha", "B": "beta"}[Path(manifest.sources[0].folder).name]
    corpus, rows = Corpus(path), list(range(manifest.chunks))
    chunks = corpus.chunks(rows)
    assert manifest.documents == manifest.chunks == sizes[word]
    assert corpus.counts() == (manifest.documents, manifest.chunks)
    assert all(chunk.text.startswith(f"{word} stands") for chunk in chunks)
    assert all(corpus.document(c.path).text[c.start : c.end] == c.text for c in chunks)
    vectors = FaissVectorIndex.load(path)
    assert len(vectors) == manifest.chunks
    assert vectors.search(HashingEmbedder().embed_query(chunks[0].search_text), 1)[0][1] > 0.999
    lexical = Bm25LexicalIndex.load(path, manifest.chunks)
    assert sorted(row for row, _ in lexical.search(word, 99)) == rows
    return manifest.build_id


def test_a_build_killed_at_any_moment_leaves_the_old_or_the_new_index(
    tmp_path: Path, builder: "subprocess.Popen[str]"
) -> None:
    sizes = {"alpha": 6, "beta": 9}
    write_folder(tmp_path / "A", "alpha", 6)
    write_folder(tmp_path / "B", "beta", 9)
    index_dir, log = tmp_path / "index", tmp_path / "log"
    published(index_dir, tmp_path / "A")
    log.write_text(open_current(index_dir).manifest.build_id + "\n")
    assert builder.stdin is not None
    assert builder.stdout is not None
    rng = random.Random(0)
    seen: set[str] = set()
    half_built = 0

    for _ in range(KILLS):
        builder.stdin.write("fork\n")
        builder.stdin.flush()
        pid = int(builder.stdout.readline())
        time.sleep(rng.uniform(0.0, 0.6))
        os.kill(pid, signal.SIGKILL)
        assert builder.stdout.readline() == "dead\n"

        build_id = assert_whole(index_dir, sizes)

        reported = log.read_text().split()
        assert build_id == reported[-1] or build_id not in reported  # never an older one
        if build_id not in reported:
            log.write_text(log.read_text() + build_id + "\n")
        seen.add(build_id)
        folders = [path for path in index_dir.glob("*Z-*")]
        half_built += any(not (path / "SEAL").is_file() for path in folders)

    assert len(seen) > KILLS // 4  # builds did succeed between the kills
    assert half_built > KILLS // 8  # and kills did hit builds at work
    published(index_dir, tmp_path / "A")
    folders = [path for path in index_dir.glob("*Z-*")]
    assert all((path / "SEAL").is_file() for path in folders)


def _delete(file: Path) -> None:
    file.unlink()


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _cut_last_byte(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _flip_one_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0b00000100
    file.write_bytes(content)


def _make_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "damage",
    [_delete, _truncate, _cut_last_byte, _empty, _zero, _flip_one_bit, _make_folder],
)
def test_damage_to_any_file_is_found_and_the_remedy_named(
    index_dir: Path, damage: Callable[[Path], None]
) -> None:
    folder = open_current(index_dir).path  # the untouched generation opens
    names = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert {"SEAL", "manifest.json", "corpus.sqlite", "vectors.faiss"} < set(map(str, names))
    for name in names:
        kept = (folder / name).read_bytes()
        damage(folder / name)

        with pytest.raises(IndexDamagedError, match=r"Rebuild it: `python -m rag build ") as raised:
            open_current(index_dir)

        is_seal = name == Path("SEAL")  # of which a flipped digit looks like another manifest's
        assert str(folder if is_seal else folder / name) in str(raised.value)
        if (folder / name).is_dir():
            (folder / name).rmdir()
        (folder / name).write_bytes(kept)
        open_current(index_dir)  # and only the damage was the reason


def test_any_flipped_bit_of_the_manifest_is_found(index_dir: Path) -> None:
    manifest = open_current(index_dir).path / "manifest.json"
    whole = manifest.read_bytes()
    rng = random.Random(1)
    unnoticed = []
    for position in rng.sample(range(len(whole)), 60):
        content = bytearray(whole)
        content[position] ^= 1 << rng.randrange(8)
        manifest.write_bytes(content)
        try:
            open_current(index_dir)
        except IndexDamagedError:
            continue
        unnoticed.append(bytes(content[max(0, position - 20) : position + 1]).decode())

    assert unnoticed == []


def test_a_deleted_generation_is_reported_as_damage(index_dir: Path) -> None:
    folder = open_current(index_dir).path
    folder.rename(index_dir.parent / "elsewhere")

    with pytest.raises(IndexDamagedError, match=r"python -m rag build"):
        open_current(index_dir)


def test_an_extra_file_does_not_matter(index_dir: Path) -> None:
    before = open_current(index_dir)
    (before.path / "note.txt").write_text("left by a person")

    assert open_current(index_dir) == before


def test_a_folder_in_which_nothing_was_built_holds_no_index(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()

    for folder in (tmp_path / "made", tmp_path / "never made"):
        with pytest.raises(IndexNotFoundError, match=r"`python -m rag build FOLDER`"):
            open_current(folder)
        assert current_build_id(folder) is None


@pytest.mark.parametrize(
    "garbage",
    [None, b"\xff\xfe\xff", bytes(23), b"20200101T000000Z-abcdef\n", b"x" * 5000, b"..", b""],
)
def test_the_newest_whole_generation_serves_when_the_pointer_is_lost(
    index_dir: Path, garbage: bytes | None
) -> None:
    before = open_current(index_dir)
    assert before.damage == ""
    (index_dir / "CURRENT").unlink()
    if garbage is not None:
        (index_dir / "CURRENT").write_bytes(garbage)

    found = open_current(index_dir)

    assert found.path == before.path
    assert "python -m rag build" in found.damage


@pytest.mark.parametrize(
    "damage",
    [_delete, _truncate, _cut_last_byte, _empty, _zero, _flip_one_bit, _make_folder],
)
def test_the_generation_before_serves_when_any_file_is_damaged(
    index_dir: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    previous = open_current(index_dir)
    folder = published(index_dir, write_folder(tmp_path / "A", "alpha", 3))
    assert folder != previous.path
    for name in sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file()):
        kept = (folder / name).read_bytes()
        damage(folder / name)

        found = open_current(index_dir)

        assert (found.path, found.manifest) == (previous.path, previous.manifest)
        assert str(folder) in found.damage
        if (folder / name).is_dir():
            (folder / name).rmdir()
        (folder / name).write_bytes(kept)
        assert open_current(index_dir).path == folder  # and only the damage was the reason


def test_a_build_over_a_damaged_generation_keeps_the_one_that_served(
    index_dir: Path, tmp_path: Path
) -> None:
    previous = open_current(index_dir).path
    damaged = published(index_dir, write_folder(tmp_path / "A", "alpha", 3))
    _zero(damaged / "vectors.faiss")

    newest = published(index_dir, tmp_path / "A")

    assert set(index_dir.glob("*Z-*")) == {previous, newest}
    assert open_current(index_dir).damage == ""


def test_other_folders_beside_the_generations_are_never_removed(
    index_dir: Path, tmp_path: Path
) -> None:
    (index_dir / "my papers").mkdir()
    (index_dir / "my papers" / "thesis.txt").write_text("the only copy")

    for count in (3, 4, 5):
        published(index_dir, write_folder(tmp_path / "A", "alpha", count))

    assert (index_dir / "my papers" / "thesis.txt").read_text() == "the only copy"


def test_an_index_of_format_1_is_refused_with_the_command_that_rebuilds_it() -> None:
    with pytest.raises(IndexMismatchError, match=r"format 1; .* `python -m rag build /tmp/golden"):
        open_current(ROOT / "tests" / "golden" / "index-v1")


def test_an_index_of_format_2_opens_and_is_searched_in_both_legs() -> None:
    generation = open_current(ROOT / "tests" / "golden" / "index-v2")

    path, count = generation.path, generation.manifest.chunks
    assert (generation.damage, generation.manifest.documents, count) == ("", 2, 3)
    corpus = Corpus(path)
    for row, word in ((1, "Hotel"), (2, "有給")):
        assert word in corpus.chunks([row])[0].text
        assert Bm25LexicalIndex.load(path, count).search(word, 1)[0][0] == row
        passage = corpus.chunks([row])[0].search_text
        nearest = FaissVectorIndex.load(path).search(HashingEmbedder().embed_query(passage), 1)
        assert nearest[0][0] == row
    assert [(file.path, file.status) for file in corpus.files()] == [
        ("empty.txt", "no_text"),
        ("leave.md", "indexed"),
        ("規則.txt", "indexed"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"a_field_of_the_future": 1},
        {"recipe": {"schema_version": 99, "method_of_the_future": "late interaction"}},
        {"recipe": None},
        {"recipe": []},
        {"sha256": []},
        {"sha256": None},
        {"sha256": {"corpus.sqlite": 5}},
        {"embed_languages": 7},
    ],
)
def test_a_manifest_of_another_shape_is_refused(index_dir: Path, change: dict[str, object]) -> None:
    manifest = open_current(index_dir).path / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))

    with pytest.raises(IndexDamagedError, match=r"python -m rag build"):
        open_current(index_dir)


@pytest.mark.parametrize("text", ["", "[]", "null", "3", '"text"', "{}", "{" * 10_000])
def test_a_manifest_that_is_no_table_is_refused(index_dir: Path, text: str) -> None:
    (open_current(index_dir).path / "manifest.json").write_text(text)

    with pytest.raises(IndexDamagedError, match=r"python -m rag build"):
        open_current(index_dir)


def test_a_file_in_the_place_of_the_index_folder_is_a_build_error(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a folder")

    with (
        pytest.raises(BuildError, match="cannot be written"),
        exclusive_writer(tmp_path / "index"),
    ):
        pytest.fail("the lock was taken")


def test_the_lock_is_free_after_an_error_inside(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive_writer(tmp_path / "index"):
        raise ZeroDivisionError
    with exclusive_writer(tmp_path / "index"):
        pass


def test_generation_folders_are_private(index_dir: Path) -> None:
    assert open_current(index_dir).path.stat().st_mode & 0o077 == 0
