"""Archives: every document inside is found, no name leads anywhere, one bad member costs itself."""

import stat
import struct
import zipfile
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers.archive import read_zip


def parts(file: Path) -> dict[str, bytes]:
    return {part.name: part.content for part in read_zip(file).parts}


def write_zip(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def write_raw_names(file: Path, names: list[bytes]) -> Path:
    """Write a zip whose names are raw bytes without the flag for UTF-8."""
    with zipfile.ZipFile(file, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr("x" * len(name[:-2]) + f"{number:02}", f"content {number}")
    content = file.read_bytes()
    for number, name in enumerate(names):
        content = content.replace(("x" * len(name[:-2]) + f"{number:02}").encode(), name)
    file.write_bytes(content)
    return file


def test_members_of_a_zip_are_parts_and_its_own_text_is_empty(tmp_path: Path) -> None:
    members = {"規程/就業規則.txt": "休暇", "a.md": "# A", "深い/階層/メモ.txt": "メモ"}
    file = write_zip(tmp_path / "a.zip", {"規程/": "", **members})

    extract = read_zip(file)

    assert extract.text == ""
    assert extract.remark == ""
    assert {p.name: p.content.decode() for p in extract.parts} == members


@pytest.mark.parametrize("encoding", ["utf-8", "cp932"])
def test_names_without_the_utf8_flag_are_still_japanese(tmp_path: Path, encoding: str) -> None:
    # 表 and ソ end in a backslash in Shift_JIS; it must not be taken for a folder.
    name = "資料/予定表.txt" if encoding == "utf-8" else "資料/予定表ソ.txt"
    file = write_raw_names(tmp_path / "a.zip", [name.encode(encoding)])

    assert list(parts(file)) == [name]


def test_a_decomposed_name_of_a_mac_is_composed(tmp_path: Path) -> None:
    file = write_zip(tmp_path / "a.zip", {"カ\u3099イト\u3099.txt": "x"})

    assert list(parts(file)) == ["ガイド.txt"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Users\\me\\a.txt", "Users/me/a.txt"),
        ("a/./b//c.txt", "a/b/c.txt"),
        ("bell\x07\u202egpj.txt", "bellgpj.txt"),
        ("\\\\server\\share\\b.txt", "server/share/b.txt"),
        ("..", "file"),
    ],
)
def test_names_that_lead_elsewhere_are_only_shown(tmp_path: Path, name: str, shown: str) -> None:
    assert list(parts(write_zip(tmp_path / "a.zip", {name: "x"}))) == [shown]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_twins_are_told_apart_by_a_number(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for content in ("1", "2", "3"):
            archive.writestr("a/報告.txt", content)
        archive.writestr("a/報告 (2).txt", "4")

    assert parts(tmp_path / "a.zip") == {
        "a/報告.txt": b"1",
        "a/報告 (2).txt": b"2",
        "a/報告 (3).txt": b"3",
        "a/報告 (2) (2).txt": b"4",
    }


def test_hidden_files_are_left_out_silently_and_links_with_a_remark(tmp_path: Path) -> None:
    hidden = [
        "__MACOSX/a.txt",
        ".git/config",
        "x/.DS_Store",
        "~$a.docx",
        "Thumbs.db",
        "desktop.ini",
    ]
    file = write_zip(tmp_path / "a.zip", {**dict.fromkeys(hidden, "x"), "kept.txt": "k"})
    assert list(parts(file)) == ["kept.txt"]
    assert read_zip(file).remark == ""

    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert list(parts(file)) == ["kept.txt"]
    assert read_zip(file).remark == "Left out of this archive: links to other files: 1."


def test_a_damaged_member_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("a.txt", "b.txt", "c.txt"):
            archive.writestr(name, f"content of {name}")
    file.write_bytes(file.read_bytes().replace(b"content of b", b"CONTENT of b"))

    extract = read_zip(file)

    assert [part.name for part in extract.parts] == ["a.txt", "c.txt"]
    assert extract.remark == "Left out of this archive: damaged: b.txt."


def test_an_unknown_compression_costs_only_its_member(tmp_path: Path) -> None:
    file = write_zip(tmp_path / "a.zip", {"a.txt": "one"})
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("b.txt", "two")
    content = bytearray(file.read_bytes())
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.rindex(mark) + at, 97)
    file.write_bytes(content)

    assert list(parts(file)) == ["a.txt"]
    assert "b.txt" in read_zip(file).remark


def test_an_encrypted_zip_says_so(tmp_path: Path) -> None:
    file = write_zip(tmp_path / "a.zip", {"a.txt": "one"})
    content = bytearray(file.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    file.write_bytes(content)

    with pytest.raises(DocumentError, match="password") as caught:
        read_zip(file)
    assert caught.value.status == "encrypted"


def test_a_bomb_and_a_torn_zip_are_refused(tmp_path: Path) -> None:
    file = write_zip(tmp_path / "a.zip", {"a.txt": "0" * 20_000_000})
    with pytest.raises(DocumentError, match="more than is safe"):
        read_zip(file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(DocumentError, match="damaged or not a zip archive"):
        read_zip(file)
