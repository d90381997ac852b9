"""What kind of answer a question asks for, and which answers are of another."""

import pytest

from rag.answer_type import fits
from rag.cite import check_answer
from rag.datatypes import Chunk, Evidence, Hit, Prompt


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("At what time does the fair begin?", "half past nine", "Saturday 18 October 2025"),
        ("What time is breakfast?", "7 a.m.", "in the small hall"),
        ("船は何時に出ますか。", "１０時半", "8月21日"),
        ("受付は何時までですか。", "正午", "3階の窓口"),
        ("What did the new seals cost?", "1,200 yen", "nine per cent less than before"),
        ("How much does it cost to hire the hall?", "4500", "8 hours"),
        ("What is the daily allowance for a trip abroad?", "6,500 yen", "8 hours"),
        ("出張演奏は1回いくらですか。", "六万六千円", "1回60分程度"),
        ("退職金はいくらですか。", "無料", "第24条 退職金"),
        ("退職金はいくらですか。", "66,000円", "勤続10年"),
        ("How many days do I have?", "seven days", "28 yen per kilometre"),
        ("何日間使えますか。", "１４日間", "500円"),
        ("How many bows were mended?", "148 bows", "in the workshop"),
        ("In what year was it founded?", "1998", "in Harbour Town"),
        ("会員は何人いますか。", "二百人", "館長の羽鳥"),
        ("避難訓練は年に何回行いますか？", "年２回", "11月"),
        ("How many times a year is the drill held?", "Twice in 3 years", "15 minutes"),
        ("How many times may it be renewed?", "three times, for 2 weeks each", "28 days"),
    ],
)
def test_an_answer_of_another_kind_does_not_fit(question: str, right: str, wrong: str) -> None:
    assert fits(question, right)
    assert not fits(question, wrong)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who opened the fair?", "the mayor"),
        ("What time of year is best?", "spring"),
        ("How much did they like it?", "very much"),
        ("What is the price of freedom?", "Half of all they had"),
        ("How many came?", "nobody"),
        ("何時間かかりますか。", "2時間"),
        ("何時代の建物ですか。", "江戸時代"),
        ("島に住んでいたのは何人ですか。", "ノルマン人"),
        ("何人かが残った部屋はどこですか。", "小会議室"),
        ("いくらか安くなるのはだれですか。", "学生"),
        ("何度も修理した楽器はどれですか。", "オルガン"),
        ("第何回の大会ですか。", "第12回"),
        ("何回目の開催ですか。", "第3"),
        ("何回の大会で使われましたか。", "第62回"),
        ("何回か中止になった行事はどれですか。", "花火"),
        ("", "anything"),
        ("How many?", "1" * 10_000),
    ],
)
def test_in_doubt_every_answer_fits(question: str, answer: str) -> None:
    assert fits(question, answer)


def test_the_number_of_a_passage_is_no_part_of_an_answer() -> None:
    assert not fits("いくらですか。", "10日 [2]")
    assert not fits("How many people came?", "to the hall [2]")


def test_a_number_is_counted_in_the_unit_that_follows_it_in_its_passage() -> None:
    assert fits("What did it cost?", "nine")
    assert not fits("What did it cost?", "nine", " per cent less")
    assert fits("What did it cost?", "nine", " pounds, 3 per cent less")


def test_a_supported_sentence_of_another_kind_is_not_believed() -> None:
    text = "The fair begins on Saturday 18 October 2025 at 9:30 in the large hall."
    sentence = Evidence("fair.txt", None, 0, len(text), text, 1.0)

    def answered(question: str, completion: str) -> str:
        hit = Hit(1, Chunk("fair.txt", 0, len(text), text), 1.0)
        prompt = Prompt((), question, "en", (hit,), (sentence,), 1, 100, "")
        return check_answer(prompt, completion).text

    assert answered("On which day is the fair?", "Saturday 18 October 2025 [1]")
    assert answered("At what time does the fair begin?", "9:30 [1]")
    assert answered("At what time does the fair begin?", "Saturday 18 October 2025 [1]") == ""
