"""A file is read by what it is; its name counts where the content does not tell."""

import io
import zipfile
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers import REFUSED_SUFFIXES, SUPPORTED_SUFFIXES, reader_for, sniff
from tests.compound import write_compound

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n"
RTF = b"{\\rtf1\\ansi\\ansicpg932 \\'93\\'fa\\'96\\'7b\\par}"
HTML = "<!DOCTYPE html>\n<html><body><table><tr><td>氏名</td></tr></table></body></html>".encode()


def package(*names: str, mimetype: str = "") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


def reader_name(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return reader_for(folder / name).__name__


def refusal(folder: Path, name: str, content: bytes = b"\0\1\2") -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        reader_name(folder, name, content)
    return caught.value


@pytest.mark.parametrize("name", ["a.txt", "a.doc", "a.unknown", "README", "a.docx", "a.png"])
@pytest.mark.parametrize(
    ("content", "reader"),
    [
        (PDF, "read_pdf"),
        (RTF, "read_rtf"),
        (package("[Content_Types].xml", "word/document.xml"), "read_docx"),
        (package("OEBPS/a.opf", mimetype="application/epub+zip"), "read_epub"),
        (package("a.txt", "word/b.txt"), "read_zip"),
    ],
    ids=["pdf", "rtf", "docx", "epub", "zip"],
)
def test_content_wins_over_the_name(tmp_path: Path, name: str, content: bytes, reader: str) -> None:
    assert reader_name(tmp_path, name, content) == reader


@pytest.mark.parametrize(
    ("name", "content", "reader"),
    [
        ("a.xls", HTML, "read_html"),
        ("a.doc", b"\xef\xbb\xbf <?xml version='1.0'?><!-- x --><HTML><p>x", "read_html"),
        ("a.xls", "<table><tr><td>表".encode("utf-16"), "read_html"),
        ("a.xls", "氏名\t部署\n田中\t総務\n".encode("cp932"), "read_csv"),
        ("a.doc", "議事録\n本文".encode("cp932"), "read_plain"),
        (
            "a.doc",
            b"MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n",
            "read_mht",
        ),
        ("page", HTML, "read_html"),
    ],
)
def test_exports_with_the_suffix_of_a_program_are_read_as_what_they_are(
    tmp_path: Path, name: str, content: bytes, reader: str
) -> None:
    assert reader_name(tmp_path, name, content) == reader


@pytest.mark.parametrize(
    ("name", "text", "reader"),
    [
        ("a.txt", "%PDF-1.7 is what a PDF begins with; then 1 0 obj follows.", "read_plain"),
        ("a.txt", "%PDF-1.4\nThis line is prose about 1 0 obj.", "read_plain"),
        ("a.md", "{\\rtf1\\ansi is how RTF begins.\n\n# RTF", "read_markdown"),
        ("a.md", "<html> is the root element.", "read_markdown"),
        ("a.txt", "PK is a mark of zip files", "read_plain"),
        ("a.txt", "BM 会議", "read_plain"),
        ("a.txt", "GIF89a という形式", "read_plain"),
        ("a.txt", "MIME-Version: 1.0 multipart/related", "read_plain"),
        ("a.html", "%PDF-1.4 1 0 obj", "read_html"),
    ],
)
def test_prose_about_a_format_is_not_taken_for_it(
    tmp_path: Path, name: str, text: str, reader: str
) -> None:
    assert reader_name(tmp_path, name, text.encode()) == reader


@pytest.mark.parametrize(
    "name", ["A.MD", "ａ.ｍｄ", "報告．ｍｄ", "a.md ", "a.Markdown"]
)  # fmt: skip
def test_suffixes_count_in_any_case_and_width(tmp_path: Path, name: str) -> None:
    assert reader_name(tmp_path, name, b"# a") == "read_markdown"


@pytest.mark.parametrize("name", ["README", "Makefile", "notes.xyz", "議事録"])
@pytest.mark.parametrize("line", ["日本語の本文。\n", "一行だけの本文。", "x一行だけの本文。"])
def test_unknown_names_are_read_when_they_hold_text(tmp_path: Path, name: str, line: str) -> None:
    content = (line * 20_000).encode()  # longer than the sample
    assert reader_name(tmp_path, name, content) == "read_plain"


def test_unknown_binary_files_are_refused_with_advice(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a.xyz", bytes(range(256)) * 8)
    assert error.status == "unsupported"
    assert "export it as PDF" in str(error)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.mp4", "video"), ("A.MP3", "transcript"), ("a.7z", "unpack"), ("a.tar.gz", "unpack"),
        ("a.gdoc", "link"), ("a.pages", "Pages"), ("a.mdb", "CSV"), ("a.jtd", ".docx"),
        ("a.dwg", "PDF"), ("a.xdw", "DocuWorks"),
    ],
)  # fmt: skip
def test_what_no_reader_can_read_is_told_by_its_name(name: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):  # the file does not exist: it is not opened
        reader_for(Path(name))


@pytest.mark.parametrize(
    ("content", "words"), [(b"\x1f\x8b\x08\0x", "unpack"), (b"7z\xbc\xaf\x27\x1c..", "unpack")]
)
def test_archives_under_a_wrong_name_are_told_by_content(
    tmp_path: Path, content: bytes, words: str
) -> None:
    assert words in str(refusal(tmp_path, "backup", content))


def test_no_suffix_is_both_refused_and_read() -> None:
    assert set(REFUSED_SUFFIXES) & set(SUPPORTED_SUFFIXES) == set()
    assert all(s.startswith(".") and s == s.lower() for s in REFUSED_SUFFIXES)


def kind(folder: Path, content: bytes) -> str | None:
    (folder / "a").write_bytes(content)
    return sniff.kind_by_content(folder / "a", is_text_suffix=False)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (package("[Content_Types].xml", "ppt/presentation.xml"), ".pptx"),
        (package("[Content_Types].xml", "xl/workbook.xml"), ".xlsx"),
        (package("[Content_Types].xml", "xl/workbook.bin"), ".xlsb"),
        (package("[Content_Types].xml", "visio/document.xml"), None),
        (package(mimetype="application/vnd.oasis.opendocument.text"), ".odt"),
        (package(mimetype="application/vnd.oasis.opendocument.spreadsheet-template"), ".ods"),
        (package(mimetype="application/vnd.oasis.opendocument.presentation"), ".odp"),
        (package("META-INF/container.xml", "a.opf"), ".epub"),
        (package("mimetype.txt"), ".zip"),
        (package(), ".zip"),
        (b"PK\x03\x04 truncated", None),
        (b"\x89PNG\r\n\x1a\n", ".png"),
        (b"\xff\xd8\xff\xe0", ".jpg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", ".webp"),
        (b"BM\x46\0\0\0\0\0\0\0\x36", ".bmp"),
        (b"II*\0\x08", ".tif"),
        (b"GIF89a\x01\0\x01\0", ".gif"),
        (b"\0\0\0\x18ftypheic", ".heic"),
        (b"", None),
    ],
)
def test_kinds_by_content(tmp_path: Path, content: bytes, expected: str | None) -> None:
    assert kind(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (["WordDocument", "1Table"], ".doc"),
        (["PowerPoint Document", "Current User"], ".ppt"),
        (["Workbook"], ".xls"),
        (["Book"], ".xls"),
        (["__properties_version1.0", "__substg1.0_0037001F"], ".msg"),
        (["VisioDocument"], None),
        (["ObjectPool/WordDocument"], None),
    ],
)
def test_compound_files_are_told_by_their_streams(
    tmp_path: Path, streams: list[str], expected: str | None
) -> None:
    write_compound(tmp_path / "a", dict.fromkeys(streams, b"content"))
    assert sniff.kind_by_content(tmp_path / "a", is_text_suffix=True) == expected


def test_an_encrypted_package_is_encrypted_under_any_name(tmp_path: Path) -> None:
    write_compound(tmp_path / "a.xlsx", {"EncryptionInfo": b"x", "EncryptedPackage": b"x"})
    with pytest.raises(DocumentError, match="password") as caught:
        reader_for(tmp_path / "a.xlsx")
    assert caught.value.status == "encrypted"


@needs_fixtures
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("legacy_sample.ppt", ".ppt"), ("test.xls", ".xls"), ("winter-sports.epub", ".epub"),
        ("testRTFJapanese.rtf", ".rtf"), ("fake-encrypted.msg", ".msg"), ("random.bin", None),
        ("jpn-vert.jpeg", ".jpg"), ("jo.pdf", ".pdf"), ("docx-tables.docx", ".docx"),
        ("491-3-1_POIコード表.xlsx", ".xlsx"), ("powerpoint_bad_text.pptx", ".pptx"),
        ("fake-text-utf-16-le.txt", None), ("copyright-policy.md", None),
    ],
)  # fmt: skip
def test_real_files_are_recognized_without_their_name(name: str, expected: str | None) -> None:
    for is_text_suffix in (False, True):
        assert sniff.kind_by_content(FIXTURES / name, is_text_suffix=is_text_suffix) == expected


@needs_fixtures
def test_random_bytes_are_refused() -> None:
    with pytest.raises(DocumentError) as caught:
        reader_for(FIXTURES / "random.bin")
    assert caught.value.status == "unsupported"
