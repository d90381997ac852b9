"""The written questions as examples for an answerer, beside those of the files they belong to."""

from collections.abc import Iterator, Sequence

from rag.datatypes import Language
from rag.language import sentence_spans
from training.datatypes import QAExample
from training.examples.values import ReadExamples
from training.near_misses.read import (
    OF_DOCUMENTS,
    OF_SETS,
    WrittenQuestion,
    passage_digest,
    questions_on_sets,
    written_passages,
)

NAME = "near misses"


def written_examples(read: Sequence[ReadExamples]) -> ReadExamples:
    """Return the questions written for passages of ``read``, and those on made-up passages."""
    on_sets = questions_on_sets()
    passages = {one.passage: one for found in read for one in found.examples if one.passage}
    examples = [
        _example(question, passage, one.language, one.group, OF_SETS.name)
        for passage, one in passages.items()
        for question in on_sets.get(passage_digest(passage), ())
    ]
    return ReadExamples(NAME, (*examples, *_on_documents()), (), "near misses", {})


def _on_documents() -> Iterator[QAExample]:
    for one in written_passages():
        for question in one.questions:
            yield _example(question, one.text, one.language, one.title, OF_DOCUMENTS.name)


def _example(
    question: WrittenQuestion, passage: str, language: Language, group: str, place: str
) -> QAExample:
    asked = QAExample(
        question.text, "", language, f"{place}: {question.text}", "made", passage=passage,
        group=group,
    )  # fmt: skip
    if question.span is None:
        return asked
    start, end = question.span
    quote = next(
        passage[slice(*span)] for span in sentence_spans(passage) if span[0] <= start < span[1]
    )
    answer = passage[start:end]
    return QAExample(
        asked.question, answer, language, asked.place, "made", (answer,), passage, quote,
        group=group,
    )  # fmt: skip
