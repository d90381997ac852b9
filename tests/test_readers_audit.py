"""What reading sixty odd office documents found: each mend with the document that asked for it."""

import zipfile
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers import reader_for
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.outline import outline_level
from rag.readers.page_blocks import build_pages
from rag.readers.page_furniture import without_furigana, without_running_lines
from rag.readers.page_lines import Line
from rag.readers.page_paragraphs import paragraphs_of
from rag.readers.sheet_rows import add_sheet
from rag.readers.web import add_html
from rag.readers.word_numbering import Numbering

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def read(file: Path) -> Extract:
    return reader_for(file)(file)


def read_as(folder: Path, name: str, content: str | bytes) -> Extract:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(file)


def parts(extract: Extract) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks]


def relations(*entries: tuple[str, str, str]) -> str:
    return "<Relationships>{}</Relationships>".format(
        "".join(
            f'<Relationship Id="{name}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
            for name, kind, target in entries
        )
    )


# Word


def read_docx(folder: Path, body: str, numbering: str = "") -> Extract:
    with zipfile.ZipFile(folder / "a.docx", "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("_rels/.rels", relations(("d", "officeDocument", "word/document.xml")))
        package.writestr(
            "word/_rels/document.xml.rels", relations(("n", "numbering", "numbering.xml"))
        )
        package.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>',
        )
        package.writestr(
            "word/numbering.xml", f'<w:numbering xmlns:w="{WORD}">{numbering}</w:numbering>'
        )
    return read(folder / "a.docx")


def numbered(text: str, number: int, level: int) -> str:
    return (
        f'<w:p><w:pPr><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
        f"</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"
    )


def level(index: int, form: str, pattern: str, start: int = 1) -> str:
    return (
        f'<w:lvl w:ilvl="{index}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
    )


CONTRACT = (
    '<w:abstractNum w:abstractNumId="0">'
    + level(0, "decimal", "第%1条")
    + level(1, "decimalFullWidth", "%2　")
    + level(2, "aiueoFullWidth", "(%3)")
    + "</w:abstractNum>"
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0">'
    '<w:startOverride w:val="7"/></w:lvlOverride></w:num>'
)


def test_the_numbers_word_counts_stand_before_articles_and_paragraphs(tmp_path: Path) -> None:
    body = "".join(
        numbered(text, number, depth)
        for text, number, depth in (
            ("（目的）", 1, 0), ("委託する。", 1, 1), ("（報酬）", 1, 0), ("月額とする。", 1, 1),
            ("次による。", 1, 1), ("翌月末日", 1, 2), ("（附則）", 2, 0), ("（施行）", 2, 0),
        )
    )  # fmt: skip
    assert (
        read_docx(tmp_path, body, CONTRACT).text.split()
        == (
            "第1条 （目的） １ 委託する。 第2条 （報酬） １ 月額とする。 ２ 次による。 "
            "(ア) 翌月末日 第7条 （附則） 第8条 （施行）"
        ).split()
    )


def test_bullets_and_unknown_lists_get_no_number(tmp_path: Path) -> None:
    bullets = (
        '<w:abstractNum w:abstractNumId="0">' + level(0, "bullet", "\uf0b7") + "</w:abstractNum>"
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )
    body = numbered("点", 1, 0) + numbered("線", 9, 0)
    assert parts(read_docx(tmp_path, body, bullets)) == [("list", "点", ()), ("list", "線", ())]


@pytest.mark.parametrize(
    ("form", "start", "shown"),
    [
        ("upperRoman", 14, "XIV"),
        ("lowerLetter", 27, "aa"),
        ("japaneseCounting", 21, "二十一"),
        ("japaneseCounting", 110, "百十"),
        ("decimalZero", 7, "07"),
        ("decimalEnclosedCircle", 3, "③"),
        ("irohaFullWidth", 2, "ロ"),
        ("decimalEnclosedCircle", 21, "21"),
        ("upperLetter", 999_999, "999999"),
        ("hebrew1", 4, "4"),
    ],
)
def test_a_number_is_written_as_its_list_asks(form: str, start: int, shown: str) -> None:
    from lxml import etree

    numbering = (
        f'<w:numbering xmlns:w="{WORD}"><w:abstractNum w:abstractNumId="0">'
        + level(0, form, "%1", start)
        + '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
    )
    assert Numbering([etree.fromstring(numbering)]).label("1", "0", None) == shown


def test_a_cell_over_two_columns_does_not_shift_the_next_one(tmp_path: Path) -> None:
    cell = "<w:tc>{}<w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
    wide = cell.format('<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>', "区分")
    body = (
        f"<w:tbl><w:tr>{wide}{cell.format('', '料金')}</w:tr>"
        f"<w:tr>{''.join(cell.format('', text) for text in ('大人', '平日', '800円'))}</w:tr>"
        "</w:tbl>"
    )
    assert read_docx(tmp_path, body).text == "区分\t\t料金\n大人\t平日\t800円"


def test_raised_digits_do_not_change_a_number_and_boxes_are_seen(tmp_path: Path) -> None:
    raised = '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>{}</w:t></w:r>'
    body = (
        f"<w:p><w:r><w:t>10</w:t></w:r>{raised.format(6)}<w:r><w:t> m</w:t></w:r>{raised.format(2)}"
        '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r><w:r><w:t>同\u00ad意</w:t></w:r></w:p>'
    )
    assert read_docx(tmp_path, body).text == "10^6 m2☑同意"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("第１章　総則", 12),
        ("第2節 日当", 13),
        ("第三条（定義）", 15),
        ("第１条の２　（特例）", 15),
        ("附　則", 12),
        ("第１条　この規程は旅費について定める。", None),
        ("第１章　総則 ……… 3", None),
        ("第２章に定める手続", None),
        ("第１条（目的）に基づく申請", None),
    ],
)
def test_chapters_and_articles_are_headings_by_their_words(text: str, expected: int | None) -> None:
    assert outline_level(text) == expected


# Tables


def test_a_long_table_tells_its_columns_in_every_passage_and_a_short_one_stays_whole() -> None:
    rows = [f"A-{number:03}\tcartridge {number}" for number in range(40)]
    builder = ExtractBuilder()
    builder.add_heading("Prices", 1)
    builder.add_table(["Code\tItem", *rows])
    builder.add("paragraph", "VAT not included.")
    builder.add_table(["Code\tItem", *rows[:2]])
    assert [(kind, path) for kind, _, path in parts(builder.build())] == [
        ("heading", ()),
        ("heading", ("Prices",)),
        ("table", ("Prices", "Code, Item")),
        ("paragraph", ("Prices",)),
        ("table", ("Prices",)),
    ]


def test_a_long_table_without_names_has_no_header() -> None:
    builder = ExtractBuilder()
    builder.add_table([f"{number}\t2024-04-01\tapples and pears" for number in range(40)])
    assert [kind for kind, _, _ in parts(builder.build())] == ["table"]


# HTML


def shown(source: str) -> str:
    builder = ExtractBuilder()
    add_html(builder, source)
    return builder.build().text


def test_cells_over_rows_and_columns_keep_the_others_in_place() -> None:
    table = (
        "<table><tr><th>品<th>単価<th>数<tr><td rowspan=2>墨<td>1,500<td rowspan=3>2"
        "<tr><td>1,700<tr><td colspan=2>計<tr><td>a<td>b<td>c</table>"
    )
    assert shown(table) == "品\t単価\t数\n墨\t1,500\t2\n\t1,700\n計\na\tb\tc"


def test_raised_digits_stay_apart_from_digits_alone() -> None:
    assert shown("<p>10<sup>6</sup> m<sup>2</sup> in 2019<sup>3</sup>, 1<sup>st</sup>") == (
        "10^6 m2 in 2019^3, 1st"
    )


def test_headings_are_read_without_the_anchors_of_wikis() -> None:
    assert shown("<h1>Backup<a>¶</a></h1><h2>概要<span>[編集]</span></h2><h2>Plan [b]</h2>") == (
        "Backup\n\n概要\n\nPlan [b]"
    )


# PDF


def line(text: str, low: float, size: float = 10.0, start: float = 50.0) -> Line:
    return Line(text, start, start + size * len(text), low, low + size, size)


def test_headers_and_footers_that_return_stand_once_and_alike_headings_stay() -> None:
    pages = [
        [
            line(f"第{number}章 報告", 780, 16),
            line(f"重点項目{number}の予算は{number * 11}万円である。", 700),
            line("社外秘", 800),
            line(f"文書 QP-07\t{number} / 30", 20),
        ]
        for number in range(1, 5)
    ]
    kept = without_running_lines(pages, 10.0)
    assert kept[0] == pages[0]
    assert [[entry.text for entry in lines] for lines in kept[1:]] == [
        [f"第{number}章 報告", f"重点項目{number}の予算は{number * 11}万円である。"]
        for number in (2, 3, 4)
    ]


@pytest.mark.parametrize("footer", ["- {} -", "Page {} of 30", "{}", "文書番号 QP-07", "p. {}"])
def test_a_page_number_in_any_dress_returns(footer: str) -> None:
    pages = [[line(f"text {n * n}", 400), line(footer.format(n), 20)] for n in (1, 2, 3)]
    assert [len(lines) for lines in without_running_lines(pages, 10.0)] == [2, 1, 1]


def test_lines_on_two_pages_or_with_other_numbers_stay() -> None:
    pages = [[line("合計", 20), line(f"売上 {n}", 400)] for n in (5, 90)]
    assert without_running_lines(pages, 10.0) == pages
    pages = [[line(f"Total {n}", 20)] for n in (500, 720, 31)]
    assert without_running_lines(pages, 10.0) == pages


def test_furigana_and_the_gaps_it_makes_are_left_out() -> None:
    lines = [line("この要 領は、梢 原館", 692), line("ようりょう\tこずえはら", 702, 5, 60)]
    assert [entry.text for entry in without_furigana(lines)] == ["この要領は、梢原館"]
    apart = [line("この要 領", 692), line("ようりょう", 600, 5, 60)]
    assert without_furigana(apart) == apart


def test_entries_of_forms_and_numbered_sentences_are_not_joined() -> None:
    def texts(*lines: Line) -> list[str]:
        return [paragraph.text for paragraph in paragraphs_of(lines, frozenset())]

    form = ("お振込先：北海銀行札幌支店普通1234567", "お支払期限：2024年6月30日")
    assert texts(line(form[0], 700), line(form[1], 688)) == list(form)
    article = ("1 報酬は月額金五十万円（税別）とする。", "2 支払は次による。")
    assert texts(line(article[0], 700), line(article[1], 688)) == list(article)
    prose = ("次の訓練は参加者を全職員として六月と", "11月に行う。")
    assert texts(line(prose[0], 700), line(prose[1], 688)) == ["".join(prose)]


def test_articles_are_headings_and_points_in_large_type_are_none() -> None:
    lines = [
        line("第1条 （目的）", 700),
        line("これは委託に関する約束であり、甲と乙が守る。", 688),
        line("• Up 4%", 600, 20),
    ]
    assert parts(build_pages([lines])) == [
        ("heading", "第1条 （目的）", ()),
        ("paragraph", "これは委託に関する約束であり、甲と乙が守る。", ("第1条 （目的）",)),
        ("list", "• Up 4%", ("第1条 （目的）",)),
    ]


# Tables as text, sheets, calendars and cards


def test_the_header_of_a_csv_may_stand_below_its_title(tmp_path: Path) -> None:
    rows = "".join(f"脚立{number},{number},良好,\n" for number in range(1, 5))
    extract = read_as(tmp_path, "a.csv", f"点検記録\n点検者,山本\n\n品名,数量,状態,備考\n{rows}")
    assert [(kind, path) for kind, _, path in parts(extract)] == [
        ("table", ()),
        ("table", ()),
        ("heading", ()),
        *[("table", ("品名, 数量, 状態, 備考",))] * 4,
    ]


def test_a_csv_of_values_has_no_header_further_down(tmp_path: Path) -> None:
    extract = read_as(tmp_path, "a.csv", "1001,鉛筆,本\n注文,済,東京\n1002,墨,個\n")
    assert {kind for kind, _, _ in parts(extract)} == {"table"}


def test_repeated_parts_of_columns_are_a_second_row_of_names() -> None:
    rows: list[list[tuple[int, str]]] = [
        [(0, "支店"), (1, "上期"), (3, "下期"), (5, "合計")],
        [(1, "計画"), (2, "実績"), (3, "計画"), (4, "実績")],
        [(0, "札幌"), (1, "1200"), (2, "1150"), (3, "1300"), (4, "1410"), (5, "5060")],
        [(0, "仙台"), (1, "900"), (2, "1020"), (3, "950"), (4, "880"), (5, "3750")],
    ]
    builder = ExtractBuilder()
    add_sheet(builder, "売上", enumerate(rows))
    assert parts(builder.build())[-1][2] == (
        "売上",
        "支店, 上期, 下期, 合計",
        "計画, 実績, 計画, 実績",
    )


CALENDAR = """BEGIN:VCALENDAR\r
BEGIN:VTIMEZONE\r
TZID:Asia/Tokyo\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
DTSTART;TZID=Asia/Tokyo:20240610T140000\r
UID:abc123@example.com\r
SUMMARY:第3回運営委員会\r
DESCRIPTION:1. 予算案\\n2. 夏祭りの出店に\r
 ついて\\, その他\r
ATTENDEE;CN=佐藤花子:mailto:hanako@example.jp\r
BEGIN:VALARM\r
TRIGGER:-PT10M\r
END:VALARM\r
END:VEVENT\r
BEGIN:VEVENT\r
DTSTART;VALUE=DATE:20240720\r
SUMMARY:夏祭り\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_an_event_is_read_whole_under_its_name(tmp_path: Path) -> None:
    assert parts(read_as(tmp_path, "a.ics", CALENDAR)) == [
        ("heading", "第3回運営委員会", ()),
        (
            "paragraph",
            "DTSTART: 2024-06-10 14:00\nDESCRIPTION: 1. 予算案\n2. 夏祭りの出店について, その他\n"
            "ATTENDEE: 佐藤花子 <hanako@example.jp>",
            ("第3回運営委員会",),
        ),
        ("heading", "夏祭り", ()),
        ("paragraph", "DTSTART: 2024-07-20", ("夏祭り",)),
    ]


def test_the_japanese_of_a_phone_is_decoded_and_photos_are_left_out(tmp_path: Path) -> None:
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=B1=B1=E7=94="
        "\r\n=B0=E5=A4=AA\r\nTEL;CELL:090-1111-2222\r\nPHOTO;ENCODING=BASE64;JPEG:/9j/4AAQ\r\n SkZ"
        "\r\n\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:Jane\r\nORG:Acme\\, London;Sales\r\nEND:VCARD\r\n"
    )
    assert read_as(tmp_path, "a.vcf", card).text == (
        "山田太\n\nTEL: 090-1111-2222\n\nJane\n\nORG: Acme, London Sales"
    )


def test_text_boxes_and_comments_of_a_sheet_are_read(tmp_path: Path) -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    drawing = "http://schemas.openxmlformats.org/drawingml/2006/"
    members = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("d", "officeDocument", "xl/workbook.xml")),
        "xl/_rels/workbook.xml.rels": relations(("s", "worksheet", "sheet1.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="表" r:id="s"/></sheets></workbook>',
        "xl/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData/></worksheet>',
        "xl/_rels/sheet1.xml.rels": relations(
            ("d", "drawing", "drawing1.xml"), ("c", "comments", "comments1.xml")
        ),
        "xl/drawing1.xml": f'<x:wsDr xmlns:x="{drawing}spreadsheetDrawing" '
        f'xmlns:a="{drawing}main"><x:sp><x:txBody><a:p><a:r><a:t>至急</a:t></a:r><a:r><a:t>回覧'
        "</a:t></a:r></a:p><a:p/></x:txBody></x:sp></x:wsDr>",
        "xl/comments1.xml": f'<comments xmlns="{main}"><commentList><comment ref="B2"><text>'
        "<r><t>締切は</t></r><r><t>厳守</t></r></text></comment></commentList></comments>",
    }
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as package:
        for name, content in members.items():
            package.writestr(name, content)
    assert [(kind, text) for kind, text, _ in parts(read(tmp_path / "a.xlsx"))] == [
        ("paragraph", "至急回覧"),
        ("note", "B2: 締切は厳守"),
    ]


def test_chapters_that_only_the_contents_name_are_headings_and_stand_once(tmp_path: Path) -> None:
    page = "<html><body><p>{}</p><p>{}</p></body></html>"
    point = '<navPoint><navLabel><text>{}</text></navLabel><content src="{}"/></navPoint>'
    item = '<item id="{0}" href="{0}.xhtml" media-type="application/xhtml+xml"/>'
    members = {
        "mimetype": "application/epub+zip",
        "b.opf": f"<package><manifest>{item.format('a')}{item.format('b')}<item id='n' "
        "href='toc.ncx' media-type='application/x-dtbncx+xml'/></manifest><spine>"
        "<itemref idref='a'/><itemref idref='b'/></spine></package>",
        "toc.ncx": f"<ncx><navMap>{point.format('第一章 港', 'a.xhtml#x')}"
        f"{point.format('第二章 灯台', 'b.xhtml')}</navMap></ncx>",
        "a.xhtml": page.format("第一章　港", "港が開いた。"),
        "b.xhtml": page.format("翌年", "灯台が建った。"),
    }
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as package:
        for name, content in members.items():
            package.writestr(name, content)
    assert parts(read(tmp_path / "a.epub")) == [
        ("paragraph", "第一章　港", ("第一章 港",)),
        ("paragraph", "港が開いた。", ("第一章 港",)),
        ("heading", "第二章 灯台", ()),
        ("paragraph", "翌年", ("第二章 灯台",)),
        ("paragraph", "灯台が建った。", ("第二章 灯台",)),
    ]


def test_the_wrapper_of_outlook_is_told_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "winmail.dat").write_bytes(bytes.fromhex("789f3e22") + bytes(40))
    with pytest.raises(DocumentError, match="winmail"):
        reader_for(tmp_path / "winmail.dat")
