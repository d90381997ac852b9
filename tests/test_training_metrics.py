"""Measures of answers, with values worked out by hand."""

import numpy as np
import pytest

from rag.evaluation.metrics import bootstrap
from training.evaluation.metrics import (
    Share,
    abstention,
    accuracy,
    best_match,
    citations,
    confusion_matrix,
    exact,
    f1,
    find_label,
    interval,
    macro_f1,
    majority_baseline,
    mcnemar_p,
    mean_reciprocal_rank,
    normalize,
    normalized_exact,
    paired_difference,
    partial,
    share,
)

YES_NO_MAYBE = ("maybe", "no", "yes")


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("an answer, a day", "answer day"),
        ("There", "there"),  # "the" inside a word is no article
        ("3.5 %", "35"),  # SQuAD's own way: punctuation goes, also that of numbers
    ],
)
def test_english_is_normalized_as_squad_does_it(raw: str, normal: str) -> None:
    assert normalize(raw, "en") == normal


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("『走れメロス』。", "走れメロス"),
        ("１０日", "10日"),
        ("ﾎﾃﾙ", "ホテル"),
        ("9時〜17時", "9時~17時"),
        ("9時～17時", "9時~17時"),
        ("Wi-Fi の 申請", "wi-fiの申請"),
        ("3.5倍です。", "3.5倍です"),  # only the stop at the end goes
        ("有給", "有給"),
    ],
)
def test_japanese_is_normalized_by_characters(raw: str, normal: str) -> None:
    assert normalize(raw, "ja") == normal


def test_exact_counts_every_character_and_normalized_exact_does_not() -> None:
    assert exact(" 300 yen ", "300 yen", "en") == 1
    assert exact("300 yen.", "300 yen", "en") == 0
    assert normalized_exact("300 yen.", "300 Yen", "en") == 1
    assert normalized_exact("「１０日」。", "10日", "ja") == 1
    assert normalized_exact("11日", "10日", "ja") == 0


def test_partial_finds_the_answer_in_more_words_but_not_inside_a_word() -> None:
    assert partial("It costs 300 yen an hour.", "300 Yen", "en") == 1
    assert partial("40 days", "4", "en") == 0
    assert partial("答えは『走れメロス』です。", "走れメロス", "ja") == 1
    assert partial("anything", "", "en") == 0


def test_f1_of_words_and_of_characters() -> None:
    # "300 yen hour" and "300 yen": 2 shared of 3 and of 2
    assert f1("300 yen an hour", "300 yen", "en") == pytest.approx(2 * 2 / (3 + 2))
    # 1時間300円 has 7 characters, 300円 has 4, all of them shared
    assert f1("1時間300円", "３００円", "ja") == pytest.approx(2 * 4 / (7 + 4))
    # a token counts as often as it occurs in both: "to to" against "to" shares one
    assert f1("to to", "to", "en") == pytest.approx(2 * 1 / (2 + 1))
    assert f1("", "300", "en") == 0
    assert f1("the", "a", "en") == 1  # two texts of which nothing is left agree


def test_the_best_of_all_accepted_answers_counts() -> None:
    golds = ("saba", "mackerel")

    assert best_match(normalized_exact, "Mackerel", golds, "en") == 1
    assert best_match(f1, "サバの", ("鯖", "サバ"), "ja") == pytest.approx(2 * 2 / (3 + 2))
    with pytest.raises(ValueError, match="accepted answer"):
        best_match(f1, "x", (), "en")


def test_abstention_over_five_rows() -> None:
    measured = abstention(
        abstains=[True, True, False, True, False],
        is_answerable=[False, True, False, False, True],
    )

    assert measured["abstention_precision"].value == pytest.approx(2 / 3)
    assert measured["abstention_recall"].value == pytest.approx(2 / 3)
    assert measured["false_abstention"].value == pytest.approx(1 / 2)


def test_abstention_that_never_happens_has_no_precision_and_recall_0() -> None:
    measured = abstention([False, False], [True, False])

    assert measured["abstention_precision"].value is None
    assert measured["abstention_recall"].value == 0
    assert abstention([True], [True])["abstention_recall"].value is None


def test_citations_over_four_rows() -> None:
    # right; one of two right; the same wrong one twice; no gold passage, so no case
    measured = citations(markers=[[2], [1, 3], [4, 4], [1]], gold=[2, 3, 1, 0])

    assert measured["citation_precision"].value == pytest.approx(2 / 4)
    assert measured["citation_recall"].value == pytest.approx(2 / 3)


def test_a_passage_that_was_not_shown_cannot_be_cited_and_still_counts() -> None:
    measured = citations(markers=[[1], [1]], gold=[1, -1])

    assert measured["citation_precision"].value == pytest.approx(1 / 2)
    assert measured["citation_recall"].value == pytest.approx(1 / 2)


def test_no_markers_give_no_precision_and_recall_0() -> None:
    measured = citations([[], []], [1, 2])

    assert measured["citation_precision"].value is None
    assert measured["citation_recall"].value == 0


def test_the_interval_of_a_mean_is_that_of_the_evaluation_of_retrieval() -> None:
    values = np.random.default_rng(1).random(40)
    expected = bootstrap({"mean": values})["mean"]

    found = interval(share(values.tolist(), [1.0] * 40))

    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )


def test_a_difference_is_paired_by_question() -> None:
    hard = np.random.default_rng(2).random(200)  # questions differ much, the models by 0.01
    one, other = Share(hard + 0.01, np.ones(200)), Share(hard, np.ones(200))

    paired = paired_difference(one, other)
    alone = interval(one)

    assert paired is not None
    assert alone is not None
    assert (paired.low, paired.high) == pytest.approx((0.01, 0.01))
    assert alone.high - alone.low > 0.05  # unpaired intervals would hide the difference


def test_a_side_without_a_case_counts_as_0_in_a_difference() -> None:
    cites = citations([[1], [1]], [1, 1])["citation_precision"]
    silent = citations([[], []], [1, 1])["citation_precision"]

    difference = paired_difference(silent, cites)

    assert difference is not None
    assert (difference.mean, difference.high) == (-1, -1)
    assert paired_difference(silent, silent) is None
    assert interval(silent) is None


def test_draws_without_a_case_do_not_pull_an_interval_down() -> None:
    # One row in thirty could count: a third of the draws miss it, and all others are 1.
    rare = share([1] + [0] * 29, [1] + [0] * 29)

    found = interval(rare)

    assert found is not None
    assert (found.mean, found.low, found.high) == (1, 1, 1)


def test_mcnemar_counts_only_rows_on_which_the_two_differ() -> None:
    one = [1, 1, 1, 1, 1, 0] + [1] * 50
    other = [0, 0, 0, 0, 0, 1] + [1] * 50

    # 5 wins and 1 loss: 2 * (C(6,0) + C(6,1)) / 2^6
    assert mcnemar_p(one, other) == pytest.approx(2 * 7 / 64)
    assert mcnemar_p(other, one) == pytest.approx(2 * 7 / 64)
    assert mcnemar_p([1, 0], [1, 0]) == 1


def test_mean_reciprocal_rank() -> None:
    assert mean_reciprocal_rank([1, 2, 4]) == pytest.approx((1 + 1 / 2 + 1 / 4) / 3)
    with pytest.raises(ValueError, match="no ranks"):
        mean_reciprocal_rank([])


def test_a_label_is_what_the_answer_begins_with() -> None:
    assert find_label("Yes, it does [1]", YES_NO_MAYBE, "en") == "yes"
    assert find_label("nothing", YES_NO_MAYBE, "en") == ""
    assert find_label("It is yes", YES_NO_MAYBE, "en") == ""
    assert find_label("はい。", ("はい", "いいえ"), "ja") == "はい"
    assert find_label("not sure", ("not", "not sure"), "en") == "not sure"


def test_accuracy_and_macro_f1_of_a_small_matrix() -> None:
    gold = ["yes", "yes", "yes", "no", "maybe"]
    predicted = ["yes", "yes", "no", "no", ""]

    matrix = confusion_matrix(gold, predicted, YES_NO_MAYBE)

    assert matrix.tolist() == [[0, 0, 0, 1], [0, 1, 0, 0], [0, 1, 2, 0]]
    assert accuracy(matrix) == pytest.approx(3 / 5)
    # maybe 0; no: 2 * 1 / (1 + 2); yes: 2 * 2 / (3 + 2)
    assert macro_f1(matrix) == pytest.approx((0 + 2 / 3 + 4 / 5) / 3)


def test_the_majority_baseline_of_pubmedqa_is_the_published_one() -> None:
    gold = ["yes"] * 276 + ["no"] * 169 + ["maybe"] * 55

    label, right, f1_of_all = majority_baseline(gold, YES_NO_MAYBE)

    assert label == "yes"
    assert right == pytest.approx(0.552)
    assert f1_of_all == pytest.approx(0.237, abs=5e-4)
