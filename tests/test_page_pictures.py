"""Pages drawn in a child: where the quoted words stand in the picture, and why there is none."""

import hashlib
import io
import os
import threading
from pathlib import Path

import PIL.Image
import pypdfium2
import pytest

from rag import page_pictures
from rag.config import Config
from rag.datatypes import Document
from rag.page_pictures import PagePictures
from rag.readers.page_marks import Rectangle
from rag.readers.page_process import PagePicture, PageProblem, _decode, draw_page
from rag.readers.pdf import read_pdf
from rag.ui.page_view import marks_on
from rag.ui.passage import Cited
from tests.fakes import span
from tests.test_readers import FIXTURES, Placed, needs_fixtures, write_pdf

PAGE_WIDTH, PAGE_HEIGHT = 600, 800  # points, of what `write_pdf` writes
COURIER = 6  # points that each character takes at 10 points
FIRST: list[Placed] = [
    (50, 700, 10, "The fee is 250 EUR a year, to be paid in"),
    (50, 686, 10, "advance by the member. A second sentence."),
]
SECOND: list[Placed] = [(80, 400, 10, "Guests pay 12 EUR a day.")]


def read(file: Path) -> Document:
    extract = read_pdf(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Document(file.name, extract.text, digest, extract.blocks, extract.page_starts)


def draw(
    file: Path, sha256: str, number: int = 1, seconds: float = 20
) -> PagePicture | PageProblem:
    return draw_page(file, sha256, number, seconds=seconds, memory_mb=480)


def drawn(file: Path, number: int = 1) -> PagePicture:
    picture = draw(file, hashlib.sha256(file.read_bytes()).hexdigest(), number)
    assert isinstance(picture, PagePicture)
    return picture


def cited(document: Document, quote: str) -> Cited:
    return Cited(document, (0, 10), span(document.text, quote))


def in_points(
    picture: PagePicture, marks: list[Rectangle]
) -> list[tuple[float, float, float, float]]:
    """Return left, bottom, right and top of each mark, in points from the lower left."""
    x, y = PAGE_WIDTH / picture.width, PAGE_HEIGHT / picture.height
    return [
        (
            round(mark.left * x, 1),
            round(PAGE_HEIGHT - mark.bottom * y, 1),
            round(mark.right * x, 1),
            round(PAGE_HEIGHT - mark.top * y, 1),
        )
        for mark in marks
    ]


def darkest(picture: PagePicture, mark: Rectangle, up: int = 0) -> int:
    """Return the darkest gray, 0 to 255, in the picture under a mark, or ``up`` pixels above it."""
    with PIL.Image.open(io.BytesIO(picture.image)) as image:
        left, top, right, bottom = map(
            round, (mark.left, mark.top - up, mark.right, mark.bottom - up)
        )
        return min(image.convert("L").crop((left, top, right, bottom)).tobytes())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pdf") / "rules.pdf"
    write_pdf(file, [FIRST, SECOND])
    return file


@pytest.fixture(scope="module")
def picture(file: Path) -> PagePicture:
    return drawn(file)


def test_the_picture_has_the_shape_of_the_page(picture: PagePicture) -> None:
    with PIL.Image.open(io.BytesIO(picture.image)) as image:
        assert image.format == "WEBP"
        assert image.size == (picture.width, picture.height)
    assert picture.height == 1754
    assert picture.width / picture.height == pytest.approx(600 / 800, abs=0.001)


def test_a_quote_is_marked_where_it_was_written(file: Path, picture: PagePicture) -> None:
    # "250 EUR" begins after 11 characters and has 7.
    left, right = 50 + 11 * COURIER, 50 + 18 * COURIER
    marks = marks_on(picture, cited(read(file), "250 EUR"), 1)
    ((x_1, bottom, x_2, top),) = in_points(picture, marks)
    assert (x_1, x_2) == (left, right) == (116, 158)
    assert bottom < 700 < 707 < top  # the base line, and the height of a capital above it
    assert top - bottom < 14  # less than the distance of the lines


def test_what_is_dark_under_a_mark_is_the_ink_of_the_words(
    file: Path, picture: PagePicture
) -> None:
    (mark,) = marks_on(picture, cited(read(file), "250 EUR"), 1)
    assert darkest(picture, mark) < 100
    assert darkest(picture, mark, up=100) > 200  # above the first line


def test_a_quote_over_two_lines_has_a_mark_on_each(file: Path, picture: PagePicture) -> None:
    marks = marks_on(picture, cited(read(file), "paid in advance"), 1)
    (first, second) = in_points(picture, marks)
    assert (first[0], first[2]) == (50 + 33 * COURIER, 50 + 40 * COURIER)
    assert (second[0], second[2]) == (50, 50 + 7 * COURIER)
    assert second[3] < first[1]


def test_neither_a_wrong_page_nor_a_wrong_offset_is_marked(
    file: Path, picture: PagePicture
) -> None:
    document = read(file)
    guests = cited(document, "12 EUR")
    assert guests.page == 2
    assert marks_on(picture, guests, 1) == []
    assert marks_on(picture, guests, 2) == []  # this is a picture of the first page
    shifted = Document(
        document.path, "x" * 11 + document.text, document.sha256, (), document.page_starts
    )
    assert marks_on(picture, Cited(shifted, (0, 9), (5, 22)), 1) == []
    assert len(marks_on(drawn(file, 2), guests, 2)) == 1  # negative control


def test_a_turned_and_cropped_page_is_marked_where_it_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "turned.pdf"
    write_pdf(file, [FIRST])
    with pypdfium2.PdfDocument(file.read_bytes()) as pdf:
        pdf[0].set_cropbox(40, 500, 440, 800)
        pdf[0].set_rotation(90)
        pdf.save(file)
    picture = drawn(file)
    (mark,) = marks_on(picture, cited(read(file), "250 EUR"), 1)
    # Turned to the right, 400 x 300 points are 300 wide, 400 high, and the top is at the right.
    down = 400 / picture.height
    assert mark.top * down == pytest.approx(116 - 40, abs=0.5)
    assert mark.bottom * down == pytest.approx(158 - 40, abs=0.5)
    across = 300 / picture.width
    assert 197 < mark.left * across < 200 < 207 < mark.right * across < 210  # 700 is 200 above 500
    assert darkest(picture, mark) < 100


def test_words_outside_the_visible_part_are_not_marked(tmp_path: Path) -> None:
    file = tmp_path / "cut.pdf"
    write_pdf(file, [FIRST])
    with pypdfium2.PdfDocument(file.read_bytes()) as pdf:
        pdf[0].set_cropbox(0, 0, 600, 400)
        pdf.save(file)
    assert marks_on(drawn(file), cited(read(file), "250 EUR"), 1) == []


@needs_fixtures
def test_vertical_japanese_is_marked_along_its_column() -> None:
    file = FIXTURES / "documents" / "vertical.pdf"
    document = read(file)
    (mark,) = marks_on(drawn(file), cited(document, "うえ"), 1)
    assert mark.height == pytest.approx(2 * mark.width, rel=0.05)


# Why a page is not shown


def test_another_content_is_never_drawn(file: Path) -> None:
    assert draw(file, "0" * 64) == "changed"


def test_a_file_that_is_gone_or_a_link_is_told(tmp_path: Path, file: Path) -> None:
    digest = read(file).sha256
    assert draw(tmp_path / "none.pdf", digest) == "gone"
    (tmp_path / "link.pdf").symlink_to(file)
    assert draw(tmp_path / "link.pdf", digest) == "gone"


def test_a_password_and_damage_are_told_apart(tmp_path: Path, file: Path) -> None:
    write_pdf(tmp_path / "locked.pdf", [FIRST], password=("open", "owner"))
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4\nnothing")
    digests = {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        for name in ("locked.pdf", "bad.pdf")
    }
    assert draw(tmp_path / "locked.pdf", digests["locked.pdf"]) == "encrypted"
    assert draw(tmp_path / "bad.pdf", digests["bad.pdf"]) == "failed"
    assert draw(file, read(file).sha256, number=3) == "failed"  # there are two pages


def test_a_child_that_takes_too_long_is_ended(file: Path) -> None:
    before = set(threading.enumerate())
    assert draw(file, read(file).sha256, seconds=0.02) == "slow"
    assert set(threading.enumerate()) == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # no child is left


def test_a_page_that_takes_too_much_memory_fails_alone(tmp_path: Path, file: Path) -> None:
    picture = draw_page(file, read(file).sha256, 1, seconds=20, memory_mb=0)
    assert picture == "failed"


@pytest.mark.parametrize(
    "lie",
    [
        {"image": "PHNjcmlwdD4="},  # <script>
        {"image": "not base64!"},
        {"boxes": [1, 2, 3]},
        {"boxes": ["a", "b", "c", "d"]},
        {"width": 10**9},
        {"height": 0},
        {"problem": "<script>"},
    ],
)
def test_nonsense_of_a_child_is_refused(lie: dict[str, object]) -> None:
    honest: dict[str, object] = {
        "image": "UklGRgAAAABXRUJQ",  # RIFF, four bytes, WEBP
        "width": 10,
        "height": 10,
        "is_scan": False,
        "characters": "a",
        "boxes": [0, 0, 1000, 1000],
    }
    assert isinstance(_decode(honest), PagePicture)
    with pytest.raises((ValueError, KeyError)):
        _decode({**honest, **lie})


# Keeping


def test_a_drawn_page_is_kept_until_its_file_is_written_to(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    write_pdf(file, [SECOND])
    digest = read(file).sha256
    pictures = PagePictures(Config())
    kept = pictures.picture(file, digest, 1)
    assert isinstance(kept, PagePicture)
    assert pictures.picture(file, digest, 1) is kept
    write_pdf(file, [FIRST])
    assert pictures.picture(file, digest, 1) == "changed"
    file.unlink()
    assert pictures.picture(file, digest, 1) == "gone"


def test_pages_are_forgotten_when_they_take_too_much_room(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_pictures, "MAX_KEPT_MB", 0)
    pictures = PagePictures(Config())
    digest = read(file).sha256
    first = pictures.picture(file, digest, 1)
    assert pictures.picture(file, digest, 1) is first  # the one that is looked at stays
    pictures.picture(file, digest, 2)
    assert pictures.picture(file, digest, 1) is not first
