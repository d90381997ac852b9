"""One record and a mapping to one example, or to the reason why it is none. Pure functions."""

import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from rag.datatypes import Language
from rag.follow_up import rewrite
from rag.language import detect_language
from rag.prompt import NOT_FOUND
from rag.readers.extract import normalize_text
from training.datatypes import QAExample
from training.examples.sentence import Sentence
from training.examples.values import Record

_TRUE = frozenset(("true", "yes", "1", "はい", "可", "○"))
_FALSE = frozenset(("false", "no", "0", "いいえ", "不可", "×"))
_LANGUAGES = {
    "en": "en",
    "english": "en",
    "ja": "ja",
    "japanese": "ja",
    "日本語": "ja",
    "英語": "en",
}
_TEXTS_OF = ("text", "contexts")  # keys of an object that hold the text itself


class _RejectError(Exception):
    """The record is no example; carries the reason."""

    def __init__(self, kind: str, **values: str | int) -> None:
        super().__init__(kind)
        self.reason = Sentence(kind, values)


def to_example(record: Record, mapping: Mapping[str, str]) -> QAExample | Sentence:
    """Return the example of a record, or why there is none.

    A question that leans on those before it is completed as it is when the app is asked.

    Args:
        record: with whatever values.
        mapping: field -> column.
    """
    try:
        return _example(record, mapping)
    except _RejectError as error:
        return error.reason


def _example(record: Record, mapping: Mapping[str, str]) -> QAExample:
    values = {field: record.values.get(column) for field, column in mapping.items()}
    question = _text(values, "question", mapping)
    if not question:
        raise _RejectError("question_empty")
    language = _language(values, mapping, question)
    if history := _questions(values.get("history")):
        question = rewrite(question, history, language)
    answers = _answers(values, mapping)
    answer = _answer(values, mapping, answers)
    passage = _text(values, "passage", mapping, joint="\n\n")
    label = _text(values, "label", mapping)
    if passage and not label and len(answer) > len(passage):
        raise _RejectError("answer_longer", answer=len(answer), passage=len(passage))
    source = _text(values, "source", mapping)
    return QAExample(
        question,
        answer,
        language,
        record.place,
        answers=tuple(dict.fromkeys((answer, *answers))) if answer else (),
        passage=passage,
        quote=_text(values, "quote", mapping),
        source=source,
        group=_text(values, "group", mapping) or source,
        author=_text(values, "author", mapping),
        label=label,
    )


def is_not_found(answer: str) -> bool:
    """Tell whether an answer is the words that the app says when it finds none."""
    return _bare(answer) in {_bare(words) for words in NOT_FOUND.values()}


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def _answer(values: Mapping[str, Any], mapping: Mapping[str, str], answers: tuple[str, ...]) -> str:
    """Return the answer to learn, "" when the record says that there is none."""
    answerable = _truth(values, "answerable", mapping, default=True)
    impossible = _truth(values, "is_impossible", mapping, default=False)
    own = _texts(values.get("answer"), mapping.get("answer", ""))
    answer = next((text for text in (*own, *answers) if text), "")
    if is_not_found(answer):
        return ""
    if answerable and not impossible:
        if not answer:
            raise _RejectError("answer_empty")
        return answer
    if answer:
        raise _RejectError("answer_contradicts")
    return ""


def _answers(values: Mapping[str, Any], mapping: Mapping[str, str]) -> tuple[str, ...]:
    others = _texts(values.get("answers"), mapping.get("answers", ""))
    own = _texts(values.get("answer"), mapping.get("answer", ""))
    return tuple(text for text in (*own, *others) if text)


def _text(
    values: Mapping[str, Any], field: str, mapping: Mapping[str, str], joint: str = "\n"
) -> str:
    return joint.join(filter(None, _texts(values.get(field), mapping.get(field, ""))))


def _texts(value: Any, column: str) -> list[str]:  # noqa: ANN401 - whatever the file holds
    """Return the texts of a value: one, those of a list, or those of an object that holds text."""
    if value is None:
        return []
    if isinstance(value, str):
        return [normalize_text(value).strip()]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, int | float):
        return [f"{value:g}" if isinstance(value, float) and value.is_integer() else str(value)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item, column)]
    if isinstance(value, dict):
        for key in _TEXTS_OF:
            if key in value:
                return _texts(value[key], column)
    raise _RejectError("value_shape", column=column)


def _truth(
    values: Mapping[str, Any], field: str, mapping: Mapping[str, str], *, default: bool
) -> bool:
    value = values.get(field)
    if value is None or value == "":
        return default
    word = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if word not in _TRUE | _FALSE:
        raise _RejectError("answerable_unknown", column=mapping[field], value=str(value)[:40])
    return word in _TRUE


def _language(values: Mapping[str, Any], mapping: Mapping[str, str], question: str) -> Language:
    named = _LANGUAGES.get(_text(values, "language", mapping).casefold())
    return cast(Language, named) if named else detect_language(question)


def _questions(history: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file holds
    """Return the earlier questions: texts, or pairs of question and answer as in Alpaca files."""
    if not isinstance(history, list | tuple):
        return ()
    firsts = [turn[0] if isinstance(turn, list) and turn else turn for turn in history]
    return tuple(first for first in firsts if isinstance(first, str))
