from dataclasses import replace

import pytest

from rag.cite import CheckedAnswer, check_answer, pointed_at, quotable_evidence, quote_answer
from rag.datatypes import Chunk, Hit, Prompt, PromptStyle
from rag.evidence import rank_sentences
from rag.prompt import build_prompt

REFUND = "Refunds are paid within 14 days. Shipping costs 6 EUR and is not refunded."
HOURS = "The Kyoto office opens at 9:30 on weekdays. It is closed on Sundays."
LEAVE = "年次有給休暇は、入社から6か月後に10日与える。申請は前日までに所属長へ行う。"


def prompt(question: str, *texts: str) -> Prompt:
    hits = [
        Hit(rank, Chunk(f"{rank}.txt", 100, 100 + len(text), text), 1.0)
        for rank, text in enumerate(texts, start=1)
    ]
    evidence = rank_sentences(question, hits)
    return build_prompt(question, "en", hits, 10_000, lambda _: 0, evidence)


def check(question: str, completion: str, *texts: str) -> CheckedAnswer:
    return check_answer(prompt(question, *texts), completion)


def test_a_supported_sentence_is_cited_with_the_exact_sentence_of_its_passage() -> None:
    checked = check("When does the Kyoto office open?", "It opens at 9:30.", REFUND, HOURS)

    [citation] = checked.citations
    assert checked.text == "It opens at 9:30. [1]"
    assert (citation.n, citation.path) == (1, "2.txt")
    assert citation.quote == "The Kyoto office opens at 9:30 on weekdays."
    assert HOURS[citation.start - 100 : citation.end - 100] == citation.quote


def test_a_number_that_stands_in_no_passage_drops_the_sentence() -> None:
    checked = check("When does it open?", "It opens at 8:45.", REFUND, HOURS)

    assert checked.text == ""
    assert checked.dropped == ("It opens at 8:45.",)


def test_a_blend_of_two_passages_is_not_supported_by_either() -> None:
    blend = "Refunds are paid within 14 days on weekdays at 9:30."

    assert check("When are refunds paid?", blend, REFUND, HOURS).text == ""


def test_an_echo_of_the_question_is_no_answer() -> None:
    question = "When does the Kyoto office open?"

    assert check(question, "The Kyoto office opens.", HOURS).text == ""


def test_a_sentence_that_turns_its_evidence_round_is_dropped() -> None:
    question = "What about shipping?"

    assert check(question, "Costs 6 EUR and is not refunded.", REFUND).text != ""
    assert check(question, "Costs 6 EUR and is refunded after a complaint.", REFUND).text == ""
    assert check(question, "Refunds are not paid within 14 days.", REFUND).text == ""
    assert check(question, "6 EUR", REFUND).text == "6 EUR [1]"


def test_a_stutter_is_no_answer() -> None:
    assert check("有給は何日？", "10日から10日から10日から", LEAVE).text == ""


def test_markers_of_every_width_are_read_and_invented_ones_vanish() -> None:
    for marker in ("[2]", "【2】", "［２］", "[passage 2]", "[7]", "[1, 9]"):
        checked = check("When does the office open?", f"At 9:30 {marker}.", REFUND, HOURS)

        assert checked.text == "At 9:30. [1]"
        assert checked.citations[0].path == "2.txt"


def test_a_wrong_marker_is_corrected_to_the_passage_that_supports_the_sentence() -> None:
    checked = check("When does it open?", "At 9:30. [1]", REFUND, HOURS)

    assert checked.citations[0].path == "2.txt"


def test_citations_are_numbered_by_first_use_and_shared_by_equal_quotes() -> None:
    checked = check(
        "What are the rules?",
        "Closed on Sundays. Paid within 14 days. Refunds are paid within 14 days.",
        REFUND,
        HOURS,
    )

    assert checked.text == (
        "Closed on Sundays. [1]\nPaid within 14 days. [2]\nRefunds are paid within 14 days. [2]"
    )
    assert [citation.n for citation in checked.citations] == [1, 2]


def test_a_short_japanese_answer_is_supported_and_quoted() -> None:
    checked = check("有給は何日ですか", "１０日", HOURS, LEAVE)

    assert checked.text == "１０日 [1]"
    assert checked.citations[0].quote == "年次有給休暇は、入社から6か月後に10日与える。"


def test_an_answer_in_another_language_needs_the_models_own_marker() -> None:
    question = "How many days of annual leave are there?"

    assert check(question, "You get 10 days of holiday. [1]", LEAVE).text != ""
    assert check(question, "You get 10 days of holiday.", LEAVE).text == ""
    assert check(question, "You get 99 days of holiday. [1]", LEAVE).text == ""


def test_a_small_model_is_believed_only_where_it_agrees_with_the_best_sentence() -> None:
    question = "When does the Kyoto office open?"
    full = prompt(question, REFUND, HOURS)
    focused = build_prompt(
        question, "en", full.hits, 10_000, lambda _: 0, full.evidence, style=PromptStyle(2)
    )

    assert check_answer(full, "On Sundays.").text == "On Sundays. [1]"
    assert check_answer(focused, "On Sundays.").text == ""
    assert check_answer(focused, "At 9:30.").text == "At 9:30. [1]"


def test_a_model_points_at_the_sentences_that_it_was_shown() -> None:
    full = prompt("When does the Kyoto office open?", REFUND, HOURS)
    asked = build_prompt(
        full.question, "en", full.hits, 10_000, lambda _: 0, full.evidence, style=PromptStyle(2)
    )

    pointed = pointed_at(asked, "On Sundays. [2]")

    assert [sentence.text for sentence in pointed] == ["It is closed on Sundays."]
    assert pointed_at(asked, "Within 14 days. [1]") == []  # it was not shown that sentence


@pytest.mark.parametrize(
    ("share", "order"), [(0.75, ["pointed", "best"]), (0.6, ["best", "pointed"]), (0.4, ["best"])]
)
def test_a_sentence_that_a_model_points_at_is_quoted_as_its_score_deserves(
    share: float, order: list[str]
) -> None:
    some = prompt("How long do refunds take?", REFUND).evidence[0]
    best = replace(some, start=0, text="best", score=2.0)
    pointed = replace(some, start=1, text="pointed", score=2.0 * share)

    quoted = quote_answer([best, pointed], [pointed]).citations

    assert [citation.quote for citation in quoted] == order


def test_a_question_that_offers_a_choice_is_answered_in_its_own_words() -> None:
    question = "Is the office in Kyoto or in Osaka?"

    assert check(question, "Kyoto [1]", HOURS).text == "Kyoto [1]"
    assert check(question, "Osaka [1]", HOURS).text == ""  # no passage says so
    assert check(question, "Kyoto", HOURS).text == ""  # and none was named
    assert (
        check("東館と京都館のどちらですか。", "京都館 [1]", "京都館は9時に開きます。").text
        == "京都館 [1]"
    )


def test_the_best_sentences_are_quoted_when_there_is_no_usable_answer() -> None:
    evidence = prompt("How long do refunds take?", HOURS, REFUND).evidence

    checked = quote_answer(evidence)

    assert checked.text.splitlines()[0] == "Refunds are paid within 14 days. [1]"
    assert checked.citations[0].path == "2.txt"


def test_sentences_far_behind_the_best_are_not_quoted() -> None:
    best = prompt("How long do refunds take?", REFUND).evidence[0]
    scores = (1.0, 0.81, 0.79)
    evidence = [
        replace(best, start=n, text=f"Sentence {n}.", score=score) for n, score in enumerate(scores)
    ]

    assert len(quote_answer(evidence).citations) == 2


def test_a_heading_and_a_question_are_shown_to_a_model_and_not_quoted() -> None:
    text = "Refunds\nAre refunds paid? Refunds are paid within 14 days."
    hit = Hit(1, Chunk("1.txt", 0, len(text), text, heading="Terms > Refunds"), 1.0)
    asked = build_prompt(
        "Refunds?", "en", [hit], 10_000, lambda _: 0, rank_sentences("Refunds?", [hit])
    )

    assert {"Refunds", "Are refunds paid?"} < {one.text for one in asked.evidence}
    assert [one.text for one in quotable_evidence(asked)] == ["Refunds are paid within 14 days."]


def test_what_is_of_another_kind_is_not_quoted_beside_what_fits() -> None:
    asked = prompt("How much does shipping cost?", "Shipping takes 7 days. It costs 6 EUR.")
    nothing_fits = prompt("How much does shipping cost?", "Shipping takes 7 days.")

    assert [one.text for one in quotable_evidence(asked)] == ["It costs 6 EUR."]
    assert [one.text for one in quotable_evidence(nothing_fits)] == ["Shipping takes 7 days."]


def test_a_row_is_told_with_the_names_of_its_columns_and_cited_as_it_stands() -> None:
    asked = prompt("How many red pens?", "item\tquantity\tprice\nRed pen\t75\t0.85\nInk\t20\t3.00")
    hits = [replace(hit, chunk=replace(hit.chunk, heading="Stock > a, b")) for hit in asked.hits]
    row = next(one for one in asked.evidence if one.text.startswith("Red"))
    whole = [replace(hit, chunk=replace(hit.chunk, start=0)) for hit in hits]
    first = replace(row, start=row.start - 100, end=row.end - 100)

    assert quote_answer([row], (), hits).text == "Red pen 75 0.85 [1]"  # cut: it may be any row
    assert quote_answer([first], (), whole).text == "item: Red pen · quantity: 75 · price: 0.85 [1]"
    assert quote_answer([first], (), whole).citations[0].quote == "Red pen\t75\t0.85"


def test_a_sentence_that_stands_in_two_documents_is_quoted_once() -> None:
    evidence = prompt("How long do refunds take?", REFUND, REFUND).evidence

    texts = [citation.quote for citation in quote_answer(evidence).citations]
    assert len(texts) == len(set(texts)) == 2


def test_a_quoted_list_item_is_shown_without_its_bullet_and_cited_with_it() -> None:
    checked = quote_answer(prompt("How long do refunds take?", f"- {REFUND}").evidence)

    assert checked.text.startswith("Refunds are paid")
    assert checked.citations[0].quote.startswith("- Refunds are paid")


def test_nothing_is_quoted_from_nothing() -> None:
    assert quote_answer(()).text == ""


def test_a_small_model_is_not_believed_on_a_row_of_a_table() -> None:
    row = "| Recording booth | basement | per hour | 1500 | 1200 |"
    asked = prompt("What does the recording booth cost?", row)
    small = replace(asked, shown_sentences=1)

    assert check_answer(asked, "1200 [1]").text == "1200 [1]"  # one that reads whole passages
    assert check_answer(small, "1200 [1]").text == ""
    assert "1500 | 1200" in quote_answer(small.evidence).text
    plain = prompt(
        "What does the recording booth cost?", "The recording booth costs 1200 yen, too."
    )
    assert check_answer(replace(plain, shown_sentences=1), "1200 yen [1]").text == "1200 yen [1]"
