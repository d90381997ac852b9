"""A person's own test questions: how answers are judged, measured, kept and compared."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from rag.cli import main
from rag.config import Config
from rag.database import _MIGRATIONS
from rag.datatypes import EVERYWHERE, Answer, Hit, Progress, SearchFilter, Token
from rag.errors import RagError
from rag.evaluation.quality import (
    MIN_QUESTIONS,
    chance_of,
    changed_parts,
    changed_settings,
    changes,
    measures,
    wilson,
)
from rag.evaluation.quality_check import check_quality, holds, judge, settings_hash, settings_of
from rag.evaluation.quality_file import (
    line_of_question,
    question_of_feedback,
    questions_from_lines,
)
from rag.feedback import Judgement
from rag.quality_store import QualityCheck, QualityQuestion, QualityResult, Verdict
from rag.store import Store
from tests.fakes import (
    HANDBOOK,
    EchoEngine,
    HashingEmbedder,
    chunk_of_line,
    make_answer,
    use_embedder,
)
from tests.hashing_index import build_hashing_index

LEAVE = QualityQuestion("How many days of leave?", ("20 days",), HANDBOOK.path, id=1)
NOTHING = QualityQuestion("Who is the mayor?", id=2)
HITS = tuple(
    Hit(n, chunk_of_line(HANDBOOK, words), 1 / n)
    for n, words in enumerate(("Hotel", "20 days"), start=1)
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def found(text: str = "You have 20 days of paid leave a year. [1]") -> Answer:
    return make_answer(LEAVE.question, text, quote="20 days of paid leave a year", hits=HITS)


def result(number: int, verdict: Verdict = "right", rank: int | None = 1) -> QualityResult:
    is_answerable = verdict in ("right", "wrong", "missed")
    return QualityResult(
        question_id=number,
        question=f"Question {number}?",
        answers=("x",) if is_answerable else (),
        source="a.md" if is_answerable else "",
        verdict=verdict,
        rank=rank if is_answerable else None,
        is_source_indexed=True,
        cites_source=verdict == "right",
        text="" if verdict in ("missed", "silent") else "x",
        cited=("a.md",),
        evidence_level="strong",
    )


def check_of(*results: QualityResult, index_id: str = "one", **settings: int) -> QualityCheck:
    return QualityCheck(index_id, "model", settings or {"top_k": 8}, 1.0, results)


# One answer


@pytest.mark.parametrize(
    ("expected", "text", "is_held"),
    [
        ("20 days", "You have 20  DAYS.", True),
        ("２０日", "年に20日です。", True),
        ("20", "In 2024 there were 120 of them.", False),
        ("20", "It is 20.5 hours.", False),
        ("1.5", "It costs 11.5 EUR.", False),
        ("14", "At least 14.", True),
        ("", "Anything.", False),
    ],
)
def test_an_expected_answer_must_stand_in_the_answer(
    expected: str, text: str, is_held: bool
) -> None:
    assert holds("How many?", expected, text) is is_held


def test_a_whole_sentence_may_be_worded_differently_but_keeps_its_numbers() -> None:
    expected = "Hotel costs are refunded up to 120 EUR a night with receipts."
    assert holds("What about hotels?", expected, "Up to 120 EUR a night, hotel costs with receipts")
    assert not holds("What about hotels?", expected, "Hotel costs, up to 90 EUR a night, receipts")
    assert not holds("What about hotels?", "120 EUR", "120 pounds")  # a short one is no sentence


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        (LEAVE, found(), "right"),
        (LEAVE, found("You have 30 days."), "wrong"),
        (LEAVE, make_answer(LEAVE.question, ""), "missed"),
        (NOTHING, make_answer(NOTHING.question, ""), "silent"),
        (NOTHING, make_answer(NOTHING.question, "It is Ada."), "invented"),
        (replace(LEAVE, answers=()), found("Anything."), "right"),  # cites the document
        (replace(LEAVE, answers=(), source="other.md"), found(), "wrong"),
        (replace(LEAVE, answers=("1",)), found("You have 20 days. [1]"), "wrong"),  # a marker
        (replace(LEAVE, answers=("thirty", "20 days")), found(), "right"),
    ],
)
def test_an_answer_is_judged_by_what_was_expected(
    question: QualityQuestion, answer: Answer, verdict: str
) -> None:
    assert judge(question, answer).verdict == verdict


def test_the_rank_is_that_of_the_first_passage_of_the_document_that_holds_the_quote() -> None:
    assert judge(LEAVE, found()).rank == 1
    assert judge(replace(LEAVE, quote="20 days of paid"), found()).rank == 2
    assert judge(replace(LEAVE, quote="not said anywhere"), found()).rank is None
    assert judge(NOTHING, found()).rank is None


# Measures


def test_a_wilson_interval_is_that_of_the_tables_and_has_a_width_at_the_ends() -> None:
    half = wilson(10, 20)
    assert (half.mean, round(half.low, 3), round(half.high, 3)) == (0.5, 0.299, 0.701)
    assert (round(wilson(20, 20).low, 3), wilson(20, 20).high) == (0.839, 1.0)
    with pytest.raises(ValueError, match="no questions"):
        wilson(0, 0)


def test_each_measure_counts_the_questions_that_it_is_about() -> None:
    results = [
        result(1), result(2, "wrong", 3), result(3, "missed", None), result(4, "silent"),
        result(5, "invented"),
    ]  # fmt: skip
    found_measures = measures(results)
    means = {name: (one.n, round(one.estimate.mean, 3)) for name, one in found_measures.items()
             if one.estimate is not None}  # fmt: skip
    assert means == {
        "good": (5, 0.4), "right": (3, 0.333), "missed": (3, 0.333), "silent": (2, 0.5),
        "cites": (2, 0.5), "hit@1": (3, 0.333), "hit@5": (3, 0.667), "mrr": (3, 0.444),
    }  # fmt: skip
    assert not found_measures["good"].is_telling
    assert measures([result(n) for n in range(MIN_QUESTIONS)])["good"].is_telling
    assert measures([])["good"].estimate is None


def test_what_became_worse_stands_first() -> None:
    before = check_of(result(1), result(2), result(3, "wrong"), result(4, "missed"))
    after = check_of(
        result(1), result(2, "missed"), result(3), result(4, "wrong"), result(5, "wrong")
    )
    listed = [(one.now.question_id, one.change) for one in changes([before, after])]
    assert listed == [(2, "worse"), (5, "new"), (3, "better"), (4, "same"), (1, "same")]
    assert changes([]) == []


def test_a_small_difference_may_be_chance_and_a_large_one_not() -> None:
    assert chance_of(0, 0) == 1.0
    assert chance_of(1, 2) == 1.0
    assert chance_of(5, 0) == pytest.approx(0.0625)
    assert chance_of(6, 0) == pytest.approx(0.03125)


def test_what_differs_between_two_checks_is_named() -> None:
    before, after = check_of(result(1)), check_of(result(1), index_id="two", top_k=5)
    assert changed_parts(before, after) == ["index", "settings"]
    assert changed_parts(before, check_of(result(1), result(2))) == ["questions"]
    assert changed_parts(before, before) == []
    assert changed_settings(before.settings, after.settings) == [("top_k", 8, 5)]


def test_settings_hold_what_changes_answers_and_no_place_and_no_key() -> None:
    config = Config(remote_key_file="/home/me/key", index_dir=Path("/secret"))
    settings = settings_of(config)
    assert settings["top_k"] == 8
    assert not [value for value in settings.values() if "/" in str(value)]
    assert settings_hash(settings) == settings_hash(settings_of(replace(config, api="on")))
    assert settings_hash(settings) != settings_hash(settings_of(replace(config, top_k=5)))


# The check


def test_a_check_asks_every_question_and_tells_how_far_it_is() -> None:
    engine, told = EchoEngine(Config()), list[Progress]()
    none = replace(NOTHING, question="none of this")
    check = check_quality([LEAVE, none], engine, Config(), told.append)
    assert [one.verdict for one in check.results] == ["right", "silent"]
    assert check.index_id == "20261121-fake"
    assert engine.asked == [LEAVE.question, "none of this"]
    assert [(step.done, step.total) for step in told] == [(0, 2), (1, 2), (2, 2)]


def test_a_document_that_left_the_index_is_told() -> None:
    gone = replace(LEAVE, source="gone.md")
    [one] = check_quality([gone], EchoEngine(Config()), Config(), lambda step: None).results
    assert not one.is_source_indexed


def test_a_check_over_two_indexes_is_refused() -> None:
    class Changing(EchoEngine):
        def ask(
            self,
            question: str,
            stop: Event,
            search_filter: SearchFilter = EVERYWHERE,
            history: Sequence[str] = (),
            progress: Callable[[Progress], None] = lambda step: None,
        ) -> Iterator[Token | Answer]:
            for event in super().ask(question, stop, search_filter, history, progress):
                other = f"index {len(self.asked)}"
                yield replace(event, index_id=other) if isinstance(event, Answer) else event

    with pytest.raises(RagError, match="was updated during the check"):
        check_quality([LEAVE, NOTHING], Changing(Config()), Config(), lambda step: None)
    with pytest.raises(RagError, match="no test questions"):
        check_quality([], EchoEngine(Config()), Config(), lambda step: None)


# The store and files


def test_questions_and_checks_come_back_as_they_were_kept(store: Store) -> None:
    assert store.quality.add([LEAVE, NOTHING, LEAVE]) == 2
    assert [one.question for one in store.quality.questions()] == [
        LEAVE.question, NOTHING.question,
    ]  # fmt: skip
    saved = store.quality.save(check_of(result(1), result(2, "silent")))
    store.quality.remove(1)
    assert store.quality.checks(9) == [saved]  # what was found outlives its question
    assert [one.question for one in store.quality.questions()] == [NOTHING.question]


def test_a_question_without_words_is_refused_and_nothing_is_kept(store: Store) -> None:
    with pytest.raises(RagError, match="is empty"):
        store.quality.add([LEAVE, replace(NOTHING, question=" ")])
    with pytest.raises(RagError, match="Shorten it"):
        store.quality.add([replace(LEAVE, answers=("x" * 5000,))])
    assert store.quality.questions() == []


def test_a_history_of_the_version_before_gets_the_new_tables(tmp_path: Path) -> None:
    Store(tmp_path / "old").create_conversation("Leave?")
    file = tmp_path / "old" / "fumikura.sqlite"
    with sqlite3.connect(file) as db:
        for table in ("quality_results", "quality_checks", "quality_questions"):
            db.execute(f"DROP TABLE {table}")
        db.execute(f"PRAGMA user_version = {len(_MIGRATIONS) - 1}")
    store = Store(tmp_path / "old")
    assert store.quality.add([LEAVE]) == 1
    assert [one.title for one in store.history.conversations(9)] == ["Leave?"]


def test_questions_survive_export_and_import() -> None:
    questions = [replace(LEAVE, answers=("20 days", "twenty"), quote="20"), NOTHING]
    text = "\ufeff" + "".join(map(line_of_question, questions)) + "\n"
    assert questions_from_lines(text) == [
        replace(one, id=0, origin="imported") for one in questions
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no questions"),
        ('{"question": "a?", "answer": "b"}\n{', "Line 2 of the file is not valid JSON"),
        ('{"answer": "b"}', 'Line 1 of the file has no text as "question"'),
        ('{"question": "a?", "answer": 4}', 'no text as "answer"'),
        ('{"question": "a?", "aliases": "b"}', 'no text as "aliases"'),
        ("[]", 'no text as "question"'),
    ],
)
def test_a_file_of_another_layout_is_refused_with_its_line(text: str, why: str) -> None:
    with pytest.raises(RagError, match=why):
        questions_from_lines(text)


@pytest.mark.parametrize(
    ("judgement", "answers"),
    [
        (Judgement("up"), ("You have 20 days of paid leave a year.",)),
        (Judgement("down", "wrong", correction="20 days"), ("20 days",)),
        (Judgement("down", "not_found"), ()),
        (Judgement("down", "wrong"), None),  # nobody said what would be right
    ],
)
def test_a_judged_answer_becomes_a_question_when_the_right_one_is_known(
    store: Store, judgement: Judgement, answers: tuple[str, ...] | None
) -> None:
    feedback = store.feedback.by_id(store.feedback.save(7, found(), judgement))
    assert feedback is not None
    question = question_of_feedback(feedback)
    assert (question.answers if question else None) == answers


# The command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    environ, disabled = dict(os.environ), logging.root.manager.disable  # `main` sets both
    for name, value in build_hashing_index(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    use_embedder(monkeypatch, lambda config: HashingEmbedder(name=config.embed_model))
    yield tmp_path
    logging.disable(disabled)
    os.environ.clear()
    os.environ.update(environ)


def test_the_command_asks_and_keeps_and_tells_what_became_worse(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = [
        QualityQuestion("How many days of paid leave?", ("20 days",), "handbook.md"),
        QualityQuestion("年次有給休暇は何日与えられますか？", ("10日",), "就業規則.txt"),
    ]
    (place / "mine.jsonl").write_text("".join(map(line_of_question, questions)), encoding="utf-8")
    assert main(["quality", "--add", "mine.jsonl", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["measures"]["right"] == {"n": 2, "mean": 1.0, **_bounds(wilson(2, 2))}
    assert told["measures"]["hit@1"]["mean"] == 1.0
    assert [one["change"] for one in told["questions"]] == ["new", "new"]

    monkeypatch.setenv("RAG_MIN_EVIDENCE_PERCENT", "100")
    monkeypatch.setenv("RAG_MIN_EVIDENCE_WORDS_PERCENT", "100")
    assert main(["quality"]) == 0
    printed = capsys.readouterr().out
    assert "0 better, 2 worse" in printed
    assert "worse (missed): How many days of paid leave?" in printed
    assert "too few to tell" in printed
    assert len(Store(place / "state").quality.checks(9)) == 2


def test_the_command_without_questions_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quality"]) == 1
    assert "There are no test questions yet." in capsys.readouterr().err
    assert main(["quality", "--add", "nowhere.jsonl"]) == 1
    assert "nowhere.jsonl cannot be read" in capsys.readouterr().err
    assert Store(place / "state").quality.checks(9) == []


def _bounds(estimate: object) -> dict[str, float]:
    return {name: getattr(estimate, name) for name in ("low", "high")}
