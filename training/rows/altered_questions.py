"""Questions that a passage seems to answer and does not: one detail of a real one is changed.

These are the kinds of unanswerable questions that people wrote for SQuAD 2.0 (Rajpurkar et al.,
2018, arXiv:1806.03822, table 2) as far as rules can make them: another number, another name, an
opposite, a negation. A model that learns from questions about other matters alone never looks at
such a detail.
"""

import re
from collections.abc import Iterator, Sequence, Set

import numpy as np

from rag.datatypes import Language

_NUMBER = re.compile(r"(?<![\w.,])\d{1,4}(?![\w.,]*\d)")
_JAPANESE_NUMBER = re.compile(r"[0-9０-９]{1,4}")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
_JAPANESE_NAME = re.compile(r"[ァ-ヴー]{3,}|[一-龥々]{2,}(?![一-龥々さしすせ])")
_FARTHEST = 30  # a year is moved by so many at most

_OPPOSITES = (
    "first last", "largest smallest", "biggest smallest", "highest lowest", "most least",
    "more fewer", "before after", "oldest youngest", "earliest latest", "longest shortest",
    "best worst", "increase decrease", "increased decreased", "north south", "northern southern",
    "east west", "eastern western", "win lose", "won lost", "male female", "begin end",
    "began ended", "start stop", "started stopped", "old new", "major minor", "with without",
    "included excluded", "allowed forbidden", "positive negative", "public private", "open closed",
    "early late", "upper lower", "inside outside", "above below", "majority minority", "over under",
    "maximum minimum", "buy sell", "bought sold", "like dislike", "love hate", "easy difficult",
)  # fmt: skip
_JAPANESE_OPPOSITES = (
    "最初 最後", "最大 最小", "最高 最低", "最多 最少", "最古 最新", "最長 最短", "前 後", "北 南",
    "東 西", "勝 敗", "男性 女性", "開始 終了", "増加 減少", "増え 減っ", "上 下", "多い 少ない",
    "大きい 小さい", "高い 低い", "長い 短い", "早い 遅い", "内 外", "父 母", "兄 弟", "姉 妹",
    "新しい 古い", "入 出", "賛成 反対", "有料 無料", "生まれ 亡くなっ", "設立 解散", "購入 売却",
    "できる できない", "禁止 許可", "以上 未満", "公立 私立", "左 右", "始まっ 終わっ",
)  # fmt: skip
_NEGATED = {
    "is": "is not, isn't, is never", "are": "are not, aren't, are never",
    "was": "was not, wasn't, was never", "were": "were not, weren't, were never",
    "has": "has not, hasn't, has never", "have": "have not, haven't, have never",
    "had": "had not, hadn't, had never", "do": "do not, don't", "does": "does not, doesn't",
    "did": "did not, didn't", "can": "cannot, can't", "could": "could not, couldn't",
    "will": "will not, won't", "would": "would not, wouldn't", "should": "should not, shouldn't",
    "must": "must not",
}  # fmt: skip
_JAPANESE_NEGATED = (
    "しましたか しませんでしたか", "ましたか ませんでしたか", "したのは しなかったのは",
    "されたのは されなかったのは", "できるのは できないのは", "っているのは っていないのは",
    "しているのは していないのは", "されている されていない", "であるのは でないのは",
)  # fmt: skip


def altered(
    question: str,
    language: Language,
    shown: str,
    elsewhere: Sequence[str],
    rng: np.random.Generator,
) -> str | None:
    """Return ``question`` with one detail changed, so that ``shown`` hardly answers it, or None.

    Args:
        question: one that ``shown`` answers.
        language: of the question.
        shown: all text that the question is asked over.
        elsewhere: other texts about like matters, which lend their names.
        rng: chooses the kind and the detail.
    """
    is_japanese = language == "ja"
    name = _JAPANESE_NAME if is_japanese else _NAME
    number = _JAPANESE_NUMBER if is_japanese else _NUMBER
    beside = set(name.findall(shown))  # of these, most swaps leave a question without an answer
    absent = {one for text in elsewhere for one in name.findall(text) if one not in shown}
    kinds: list[Iterator[str]] = [
        _other_number(question, number, shown, rng),
        _other_name(question, name, beside, shown, rng),
        _other_name(question, name, absent, shown, rng),
        _opposite(question, is_japanese, rng),
        _negated(question, is_japanese, rng),
    ]
    for n in rng.permutation(len(kinds)):
        changed: str | None = next(kinds[n], None)
        if changed:
            return changed
    return None


def _other_number(
    question: str, pattern: re.Pattern[str], shown: str, rng: np.random.Generator
) -> Iterator[str]:
    for found in pattern.finditer(question):
        value = int(found[0])
        spread = _FARTHEST if value >= 1000 else max(3, value)
        for distance in rng.permutation(np.arange(1, spread)).tolist():
            for other in (value + distance, value - distance):
                if other > 0 and str(other) not in shown:
                    yield question[: found.start()] + str(other) + question[found.end() :]


def _other_name(
    question: str, pattern: re.Pattern[str], lent: Set[str], shown: str, rng: np.random.Generator
) -> Iterator[str]:
    names = [found for found in pattern.finditer(question) if found[0] in shown]
    for n in rng.permutation(len(names)):
        found = names[n]
        alike = [one for one in sorted(lent) if one not in question and _is_alike(one, found[0])]
        if alike:
            other = alike[int(rng.integers(len(alike)))]
            yield question[: found.start()] + other + question[found.end() :]


def _is_alike(name: str, other: str) -> bool:
    """Tell whether two names are of one script and about as long."""
    is_katakana = "ァ" <= name[0] <= "ー"
    same_script = is_katakana == ("ァ" <= other[0] <= "ー")
    lengths = (len(name.split()), len(other.split()))
    return same_script and lengths[0] == lengths[1] and abs(len(name) - len(other)) <= 4


def _opposite(question: str, is_japanese: bool, rng: np.random.Generator) -> Iterator[str]:
    table = _JAPANESE_OPPOSITES if is_japanese else _OPPOSITES
    edge = "" if is_japanese else r"\b"
    changed = []
    for pair in table:
        one, other = pair.split()
        for word, instead in ((one, other), (other, one)):
            if found := re.search(f"{edge}{word}{edge}", question):
                changed.append(question[: found.start()] + instead + question[found.end() :])
    for n in rng.permutation(len(changed)):
        yield changed[n]


def _negated(question: str, is_japanese: bool, rng: np.random.Generator) -> Iterator[str]:
    if is_japanese:
        for words, instead in map(str.split, _JAPANESE_NEGATED):
            if words in question:
                yield question.replace(words, instead, 1)
        return
    found = re.search(rf"\b(?:{'|'.join(_NEGATED)})\b", question)
    if found:
        forms = _NEGATED[found[0]].split(", ")
        form = forms[int(rng.integers(len(forms)))]
        yield question[: found.start()] + form + question[found.end() :]
