"""Hostile files: each costs at most 10 s and 512 MiB, has a status, and harms no other file."""

import os
import stat
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import (
    Member,
    cell,
    deflate,
    docx,
    gif,
    member,
    nested_zip,
    opendocument,
    paragraph,
    pdf,
    pdf_image,
    pdf_page,
    png,
    pptx,
    raw_zip,
    shape,
    tiff,
    xlsx,
    zeros,
    zip_with,
    zlib_zeros,
)
from tests.measured_run import Run, run

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory is bounded and measured on Linux only"
)
MAX_SECONDS, MAX_MB = 10, 512
WORDS = "年次有給休暇は10日です。 Good words."

Case = tuple[Callable[[], bytes], str, str]  # content, status, words of the reason


def big(name: str, megabytes: int) -> bytes:
    """Return an Office file whose one part is so large when unpacked."""
    return raw_zip([member("[Content_Types].xml", b"<Types/>"), _zeros(name, megabytes)])


def sheet(rows: str, strings: str = "") -> bytes:
    return xlsx(f"<sheetData>{rows}</sheetData>", strings)


def _zeros(name: str, megabytes: int, claimed: int = 0) -> Member:
    size = claimed or megabytes * 1_000_000
    return Member(name.encode(), zeros(megabytes), size, zlib.crc32(bytes(claimed)))


TOO_LARGE = ("failed", "unpacks to")
TOO_MANY = ("failed", "elements")
DAMAGED = ("failed", "damaged")
READ = ("indexed", "")

ARCHIVES: dict[str, Case] = {
    "2-gb.zip": (lambda: raw_zip([_zeros("a.txt", 2000)]), *TOO_LARGE),
    "lie.zip": (lambda: raw_zip([_zeros("a.txt", 2000, 1000)]), "archive", "listed by itself: 1."),
    "lie.docx": (
        lambda: raw_zip([
            member("[Content_Types].xml", b"<Types/>"), _zeros("_rels/.rels", 2000, 1000),
        ]),
        *DAMAGED,
    ),
    "mimetype.odt": (lambda: raw_zip([_zeros("mimetype", 2000, 99)]), "archive", ""),
    "10001.zip": (lambda: zip_with(f"{n}.txt" for n in range(10_001)), *TOO_LARGE),
    "deep.zip": (lambda: nested_zip(10, b"deep words"), "archive", "listed by itself: 1."),
    "overlap.zip": (
        lambda: raw_zip(
            Member(b"%d.txt" % n, zeros(5), 5_000_000, same_place=n > 0) for n in range(1000)
        ),
        *TOO_LARGE,
    ),
    "overlap-small.zip": (
        lambda: raw_zip(
            Member(b"%d.txt" % n, deflate(b"x" * 9), 9, zlib.crc32(b"x" * 9), same_place=n > 0)
            for n in range(1000)
        ),
        "archive",
        "damaged: 1.txt and 998 more",
    ),
    "encrypted.zip": (lambda: raw_zip([member("a.txt", b"x" * 50, flags=1)]), "encrypted", "pass"),
    "link.zip": (
        lambda: raw_zip([
            member("ln.txt", b"/etc/passwd", mode=stat.S_IFLNK | 0o777), member("a.txt", b"words"),
        ]),
        "archive",
        "links to other files: 1",
    ),
}  # fmt: skip
OFFICE: dict[str, Case] = {
    "200-mb.docx": (lambda: big("word/document.xml", 200), *TOO_LARGE),
    "200-mb.xlsx": (lambda: big("xl/workbook.xml", 200), *TOO_LARGE),
    "200-mb.pptx": (lambda: big("ppt/presentation.xml", 200), *TOO_LARGE),
    "200-mb.odt": (lambda: big("content.xml", 200), *TOO_LARGE),
    "200-mb.epub": (lambda: big("META-INF/container.xml", 200), *TOO_LARGE),
    "90-mb.docx": (lambda: docx(paragraph("x" * 88_000_000), pad=os.urandom(950_000)), *DAMAGED),
    "flat.docx": (lambda: docx("<w:p/>" * 1_500_000), *TOO_MANY),
    "runs.docx": (lambda: docx(f"<w:p>{'<w:r><w:t>x</w:t></w:r>' * 100_000}</w:p>"), *READ),
    "nested.docx": (lambda: docx("<w:sdt>" * 100_000 + "</w:sdt>" * 100_000), *DAMAGED),
    "boxes.docx": (
        lambda: docx(f"{'<w:p><w:r><w:txbxContent>' * 80}{paragraph('x') * 1000}"
                     f"{'</w:txbxContent></w:r></w:p>' * 80}"), *READ,
    ),
    "shapes.pptx": (lambda: pptx(shape("x") * 30_000), *READ),
    "groups.pptx": (lambda: pptx("<p:grpSp>" * 240 + shape("x") + "</p:grpSp>" * 240), *READ),
    "spaces.odt": (
        lambda: opendocument(
            "text", "<text:p>x" + '<text:s text:c="9999999"/>' * 9999 + "y</text:p>"
        ), *READ,
    ),
}  # fmt: skip
SHEETS: dict[str, Case] = {
    "far.xlsx": (
        lambda: xlsx(
            '<dimension ref="A1:XFD1048576"/><sheetData><row r="1048576">'
            + cell("XFD1048576", "far") + "</row></sheetData>"
        ), *READ,
    ),
    "letters.xlsx": (lambda: sheet(f"<row>{cell('Z' * 99_999 + '1', 'x') * 40}</row>"), *READ),
    "string.xlsx": (lambda: big("xl/sharedStrings.xml", 200), *TOO_LARGE),
    "repeated.xlsx": (
        lambda: sheet(
            "<row>" + '<c t="s"><v>0</v></c>' * 1000 + "</row>", f"<si><t>{'x' * 500_000}</t></si>"
        ), "failed", "64 million characters",
    ),
    "million-rows.xlsx": (lambda: sheet("<row/>" * 1_000_000), "no_text", ""),
    "repeats.ods": (
        lambda: opendocument(
            "spreadsheet",
            '<table:table><table:table-row table:number-rows-repeated="1048576">'
            '<table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p>'
            "</table:table-cell></table:table-row></table:table>",
        ),
        *READ,
    ),
}  # fmt: skip
MARKUP: dict[str, Case] = {
    "nested.html": (lambda: b"<div>" * 200_000 + b"deep", "failed", "nested too deeply"),
    "tables.html": (lambda: b"<table><tr><td>" * 5000 + b"deep", "failed", "nested too deeply"),
    "elements.html": (lambda: b"<i>x</i>" * 400_000, *TOO_MANY),
    "attributes.html": (
        lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(500_000)) + b">words</p>", *READ,
    ),
    "style.html": (lambda: b'<p style="display' + b" " * 5_000_000 + b'">words</p>', *READ),
    "nested.json": (lambda: b"[" * 2_000_000 + b"]" * 2_000_000, "indexed", "too many values"),
    "objects.json": (lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, *READ),
    "nested.rtf": (lambda: b"{\\rtf1 " + b"{" * 500_000 + b"x" + b"}" * 500_000 + b"}", *READ),
    "bin.rtf": (lambda: b"{\\rtf1 \\bin9999999999 x}", "no_text", ""),
}  # fmt: skip
MAIL: dict[str, Case] = {
    "nested.eml": (
        lambda: b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)
        ), "failed", "nested too deeply",
    ),
    "forwarded.eml": (
        lambda: b"Content-Type: message/rfc822\n\n" * 20_000, "failed", "nested too deeply",
    ),
    "20000.eml": (
        lambda: b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: text/plain; name=a.txt\n\nx\n" * 20_000 + b"--b--\n",
        "failed", "10000 files",
    ),
    "pictures.eml": (
        lambda: b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: text/html\n\n<p>words" + b" " * 3_000_000 + b"\n"
        + b"--b\nContent-Type: image/x\nContent-ID: <a@b>\n\nx\n" * 10_001 + b"--b--\n",
        "failed", "10000 files",
    ),
    "base64.eml": (
        lambda: b"Content-Transfer-Encoding: base64\n\n" + b"d29yZHMg" * 6_250_000,
        "failed", "memory",
    ),
    "parameters.eml": (
        lambda: b'Content-Type: text/plain; name="' + b";" * 200_000 + b"\n\nwords", "archive", "",
    ),
    "subject.eml": (lambda: b"Subject: " + b"=?utf-8?b?" * 300_000 + b"\n\nwords", *READ),
}  # fmt: skip
TEXTS: dict[str, Case] = {
    "wide.csv": (lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1,2", *READ),
    "cell.csv": (lambda: b'a,b\n1,"' + b"x" * 50_000_000 + b'"\n', *READ),
    "quotes.csv": (lambda: b'\n"' * 4096, *READ),
    "one-line.txt": (lambda: b"words " * 10_000_000, *READ),
    "bait.md": (
        lambda: b"".join(
            line + b"\n" for line in (
                b" " * 100_000 + b"x", b"# " + b" #" * 50_000 + b"x", b"[" * 100_000,
                b"* " * 50_000 + b"x", b"|" * 100_000, b"|" + b" -|" * 50_000 + b"x",
                b"|a", b"|" + b" " * 100_000 + b"x", b"```" * 30_000 + b" a`",
            )
        ), *READ,
    ),
    "bait.eml": (
        lambda: b"Subject: x" + b" " * 100_000 + b"y\nTo: " + b"<" * 100_000 + b"\nDate: "
        + b"(" * 100_000 + b"\nFrom: " + b" =?" * 50_000 + b"\n\nwords", *READ,
    ),
}  # fmt: skip
PAGES = ("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>")
PDFS: dict[str, Case] = {
    "self.pdf": (lambda: pdf([PAGES[0], "<</Type/Pages/Count 1/Kids[2 0 R]>>"]), *DAMAGED),
    "pages.pdf": (
        lambda: pdf([
            PAGES[0], f"<</Type/Pages/Count 30000/Kids[{'3 0 R ' * 30_000}]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        ]), "no_text", "",
    ),
    "1-gb.pdf": (lambda: pdf_page(zlib_zeros(1000), "/Filter/FlateDecode"), "failed", ""),
    "image.pdf": (lambda: pdf_image(30_000, 33_333), "no_text", "images"),
    "arrays.pdf": (
        lambda: pdf([f"<</Type/Catalog/Pages 2 0 R/X {'[' * 99999}{']' * 99999}>>", *PAGES[1:],
                     "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"]), "no_text", "",
    ),
    "xref.pdf": (
        lambda: pdf([*PAGES, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"],
                    trailer="/Prev 9/XRefStm 9"), "no_text", "",
    ),
    "encrypted.pdf": (
        lambda: pdf(
            [*PAGES, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
             f"<</Filter/Standard/V 1/R 2/P -4/O<{'41' * 32}>/U<{'42' * 32}>>>"],
            trailer="/Encrypt 4 0 R/ID[<41><41>]",
        ), "encrypted", "password",
    ),
}  # fmt: skip
IMAGES: dict[str, Case] = {
    "large.png": (lambda: png(60_000, 60_000), "", "image"),
    "large.tif": (lambda: tiff(60_000, 60_000), "", "image"),
    "frames.gif": (lambda: gif(100_000), "", ""),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.txt").write_text(WORDS, encoding="utf-8")
    return folder


def assert_harmless(found: Run) -> None:
    assert found.files["good.txt"].status == "indexed"
    assert found.files["good.txt"].text == WORDS
    assert max(found.children_mb, found.parent_mb) <= MAX_MB
    assert found.processes_left == 0
    for name, read in found.files.items():
        assert read.status == "indexed" or read.reason.endswith("."), name
        assert "Traceback" not in read.reason


@pytest.mark.parametrize(
    "cases",
    [ARCHIVES, OFFICE, SHEETS, MARKUP, MAIL, TEXTS, PDFS, IMAGES],
    ids="archives office sheets markup mail texts pdfs images".split(),
)
def test_a_hostile_file_costs_little_and_only_itself(folder: Path, cases: dict[str, Case]) -> None:
    for name, (content, _, _) in cases.items():
        (folder / name).write_bytes(content())
    found = run(folder)
    assert_harmless(found)
    for name, (_, status, words) in cases.items():
        assert found.files[name].status == (status or found.files[name].status), name
        assert words in found.files[name].reason, name
        assert found.seconds_of(name) <= MAX_SECONDS, name
