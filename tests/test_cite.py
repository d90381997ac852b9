from rag.cite import check_answer, quote_answer
from rag.datatypes import Chunk, Hit

REFUND = "Refunds are paid within 14 days. Shipping costs 6 EUR and is not refunded."
HOURS = "The Kyoto office opens at 9:30 on weekdays. It is closed on Sundays."
LEAVE = "年次有給休暇は、入社から6か月後に10日与える。申請は前日までに所属長へ行う。"


def hits(*texts: str) -> list[Hit]:
    return [
        Hit(rank, Chunk(f"{rank}.txt", 100, 100 + len(text), text), 1.0)
        for rank, text in enumerate(texts, start=1)
    ]


def test_a_supported_sentence_is_cited_with_the_exact_sentence_of_its_passage() -> None:
    checked = check_answer(
        "When does the Kyoto office open?", "It opens at 9:30.", hits(REFUND, HOURS)
    )

    [citation] = checked.citations
    assert checked.text == "It opens at 9:30. [1]"
    assert (citation.n, citation.path) == (1, "2.txt")
    assert citation.quote == "The Kyoto office opens at 9:30 on weekdays."
    assert HOURS[citation.start - 100 : citation.end - 100] == citation.quote


def test_a_number_that_stands_in_no_passage_drops_the_sentence() -> None:
    checked = check_answer("When does it open?", "It opens at 8:45.", hits(REFUND, HOURS))

    assert checked.text == ""
    assert checked.dropped == ("It opens at 8:45.",)


def test_a_blend_of_two_passages_is_not_supported_by_either() -> None:
    blend = "Refunds are paid within 14 days on weekdays at 9:30."

    assert check_answer("When are refunds paid?", blend, hits(REFUND, HOURS)).text == ""


def test_an_echo_of_the_question_is_no_answer() -> None:
    checked = check_answer(
        "When does the Kyoto office open?", "The Kyoto office opens.", hits(HOURS)
    )

    assert checked.text == ""


def test_markers_of_every_width_are_read_and_invented_ones_vanish() -> None:
    for marker in ("[2]", "【2】", "［２］", "[passage 2]", "[7]", "[1, 9]"):
        checked = check_answer(
            "When does the office open?", f"At 9:30 {marker}.", hits(REFUND, HOURS)
        )

        assert checked.text == "At 9:30. [1]"
        assert checked.citations[0].path == "2.txt"


def test_a_wrong_marker_is_corrected_to_the_passage_that_supports_the_sentence() -> None:
    checked = check_answer("When does it open?", "At 9:30. [1]", hits(REFUND, HOURS))

    assert checked.citations[0].path == "2.txt"


def test_citations_are_numbered_by_first_use_and_shared_by_equal_quotes() -> None:
    checked = check_answer(
        "What are the rules?",
        "Closed on Sundays. Refunds within 14 days. Refunds are paid within 14 days.",
        hits(REFUND, HOURS),
    )

    assert checked.text == (
        "Closed on Sundays. [1]\nRefunds within 14 days. [2]\nRefunds are paid within 14 days. [2]"
    )
    assert [citation.n for citation in checked.citations] == [1, 2]


def test_a_short_japanese_answer_is_supported_and_quoted() -> None:
    checked = check_answer("有給は何日ですか", "１０日", hits(HOURS, LEAVE))

    assert checked.text == "１０日 [1]"
    assert checked.citations[0].quote == "年次有給休暇は、入社から6か月後に10日与える。"


def test_an_answer_in_another_language_needs_the_models_own_marker() -> None:
    question = "How many days of annual leave are there?"

    assert check_answer(question, "You get 10 days of holiday. [1]", hits(LEAVE)).text != ""
    assert check_answer(question, "You get 10 days of holiday.", hits(LEAVE)).text == ""
    assert check_answer(question, "You get 99 days of holiday. [1]", hits(LEAVE)).text == ""


def test_the_best_sentence_is_quoted_when_there_is_no_usable_answer() -> None:
    checked = quote_answer("How long do refunds take?", hits(HOURS, REFUND))

    assert checked.text == "Refunds are paid within 14 days. [1]"
    assert checked.citations[0].path == "2.txt"


def test_nothing_is_quoted_from_nothing() -> None:
    assert quote_answer("Why?", []).text == ""
