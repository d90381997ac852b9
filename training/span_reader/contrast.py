"""One word that question and text share, exchanged in either or in both.

A contrast set (Gardner et al., 2020, arXiv:2004.02709): the question no longer fits the text where
only one of them is changed, and fits again where both are. Neither a question nor a text alone then
gives away whether there is an answer; only comparing them does. Rules that change questions alone
teach to see the change: what people write without an answer was hardly told (docs/log.md).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from rag.datatypes import Language

_ENGLISH_TERM = re.compile(
    r"[A-Z][\w'-]+(?: [A-Z][\w'-]+)*|\d[\d,.]*\d|\d|[a-z][a-z-]{3,}"  # names, numbers, words
)
_JAPANESE_TERM = re.compile(r"[ァ-ヴー]{2,}|[一-龥々]{2,}|[0-9０-９]+|[A-Za-z][A-Za-z0-9]+")
_ENDINGS = ("ing", "ed", "est", "ly", "tion", "er", "es", "s", "al", "ic")  # tell kinds of words
_UNTELLING = frozenset(
    "what when where which who whom whose why how many much does that this with from they them "
    "their there these those than then have has been were will would could should into about after "
    "before under over between during such some other also most more only your year years name "
    "type kind first according called used being made take took became become happen happened part "
    "time date number".split()
)
_NAME_SHARE = 0.65  # of the exchanges: a name or a number, where one is shared
_COUNTED_SHARE = 0.7  # of the numbers: another one near it
_FARTHEST_YEAR = 30
_TRIES = 8  # words that are looked at


@dataclass(frozen=True, slots=True)
class Contrast:
    """A question and a text after the exchange; ``text[start:end]`` is the answer as before."""

    question: str
    text: str
    span: tuple[int, int]


class Exchanger:
    """Exchanges words. Those put in come from other questions, and are of the same kind.

    Args:
        questions: by language; they lend their words.
        rng: chooses everything.
    """

    def __init__(self, questions: dict[Language, list[str]], rng: Random) -> None:
        self._rng = rng
        self._words: dict[tuple[Language, str], list[str]] = defaultdict(list)
        for language, texts in questions.items():
            for text in texts:
                for term in terms(text, language):
                    self._words[language, _kind(term)].append(term)

    def exchanged(
        self, question: str, text: str, span: tuple[int, int], language: Language
    ) -> Contrast | None:
        """Return question and text with one shared word exchanged in both; None without one.

        Args:
            question: one that ``text`` answers.
            text: every occurrence is exchanged.
            span: the answer in it, which stays.
            language: of both.
        """
        answer = text[slice(*span)]
        shared = []
        for term in terms(question, language):
            pattern = re.escape(term) if language == "ja" else rf"\b{re.escape(term)}\b"
            places = [m.span() for m in re.finditer(pattern, text)]
            outside = [p for p in places if p[1] <= span[0] or span[1] <= p[0]]
            if outside and term not in answer and answer not in term:
                shared.append((term, pattern, outside))
        if not shared:
            return None
        names = [one for one in shared if not one[0][0].islower()]
        is_name = bool(names) and self._rng.random() < _NAME_SHARE
        term, pattern, places = self._rng.choice(names if is_name else shared)
        other = self._other(term, f"{question}\n{text}".casefold(), language)
        if other is None:
            return None
        moved = sum(len(other) - (end - start) for start, end in places if end <= span[0])
        return Contrast(
            re.sub(pattern, lambda _: other, question),
            _replaced(text, places, other),
            (span[0] + moved, span[1] + moved),
        )

    def _other(self, term: str, said: str, language: Language) -> str | None:
        """Return a word to put in for ``term`` that is not ``said`` yet."""
        if term.isascii() and term.isdigit() and self._rng.random() < _COUNTED_SHARE:
            value = int(term)
            distance = self._rng.randint(1, _FARTHEST_YEAR if value >= 1000 else max(3, value))
            is_more = self._rng.random() < 0.5 or value - distance <= 0
            return str(value + distance if is_more else value - distance)
        words = self._words[language, _kind(term)]
        tries = (self._rng.choice(words) for _ in range(_TRIES if words else 0))
        return next((word for word in tries if word.casefold() not in said), None)


def terms(question: str, language: Language) -> list[str]:
    """Return the words of a question that tell what it is about, each once, in their order.

    The first word of an English question, which only asks, is left out.
    """
    pattern = _JAPANESE_TERM if language == "ja" else _ENGLISH_TERM
    found = [
        match[0]
        for match in pattern.finditer(question)
        if language == "ja" or (match.start() > 0 and match[0].lower() not in _UNTELLING)
    ]
    return list(dict.fromkeys(found))


def _kind(term: str) -> str:
    """Return what words must have in common to stand for each other."""
    if term[0].isdigit():
        return "number"
    if "ァ" <= term[0] <= "ー":
        return f"katakana {min(len(term) // 2, 4)}"
    if "一" <= term[0] <= "龥":
        return f"han {min(len(term), 4)}"
    if term[0].isupper():
        return f"name {min(len(term.split()), 3)}"
    return next((ending for ending in _ENDINGS if term.endswith(ending)), "word")


def _replaced(text: str, places: Sequence[tuple[int, int]], other: str) -> str:
    pieces, last = [], 0
    for start, end in places:
        pieces += [text[last:start], other]
        last = end
    return "".join([*pieces, text[last:]])
