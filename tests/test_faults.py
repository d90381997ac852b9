"""A build that dies, or is refused by the disk, at every single step: old or new, never a mixture.

Every file operation below the index folder is a step. A forked builder ends at the n-th one, or
is told that the disk is full there, for growing n until a build gets through. Every fifth step by
default; FUMIKURA_FAULT_STRIDE=1 takes them all (log.md has the outcome).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.generations import open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.vector_index import FaissVectorIndex

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

ROOT = Path(__file__).resolve().parent.parent
STRIDE = int(os.environ.get("FUMIKURA_FAULT_STRIDE", "5"))
SIZES = {"old": 3, "new": 4}
BUILDER = """
import json, os, resource, signal, sys
from pathlib import Path
import faiss, langchain_text_splitters, scipy.sparse
from rag.build import build_index
from rag.config import Config
from rag.engine import INDEX_KINDS
from rag.errors import RagError
from rag.sources import SourceEdit, SyncRequest
from tests.fakes import HashingEmbedder

base = sys.argv[1]
index = os.path.join(base, "index")
count = 0
fault = {}
real_fsync = os.fsync

def step(event, arguments):
    global count
    if not fault or event not in WATCHED:
        return
    if not any(str(a).startswith(index) for a in arguments if isinstance(a, (str, Path))):
        return
    take_step()

def take_step():
    global count
    count += 1
    if count == fault.get("at"):
        if fault["kind"] == "exit":
            os._exit(9)
        raise OSError(fault["errno"], os.strerror(fault["errno"]))

def fsync(descriptor):
    take_step()
    real_fsync(descriptor)

WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir",
           "shutil.rmtree", "sqlite3.connect", "os.chmod"}
sys.addaudithook(step)

def build(order):
    os.fsync = fsync
    if "file_size" in order:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], order["file_size"]))
    else:
        fault.update(order)
    request = SyncRequest(add=(SourceEdit(Path(base) / order["folder"]),), replaces=True)
    config = Config(index_dir=Path(index), embed_model="hashing", parse_workers=1)
    try:
        build_index(request, config, HashingEmbedder(), INDEX_KINDS, lambda step: None)
    except RagError as error:
        return {"error": str(error)}
    return {"done": True, "steps": count}

for line in sys.stdin:
    order = json.loads(line)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            outcome = build(order)
        except BaseException as error:
            outcome = {"crash": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(outcome).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        outcome = pipe.read() or "{}"
    os.waitpid(pid, 0)
    print(outcome, flush=True)
"""


class Builder:
    """Builds in forked processes that share one import of the libraries."""

    def __init__(self, base: Path) -> None:
        self.index_dir = base / "index"
        for word, number in SIZES.items():
            (base / word).mkdir()
            for n in range(number):
                (base / word / f"{word}-{n}.txt").write_text(f"{word} text number {n}, 第{n}条。\n")
        self._process = subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(base)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def build(self, folder: str, **fault: object) -> dict[str, object]:
        """Build ``folder`` with a fault, return {} when the builder exited in the middle."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": folder, **fault}) + "\n")
        self._process.stdin.flush()
        outcome: dict[str, object] = json.loads(self._process.stdout.readline())
        return outcome

    def close(self) -> None:
        self._process.communicate()

    def served(self) -> str:
        """Return which folder's index serves, after checking that it is whole."""
        generation = open_current(self.index_dir)
        path, manifest = generation.path, generation.manifest
        assert generation.damage == ""
        word = Path(manifest.sources[0].folder).name
        rows = list(range(SIZES[word]))
        corpus = Corpus(path)
        assert corpus.counts() == (SIZES[word], SIZES[word])
        assert all(chunk.text.startswith(f"{word} text") for chunk in corpus.chunks(rows))
        assert len(FaissVectorIndex.load(path)) == SIZES[word]
        lexical = Bm25LexicalIndex.load(path, SIZES[word])
        assert sorted(row for row, _ in lexical.search(word, 9)) == rows
        return word


@pytest.fixture
def builder(tmp_path: Path) -> Iterator[Builder]:
    builder = Builder(tmp_path)
    assert builder.build("old", at=0, kind="none")["done"]
    assert builder.served() == "old"
    yield builder
    builder.close()


@pytest.mark.parametrize(
    ("kind", "errno"), [("exit", 0), ("refuse", 28), ("refuse", 13)], ids=["exit", "full", "denied"]
)
def test_a_fault_at_any_step_leaves_the_old_or_the_new_index(
    builder: Builder, kind: str, errno: int
) -> None:
    outcomes = []
    for at in range(1, 1000, STRIDE):
        outcome = builder.build("new", at=at, kind=kind, errno=errno)
        served = builder.served()
        assert "crash" not in outcome, (at, outcome)
        if "error" in outcome or not outcome:
            outcomes.append(served)
        if "error" in outcome:
            assert served == "old", (at, outcome)
            assert "untouched" in str(outcome["error"]) or "cannot be written" in str(outcome)
        if outcome.get("done") and int(str(outcome["steps"])) < at:
            break  # the fault lay beyond the last step
        if served == "new":
            assert builder.build("old", at=0, kind="none")["done"]
    else:
        pytest.fail("the build never got through")

    assert at > 40  # steps were counted
    assert outcomes.count("old") > 50 / STRIDE
    leftovers = [path for path in builder.index_dir.glob("*Z-*") if not (path / "SEAL").is_file()]
    assert leftovers == []
    assert len(list(builder.index_dir.glob("*Z-*"))) <= 2


def test_a_disk_that_fills_up_anywhere_leaves_the_old_index_and_recovers(builder: Builder) -> None:
    failures = 0
    for size in (0, 64, 512, 1024, 2048, 4096, 8192, 20_000, 40_000, 10_000_000):
        outcome = builder.build("new", file_size=size)
        assert "crash" not in outcome, (size, outcome)
        if "error" in outcome:
            failures += 1
            assert builder.served() == "old"
            assert "disk space" in str(outcome["error"])

    assert failures >= 5
    assert builder.served() == "new"
