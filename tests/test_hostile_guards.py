"""Each guard against hostile files is needed: with that one lifted, the same file does harm.

The limits of time and memory of a child have their counterparts in ``test_hostile_folders``.
"""

import email.policy
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.config import Config
from rag.errors import DocumentError
from rag.ingest import read_folder
from rag.readers import reader_for
from rag.readers.archive import read_zip
from rag.readers.extract import Extract
from rag.readers.mail import parse_mail
from rag.readers.ooxml import parse_xml
from rag.readers.package import Package
from tests.hostile import (
    Member,
    docx,
    laughs,
    nested_zip,
    opendocument,
    outsiders,
    paragraph,
    raw_zip,
    xlsx,
    zeros,
    zip_with,
)


def read(file: Path) -> Extract:
    reader = reader_for(file)
    assert reader is not None
    return reader(file)


def write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


def texts(folder: Path) -> dict[str, str]:
    """Return the text of all that could be read."""
    found = read_folder(folder, Config())
    return {o.document.path: o.document.text for o in found if o.document}


# What a package may unpack to


def test_without_a_look_at_the_directory_a_bomb_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crc = zlib.crc32(bytes(120_000_000))
    bomb = write(tmp_path / "a.zip", raw_zip([Member(b"a.txt", zeros(120), 120_000_000, crc)]))
    with pytest.raises(DocumentError, match="unpacks to 120 MB in 1 parts"):
        read_zip(bomb)
    monkeypatch.setattr("rag.readers.package._check", lambda members, size: None)
    assert [len(part.content) for part in read_zip(bomb).parts] == [120_000_000]


def test_without_reading_by_the_chunk_a_member_unpacks_beyond_its_promise(tmp_path: Path) -> None:
    lie = Member(b"a.txt", zeros(50), 1000, zlib.crc32(bytes(1000)))
    file = write(tmp_path / "a.zip", raw_zip([lie]))
    peaks = []
    for kind in (Package, zipfile.ZipFile):
        with kind(file) as archive:
            tracemalloc.start()
            assert archive.read("a.txt") == bytes(1000)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[0] < 1_000_000 < 50_000_000 < peaks[1]


# Text and elements


def repeated_string() -> bytes:
    """A workbook of 4 kB that shows 70 million characters."""
    cells = '<c t="s"><v>0</v></c>' * 140
    return xlsx(f"<sheetData><row>{cells}</row></sheetData>", f"<si><t>{'x' * 500_000}</t></si>")


def repeated_sheet() -> bytes:
    """A workbook whose 50 sheets are one."""
    main = "http://schemas.openxmlformats.org/"
    sheets = '<sheet name="One" r:id="r0"/>' * 50
    workbook = (
        f'<workbook xmlns="{main}spreadsheetml/2006/main" '
        f'xmlns:r="{main}officeDocument/2006/relationships"><sheets>{sheets}</sheets></workbook>'
    )
    rows = "<sheetData><row><c><v>4711</v></c></row></sheetData>"
    return xlsx(rows, **{"xl/workbook.xml": workbook})


def repeated_cells() -> bytes:
    """A sheet of one cell that stands for 16 thousand million."""
    return opendocument(
        "spreadsheet",
        '<table:table><table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell table:number-columns-repeated="16384"><text:p>4711</text:p>'
        "</table:table-cell></table:table-row></table:table>",
    )


@pytest.mark.parametrize(
    ("name", "content", "lift", "count", "lifted"),
    [
        ("a.xlsx", repeated_string, ("extract.MAX_CHARACTERS", 10**9), None, 140),
        ("a.xlsx", repeated_sheet, ("ooxml.OfficePackage.claim", lambda *_: True), 1, 50),
        ("a.ods", repeated_cells, ("opendocument._MAX_COPIES", 10**9), 200_000, 1_000_000),
        ("a.docx", lambda: docx(paragraph("4711") * 170_000), ("ooxml._MAX_ELEMENTS", 10**9),
         None, 170_000),
    ],
)  # fmt: skip
def test_without_its_bound_a_small_file_makes_a_large_text(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: Callable[[], bytes],
    lift: tuple[str, Any],
    count: int | None,
    lifted: int,
) -> None:
    file = write(tmp_path / name, content())
    mark = "x" * 500_000 if content is repeated_string else "4711"
    if count is None:
        with pytest.raises(DocumentError, match=r"more than"):
            read(file)
    else:
        assert read(file).text.count(mark) == count
    monkeypatch.setattr(f"rag.readers.{lift[0]}", lift[1])
    assert read(file).text.count(mark) == lifted


def test_a_page_is_refused_by_its_elements_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.html", b"<p>4711</p>" * 1001)
    assert read(file).text.count("4711") == 1001
    monkeypatch.setattr("rag.readers.web._MAX_ELEMENTS", 1000)
    with pytest.raises(DocumentError, match="1001 elements, more than the 1000"):
        read(file)


def test_without_cut_headers_a_short_mail_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b'Content-Type: text/plain; name="' + b";" * 25_000 + b"\n\nwords"
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        parse_mail(content)
        seconds.append(time.perf_counter() - started)
        monkeypatch.setattr("rag.readers.mail.POLICY", email.policy.compat32)
    assert seconds[1] > seconds[0] * 10


def test_beyond_its_bound_on_values_json_is_not_taken_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.json", b"[" + b"[1],\n" * 3000 + b"1]")
    assert read(file).remark == ""
    monkeypatch.setattr("rag.readers.structured._MAX_VALUES", 6000)
    assert "too many values" in read(file).remark


# Entities


def test_a_parser_that_resolves_entities_would_grow_them() -> None:
    from lxml import etree

    prolog, _ = laughs("x")  # cut short, as libxml2 refuses by itself what grows further
    content = f"{prolog[: prolog.index('<!ENTITY e5')]}]><x>&e4;</x>".encode()
    assert parse_xml(content).text is None
    willing = etree.XMLParser(resolve_entities=True, huge_tree=True)
    assert etree.fromstring(content, willing).text == "laughter" * 10_000


def test_a_parser_that_resolves_entities_would_read_files(tmp_path: Path) -> None:
    from lxml import etree

    canary = write(tmp_path / "canary.txt", b"canary-4711")
    prolog, _ = outsiders("x", canary, 9)
    prolog = prolog.replace("%p;", "")
    content = f"{prolog}<x>&f;</x>".encode()
    assert "canary" not in etree.tostring(parse_xml(content), encoding="unicode").split("]>")[-1]
    willing = etree.XMLParser(resolve_entities=True, load_dtd=True)
    assert etree.fromstring(content, willing).text == "canary-4711"


# Files in files, names and links


def test_without_a_bound_on_depth_the_innermost_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "folder" / "a.zip", nested_zip(10, b"deep words"))
    assert texts(tmp_path / "folder") == {}
    monkeypatch.setattr("rag.ingest.MAX_DEPTH", 20)
    assert list(texts(tmp_path / "folder").values()) == ["deep words"]


def test_without_cleaning_names_in_an_archive_lead_upwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "folder" / "a.zip", zip_with(["a/../../up\u202e.txt"]))
    assert [part.name for part in read_zip(file).parts] == ["a/up.txt"]
    assert list(texts(file.parent)) == ["a.zip/a/up.txt"]
    monkeypatch.setattr("rag.readers.archive.clean_parts", lambda name: [name])
    assert [part.name for part in read_zip(file).parts] == ["a/../../up\u202e.txt"]


def test_without_containment_a_link_brings_in_a_file_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "folder" / "a.txt", b"words")
    secret = write(tmp_path / "secret.txt", b"canary-4711")
    (tmp_path / "folder" / "link.txt").symlink_to(secret)
    assert texts(tmp_path / "folder") == {"a.txt": "words"}
    monkeypatch.setattr("pathlib.PurePath.is_relative_to", lambda *_: True)
    assert texts(tmp_path / "folder") == {"a.txt": "words", "link.txt": "canary-4711"}
