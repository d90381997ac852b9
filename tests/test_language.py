import sys
from threading import Thread

import pytest
import snowballstemmer

from rag.language import (
    content_terms,
    detect_language,
    is_question,
    numbers,
    phrase_text,
    phrases,
    query_weights,
    sentence_spans,
    terms,
)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("How many days of leave do I get?", "en"),
        ("有給は何日？", "ja"),
        ("What does 有給休暇 mean?", "en"),
        ("RAGとLLMの違いは", "ja"),
        ("Wi-Fiの申請はどこ", "ja"),
        ("ﾊﾟｽﾜｰﾄﾞの変更", "ja"),
        ("1200", "en"),
        ("연차 휴가는 며칠입니까?", "other"),
        ("Сколько дней отпуска?", "other"),
    ],
)
def test_a_question_is_answered_in_the_language_it_is_asked_in(
    question: str, language: str
) -> None:
    assert detect_language(question) == language


def test_japanese_is_indexed_by_characters_and_pairs_of_characters() -> None:
    assert terms("有給休暇") == ["有", "給", "休", "暇", "有給", "給休", "休暇"]


def test_full_width_digits_and_half_width_katakana_meet_their_usual_forms() -> None:
    assert terms("１２００") == terms("1200") == ["1200"]
    assert terms("ｶﾒﾗ") == terms("カメラ")


def test_english_words_are_stemmed_and_stop_words_dropped() -> None:
    assert terms("How are the refunds paid?") == ["refund", "paid"]


def test_a_compound_gives_itself_and_its_parts() -> None:
    assert terms("TR-14") == ["tr-14", "tr", "14"]
    assert terms("foo_bar()") == ["foo_bar", "foo", "bar"]


def test_mixed_scripts_need_no_language_guess() -> None:
    assert set(terms("Wi-Fiの申請")) == {"wi-fi", "wi", "fi", "の", "申", "請", "の申", "申請"}


def test_question_grammar_is_no_content() -> None:
    assert content_terms("有給は何日ですか") == {"有給", "日"}
    assert content_terms("What is the fee?") == {"fee"}


def test_sentences_end_at_stops_and_lines_but_not_at_abbreviations_or_decimals() -> None:
    text = "Dr. Mori paid $3.50 (ext. 12). Why? 「はい。」と答えた。次です。\n- 一つ目"

    sentences = [text[start:end] for start, end in sentence_spans(text)]

    assert sentences == [
        "Dr. Mori paid $3.50 (ext. 12).",
        "Why?",
        "「はい。」と答えた。",
        "次です。",
        "- 一つ目",
    ]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("3. LIFT AT HILL HOUSE\nTwo offers came.", ["LIFT AT HILL HOUSE", "Two offers came."]),
        (
            "## 2.1. Fees\n(a). Adults pay 5. ii. Children 3.",
            ["Fees", "Adults pay 5.", "Children 3."],
        ),
        ("1. 松脂を拭く。\n２．弓をゆるめる。", ["松脂を拭く。", "弓をゆるめる。"]),
        ("It was 5.", ["It was 5."]),
        ("「何日か？」への答は9日です。次。", ["「何日か？」への答は9日です。", "次。"]),
        (
            'If asked "How many?" say 9. "Why?" Because.',
            ['If asked "How many?" say 9.', '"Why?"', "Because."],
        ),
        ("Is it (really?) so. Yes", ["Is it (really?) so.", "Yes"]),
        ("How many? 12. Free?\n2. Yes.", ["How many?", "12.", "Free?", "Yes."]),
        ("**Can I?** Yes. _Ask us._ Soon.", ["**Can I?**", "Yes.", "_Ask us._", "Soon."]),
        ("How many?\n5.", ["How many?", "5."]),  # at the end a number answers
    ],
)
def test_a_sentence_is_neither_a_number_nor_a_part_around_a_quoted_question(
    text: str, sentences: list[str]
) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


def test_a_question_is_told_by_its_end_in_both_languages() -> None:
    asking = [
        "Can children join?",
        "**Can I change it?**",
        "カードで払えますか。",
        "（何日ですか？）",
        "行きましょうか",
    ]
    telling = ["Children can join.", "車内では現金だけです。", "行くか行かないか決める。", "何か。"]

    assert all(is_question(text) for text in asking)
    assert not any(is_question(text) for text in telling)


def test_numbers_are_compared_without_width_and_thousands_separators() -> None:
    assert numbers("１，２００円, 9:30 and 3.5%.") == {"1200", "9:30", "3.5"}


def test_a_number_with_separators_is_one_term_and_equals_the_one_without() -> None:
    assert "1280000" in terms("合計は１，２８０，０００円")
    assert "1280000" in terms("total 1280000")
    assert "1,280,000".replace(",", "") in query_weights("Who paid 1,280,000 yen?")
    assert set(terms("2, 300 and 4,56")) >= {"2", "300", "4", "56"}


def test_words_outweigh_the_many_terms_that_a_run_of_characters_gives() -> None:
    assert query_weights("Who paid the paid fee?") == {"paid": 2.0, "fee": 1.0}
    weights = query_weights("Wi-Fiの年休を10日")
    assert weights["wi-fi"] == weights["10日"] == 1.0
    assert weights["年"] == pytest.approx(1 / 2)
    assert weights["年休"] == pytest.approx(1 / 3)
    assert weights["休を"] == pytest.approx(1 / 6)
    assert "を" not in weights  # single hiragana are grammar
    assert query_weights("どこ") != {}  # unless there is nothing else


def test_many_threads_may_ask_at_once() -> None:
    """The stemmer keeps the word it works on in itself; shared, it mixed up or lost letters."""
    words = [f"running{chr(97 + n % 26)}{chr(97 + n // 26)}nesses" for n in range(26 * 26)]
    found: list[list[str]] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            Thread(target=lambda: found.append([terms(word)[0] for word in words]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    alone = snowballstemmer.stemmer("english")
    assert found == [[alone.stemWord(word) for word in words]] * 4


def test_phrases_are_words_in_pairs_and_characters_in_threes_grammar_included() -> None:
    assert phrases("Who is  known as the\nＣＨＥＦ?") == {
        "who is", "is known", "known as", "as the", "the chef",
    }  # fmt: skip
    assert phrases("何と呼ばれますか？") == {
        "何と呼", "と呼ば", "呼ばれ", "ばれま", "れます", "ますか",
    }  # fmt: skip
    assert phrases("Wi-Fi の申請") == {"の申請"}
    assert phrases("犬") == phrases("犬小") == phrases("") == set()


@pytest.mark.parametrize(
    "text",
    ["The new deal, and the old one", "１,２００円のﾄﾚｲはどこ？", "Café au lait 有給休暇の申請"],
)
def test_every_phrase_stands_in_its_own_text(text: str) -> None:
    assert phrases(text)
    assert all(phrase in phrase_text(text) for phrase in phrases(text))
