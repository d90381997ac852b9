"""Read files of questions whose right passage is known.

Two layouts. SQuAD brings its passages along and asks about them; a JSONL file asks about files
that are in the index, and says which text of which file holds the answer.
"""

import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import RagError

_TITLE_END = " [SEP] "  # JSQuAD writes `title [SEP] text`; the title is no part of the passage


class QuestionFileError(RagError):
    """A file of questions cannot be used. Only the command line shows it."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question with where its answer stands: in a context, or in a file of the index."""

    text: str
    is_answerable: bool  # False: kept, but no passage can be right, so no metric counts it
    context: int | None = None  # position in `QuestionSet.contexts`
    source: str = ""  # path of a document of the index
    quote: str = ""  # text of the source that a relevant passage holds
    answer: str = ""  # the first right answer, as written; "" when none is given


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """The questions of one file, in its order."""

    path: Path
    questions: tuple[Question, ...]
    contexts: tuple[str, ...] = ()  # no two alike; () when the questions are about the index
    articles: tuple[int, ...] = ()  # the document of each context, from 1

    @property
    def is_about_index(self) -> bool:
        """Tell whether the passages are those of the index and not of this file."""
        return not self.contexts


def read_questions(path: Path) -> QuestionSet:
    """Return the questions of a file: SQuAD (``.json``) or JSONL (``.jsonl``), also ``.gz``.

    JSONL lines are objects with ``question``, ``answer``, ``source`` and ``quote``; a relevant
    passage is one of ``source`` that holds ``quote``, or ``answer`` without a quote. A line
    with neither, or with ``"answerable": false``, is an unanswerable question.

    Raises:
        QuestionFileError: the file is missing, damaged, empty or of another layout; says where.
    """
    name = path.name.removesuffix(".gz")
    if not name.endswith((".json", ".jsonl")):
        raise QuestionFileError(
            f"{path} is no file of questions: expected SQuAD layout (.json) or one JSON object a "
            "line (.jsonl), either also as .gz."
        )
    text = _text_of(path)
    found = _read_jsonl(path, text) if name.endswith(".jsonl") else _read_squad(path, text)
    if not found.questions:
        raise QuestionFileError(f"{path} holds no questions.")
    return found


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise QuestionFileError(f"There is no file {path}.") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise QuestionFileError(
            f"{path} is damaged or not gzip ({error}). Copy it again from where it came from."
        ) from error
    except UnicodeDecodeError as error:
        raise QuestionFileError(f"{path} is not UTF-8 text ({error}). Save it as UTF-8.") from error
    except OSError as error:
        raise QuestionFileError(f"{path} cannot be read ({error}).") from error


def _read_jsonl(path: Path, text: str) -> QuestionSet:
    questions = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{path} line {number}"
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise QuestionFileError(f"{place} is not valid JSON ({error}).") from error
            questions.append(_indexed_question(row, place))
    return QuestionSet(path, tuple(questions))


def _indexed_question(row: Any, place: str) -> Question:  # noqa: ANN401 - whatever the file holds
    text = _text_field(row, "question", place)
    quote = _text_field(row, "quote", place, needed=False)
    answer = _text_field(row, "answer", place, needed=False)
    quote = quote or answer
    is_answerable = bool(row.get("answerable", True)) and bool(quote)
    source = _text_field(row, "source", place, needed=is_answerable)
    return Question(text, is_answerable, source=source, quote=quote, answer=answer)


def _read_squad(path: Path, text: str) -> QuestionSet:
    try:
        articles = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise QuestionFileError(f"{path} is not valid JSON ({error}).") from error
    questions: list[Question] = []
    numbers: dict[str, int] = {}  # equal contexts are one
    articles_of: list[int] = []
    for i, article in enumerate(_list_field(articles, "data", str(path)), start=1):
        place = f"{path} article {i}"
        for j, paragraph in enumerate(_list_field(article, "paragraphs", place), start=1):
            inner = f"{place} paragraph {j}"
            context = _without_title(_text_field(paragraph, "context", inner))
            number = numbers.setdefault(context, len(numbers))
            if number == len(articles_of):
                articles_of.append(i)
            for k, row in enumerate(_list_field(paragraph, "qas", inner), start=1):
                words = _text_field(row, "question", f"{inner} question {k}")
                is_answerable = not row.get("is_impossible", False)
                answer = _first_answer(row) if is_answerable else ""
                questions.append(Question(words, is_answerable, context=number, answer=answer))
    return QuestionSet(path, tuple(questions), tuple(numbers), tuple(articles_of))


def _first_answer(row: dict[str, Any]) -> str:
    answers = row.get("answers")
    first = answers[0] if isinstance(answers, list) and answers else None
    text = first.get("text") if isinstance(first, dict) else None
    return text if isinstance(text, str) else ""


def _without_title(context: str) -> str:
    head, separator, text = context.partition(_TITLE_END)
    return text if separator else head


def _text_field(
    row: Any,  # noqa: ANN401 - whatever the file holds
    key: str,
    place: str,
    *,
    needed: bool = True,
) -> str:
    value = row.get(key) if isinstance(row, dict) else None
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value.strip()):
        raise QuestionFileError(f'{place}: expected an object with text as "{key}".')
    return value


def _list_field(row: Any, key: str, place: str) -> list[Any]:  # noqa: ANN401 - as above
    value = row.get(key) if isinstance(row, dict) else None
    if not isinstance(value, list):
        raise QuestionFileError(f'{place}: expected an object with a list as "{key}" (SQuAD).')
    return value
