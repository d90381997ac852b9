"""PDF beyond plain text: odd characters, attachments, scanned pages without text recognition."""

import io
from pathlib import Path

import PIL.Image
import pypdfium2
import pytest

from rag.errors import DocumentError
from rag.readers import ocr, pdf_attachments
from rag.readers.page_lines import Box, Line, lines_of
from rag.readers.pdf import read_pdf
from tests.test_readers import Placed, write_pdf

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

BODY: Placed = (50, 700, 10, "Plain text of the body, longer than any page number.")


@pytest.fixture
def _without_recognition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: False)


class EvenGlyphs:
    """Every character is 6 wide and 10 high, all on one line."""

    def box(self, index: int) -> Box:
        return Box(6.0 * index, 0, 6.0 * (index + 1), 10, 10)

    def gap(self, before: int, after: int) -> float:
        return 6.0 * (after - before - 1)


# Characters


def test_characters_without_a_known_one_are_dropped_and_hyphens_told_apart() -> None:
    lines = lines_of("un\0known\r\nsoft\xadware pro\xad\r\nhalf-\x02tion  end \r\n", EvenGlyphs())
    # All on one line: a line end, which is 12 points wide here, becomes a space.
    assert [line.text for line in lines] == ["unknown software pro- half--tion end"]


def test_a_gap_of_two_em_parts_cells_and_a_smaller_one_words() -> None:
    (line,) = lines_of("a" + " " * 3 + "b" + " " * 4 + "c", EvenGlyphs())
    assert line.text == "a b\tc"  # 18 points and 24; two em are 20
    assert line.cell_start == 54.0


def test_characters_outside_the_basic_plane_and_ligatures_are_whole(tmp_path: Path) -> None:
    cmap = b"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange 3 beginbfchar "
    cmap += b"<0041> <D842DFB7> <0042> <91CE> <0043> <00660069> endbfchar endcmap"
    write_mapped_pdf(tmp_path / "a.pdf", cmap, b"<0041004200430042>")
    assert read_pdf(tmp_path / "a.pdf").text == "𠮷野fi野"


def write_mapped_pdf(file: Path, cmap: bytes, shown: bytes) -> None:
    """Write one line in a font whose characters only ``cmap`` tells."""
    stream = b"BT /F 10 Tf 50 700 Td %s Tj ET" % shown
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        b"/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/ToUnicode 6 0 R"
        b"/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/X/DW 1000"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
        b"/FontDescriptor<</Type/FontDescriptor/FontName/X/Flags 4>>>>]>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(cmap), cmap),
    ]
    content = b"%PDF-1.4\n"
    for number, body in enumerate(objects, start=1):
        content += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    file.write_bytes(content + b"trailer<</Size 7/Root 1 0 R>>\n%%EOF")  # pdfium finds objects


def test_a_word_without_end_costs_no_quadratic_time() -> None:
    word = "語" * 200_000  # tried anew at every letter, this would take minutes
    assert Line(word + " co-op", 0, 100, 0, 10, 10).compounds() == ["co-op"]


# Attachments


def attach(file: Path, attached: dict[str, bytes]) -> None:
    with pypdfium2.PdfDocument(file.read_bytes()) as document:
        for name, content in attached.items():
            document.new_attachment(name).set_data(content)
        document.save(file)


def test_attachments_become_parts_under_harmless_names(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [[BODY]])
    attach(tmp_path / "a.pdf", {"../../規程.txt": "休暇".encode(), "b\x07.csv": b"id,name\n"})
    extract = read_pdf(tmp_path / "a.pdf")
    assert extract.remark == ""
    assert [(part.name, part.content) for part in extract.parts] == [
        ("規程.txt", "休暇".encode()),
        ("b.csv", b"id,name\n"),
    ]


def test_attachments_beyond_the_limit_are_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf_attachments, "MAX_TOTAL_BYTES", 10)
    write_pdf(tmp_path / "a.pdf", [[BODY]])
    attach(tmp_path / "a.pdf", {"a.txt": b"12345678", "b.txt": b"123", "c.txt": b"12"})
    extract = read_pdf(tmp_path / "a.pdf")
    assert [part.name for part in extract.parts] == ["a.txt", "c.txt"]
    assert extract.remark.startswith("1 attached files are")


@pytest.mark.usefixtures("_without_recognition")
def test_a_pdf_that_is_only_an_envelope_hands_out_what_it_holds(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", [[]])
    attach(tmp_path / "a.pdf", {"a.txt": b"text"})
    extract = read_pdf(tmp_path / "a.pdf")
    assert [part.name for part in extract.parts] == ["a.txt"]
    assert extract.text == ""
    assert "holds no text" in extract.remark


@needs_fixtures
def test_a_real_attachment_is_handed_out() -> None:
    (part,) = read_pdf(FIXTURES / "with-attachment.pdf").parts
    assert part.name == "image.png"
    assert PIL.Image.open(io.BytesIO(part.content)).format == "PNG"


# Scanned pages


def write_pages(file: Path, pages: list[list[Placed] | float]) -> None:
    """Write pages of text, and pages with an image on the given share of their height."""
    with pypdfium2.PdfDocument.new() as document:
        for page in pages:
            part = file.with_suffix(".part")
            if isinstance(page, float):
                sheet = pypdfium2.PdfDocument.new()
                blank = sheet.new_page(600, 800)
                image = pypdfium2.PdfImage.new(sheet)
                bitmap = pypdfium2.PdfBitmap.from_pil(PIL.Image.new("RGB", (60, 80), "gray"))
                image.set_bitmap(bitmap)
                image.set_matrix(pypdfium2.PdfMatrix().scale(600, 800 * page))
                blank.insert_obj(image)
                blank.gen_content()
                document.import_pages(sheet)
            else:
                write_pdf(part, [page])
                document.import_pages(pypdfium2.PdfDocument(part))
        document.save(file)


@pytest.mark.usefixtures("_without_recognition")
def test_a_pdf_of_scanned_pages_names_the_remedy(tmp_path: Path) -> None:
    write_pages(tmp_path / "a.pdf", [1.0, 1.0])
    with pytest.raises(DocumentError, match=r"pip install -r requirements-ocr\.txt") as caught:
        read_pdf(tmp_path / "a.pdf")
    assert caught.value.status == "no_text"


@pytest.mark.usefixtures("_without_recognition")
def test_a_pdf_with_some_scanned_pages_is_read_with_a_remark(tmp_path: Path) -> None:
    write_pages(tmp_path / "a.pdf", [[BODY], 0.9, [(300, 20, 10, "- 3 -")], 0.3])
    extract = read_pdf(tmp_path / "a.pdf")
    assert extract.remark.startswith("1 of 4 pages are scanned images")
    assert "requirements-ocr.txt" in extract.remark
    assert extract.scanned_pages == 0
    assert len(extract.page_starts) == 4
    assert extract.text.startswith(BODY[3])


@pytest.mark.usefixtures("_without_recognition")
def test_a_page_number_beside_a_scan_is_not_its_text_but_a_text_layer_is(tmp_path: Path) -> None:
    for name, text, remark in [
        ("number.pdf", "- 3 -", "1 of 2 pages are scanned"),
        ("layer.pdf", BODY[3], ""),
    ]:
        write_pages(tmp_path / name, [[BODY], 1.0])
        stamp(tmp_path / name, text)
        assert read_pdf(tmp_path / name).remark.startswith(remark)
        assert (read_pdf(tmp_path / name).remark == "") == (remark == "")


def stamp(file: Path, text: str) -> None:
    """Write ``text`` on the second page."""
    import ctypes

    import pypdfium2.raw as pdfium

    with pypdfium2.PdfDocument(file.read_bytes()) as document:
        page = document[1]
        shown = pdfium.FPDFPageObj_NewTextObj(document, b"Helvetica", 10)
        units = (ctypes.c_ushort * (len(text) + 1))(*map(ord, text), 0)
        pdfium.FPDFText_SetText(shown, units)
        pdfium.FPDFPageObj_Transform(shown, 1, 0, 0, 1, 50, 50)
        pdfium.FPDFPage_InsertObject(page, shown)
        page.gen_content()
        document.save(file)
