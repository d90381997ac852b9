"""The values that flow through training. Standard library and `rag.datatypes` only, all frozen.

file -> QAExample -> AnswerRow -> (input_ids, labels) -> adapter -> merged -> GPTQ -> table.
"""

from dataclasses import dataclass
from typing import Literal

from rag.datatypes import Language, Prompt

# made: built here, such as a question whose passage was taken away
Origin = Literal["import", "feedback", "made"]


@dataclass(frozen=True, slots=True)
class QAExample:
    """One question with the answer that a person accepts."""

    question: str
    answer: str  # as the model shall write it, without citation markers; "" for "not found"
    language: Language  # of the question
    place: str  # file and line or row that it comes from, for a person
    origin: Origin = "import"
    answers: tuple[str, ...] = ()  # all that count as right in a test, ``answer`` among them
    passage: str = ""  # the text that holds the answer, when it came along; "" unknown
    quote: str = ""  # the words of passage or source that carry the answer
    source: str = ""  # path of the document of the index that holds it; "" unknown
    group: str = ""  # what must not be torn apart by a split: an article, else the source
    author: str = ""  # of a correction
    label: str = ""  # of a classification, such as "yes"

    @property
    def is_answerable(self) -> bool:
        """False: the right answer is that the documents do not say."""
        return bool(self.answer)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What a model learns from or is tested on: a prompt as served, and what it shall write."""

    prompt: Prompt
    completion: str  # with its citation marker, or the words for "not found"
    example: QAExample
    gold_passage: int = 0  # number [n] of the passage that answers; 0: none in the prompt
    documents: tuple[str, ...] = ()  # of the passages in the prompt; deleting one excludes the row
