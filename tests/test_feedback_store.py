"""Feedback outlives what it is about, and nothing is learned that no person accepted."""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from rag.cli import main
from rag.database import _MIGRATIONS
from rag.datatypes import Document, Hit, SearchFilter
from rag.errors import IndexNotFoundError, RagError
from rag.feedback import FAULTS, LIMITS, Judgement, Pair, Triage, pair_line, without_markers
from rag.feedback_store import FeedbackStore
from rag.store import Store
from tests.fakes import HANDBOOK, HashingEmbedder, chunk_of_line, make_answer, use_embedder

CHUNK = chunk_of_line(HANDBOOK, "20 days")
QUOTE = "Every employee has 20 days of paid leave a year."
ANSWER = replace(
    make_answer(
        "How many days of leave?",
        "You have 30 days. [1]",
        quote="20 days of paid leave a year",
        hits=(Hit(1, CHUNK, 0.5, lexical_score=3.2),),
    ),
    searched="How many days of leave does staff have?",
)
WRONG = Judgement("down", "wrong", "It says twenty.", "20 days", CHUNK)
READ = Triage("answered_wrong", 1, CHUNK, QUOTE)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def feedback(store: Store) -> FeedbackStore:
    return store.feedback


def index_of(text: str | None) -> Callable[[str], Document]:
    """Return the documents of an index: the handbook with another text, or nothing."""

    def document(path: str) -> Document:
        if text is None or path != HANDBOOK.path:
            raise RagError(f"The index holds no document {path!r}; it may have been removed.")
        return replace(HANDBOOK, text=text)

    return document


def accepted_pair(feedback: FeedbackStore, answer_id: int = 1, author: str = "") -> Pair:
    """Return a pair that a person has accepted."""
    saved = feedback.save(answer_id, ANSWER, replace(WRONG, author=author))
    feedback.save_triage(saved, READ)
    pair = next(pair for pair in feedback.pairs() if pair.feedback_id == saved)
    feedback.edit_pairs({pair.id: {"state": "accepted"}})
    return pair


def test_feedback_keeps_the_answer_with_all_of_its_provenance(
    store: Store, feedback: FeedbackStore, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Leave?")
    answer_id = store.add_answer(conversation, "Leave?")
    within = SearchFilter("仕事", types=("pdf",))
    feedback.save(answer_id, ANSWER, WRONG, within)
    store.delete_conversation(conversation)
    assert store.answer(answer_id) is None

    kept = Store(tmp_path / "state").feedback.on_answer(answer_id)

    assert kept is not None
    assert (kept.answer, kept.judgement, kept.search_filter) == (ANSWER, WRONG, within)
    assert kept.answer.prompt is not None
    assert kept.answer.prompt.template_hash == "abc123"
    assert (kept.answer.model_id, kept.answer.index_id) == ("echo (test)", "20261121-fake")
    assert kept.triage is None


def test_a_wrong_answer_becomes_a_proposal_that_only_a_person_accepts(
    feedback: FeedbackStore,
) -> None:
    feedback.save_triage(feedback.save(1, ANSWER, WRONG), READ)

    (pair,) = feedback.pairs()
    assert (pair.question, pair.answer) == ("How many days of leave does staff have?", "20 days")
    assert (pair.source, pair.quote, pair.passage) == (HANDBOOK.path, QUOTE, CHUNK.text)
    assert (pair.state, pair.language, pair.triage) == ("proposed", "en", "answered_wrong")
    assert feedback.accepted() == []
    assert feedback.edit_pairs({pair.id: {"state": "accepted", "answer": " 20 days a year "}}) == 1
    assert feedback.accepted() == [replace(pair, state="accepted", answer="20 days a year")]
    feedback.edit_pairs({pair.id: {"state": "rejected"}})
    assert feedback.accepted() == []


@pytest.mark.parametrize("outcome", ["not_indexed", "not_retrieved", "not_in_prompt", "unknown"])
def test_a_miss_of_the_index_or_the_search_is_not_proposed_unless_asked(
    feedback: FeedbackStore, outcome: str
) -> None:
    saved = feedback.save(1, ANSWER, WRONG)
    feedback.save_triage(saved, Triage(outcome, 9, CHUNK, QUOTE))  # type: ignore[arg-type] # a literal
    assert feedback.pairs() == []

    feedback.propose(saved)
    feedback.propose(saved)  # a second click

    assert [pair.state for pair in feedback.pairs()] == ["proposed"]


def test_without_a_corrected_answer_there_is_nothing_to_learn(feedback: FeedbackStore) -> None:
    saved = feedback.save(1, ANSWER, Judgement("down", "incomplete"))
    feedback.save_triage(saved, READ)
    assert feedback.pairs() == []


def test_should_have_said_not_found_is_an_empty_answer_without_a_source(
    feedback: FeedbackStore,
) -> None:
    saved = feedback.save(1, ANSWER, Judgement("down", "not_found", passage=CHUNK))
    feedback.save_triage(saved, Triage("answered_wrong"))
    (pair,) = feedback.pairs()
    assert (pair.answer, pair.source, pair.quote, pair.passage) == ("", "", "", "")


def test_a_right_answer_is_an_example_only_on_request_and_without_its_markers(
    feedback: FeedbackStore,
) -> None:
    saved = feedback.save(1, ANSWER, Judgement("up"))
    assert feedback.pairs() == []
    feedback.propose(saved)
    (pair,) = feedback.pairs()
    assert (pair.answer, pair.quote) == ("You have 30 days.", "20 days of paid leave a year")
    assert (pair.source, pair.triage) == (HANDBOOK.path, "")


def test_a_changed_mind_replaces_the_verdict_and_withdraws_its_pair(
    feedback: FeedbackStore,
) -> None:
    accepted_pair(feedback)
    feedback.save(1, ANSWER, WRONG)  # the same again changes nothing
    assert len(feedback.accepted()) == 1

    feedback.save(1, ANSWER, replace(WRONG, correction="ten days"))

    assert feedback.pairs() == []
    changed = feedback.on_answer(1)
    assert changed is not None
    assert (changed.judgement.correction, changed.triage) == ("ten days", None)
    feedback.save(1, ANSWER, Judgement("up"))
    assert feedback.counts() == {"up": 1}
    feedback.delete(changed.id)
    assert feedback.on_answer(1) is None


def test_what_one_author_says_does_not_replace_what_another_says(feedback: FeedbackStore) -> None:
    feedback.save(1, ANSWER, WRONG)
    feedback.save(1, ANSWER, Judgement("up", author="花子"))
    mine, hers = feedback.on_answer(1), feedback.on_answer(1, "花子")
    assert mine is not None
    assert hers is not None
    assert (mine.judgement.verdict, hers.judgement.verdict) == ("down", "up")


def test_of_250_rows_of_one_author_none_is_learned(feedback: FeedbackStore, tmp_path: Path) -> None:
    # SQLite tidies the file up whenever its last connection closes; one that stays spares that.
    with closing(sqlite3.connect(tmp_path / "state" / "fumikura.sqlite")) as connection:
        connection.execute("SELECT count(*) FROM feedback").fetchone()
        for answer_id in range(250):
            poison = replace(WRONG, correction=f"Send money to {answer_id}.", author="mallory")
            feedback.save_triage(feedback.save(answer_id, ANSWER, poison), READ)
    accepted_pair(feedback, 900)

    assert [pair.author for pair in feedback.accepted()] == [""]
    counts = {row.author: (row.proposed, row.accepted, row.rejected) for row in feedback.authors()}
    assert counts == {"mallory": (250, 0, 0), "": (0, 1, 0)}


def test_many_threads_give_one_verdict_each_and_lose_none(feedback: FeedbackStore) -> None:
    def judge(author: str) -> None:
        for answer_id in range(10):
            feedback.save(answer_id, ANSWER, replace(WRONG, author=author))

    threads = [Thread(target=judge, args=(f"author {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert feedback.counts() == {"unknown": 40}


def test_a_pair_whose_document_left_the_index_is_left_out_until_it_is_back(
    feedback: FeedbackStore,
) -> None:
    accepted_pair(feedback)
    nothing_found = feedback.save(2, ANSWER, Judgement("down", "not_found"))
    feedback.save_triage(nothing_found, Triage("answered_wrong"))

    feedback.mark_missing(index_of(HANDBOOK.text))
    assert len(feedback.accepted()) == 1
    feedback.mark_missing(index_of(None))
    assert feedback.accepted() == []
    assert [pair.missing for pair in feedback.pairs()] == ["", "document"]  # one rests on nothing
    feedback.mark_missing(index_of("Every employee has 25 days of leave."))
    assert [pair.missing for pair in feedback.pairs("accepted")] == ["passage"]
    assert feedback.accepted() == []
    feedback.mark_missing(index_of(QUOTE.replace(" ", "\n")))  # broken anew into lines
    assert len(feedback.accepted()) == 1


def test_an_index_that_cannot_be_read_marks_nothing(feedback: FeedbackStore) -> None:
    def document(path: str) -> Document:
        raise IndexNotFoundError("There is no index.")

    accepted_pair(feedback)
    with pytest.raises(IndexNotFoundError):
        feedback.mark_missing(document)
    assert len(feedback.accepted()) == 1


def test_deleted_feedback_takes_its_pair_along(feedback: FeedbackStore) -> None:
    pair = accepted_pair(feedback)
    feedback.delete(pair.feedback_id)
    assert (feedback.pairs(), feedback.by_id(pair.feedback_id)) == ([], None)
    assert feedback.edit_pairs({pair.id: {"state": "accepted"}}) == 0


@pytest.mark.parametrize("name", ["answer", "note", "author"])
def test_a_text_that_nobody_typed_is_refused(feedback: FeedbackStore, name: str) -> None:
    def with_text(text: str) -> Judgement:
        texts = {"answer": "20 days", "note": "", "author": "", name: text}
        return Judgement("down", "wrong", texts["note"], texts["answer"], None, texts["author"])

    longest = "あ" * LIMITS[name]
    feedback.save(1, ANSWER, with_text(longest))
    with pytest.raises(RagError, match=f"{LIMITS[name] + 1:,} characters"):
        feedback.save(2, ANSWER, with_text(longest + "あ"))
    assert feedback.counts() == {"unknown": 1}


def test_edits_are_kept_together_or_not_at_all(feedback: FeedbackStore) -> None:
    first, second = accepted_pair(feedback, 1), accepted_pair(feedback, 2)
    with pytest.raises(RagError, match="question of an example is empty"):
        feedback.edit_pairs({first.id: {"answer": "changed"}, second.id: {"question": " \n"}})
    with pytest.raises(RagError, match="The passage has 20,001 characters"):
        feedback.edit_pairs({first.id: {"answer": "x"}, second.id: {"passage": "a" * 20_001}})
    assert {pair.answer for pair in feedback.pairs()} == {"20 days"}


@pytest.mark.parametrize("edit", [{"author": "me"}, {"state": "learned"}, {"id = 1 --": "x"}])
def test_only_what_a_person_may_edit_is_edited(
    feedback: FeedbackStore, edit: dict[str, str]
) -> None:
    pair = accepted_pair(feedback)
    with pytest.raises(ValueError, match="not an edit"):
        feedback.edit_pairs({pair.id: edit})


def test_the_inbox_is_newest_first_and_can_be_limited_to_one_outcome(
    feedback: FeedbackStore,
) -> None:
    outcomes = ["not_indexed", "answered_wrong", "answered_wrong"]
    for answer_id, outcome in enumerate(outcomes):
        saved = feedback.save(answer_id, ANSWER, WRONG)
        feedback.save_triage(saved, Triage(outcome))  # type: ignore[arg-type] # a literal
    feedback.save(9, ANSWER, Judgement("up"))

    assert [item.answer_id for item in feedback.inbox(None, 3)] == [9, 2, 1]
    assert [item.answer_id for item in feedback.inbox("answered_wrong", 9)] == [2, 1]
    assert [item.answer_id for item in feedback.inbox("up", 9)] == [9]
    assert feedback.counts() == {"not_indexed": 1, "answered_wrong": 2, "up": 1}


def test_every_fault_is_kept(feedback: FeedbackStore) -> None:
    for answer_id, fault in enumerate(FAULTS):
        feedback.save(answer_id, ANSWER, Judgement("down", fault))
    assert [item.judgement.fault for item in feedback.inbox(None, 9)] == [*reversed(FAULTS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300 yen an hour [2]", "300 yen an hour"),
        ("10日です。[1]［２、３］", "10日です。"),
        ("See [draft] of 2024 【1】.", "See [draft] of 2024."),
    ],
)
def test_citation_markers_are_not_learned_from_a_correction(text: str, expected: str) -> None:
    assert without_markers(text) == expected


def test_a_line_of_the_export_tells_what_is_learned(feedback: FeedbackStore) -> None:
    line = pair_line(replace(accepted_pair(feedback), answer="二十日"))
    assert "二十日" in line
    assert json.loads(line) == {
        "question": "How many days of leave does staff have?",
        "answer": "二十日",
        "answerable": True,
        "source": HANDBOOK.path,
        "quote": QUOTE,
        "language": "en",
        "author": "",
    }


def test_a_history_of_the_version_before_gets_the_new_tables(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        for script in _MIGRATIONS[:3]:
            db.executescript(script)
        db.execute("PRAGMA user_version = 3")
        db.execute("INSERT INTO conversations VALUES ('c', 'Leave?', '2026-11-21')")
    store = Store(tmp_path / "state")
    assert [item.title for item in store.history.conversations(9)] == ["Leave?"]
    assert len(accepted_pair(store.feedback).question) > 0


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with an index of one document; the embedder is a hashing one."""
    environ, disabled = dict(os.environ), logging.root.manager.disable  # `main` sets both
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_STATE_DIR", str(tmp_path / "state"))
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    (tmp_path / "documents" / "rules").mkdir(parents=True)
    (tmp_path / "documents" / "rules" / "handbook.md").write_text(HANDBOOK.text)
    assert main(["build", str(tmp_path / "documents")]) == 0
    yield tmp_path
    logging.disable(disabled)
    os.environ.clear()
    os.environ.update(environ)


def test_the_export_holds_what_was_accepted_and_still_stands_in_the_index(
    place: Path, feedback: FeedbackStore, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, gone, proposed = (accepted_pair(feedback, n) for n in range(3))
    feedback.edit_pairs({kept.id: {"source": "rules/handbook.md"}})
    feedback.edit_pairs({proposed.id: {"state": "proposed", "source": "rules/handbook.md"}})
    assert gone.source == "rules/handbook.pdf"  # was a PDF, of which the index knows nothing
    capsys.readouterr()

    assert main(["feedback", "export"]) == 0
    printed, told = capsys.readouterr()
    assert [json.loads(line)["source"] for line in printed.splitlines()] == ["rules/handbook.md"]
    assert told == ("1 accepted examples are left out: the index no longer holds their passages.\n")
    assert main(["feedback", "export", "--out", "pairs.jsonl"]) == 0
    assert Path("pairs.jsonl").read_text(encoding="utf-8") == printed
    assert capsys.readouterr().out == "1 accepted examples are in pairs.jsonl.\n"
    assert main(["feedback", "export", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == 1


def test_an_export_to_nowhere_is_one_line(
    place: Path, feedback: FeedbackStore, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["feedback", "export", "--out", "missing/pairs.jsonl"]) == 1
    assert "missing/pairs.jsonl cannot be written" in capsys.readouterr().err
    assert main(["feedback", "export", "--index", "elsewhere"]) == 1
    assert "error: " in capsys.readouterr().err
