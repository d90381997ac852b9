"""Hostile folders: entities, names, damage, containers and readers that misbehave."""

import json
import os
import random
import re
import shutil
import socket
import sys
import unicodedata
from pathlib import Path

import pytest

from rag.config import Config
from rag.datatypes import Source
from rag.ingest import MAX_DEPTH, read_files
from rag.readers import SUPPORTED_SUFFIXES, ocr
from rag.scan import FoundFile, scan
from tests.compound import write_compound
from tests.hostile import (
    cell,
    docx,
    epub,
    laughs,
    opendocument,
    outsiders,
    package,
    paragraph,
    pdf_page,
    png,
    pptx,
    shape,
    xlsx,
    zip_with,
)
from tests.measured_run import Read, Run, run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory is bounded and measured on Linux only"
)
FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
MAX_MB = 512
SECRET = "canary-4711"
GUARDED = re.compile(
    "unpacks to|elements|million characters|files inside;|inside itself|too many values|"
    "nested too|needs more memory|took longer|crashed|Not tried"
)
SLOW = frozenset((  # to read: they take text recognition or LibreOffice
    "jpn-vert.jpeg", "legacy_sample.ppt", "malformed-from-issue-932.pdf", "with-attachment.pdf",
))  # fmt: skip
READERS_THAT_MISBEHAVE = """
import os, time
from rag.readers.extract import Extract, Part

REFUSED_SUFFIXES = {}

def abilities():
    return ()

def read(file):
    kind = file.suffix[1:]
    if kind == "hang":
        while True: pass
    if kind == "sleep": time.sleep(1.5)
    if kind == "exit": os._exit(0)
    if kind == "hoard":
        hoard = []
        while True: hoard.append(b"x" * 10_000_000)
    if kind == "large":
        hoard = [b"x" * 10_000_000 for _ in range(80)]
    if kind == "self":
        return Extract("", parts=[Part("again.self", file.read_bytes())])
    if kind == "grow":
        return Extract("", parts=[Part("more.grow", file.read_bytes() + b"x")])
    return Extract(f"words of {file.name}")

def reader_for(path):
    return read
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.txt").write_text("good words", encoding="utf-8")
    return folder


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """Folder of the registry ``misbehaving``."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "misbehaving.py").write_text(READERS_THAT_MISBEHAVE, encoding="utf-8")
    return modules


def assert_harmless(found: Run) -> None:
    assert found.files["good.txt"].status == "indexed"
    assert max(found.children_mb, found.parent_mb) <= MAX_MB
    assert found.processes_left == 0
    for path, read in found.files.items():
        assert read.status in ("indexed", "archive") or read.reason.endswith("."), path
        assert SECRET not in read.text + read.reason, path


def with_entities(prolog: str, reference: str) -> dict[str, bytes]:
    """Return one file of each kind that is XML or HTML, with a reference in its text."""
    row = f"<table:table-row><table:table-cell><text:p>{reference}</text:p></table:table-cell>"
    return {
        "a.docx": docx(paragraph(reference), prolog),
        "a.pptx": pptx(shape(reference), prolog),
        "a.xlsx": xlsx(f"<sheetData><row>{cell('A1', reference)}</row></sheetData>", prolog=prolog),
        "a.odt": opendocument("text", f"<text:p>{reference}</text:p>", prolog),
        "a.ods": opendocument(
            "spreadsheet", f"<table:table>{row}</table:table-row></table:table>", prolog
        ),
        "a.epub": epub(f"{prolog}<html><body><p>{reference}</p></body></html>", prolog),
        **{
            f"a.{suffix}": f"{prolog}<html><body><p>{reference} words</p></body></html>".encode()
            for suffix in ("html", "xhtml", "xml", "mht")
        },
    }


# Entities


def test_entities_neither_grow_nor_read_files_nor_call_anybody(
    folder: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary.txt"
    canary.write_text(SECRET, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as sink:
        port = sink.getsockname()[1]
        for name, content in with_entities(*outsiders("x", canary, port)).items():
            (folder / name).write_bytes(content)
        for name, content in with_entities(*laughs("x")).items():
            (folder / f"laughs-{name}").write_bytes(content)
        page = f"<img src=http://127.0.0.1:{port}/><link href=//127.0.0.1:{port}/a.css>words"
        (folder / "links.html").write_text(page, encoding="utf-8")
        found = run(folder)
        sink.setblocking(False)
        with pytest.raises(BlockingIOError):
            sink.accept()
    assert_harmless(found)
    assert all("laughter" * 20 not in read.text for read in found.files.values())
    assert found.files["links.html"].text == "words"


def test_the_sink_would_have_seen_a_call() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sink:
        sink.setblocking(False)
        with socket.create_connection(sink.getsockname()):
            sink.accept()[0].close()


# Names and places


def test_names_in_an_archive_lead_nowhere(folder: Path, tmp_path: Path) -> None:
    names = [
        "../../up.txt", "/abs.txt", "C:\\x.txt", "nul\0name.txt", "rtl\u202etxt.exe.txt", "",
        "n" * 5000 + ".txt", "d/" * 300 + "deep.txt", "a/../../b.txt", "..\\..\\c.txt", "..", "a/",
        "line\nbreak.txt", "ガ.txt", "カ\u3099.txt",
    ]  # fmt: skip
    (folder / "a.zip").write_bytes(zip_with(names))
    outside = sorted(tmp_path.rglob("*"))
    found = run(folder)
    assert_harmless(found)
    inside = [path for path in found.files if path.startswith("a.zip/")]
    assert len(inside) == len(names) - 1  # all but the folder
    assert {"a.zip/up.txt", "a.zip/abs.txt", "a.zip/x.txt", "a.zip/a/b.txt"} <= set(inside)
    assert {"a.zip/ガ.txt", "a.zip/ガ (2).txt"} <= set(inside)
    for path in inside:
        assert ".." not in path.split("/")
        assert not any(unicodedata.category(character).startswith("C") for character in path)
        assert len(path) < 500
    assert sorted(tmp_path.rglob("*")) == [*outside, tmp_path / "scratch"]


def test_twins_and_very_long_names_in_a_folder_are_files_of_their_own(folder: Path) -> None:
    names = [
        "ガイド.txt",
        unicodedata.normalize("NFD", "ガイド.txt"),
        "長" * 83 + "ab.txt",
        "A.txt",
        "a.txt",
    ]
    assert len(names[2].encode()) == 255
    for name in names:
        (folder / name).write_text("words", encoding="utf-8")
    found = run(folder)
    assert {path for path, read in found.files.items() if read.text == "words"} == set(names)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_opened(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text(SECRET, encoding="utf-8")
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("words", encoding="utf-8")
    entries = scan([Source(str(folder))], {}, 1, lambda step: None)
    files = [entry for entry in entries if isinstance(entry, FoundFile)]
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).unlink()
    os.mkfifo(folder / "a.txt")
    (folder / "b.txt").symlink_to(outside)
    (folder / "c.txt").symlink_to("/dev/zero")
    config = Config(parse_seconds=1)
    outcomes = [found[0] for found in read_files(files, config, tmp_path)]
    statuses = {outcome.status.path: outcome.status.status for outcome in outcomes}
    assert statuses.pop("good.txt") == "indexed"
    assert set(statuses.values()) <= {"failed", "unsupported"}
    assert not any(SECRET in o.document.text for o in outcomes if o.document)


# Damage


def test_random_bytes_under_every_suffix_end_with_a_status(folder: Path) -> None:
    chance = random.Random(4711)
    suffixes = list(SUPPORTED_SUFFIXES)
    for number in range(200):
        content = chance.randbytes(2000)
        (folder / f"{number}{suffixes[number % len(suffixes)]}").write_bytes(content)
    found = run(folder)
    assert_harmless(found)
    assert len(found.files) == 201


def test_files_cut_off_anywhere_end_with_a_status(folder: Path, tmp_path: Path) -> None:
    write_compound(tmp_path / "a.msg", {"__properties_version1.0": bytes(64), "a": b"x" * 3000})
    write_compound(tmp_path / "a.xls", {"Workbook": b"\x09\x08\x10\0" + bytes(3000)})
    page = pdf_page(
        b"BT /F 9 Tf 9 9 Td (words) Tj ET", "",
        "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>",
    )  # fmt: skip
    valid = {
        **with_entities("", "words"),
        "a.zip": zip_with(["a.txt", "b.txt"]),
        "a.pdf": page,
        "a.rtf": b"{\\rtf1 \\ansicpg932 \\'94\\'4e\\u26085 ?words\\par}",
        "a.eml": b"Subject: =?utf-8?b?5bm05qyh?=\nContent-Type: text/plain\n\nwords",
        "a.json": json.dumps({"年次": ["有給", {"休暇": 10}]}).encode(),
        "a.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "x"}]}).encode(),
        "a.msg": (tmp_path / "a.msg").read_bytes(),
        "a.xls": (tmp_path / "a.xls").read_bytes(),
    }
    for name, content in valid.items():
        for percent in (1, 25, 50, 75, 90, 99):
            (folder / f"{percent}-{name}").write_bytes(content[: len(content) * percent // 100])
    found = run(folder)
    assert_harmless(found)
    assert len(found.files) >= len(valid) * 6 + 1


# Containers


def test_zips_of_zips_are_bounded_together(folder: Path) -> None:
    inner = package({"a.txt": b"words " * 1_600_000})  # 9.6 MB, which a zip of its own may hold
    (folder / "a.zip").write_bytes(package({f"{number}.zip": inner for number in range(15)}))
    found = run(folder)
    assert_harmless(found)
    read = [path for path, r in found.files.items() if path.endswith("a.txt") and r.text]
    assert 1 <= len(read) <= 10


def test_a_container_of_itself_and_one_too_deep_are_not_followed(
    folder: Path, modules: Path
) -> None:
    for name in ("a.self", "a.grow"):
        (folder / name).write_bytes(b"x")
    found = run(folder, registry="misbehaving", modules=modules)
    assert_harmless(found)
    refused = {path for path, read in found.files.items() if "inside itself" in read.reason}
    assert refused == {"a.self/again.self", "a.grow" + "/more.grow" * (MAX_DEPTH + 1)}
    assert len(found.files) == 1 + 2 + MAX_DEPTH + 2


# Readers


def test_readers_that_hang_hoard_or_exit_are_stopped_in_time(tmp_path: Path, modules: Path) -> None:
    stopped: dict[str, Read] = {}
    # With a second for each, a busy machine might end the hoarder by time and not by memory.
    for kinds, limits in (("hang sleep", {"parse_seconds": 1}), ("hoard exit large", {})):
        folder = tmp_path / kinds
        folder.mkdir()
        (folder / "good.txt").write_text("good words", encoding="utf-8")
        for kind in kinds.split():
            (folder / f"a.{kind}").write_bytes(b"x")
        found = run(folder, limits, "misbehaving", modules)
        assert_harmless(found)
        stopped |= found.files
    assert {path: read.status for path, read in stopped.items()} == {
        "good.txt": "indexed",
        **{f"a.{kind}": "failed" for kind in "hang hoard exit sleep large".split()},
    }  # fmt: skip
    assert "longer than 1 seconds" in stopped["a.hang"].reason
    assert "memory" in stopped["a.hoard"].reason
    assert "crashed" in stopped["a.exit"].reason
    assert all(read.seconds < 30 for read in stopped.values())  # two of them never end


def test_without_the_limits_of_time_and_memory_the_same_readers_go_on(
    folder: Path, modules: Path
) -> None:
    for kind in ("sleep", "large"):
        (folder / f"a.{kind}").write_bytes(b"x")
    lifted = run(folder, {"parse_memory_mb": 4096}, "misbehaving", modules)
    assert {read.status for read in lifted.files.values()} == {"indexed"}
    assert lifted.children_mb > 750
    assert lifted.files["a.sleep"].seconds > 1.4


@pytest.mark.skipif(not ocr.is_installed(), reason="text recognition is not installed")
def test_text_recognition_leaves_no_session_of_telemetry_behind(folder: Path) -> None:
    (folder / "a.png").write_bytes(png(320, 80))
    assert run(folder).files["a.png"].status == "no_text"


# No false alarm


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")
def test_no_guard_refuses_a_real_document(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for file in (FIXTURES / "documents").iterdir():
        if file.name not in SLOW:
            shutil.copyfile(file, folder / file.name)
    found = run(folder).files
    assert len(found) >= 31
    refused = {path: read.reason for path, read in found.items() if GUARDED.search(read.reason)}
    assert not refused
