"""Conversations are their person's alone: another one finds, reads and changes nothing of them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rag import database
from rag.config import Config
from rag.errors import RagError
from rag.store import Store
from rag.worker import AnswerWorker
from tests.fakes import EchoEngine, wait_until

Attempt = Callable[[Store, str, int], object]


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store, Store]:
    """That of the machine, of Mika and of Aki."""
    store = Store(tmp_path)
    return store, store.of("id-mika", "mika"), store.of("id-aki", "aki")


def conversation_of(store: Store) -> tuple[str, int]:
    conversation = store.create_conversation("How long is the leave of Mika?")
    answer = store.add_answer(conversation, "How long is the leave of Mika?")
    store.finish_answer(answer, "done", "Twenty days.")
    return conversation, answer


# What must come to nothing for others, and to something for the owner.
READS: dict[str, Attempt] = {
    "the list": lambda store, _c, _a: store.history.conversations(10),
    "a search": lambda store, _c, _a: store.history.conversations(10, "twenty"),
    "by id": lambda store, c, _a: store.history.conversation(c),
    "by address": lambda store, c, _a: store.conversation_exists(c),
    "its answers": lambda store, c, _a: store.answers(c),
    "an answer": lambda store, _c, a: store.answer(a),
    "the latest answers": lambda store, _c, _a: store.latest_answers(10),
}


@pytest.mark.parametrize("name", READS)
def test_others_read_nothing(stores: tuple[Store, Store, Store], name: str) -> None:
    machine, mika, aki = stores
    conversation, answer = conversation_of(mika)
    read = READS[name]

    assert not read(aki, conversation, answer)
    assert not read(machine, conversation, answer)
    assert read(mika, conversation, answer)


def test_others_change_nothing(stores: tuple[Store, Store, Store]) -> None:
    _, mika, aki = stores
    conversation, answer = conversation_of(mika)

    aki.history.rename(conversation, "mine")
    aki.history.pin(conversation, is_pinned=True)
    aki.delete_conversation(conversation)
    with pytest.raises(RagError, match="deleted"):
        aki.add_answer(conversation, "and sick leave?")
    with pytest.raises(RagError, match="deleted"):
        aki.add_answer(conversation, "again", version_of=answer)
    assert aki.delete_all_conversations() == 0

    found = mika.history.conversation(conversation)
    assert found is not None
    assert (found.title, found.is_pinned) == ("How long is the leave of Mika?", False)
    assert len(mika.answers(conversation)) == 1
    assert mika.delete_all_conversations() == 1


def test_a_worker_answers_in_the_conversation_of_who_asks_alone(
    stores: tuple[Store, Store, Store],
) -> None:
    machine, mika, aki = stores
    worker = AnswerWorker(EchoEngine(Config()), machine)
    conversation = mika.create_conversation("leave")

    with pytest.raises(RagError, match="deleted"):
        worker.submit(conversation, "How many days?", store=aki)
    asked = worker.submit(conversation, "How many days?", store=mika)
    wait_until(lambda: not worker.is_live(asked), 10)
    answered = mika.answer(asked)
    assert answered is not None
    assert answered.state == "done"


def test_feedback_stands_under_the_name_of_who_gave_it(
    stores: tuple[Store, Store, Store],
) -> None:
    from rag.feedback import Judgement
    from tests.test_feedback_store import ANSWER

    _, mika, aki = stores
    _, answer = conversation_of(mika)
    mika.feedback.save(answer, ANSWER, Judgement("up"))

    given = mika.feedback.on_answer(answer)
    assert given is not None
    assert given.judgement.author == "mika"
    assert aki.feedback.on_answer(answer) is None


def test_what_was_there_before_belongs_to_the_person_at_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = database._MIGRATIONS
    before = next(n for n, script in enumerate(migrations) if "ADD COLUMN owner" in script)
    with monkeypatch.context() as patch:
        patch.setattr(database, "_MIGRATIONS", migrations[:before])
        database.Database(tmp_path / "fumikura.sqlite")
    with closing(sqlite3.connect(tmp_path / "fumikura.sqlite")) as connection, connection:
        connection.execute("INSERT INTO conversations (id, title, updated) VALUES ('c', 't', 'u')")

    store = Store(tmp_path)
    assert [found.id for found in store.history.conversations(9)] == ["c"]
    assert store.of("id-mika", "mika").history.conversations(9) == []
