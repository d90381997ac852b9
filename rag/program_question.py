"""A question that a program asks: answered in turn with those of people, and stored nowhere."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from rag.datatypes import EVERYWHERE, Answer, SearchFilter, Token
from rag.errors import RagError

Outcome = Token | Answer | RagError | None


@dataclass(frozen=True, slots=True, eq=False)
class ProgramQuestion:
    """What is asked, and where the answer goes.

    ``deliver`` is called from the thread that answers: with each token, then once with the
    answer, with an error, or with None where a bug ended it. Nothing more comes after ``stop``
    was set while the question was waiting.
    """

    question: str
    deliver: Callable[[Outcome], None]
    history: tuple[str, ...] = ()  # the earlier questions, newest last
    search_filter: SearchFilter = EVERYWHERE
    stop: Event = field(default_factory=Event)
