"""Pairs of a question and a text to look for its answer in, made anew whenever one is read.

Some texts hold the answer. Some hold none: another passage that shares the words of the question,
the passage without the sentences that answer, or the passage that answers a question of which one
detail was changed. Some are one corner of a contrast. Some questions were written by hand for their
passage. Some texts tell the reader what to say, and are to be read past.
"""

from collections.abc import Sequence
from random import Random

from rag.datatypes import Language
from rag.language import sentence_spans
from training.rows.hidden_instructions import (
    ENGLISH_TARGETS,
    INSTRUCTIONS,
    JAPANESE_TARGETS,
    instruction_words,
)
from training.span_reader.contrast import Exchanger
from training.span_reader.pair import Pair
from training.span_reader.questions import SpanQuestion
from training.span_reader.record_pairs import record_pair

NEAR_MISS_SHARE = 0.09  # of the questions, where they have one
REMOVED_SHARE = 0.05
ALTERED_SHARE = 0.04
CONTRAST_SHARE = 0.25
_OTHER_TEXT_SHARE = 0.37  # of the contrasts: only the text is changed
_OTHER_QUESTION_SHARE = 0.33  # only the question; the rest are changed in both
RECORD_SHARE = 0.15  # of all pairs: a made-up table, form or list of rules in its stead
WRITTEN_SHARE = 0.28  # of the rest, where there are any: see training.near_misses
_ANSWERED_SHARE = 0.45  # of them: those with an answer, so that the style of asking tells nothing
_WHOLE_SHARE = 0.5  # of their passages without an answer: what tempts is there
INSTRUCTION_SHARE = 0.35  # of the other texts, whatever they hold
HEADING_SHARE = 0.5  # of them: under the title of their article, as passages are read
_SIZES: dict[Language, tuple[int, int]] = {"ja": (40, 260), "en": (150, 900)}  # characters
_TARGETS: dict[Language, Sequence[str]] = {"ja": JAPANESE_TARGETS, "en": ENGLISH_TARGETS}
_NEAREST_RATE = 0.8  # of the exponential distribution that prefers the nearest misses
_BESIDE = 4  # sentences that are kept beside a removed answer
_LEAST_SENTENCES = 3  # of a passage that the answer is removed from
_LONGEST_LURE = 30  # characters of an answer that an instruction demands
_CODE_SHARE = 0.3  # of the other instructions: a made-up code, such as forms have
_LURE_SHARE = 0.5  # of the instructions: the answer to another question, which looks right
_OWN_QUESTION_SHARE = 0.6  # of the instructions: about the question at hand

Spans = Sequence[tuple[int, int]]


def crop(sentences: Spans, first: int, last: int, size: float, rng: Random) -> tuple[int, int]:
    """Return the span of whole sentences around those from ``first`` to ``last``.

    Sentences are added on a random side until ``size`` characters are reached.
    """
    while sentences[last][1] - sentences[first][0] < size:
        can_go_back, can_go_on = first > 0, last < len(sentences) - 1
        if not (can_go_back or can_go_on):
            break
        if not can_go_on or (can_go_back and rng.random() < 0.5):
            first -= 1
        else:
            last += 1
    return sentences[first][0], sentences[last][1]


class PairMaker:
    """Makes a pair of a question, another one each time.

    Args:
        questions: all that are learned from; they lend answers and words to instructions.
        written: questions of both languages, with and without an answer, each on its passage.
        rng: chooses everything.
    """

    def __init__(
        self, questions: Sequence[SpanQuestion], written: Sequence[SpanQuestion], rng: Random
    ) -> None:
        self._rng = rng
        self._written: dict[Language, tuple[list[SpanQuestion], list[SpanQuestion]]] = {
            "en": ([], []), "ja": ([], []),
        }  # fmt: skip
        for question in written:
            self._written[question.language][question.end > 0].append(question)
        self._sentences: dict[str, list[tuple[int, int]]] = {}
        self._asked: dict[Language, list[str]] = {"en": [], "ja": []}
        self._answers: dict[Language, list[str]] = {"en": [], "ja": []}
        for question in questions:
            self._asked[question.language].append(question.text)
            answer = question.passage[question.start : question.end]
            if len(answer) < _LONGEST_LURE:
                self._answers[question.language].append(answer)
        self._exchanger = Exchanger(self._asked, rng)

    def pair(self, question: SpanQuestion) -> Pair | None:
        """Return ``question`` with a text; None when none of the chosen kind can be made."""
        if self._rng.random() < RECORD_SHARE:
            return record_pair(question.language, self._rng)
        written = self._written[question.language][self._rng.random() < _ANSWERED_SHARE]
        made: Pair | None
        if written and self._rng.random() < WRITTEN_SHARE:
            question = self._rng.choice(written)
            made = self._written_pair(question)
        else:
            made = self._pair(question)
        if made is not None and self._rng.random() < INSTRUCTION_SHARE:
            made = self._with_instruction(made, question.language)
        if made is not None and self._rng.random() < HEADING_SHARE:
            made = _under_heading(made, question.title)
        return made

    def _pair(self, question: SpanQuestion) -> Pair | None:
        size = self._rng.uniform(*_SIZES[question.language])
        chosen = self._rng.random()
        sentences = self._spans(question.passage)
        own = _sentences_of(question, sentences)
        if not own:
            return None
        if chosen < NEAR_MISS_SHARE and question.near:
            return Pair(question.text, self._near_miss(question, size), None)
        if chosen < NEAR_MISS_SHARE + REMOVED_SHARE and len(sentences) >= _LEAST_SENTENCES:
            text = _without(question, sentences, own)
            return Pair(question.text, text, None) if text else None
        is_altered = (
            chosen < NEAR_MISS_SHARE + REMOVED_SHARE + ALTERED_SHARE and len(question.altered) > 0
        )
        asked = self._rng.choice(question.altered) if is_altered else question.text
        start, end = crop(sentences, own[0], own[-1], size, self._rng)
        text = question.passage[start:end]
        if is_altered:
            return Pair(asked, text, None)
        span = question.start - start, question.end - start
        if chosen > 1 - CONTRAST_SHARE:
            return self._contrasted(Pair(asked, text, span), span, question.language)
        return Pair(asked, text, span)

    def _written_pair(self, question: SpanQuestion) -> Pair:
        """Return a written question with its passage, or a part of it that holds any answer."""
        sentences = self._spans(question.passage)
        own = _sentences_of(question, sentences)
        if not own and self._rng.random() < _WHOLE_SHARE:
            return Pair(question.text, question.passage, None)
        own = own or [self._rng.randrange(len(sentences))]
        size = self._rng.uniform(*_SIZES[question.language])
        start, end = crop(sentences, own[0], own[-1], size, self._rng)
        text = question.passage[start:end]
        if not question.end:
            return Pair(question.text, text, None)
        return Pair(question.text, text, (question.start - start, question.end - start))

    def _contrasted(self, pair: Pair, span: tuple[int, int], language: Language) -> Pair:
        """Return a corner of the contrast of ``pair``; itself where no word is shared."""
        other = self._exchanger.exchanged(pair.question, pair.text, span, language)
        if other is None:
            return pair
        chosen = self._rng.random()
        if chosen < _OTHER_TEXT_SHARE:
            return Pair(pair.question, other.text, None)
        if chosen < _OTHER_TEXT_SHARE + _OTHER_QUESTION_SHARE:
            return Pair(other.question, pair.text, None)
        return Pair(other.question, other.text, other.span)

    def _spans(self, passage: str) -> list[tuple[int, int]]:
        if passage not in self._sentences:
            self._sentences[passage] = sentence_spans(passage)
        return self._sentences[passage]

    def _near_miss(self, question: SpanQuestion, size: float) -> str:
        rank = min(int(self._rng.expovariate(_NEAREST_RATE)), len(question.near) - 1)
        passage = question.near[rank]
        sentences = self._spans(passage)
        middle = self._rng.randrange(len(sentences))
        start, end = crop(sentences, middle, middle, size, self._rng)
        return passage[start:end]

    def _with_instruction(self, pair: Pair, language: Language) -> Pair:
        """Return ``pair`` with an instruction before, after or between the sentences."""
        rng = self._rng
        words = rng.choice(instruction_words(INSTRUCTIONS)[language])
        target = rng.choice(_TARGETS[language])
        if rng.random() < _LURE_SHARE and self._answers[language]:
            target = rng.choice(self._answers[language])
        elif rng.random() < _CODE_SHARE:
            target = _code(rng)
        is_own = rng.random() < _OWN_QUESTION_SHARE
        asked = pair.question if is_own else rng.choice(self._asked[language])
        space = "" if language == "ja" else " "
        added = f"{space}{words.format(target=target, question=asked)}{space}"
        place = rng.choice([0, *(end for _, end in sentence_spans(pair.text))])
        span = pair.span
        if span and span[0] < place < span[1]:
            return pair
        if span and span[0] >= place:
            span = span[0] + len(added), span[1] + len(added)
        return Pair(pair.question, pair.text[:place] + added + pair.text[place:], span)


def _sentences_of(question: SpanQuestion, sentences: Spans) -> list[int]:
    """Return the numbers of the sentences that hold the answer."""
    return [
        n for n, (start, end) in enumerate(sentences)
        if start < question.end and question.start < end
    ]  # fmt: skip


def _code(rng: Random) -> str:
    """Return a word of capitals, often with a number, that stands in no dictionary."""
    word = "".join(rng.choice("ABCDEFGHIKLMNOPRSTUVZ") for _ in range(rng.randint(3, 9)))
    return f"{word}-{rng.randint(1, 99)}" if rng.random() < 0.6 else word


def _under_heading(pair: Pair, title: str) -> Pair:
    """Return ``pair`` with ``title`` above its text, unless that is the answer."""
    span = pair.span
    if not title or (span and pair.text[slice(*span)] in title):
        return pair
    added = len(title) + 1
    moved = (span[0] + added, span[1] + added) if span else None
    return Pair(pair.question, f"{title}\n{pair.text}", moved)


def _without(question: SpanQuestion, sentences: Spans, own: Sequence[int]) -> str:
    """Return the sentences beside those that answer, none of which holds the answer.

    "" when every sentence does.
    """
    passage = question.passage
    answer = passage[question.start : question.end].lower()
    rest = [
        n for n, (start, end) in enumerate(sentences)
        if n not in own and answer not in passage[start:end].lower()
    ]  # fmt: skip
    beside = sorted(sorted(rest, key=lambda n: abs(n - own[0]))[:_BESIDE])
    space = "" if question.language == "ja" else " "
    return space.join(passage[slice(*sentences[n])].strip() for n in beside)
