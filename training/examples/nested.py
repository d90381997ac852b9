"""Layouts in which one value holds many rows: SQuAD, PubMedQA and conversations, made flat.

What is damaged inside becomes a rejected row at its place, never less rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.follow_up import MAX_TURNS
from rag.language import sentence_spans
from training.examples.sentence import Sentence
from training.examples.values import Record, RejectedRow

Item = Record | RejectedRow

_TITLE_END = " [SEP] "  # JSQuAD writes `title [SEP] text`; the title is no part of the passage
_ASKING = ("human", "user", "prompter")
_ANSWERING = ("gpt", "assistant", "model", "bot", "chatgpt", "bing", "bard")
_SILENT = ("system", "developer")
# Key of a conversation -> the columns that its turns become.
_TURNS = {"conversations": ("human", "gpt"), "messages": ("user", "assistant")}


def is_squad(value: object) -> bool:
    """Tell whether a JSON value is a list of articles with paragraphs."""
    return isinstance(value, list) and any(
        isinstance(article, dict) and "paragraphs" in article for article in value
    )


def squad_rows(name: str, articles: Sequence[Any], file: str) -> Iterator[Item]:
    """Yield the questions of SQuAD articles (Rajpurkar et al., 2016, arXiv:1606.05250).

    Args:
        name: where the list stands, such as "squad.json: data".
        articles: with ``title`` and ``paragraphs``.
        file: name of the file, for articles without title.
    """
    for i, article in enumerate(articles):
        place = f"{name}[{i}]"
        title = article.get("title") if isinstance(article, dict) else None
        title = title if isinstance(title, str) and title.strip() else ""
        for j, paragraph in enumerate(_list(article, "paragraphs")):
            inner = f"{place}.paragraphs[{j}]"
            context = paragraph.get("context") if isinstance(paragraph, dict) else None
            if not isinstance(context, str):
                yield RejectedRow(inner, Sentence("part_missing", {"part": "context"}))
                continue
            yield from _questions(inner, paragraph, context, title or f"{file} {i + 1}")
            if not isinstance(paragraph.get("qas"), list):
                yield RejectedRow(inner, Sentence("part_missing", {"part": "qas"}))
        if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
            yield RejectedRow(place, Sentence("part_missing", {"part": "paragraphs"}))


def _questions(
    place: str, paragraph: Mapping[str, Any], context: str, title: str
) -> Iterator[Item]:
    sentences: list[tuple[int, int]] | None = None
    head, separator, rest = context.partition(_TITLE_END)
    passage = rest if separator else head
    for k, row in enumerate(_list(paragraph, "qas")):
        here = f"{place}.qas[{k}]"
        if not isinstance(row, dict):
            yield RejectedRow(here, Sentence("row_shape"))
            continue
        sentences = sentence_spans(context) if sentences is None else sentences
        yield Record(
            here,
            {
                **{key: row[key] for key in ("id", "question", "answers") if key in row},
                "is_impossible": row.get("is_impossible", False),
                "context": passage,
                "title": title,
                "quote": _sentence_around(context, row.get("answers"), sentences),
            },
        )


def _sentence_around(context: str, answers: object, sentences: list[tuple[int, int]]) -> str:
    """Return the sentence at ``answer_start``: the same words may stand elsewhere as well."""
    first = answers[0] if isinstance(answers, list) and answers else None
    start = first.get("answer_start") if isinstance(first, dict) else None
    text = first.get("text") if isinstance(first, dict) else None
    if not isinstance(start, int) or not isinstance(text, str) or start < 0 or not text:
        return ""
    if context[start : start + len(text)] != text:
        return ""
    end = start + len(text)
    around = [(a, b) for a, b in sentences if a < end and b > start]
    quote = context[around[0][0] : around[-1][1]] if around else ""
    return quote.partition(_TITLE_END)[2] or quote


def is_pubmedqa(value: object) -> bool:
    """Tell whether a JSON value maps article ids to questions with their abstracts."""
    return isinstance(value, dict) and any(
        isinstance(entry, dict) and "QUESTION" in entry for entry in value.values()
    )


def pubmedqa_rows(name: str, entries: Mapping[str, Any]) -> Iterator[Item]:
    """Yield the questions of PubMedQA (Jin et al., 2019, arXiv:1909.06146), one an abstract."""
    for pmid, entry in entries.items():
        place = f"{name}: {pmid}"
        if isinstance(entry, dict):
            yield Record(place, {"pmid": pmid, **entry})
        else:
            yield RejectedRow(place, Sentence("row_shape"))


def unfolded(record: Record) -> Iterator[Item]:
    """Yield a record, or the exchanges of the conversation that it holds.

    The columns of an exchange are those of the record beside the conversation, its question and
    answer, and ``history``: the questions before, on which it may lean.
    """
    values = record.values
    prompt, completion = values.get("prompt"), values.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        values = {key: v for key, v in values.items() if key not in ("prompt", "completion")}
        yield from _exchanges(record.place, [*prompt, *completion], values, _TURNS["messages"])
        return
    for key, columns in _TURNS.items():
        turns = values.get(key)
        if isinstance(turns, list):
            others = {other: value for other, value in values.items() if other != key}
            yield from _exchanges(f"{record.place} {key}", turns, others, columns)
            return
    yield record


def _exchanges(
    place: str, turns: Sequence[Any], others: Mapping[str, Any], columns: tuple[str, str]
) -> Iterator[Item]:
    question: tuple[str, Any] | None = None  # place and text of what waits for an answer
    history: list[Any] = []
    system: dict[str, Any] = {}
    if not turns:
        yield RejectedRow(place, Sentence("turns_empty"))
    for n, turn in enumerate(turns):
        here = f"{place}[{n}]"
        if not isinstance(turn, dict):
            yield RejectedRow(here, Sentence("row_shape"))
            continue
        role = turn.get("from", turn.get("role"))
        text = _content(turn.get("value", turn.get("content")))
        if role in _SILENT:
            system = {"system": text}
        elif role in _ASKING:
            if question is not None:
                yield RejectedRow(question[0], Sentence("turn_unanswered"))
            question = (here, text)
        elif role not in _ANSWERING:
            yield RejectedRow(here, Sentence("turn_role", {"role": str(role)[:40]}))
        elif question is None:
            yield RejectedRow(here, Sentence("turn_unasked"))
        else:
            names = {columns[0]: question[1], columns[1]: text}
            yield Record(
                question[0], {**others, **system, **names, "history": tuple(history[-MAX_TURNS:])}
            )
            history.append(question[1])
            question = None
    if question is not None:
        yield RejectedRow(question[0], Sentence("turn_unanswered"))


def _content(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the text of a message; it may come in typed parts."""
    if isinstance(value, list):
        parts = [part.get("text") for part in value if isinstance(part, dict)]
        if all(isinstance(part, str) for part in parts) and len(parts) == len(value):
            return "\n".join(str(part) for part in parts)
    return value


def _list(value: Any, key: str) -> list[Any]:  # noqa: ANN401 - whatever the file holds
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
