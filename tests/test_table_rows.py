"""Which sentences are rows of a table, and under which header they stand."""

import pytest

from rag.datatypes import Chunk, Hit
from rag.evidence import rank_sentences
from rag.table_rows import headers, is_row

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
