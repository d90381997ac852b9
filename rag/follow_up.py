"""Rewrite a question that leans on its conversation, so that it can be searched on its own.

By rules, as the smallest answer models cannot do it and a rewriting that nobody can predict is
no help. Words are added or put in the place of a pronoun; none of the question is lost but the
pronoun. What the earlier answers said has no part in it: a wrong one would lead all later
questions astray.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.datatypes import Language
from rag.follow_up_english import read_english
from rag.follow_up_japanese import read_japanese
from rag.language import content_terms, detect_language, terms
from rag.question_reading import Phrase, Reading

MAX_TURNS = 8  # that a question can lean on, one on the other
MAX_PHRASES = 6  # carried along by one question
MAX_PHRASE_CHARS = 60  # longer is no word but a paste


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question that needs no conversation, and what it is about."""

    text: str
    language: Language
    phrases: tuple[Phrase, ...]


def rewrite(question: str, history: Sequence[str], language: Language) -> str:
    """Return ``question`` in a form that can be understood without ``history``.

    The very same text when it does not lean on the conversation, or when that has no topic.

    Args:
        question: as asked.
        history: the earlier questions of the conversation as they were asked, newest last.
        language: of ``question``.
    """
    before: _Turn | None = None
    for earlier in history[-MAX_TURNS:]:
        before = _follow(earlier, detect_language(earlier), before)
    return _follow(question, language, before).text


def _follow(question: str, language: Language, before: _Turn | None) -> _Turn:
    reading = _read(question, language)
    if before is None or not reading.leans:
        return _Turn(question, language, reading.phrases)
    carried = _carried(reading, before, question)
    if not carried:
        return _Turn(question, language, reading.phrases or before.phrases)
    phrases = (*reading.phrases, *carried)[:MAX_PHRASES]
    text = _with_noun_for_pronoun(question, reading, carried)
    text = text or _with_other_slot(reading, language, before)
    return _Turn(text or _appended(question, language, carried), language, phrases)


def _read(question: str, language: Language) -> Reading:
    if language == "other":  # no rules: what leans cannot be told, so nothing is changed
        return Reading(leans=False)
    return read_japanese(question) if language == "ja" else read_english(question)


def _carried(reading: Reading, before: _Turn, question: str) -> tuple[Phrase, ...]:
    """Return what the question leaves out of the one before.

    Not what it says itself or what it puts something else in the place of; and what was asked
    only when it asks nothing of its own ("What about students?").
    """
    said = set(terms(question))
    own_kinds = {own.kind for own in reading.phrases}
    asks_nothing = own_kinds == {"topic"}
    keeps_all = reading.is_fragment or reading.means_person or not own_kinds
    return tuple(
        phrase
        for phrase in before.phrases
        if len(phrase.text) <= MAX_PHRASE_CHARS
        and (keeps_all or phrase.kind == "topic" or (asks_nothing and phrase.is_attribute))
        and not (content_terms(phrase.text) or {phrase.text}) <= said
        and not any(phrase.is_slot_of(own) for own in reading.phrases)
    )


def _with_noun_for_pronoun(question: str, reading: Reading, carried: Sequence[Phrase]) -> str:
    """Return the question with the topic for its pronoun, "" unless it is clear what that is.

    Clear is a topic of one piece, a noun with nothing but its attributes, and a pronoun before
    which the question names nothing else.
    """
    if reading.pronoun is None or not carried[0].is_noun:
        return ""
    if any(two.joined_to != one.text for one, two in pairwise(carried)):
        return ""
    start, end, suffix = reading.pronoun
    if any(own.kind == "topic" and own.text in question[:start] for own in reading.phrases):
        return ""
    is_plural = question[start:end].lower() in {"they", "them"}
    if carried[0].determiner and is_plural != carried[-1].text.endswith("s"):
        return ""
    noun = f"{carried[0].determiner}{in_words(carried)}{suffix}"
    return f"{question[:start]}{noun}{question[end:]}"


def _with_other_slot(reading: Reading, language: Language, before: _Turn) -> str:
    """Return the question before with the new word in its place, "" unless that is clear.

    Clear is a single word that names another of the same kind (梢原館は？ after a question about
    汐待館), or comes after a question about one thing. In Japanese only, where a word can be
    exchanged without a change of grammar.
    """
    topics = [phrase for phrase in reading.phrases if phrase.kind == "topic"]
    if not reading.is_fragment or len(topics) != 1 or (language, before.language) != ("ja", "ja"):
        return ""
    own = topics[0]
    slots = [phrase for phrase in before.phrases if phrase.is_slot_of(own)]
    if not slots and len(before.phrases) == 1 and before.phrases[0].kind == "topic":
        slots = list(before.phrases)
    if len(slots) != 1 or before.text.count(slots[0].text) != 1:
        return ""
    return before.text.replace(slots[0].text, own.text)


def _appended(question: str, language: Language, carried: Sequence[Phrase]) -> str:
    """Return the question with the topic after it, as a person would note it."""
    if language == "ja":
        return f"{question.rstrip('。？?！! ')}（{in_words(carried)}）"
    return f"{question} ({in_words(carried)})"


def in_words(phrases: Sequence[Phrase]) -> str:
    """Return the phrases as one text, joined as they were where they stood."""
    text = ""
    for position, phrase in enumerate(phrases):
        if position:
            follows = phrase.joined_to == phrases[position - 1].text
            text += phrase.joint if follows else phrase.separator
        text += phrase.text
    return text
