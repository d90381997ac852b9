"""Look at what examples say: repeated, contradictory, without support, personal. Pure functions."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from training.datatypes import QAExample
from training.examples.check_report import Finding, Level, finding
from training.examples.labels import labels_of
from training.examples.near import NearQuestions
from training.examples.split import folded
from training.rows.gold import says_any

_SHOWN_PLACES = 5
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(
    r"(?<![\d-])(?:\+\d{1,3}[ -]?(?:\(0\))?\d{1,4}|\(?0\d{1,4}\)?|\(\d{3}\)|\d{3})"
    r"[ .-]\d{2,4}[ .-]\d{3,4}(?![\d-])"
)
_CARD = re.compile(r"(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])")


def content_findings(examples: Sequence[QAExample]) -> list[Finding]:
    """Return what a person should know of the texts of ``examples``."""
    checks = (_repeated, _near, _conflicts, _unplaced, _unsupported, _languages, _personal)
    return [found for check in checks for found in check(examples)]


def places(examples: Iterable[QAExample]) -> str:
    """Return where the first examples stand, for a message."""
    found = [example.place for example in examples]
    return ", ".join(found[:_SHOWN_PLACES]) + (", …" if len(found) > _SHOWN_PLACES else "")


def listed(level: Level, kind: str, examples: Sequence[QAExample], **values: int) -> list[Finding]:
    """Return the finding that counts ``examples`` and names the first; none without any."""
    if not examples:
        return []
    return [finding(level, kind, count=len(examples), places=places(examples), **values)]


def _repeated(examples: Sequence[QAExample]) -> list[Finding]:
    seen: set[tuple[str, str, str]] = set()
    repeated = []
    for example in examples:
        key = (folded(example.question), folded(example.answer), _text_of(example))
        if key in seen:
            repeated.append(example)
        seen.add(key)
    return listed("warn", "duplicates", repeated)


def _text_of(example: QAExample) -> str:
    """Return what the example is about: its passage, else its document."""
    return example.passage or example.source


def _near(examples: Sequence[QAExample]) -> list[Finding]:
    """Count questions that nearly equal an earlier one about the same text."""
    by_text: dict[str, dict[str, QAExample]] = {}
    for example in examples:
        by_text.setdefault(_text_of(example), {}).setdefault(folded(example.question), example)
    near = []
    for distinct in by_text.values():
        questions = [example.question for example in distinct.values()]
        index = NearQuestions(questions)
        for row, example in enumerate(distinct.values()):
            if any(other < row for other in index.near(questions[row])):
                near.append(example)
    return listed("warn", "near_duplicates", near)


def near_leaks(train: Sequence[QAExample], held_out: Sequence[QAExample]) -> list[Finding]:
    """Return what to say of questions to test on that are learned in nearly the same words."""
    index = NearQuestions([example.question for example in held_out])
    learned = {example.question for example in train}
    equal = {folded(question) for question in learned}
    near = {row for question in learned for row in index.near(question)}
    leaked = [
        example
        for row, example in enumerate(held_out)
        if row in near or folded(example.question) in equal
    ]
    return listed("warn", "near_leak", leaked, total=len(held_out))


def _conflicts(examples: Sequence[QAExample]) -> list[Finding]:
    asked: dict[str, list[QAExample]] = {}
    for example in examples:
        asked.setdefault(folded(example.question), []).append(example)
    conflicting, elsewhere = [], 0
    for same in asked.values():
        if len(same) == 1 or not _disagree(same):
            continue
        by_text: dict[str, list[QAExample]] = {}
        for example in same:
            by_text.setdefault(_text_of(example), []).append(example)
        wrong = next((group for group in by_text.values() if _disagree(group)), None)
        if wrong:
            conflicting.append(wrong[0])
        else:
            elsewhere += 1
    found = listed("warn", "conflicts", conflicting)
    if elsewhere:
        found.append(finding("info", "asked_elsewhere", count=elsewhere))
    return found


def _disagree(examples: Sequence[QAExample]) -> bool:
    """Tell whether no answer is right for all of ``examples``."""
    shared = set.intersection(
        *({folded(answer) for answer in example.answers or ("",)} for example in examples)
    )
    return not shared


def _unplaced(examples: Sequence[QAExample]) -> list[Finding]:
    found = [e for e in examples if e.is_answerable and not e.passage and not e.source]
    return listed("warn", "no_place", found)


def _unsupported(examples: Sequence[QAExample]) -> list[Finding]:
    """Count answers that are not words of their passage or quote; labels never are."""
    candidates = [
        example
        for example, label in zip(examples, labels_of(examples), strict=True)
        if example.is_answerable and not label and (example.passage or example.quote)
    ]
    found = [e for e in candidates if not says_any(e.passage or e.quote, e.answers)]
    return listed("warn", "not_in_passage", found, total=len(candidates))


def _languages(examples: Sequence[QAExample]) -> list[Finding]:
    return listed("warn", "other_language", [e for e in examples if e.language == "other"])


def _personal(examples: Sequence[QAExample]) -> list[Finding]:
    emails = phones = cards = 0
    for text in _texts(examples):
        emails += len(_EMAIL.findall(text))
        numbers = _CARD.findall(text)
        cards += sum(_is_card(number) for number in numbers)
        phones += len(_PHONE.findall(text))
    if not emails + phones + cards:
        return []
    return [finding("warn", "personal", emails=emails, phones=phones, cards=cards)]


def _texts(examples: Sequence[QAExample]) -> Iterator[str]:
    passages = {example.passage for example in examples}
    for text in (*passages, *(t for e in examples for t in (e.question, e.answer))):
        if any(character.isdigit() for character in text) or "@" in text or "＠" in text:
            yield unicodedata.normalize("NFKC", text)


def _is_card(number: str) -> bool:
    """Tell whether the digits have the check digit of a card (Luhn, ISO/IEC 7812-1)."""
    digits = [int(character) for character in number if character.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
