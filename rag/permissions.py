"""What a person who is signed in may do with the services: asked at every call, before any work.

The pages get their services through a `Gate`, so that no page and no new button can forget to
ask. What is not in `_EVERYBODY` is for administrators: a new method is closed until it is named.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from rag.access import Access, Person
from rag.datatypes import EVERYWHERE, Answer, SearchFilter
from rag.errors import AccessError, RagError, SignedOutError
from rag.feedback import Feedback, Judgement, Triage
from rag.feedback_store import FeedbackStore
from rag.store import Store
from rag.worker import AnswerWorker

NOT_ALLOWED = "Only an administrator may do this. Ask one of yours."
_NOT_OWN = "This is not yours, or is no longer there. Load the page again."

_EVERYBODY: Mapping[str, frozenset[str]] = {
    "engine": frozenset({
        "answer_host", "answer_model_id", "config", "document", "index_status", "notices",
        "original", "search", "searcher", "suggestions",
    }),
    # A store of the person's own: it holds no conversation of anybody else.
    "store": frozenset({
        "add_answer", "answer", "answers", "conversation_exists", "create_conversation",
        "delete_conversation", "feedback", "history", "latest_answers",
    }),
    "store.history": frozenset({"conversation", "conversations", "pin", "rename"}),
    "store.feedback": frozenset({"by_id", "delete", "on_answer", "save", "save_triage"}),
    "worker": frozenset({"is_live", "questions_ahead", "stop", "submit", "tail"}),
    "store.comparisons": frozenset(),
    "store.quality": frozenset(),
    "store.jobs": frozenset(),
    "jobs": frozenset(),
    "auto_sync": frozenset(),
    "comparer": frozenset(),
}  # fmt: skip

# What goes into the audit log, and which id with it: that of what came of it, or of what it was
# done to. No argument but these is written down, as others hold texts.
_NOTED: Mapping[str, tuple[str, Literal["result", "first", "keys", "none"]]] = {
    "worker.submit": ("ask", "result"),
    "store.delete_conversation": ("delete-conversation", "first"),
    "store.feedback.save": ("feedback", "result"),
    "store.feedback.delete": ("delete-feedback", "first"),
    "store.feedback.propose": ("propose-example", "first"),
    "store.feedback.edit_pairs": ("review-examples", "keys"),
    "store.comparisons.vote": ("vote", "first"),
    "auto_sync.switch": ("switch-auto-sync", "none"),
    "comparer.start": ("compare", "none"),
    "jobs.start_sync": ("sync", "result"),
    "jobs.repeat_allowing_shrink": ("sync", "result"),
    "jobs.start_check": ("check-examples", "result"),
    "jobs.start_training": ("train", "result"),
    "jobs.resume_training": ("train", "result"),
    "jobs.start_activation": ("activate", "result"),
    "jobs.start_rollback": ("roll-back", "result"),
    "jobs.start_quality": ("check-quality", "result"),
    "jobs.start_doctor": ("doctor", "result"),
    "jobs.cancel": ("cancel", "first"),
}


class Visit:
    """One browser that is, or was, signed in."""

    def __init__(self, access: Access, token: str) -> None:
        self._access = access
        self._token = token

    def person(self) -> Person:
        """Return who it is, as of now.

        Raises:
            SignedOutError: nobody any more.
        """
        person = self._access.person(self._token)
        if person is None:
            raise SignedOutError("You are signed out. Sign in again.")
        return person

    def sign_out(self) -> None:
        """End the session."""
        self._access.sign_out(self._token)

    @property
    def audit_problem(self) -> str:
        """Why the audit log could not be written last; "" when it could."""
        return self._access.audit.problem

    def note(self, person: Person, action: str, subject: str = "") -> None:
        """Write down what a person does."""
        self._access.audit.note(person.name, action, subject)


class Gate:
    """Stands before a service: every method asks who calls, and whether that one may.

    It has the attributes of what it stands before, and those alone.
    """

    __slots__ = ("_path", "_target", "_visit")

    def __init__(self, target: object, path: str, visit: Visit) -> None:
        """Stand before ``target``, whose names are those of ``path`` in the tables above."""
        self._target = target
        self._path = path
        self._visit = visit

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the service has there
        path = f"{self._path}.{name}"
        if path in _EVERYBODY:
            return Gate(getattr(self._target, name), path, self._visit)
        if not callable(getattr(type(self._target), name, None)):
            self._ask(name)  # before a property does anything
        value = getattr(self._target, name)
        return partial(self._call, name, value) if callable(value) else value

    def _ask(self, name: str) -> Person:
        person = self._visit.person()
        if not person.is_admin and name not in _EVERYBODY[self._path]:
            self._visit.note(person, "refused", f"{self._path}.{name}")
            raise AccessError(NOT_ALLOWED)
        return person

    def _call(self, name: str, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        person = self._ask(name)
        result = method(*args, **kwargs)
        action, which = _NOTED.get(f"{self._path}.{name}", ("", "none"))
        if action:
            self._visit.note(person, action, _subject(which, args, result))
        return result


def _subject(which: str, args: tuple[Any, ...], result: Any) -> str:  # noqa: ANN401 - as above
    if which == "result":
        return str(getattr(result, "id", result))
    if which == "first":
        return str(args[0])
    return ",".join(str(key) for key in args[0]) if which == "keys" else ""


class PersonalWorker:
    """The worker as one person sees it: answers of others can be neither read nor stopped."""

    def __init__(self, worker: AnswerWorker, store: Store) -> None:
        """Ask for the person whose ``store`` it is."""
        self._worker = worker
        self._store = store

    def submit(
        self,
        conversation_id: str,
        question: str,
        search_filter: SearchFilter = EVERYWHERE,
        *,
        version_of: int | None = None,
    ) -> int:
        """Queue a question in an own conversation; see `AnswerWorker.submit`."""
        return self._worker.submit(
            conversation_id, question, search_filter, version_of=version_of, store=self._store
        )

    def stop(self, answer_id: int) -> None:
        """End an own answer soon."""
        if self._is_own(answer_id):
            self._worker.stop(answer_id)

    def is_live(self, answer_id: int) -> bool:
        """Tell whether an own answer is still to be finished."""
        return self._is_own(answer_id) and self._worker.is_live(answer_id)

    def questions_ahead(self, answer_id: int) -> int:
        """Return how many questions will be answered before this one starts."""
        return self._worker.questions_ahead(answer_id) if self._is_own(answer_id) else 0

    def tail(self, answer_id: int) -> Iterator[str]:
        """Yield the text of an own answer as it comes."""
        return self._worker.tail(answer_id) if self._is_own(answer_id) else iter(())

    def _is_own(self, answer_id: int) -> bool:
        return self._store.answer(answer_id) is not None


class PersonalFeedback:
    """Feedback on own answers, for everybody; what has another name is for administrators."""

    def __init__(self, store: Store, visit: Visit) -> None:
        """Look after the feedback of the person whose ``store`` it is."""
        self._store = store
        self._visit = visit

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the rest, which the gate has closed
        return getattr(self._all, name)

    @property
    def _all(self) -> FeedbackStore:
        return self._store.feedback

    def on_answer(self, answer_id: int) -> Feedback | None:
        """Return what this person said of an answer."""
        return self._all.on_answer(answer_id)

    def save(
        self,
        answer_id: int,
        answer: Answer,
        judgement: Judgement,
        search_filter: SearchFilter = EVERYWHERE,
    ) -> int:
        """Keep a judgement of an own answer, under the own name; see `FeedbackStore.save`."""
        if self._store.answer(answer_id) is None:
            raise RagError(_NOT_OWN)
        return self._all.save(answer_id, answer, judgement, search_filter)

    def by_id(self, feedback_id: int) -> Feedback | None:
        """Return own feedback; to an administrator that of anybody, who gave it to be read."""
        found = self._all.by_id(feedback_id)
        person = self._visit.person()
        is_open = person.is_admin or (found and found.judgement.author == person.name)
        return found if is_open else None

    def delete(self, feedback_id: int) -> None:
        """Remove own feedback for good; an administrator, that of anybody."""
        self._require(feedback_id)
        self._all.delete(feedback_id)

    def save_triage(self, feedback_id: int, triage: Triage) -> None:
        """Keep why an own answer was wrong; an administrator, that of anybody."""
        self._require(feedback_id)
        self._all.save_triage(feedback_id, triage)

    def _require(self, feedback_id: int) -> None:
        if self.by_id(feedback_id) is None:
            raise RagError(_NOT_OWN)


class PersonalStore:
    """A person's store; its feedback is `PersonalFeedback`."""

    def __init__(self, store: Store, visit: Visit) -> None:
        """Stand for ``store``, which is that of the person who visits."""
        self._store = store
        self.feedback = PersonalFeedback(store, visit)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a store has
        return getattr(self._store, name)
