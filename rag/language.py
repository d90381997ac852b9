"""Language of a text, its sentences, and the terms that lexical search and checks compare.

One analyzer serves every script: it cuts a text into runs and treats each run by its own
script, so that mixed text ("Wi-Fi の申請") needs no language guess at indexing time.
"""

import re
import threading
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Any

from rag.datatypes import Language

# Han, kana, Hangul, bopomofo and the iteration marks: written without spaces, or (Hangul)
# with suffixes glued on, so that character n-grams beat words.
_UNSPACED = (
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b"
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\u0e01-\u0e3a\u0e40-\u0e4e\U00020000-\U0003fffd"
)
_RUN = re.compile(rf"([{_UNSPACED}]+)|([^\W_{_UNSPACED}]+(?:[-_.'’/@:+#&]+[^\W_{_UNSPACED}]+)*)")
_PART = re.compile(r"[^\W_]+")
_COUNTED = re.compile(rf"\d+[{_UNSPACED}]")
_UNSPACED_CHARACTER = re.compile(rf"[{_UNSPACED}]")
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_HAN = re.compile(r"[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
_LETTER = re.compile(r"[^\W\d_]")

# Function words of questions and prose. Kept short: a stop word is lost to every query.
_STOP_WORDS = frozenset(
    """a about an and any are as at be been but by can could did do does for from had has have
    he her his how i if in into is it its may me more my no not of on or our out s shall she
    should so some such than that the their them then there these they this those to up us was
    we were what when where which who whom whose why will with would you your""".split()
)
_ENGLISH_HINTS = _STOP_WORDS - {"a", "i", "s", "no", "me"}

# Grammar of Japanese questions: shared by every question, so a match on it proves nothing.
_JA_QUESTION = (
    "について|において|に関して|教えてください|教えて|ください|下さい|どのような|どのくらい|どれくらい|"
    "どのように|いつまでに|いつまで|いつから|いくら|いくつ|何ですか|なんですか|ありますか|ですか|ますか|"
    "でしょうか|どこ|どれ|どの|どう|だれ|誰|いつ|なぜ|何|です|ます|という|こと|もの|ため|場合"
)
_JA_QUESTION_WORDS = re.compile(_JA_QUESTION)
_JA_FUNCTION = re.compile(
    f"{_JA_QUESTION}|でき|する|した|して|される|された|[はがをにのでとへもやかね]"
)
_SCRIPT_PIECE = re.compile(r"[\u3041-\u3096]{3,}|[^\u3041-\u3096\s]+")
_HIRAGANA = re.compile(r"[\u3041-\u3096]")

_SENTENCE_END = re.compile(
    # Not inside 「はい。」と言った and "Why?" she asked: there the sentence goes on.
    r"[。！？!?．]+(?:[」』）)\]】\"'”’*_]+(?![とはがをにへのでも、,]|\s[a-z]))?"
    r"(?![」』）]|[)\"'”’]\s[a-z])\s*"
    r"|(?<!\b[A-Z])(?<!\b(?:Mr|Dr|Ms|St|No|vs))(?<!\b(?:Mrs|Inc|Ltd|e\.g|i\.e|Fig|Sec|ext|Ext))"
    r"\.+[\"'”’)\]*_]*(?=\s)\s*"
    r"|\n+\s*"
)
# What numbers a heading or an item of a list: "3.", "## 2.1." or "(a)."
_LABEL = re.compile(
    r"(?:[#>*+-]+[ \t]+)?[(（]?(?:\d{1,3}(?:[.．]\d{1,3})*|[a-z]|[ivx]{1,4})[)）]?[.．][^\S\n]*",
    re.IGNORECASE,
)
_QUESTION_END = re.compile(
    r"[?？][」』）)\]】\"'”’*_]*$|(?:です|ます|ません|でした|ました|でしょう|ましょう)か[。．]?$"
)


def detect_language(text: str) -> Language:
    """Return the language a reader would expect the answer in.

    Japanese terms inside an English question ("What does 有給休暇 mean?") do not make it
    Japanese, and Latin names inside a Japanese one ("RAGとLLMの違いは") do not make it English.
    """
    text = unicodedata.normalize("NFKC", text)
    words = [word.lower() for word in _LATIN_WORD.findall(text)]
    kana, han = len(_KANA.findall(text)), len(_HAN.findall(text))
    if len(_HANGUL.findall(text)) > kana + han:
        return "other"
    if kana or han:
        english = sum(word in _ENGLISH_HINTS for word in words)
        return "en" if english and len(words) * 2 >= kana + han else "ja"
    letters = len(_LETTER.findall(text))
    latin = sum(map(len, words))
    return "en" if letters == 0 or latin * 2 >= letters else "other"


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the half-open spans of the sentences of ``text``, without outer white space.

    A line break ends a sentence: readers have already joined wrapped lines, so what is left
    separates headings, list items and table rows. The number of one, as in "3. Fees", is left
    out: it says nothing by itself, and is none of the numbers that the sentence tells.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for stop in [match.end() for match in _SENTENCE_END.finditer(text)] + [len(text)]:
        piece = text[start:stop]
        if stop < len(text) and _LABEL.fullmatch(piece) and not _is_reply(text, spans, start):
            start = stop
            continue
        left = start + len(piece) - len(piece.lstrip())
        right = start + len(piece.rstrip())
        if left < right:
            spans.append((left, right))
        start = stop
    return spans


def sentences(text: str) -> list[str]:
    """Return the sentences of ``text``; see `sentence_spans`."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _is_reply(text: str, spans: list[tuple[int, int]], start: int) -> bool:
    """Tell whether what begins at ``start`` follows a question on its line, as a reply does."""
    if not spans or "\n" in text[spans[-1][1] : start]:
        return False
    return is_question(text[slice(*spans[-1])])


def is_question(text: str) -> bool:
    """Tell whether ``text``, one sentence, asks something."""
    return bool(_QUESTION_END.search(text.rstrip()))


_ACCENTED = re.compile(r"[\u00e0-\u00f6\u00f8-\u017f\u1e00-\u1eff]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


def terms(text: str) -> list[str]:
    """Return the search terms of ``text``, in order, repeated as they occur.

    NFKC and case folding first, so that full-width digits and half-width katakana meet their
    usual forms. Unspaced scripts give character 1-grams and 2-grams; other words are stemmed
    (Porter 2), English stop words dropped. A compound such as ``RFC-7231`` or ``foo_bar``
    gives itself and its parts; a number with its counter (``10日``) stays together as well.
    """
    text = _folded(text)
    found: list[str] = []
    for run, word in _RUN.findall(text):
        if run:
            found.extend(run)
            found.extend(run[i : i + 2] for i in range(len(run) - 1))
            continue
        found.extend(_terms_of_word(word))
    # 6月 and 19日 tell a date; 6, 19, 月 and 日 alone stand on every page.
    return found + _COUNTED.findall(text)


def _folded(text: str) -> str:
    """Return ``text`` as terms are cut from it.

    1,280,000 is one number, as a sheet stores it, and café is cafe, as people type it.
    """
    text = _THOUSANDS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _ACCENTED.sub(lambda match: unicodedata.normalize("NFD", match[0])[0], text)


# A run of n characters gives 2 n terms, a word or a number one.
_GRAM_WEIGHT = 1 / 3
_HAN_WEIGHT = 1 / 2
_INFLECTED_WEIGHT = 1 / 6  # a 2-gram across the end of a stem, such as 給を or 休ん


def query_weights(text: str) -> dict[str, float]:
    """Return the terms of a question to search with, and how much a match on each counts.

    `terms` without question grammar: what stop words are to English, phrases such as どのくらい
    and single hiragana are to Japanese. Left in, twenty of them outvote the one identifier that
    was asked for. A question of nothing else keeps them all. The weights were fitted on Japanese
    questions of a training set (docs/log.md); each word of an English question weighs 1.
    """
    text = _folded(text)
    content = " ".join(_JA_QUESTION_WORDS.split(text))
    found = [term for term in terms(content) if not _HIRAGANA.fullmatch(term)] or terms(text)
    return {term: count * _weight(term) for term, count in Counter(found).items()}


def _weight(term: str) -> float:
    if len(term) > 2 or not _UNSPACED_CHARACTER.match(term):
        return 1.0
    if len(term) == 1:
        return _HAN_WEIGHT if _HAN.match(term) else _GRAM_WEIGHT
    scripts = [bool(_HIRAGANA.match(character)) for character in term]
    return _INFLECTED_WEIGHT if any(scripts) and not all(scripts) else _GRAM_WEIGHT


_UNSPACED_RUN = re.compile(rf"[{_UNSPACED}]{{3,}}")
_WORD_PAIR = re.compile(rf"(?<![^\W{_UNSPACED}])(?=([^\W{_UNSPACED}]+ [^\W{_UNSPACED}]+))")


def phrase_text(text: str) -> str:
    """Return ``text`` as the phrases of a question are looked for in it."""
    return " ".join(_folded(text).split())


def phrases(text: str) -> set[str]:
    """Return every two words in a row, and every three characters of unspaced scripts.

    Grammar included, which `terms` leave out: と呼ばれ and "known as" tell which of two passages
    with the same terms says what was asked. Each stands in the `phrase_text` of the same text.
    """
    text = phrase_text(text)
    runs = _UNSPACED_RUN.findall(text)
    grams = {run[i : i + 3] for run in runs for i in range(len(run) - 2)}
    return grams.union(_WORD_PAIR.findall(text))


def content_terms(text: str) -> set[str]:
    """Return the terms that carry meaning: for coverage and support, not for search.

    Always a part of `terms` of the same text, so that it can be looked for there. Of unspaced
    scripts it keeps the 2-grams of kanji and katakana, a kanji that stands between hiragana
    (撮 of 撮って), and hiragana words of three characters or more: endings prove nothing.
    """
    text = _folded(text)
    found: set[str] = set()
    for run, word in _RUN.findall(text):
        for piece in _SCRIPT_PIECE.findall(_JA_FUNCTION.sub(" ", run)):
            found.update(piece[i : i + 2] for i in range(len(piece) - 1))
            if _HAN.fullmatch(piece):
                found.add(piece)
        found.update(_stem(part) for part in _PART.findall(word) if part not in _STOP_WORDS)
    return found


_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot)\b|n['’]t\b"
    r"|ない|なか|なく|ません|ませぬ|[^はえいかもこき]ず[、。にと]|不可|禁止|無し|なし|除く|除き",
    re.IGNORECASE,
)


def is_negated(text: str) -> bool:
    """Tell whether ``text`` denies or excludes something."""
    return bool(_NEGATION.search(unicodedata.normalize("NFKC", text)))


_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


def numbers(text: str) -> set[str]:
    """Return the numbers of ``text`` in ASCII digits without thousands separators."""
    text = unicodedata.normalize("NFKC", text)
    return {match.replace(",", "").rstrip(".:") for match in _NUMBER.findall(text)}


_IDENTIFIER = re.compile(r"(?<![a-z0-9])[a-z]+[-_/.]?\d+(?:[-_/.]?[a-z0-9]+)*")
_IDENTIFIER_PART = re.compile(r"[a-z]+|\d+")


def names_all(question: str, text: str) -> bool:
    """Tell whether ``text`` holds each identifier of ``question``, such as V-1 or RFC7231.

    Full-width letters and what stands between letters and digits make no difference: 様式Ｖ１ is
    V-1, but V-12 is not.
    """
    identifiers = _IDENTIFIER.findall(_folded(question))
    text = _folded(text) if identifiers else ""  # most questions name none
    for identifier in identifiers:
        parts = r"[-_/.\s]?".join(_IDENTIFIER_PART.findall(identifier))
        if not re.search(rf"(?<![a-z0-9]){parts}(?![a-z0-9])", text):
            return False
    return True


_OF_THREAD = threading.local()


@lru_cache(maxsize=200_000)
def _terms_of_word(word: str) -> tuple[str, ...]:
    """Return a compound and its parts, or a word, stemmed and without stop words."""
    parts = _PART.findall(word)
    whole = (word,) if len(parts) > 1 else ()
    return (*whole, *(_stem(part) for part in parts if part not in _STOP_WORDS))


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    return word if word.isdigit() else str(_stemmer().stemWord(word))


def _stemmer() -> Any:  # noqa: ANN401 - snowballstemmer ships no types
    """Return the stemmer of this thread: it keeps the word it works on in itself."""
    if not hasattr(_OF_THREAD, "stemmer"):
        from snowballstemmer import stemmer

        _OF_THREAD.stemmer = stemmer("english")
    return _OF_THREAD.stemmer
