"""Which sentences are rows of a table, and under which header they stand."""

import pytest

from rag.datatypes import Chunk, Hit
from rag.evidence import rank_sentences
from rag.table_rows import headers, is_row, named_cells

_TRAVEL = [
    "Hotels and allowance",
    "Destination\tHotel limit\tAllowance, trip over 8 hours",
    "Tokyo and Osaka\t12,000 yen\t3,200 yen",
    "Abroad\t20,000 yen\t6,500 yen",
    "All amounts are for one person.",
]


def test_rows_stand_under_the_first_row_where_the_others_have_more_numbers() -> None:
    assert headers(_TRAVEL) == {2: 1, 3: 1}


@pytest.mark.parametrize(
    "sentences",
    [
        ["HH-0012,Harp,Aalto,1989", "HH-0031,Cello,Edda,2009"],
        ["| name | place |", "| Izumi | Loft |"],
        ["Bring a pen, a book, a lamp, and 3 cups.", "Bring 4 pens, 5 books, 6 lamps, and 3 cups."],
        ["| room | price |"],
        [],
    ],
)
def test_a_first_row_like_the_others_is_no_header(sentences: list[str]) -> None:
    assert headers(sentences) == {}


def test_two_tables_have_their_own_headers() -> None:
    other = ["| 様式 | 期限 |", "| V-1 | 3週間前 |"]
    assert headers([*_TRAVEL, *other]) == {2: 1, 3: 1, 6: 5}


def test_numbers_with_thousands_and_lists_in_prose_are_told_apart_from_rows() -> None:
    assert is_row("HH-0012,Harp,Aalto,1989")
    assert not is_row("It costs 1,450,000 yen, or less, if you wait, and pay at once.")


def test_a_row_is_found_by_the_words_of_its_header_and_the_header_answers_nothing() -> None:
    text = "\n".join(_TRAVEL)
    hit = Hit(1, Chunk("travel.txt", 0, len(text), text), 1.0)
    best, second, *_ = rank_sentences("What is the allowance for a trip abroad?", [hit])
    assert best.text == _TRAVEL[3]
    assert _TRAVEL[1] not in (best.text, second.text)


def test_cells_are_told_after_the_names_of_their_columns() -> None:
    assert named_cells(_TRAVEL[3], _TRAVEL, "Travel", is_cut=True) == (
        "Destination: Abroad · Hotel limit: 20,000 yen · Allowance, trip over 8 hours: 6,500 yen"
    )
    japanese = ["| 曜日 | 午前 | 備考 |", "|---|---|---|", "| 土 | 9:00～13:00 | |"]
    assert named_cells(japanese[2], japanese, "診療時間", is_cut=False) == (
        "曜日: 土 · 午前: 9:00～13:00"  # an empty cell says nothing
    )


def test_the_names_in_the_heading_of_a_long_table_come_before_a_guess() -> None:
    rows = ["repair,free,all,x", "pen,75,85,2", "ink,20,30,8"]

    assert named_cells(rows[1], rows, "Stock > item, quantity, price, room", is_cut=True) == (
        "item: pen · quantity: 75 · price: 85 · room: 2"
    )


@pytest.mark.parametrize(
    ("row", "sentences", "is_cut"),
    [
        (2, ["repair,0,all,x", "pen,75,85,1", "ink,20,30,2"], False),  # 0 is no name
        (1, ["repair,free,all,x", "pen,75,85,1", "ink,20,30,2"], True),  # the middle of a table
        (1, ["a,a,b,c", "pen,75,85,1", "ink,20,30,2"], False),  # which of the two is it?
        (2, ["item,quantity,price,x", "pen,75,85,1", "ink, blue,20,30"], False),  # another width
        (0, ["item,quantity,price,x", "pen,75,85,1"], False),  # the header itself
        (0, ["No table at all."], False),
        (1, ["item,quantity,price,x", f"pen,75,85,{'A' * 200_000}", "ink,20,30,2"], False),
    ],
)
def test_a_row_is_not_named_by_what_may_be_no_name(
    row: int, sentences: list[str], is_cut: bool
) -> None:
    assert named_cells(sentences[row], sentences, "Stock", is_cut=is_cut) == ""
