"""Readers: what stands in a file is what is stored, in every encoding, with exact spans."""

import codecs
import hashlib
import struct
import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from rag.errors import DocumentError
from rag.readers import SUPPORTED_SUFFIXES, Extract, reader_for

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

Placed = tuple[float, float, float, str]  # x, y, type size, text


def read(file: Path) -> Extract:
    reader = reader_for(file)
    assert reader is not None
    extract = reader(file)
    ends = 0
    for block in extract.blocks:
        assert ends <= block.start < block.end <= len(extract.text)
        ends = block.end
    return extract


def read_bytes(folder: Path, name: str, content: bytes) -> Extract:
    (folder / name).write_bytes(content)
    return read(folder / name)


def parts(extract: Extract) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks]


def refusal(folder: Path, name: str, content: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        read_bytes(folder, name, content)
    return caught.value


def test_the_common_suffixes_are_supported() -> None:
    assert {".txt", ".md", ".html", ".pdf", ".docx", ".csv"} <= set(SUPPORTED_SUFFIXES)


# Text and its encodings


@pytest.mark.parametrize(
    "text",
    ["休暇届", "年次有給休暇は10日です。", "社員番号,氏名\n1,田中", "カタカナのみ", "手続きの流れ"],
)
@pytest.mark.parametrize(
    "encoding",
    "utf-8 utf-8-sig cp932 euc_jp iso2022_jp utf-16 utf-16-le utf-16-be "
    "utf-32 utf-32-le utf-32-be".split(),
)
def test_short_japanese_texts_are_decoded(tmp_path: Path, text: str, encoding: str) -> None:
    assert read_bytes(tmp_path, "a.txt", text.encode(encoding)).text == text


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "utf-16-be", "utf-32-le", "utf-8"])
def test_western_texts_are_decoded(tmp_path: Path, encoding: str) -> None:
    text = "A café opened in Zürich – naïve, but “open”."
    assert read_bytes(tmp_path, "a.txt", text.encode(encoding)).text == text


def test_text_is_verbatim_but_for_line_ends_bom_and_nuls(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf  one\r\ntwo\rthree\0 \n\n\tfour  \n"
    assert read_bytes(tmp_path, "a.txt", content).text == "  one\ntwo\nthree \n\n\tfour  \n"


def test_lone_surrogates_of_utf16_do_not_get_through(tmp_path: Path) -> None:
    content = codecs.BOM_UTF16_LE + ("before " * 20).encode("utf-16-le") + b"\x00\xd8"
    text = read_bytes(tmp_path, "a.txt", content + " after".encode("utf-16-le")).text
    assert text.encode("utf-8").decode("utf-8") == text
    assert text.startswith("before")
    assert text.endswith("after")


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.csv", "a.html"])
def test_binary_content_under_a_text_suffix_is_refused(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, name, hashlib.sha512(b"seed").digest() * 40)
    assert error.status == "unsupported"
    assert "binary" in str(error)


def test_plain_paragraphs_are_separated_by_blank_lines(tmp_path: Path) -> None:
    extract = read_bytes(tmp_path, "a.txt", b"one\ntwo\n \nthree\n")
    assert parts(extract) == [("paragraph", "one\ntwo", ()), ("paragraph", "three", ())]
    assert extract.title == ""


def test_lines_of_plain_text_that_are_set_as_headings_are_some(tmp_path: Path) -> None:
    text = (
        "Minutes\n=======\nHeld in May.\n\nTREASURER'S REPORT\n\nA surplus.\n\n5. Lift\n\n"
        "5.1 Offers\n\nTwo firms.\n\n■ 支払い\n現金だけです。\n第2条（期間）\n1年とする。"
    )
    extract = read_bytes(tmp_path, "a.txt", text.encode())

    assert parts(extract) == [
        ("heading", "Minutes\n=======", ()),
        ("paragraph", "Held in May.", ("Minutes",)),
        ("heading", "TREASURER'S REPORT", ("Minutes",)),
        ("paragraph", "A surplus.", ("Minutes", "TREASURER'S REPORT")),
        ("heading", "5. Lift", ("Minutes", "TREASURER'S REPORT")),
        ("heading", "5.1 Offers", ("Minutes", "TREASURER'S REPORT", "5. Lift")),
        ("paragraph", "Two firms.", ("Minutes", "TREASURER'S REPORT", "5. Lift", "5.1 Offers")),
        ("heading", "■ 支払い", ("Minutes", "TREASURER'S REPORT")),
        ("paragraph", "現金だけです。", ("Minutes", "TREASURER'S REPORT", "■ 支払い")),
        ("heading", "第2条（期間）", ("Minutes", "TREASURER'S REPORT", "■ 支払い")),
        (
            "paragraph",
            "1年とする。",
            ("Minutes", "TREASURER'S REPORT", "■ 支払い", "第2条（期間）"),
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "1. Milk\n\n2. Eggs\n\n3. Bread",  # a list with room between its items
        "■ 牛乳\n■ 卵",
        "Bring:\n\n1. a form that is signed.",
        "5. Lift\nTwo firms made offers.",  # an item of two lines, as far as one can tell
        "NEVER TOUCH THE GLUE POT!\n\nIt is hot.",
        "Fees .......... 12\n\nThe fee.",
        "---\n\nAfter a rule.",
        "THE END",
    ],
)
def test_lines_of_plain_text_that_only_look_like_headings_are_none(
    tmp_path: Path, text: str
) -> None:
    extract = read_bytes(tmp_path, "a.txt", text.encode())

    assert {block.kind for block in extract.blocks} == {"paragraph"}
    covered = "".join(extract.text[block.start : block.end] for block in extract.blocks)
    assert all(word in covered for word in text.split())


@needs_fixtures
@pytest.mark.parametrize("name", ["fake-text-utf-16-le.txt", "fake-text-utf-32.txt"])
def test_real_utf16_and_utf32_files_are_decoded(name: str) -> None:
    assert read(FIXTURES / "documents" / name).text.startswith("This is a test document to use")


# Markdown


def test_markdown_blocks_stand_under_their_headings(tmp_path: Path) -> None:
    source = (
        "規則 \n===\n\n前文。\n続き。\n\n## 休暇 ##\n- 十日\n  繰越可\n- 五日\n\n"
        "| 種別 | 日数 |\n|---|---|\n| 年次 | 10 |\n\n### 詳細\n本文\n## 附則\n\n---\n終わり\n"
    )
    extract = read_bytes(tmp_path, "a.md", source.encode())
    assert extract.text == source
    assert extract.title == "規則"
    assert parts(extract) == [
        ("heading", "規則 \n===", ()),
        ("paragraph", "前文。\n続き。", ("規則",)),
        ("heading", "## 休暇 ##", ("規則",)),
        ("list", "- 十日\n  繰越可\n- 五日", ("規則", "休暇")),
        ("table", "| 種別 | 日数 |\n|---|---|\n| 年次 | 10 |", ("規則", "休暇")),
        ("heading", "### 詳細", ("規則", "休暇")),
        ("paragraph", "本文", ("規則", "休暇", "詳細")),
        ("heading", "## 附則", ("規則",)),
        ("paragraph", "終わり", ("規則", "附則")),
    ]


def test_headings_inside_fences_comments_and_front_matter_are_none(tmp_path: Path) -> None:
    source = (
        "---\ntitle: x\n# no\n---\n\n````sh\n# no\n```\n# no\n````\n"
        "<!--\n## no\n-->\n#no\n# Yes\n~~~\n# open to the end\n"
    )
    assert parts(read_bytes(tmp_path, "a.md", source.encode())) == [
        ("note", "---\ntitle: x\n# no\n---", ()),
        ("code", "````sh\n# no\n```\n# no\n````", ()),
        ("note", "<!--\n## no\n-->", ()),
        ("paragraph", "#no", ()),
        ("heading", "# Yes", ()),
        ("code", "~~~\n# open to the end", ("Yes",)),
    ]


def test_an_endless_heading_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    heading = "# " + "a" + " " * 200_000 + "b #"
    extract = read_bytes(tmp_path, "a.md", (heading + "\n" + "- x\n\n~~~\n~~~\n" * 1000).encode())
    assert extract.title == "a" + " " * 999
    assert parts(extract)[1] == ("list", "- x", ("a" + " " * 999,))


# Tables


def test_csv_rows_carry_their_header_and_keep_quoted_line_breaks(tmp_path: Path) -> None:
    source = '氏名,部署,入社日\n田中,"営業\n第一",2020-04-01\n\n鈴木,総務,2021-10-01\n'
    header = ("氏名, 部署, 入社日",)
    extract = read_bytes(tmp_path, "a.csv", source.encode("cp932"))
    assert extract.text == source
    assert parts(extract) == [
        ("heading", "氏名,部署,入社日", ()),
        ("table", '田中,"営業\n第一",2020-04-01', header),
        ("table", "鈴木,総務,2021-10-01", header),
    ]


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", "\t")])
def test_the_delimiter_is_detected(tmp_path: Path, name: str, delimiter: str) -> None:
    source = "\n".join(delimiter.join(row) for row in (["id", "name"], ["1", "x, y"], ["2", "z"]))
    assert parts(read_bytes(tmp_path, name, source.encode()))[1][2] == ("id, name",)


def test_a_csv_whose_first_row_holds_numbers_has_no_header(tmp_path: Path) -> None:
    assert parts(read_bytes(tmp_path, "a.csv", b"1,a\n2,b\n")) == [
        ("table", "1,a", ()),
        ("table", "2,b", ()),
    ]


def test_a_stray_quote_does_not_swallow_the_rest_of_a_csv(tmp_path: Path) -> None:
    extract = read_bytes(tmp_path, "a.csv", b'id,size\n1,"3 in\n2,4 in\n')
    assert [text for _, text, _ in parts(extract)] == ["id,size", '1,"3 in', "2,4 in"]


# HTML


def test_html_shows_what_a_browser_shows(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><meta charset="Shift_JIS"><title> 社内 規程 </title>
    <style>p{}</style></head><body><script>alert(1)</script><h1>休暇</h1>
    <p>有給休暇は
    年<b>10</b>日①です。<br>申請は前日まで。</p><p hidden>no</p><div style="display: none">no</div>
    <noscript>no</noscript><template>no</template><!-- no -->
    <ul><li>A &amp; B</li><li>two  words</li></ul><h2>表</h2>
    <table><tr><th>種別</th><th>日数</th></tr><tr><td>年次</td><td>10<br>日</td></tr></table>
    <pre>a  b
c</pre></body></html>"""
    extract = read_bytes(tmp_path, "a.html", page.encode("cp932"))
    assert extract.title == "社内 規程"
    assert parts(extract) == [
        ("heading", "休暇", ()),
        ("paragraph", "有給休暇は年10日①です。\n申請は前日まで。", ("休暇",)),
        ("list", "A & B", ("休暇",)),
        ("list", "two words", ("休暇",)),
        ("heading", "表", ("休暇",)),
        ("table", "種別\t日数\n年次\t10 日", ("休暇", "表")),
        ("code", "a  b\nc", ("休暇", "表")),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "euc_jp", "cp932"])
def test_html_without_a_declared_charset_is_decoded(tmp_path: Path, encoding: str) -> None:
    page = "<h1>就業規則</h1><p>第1条　この規則は、社員の就業について定める。</p>"
    extract = read_bytes(tmp_path, "a.html", page.encode(encoding))
    assert extract.title == "就業規則"
    assert extract.text == "就業規則\n\n第1条　この規則は、社員の就業について定める。"


# Word


def test_docx_keeps_order_headings_lists_and_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("就業規則", 0)
    document.add_heading("休暇", 1)
    document.add_paragraph("年次有給休暇は10日とする。")
    document.add_paragraph("繰越可", style="List Bullet")
    document.add_paragraph("半日可", style="List Bullet")
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table.rows[0].cells, ("種別", "日数", "備考"), strict=True):
        cell.text = text
    table.rows[1].cells[0].merge(table.rows[1].cells[1]).text = "合併"
    table.rows[1].cells[2].text = "注\n記"
    document.add_paragraph("以上")
    document.sections[0].header.paragraphs[0].text = "社外秘"
    document.save(str(tmp_path / "a.docx"))
    extract = read(tmp_path / "a.docx")
    path = ("就業規則", "休暇")
    assert extract.title == "就業規則"
    assert parts(extract) == [
        ("heading", "就業規則", ()),
        ("heading", "休暇", ("就業規則",)),
        ("paragraph", "年次有給休暇は10日とする。", path),
        ("list", "繰越可", path),
        ("list", "半日可", path),
        ("table", "種別\t日数\t備考\n合併\t\t注 記", path),
        ("paragraph", "以上", path),
    ]


def test_docx_reads_controls_insertions_boxes_and_ruby_but_no_deletions(tmp_path: Path) -> None:
    document = docx.Document()
    body = document.element.body
    for inner in (
        "<w:r><w:t>見出し</w:t></w:r>",
        "<w:ins><w:r><w:t>追加</w:t></w:r></w:ins><w:del><w:r><w:delText>削除</w:delText></w:r></w:del>",
        "<w:r><w:ruby><w:rt><w:r><w:t>ふみくら</w:t></w:r></w:rt>"
        "<w:rubyBase><w:r><w:t>文庫</w:t></w:r></w:rubyBase></w:ruby></w:r>",
        "<w:r><w:t>外</w:t><w:pict><w:txbxContent><w:p><w:r><w:t>箱</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r>",
    ):
        body.insert(len(body) - 1, parse_xml(f"<w:p {nsdecls('w')}>{inner}</w:p>"))
    inner = "<w:sdtContent><w:p><w:r><w:t>欄</w:t></w:r></w:p></w:sdtContent>"
    body.insert(len(body) - 1, parse_xml(f"<w:sdt {nsdecls('w')}>{inner}</w:sdt>"))
    body[0].insert(0, parse_xml(f'<w:pPr {nsdecls("w")}><w:outlineLvl w:val="1"/></w:pPr>'))
    document.save(str(tmp_path / "a.docx"))
    extract = read(tmp_path / "a.docx")
    assert [text for _, text, _ in parts(extract)] == ["見出し", "追加", "文庫", "外", "箱", "欄"]
    assert parts(extract)[1][2] == ("見出し",)


def test_a_compound_file_under_docx_is_encrypted_or_an_old_doc(tmp_path: Path) -> None:
    magic = bytes.fromhex("d0cf11e0a1b11ae1")
    error = refusal(tmp_path, "a.docx", magic + "EncryptedPackage".encode("utf-16-le"))
    assert error.status == "encrypted"
    assert "password" in str(error)
    error = refusal(tmp_path, "b.docx", magic + "WordDocument".encode("utf-16-le"))
    assert error.status == "unsupported"
    assert ".doc)" in str(error)


def test_a_broken_zip_under_docx_fails_with_advice(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a.docx", b"PK\x03\x04 truncated")
    assert error.status == "failed"
    assert "save it again" in str(error)


def write_package(file: Path, members: int, member_bytes: int) -> None:
    docx.Document().save(str(file))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        for number in range(members):
            package.writestr(f"word/extra{number}.bin", bytes(member_bytes))


@pytest.mark.parametrize(
    ("members", "member_bytes"),
    [(1, 101_000_000), (1, 11_000_000), (10_001, 0)],
    ids=["total", "ratio", "members"],
)
def test_zip_bombs_are_refused_before_unpacking(
    tmp_path: Path, members: int, member_bytes: int
) -> None:
    write_package(tmp_path / "a.docx", members, member_bytes)
    with pytest.raises(DocumentError, match="more than is safe"):
        read(tmp_path / "a.docx")


def test_a_package_that_compresses_well_but_is_small_is_read(tmp_path: Path) -> None:
    write_package(tmp_path / "a.docx", 1, 9_000_000)  # whole-file ratio over 100, under 10 MB
    assert read(tmp_path / "a.docx").text == ""


def test_entities_in_docx_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET", encoding="utf-8")
    document = docx.Document()
    document.add_paragraph("before MARK after")
    document.save(str(tmp_path / "a.docx"))
    with (
        zipfile.ZipFile(tmp_path / "a.docx") as source,
        zipfile.ZipFile(tmp_path / "b.docx", "w") as target,
    ):
        for name in source.namelist():
            xml = source.read(name)
            if name == "word/document.xml":
                dtd = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'.encode()
                xml = xml.replace(b"?>", b"?>" + dtd, 1).replace(b"MARK", b"&e;")
            target.writestr(name, xml)
    assert "SECRET" not in read(tmp_path / "b.docx").text
    assert read(tmp_path / "a.docx").text == "before MARK after"


# PDF


def write_pdf(
    file: Path, pages: list[list[Placed]], password: tuple[str, str] | None = None
) -> None:
    """Write a PDF by hand; ``password`` is (user, owner), encrypted with 40-bit RC4."""
    identifier = b"0123456789abcdef"
    key, entry = _encryption(*password, identifier) if password else (b"", b"")
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Courier/Encoding/WinAnsiEncoding>>",
        4: b"<</Type/Font/Subtype/Type0/BaseFont/KozMinPro/Encoding/UniJIS-UCS2-H"
        b"/DescendantFonts[<</Type/Font/Subtype/CIDFontType0/BaseFont/KozMinPro/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>"
        b"/FontDescriptor<</Type/FontDescriptor/FontName/KozMinPro/Flags 4>>>>]>>",
    }
    kids = []
    for page in pages:
        number = len(objects) + 2
        stream = b"".join(_show(*placed) for placed in page)
        if password:
            salt = struct.pack("<I", number + 1)[:3] + b"\0\0"
            stream = _rc4(hashlib.md5(key + salt).digest()[:10], stream)
        objects[number] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R"
            b"/Resources<</Font<</F 3 0 R/J 4 0 R>>>>>>" % (number + 1)
        )
        objects[number + 1] = b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream)
        kids.append(b"%d 0 R" % number)
    objects[2] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(kids))
    content = b"%PDF-1.4\n"
    offsets = {}
    for number in sorted(objects):
        offsets[number] = len(content)
        content += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    xref = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offsets[number] for number in sorted(objects))
    content += b"trailer<</Size %d/Root 1 0 R/ID[<%s><%s>]%s>>\nstartxref\n%d\n%%%%EOF" % (
        len(objects) + 1, identifier.hex().encode(), identifier.hex().encode(), entry, xref,
    )  # fmt: skip
    file.write_bytes(content)


def _show(x: float, y: float, size: float, text: str) -> bytes:
    if text.isascii():
        font, shown = b"F", b"(" + text.replace("(", "\\(").replace(")", "\\)").encode() + b")"
    else:
        font, shown = b"J", b"<" + text.encode("utf-16-be").hex().encode() + b">"
    return b"BT /%s %g Tf 1 0 0 1 %g %g Tm %s Tj ET\n" % (font, size, x, y, shown)


def _rc4(key: bytes, content: bytes) -> bytes:
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def _encryption(user: str, owner: str, identifier: bytes) -> tuple[bytes, bytes]:
    """Return key and trailer entry (PDF 1.4 reference, algorithms 3.2 to 3.4, revision 2)."""
    padding = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")
    padded_user, padded_owner = ((w.encode() + padding)[:32] for w in (user, owner))
    o = _rc4(hashlib.md5(padded_owner).digest()[:5], padded_user)
    key = hashlib.md5(padded_user + o + struct.pack("<i", -64) + identifier).digest()[:5]
    u = _rc4(key, padding)
    values = (o.hex().encode(), u.hex().encode())
    return key, b"/Encrypt<</Filter/Standard/V 1/R 2/P -64/O<%s>/U<%s>>>" % values


# Courier: every character is 0.6 em wide, so that 80 characters at 10 pt are 480 pt.
ENGLISH = [
    "The annual leave of a full-time employee is twenty days. It is granted in April",
    "and expires after two years. Whoever works part time receives a share in propor-",
    "tion to the hours. The self-",
]


def test_wrapped_english_lines_become_sentences_again(tmp_path: Path) -> None:
    lines = [(50.0, 700 - 12.0 * n, 10.0, line) for n, line in enumerate(ENGLISH)]
    lines[2] = (50.0, 676.0, 10.0, "tion to the hours.")
    lines.append((50.0, 664.0, 10.0, "Sick leave is another matter."))
    write_pdf(tmp_path / "a.pdf", [lines])
    assert read(tmp_path / "a.pdf").text == (
        "The annual leave of a full-time employee is twenty days. It is granted in April "
        "and expires after two years. Whoever works part time receives a share in proportion "
        "to the hours.\nSick leave is another matter."
    )


def test_wrapped_japanese_lines_are_joined_without_spaces(tmp_path: Path) -> None:
    rows = [
        "　年次有給休暇は、入社日から起算して六か月間継続勤務し、全労働日の八割以上出勤した者に与",
        "える。付与日数は10日とし、以後一年ごとに増やす。申請は取得日の三日前までに所属長へ提出する",
        "ものとする。",
        "　特別休暇は別に定める。",
    ]
    write_pdf(tmp_path / "a.pdf", [[(50, 700 - 18 * n, 10, row) for n, row in enumerate(rows)]])
    first, second = read(tmp_path / "a.pdf").text.split("\n")
    assert first == "".join(rows[:3]).strip()
    assert second == rows[3].strip()


def test_rows_and_list_items_of_a_pdf_keep_their_lines(tmp_path: Path) -> None:
    table = [("Kind", "Days"), ("Annual", "10"), ("Family", "12")]
    placed: list[Placed] = []
    for n, (kind, days) in enumerate(table):
        placed += [(50, 700 - 14 * n, 10, kind), (250, 700 - 14 * n, 10, days)]
    items = ["1. " + "word " * 15 + "end", "2. " + "word " * 15 + "end"]
    placed += [(50, 600 - 12 * n, 10, item) for n, item in enumerate(items)]
    write_pdf(tmp_path / "a.pdf", [placed])
    assert parts(read(tmp_path / "a.pdf")) == [
        ("table", "Kind\tDays\nAnnual\t10\nFamily\t12", ()),
        ("list", "\n".join(items), ()),
    ]


def test_a_pdf_cell_of_two_lines_stays_in_its_row(tmp_path: Path) -> None:
    page: list[Placed] = [
        (50, 700, 10, "Machine"), (150, 700, 10, "Group"), (250, 700, 10, "Protective"),
        (250, 688, 10, "equipment"),
        (50, 670, 10, "Damage to a"), (50, 658, 10, "machine"), (150, 670, 10, "M1"),
        (250, 670, 10, "Goggles"),
    ]  # fmt: skip
    write_pdf(tmp_path / "a.pdf", [page])
    assert [text for _, text, _ in parts(read(tmp_path / "a.pdf"))] == [
        "Machine\tGroup\tProtective equipment",
        "Damage to a\tM1\tGoggles",
        "machine",
    ]


def test_pdf_headings_pages_and_title(tmp_path: Path) -> None:
    body = "Plain text of the body that is long enough to be the usual type size."
    pages: list[list[Placed]] = [
        [(50, 700, 20, "Leave rules"), (50, 650, 10, body)],
        [(50, 700, 14, "Sick leave"), (50, 650, 10, body)],
    ]
    write_pdf(tmp_path / "a.pdf", pages)
    extract = read(tmp_path / "a.pdf")
    assert extract.title == "Leave rules"
    assert parts(extract) == [
        ("heading", "Leave rules", ()),
        ("paragraph", body, ("Leave rules",)),
        ("heading", "Sick leave", ("Leave rules",)),
        ("paragraph", body, ("Leave rules", "Sick leave")),
    ]
    assert extract.page_starts == (0, extract.text.index("Sick leave"))


def test_an_empty_page_keeps_its_number(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [[(50, 700, 10, "one")], [], [(50, 700, 10, "three")]])
    extract = read(tmp_path / "a.pdf")
    assert len(extract.page_starts) == 3
    assert extract.text[extract.page_starts[2] :] == "three"


def test_only_a_real_password_makes_a_pdf_encrypted(tmp_path: Path) -> None:
    page: list[Placed] = [(50, 700, 10, "Confidential")]
    write_pdf(tmp_path / "user.pdf", [page], password=("secret", "owner"))
    with pytest.raises(DocumentError, match="password") as caught:
        read(tmp_path / "user.pdf")
    assert caught.value.status == "encrypted"
    write_pdf(tmp_path / "owner.pdf", [page], password=("", "owner"))
    assert read(tmp_path / "owner.pdf").text == "Confidential"


def test_a_pdf_without_text_asks_for_ocr(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [[]])
    with pytest.raises(DocumentError, match="OCR") as caught:
        read(tmp_path / "a.pdf")
    assert caught.value.status == "no_text"


def test_a_file_that_is_no_pdf_fails_with_advice(tmp_path: Path) -> None:
    error = refusal(tmp_path, "a.pdf", b"not a pdf at all")
    assert error.status == "failed"
    assert "damaged or not a PDF" in str(error)


@needs_fixtures
def test_a_two_column_paper_reads_in_whole_sentences() -> None:
    text = read(FIXTURES / "documents" / "multi-column-2p.pdf").text
    for sentence in (
        "Open-domain question answering relies on efficient passage retrieval to select "
        "candidate contexts, where traditional sparse vector space models, such as TF-IDF or "
        "BM25, are the de facto method.",
        "our dense retriever outperforms a strong Lucene-BM25 system greatly by 9%-19% absolute",
    ):
        assert sentence in text


@needs_fixtures
def test_vertical_japanese_keeps_the_order_of_its_columns() -> None:
    assert read(FIXTURES / "documents" / "vertical.pdf").text.strip() == "日本語\n\nあいうえお"
