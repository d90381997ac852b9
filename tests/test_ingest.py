"""Ingest: every file has one outcome, whatever it holds and whatever its reader does."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from rag.config import Config
from rag.datatypes import Progress, Source
from rag.errors import BuildError
from rag.ingest import Outcome, read_files, read_folder
from rag.scan import Entry, FoundFile, scan

CONFIG = Config()

HOSTILE = """
import os, tempfile, time
from rag.readers.extract import Extract

REFUSED_SUFFIXES = {}

def abilities():
    return ()

def read(file):
    kind = file.suffix[1:]
    if kind == "hang":
        while True: time.sleep(1)
    if kind == "exit": os._exit(3)
    if kind == "abort": os.abort()
    if kind == "hoard":
        hoard = []
        while True: hoard.append(bytearray(10_000_000))
    if kind == "nest":
        def nest(): nest()
        nest()
    if kind == "raise": raise KeyError("secret words of the document")
    if kind == "where": return Extract(tempfile.gettempdir())
    if kind == "print": os.write(1, b"noise on stdout\\n"); print("more noise")
    if kind == "lie": return Extract("short", (), (99,))
    if kind == "flood": return Extract("x" * 80_000_000)
    return Extract(f"{os.getpid()} read {file.name}")

def reader_for(path):
    return read
"""


def outcomes(folder: Path, config: Config = CONFIG) -> dict[str, Outcome]:
    found = list(read_folder(folder, config))
    assert len(found) == len({outcome.status.path for outcome in found})
    return {outcome.status.path: outcome for outcome in found}


def scanned(folder: Path) -> list[Entry]:
    return scan([Source(str(folder))], {}, 1, lambda step: None)


def status_of(folder: Path, path: str) -> tuple[str, str]:
    status = outcomes(folder)[path].status
    return status.status, status.reason


def test_a_text_file_becomes_a_document_with_its_hash(tmp_path: Path) -> None:
    (tmp_path / "部署").mkdir()
    content = "年次有給休暇は10日です。".encode("cp932")
    (tmp_path / "部署" / "規程.txt").write_bytes(content)
    outcome = outcomes(tmp_path)["部署/規程.txt"]
    assert outcome.document is not None
    assert outcome.document.text == "年次有給休暇は10日です。"
    assert outcome.document.sha256 == hashlib.sha256(content).hexdigest()
    assert outcome.document.path == "部署/規程.txt"
    assert (outcome.status.status, outcome.status.size_bytes) == ("indexed", len(content))


def test_progress_counts_every_file_and_ends_full(tmp_path: Path) -> None:
    for name in ("b.txt", "a.bin"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    steps: list[Progress] = []
    scan([Source(str(tmp_path))], {}, 1, steps.append)
    assert [(s.stage, s.done, s.total, s.item) for s in steps] == [
        ("scan", 0, 2, "a.bin"),
        ("scan", 1, 2, "b.txt"),
        ("scan", 2, 2, ""),
    ]


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("a.txt", b"", "no_text", "empty"),
        ("a.md", b" \n\t\n", "no_text", "empty"),
        ("a.xyz", bytes(range(256)), "unsupported", "export it"),
        ("README", bytes(range(256)), "unsupported", "export it"),
        ("film.mp4", b"x", "unsupported", "transcript"),
        ("a.pdf", b"no", "failed", "damaged"),
        ("a.docx", bytes.fromhex("d0cf11e0a1b11ae1"), "failed", "damaged"),
    ],
)
def test_files_without_text_get_a_status_and_a_reason(
    tmp_path: Path, name: str, content: bytes, status: str, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert status_of(tmp_path, name)[0] == status
    assert words in status_of(tmp_path, name)[1]


def test_a_file_over_the_size_limit_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "big.txt").open("wb") as stream:
        stream.truncate(1_000_001)
    (tmp_path / "fits.txt").write_bytes(b"x" * 1_000_000)
    found = outcomes(tmp_path, replace(CONFIG, max_file_mb=1))
    assert found["big.txt"].status.status == "failed"
    assert "max_file_mb" in found["big.txt"].status.reason
    assert found["fits.txt"].document is not None


# The folder


@pytest.mark.parametrize("name", ["gone", "file.txt", "empty"])
def test_a_folder_that_offers_nothing_is_an_error_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("x", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    words = {"gone": "does not exist", "file.txt": "is a file", "empty": "holds no files"}[name]
    with pytest.raises(BuildError, match=words):
        list(read_folder(tmp_path / name, CONFIG))


def test_hidden_and_lock_files_are_left_out_and_the_rest_is_sorted(tmp_path: Path) -> None:
    visible = ["Z.txt", "a.txt", "b/c.txt", "b/d.txt", "漢字.txt"]
    hidden = [".git/x.txt", "~$a.docx", "Thumbs.db", ".DS_Store", "__pycache__/x.txt"]
    for path in [*visible, *hidden, "node_modules/x.md"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x", encoding="utf-8")
    assert [entry.path for entry in scanned(tmp_path)] == visible


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_to_files_inside_the_folder_only(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    outside.mkdir()
    for file in (folder / "sub" / "a.txt", outside / "secret.txt"):
        file.write_text("words", encoding="utf-8")
    for link, target in {
        "in.txt": folder / "sub" / "a.txt",
        "out.txt": outside / "secret.txt",
        "out": outside,
        "sub/up": folder,
        "lost.txt": folder / "nowhere.txt",
        "loop.txt": folder / "loop.txt",
        "zero.txt": Path("/dev/zero"),
    }.items():
        (folder / link).symlink_to(target)
    found = outcomes(folder)
    assert {path for path, outcome in found.items() if outcome.document} == {"in.txt", "sub/a.txt"}
    assert "leads out of the folder" in found["out.txt"].status.reason
    assert "leads out of the folder" in found["out"].status.reason
    assert "leads out of the folder" in found["zero.txt"].status.reason
    assert found["sub/up"].status.status == "unsupported"
    assert found["lost.txt"].status.status == "unsupported"
    assert found["loop.txt"].document is None
    assert len(found) == 8


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_pipes_and_sockets_are_reported_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.txt"))
        assert status_of(tmp_path, "pipe.txt")[0] == "unsupported"
        assert status_of(tmp_path, "socket.txt")[0] == "unsupported"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_odd_names_can_be_read_and_reported(tmp_path: Path) -> None:
    names = [b"caf\xe9.txt", b"line\nbreak.txt", b"\xe2\x80\xaertl.txt", b"quote'\".txt", b" .txt"]
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x", encoding="utf-8")
    found = outcomes(tmp_path)
    assert set(found) == {
        "caf\\xe9.txt", "line\nbreak.txt", "\u202ertl.txt", "quote'\".txt", " .txt",
    }  # fmt: skip
    assert all(outcome.document for outcome in found.values())
    json.dumps(list(found), ensure_ascii=False).encode("utf-8")


def test_an_unreadable_subfolder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    list_folder = os.scandir

    def refuse(folder: Path) -> object:
        if folder.name == "locked":
            raise PermissionError
        return list_folder(folder)

    monkeypatch.setattr("rag.scan.os.scandir", refuse)  # root may list any folder
    locked, readable = sorted(scanned(tmp_path), key=lambda entry: entry.path != "locked")
    assert not isinstance(locked, FoundFile)
    assert (locked.status, "permissions" in locked.reason) == ("failed", True)
    assert readable.path == "a.txt"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    (tmp_path / "a.txt").chmod(0)
    assert status_of(tmp_path, "a.txt")[0] == "failed"


def test_a_file_that_vanishes_or_changes_after_the_scan_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("x", encoding="utf-8")
    files = [entry for entry in scanned(folder) if isinstance(entry, FoundFile)]
    (folder / "b.txt").unlink()
    (folder / "c.txt").write_text("y", encoding="utf-8")
    found = [outcomes[0].status for outcomes in read_files(files, CONFIG, tmp_path)]
    assert [status.status for status in found] == ["indexed", "failed", "failed"]
    assert "cannot be opened" in found[1].reason
    assert "changed while" in found[2].reason


# Hostile parsers


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a registry whose readers misbehave as the suffix says."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "hostile_readers.py").write_text(HOSTILE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(modules))
    return "hostile_readers"


@pytest.mark.parametrize(
    ("kind", "words", "same_child"),
    [
        ("hang", "longer than 1 seconds", False),
        ("exit", "crashed", False),
        ("abort", "crashed", False),
        ("hoard", "memory", False),
        ("nest", "nested", False),
        ("lie", "crashed", False),
        ("flood", "more than 64 MB of text", False),
        ("raise", "damaged", True),
    ],
)
def test_a_reader_that_fails_costs_its_own_file_only(
    tmp_path: Path, hostile: str, kind: str, words: str, same_child: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("1.good", f"2.{kind}", "3.good"):
        (folder / name).write_text("x", encoding="utf-8")
    config = replace(CONFIG, parse_seconds=1 if kind == "hang" else 20, parse_workers=1)
    first, second, third = read_folder(folder, config, registry=hostile)
    assert second.status.status == "failed"
    assert words in second.status.reason
    assert "secret" not in second.status.reason
    assert first.document is not None
    assert third.document is not None
    pids = {outcome.document.text.split()[0] for outcome in (first, third) if outcome.document}
    assert len(pids) == (1 if same_child else 2)
    assert not psutil.Process().children(recursive=True)


def test_a_reader_that_prints_does_not_disturb_the_answers(tmp_path: Path, hostile: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("1.print", "2.good"):
        (folder / name).write_text("x", encoding="utf-8")
    found = list(read_folder(folder, CONFIG, registry=hostile))
    assert [o.document.text.split(maxsplit=1)[1] for o in found if o.document] == [
        "read 1.print",
        "read 2.good",
    ]


def test_readers_get_an_absolute_folder_for_what_they_unpack(
    tmp_path: Path, hostile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.where").write_text("x", encoding="utf-8")
    (found,) = [entry for entry in scanned(tmp_path) if entry.path == "a.where"]
    assert isinstance(found, FoundFile)
    Path("scratch").mkdir()
    ((outcome,),) = read_files([found], CONFIG, Path("scratch"), hostile)
    assert outcome.document is not None
    assert outcome.document.text.startswith(str(tmp_path / "scratch"))
    assert list(Path("scratch").iterdir()) == []


def test_the_child_ends_when_the_caller_stops_early(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    found = iter(read_folder(tmp_path, CONFIG))
    next(found)
    assert len(psutil.Process().children()) == CONFIG.parse_workers
    del found
    assert not psutil.Process().children()


def test_a_module_in_the_folder_of_documents_is_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(1)", encoding="utf-8")
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert outcomes(tmp_path)["a.txt"].document is not None


def test_the_child_imports_nothing_heavy() -> None:
    code = (
        "import sys, rag.readers, rag.readers.worker; "
        "print({'torch', 'numpy', 'transformers', 'docx', 'pypdfium2', 'bs4', 'pickle'}"
        " & set(sys.modules))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
