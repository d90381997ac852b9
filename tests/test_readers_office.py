"""Office readers: every kind of workbook, deck and text, built by hand, cell by cell."""

import struct
import zipfile
from pathlib import Path

import pytest

from rag.chunk import chunk_document
from rag.datatypes import Document
from rag.errors import DocumentError
from rag.readers import Extract, reader_for
from rag.readers.extract import ExtractBuilder
from rag.readers.number_format import BUILT_IN_FORMATS, plain_number, show_number
from rag.readers.sheet_rows import Row, add_sheet
from rag.readers.slide_layout import Shape, in_reading_order
from tests.compound import write_compound

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

TRANSITIONAL = "http://schemas.openxmlformats.org/{}/2006/{}"
STRICT = "http://purl.oclc.org/ooxml/{}/{}"
PACKAGE_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def read(file: Path) -> Extract:
    extract = reader_for(file)(file)
    ends = 0
    for block in extract.blocks:
        assert ends <= block.start < block.end <= len(extract.text)
        ends = block.end
    return extract


def parts(extract: Extract) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks]


def relations(*found: tuple[str, str, str], dialect: str = TRANSITIONAL) -> str:
    """Return a .rels part; ``found`` is id, kind and target."""
    entries = "".join(
        f'<Relationship Id="{identifier}" Type="{dialect.format("officeDocument", "relationships")}'
        f'/{kind}" Target="{target}"/>'
        for identifier, kind, target in found
    )
    return f'<Relationships xmlns="{PACKAGE_RELATIONS}">{entries}</Relationships>'


def write_zip(file: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)
    return file


# Numbers


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.1 + 0.2, "", "0.3"),
        (3.0, "", "3"),
        (1e20, "", "100000000000000000000"),
        (0.125, "0%", "13%"),
        (0.125, "0.0%", "12.5%"),
        (1234567, "#,##0", "1234567"),
        (1234567, "#,##0,", "1235"),
        (3, "0.00", "3.00"),
        (0.5, "#,##0.##", "0.5"),
        (42, "00000", "00042"),
        (1000001, "000\\-0000", "100-0001"),
        (600001, "[<=999]000;[<=9999]000\\-00;000\\-0000", "060-0001"),
        (10, '0"人"', "10人"),
        (10, 'General"円"', "10円"),
        (1200, '[$¥-411]#,##0;"▲"[$¥-411]#,##0', "¥1200"),
        (-1200, '#,##0;"▲"#,##0', "▲1200"),
        (0, '#,##0;-#,##0;"-"', "-"),
        (0, '_ * #,##0_ ;_ * -#,##0_ ;_ * "-"??_ ;_ @_ ', "-"),
        (-5, "0_);[Red]\\(0\\)", "(5)"),
        (0.5, "# ?/?", "0.5"),
        (12345, "0.00E+00", "12345"),
    ],
)
def test_a_number_is_shown_as_its_format_asks(value: float, code: str, shown: str) -> None:
    assert show_number(value, code) == shown


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (45383, "yyyy/m/d", "2024-04-01"),
        (45383, '[$-411]ggge"年"m"月"d"日";@', "2024-04-01"),
        (45383, BUILT_IN_FORMATS[57], "2024-04-01"),
        (45383, 'yyyy"年"m"月"', "2024-04"),
        (45383.5, "yyyy/m/d h:mm", "2024-04-01 12:00"),
        (0.40625, "h:mm", "9:45"),
        (0.40625, "hh:mm:ss", "09:45"),
        (1.5, "[h]:mm", "36:00"),
        (61, "yyyy/m/d", "1900-03-01"),
        (59, "yyyy/m/d", "1900-02-28"),
        (-1, "yyyy/m/d", "-1"),
        (1e9, "yyyy/m/d", "1000000000"),
    ],
)
def test_dates_and_times_are_shown_in_iso(value: float, code: str, shown: str) -> None:
    assert show_number(value, code) == shown


def test_dates_of_old_mac_workbooks_count_from_1904() -> None:
    assert show_number(43921, "yyyy/m/d", starts_1904=True) == "2024-04-01"


def test_what_is_no_number_passes_through() -> None:
    assert plain_number(float("inf")) == "Infinity"
    assert show_number(float("nan"), "0.0") == "NaN"


# Rows


def sheet(*rows: str, name: str = "表") -> list[tuple[str, str, tuple[str, ...]]]:
    """Lay out rows whose cells are separated by ``|``; an empty string is a blank row."""
    builder = ExtractBuilder()
    sparse: list[Row] = [
        (number, [(column, cell) for column, cell in enumerate(row.split("|")) if cell])
        for number, row in enumerate(rows)
    ]
    add_sheet(builder, name, sparse)
    return parts(builder.build())


def test_rows_stand_under_the_names_of_their_columns() -> None:
    assert sheet("社員番号|氏名", "0042|田中", "|鈴木") == [
        ("heading", "表", ()),
        ("heading", "社員番号, 氏名", ("表",)),
        ("table", "0042\t田中\n\t鈴木", ("表", "社員番号, 氏名")),
    ]


def test_a_passage_from_the_middle_of_a_table_still_tells_its_columns() -> None:
    builder = ExtractBuilder()
    rows: list[Row] = [(0, [(0, "番号"), (1, "氏名")])]
    rows += [(n, [(0, str(n)), (1, "田中太郎")]) for n in range(1, 100)]
    add_sheet(builder, "名簿", rows)
    extract = builder.build()
    document = Document("a.xlsx", extract.text, "", extract.blocks, extract.page_starts)
    chunks = chunk_document(document, 60, 0, len)
    assert len(chunks) > 10
    assert {chunk.heading for chunk in chunks[1:]} == {"名簿 > 番号, 氏名"}
    assert all(line.endswith("田中太郎") for c in chunks[1:] for line in c.text.splitlines())


def test_each_table_of_a_sheet_has_its_own_header_and_caption() -> None:
    rows = (
        "社員名簿",
        "",
        "営業部",
        "番号|氏名",
        "1|田中",
        "",
        "Item|Price",
        "Pen|120",
        "",
        "以上",
    )
    assert sheet(*rows) == [
        ("heading", "表", ()),
        ("heading", "社員名簿", ("表",)),
        ("heading", "営業部", ("表", "社員名簿")),
        ("heading", "番号, 氏名", ("表", "社員名簿", "営業部")),
        ("table", "1\t田中", ("表", "社員名簿", "営業部", "番号, 氏名")),
        ("heading", "Item, Price", ("表", "社員名簿")),
        ("table", "Pen\t120", ("表", "社員名簿", "Item, Price")),
        ("paragraph", "以上", ("表", "社員名簿", "Item, Price")),
    ]


def test_rows_after_a_blank_one_without_names_keep_the_header_above() -> None:
    assert sheet("a|b", "1|2", "", "3|4")[-1] == ("table", "3\t4", ("表", "a, b"))


def test_a_header_in_two_rows_becomes_two_headings() -> None:
    grouped = sheet("地域||人口", "番号|名称|男|女", "1|札幌|90|95")
    assert grouped[-1] == ("table", "1\t札幌\t90\t95", ("表", "地域, 人口", "番号, 名称, 男, 女"))
    divided = sheet("No|氏名|連絡先", "||電話|メール", "1|田中|03|a@b")
    assert divided[-1] == ("table", "1\t田中\t03\ta@b", ("表", "No, 氏名, 連絡先", "電話, メール"))


@pytest.mark.parametrize("first", ["1|2", "田中|2024-04-01", "a|a", "a|12.5%", "only one"])
def test_a_row_of_values_is_no_header(first: str) -> None:
    assert [kind for kind, _, _ in sheet(first, "x|9")].count("heading") == 1 + ("|" not in first)


def test_months_and_years_name_columns() -> None:
    assert sheet("|4月|5月", "売上|10|20")[1] == ("heading", "4月, 5月", ("表",))
    assert sheet("項目|2023|2024", "売上|10|20")[1] == ("heading", "項目, 2023, 2024", ("表",))


def test_prose_in_a_sheet_is_no_heading() -> None:
    assert sheet("この表は毎月更新する。", "", "※ 税込", "", "a|b", "1|2")[:3] == [
        ("heading", "表", ()),
        ("paragraph", "この表は毎月更新する。", ("表",)),
        ("paragraph", "※ 税込", ("表",)),
    ]


def test_a_far_cell_costs_one_tab_and_a_near_gap_keeps_its_columns() -> None:
    builder = ExtractBuilder()
    add_sheet(builder, "s", [(1, [(0, "1"), (3, "2"), (16_383, "3")])])
    assert builder.build().text == "s\n\n1\t\t\t2\t3"


def test_an_empty_sheet_is_a_page_without_text() -> None:
    builder = ExtractBuilder()
    add_sheet(builder, "Sheet1", [])
    add_sheet(builder, "Sheet2", [(1, [(0, "x")])])
    extract = builder.build()
    assert extract.text == "Sheet2\n\nx"
    assert extract.page_starts == (0, 0)


# Excel


def write_xlsx(
    file: Path,
    *sheets: tuple[str, str],
    strings: str = "",
    styles: str = "",
    dialect: str = TRANSITIONAL,
    more: dict[str, str | bytes] | None = None,
) -> Path:
    """Write a workbook; ``sheets`` is attributes of the sheet and XML of its rows."""
    main = dialect.format("spreadsheetml", "main")
    links = dialect.format("officeDocument", "relationships")
    linked = [(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(len(sheets))]
    entries = "".join(
        f'<sheet {attributes} sheetId="{n + 1}" r:id="r{n}"/>'
        for n, (attributes, _) in enumerate(sheets)
    )
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("d", "officeDocument", "/xl/workbook.xml"), dialect=dialect),
        "xl/_rels/workbook.xml.rels": relations(
            *linked,
            ("s", "sharedStrings", "sharedStrings.xml"),
            ("t", "styles", "styles.xml"),
            dialect=dialect,
        ),
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets>{entries}</sheets>'
        "</workbook>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{strings}</sst>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}">{styles}</styleSheet>',
    }
    for n, (_, rows) in enumerate(sheets):
        members[f"xl/worksheets/sheet{n}.xml"] = (
            f'<worksheet xmlns="{main}"><dimension ref="A1:XFD1048576"/>'
            f"<sheetData>{rows}</sheetData></worksheet>"
        )
    return write_zip(file, members | (more or {}))


def test_cells_of_every_type_are_read_as_a_person_sees_them(tmp_path: Path) -> None:
    strings = (
        "<si><t>氏名</t></si><si><r><t>入</t></r><r><t>社日</t></r>"
        "<rPh><t>ニュウシャビ</t></rPh></si>"
        "<si><t>改_x000D_\n行</t></si>"
    )
    styles = (
        '<numFmts><numFmt numFmtId="164" '
        'formatCode="yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;"/>'
        '</numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="9"/></cellXfs>'
    )
    rows = (
        '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>'
        '<c r="C1" t="s"><v>2</v></c></row>'
        '<row r="2"><c r="A2" t="inlineStr"><is><t>007</t></is></c><c r="B2" s="1"><v>45383</v></c>'
        '<c r="C2" s="2"><v>0.5</v></c></row>'
        '<row><c t="b"><v>1</v></c><c t="e"><v>#REF!</v></c><c t="str"><f>A1</f><v>計</v></c></row>'
        '<row r="4" hidden="1"><c r="A4"><v>3.0</v></c><c r="C4" s="1"/></row>'
        '<row r="5"><c r="A5" t="d"><v>2024-04-01T00:00:00</v></c>'
        '<c r="C5"><f>1/3</f><v>0.30000000000000004</v></c></row>'
    )
    file = write_xlsx(tmp_path / "a.xlsx", ('name="台帳"', rows), strings=strings, styles=styles)
    extract = read(file)
    header = ("台帳", "氏名, 入社日, 改 行")
    assert parts(extract)[2:] == [
        ("table", "007\t2024-04-01\t50%\nTRUE\t#REF!\t計\n3\n2024-04-01\t\t0.3", header)
    ]
    assert extract.remark == ""


def test_sheets_are_pages_and_hidden_ones_are_read(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1"><v>{}</v></c><c r="B1"><v>0</v></c></row>'
    sheets = [('name="一"', row.format(1)), ('name="二" state="veryHidden"', row.format(2))]
    extract = read(write_xlsx(tmp_path / "a.xlsm", *sheets))
    assert extract.text == "一\n\n1\t0\n\n二\n\n2\t0"
    assert extract.page_starts == (0, extract.text.index("二"))


def test_formulas_without_a_stored_value_are_told(tmp_path: Path) -> None:
    cell = '<c r="{0}1"><f>1+1</f>{1}</c>'
    rows = f"<row>{cell.format('A', '<v>2</v>')}{cell.format('B', '')}{cell.format('C', '')}</row>"
    extract = read(write_xlsx(tmp_path / "a.xlsx", ('name="s"', rows)))
    assert extract.text == "s\n\n2"
    assert extract.remark == (
        "2 formulas have no stored value; open and save the file in a spreadsheet program."
    )
    rows = f"<row>{cell.format('A', '')}</row>"
    with pytest.raises(DocumentError, match="1 formula has no stored value") as caught:
        read(write_xlsx(tmp_path / "b.xlsx", ('name="s"', rows)))
    assert caught.value.status == "no_text"


def test_an_inflated_range_and_a_far_cell_cost_nothing(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row>' + '<row r="2" spans="1:16384"/>' * 50_000
    rows += '<row r="1048576"><c r="XFD1048576"><v>3</v></c></row>'
    assert read(write_xlsx(tmp_path / "a.xlsx", ('name="s"', rows))).text == "s\n\n1\n\n3"


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    rows = '<row><c t="s"><v>0</v></c><c s="1"><v>45383</v></c></row>'
    strings = "<si><t>日付</t></si>"
    file = write_xlsx(
        tmp_path / "a.xlsx", ('name="s"', rows), strings=strings, styles=styles, dialect=STRICT
    )
    assert read(file).text == "s\n\n日付\t2024-04-01"


def biff(*records: tuple[int, bytes]) -> bytes:
    """Return an Excel 2 workbook: BOF, records, EOF."""
    stream = [(0x0009, struct.pack("<HH", 2, 0x10)), *records, (0x000A, b"")]
    return b"".join(struct.pack("<HH", kind, len(body)) + body for kind, body in stream)


def biff_text(row: int, column: int, text: str) -> tuple[int, bytes]:
    body = text.encode("cp932")
    return 0x0004, struct.pack("<HH3xB", row, column, len(body)) + body


def test_an_old_workbook_is_read_in_its_code_page(tmp_path: Path) -> None:
    records = [(0x0042, struct.pack("<H", 932))]
    records += [biff_text(0, 0, "品名"), biff_text(0, 1, "単価"), biff_text(1, 0, "鉛筆")]
    records += [(0x0003, struct.pack("<HH3xd", 1, 1, 120.0))]
    (tmp_path / "a.xls").write_bytes(biff(*records))
    assert parts(read(tmp_path / "a.xls"))[-1][1:] == ("鉛筆\t120", ("Sheet 1", "品名, 単価"))


def test_an_old_workbook_with_a_password_is_encrypted(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(biff((0x002F, bytes(4)), biff_text(0, 0, "x")))
    with pytest.raises(DocumentError, match="password") as caught:
        read(tmp_path / "a.xls")
    assert caught.value.status == "encrypted"


# Compound files and packages of another kind


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
def test_a_compound_file_under_a_new_suffix_is_encrypted_or_old(tmp_path: Path, name: str) -> None:
    magic = bytes.fromhex("d0cf11e0a1b11ae1")
    for stream, status in (
        ("EncryptedPackage", "encrypted"),
        ("Workbook", "unsupported"),
        ("", "failed"),
    ):
        (tmp_path / name).write_bytes(magic + stream.encode("utf-16-le"))
        with pytest.raises(DocumentError) as caught:
            read(tmp_path / name)
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("name", "kind"), [("a.pptx", "a PowerPoint presentation"), ("a.xlsx", "an Excel workbook")]
)
def test_a_package_without_a_document_fails_with_its_kind(
    tmp_path: Path, name: str, kind: str
) -> None:
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(),
    }
    with pytest.raises(DocumentError, match=f"damaged or not {kind}") as caught:
        read(write_zip(tmp_path / name, members))
    assert caught.value.status == "failed"


# PowerPoint


def box(x: int, y: int, *paragraphs: str, placeholder: str = "", height: int = 10) -> str:
    """Return a shape; ``paragraphs`` are text, or XML of a paragraph's inside."""
    body = "".join(
        f"<a:p>{text if text.startswith('<') else f'<a:r><a:t>{text}</a:t></a:r>'}</a:p>"
        for text in paragraphs
    )
    frame = (
        f'<a:xfrm><a:off x="{x}" y="{y}"/><a:ext cx="10" cy="{height}"/></a:xfrm>' if x >= 0 else ""
    )
    return (
        f"<p:sp><p:nvSpPr><p:cNvPr/><p:cNvSpPr/><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr>"
        f"<p:spPr>{frame}</p:spPr><p:txBody>{body}</p:txBody></p:sp>"
    )


def slide(dialect: str, shapes: str, root: str = "sld") -> str:
    names = {"p": "presentationml", "a": "drawingml"}
    spaces = "".join(f' xmlns:{p}="{dialect.format(n, "main")}"' for p, n in names.items())
    spaces += f' xmlns:r="{dialect.format("officeDocument", "relationships")}"'
    return f"<p:{root}{spaces}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{root}>"


def write_pptx(
    file: Path,
    *slides: str,
    dialect: str = TRANSITIONAL,
    linked: tuple[tuple[str, str, str], ...] = (),
    more: dict[str, str | bytes] | None = None,
) -> Path:
    """Write a presentation; ``linked`` are the relations of its first slide."""
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n in range(len(slides)))
    targets = [(f"r{n}", "slide", f"slides/slide{n}.xml") for n in range(len(slides))]
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("d", "officeDocument", "ppt/presentation.xml"), dialect=dialect),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="'
        f'{dialect.format("presentationml", "main")}" xmlns:r="'
        f'{dialect.format("officeDocument", "relationships")}"><p:sldIdLst>{listed}</p:sldIdLst>'
        "</p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(*targets, dialect=dialect),
        "ppt/slides/_rels/slide0.xml.rels": relations(*linked, dialect=dialect),
    }
    for n, shapes in enumerate(slides):
        members[f"ppt/slides/slide{n}.xml"] = slide(dialect, shapes)
    return write_zip(file, members | (more or {}))


@pytest.mark.parametrize("dialect", [TRANSITIONAL, STRICT], ids=["transitional", "strict"])
def test_slides_read_top_to_bottom_then_left_to_right(tmp_path: Path, dialect: str) -> None:
    frame = "<a:xfrm><a:off x='0' y='40'/><a:ext cx='9' cy='9'/></a:xfrm>"
    members = box(5, 9, "群二") + box(1, 1, "群一")
    group = f"<p:grpSp><p:grpSpPr>{frame}</p:grpSpPr>{members}</p:grpSp>"
    first = "".join([
        box(0, 60, "下"), group, box(50, 21, "右"), box(0, 20, "左"),
        box(0, 90, "1", placeholder='<p:ph type="sldNum"/>'),
        box(0, 80, "四半期報告", placeholder='<p:ph type="title"/>'),
    ])  # fmt: skip
    extract = read(write_pptx(tmp_path / "a.pptx", first, box(0, 0, "題なし"), dialect=dialect))
    assert extract.title == "四半期報告"
    assert [(text, path) for _, text, path in parts(extract)] == [
        ("四半期報告", ()),
        *[(text, ("四半期報告",)) for text in ("左", "右", "群一", "群二", "下")],
        ("題なし", ()),
    ]
    assert extract.page_starts == (0, extract.text.index("題なし"))


def test_two_boxes_beside_a_tall_one_are_two_rows() -> None:
    shapes = [Shape(9, 6, 4, "right below"), Shape(9, 0, 4, "right above"), Shape(0, 0, 10, "left")]
    assert list(in_reading_order(shapes)) == ["left", "right above", "right below"]


def test_bullets_breaks_tables_and_notes_of_a_slide(tmp_path: Path) -> None:
    run = "<a:r><a:t>{}</a:t></a:r>"
    plain = f"<a:pPr><a:buNone/></a:pPr>{run.format('地')}<a:br/>{run.format('文')}"
    body = box(0, 10, "一つ", plain, placeholder='<p:ph idx="1"/>')
    table = (
        "<p:graphicFrame><p:xfrm><a:off x='0' y='50'/></p:xfrm><a:graphic><a:graphicData><a:tbl>"
        "<a:tr><a:tc gridSpan='2'><a:txBody><a:p><a:r><a:t>種別</a:t></a:r></a:p></a:txBody></a:tc>"
        "<a:tc hMerge='1'><a:txBody><a:p/></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r>"
        "<a:t>年次</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>10日</a:t></a:r>"
        "</a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    )
    title = box(0, 0, "休暇", placeholder='<p:ph type="ctrTitle"/>')
    notes = box(0, 0, "口頭で補足", placeholder='<p:ph type="body" idx="1"/>')
    notes += box(0, 0, "12", placeholder='<p:ph type="sldNum" idx="2"/>')
    file = write_pptx(
        tmp_path / "a.ppsx",
        table + body + title,
        linked=(("n", "notesSlide", "../notesSlides/n.xml"),),
        more={"ppt/notesSlides/n.xml": slide(TRANSITIONAL, notes, "notes")},
    )
    assert parts(read(file)) == [
        ("heading", "休暇", ()),
        ("list", "一つ", ("休暇",)),
        ("paragraph", "地\n文", ("休暇",)),
        ("table", "種別\n年次\t10日", ("休暇",)),
        ("note", "口頭で補足", ("休暇",)),
    ]


def test_a_placeholder_stands_where_its_layout_puts_it(tmp_path: Path) -> None:
    body = box(-1, -1, "本文", placeholder='<p:ph type="body" idx="7"/>')
    layout = box(0, 100, placeholder='<p:ph type="body" idx="7"/>')
    file = write_pptx(
        tmp_path / "a.pptx",
        body + box(0, 50, "上の箱"),
        linked=(("l", "slideLayout", "../slideLayouts/l.xml"),),
        more={"ppt/slideLayouts/l.xml": slide(TRANSITIONAL, layout, "sldLayout")},
    )
    assert read(file).text == "上の箱\n\n本文"


def test_a_chart_is_a_table_and_its_workbook_no_second_document(tmp_path: Path) -> None:
    space = TRANSITIONAL.format("drawingml", "chart")
    frame = (
        f"<p:graphicFrame><a:graphic><a:graphicData><c:chart xmlns:c='{space}' r:id='c'/>"
        "</a:graphicData></a:graphic></p:graphicFrame>"
    )
    points = "<c:pt idx='{}'><c:v>{}</c:v></c:pt>"
    drawing = TRANSITIONAL.format("drawingml", "main")
    chart = (
        f"<c:chartSpace xmlns:c='{space}' xmlns:a='{drawing}'><c:chart>"
        "<c:title><c:tx><c:rich><a:p><a:r><a:t>売上</a:t></a:r></a:p></c:rich></c:tx></c:title>"
        "<c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache>" + points.format(0, "本店")
        + "</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache>" + points.format(0, "4月")
        + points.format(1, "5月") + "</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>"
        "<c:formatCode>0%</c:formatCode>" + points.format(1, "0.25") + "</c:numCache></c:numRef>"
        "</c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"
    )  # fmt: skip
    file = write_pptx(
        tmp_path / "a.pptx",
        frame,
        linked=(("c", "chart", "../charts/c.xml"),),
        more={
            "ppt/charts/c.xml": chart,
            "ppt/charts/_rels/c.xml.rels": relations(("w", "package", "../embeddings/w.xlsx")),
            "ppt/embeddings/w.xlsx": b"chart",
            "ppt/embeddings/other.xlsx": b"other",
        },
    )
    extract = read(file)
    assert extract.text == "売上\n\n\t本店\n4月\t\n5月\t25%"
    assert [(part.name, part.content) for part in extract.parts] == [("other.xlsx", b"other")]


# Word


def write_docx(
    file: Path,
    body: str,
    *,
    dialect: str = TRANSITIONAL,
    linked: tuple[tuple[str, str, str], ...] = (),
    more: dict[str, str | bytes] | None = None,
) -> Path:
    main = dialect.format("wordprocessingml", "main")
    members: dict[str, str | bytes] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("d", "officeDocument", "word/document.xml"), dialect=dialect),
        "word/_rels/document.xml.rels": relations(*linked, dialect=dialect),
        "word/document.xml": f'<w:document xmlns:w="{main}"><w:body>{body}</w:body></w:document>',
    }
    for name, content in (more or {}).items():
        members[name] = content.replace("W_MAIN", main) if isinstance(content, str) else content
    return write_zip(file, members)


def test_strict_documents_are_read_with_styles_and_notes(tmp_path: Path) -> None:
    styles = (
        '<w:styles xmlns:w="W_MAIN"><w:style w:type="paragraph" w:styleId="1">'
        '<w:name w:val="heading 1"/>'
        "</w:style></w:styles>"
    )
    notes = (
        '<w:footnotes xmlns:w="W_MAIN"><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>労働基準法第39条</w:t></w:r></w:p></w:footnote>'
        "</w:footnotes>"
    )
    body = (
        '<w:p><w:pPr><w:pStyle w:val="1"/></w:pPr><w:r><w:t>休暇</w:t></w:r></w:p><w:p><w:r><w:t>'
        '十日とする</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r></w:p><w:p><w:r><w:t>以上'
        '</w:t></w:r><w:del><w:r><w:footnoteReference w:id="0"/></w:r></w:del></w:p>'
    )  # fmt: skip
    file = write_docx(
        tmp_path / "a.docx",
        body,
        dialect=STRICT,
        linked=(("s", "styles", "styles.xml"), ("f", "footnotes", "footnotes.xml")),
        more={"word/styles.xml": styles, "word/footnotes.xml": notes},
    )
    assert parts(read(file)) == [
        ("heading", "休暇", ()),
        ("paragraph", "十日とする", ("休暇",)),
        ("note", "労働基準法第39条", ("休暇",)),
        ("paragraph", "以上", ("休暇",)),
    ]


def test_embedded_files_become_parts_one_at_a_time(tmp_path: Path) -> None:
    more: dict[str, str | bytes] = {
        "word/embeddings/Microsoft_Excel_Sheet.xlsx": b"PK sheet",
        "word/embeddings/oleObject1.bin": b"no compound file",
        "word/embeddings/oleObject2.bin": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(100),
        "word/media/image1.png": b"png",
    }
    extract = read(write_docx(tmp_path / "a.docm", "<w:p/>", more=more))
    assert [part.name for part in extract.parts] == ["Microsoft_Excel_Sheet.xlsx"]


def test_files_wrapped_by_ole_are_unwrapped(tmp_path: Path) -> None:
    types = "<x>spreadsheetml.sheet</x>"
    write_zip(tmp_path / "book.xlsx", {"[Content_Types].xml": types})
    book = (tmp_path / "book.xlsx").read_bytes()
    label, path = "見積.pdf".encode("cp932") + b"\0", b"C:\\a.pdf\0"
    native = bytes(6) + label + path + bytes(4) + struct.pack("<I", len(path)) + path
    pdf = b"%PDF"
    containers = {
        "oleObject1.bin": {"Package": book},
        "oleObject2.bin": {"\1Ole10Native": native + struct.pack("<I", len(pdf)) + pdf},
        "oleObject3.bin": {"Workbook": b"BIFF"},
        "oleObject4.bin": {"Equation Native": b"x = 1"},
        "oleObject5.bin": {"\1Ole10Native": native + struct.pack("<I", len(pdf) + 1) + pdf},
    }
    more: dict[str, str | bytes] = {}
    for name, streams in containers.items():
        write_compound(tmp_path / name, streams)
        more[f"word/embeddings/{name}"] = (tmp_path / name).read_bytes()
    found = list(read(write_docx(tmp_path / "a.docx", "<w:p/>", more=more)).parts)
    assert [part.name for part in found] == ["oleObject1.xlsx", "見積.pdf", "oleObject3.xls"]
    assert [part.content for part in found[:2]] == [book, pdf]


# OpenDocument

ODF_SPACES = "".join(
    f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {
        "office": "office", "text": "text", "table": "table", "draw": "drawing", "style": "style",
        "presentation": "presentation", "svg": "svg-compatible",
    }.items()
)  # fmt: skip


def write_odf(file: Path, kind: str, content: str, styles: str = "", manifest: str = "") -> Path:
    members: dict[str, str | bytes] = {
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
        "content.xml": f"<office:document-content{ODF_SPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{content}</office:{kind}>"
        "</office:body></office:document-content>",
    }
    return write_zip(file, members)


def test_odt_keeps_headings_lists_tables_notes_and_leaves_out_deletions(tmp_path: Path) -> None:
    content = """<text:tracked-changes><text:changed-region><text:deletion><text:p>削除</text:p>
    </text:deletion></text:changed-region></text:tracked-changes>
    <text:p text:style-name="P1">就業規則</text:p><text:h text:outline-level="1">休暇</text:h>
    <text:p>年次<text:s text:c="2"/>有給<text:span>休<text:ruby><text:ruby-base>暇</text:ruby-base>
    <text:ruby-text>か</text:ruby-text></text:ruby></text:span><text:note><text:note-citation>1
    </text:note-citation><text:note-body><text:p>第39条</text:p></text:note-body></text:note>は
    十日<office:annotation><text:p>要確認</text:p></office:annotation></text:p>
    <text:list><text:list-item><text:p>繰越可</text:p><text:list><text:list-item><text:p>半日可</text:p>
    </text:list-item></text:list></text:list-item></text:list>
    <table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>種別</text:p>
    </table:table-cell><table:table-cell><text:p>日数</text:p></table:table-cell></table:table-row>
    </table:table-header-rows><table:table-row><table:table-cell><text:p>年次</text:p></table:table-cell>
    <table:table-cell><text:p>10</text:p><text:p>日</text:p></table:table-cell></table:table-row>
    </table:table>
    <text:p>外<draw:frame><draw:text-box><text:p>箱</text:p></draw:text-box></draw:frame></text:p>"""
    styles = '<style:style style:name="P1" style:parent-style-name="Title"/>'
    extract = read(write_odf(tmp_path / "a.odt", "text", content, styles))
    path = ("就業規則", "休暇")
    assert extract.title == "就業規則"
    assert parts(extract) == [
        ("heading", "就業規則", ()),
        ("heading", "休暇", ("就業規則",)),
        ("paragraph", "年次  有給休暇 は 十日", path),
        ("note", "第39条", path),
        ("note", "要確認", path),
        ("list", "繰越可", path),
        ("list", "半日可", path),
        ("table", "種別\t日数\n年次\t10 日", path),
        ("paragraph", "外", path),
        ("paragraph", "箱", path),
    ]


def test_ods_repeats_filled_cells_and_not_blank_ones(tmp_path: Path) -> None:
    cell = "<table:table-cell {}><text:p>{}</text:p></table:table-cell>"
    row = "<table:table-row {}>{}</table:table-row>"
    blank = '<table:table-cell table:number-columns-repeated="16384"/>'
    content = '<table:table table:name="表">' + "".join([
        row.format("", cell.format("", "品名") + cell.format("", "単価") + cell.format("", "日付")),
        row.format('table:number-rows-repeated="2"', cell.format("", "鉛筆")
            + cell.format('office:value-type="float" office:value="1200"', "1,200")
            + cell.format('office:value-type="date" office:date-value="2024-04-01"', "4月1日")
            + blank),
        row.format('table:number-rows-repeated="1048570"', blank),
        row.format("", cell.format('table:number-columns-repeated="2"', "末")),
    ]) + '</table:table><table:table table:name="空"/>'  # fmt: skip
    extract = read(write_odf(tmp_path / "a.ods", "spreadsheet", content))
    header = ("表", "品名, 単価, 日付")
    assert parts(extract)[2:] == [
        ("table", "鉛筆\t1200\t2024-04-01\n鉛筆\t1200\t2024-04-01", header),
        ("table", "末\t末", header),
    ]
    assert len(extract.page_starts) == 2


def test_odp_slides_have_titles_order_and_notes(tmp_path: Path) -> None:
    frame = (
        '<draw:frame svg:x="{}cm" svg:y="{}cm" svg:height="2cm" presentation:class="{}">'
        "<draw:text-box>{}</draw:text-box></draw:frame>"
    )
    bullets = "<text:list><text:list-item><text:p>要点</text:p></text:list-item></text:list>"
    content = (
        "<draw:page>" + frame.format(9, 5, "", "<text:p>右</text:p>")
        + frame.format(1, 5.2, "outline", bullets)
        + frame.format(0, 18, "footer", "<text:p>7</text:p>")
        + frame.format(0, 9, "title", "<text:p>報告</text:p>") + "<presentation:notes>"
        + frame.format(0, 0, "notes", "<text:p>補足</text:p>") + "</presentation:notes></draw:page>"
        "<draw:page><draw:custom-shape><text:p>Second</text:p></draw:custom-shape></draw:page>"
    )  # fmt: skip
    extract = read(write_odf(tmp_path / "a.odp", "presentation", content))
    assert extract.title == "報告"
    assert parts(extract) == [
        ("heading", "報告", ()),
        ("list", "要点", ("報告",)),
        ("paragraph", "右", ("報告",)),
        ("note", "補足", ("報告",)),
        ("paragraph", "Second", ()),
    ]


@pytest.mark.parametrize(("suffix", "kind"), [("odt", "text"), ("ods", "spreadsheet")])
def test_an_open_document_with_a_password_is_encrypted(
    tmp_path: Path, suffix: str, kind: str
) -> None:
    file = tmp_path / f"a.{suffix}"
    with pytest.raises(DocumentError, match="password") as caught:
        read(write_odf(file, kind, "", manifest="<manifest:encryption-data/>"))
    assert caught.value.status == "encrypted"
    assert read(write_odf(file, kind, "")).text == ""


# Real files


@needs_fixtures
@pytest.mark.parametrize(
    ("name", "phrase"),
    [
        ("test.xls", "Alpha, Beta, Gamma, Delta"),
        ("science-exploration-1p.pptx", "Code 610: Earth Sciences Division"),
        ("powerpoint_bad_text.pptx", "standard content template collection"),
        ("fake-power-point-malformed.pptx", "Test Slide"),
        ("docx-tables.docx", "Header Col 1\tHeader Col 2"),
        ("491-3-1_POIコード表.xlsx", "大分類, POI, 解説"),
    ],
)
def test_real_office_files_are_read(name: str, phrase: str) -> None:
    assert phrase in read(FIXTURES / name).text


@needs_fixtures
def test_an_archive_in_a_document_is_handed_out() -> None:
    extract = read(FIXTURES / "test_recursive_embedded.docx")
    assert [(p.name, p.content[:2]) for p in extract.parts] == [("embed1.zip", b"PK")]
