"""How an English question leans on its conversation: by its words, without a parser."""

import re
import unicodedata

from rag.question_reading import Phrase, PhraseKind, Reading

_WORD = re.compile(r"[^\W_]+(?:[-_.'’/&+#]+[^\W_]+)*")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INTERROGATIVES = _words("what which who whom whose when where why how")
_AUXILIARIES = _words(
    "is are am was were be been do does did has have had can could may might must shall should "
    "will would isn't aren't don't doesn't didn't can't won't wasn't isn’t aren’t don’t doesn’t "
    "can’t"
)
_DETERMINERS = _words("a an the my our your any every each some all both no another")
_PREPOSITIONS = _words(
    "about after as at before between by during for from in inside into near of on onto outside "
    "over per since through to towards under until up with within without"
)
_SUBJECTS = _words("i we you they he she it one somebody someone anybody anyone")
_PEOPLE = _words("whoever somebody someone anybody anyone everybody everyone nobody people")
_LIGHT = _words(
    "and but or so then also too well else ok okay if when than because while not only just "
    "still yet ever again please me us him her them its their his hers theirs that this these "
    "those there here such same other others instead otherwise many much more most less few "
    "long often soon far old big get got gets make makes made need needs want wants know tell "
    "explain say says said take takes use happen happens mean means go goes come comes give "
    "gives like let see possible allowed now already exactly actually really maybe whether "
    "thing things kind sort way ones"
)
# What is asked about something; of what, only the conversation says.
_ASKED = _words(
    "cost costs price prices fee fees charge charges rate amount deadline date dates time times "
    "day days hour hours year years week weeks month months minute minutes place location "
    "address phone number extension email e-mail name names form limit maximum minimum length "
    "period duration size weight colour color reason requirement requirements condition "
    "conditions rule rules discount valid due open opens opened close closes closed start "
    "starts begin begins end ends expire expires last lasts responsible contact free cheaper "
    "expensive included available left required apply register details example examples "
    "difference exception exceptions"
)
_VERBS = _words("cost costs take takes last lasts open opens close closes start starts begin end")

_STRONG_OPENER = re.compile(r"^(?:and |but |so |ok(?:ay)?,? )?(?:what|how) about\b[\s,]*", re.I)
_WEAK_OPENER = re.compile(r"^(?:and|but|or|so|then|also|ok|okay)\b[\s,]*", re.I)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|will) it (?:\w+ )?(?:possible|allowed|ok|okay|necessary|true|safe|permitted"
    r"|better|enough|required|forbidden|legal|cheaper|free|worth)\b.*\b(?:to|that|if|when)\b"
    r"|\bit (?:cost|take)s? (?:\w+ ){0,2}to\b|\bit called (?:when|if)\b|\bwhat time is it\b",
    re.I,
)
_LEANING_WORDS = re.compile(
    r"\b(?:what|who|where|anything|anyone|something) else\b|\bany(?: \w+)? others?\b"
    r"|\bthe others?\b|\bthe same(?= (?:for|at|in|on|with|apply|applies)\b|\s*[?.!]*$)"
    r"|\b(?:the former|the latter)\b|\bin that case\b"
    r"|\b(?:this|that|which|another|other|new|old|first|second|last|next|cheap\w*|big\w*|small\w*)"
    r" ones?\b(?! (?:who|that|which))|\b(?:then|too|as well|instead|otherwise)\s*[?.!]*$",
    re.I,
)
_COMPARISON = re.compile(
    r"(?<!\bno )\b(?:cheaper|longer|shorter|bigger|larger|smaller|higher|lower|faster|slower"
    r"|more expensive)(?= (?:for|in|at|on|if|when|with|to)\b|\s*[?.!]*$)",
    re.I,
)
# What "this" points to outside the conversation: the present, and where the words stand.
_HERE = (
    "year|month|week|morning|afternoon|evening|spring|summer|autumn|winter|time|site|website|page|app"
    "|document|text|manual|handbook|policy|contract|report|company|library|building|office"
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers)\b"
    rf"|\b(?:this|these|those)\b(?! (?:{_HERE})\b)"
    r"|(?:^|\b(?:is|was|are|does|do|did|will|can|would|for|about|of|with|like|before|after|by|to|and)"
    r" )(?P<that>that)\b"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )(?<!\bbe )\bthere\b(?! (?:is|are|was|were)\b)",
    re.I,
)
_REPLACEABLE = _words("it they them")
_POSSESSIVES = _words("their his her")
_PERSONS = _words("he him his she her hers")
_PLURALS = _words("they them their theirs these those")
_FUNCTION_WORDS = _LIGHT | _AUXILIARIES | _INTERROGATIVES | _SUBJECTS | _PREPOSITIONS | _DETERMINERS


def read_english(question: str) -> Reading:
    """Return what ``question`` is about and whether it leans on what was said before."""
    text = unicodedata.normalize("NFKC", question).strip()
    strong = _STRONG_OPENER.match(text)
    opener = strong or _WEAK_OPENER.match(text)
    body = text[opener.end() :] if opener else text
    words = [match.group().lower() for match in _WORD.finditer(body)]
    phrases = _phrases(body, begins_sentence=opener is None)
    topics = [phrase for phrase in phrases if phrase.kind == "topic"]
    is_clause = not strong and any(w in _INTERROGATIVES or w in _AUXILIARIES for w in words)
    pronoun = _pronoun(text)
    leans = bool(
        pronoun
        or strong
        or not topics
        or _LEANING_WORDS.search(body)
        or _COMPARISON.search(body)
        or (opener and (not is_clause or len(topics) < 2))
        or (not is_clause and (len(topics) < 2 or words[0] in _PREPOSITIONS | {"the"}))
    )
    replaceable = None
    if pronoun and pronoun.group().lower() in _REPLACEABLE and text == question:
        replaceable = (pronoun.start(), pronoun.end(), "")
    means_person = bool(pronoun and pronoun.group().lower() in _PERSONS)
    return Reading(leans, phrases, not is_clause, means_person, replaceable)


def _pronoun(text: str) -> re.Match[str] | None:
    """Return the first pronoun whose noun the question itself does not hold."""
    if _EXPLETIVE.search(text):
        text = re.sub(r"\bit\b", "--", text, flags=re.I)
    for match in _PRONOUN.finditer(text):
        start = match.start("that") if match["that"] else match.start()
        if not _has_noun(text[:start], match.group().split()[-1].lower()):
            return match
    return None


def _has_noun(before: str, pronoun: str) -> bool:
    """Tell whether a noun that ``pronoun`` can mean stands in ``before``."""
    words = [match.group() for match in _WORD.finditer(before)]
    for position, original in enumerate(words):
        word, last = original.lower(), words[position - 1].lower() if position else ""
        is_name = position > 0 and original[0].isupper() and len(original) > 1
        if word in _PEOPLE and pronoun in _PERSONS | _PLURALS:
            return True
        if word == "who" and pronoun in _POSSESSIVES:
            return True
        if word in _FUNCTION_WORDS:
            continue
        if pronoun in _PERSONS:
            is_noun = is_name
        elif pronoun == "there":
            is_noun = last in _PREPOSITIONS or is_name
        elif pronoun in _PLURALS:
            is_plural = word.endswith("s") and not word.endswith("ss")
            is_noun = is_name or (is_plural and last not in _INTERROGATIVES | _SUBJECTS)
        else:
            is_noun = last in _DETERMINERS | _PREPOSITIONS or is_name
        if is_noun:
            return True
    return False


def _phrases(body: str, *, begins_sentence: bool) -> tuple[Phrase, ...]:
    """Return the content words in order; a name of several words is one phrase."""
    found: list[Phrase] = []
    before: list[str] = []  # the function words since the last content word
    end = 0
    for text, start, stop in _names_and_words(body, 0 if begins_sentence else -1):
        word = text.lower()
        if word in _FUNCTION_WORDS:
            before.append(word)
            continue
        kind = _kind(word, before, is_next=bool(found) and not before, after=body[stop:])
        joint, previous = " ", found[-1] if found else None
        is_joined = set(before) <= _DETERMINERS
        if previous and before and before[0] in _PREPOSITIONS and set(before[1:]) <= _DETERMINERS:
            joint, is_joined = f" {' '.join(before)} ", True
        if "," in body[end:start] or "?" in body[end:start]:
            is_joined = False
        is_name = text[0].isupper() and (start > 0 or not begins_sentence)
        is_noun = is_name or bool(before and before[-1] in _DETERMINERS)
        determiner = "the " if before and before[-1] in _DETERMINERS else ""
        joined_to = previous.text if previous and is_joined else ""
        found.append(Phrase(text, kind, joined_to, joint, determiner, is_noun))
        before, end = [], stop
    return tuple(found)


def _names_and_words(body: str, first: int) -> list[tuple[str, int, int]]:
    """Return words with their spans; capitalised neighbours behind ``first`` are one."""
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(body):
        text, start = match.group(), match.start()
        is_name = text[0].isupper() and start > first and len(text) > 1
        if is_name and found and found[-1][0][0].isupper() and found[-1][1] > first:
            last, last_start, last_end = found[-1]
            if body[last_end:start] == " " and len(last) > 1:
                found[-1] = (f"{last} {text}", last_start, match.end())
                continue
        found.append((text, start, match.end()))
    return found


def _kind(word: str, before: list[str], *, is_next: bool, after: str) -> PhraseKind:
    """Return the part that a word plays, judged by the words around it."""
    last = before[-1] if before else ""
    if before[-2:] in (["how", "many"], ["how", "much"]):
        return "asked"
    follower = after.split(maxsplit=1)[0].lower().strip("?.,!") if after.split() else ""
    if last == "who":
        return "verb"
    if last in _SUBJECTS or (last == "to" and "to" not in before[:-1] and word not in _ASKED):
        return "verb" if last in _SUBJECTS or follower in _DETERMINERS else "topic"
    if word in _VERBS and is_next:
        return "verb"
    if word in _ASKED and not is_next:
        return "asked"
    return "topic"
