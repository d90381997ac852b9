"""Conversations, answers and jobs survive what a tab or a server does to them."""

import json
import os
import sqlite3
import stat
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rag.answer_json import answer_from_json, answer_to_json, report_from_json
from rag.database import _MIGRATIONS
from rag.datatypes import EVERYWHERE, Hit, Progress, SearchFilter, Span
from rag.errors import IndexBusyError, RagError
from rag.process_identity import is_process_alive, own_identity
from rag.store import INTERRUPTED, Store
from tests.fakes import HANDBOOK, chunk_of_line, make_answer

ANSWER = make_answer(
    "何日ですか？",
    "You have 20 days. [1]",
    quote="20 days",
    hits=(Hit(1, chunk_of_line(HANDBOOK, "20 days"), 0.5, lexical_score=3.2),),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def execute(tmp_path: Path, statement: str) -> None:
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        db.execute(statement)


def test_an_answer_comes_back_from_json_equal() -> None:
    assert answer_from_json(answer_to_json(ANSWER)) == ANSWER


def test_spans_come_back_and_may_be_missing_in_an_answer_of_an_older_version() -> None:
    read = replace(ANSWER.hits[0], spans=(Span(0, 7, "20 days", 1.5),))
    answer = replace(ANSWER, hits=(read,))
    older = json.loads(answer_to_json(ANSWER))
    del older["hits"][0]["spans"]

    assert answer_from_json(answer_to_json(answer)) == answer
    assert answer_from_json(json.dumps(older)) == ANSWER


def test_an_answer_without_prompt_comes_back_equal() -> None:
    nothing = make_answer("none", "")
    assert answer_from_json(answer_to_json(nothing)) == nothing


@pytest.mark.parametrize("text", ["{}", '{"citations": 3}', "not json"])
def test_json_that_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"stored answer|Expecting value"):
        answer_from_json(text)


@pytest.mark.parametrize("text", ["{}", "[]", '{"index_id": "a"}'])
def test_json_that_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="build report"):
        report_from_json(text)


def test_files_are_readable_by_their_owner_alone(store: Store, tmp_path: Path) -> None:
    store.create_conversation("Leave")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    files = list((tmp_path / "state").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_question_goes_from_queued_to_done_with_its_provenance(
    store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Leave?")
    answer_id = store.add_answer(conversation, "Leave?")
    store.save_draft(answer_id, "You")
    (running,) = store.answers(conversation)
    assert (running.state, running.text, running.is_live) == ("running", "You", True)
    store.finish_answer(answer_id, "done", ANSWER.text, answer=ANSWER)
    (done,) = Store(tmp_path / "state").answers(conversation)
    assert (done.state, done.text, done.answer) == ("done", ANSWER.text, ANSWER)
    assert done.finished is not None


def test_conversations_are_listed_by_last_use(store: Store) -> None:
    first, second = (store.create_conversation(title) for title in ("first", "second"))
    assert [item.title for item in store.history.conversations(10)] == ["second", "first"]
    store.add_answer(first, "again")
    assert [item.id for item in store.history.conversations(10)] == [first, second]


def test_a_deleted_conversation_takes_its_answers_along(store: Store) -> None:
    conversation = store.create_conversation("Leave?")
    answer_id = store.add_answer(conversation, "Leave?")
    store.delete_conversation(conversation)
    assert store.answer(answer_id) is None
    with pytest.raises(RagError, match="was deleted"):
        store.add_answer(conversation, "Leave?")


def test_an_answer_of_a_dead_server_is_interrupted_and_keeps_its_text(
    store: Store, tmp_path: Path
) -> None:
    conversation = store.create_conversation("Leave?")
    answer_id = store.add_answer(conversation, "Leave?")
    store.save_draft(answer_id, "You have")
    # The pid lives, but as another process: it started at another time.
    execute(tmp_path, "UPDATE answers SET owner_started = owner_started - 1000")
    (answer,) = Store(tmp_path / "state").answers(conversation)
    assert (answer.state, answer.error, answer.text) == ("failed", INTERRUPTED, "You have")


def test_an_answer_of_a_living_server_goes_on(store: Store, tmp_path: Path) -> None:
    conversation = store.create_conversation("Leave?")
    store.add_answer(conversation, "Leave?")
    (answer,) = Store(tmp_path / "state").answers(conversation)
    assert answer.state == "queued"


def test_one_job_of_a_kind_is_live_at_a_time(store: Store) -> None:
    job_id = store.jobs.add("sync", "/documents")
    with pytest.raises(IndexBusyError, match="updated already"):
        store.jobs.add("sync", "/documents")
    store.jobs.add("training", "/documents")
    store.jobs.finish(job_id, "done")
    assert store.jobs.add("sync", "/documents") > job_id


def test_of_many_threads_exactly_one_starts_a_job(store: Store) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        try:
            store.jobs.add("sync", "/documents")
            outcomes.append("started")
        except IndexBusyError:
            outcomes.append("busy")

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["busy"] * 7 + ["started"]


def test_a_job_remembers_process_and_progress(store: Store) -> None:
    job_id = store.jobs.add("sync", "/documents")
    store.jobs.set_process(job_id, *own_identity())
    store.jobs.set_progress(job_id, Progress("read", 3, 10, "a.pdf"))
    job = store.jobs.latest("sync")
    assert job is not None
    assert (job.pid, job.progress) == (os.getpid(), Progress("read", 3, 10, "a.pdf"))
    assert [item.id for item in store.jobs.live()] == [job_id]


def test_a_stage_keeps_when_it_began_and_how_far_it_was(store: Store) -> None:
    job_id = store.jobs.add("sync", "", ["--retry-all"])

    def seen(progress: Progress) -> tuple[str | None, int]:
        store.jobs.set_progress(job_id, progress)
        job = store.jobs.by_id(job_id)
        assert job is not None
        assert job.arguments == ("--retry-all",)
        return job.stage_started, job.stage_first

    read_started, first = seen(Progress("read", 3, 10))
    assert read_started is not None
    assert first == 3
    assert seen(Progress("read", 7, 10)) == (read_started, 3)
    time.sleep(0.005)
    embed_started, first = seen(Progress("embed", 0, 64))
    assert embed_started is not None
    assert embed_started > read_started
    assert first == 0


def test_a_setting_is_kept_for_later_servers(store: Store, tmp_path: Path) -> None:
    assert store.setting("auto_sync") == ""
    for value in ("off", "on"):
        store.save_setting("auto_sync", value)
    assert Store(tmp_path / "state").setting("auto_sync") == "on"


def test_a_file_of_the_first_version_gains_the_new_columns(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        db.executescript(_MIGRATIONS[0])
        db.execute("PRAGMA user_version = 1")
        db.execute("INSERT INTO conversations VALUES ('c', 'Leave?', '2026-01-01')")
        db.execute(
            "INSERT INTO answers (conversation_id, question, state, owner_pid, owner_started, "
            "created) VALUES ('c', 'Leave?', 'done', 1, 1.0, '2026-01-01')"
        )
        db.execute(
            "INSERT INTO jobs (kind, subject, state, created) "
            "VALUES ('build', '/documents', 'done', '2026-01-01')"
        )
    store = Store(tmp_path / "state")
    assert [answer.search_filter for answer in store.answers("c")] == [EVERYWHERE]
    job = store.jobs.latest("sync")
    assert job is not None
    assert (job.subject, job.arguments, job.stage_started) == ("/documents", (), None)


def test_the_collection_of_a_question_of_the_second_version_becomes_its_limits(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state" / "fumikura.sqlite") as db:
        for script in _MIGRATIONS[:2]:
            db.executescript(script)
        db.execute("PRAGMA user_version = 2")
        db.execute("INSERT INTO conversations VALUES ('c', 'Leave?', '2026-01-01')")
        for collection in ('仕事 "A"', ""):
            db.execute(
                "INSERT INTO answers (conversation_id, question, state, owner_pid, owner_started, "
                "created, collection) VALUES ('c', 'Leave?', 'done', 1, 1.0, '2026-01-01', ?)",
                (collection,),
            )

    found = [answer.search_filter for answer in Store(tmp_path / "state").answers("c")]

    assert found == [SearchFilter('仕事 "A"'), EVERYWHERE]


def test_a_reused_pid_is_another_process() -> None:
    pid, started = own_identity()
    assert is_process_alive(pid, started)
    assert not is_process_alive(pid, started - 60)


def test_a_newer_file_is_refused_with_a_way_out(store: Store, tmp_path: Path) -> None:
    execute(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(RagError, match=r"version 99.*Move that file aside"):
        Store(tmp_path / "state")


def test_a_damaged_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "fumikura.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(RagError, match="Move that file aside"):
        Store(tmp_path)


def test_a_second_start_migrates_nothing(store: Store, tmp_path: Path) -> None:
    conversation = store.create_conversation("Leave?")
    assert Store(tmp_path / "state").conversation_exists(conversation)
