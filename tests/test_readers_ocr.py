"""Text recognition: what is said without the extra, and what is read with it."""

import socket
from collections.abc import Sequence
from pathlib import Path

import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest

from rag.errors import DocumentError
from rag.readers import ocr, reader_for
from rag.readers.image import read_image
from rag.readers.pdf import read_pdf

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/ヒラギノ明朝 ProN.ttc",
    "C:/Windows/Fonts/msmincho.ttc",
)
FONT = next((font for font in FONTS if Path(font).is_file()), None)
needs_extra = pytest.mark.skipif(not ocr.is_installed(), reason="requirements-ocr.txt is absent")
needs_font = pytest.mark.skipif(FONT is None, reason="no Japanese font is known here")

ENGLISH = [
    "The annual leave of a full-time employee is twenty days. It is",
    "granted in April and expires after two years. Whoever works part",
    "time receives a share in proportion to the hours.",
]
JAPANESE = [
    "年次有給休暇は、入社日から起算して六か月間継続勤務し、全労働日の八割以",
    "上出勤した者に与える。付与日数は10日とし、以後一年ごとに増やす。申請は",
    "取得日の三日前までに所属長へ提出するものとする。",
]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("text recognition must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def draw(lines: Sequence[str], size: int = 28) -> PIL.Image.Image:
    assert FONT is not None
    image = PIL.Image.new("L", (1300, 200 + 2 * size * len(lines)), 255)
    pen = PIL.ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        font = PIL.ImageFont.truetype(FONT, size)
        pen.text((100, 100 + 1.7 * size * number), line, font=font, fill=0)
    return image


# Without the extra, and what needs none


def test_an_image_without_the_extra_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: False)
    PIL.Image.new("L", (40, 40)).save(tmp_path / "a.png")
    with pytest.raises(DocumentError, match=r"pip install -r requirements-ocr\.txt") as caught:
        read_image(tmp_path / "a.png")
    assert caught.value.status == "unsupported"


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp", "gif"])
def test_images_of_all_kinds_have_the_reader(tmp_path: Path, suffix: str) -> None:
    PIL.Image.new("L", (40, 40)).save(tmp_path / f"a.{suffix}")
    assert reader_for(tmp_path / f"a.{suffix}") is read_image


@pytest.mark.parametrize("side", [7_100, 14_000], ids=["over our limit", "over Pillow's"])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_of_too_many_pixels_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: True)
    assert side * side > ocr.MAX_PIXELS
    PIL.Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(DocumentError, match="50 million pixels"):
        read_image(tmp_path / "a.png")


# With it


@needs_extra
@needs_font
@pytest.mark.parametrize(("lines", "space"), [(ENGLISH, " "), (JAPANESE, "")])
def test_wrapped_lines_of_an_image_become_a_paragraph(
    tmp_path: Path, lines: list[str], space: str
) -> None:
    draw(lines).save(tmp_path / "a.png")
    extract = read_image(tmp_path / "a.png")
    assert extract.text == space.join(lines)
    assert extract.scanned_pages == 1
    assert extract.page_starts == (0,)


@needs_extra
@needs_font
def test_turned_and_transparent_images_are_read_upright(tmp_path: Path) -> None:
    upright = draw(["休暇の届け出", "Leave of absence"])
    upright.rotate(180).save(tmp_path / "turned.png")
    orientation = PIL.Image.Exif()
    orientation[0x0112] = 6  # to be shown turned by a quarter, clockwise
    upright.transpose(PIL.Image.Transpose.ROTATE_90).save(tmp_path / "a.jpg", exif=orientation)
    ink = PIL.Image.new("RGBA", upright.size)
    ink.putalpha(upright.point(lambda value: 255 - value))
    ink.save(tmp_path / "clear.png")
    for name in ("turned.png", "a.jpg", "clear.png"):
        text = read_image(tmp_path / name).text
        assert text.startswith("休暇の届け出")
        assert text.endswith("Leave of absence")


@needs_extra
@needs_font
def test_each_page_of_a_tiff_is_a_page(tmp_path: Path) -> None:
    first, second = draw(["第一頁の本文です"]), draw(["第二頁の本文です"])
    first.convert("1").save(tmp_path / "a.tiff", save_all=True, append_images=[second.convert("1")])
    extract = read_image(tmp_path / "a.tiff")
    assert extract.text == "第一頁の本文です\n\n第二頁の本文です"
    assert extract.page_starts == (0, 10)
    assert extract.scanned_pages == 2


@needs_extra
def test_an_image_without_text_says_so(tmp_path: Path) -> None:
    PIL.Image.new("L", (300, 300), 255).save(tmp_path / "a.png")
    with pytest.raises(DocumentError, match="No text was found") as caught:
        read_image(tmp_path / "a.png")
    assert caught.value.status == "no_text"


@needs_extra
@needs_font
def test_scanned_pages_of_a_pdf_are_recognized_and_counted(tmp_path: Path) -> None:
    page = PIL.Image.new("L", (1300, 1800), 255)
    page.paste(draw(["休暇の規定"], size=56), (0, 0))
    page.paste(draw(JAPANESE), (0, 320))
    page.save(
        tmp_path / "a.pdf", save_all=True, append_images=[PIL.Image.new("L", (1300, 1800), 255)]
    )
    extract = read_pdf(tmp_path / "a.pdf")
    kinds = [(b.kind, extract.text[b.start : b.end]) for b in extract.blocks]
    assert kinds == [("heading", "休暇の規定"), ("paragraph", "".join(JAPANESE))]
    assert extract.scanned_pages == 1  # nothing stands on the second
    assert len(extract.page_starts) == 2
    assert extract.remark == ""


@needs_extra
@needs_fixtures
def test_vertical_japanese_in_an_image_is_read_from_right_to_left() -> None:
    text = read_image(FIXTURES / "jpn-vert.jpeg").text
    assert text.startswith("元来日本語は漢文に倣い")
    assert "右から左へと進めて表記を行っていた" in text
    assert text.endswith("書体も存在する。")
