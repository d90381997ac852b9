"""What readers may do with the services of the pages: a little, and nothing by mistake."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.access import Access
from rag.audit import AuditLog
from rag.comparison import Comparer
from rag.config import Config
from rag.datatypes import EVERYWHERE
from rag.engine import RagEngine
from rag.errors import AccessError, RagError, SignedOutError
from rag.feedback import Judgement
from rag.feedback_store import FeedbackStore
from rag.history_store import HistoryStore
from rag.jobs import Jobs
from rag.permissions import _EVERYBODY, _NOTED, NOT_ALLOWED, Gate, Visit
from rag.store import Store
from rag.ui.auto_sync import AutoSync
from rag.ui.services import Services, services_of
from rag.users import UsersFile
from rag.worker import AnswerWorker
from tests.access_state import PASSWORD, add_people
from tests.fakes import EchoEngine, wait_until
from tests.test_feedback_store import ANSWER

CLASSES: dict[str, type] = {
    "engine": RagEngine,
    "store": Store,
    "store.history": HistoryStore,
    "store.feedback": FeedbackStore,
    "worker": AnswerWorker,
    "jobs": Jobs,
    "auto_sync": AutoSync,
    "comparer": Comparer,
}


class Recorder:
    """Notes every call, so that a test sees whether any work was begun."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: self.calls.append(name)


class World:
    """The services of a server with three people."""

    def __init__(self, folder: Path) -> None:
        add_people(folder)
        self.folder = folder
        self.config = Config(state_dir=folder, auth="password")
        self.store = Store(folder)
        self.engine = EchoEngine(self.config)
        self.access = Access(self.config, self.store.sessions, AuditLog(folder))
        self.recorder = Recorder()
        recorded: Any = self.recorder
        engine: Any = self.engine
        worker = AnswerWorker(engine, self.store)
        self.services = Services(
            self.config, engine, self.store, worker, recorded, recorded, recorded, self.access
        )

    def visit(self, name: str) -> Visit:
        token = self.access.sign_in(name, PASSWORD, "10.0.0.1")
        assert token is not None
        return Visit(self.access, token)

    def services_for(self, name: str) -> Services:
        return services_of(self.services, self.visit(name))

    def audited(self) -> list[tuple[str, str, str]]:
        lines = (self.folder / "audit.jsonl").read_text().splitlines()
        return [(e["user"], e["action"], e.get("object", "")) for e in map(json.loads, lines)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize(
    ("service", "method"),
    [
        (service, name)
        for service in ("jobs", "auto_sync", "comparer")
        for name, _ in inspect.getmembers(CLASSES[service])
        if not name.startswith("_")
    ],
)
def test_nothing_of_jobs_syncs_and_comparisons_is_for_readers(
    world: World, service: str, method: str
) -> None:
    with pytest.raises(AccessError, match=NOT_ALLOWED):
        getattr(getattr(world.services_for("mika"), service), method)("12")

    assert world.recorder.calls == []  # refused before any work
    assert world.audited()[-1] == ("mika", "refused", f"{service}.{method}")
    getattr(getattr(world.services_for("aki"), service), method)("12")
    assert world.recorder.calls == [method]


@pytest.mark.parametrize(
    "attempt",
    [
        lambda s: s.engine.plan_sync(None),
        lambda s: s.engine.sources(),
        lambda s: s.store.save_setting("auto_sync", "on"),
        lambda s: s.store.setting("training"),
        lambda s: s.store.jobs.live(),
        lambda s: s.store.comparisons.latest(9),
        lambda s: s.store.feedback.inbox(None, 9),
        lambda s: s.store.feedback.edit_pairs({1: {"state": "accepted"}}),
        lambda s: s.store.feedback.propose(1),
        lambda s: s.store.of("id-ren", "ren"),
        lambda s: s.store.finish_answer(1, "done", "mine"),
        lambda s: s.store.sessions,
        lambda s: s.worker.submit_program(None),
    ],
)
def test_what_is_for_administrators_is_refused_to_readers(
    world: World, attempt: Callable[[Services], object]
) -> None:
    with pytest.raises(AccessError, match=NOT_ALLOWED):
        attempt(world.services_for("mika"))


def test_what_is_open_to_everybody_is_there_and_what_is_noted_too() -> None:
    for path, names in _EVERYBODY.items():
        for name in names - {"config", "feedback", "history"}:
            assert hasattr(CLASSES[path], name), f"{path}.{name}"
    for name in _NOTED:
        path, _, method = name.rpartition(".")
        if path != "store.comparisons":
            assert hasattr(CLASSES[path], method), name


def test_a_method_that_is_new_is_closed_until_it_is_named(world: World) -> None:
    class Grown:
        def conversations(self) -> str:
            return "known"

        def wipe_everything(self) -> str:
            return "new"

    gate = Gate(Grown(), "store.history", world.visit("mika"))
    assert gate.conversations() == "known"
    with pytest.raises(AccessError):
        gate.wipe_everything()


def test_who_signed_out_can_do_nothing_any_more_with_a_page_that_is_open(world: World) -> None:
    visit = world.visit("mika")
    services = services_of(world.services, visit)
    button = services.store.create_conversation  # as a callback holds it
    button("before")
    visit.sign_out()

    with pytest.raises(SignedOutError):
        button("after")
    with pytest.raises(SignedOutError):
        services_of(world.services, visit)


def test_who_is_no_administrator_any_more_is_refused_on_a_page_that_is_open(world: World) -> None:
    services = world.services_for("aki")
    services.jobs.cancel(1)
    UsersFile(world.folder).put("aki", "reader", PASSWORD)

    with pytest.raises(AccessError, match=NOT_ALLOWED):
        services.jobs.cancel(2)
    assert world.recorder.calls == ["cancel"]


def test_two_people_see_their_own_conversations_an_administrator_too(world: World) -> None:
    mika, ren, aki = (world.services_for(name) for name in ("mika", "ren", "aki"))
    conversation = mika.store.create_conversation("How long is my leave?")
    answer = mika.worker.submit(conversation, "How long is my leave?")
    wait_until(lambda: not mika.worker.is_live(answer), 10)
    assert "".join(mika.worker.tail(answer)) or mika.store.answer(answer)

    for other in (ren, aki):
        assert other.store.history.conversations(9) == []
        assert not other.store.conversation_exists(conversation)
        assert other.store.answers(conversation) == []
        assert other.store.answer(answer) is None
        with pytest.raises(RagError, match="deleted"):
            other.worker.submit(conversation, "And then?")
    assert mika.store.conversation_exists(conversation)


def test_an_answer_that_is_coming_can_be_followed_and_stopped_by_its_person_alone(
    world: World,
) -> None:
    world.engine.pause_seconds = 0.2
    mika, ren = world.services_for("mika"), world.services_for("ren")
    conversation = mika.store.create_conversation("leave")
    answer = mika.worker.submit(conversation, "How long is my leave?")

    assert list(ren.worker.tail(answer)) == []
    assert not ren.worker.is_live(answer)
    ren.worker.stop(answer)
    assert mika.worker.is_live(answer)
    mika.worker.stop(answer)
    wait_until(lambda: not mika.worker.is_live(answer), 10)
    stopped = mika.store.answer(answer)
    assert stopped is not None
    assert stopped.state == "stopped"


def test_feedback_is_given_on_own_answers_and_read_by_administrators(world: World) -> None:
    mika, ren, aki = (world.services_for(name) for name in ("mika", "ren", "aki"))
    conversation = mika.store.create_conversation("leave")
    answer = mika.store.add_answer(conversation, "How long is my leave?")
    given = mika.store.feedback.save(answer, ANSWER, Judgement("up"), EVERYWHERE)

    with pytest.raises(RagError, match="not yours"):
        ren.store.feedback.save(answer, ANSWER, Judgement("down"))
    with pytest.raises(RagError, match="not yours"):
        ren.store.feedback.delete(given)
    assert ren.store.feedback.by_id(given) is None
    assert ren.store.feedback.on_answer(answer) is None
    assert [found.judgement.author for found in aki.store.feedback.inbox(None, 9)] == ["mika"]
    mika.store.feedback.delete(given)
    assert aki.store.feedback.inbox(None, 9) == []


def test_the_audit_log_names_what_was_done_and_holds_no_text(world: World) -> None:
    secret = "How much does Mika earn?"
    mika, aki = world.services_for("mika"), world.services_for("aki")
    conversation = mika.store.create_conversation(secret)
    answer = mika.worker.submit(conversation, secret)
    mika.store.feedback.save(answer, ANSWER, Judgement("down", note=secret), EVERYWHERE)
    mika.store.delete_conversation(conversation)
    aki.store.feedback.edit_pairs({7: {"answer": secret}, 9: {}})
    aki.jobs.cancel(3)

    assert world.audited()[2:] == [
        ("mika", "ask", str(answer)),
        ("mika", "feedback", "1"),
        ("mika", "delete-conversation", conversation),
        ("aki", "review-examples", "7,9"),
        ("aki", "cancel", "3"),
    ]
    written = (world.folder / "audit.jsonl").read_text()
    assert "earn" not in written
    assert PASSWORD not in written
