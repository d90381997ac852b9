"""Answers questions one after another in a thread of its own, so that no page can lose one.

A Streamlit script ends at every click, reload and disconnect; it only follows the text here
with `AnswerWorker.tail`. Questions of programs take turns with those of people.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from rag.datatypes import EVERYWHERE, Answer, Progress, SearchFilter, Token
from rag.errors import CrowdedError, RagError
from rag.fair_queue import FairQueue, Line
from rag.program_question import ProgramQuestion
from rag.store import AnswerState, Store

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "internal"  # error of an answer that failed through a bug; the UI words it
MAX_WAITING = 20  # in the line of people, and as many in that of programs
DRAFT_SECONDS = 1.0  # how much text a killed server may lose
HEARTBEAT_SECONDS = 0.2
STOP_GRACE_SECONDS = 0.6  # after it a stopped answer ends for its readers, engine or not


class Answering(Protocol):
    """The one thing the worker needs of the engine."""

    def ask(
        self,
        question: str,
        stop: threading.Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        """Yield the draft as it is decoded, then exactly one answer; tell what is begun."""
        ...


class _LiveAnswer:
    """An answer that is queued or being written.

    ``changed`` guards the text; ``settling`` is held while the outcome is stored, so that
    the engine's end and a stop cannot both decide it.
    """

    def __init__(self, answer_id: int, question: str, search_filter: SearchFilter) -> None:
        self.id = answer_id
        self.question = question
        self.search_filter = search_filter
        self.stop = threading.Event()
        self.changed = threading.Condition()
        self.settling = threading.Lock()
        self.text = ""
        self.step: Progress | None = None  # what the engine began last
        self.is_finished = False

    def note(self, step: Progress) -> None:
        self.step = step

    def append(self, piece: str) -> None:
        with self.changed:
            self.text += piece
            self.changed.notify_all()

    def finish(self) -> None:
        with self.changed:
            self.is_finished = True
            self.changed.notify_all()


class AnswerWorker:
    """Owns the answering: one question at a time, of people and of programs in turn."""

    def __init__(self, engine: Answering, store: Store) -> None:
        """Start the thread; it is a daemon and ends with the process."""
        self._engine = engine
        self._store = store
        self._queue: FairQueue[_LiveAnswer | ProgramQuestion] = FairQueue()
        self._live: dict[int, _LiveAnswer] = {}
        self._arrived = threading.Condition()  # guards the queue and the table of live answers
        threading.Thread(target=self._run, name="answer-worker", daemon=True).start()

    def submit(
        self,
        conversation_id: str,
        question: str,
        search_filter: SearchFilter = EVERYWHERE,
        *,
        version_of: int | None = None,
        store: Store | None = None,
    ) -> int:
        """Return the id of a new answer; it is stored and queued with its limits.

        With ``version_of`` it takes the place of the last question; see `Store.add_answer`.
        ``store`` is that of the person who asks; None is the person at this machine.

        Raises:
            CrowdedError: too many questions are waiting.
            RagError: the store refuses this one.
        """
        with self._arrived:
            self._refuse_crowd("people")
            answer_id = (store or self._store).add_answer(
                conversation_id, question, search_filter, version_of=version_of
            )
            live = _LiveAnswer(answer_id, question, search_filter)
            self._live[answer_id] = live
            self._queue.put("people", live)
            self._arrived.notify()
        return answer_id

    def submit_program(self, asked: ProgramQuestion) -> None:
        """Queue a question whose answer is delivered and not stored.

        Raises:
            CrowdedError: too many questions of programs are waiting.
        """
        with self._arrived:
            self._refuse_crowd("programs")
            self._queue.put("programs", asked)
            self._arrived.notify()

    def stop_program(self, asked: ProgramQuestion) -> None:
        """End the answer to a program soon; a question that waits gives up its place at once."""
        asked.stop.set()
        with self._arrived:
            self._queue.remove(asked)

    def _refuse_crowd(self, line: Line) -> None:
        waiting = self._queue.waiting(line)
        if waiting >= MAX_WAITING:
            raise CrowdedError(
                f"{waiting} questions are waiting already. "
                "Ask again when some of them are answered."
            )

    def stop(self, answer_id: int) -> None:
        """End an answer soon, keeping its text; nothing happens when it has ended.

        A model that reads a long prompt notices late. Its reader need not wait for it: after
        `STOP_GRACE_SECONDS` the answer counts as stopped, and only the next question waits.
        """
        with self._arrived:
            live = self._live.get(answer_id)
        if live is not None and not live.stop.is_set():
            live.stop.set()
            release = threading.Timer(STOP_GRACE_SECONDS, self._release, (live,))
            release.daemon = True
            release.start()

    def is_live(self, answer_id: int) -> bool:
        """Tell whether this worker still has the answer to finish."""
        with self._arrived:
            return answer_id in self._live

    def questions_ahead(self, answer_id: int) -> int:
        """Return how many questions will be answered before this one starts; 0 when it has."""
        with self._arrived:
            live = self._live.get(answer_id)
            return 0 if live is None else self._queue.ahead(live)

    def step(self, answer_id: int) -> Progress | None:
        """Return what is being done for an answer; None before its turn and after its end."""
        with self._arrived:
            live = self._live.get(answer_id)
            return None if live is None else live.step

    def tail(self, answer_id: int) -> Iterator[str]:
        """Yield the text so far, then pieces as they come; end when the answer is stored.

        Yields "" every `HEARTBEAT_SECONDS` without news, so that a page which draws at every
        piece notices a click while the model is still reading.
        """
        with self._arrived:
            live = self._live.get(answer_id)
        if live is None:
            stored = self._store.answer(answer_id)
            yield stored.text if stored else ""
            return
        sent = 0
        is_finished = False
        while not is_finished:
            with live.changed:
                if len(live.text) == sent and not live.is_finished:
                    live.changed.wait(HEARTBEAT_SECONDS)
                piece = live.text[sent:]
                is_finished = live.is_finished
            # Outside the lock: the reader may take its time, or never come back.
            sent += len(piece)
            yield piece

    def _run(self) -> None:
        while True:
            with self._arrived:
                self._arrived.wait_for(lambda: self._queue.current is not None)
                asked = self._queue.current
            try:
                if isinstance(asked, ProgramQuestion):
                    self._answer_program(asked)
                elif asked is not None:
                    self._answer_person(asked)
            finally:
                with self._arrived:
                    self._queue.finish()
                if isinstance(asked, _LiveAnswer):
                    self._end(asked)

    def _answer_program(self, asked: ProgramQuestion) -> None:
        if asked.stop.is_set():
            return
        event: Token | Answer | None = None
        try:
            for event in self._engine.ask(
                asked.question, asked.stop, asked.search_filter, asked.history
            ):
                asked.deliver(event)
            if not isinstance(event, Answer):
                raise RuntimeError("The engine ended without an answer")
        except RagError as error:
            asked.deliver(error)
        except Exception:  # a bug in one answer must not end all later ones
            logger.exception("The answer to a program failed")
            asked.deliver(None)

    def _answer_person(self, live: _LiveAnswer) -> None:
        try:
            self._answer(live)
        except RagError as error:
            self._fail(live, str(error))
        except Exception:  # as above
            logger.exception("Answer %d failed", live.id)
            self._fail(live, INTERNAL_ERROR)

    def _answer(self, live: _LiveAnswer) -> None:
        if live.stop.is_set():
            self._settle(live, "stopped", "")
            return
        self._store.save_draft(live.id, "")
        saved = time.monotonic()
        answer: Answer | None = None
        history = self._store.questions_before(live.id)
        for event in self._engine.ask(
            live.question, live.stop, live.search_filter, history, live.note
        ):
            if isinstance(event, Answer):
                answer = event
            elif not live.is_finished:
                live.append(event.text)
                if time.monotonic() - saved >= DRAFT_SECONDS:
                    self._save_draft(live)
                    saved = time.monotonic()
        if answer is None:
            raise RuntimeError("The engine ended without an answer")
        if answer.is_stopped:
            self._settle(live, "stopped", answer.text or live.text, answer)
        else:
            self._settle(live, "done", answer.text, answer)

    def _save_draft(self, live: _LiveAnswer) -> None:
        with live.settling:
            if not live.is_finished:
                self._store.save_draft(live.id, live.text)

    def _settle(
        self, live: _LiveAnswer, state: AnswerState, text: str, answer: Answer | None = None
    ) -> None:
        with live.settling:
            if live.is_finished:
                # Stopped and released before the engine ended. What the reader saw stays;
                # the provenance is added.
                state, text = "stopped", live.text
            self._store.finish_answer(live.id, state, text, answer=answer)

    def _release(self, live: _LiveAnswer) -> None:
        with live.settling:
            if not live.is_finished:
                self._store.finish_answer(live.id, "stopped", live.text)
                self._end(live)

    def _end(self, live: _LiveAnswer) -> None:
        """Wake the readers; the outcome is in the store by now."""
        with self._arrived:
            self._live.pop(live.id, None)
        live.finish()

    def _fail(self, live: _LiveAnswer, error: str) -> None:
        if live.is_finished:
            return  # stopped and released before; its reader has seen the end
        try:
            self._store.finish_answer(live.id, "failed", live.text, error=error)
        except Exception:  # a full disk must not end the thread either
            logger.exception("The failure of answer %d could not be stored", live.id)
