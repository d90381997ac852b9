"""Conversations are found by any of their words, keep their order, and know their versions."""

import sqlite3
from pathlib import Path

import pytest

from rag.database import _MIGRATIONS
from rag.errors import RagError
from rag.history_store import Conversation
from rag.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def talk(store: Store, title: str, *exchanges: tuple[str, str]) -> str:
    """Return a conversation of questions with their answers."""
    conversation = store.create_conversation(title)
    for question, text in exchanges:
        store.finish_answer(store.add_answer(conversation, question), "done", text)
    return conversation


def titles(store: Store, search: str) -> list[str]:
    return [found.title for found in store.history.conversations(10, search)]


@pytest.mark.parametrize(
    "search",
    [
        "有給",  # of two characters, inside a word
        "申請",  # of the answer
        "上長",  # of the second answer
        "様式J-2",
        "様式ｊ－２",  # full-width, lower case
        "Wi-Fi",
        "WI-FI",
        "ｗｉ‐ｆｉ".replace("‐", "－"),
        "カード",
        "ｶｰﾄﾞ",  # half-width katakana with a mark of its own
        "  有給　カード ",  # two words, one of each answer, parted by a full-width space
        "cafe",
    ],
)
def test_a_conversation_is_found_by_any_of_its_words(store: Store, search: str) -> None:
    talk(
        store,
        "年次有給休暇は何日ですか？",
        ("年次有給休暇は何日ですか？", "申請は様式Ｊ－２で行います。"),
        ("会員カードはどこですか", "上長に、Wi-Fi の使える café で聞いてください。"),
    )
    talk(store, "Opening hours", ("When does the house open?", "At ten."))

    assert titles(store, search) == ["年次有給休暇は何日ですか？"]


@pytest.mark.parametrize("search", ["病気", "有給 病気", "%", "_", "有休", "' OR 1 --"])
def test_a_conversation_without_one_of_the_words_is_not_found(store: Store, search: str) -> None:
    talk(store, "有給休暇", ("有給休暇は何日ですか", "10日です。"))

    assert titles(store, search) == []


def test_trigrams_would_not_find_two_characters() -> None:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'trigram')")
        db.execute("INSERT INTO words VALUES ('年次有給休暇')")

        counts = [
            db.execute("SELECT count(*) FROM words WHERE words MATCH ?", (word,)).fetchone()[0]
            for word in ("有給", "有給休")
        ]

    assert counts == [0, 1]


def test_an_answer_is_searched_once_it_is_there_and_no_longer_when_it_is_deleted(
    store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Leave?")
    answer_id = store.add_answer(conversation, "How long?")
    assert (titles(store, "how LONG"), titles(store, "twenty")) == (["Leave?"], [])
    store.finish_answer(answer_id, "done", "Twenty days.")
    assert titles(store, "twenty") == ["Leave?"]
    store.delete_conversation(conversation)
    assert titles(store, "twenty") == []
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        assert db.execute("SELECT count(*) FROM answer_words").fetchone() == (0,)


def test_the_draft_of_a_server_that_ended_is_searched(store: Store, tmp_path: Path) -> None:
    answer_id = store.add_answer(store.create_conversation("Leave?"), "How long?")
    store.save_draft(answer_id, "Twenty")
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        db.execute("UPDATE answers SET owner_started = owner_started - 1000")

    assert titles(Store(tmp_path / "state"), "twenty") == ["Leave?"]


def test_pinned_conversations_come_first_and_each_group_by_last_use(store: Store) -> None:
    first, second, third = (talk(store, title) for title in ("first", "second", "third"))
    store.history.pin(first, is_pinned=True)
    assert titles(store, "") == ["first", "third", "second"]
    store.history.pin(second, is_pinned=True)
    store.add_answer(first, "again")
    assert titles(store, "") == ["first", "second", "third"]
    store.history.pin(first, is_pinned=False)
    assert titles(store, "") == ["second", "first", "third"]
    assert [one.title for one in store.history.conversations(2)] == ["second", "first"]
    assert store.history.conversation(third) is not None


def test_a_renamed_conversation_is_found_by_its_new_name_alone(store: Store) -> None:
    conversation = talk(store, "Leave?")
    before = store.history.conversation(conversation)
    assert before is not None
    store.history.rename(conversation, "  休暇\n の件 ")
    assert titles(store, "休暇 の件") == ["休暇 の件"]
    assert titles(store, "leave") == []
    store.history.rename(conversation, " \n ")
    assert store.history.conversation(conversation) == Conversation(
        conversation, "休暇 の件", before.updated
    )


def test_a_file_of_the_version_before_is_searched_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        for script in _MIGRATIONS[:4]:
            db.executescript(script)
        db.execute("PRAGMA user_version = 4")
        db.execute("INSERT INTO conversations VALUES ('c', 'ＬＥＡＶＥ?', '2026-01-01')")
        for text in ("年次有給休暇", ""):
            db.execute(
                "INSERT INTO answers (conversation_id, question, state, text, owner_pid, "
                "owner_started, created) VALUES ('c', 'Who?', 'done', ?, 1, 1.0, '2026-01-01')",
                (text,),
            )

    store = Store(tmp_path / "state")

    found = Conversation("c", "ＬＥＡＶＥ?", "2026-01-01")
    assert [store.history.conversations(9, word) for word in ("leave", "有給", "WHO", "x")] == [
        [found],
        [found],
        [found],
        [],
    ]
    answers = store.answers("c")
    assert [(one.text, one.version_of, one.turn) for one in answers] == [
        ("年次有給休暇", None, answers[0].id),
        ("", None, answers[1].id),
    ]


def test_a_new_version_takes_the_place_of_the_last_question(store: Store) -> None:
    conversation = talk(store, "t", ("first", "1"), ("secnd", "2"))
    turn = store.answers(conversation)[-1].id

    newer = store.add_answer(conversation, "second", version_of=turn)
    store.finish_answer(newer, "done", "2")
    newest = store.add_answer(conversation, "second?", version_of=turn)
    store.finish_answer(newest, "done", "2")
    after = store.add_answer(conversation, "third")

    assert [one.turn for one in store.answers(conversation)] == [turn - 1, turn, turn, turn, after]
    assert store.questions_before(newest) == ["first"]
    assert store.questions_before(after) == ["first", "second?"]
    assert titles(store, "secnd") == ["t"]  # the version before can still be read


def test_a_question_that_is_being_answered_is_not_asked_anew(store: Store) -> None:
    conversation = store.create_conversation("t")
    turn = store.add_answer(conversation, "first")
    for state in ("queued", "running"):
        with pytest.raises(RagError, match="being answered already"):
            store.add_answer(conversation, "first", version_of=turn)
        store.save_draft(turn, state)
    store.finish_answer(turn, "stopped", "")
    assert store.add_answer(conversation, "first", version_of=turn) > turn


def test_only_the_last_question_is_asked_anew(store: Store) -> None:
    conversation = talk(store, "t", ("first", "1"), ("second", "2"))
    first, second = (one.id for one in store.answers(conversation))
    with pytest.raises(RagError, match="gone on in another window"):
        store.add_answer(conversation, "first", version_of=first)
    assert len(store.answers(conversation)) == 2
    assert store.add_answer(conversation, "second", version_of=second) > second
    store.delete_conversation(conversation)
    with pytest.raises(RagError, match="was deleted"):
        store.add_answer(conversation, "second", version_of=second)
