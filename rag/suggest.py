"""Questions that an index can be asked, made of its own sentences without a language model.

Two kinds: questions that a document asks and answers itself, as lists of frequent questions do,
and questions turned from sentences of a few forms, which they answer. Whether the search leads
back to the sentence is for the caller to check; what is left can be answered.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import TypeVar

from rag.corpus import Corpus
from rag.datatypes import Chunk, Language
from rag.follow_up_english import read_english
from rag.follow_up_japanese import read_japanese
from rag.language import content_terms, detect_language, sentence_spans
from rag.suggest_english import english_question
from rag.suggest_japanese import japanese_question, under_heading

_Item = TypeVar("_Item")

SUGGESTIONS = 3
_TRIES = 12  # candidates that are checked; each costs a search
_DOCUMENTS = 40  # that are looked at, evenly spread over the index
_PASSAGES = 16  # of each of them
_MAX_CHARS = 100
_MIN_TERMS = 2  # that tell what a question is about
_ENOUGH_TERMS = 4  # more make it longer, not clearer

_LIST_MARK = re.compile(r"^(?:[-*•・]|\(?\d{1,3}[.)])\s+")
_QUESTION_MARK = re.compile(r"^(?:#{1,6}\s+|(?:[QＱ]|問)[\d０-９]*[.．:：、)）]?\s*)+")
_ANSWER_MARK = re.compile(r"^(?:[AＡ]|答)[\d０-９]*[.．:：、)）]?\s*")
_MARKUP = re.compile(r"[*_`|<>\[\]{}\\\t]|https?:")  # also cells of a table
_ENGLISH_QUESTION = re.compile(
    r"(?:who|what|which|when|where|why|how|can|may|must|do|does|is|are|will|should)\b[^.!?]*\?",
    re.IGNORECASE,
)
# With a noun that it is about, as far as its particle tells: not 一度に何点まで借りられますか.
_JAPANESE_QUESTION = re.compile(
    r"(?=[^。]*[\u30a1-\u30fc\u3400-\u9fff」][はがをで])[^。！？!?]{4,}(?:か[。？?]?|[？?])"
)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A question and where its answer stands in the document."""

    question: str
    language: Language
    path: str
    start: int
    end: int


def candidates(corpus: Corpus) -> list[Suggestion]:
    """Return questions, one of each document, then another of each; the clear ones first.

    The same at every call.
    """
    documents = _spread(corpus.documents(), _DOCUMENTS)
    found = []
    for document in documents:
        rows = range(document.first_row, document.first_row + document.chunks)
        chunks = corpus.chunks(_spread(rows, _PASSAGES))
        asked = [one for chunk in chunks for one in _asked_questions(chunk)]
        turned = [one for chunk in chunks for one in _turned_sentences(chunk)]
        # A model says "not found" over "Of course." more often than over a number.
        found.append(sorted(turned, key=_vagueness) + sorted(asked, key=_vagueness))
    rounds = ([one for one in turn if one is not None] for turn in zip_longest(*found))
    return [one for turn in rounds for one in sorted(turn, key=_vagueness)]


def chosen(
    found: Sequence[Suggestion], language: str, is_answerable: Callable[[Suggestion], bool]
) -> tuple[str, ...]:
    """Return at most `SUGGESTIONS` questions that stand the check, those in ``language`` first."""
    ordered = sorted(found, key=lambda one: one.language != language)
    questions: list[str] = []
    for one in ordered[:_TRIES]:
        if one.question not in questions and is_answerable(one):
            questions.append(one.question)
        if len(questions) == SUGGESTIONS:
            break
    return tuple(questions)


def _vagueness(suggestion: Suggestion) -> int:
    return -min(len(content_terms(suggestion.question)), _ENOUGH_TERMS)


def _spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """Return at most ``count`` of ``items``, evenly spread, in order."""
    if len(items) <= count:
        return list(items)
    return [items[n * len(items) // count] for n in range(count)]


def _asked_questions(chunk: Chunk) -> Iterator[Suggestion]:
    """Yield the questions of a passage that the sentence after them answers."""
    for (start, end), (next_start, next_end) in pairwise(sentence_spans(chunk.text)):
        question = _QUESTION_MARK.sub("", chunk.text[start:end]).strip()
        answer = _ANSWER_MARK.sub("", chunk.text[next_start:next_end])
        is_japanese = detect_language(question) == "ja"
        is_question = _JAPANESE_QUESTION if is_japanese else _ENGLISH_QUESTION
        is_answer = not answer.endswith(("?", "？")) and not _MARKUP.search(answer)
        if is_question.fullmatch(question) and is_answer:
            yield from _suggestion(chunk, question, next_start, next_end)


def _turned_sentences(chunk: Chunk) -> Iterator[Suggestion]:
    """Yield the questions that single sentences of a passage answer."""
    for start, end in sentence_spans(chunk.text):
        sentence = _LIST_MARK.sub("", chunk.text[start:end])
        if _MARKUP.search(sentence):
            continue
        if detect_language(sentence) == "ja":
            question = japanese_question(sentence)
            if question and _leans(question):
                question = under_heading(question, chunk.heading.rsplit(" > ", 1)[-1])
        else:
            question = english_question(sentence)
        if question:
            yield from _suggestion(chunk, question, start, end)


def _suggestion(chunk: Chunk, question: str, start: int, end: int) -> Iterator[Suggestion]:
    """Yield the question, if it can be understood without its document around it."""
    is_short = len(question) <= _MAX_CHARS
    if is_short and not _MARKUP.search(question) and not _leans(question):
        language = detect_language(question)
        yield Suggestion(question, language, chunk.path, chunk.start + start, chunk.start + end)


def _leans(question: str) -> bool:
    read = read_japanese if detect_language(question) == "ja" else read_english
    return read(question).leans or len(content_terms(question)) < _MIN_TERMS
