"""A question that an English sentence answers, by the form of the sentence. Pure.

Few forms, each with a number or a day as the answer: what they make reads like a question of a
person, and the sentence holds the whole answer.
"""

import re
from collections.abc import Callable

_NUMBER = (
    r"(?:\d[\d,.:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty"
    r"|thirty|forty|fifty|sixty|ninety|hundred)\b"
)
_TIME = (
    rf"(?:{_NUMBER}|(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|(?:the )?(?:first|last|end)\b"
    r"|midnight\b|noon\b|(?:every|each) \w+)"
)
_SOME = r"(?:about |at least |at most |up to |no more than |only |currently |now )?"
# Two words may be a name; a longer subject is the rest of a sentence.
_SUBJECT = r"(?P<subject>(?:(?:The|An?|Every|Each|All) )?[A-Za-z][\w’'-]*(?: [\w’'-]+){0,7}?)"
_NO_SUBJECT = re.compile(
    r"(?:it|they|this|these|those|that|there|here|we|you|he|she|i|one|some|both|others?|if|when"
    r"|where|while|because|since|after|before|from|in|on|at|by|for|to|with|without|as|not|no|nobody"
    r"|please|otherwise|however|until|once|who|what|which|then|but|and|or|so|only|each of them"
    r"|the (?:same|latter|former|first|second|last|next|other|others|rest|result|sum|total|one"
    r"|two|three))\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(  # of a subject: there it ends, or another sentence begins
    r"\b(?:which|that|who|whose|where|when|and|or|but|it|they|this|not|never|is|are|was|were|be|has"
    r"|have|had|will|would|can|may|must|should|do|does)\b"
)
_PRICE = rf"(?:[$€£¥]\s?\d[\d,.]*|{_NUMBER} (?:yen|euros?|dollars?|pounds?|EUR|USD|GBP|JPY)\b)"
_DETERMINER = re.compile(r"(?:The|An?|Every|Each|All)\b")
_NAME = re.compile(r"[A-Z]\S* [A-Z]|\S*[A-Z]\S*[A-Z]|\S*\d|\S*[a-z][A-Z]")
_BASE = {
    "takes place": "take place",
    "starts": "start",
    "begins": "begin",
    "ends": "end",
    "opens": "open",
    "closes": "close",
    "expires": "expire",
    "costs": "cost",
    "lasts": "last",
    "has": "have",
    "needs": "need",
}
_Match = re.Match[str]


def english_question(sentence: str) -> str:
    """Return a question that ``sentence`` answers, "" when it has none of the known forms."""
    for pattern, ask in _FORMS:
        match = pattern.match(sentence)
        if match and not _NO_SUBJECT.match(sentence) and not _INSIDE.search(match["subject"]):
            return ask(match)
    return ""


def _subject(match: _Match) -> str:
    """Return the subject as it stands inside a sentence; a name keeps its capital."""
    subject = match["subject"]
    if _NAME.match(subject) and not _DETERMINER.match(subject):
        return subject
    return subject[0].lower() + subject[1:]


def _does(match: _Match) -> str:
    return f"{'does' if match['verb'] in _BASE else 'do'} {_subject(match)}"


def _verb(match: _Match) -> str:
    return _BASE.get(match["verb"], match["verb"])


def _when(match: _Match) -> str:
    is_repeated = re.match(r"every|each", match["time"]) and match["verb"] == "takes place"
    return f"{'How often' if is_repeated else 'When'} {_does(match)} {_verb(match)}?"


def _deadline(match: _Match) -> str:
    asked = "How soon" if match["limit"] == "within" else "By when"
    return f"{asked} must {_subject(match)} be {match['verb']}?"


_PARTICIPLE = r"(?P<verb>[a-z]+(?:ed|en|wn|nt|de|pt|ld|id|ught))"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[_Match], str]], ...] = (
    (
        # Not "energy cost nine per cent less": of one thing, "cost" is the past.
        re.compile(rf"{_SUBJECT} (?P<verb>costs|(?<=s )cost) {_SOME}{_PRICE}"),
        lambda m: f"How much {_does(m)} cost?",
    ),
    (
        re.compile(
            rf"{_SUBJECT} (?P<be>is|are) (?P<verb>kept|stored|retained|valid|lent|locked) "
            rf"(?:for|until) {_SOME}(?:the )?{_NUMBER}"
        ),
        lambda m: f"How long {m['be']} {_subject(m)} {m['verb']}?",
    ),
    (
        re.compile(rf"{_SUBJECT} (?P<verb>lasts?) (?:for )?{_SOME}{_NUMBER}"),
        lambda m: f"How long {_does(m)} last?",
    ),
    (
        re.compile(rf"(?=The ){_SUBJECT} is {_SOME}{_NUMBER}"),
        lambda m: f"What is {_subject(m)}?",
    ),
    (
        re.compile(
            rf"{_SUBJECT} (?P<verb>takes place|starts|begins|ends|opens|closes|expires) "
            rf"(?:(?:on|at|in|from|after) )?(?P<time>{_TIME})",
            re.IGNORECASE,
        ),
        _when,
    ),
    (
        re.compile(
            rf"{_SUBJECT} must be {_PARTICIPLE}\b.*?"
            rf"\b(?P<limit>within|no later than|before|by) {_TIME}",
            re.IGNORECASE,
        ),
        _deadline,
    ),
    (
        re.compile(
            rf"{_SUBJECT} (?P<modal>must|may|can|should) have {_SOME}{_NUMBER} (?P<noun>[a-z]+s)\b"
        ),
        lambda m: f"How many {m['noun']} {m['modal']} {_subject(m)} have?",
    ),
    (
        re.compile(rf"{_SUBJECT} (?P<verb>has|have|needs?) {_NUMBER} (?P<noun>[a-z]+s)\b"),
        lambda m: f"How many {m['noun']} {_does(m)} {_verb(m)}?",
    ),
    (
        re.compile(
            rf"{_SUBJECT} (?P<be>is|are) (?P<verb>replaced|deleted|cleaned|changed|removed|checked"
            rf"|inspected|serviced|paid|published|copied|closed|held) "
            rf"(?:(?:on|at|in|after|within) )?(?P<time>{_TIME})",
            re.IGNORECASE,
        ),
        lambda m: f"When {m['be']} {_subject(m)} {m['verb']}?",
    ),
)
