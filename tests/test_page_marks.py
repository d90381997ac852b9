"""From a span of the stored text to rectangles on the page: exact, or none at all."""

import pytest

from rag.readers.page_marks import Rectangle, indexes_of, rectangles_over
from tests.fakes import span


def placed(characters: str, stored: str, quote: str) -> str:
    """Return what of ``characters`` a quote is placed on."""
    return "".join(characters[i] for i in indexes_of(characters, stored, *span(stored, quote)))


def test_a_quote_is_found_across_the_ends_of_lines() -> None:
    page = "The fee is 250\r\nEUR a year, paid in advance."
    stored = "The fee is 250 EUR a year, paid in advance."
    assert placed(page, stored, "250 EUR a year") == "250EURayear"


def test_japanese_lines_are_joined_without_a_space() -> None:
    page = "年次有給休\r\n暇は、10日とする。"
    assert placed(page, "年次有給休暇は、10日とする。", "有給休暇") == "有給休暇"


def test_a_hyphen_at_the_end_of_a_line_may_be_gone_and_one_inside_may_not() -> None:
    page = "More infor\x02\r\nmation on form 1-2 is kept here."
    assert placed(page, "More information on form 1-2 is kept here.", "information") == (
        "information"
    )
    assert placed(page, "More information on form 12 is kept here.", "form 12 is") == ""
    assert placed("On form 12 is all.", "On form 1-2 is all.", "form 1-2 is") == ""


def test_the_offset_decides_between_words_that_stand_there_twice() -> None:
    page = "Members pay 10 EUR a year.\r\nGuests pay 10 EUR a day."
    stored = page.replace("\r\n", "\n")
    second = stored.rindex("10 EUR")
    found = indexes_of(page, stored, second, second + 6)
    assert found[0] == page.rindex("10 EUR")
    first = stored.index("10 EUR")
    assert indexes_of(page, stored, first, first + 6)[0] == page.index("10 EUR")


def test_words_that_cannot_be_told_apart_get_no_place() -> None:
    # The reader left out one of the two; nothing tells which.
    page = "Total 5 EUR\r\nTotal 5 EUR"
    assert placed(page, "Total 5 EUR", "5 EUR") == ""
    assert placed("Total 5 EUR\r\n", "Total 5 EUR", "5 EUR") == "5EUR"  # negative control


def test_what_the_reader_left_out_beside_a_quote_does_not_hide_it() -> None:
    page = "Company rules 2024\r\nEvery member has one vote in the assembly."
    stored = "Every member has one vote in the assembly."
    assert placed(page, stored, "Every member") == "Everymember"


@pytest.mark.parametrize("stored", ["Another page altogether.", "The fee is 260 EUR a year."])
def test_a_wrong_page_gives_no_place(stored: str) -> None:
    assert indexes_of("The fee is 250 EUR a year.", stored, 0, len(stored)) == []


@pytest.mark.parametrize(("start", "end"), [(5, 5), (7, 3), (-4, 6), (10, 99), (3, 4)])
def test_a_wrong_offset_gives_no_place(start: int, end: int) -> None:
    text = "The fee is 250 EUR a year."  # 3 is a space
    assert indexes_of(text, text, start, end) == []


def row(left: float, top: float, count: int, size: float = 10) -> list[Rectangle]:
    """Return the boxes of ``count`` square characters in a line."""
    lefts = [left + size * n for n in range(count)]
    return [Rectangle(x, top, x + size, top + size) for x in lefts]


def test_one_line_is_one_rectangle_and_two_lines_are_two() -> None:
    first, second = row(30, 100, 3), row(10, 112, 2)
    assert rectangles_over(first) == [Rectangle(30, 100, 60, 110)]
    assert rectangles_over(first + second) == [
        Rectangle(30, 100, 60, 110),
        Rectangle(10, 112, 30, 122),
    ]


def test_columns_of_vertical_writing_are_tall_rectangles() -> None:
    right = [Rectangle(100, 20 + 10 * n, 110, 30 + 10 * n) for n in range(4)]
    left = [Rectangle(80, 20 + 10 * n, 90, 30 + 10 * n) for n in range(2)]
    assert rectangles_over(right + left) == [
        Rectangle(100, 20, 110, 60),
        Rectangle(80, 20, 90, 40),
    ]


def test_a_rectangle_never_turns_a_corner() -> None:
    # A line of one character, and the next line below it: a union would cover what is beside.
    below = row(50, 112, 3)
    assert rectangles_over([*row(50, 100, 1), *below]) == [
        Rectangle(50, 100, 60, 122),
        Rectangle(60, 112, 80, 122),
    ]


def test_a_wide_gap_is_not_covered_and_a_space_is() -> None:
    assert len(rectangles_over([*row(0, 0, 2), *row(28, 0, 2)])) == 1
    assert len(rectangles_over([*row(0, 0, 2), *row(60, 0, 2)])) == 2


def test_characters_without_extent_are_not_marked() -> None:
    assert rectangles_over([Rectangle(5, 5, 5, 15), Rectangle(0, 0, 0, 0)]) == []
