"""Suggested questions: made of sentences that answer them, and of nothing else."""

from pathlib import Path

import pytest

from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Chunk, Document
from rag.engine import RagEngine
from rag.suggest import Suggestion, candidates, chosen
from rag.suggest_english import english_question
from rag.suggest_japanese import japanese_question, under_heading
from tests.fakes import HashingEmbedder, use_embedder


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("The ordinary loan period is 28 days.", "What is the ordinary loan period?"),
        ("A replacement card costs 500 yen.", "How much does a replacement card cost?"),
        ("Flight cases cost 2,500 yen.", "How much do flight cases cost?"),
        ("Nightly copies are kept for 35 days.", "How long are nightly copies kept?"),
        ("A restore test takes place every quarter.", "How often does a restore test take place?"),
        ("Harbour House opens at 10:00.", "When does Harbour House open?"),
        ("A loss must be reported within 24 hours.", "How soon must a loss be reported?"),
        ("Forms must be sent by the 15th.", ""),  # no number that is known as one
        (
            "A password must have at least 14 characters.",
            "How many characters must a password have?",
        ),
        (
            "Administrator accounts need 20 characters.",
            "How many characters do administrator accounts need?",
        ),
        ("Laptops are replaced after five years.", "When are laptops replaced?"),
        ("It costs 500 yen.", ""),  # what does?
        ("Energy at Harbour House cost nine per cent less.", ""),
        ("Volunteers are refunded their actual costs up to 1,500 yen.", ""),
        ("If the card is lost, a new one costs 500 yen.", ""),
        ("The library is quiet.", ""),
    ],
)
def test_an_english_sentence_gives_the_question_it_answers(sentence: str, question: str) -> None:
    assert english_question(sentence) == question


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("貸出期間は１４日間です。", "貸出期間は何日間ですか。"),
        ("使用料は月額15,000円とする。", "使用料はいくらですか。"),
        ("第3条　試用期間は３か月とする。", "試用期間は何か月ですか。"),
        ("健康診断は毎年9月に受けられます。", "健康診断はいつ受けられますか。"),
        ("貸出の受付は、閉館の30分前に終了します。", "貸出の受付はいつ終了しますか。"),
        ("年末年始は12月28日から1月4日まで休みます。", "年末年始はいつからいつまで休みますか。"),
        ("消火器は各階の階段の横にあります。", "消火器はどこにありますか。"),
        ("受け入れたのは9件である。", ""),  # what was?
        ("これは500円です。", ""),
        ("夏季休暇は、週4日以上働く方に２日あります。", ""),
        ("図書館は静かです。", ""),
    ],
)
def test_a_japanese_sentence_gives_the_question_it_answers(sentence: str, question: str) -> None:
    assert japanese_question(sentence) == question


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("4. 中庭のカフェ", "中庭のカフェの費用はいくらですか。"),
        ("第５条　送料", "送料の費用はいくらですか。"),
        ("費用", ""),  # the question names it already
        ("いくらかかりますか", ""),
        ("Costs", ""),
    ],
)
def test_a_heading_that_is_a_noun_completes_a_question(heading: str, expected: str) -> None:
    assert under_heading("費用はいくらですか。", heading) == expected


def corpus_of(folder: Path, **texts: str) -> Corpus:
    """Return a corpus of documents of one passage each."""
    writer = CorpusWriter(folder)
    for name, text in texts.items():
        path = f"{name}.md"
        document = Document(path, text, "0" * 64)
        writer.add(document, [Chunk(path, 0, len(text), text, None, f"{name} > 4. 中庭のカフェ")])
    writer.finish([])
    writer.close()
    return Corpus(folder)


def questions(corpus: Corpus) -> list[str]:
    return [one.question for one in candidates(corpus)]


def test_every_document_has_its_turn_and_a_question_points_to_its_answer(tmp_path: Path) -> None:
    corpus = corpus_of(
        tmp_path,
        a="The loan period is 28 days.\n\n- The trial card costs 800 yen.",
        b="## Who can become a member?\n\nAnyone who lives nearby.\n",
        c="Ｑ１　会員カードはどこで作れますか。\nＡ１　両館の受付で作れます。\n"
        "使用料は月額15,000円とする。",
    )

    found = candidates(corpus)

    assert [one.question for one in found] == [
        "How much does the trial card cost?",  # clearer than the other one of its document
        "Who can become a member?",
        "使用料はいくらですか。",
        "会員カードはどこで作れますか。",
        "What is the loan period?",
    ]
    by_question = {one.question: one for one in found}
    answer = by_question["Who can become a member?"]
    assert corpus.document("b.md").text[answer.start : answer.end] == "Anyone who lives nearby."
    assert found == candidates(corpus)


@pytest.mark.parametrize(
    "text",
    [
        "How long does it take?\n\nFifteen minutes.",  # what does?
        "What is the fee for students? What is the fee for adults?",  # answered by nothing
        "Who can become a member?\n\n<script>alert(1)</script>",
        "| The loan period is 28 days. | The fee is 5 yen. |",
        "Walls are white, and the sea is blue.",
        "一度に何点まで借りられますか。\n1点までです。",
        "",
    ],
)
def test_what_makes_no_good_question_makes_none(tmp_path: Path, text: str) -> None:
    assert questions(corpus_of(tmp_path, a=text or " ")) == []


def suggestion(question: str, language: str) -> Suggestion:
    return Suggestion(question, "ja" if language == "ja" else "en", "a.md", 0, 1)


def test_three_are_chosen_that_stand_the_check_those_of_the_reader_first() -> None:
    found = [suggestion(f"q{n}", "ja" if n % 2 else "en") for n in range(8)]

    assert chosen(found, "ja", lambda one: one.question != "q1") == ("q3", "q5", "q7")
    assert chosen(found, "en", lambda one: one.question in {"q1", "q6"}) == ("q6", "q1")
    assert chosen(found, "en", lambda one: False) == ()


def test_candidates_that_do_not_stand_the_check_are_given_up_in_time() -> None:
    checked: list[str] = []
    found = [suggestion(f"q{n}", "en") for n in range(100)]

    def is_answerable(one: Suggestion) -> bool:
        checked.append(one.question)
        return False

    assert chosen(found, "en", is_answerable) == ()
    assert len(checked) == 12


def test_an_index_suggests_what_its_search_leads_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "loans.md").write_text(
        "# Loans\n\nThe ordinary loan period is 28 days.\n\n# Walls\n\nAll walls are white.\n"
    )
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    engine = RagEngine(
        Config(
            index_dir=tmp_path / "index",
            models_dir=tmp_path / "models",
            state_dir=tmp_path / "state",
            strong_evidence_percent=36,
        )
    )
    engine.build([folder], lambda step: None)

    assert engine.suggestions("en") == ("What is the ordinary loan period?",)
    (folder / "loans.md").write_text("# Walls\n\nAll walls are white.\n")
    engine.build([folder], lambda step: None)
    assert engine.suggestions("en") == ()
