"""Test questions as JSON lines, the layout of `python -m rag evaluate`, and from feedback. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from rag.errors import RagError
from rag.feedback import Feedback, Pair, example_of
from rag.quality_store import QualityQuestion


def questions_from_lines(text: str) -> list[QualityQuestion]:
    """Return the questions of a file of JSON objects, one a line.

    Each has ``question``, and any of ``answer``, ``aliases`` (other answers that are right too),
    ``source`` and ``quote``. One without answer and source, or with ``"answerable": false``,
    should not be found.

    Raises:
        RagError: a line is of another layout, or there is none; says which.
    """
    found = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if line.strip():
            found.append(_question_of_line(line, number))
    if not found:
        raise RagError("The file holds no questions. It needs one JSON object a line.")
    return found


def line_of_question(question: QualityQuestion) -> str:
    """Return a question as one line, as `questions_from_lines` reads it."""
    first, *others = question.answers or ("",)
    fields = {
        "question": question.question,
        "answerable": question.is_answerable,
        "answer": first,
        "aliases": others,
        "source": question.source,
        "quote": question.quote,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def question_of_feedback(feedback: Feedback) -> QualityQuestion | None:
    """Return the test question that a judged answer makes; None when no right answer is known."""
    if not feedback.can_be_example:
        return None
    example = example_of(feedback)
    return QualityQuestion(
        question=example["question"],
        answers=(example["answer"],) if example["answer"] else (),
        source=example["source"],
        # Not its quote: the same may be said in another sentence, or be cut in another place.
        origin="feedback",
        feedback_id=feedback.id,
    )


def question_of_pair(pair: Pair) -> QualityQuestion:
    """Return the test question of an example, with the words that a person has mended."""
    return QualityQuestion(
        question=pair.question,
        answers=(pair.answer,) if pair.answer else (),
        source=pair.source,
        origin="feedback",
        feedback_id=pair.feedback_id,
    )


def _question_of_line(line: str, number: int) -> QualityQuestion:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RagError(f"Line {number} of the file is not valid JSON ({error}).") from error
    if not isinstance(row, dict) or not _text(row, "question", number).strip():
        raise _wrong(number, "question")
    answer = _text(row, "answer", number)
    aliases = row.get("aliases") or []
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise _wrong(number, "aliases")
    if row.get("answerable") is False:
        return QualityQuestion(_text(row, "question", number), origin="imported")
    return QualityQuestion(
        question=_text(row, "question", number),
        answers=tuple(one.strip() for one in (answer, *aliases) if one.strip()),
        source=_text(row, "source", number),
        quote=_text(row, "quote", number),
        origin="imported",
    )


def _text(row: Mapping[str, Any], key: str, number: int) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _wrong(number, key)
    return value


def _wrong(number: int, key: str) -> RagError:
    return RagError(
        f'Line {number} of the file has no text as "{key}". It should look like '
        '{"question": "…", "answer": "…"}.'
    )
