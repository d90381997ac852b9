"""The worker loses no answer, stops in time, and outlives its engine's mistakes."""

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest

from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, Progress, SearchFilter, Token
from rag.errors import CrowdedError, RagError
from rag.program_question import Outcome, ProgramQuestion
from rag.store import Store, StoredAnswer
from rag.worker import INTERNAL_ERROR, MAX_WAITING, AnswerWorker
from tests.fakes import EchoEngine, make_answer, wait_until

QUESTION = "How many days of leave?"
FULL_TEXT = EchoEngine.ANSWERS["en"][0]


class GatedEngine(EchoEngine):
    """Answers no question before `gate` is opened."""

    def __init__(self) -> None:
        super().__init__(Config())
        self.gate = threading.Event()

    def ask(
        self,
        question: str,
        stop: threading.Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        while not self.gate.wait(0.01):
            if stop.is_set():
                yield make_answer(question, "", is_stopped=True)
                return
        yield from super().ask(question, stop, search_filter, history, progress)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def engine() -> GatedEngine:
    return GatedEngine()


@pytest.fixture
def worker(engine: GatedEngine, store: Store) -> AnswerWorker:
    return AnswerWorker(engine, store)


@pytest.fixture
def conversation(store: Store) -> str:
    return store.create_conversation(QUESTION)


def outcome(store: Store, answer_id: int) -> StoredAnswer:
    stored = store.answer(answer_id)
    assert stored is not None
    return stored


def test_the_tail_yields_the_text_and_ends_with_the_answer_stored(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    answer_id = worker.submit(conversation, QUESTION)
    tail = worker.tail(answer_id)
    assert next(tail) == ""  # the heartbeat of an answer that has not begun
    engine.gate.set()
    assert "".join(tail) == FULL_TEXT
    stored = outcome(store, answer_id)
    assert (stored.state, stored.text) == ("done", FULL_TEXT)
    assert stored.answer is not None
    assert stored.answer.hits


def test_the_limits_go_with_the_question(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    engine.gate.set()
    within = SearchFilter("work", ("*.pdf", "規則"), ("pdf",), date(2024, 3, 1), None)
    answer_id = worker.submit(conversation, QUESTION, within)
    "".join(worker.tail(answer_id))
    assert engine.asked_within == [within]
    assert outcome(store, answer_id).search_filter == within


def test_an_abandoned_tail_loses_nothing_and_a_second_one_has_it_all(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    engine.pause_seconds = 0.01
    engine.gate.set()
    answer_id = worker.submit(conversation, QUESTION)
    first = worker.tail(answer_id)
    assert any(next(first) for _ in range(100))
    del first  # as a page does that is closed
    assert "".join(worker.tail(answer_id)) == FULL_TEXT
    assert outcome(store, answer_id).state == "done"


def test_the_tail_of_a_finished_answer_is_its_stored_text(
    worker: AnswerWorker, engine: GatedEngine, conversation: str
) -> None:
    engine.gate.set()
    answer_id = worker.submit(conversation, QUESTION)
    wait_until(lambda: not worker.is_live(answer_id))
    assert list(worker.tail(answer_id)) == [FULL_TEXT]
    assert list(worker.tail(999)) == [""]


def test_stop_ends_the_answer_and_keeps_the_text(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    engine.pause_seconds = 0.05
    engine.gate.set()
    answer_id = worker.submit(conversation, QUESTION)
    tail = worker.tail(answer_id)
    seen = next(piece for piece in tail if piece)
    worker.stop(answer_id)
    seen += "".join(tail)
    stored = outcome(store, answer_id)
    assert stored.state == "stopped"
    assert stored.text == seen
    assert FULL_TEXT.startswith(seen)


def test_stop_does_not_wait_for_an_engine_that_is_deep_in_thought(
    store: Store, conversation: str
) -> None:
    class ReadingEngine(EchoEngine):
        def ask(
            self,
            question: str,
            stop: threading.Event,
            search_filter: SearchFilter = EVERYWHERE,
            history: Sequence[str] = (),
            progress: Callable[[Progress], None] = lambda step: None,
        ) -> Iterator[Token | Answer]:
            yield Token("You")
            finished_reading.wait(60)
            yield Token(" have")
            yield make_answer(question, "", is_stopped=True)

    finished_reading = threading.Event()
    worker = AnswerWorker(ReadingEngine(Config()), store)
    answer_id = worker.submit(conversation, QUESTION)
    tail = worker.tail(answer_id)
    assert next(piece for piece in tail if piece) == "You"
    worker.stop(answer_id)
    assert "".join(tail) == ""
    assert outcome(store, answer_id).state == "stopped"
    later = worker.submit(conversation, QUESTION)
    assert worker.questions_ahead(later) == 1
    worker.stop(later)
    finished_reading.set()
    wait_until(lambda: outcome(store, answer_id).answer is not None)
    stored = outcome(store, answer_id)
    assert (stored.state, stored.text) == ("stopped", "You")


def test_a_question_stopped_while_waiting_is_never_asked(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    first, second = (worker.submit(conversation, text) for text in (QUESTION, "Hotel?"))
    worker.stop(second)
    engine.gate.set()
    wait_until(lambda: not worker.is_live(second))
    assert outcome(store, first).state == "done"
    assert outcome(store, second).state == "stopped"
    assert engine.asked == [QUESTION]


def test_questions_wait_their_turn(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    ids = [worker.submit(conversation, f"Question {n}") for n in range(3)]
    assert [worker.questions_ahead(answer_id) for answer_id in ids] == [0, 1, 2]
    engine.gate.set()
    wait_until(lambda: not worker.is_live(ids[-1]))
    assert engine.asked == ["Question 0", "Question 1", "Question 2"]
    assert {item.state for item in store.answers(conversation)} == {"done"}


def test_too_many_waiting_questions_are_refused(worker: AnswerWorker, conversation: str) -> None:
    for n in range(MAX_WAITING + 1):
        worker.submit(conversation, f"Question {n}")
    with pytest.raises(RagError, match=f"{MAX_WAITING} questions are waiting"):
        worker.submit(conversation, "one more")


def test_a_crash_is_stored_with_its_text_and_the_next_question_is_answered(
    worker: AnswerWorker, engine: GatedEngine, store: Store, conversation: str
) -> None:
    engine.gate.set()
    crashed, refused, answered = (
        worker.submit(conversation, text) for text in ("crash", "refuse", QUESTION)
    )
    wait_until(lambda: not worker.is_live(answered))
    crash = outcome(store, crashed)
    assert (crash.state, crash.error, crash.text) == ("failed", INTERNAL_ERROR, "Half an ")
    assert outcome(store, refused).error == "The question is too long. Shorten it."
    assert outcome(store, answered).state == "done"


class SilentEngine:
    """Gives no answer."""

    def ask(
        self,
        question: str,
        stop: threading.Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        yield Token(f"about {question}")


def test_an_engine_that_gives_no_answer_is_a_failure(store: Store, conversation: str) -> None:
    worker = AnswerWorker(SilentEngine(), store)
    answer_id = worker.submit(conversation, QUESTION)
    wait_until(lambda: not worker.is_live(answer_id))
    assert outcome(store, answer_id).error == INTERNAL_ERROR


def test_a_full_disk_does_not_end_the_worker(
    worker: AnswerWorker,
    engine: GatedEngine,
    store: Store,
    conversation: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    first = worker.submit(conversation, QUESTION)
    with monkeypatch.context() as patch:
        patch.setattr(store, "finish_answer", fail)
        engine.gate.set()
        wait_until(lambda: not worker.is_live(first))
    second = worker.submit(conversation, QUESTION)
    wait_until(lambda: not worker.is_live(second))
    assert outcome(store, second).state == "done"


# Questions of programs


class Received:
    """What was delivered to a program."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def deliver(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def question(self, text: str = QUESTION) -> ProgramQuestion:
        return ProgramQuestion(text, self.deliver, ("What is leave?",))

    @property
    def last(self) -> Outcome:
        return self.outcomes[-1] if self.outcomes else None


def test_the_answer_to_a_program_is_delivered_and_in_nobodys_list(
    worker: AnswerWorker, engine: GatedEngine, store: Store
) -> None:
    engine.gate.set()
    program = Received()
    worker.submit_program(program.question())
    wait_until(lambda: isinstance(program.last, Answer))
    pieces = [event.text for event in program.outcomes if isinstance(event, Token)]
    assert "".join(pieces) == FULL_TEXT
    assert store.history.conversations(10) == []
    assert store.latest_answers(10) == []


def test_a_person_is_asked_for_between_two_programs(
    worker: AnswerWorker, engine: GatedEngine, conversation: str
) -> None:
    program = Received()
    for n in range(3):
        worker.submit_program(program.question(f"Program {n}"))
    answer_id = worker.submit(conversation, QUESTION)
    assert worker.questions_ahead(answer_id) == 1
    engine.gate.set()
    wait_until(lambda: sum(isinstance(event, Answer) for event in program.outcomes) == 3)
    assert engine.asked == ["Program 0", QUESTION, "Program 1", "Program 2"]


def test_a_program_that_gives_up_while_it_waits_is_never_answered(
    worker: AnswerWorker, engine: GatedEngine
) -> None:
    first, second, third = (Received() for _ in range(3))
    asked = [program.question(f"Program {n}") for n, program in enumerate((first, second, third))]
    for question in asked:
        worker.submit_program(question)
    worker.stop_program(asked[1])
    engine.gate.set()
    wait_until(lambda: isinstance(third.last, Answer))
    assert engine.asked == ["Program 0", "Program 2"]
    assert second.outcomes == []


def test_a_crowd_of_programs_is_refused_and_people_are_not(
    worker: AnswerWorker, conversation: str
) -> None:
    program = Received()
    for _ in range(MAX_WAITING + 1):
        worker.submit_program(program.question())
    with pytest.raises(CrowdedError, match=f"{MAX_WAITING} questions are waiting"):
        worker.submit_program(program.question())
    assert worker.submit(conversation, QUESTION)


def test_errors_and_bugs_reach_the_program_and_end_nothing_else(
    worker: AnswerWorker, engine: GatedEngine
) -> None:
    engine.gate.set()
    crashed, refused, answered = (Received() for _ in range(3))
    worker.submit_program(crashed.question("crash"))
    worker.submit_program(refused.question("refuse"))
    worker.submit_program(answered.question())
    wait_until(lambda: isinstance(answered.last, Answer))
    assert crashed.outcomes == [Token("Half an "), None]
    assert str(refused.last) == "The question is too long. Shorten it."


def test_an_engine_that_gives_a_program_no_answer_is_a_bug(store: Store) -> None:
    program = Received()
    AnswerWorker(SilentEngine(), store).submit_program(program.question("leave"))
    wait_until(lambda: len(program.outcomes) == 2)
    assert program.outcomes == [Token("about leave"), None]


def test_what_is_being_done_is_told_while_it_is_done(
    worker: AnswerWorker, engine: GatedEngine, conversation: str
) -> None:
    first = worker.submit(conversation, QUESTION)
    second = worker.submit(conversation, QUESTION)
    assert worker.step(first) is None  # the engine has not begun
    engine.pause_seconds = 0.2
    engine.gate.set()
    wait_until(lambda: worker.step(first) == Progress("read", 0, 3))
    assert worker.step(second) is None  # it waits
    wait_until(lambda: not worker.is_live(first))
    assert worker.step(first) is None
