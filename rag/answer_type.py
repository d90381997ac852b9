"""Tell whether an answer can be of the kind that its question asks for. Pure, like `language`.

"At what time does it begin?" is not answered by a day, nor いくら by sixty minutes. Such kinds show
in the words of a question and on the face of an answer (Li and Roth, 2002, "Learning Question
Classifiers", https://aclanthology.org/C02-1150/); what does not show there, as whether a name is
that of a company, is not asked. In doubt an answer fits: docs/log.md has how many right ones do.
"""

import re
import unicodedata

_UNITS = {
    "money": r"円|ドル|ユーロ|ポンド|ウォン|(?:yen|dollars?|euros?|pounds?|cents?|pence)\b",
    "time": r"秒|分(?!の)|時|日|週|[かカヵヶケ箇]月|月|年"
    r"|(?:seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?)\b",
    "occasions": r"回|times\b",
    "things": r"[人名個枚本冊台]|(?:people|persons|members)\b",
    "share": r"[%割]|パーセント|per ?cent\b",
}
_NUMERAL = (
    r"[\d,.]*\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundred|thousand|million|billion|dozen)\b"
    r"|[一二三四五六七八九十百千万億兆数]+"
)
_QUANTITY = re.compile(
    rf"{_NUMERAL}|[〇零壱弐参半両全毎複多少無元初ゼ]|ひと|ふた"
    r"|\b(?:zero|no|none|nobody|nothing|free|cheap|once|twice|both|thrice|\w+ties|\w+reds|\w+ands|\w+ions"
    r"|dozens|trillion|half|halves|quarters?|single|double|triple|couple|pairs?|trio|few"
    r"|several|many|most|all|every|each|multiple|numerous|unlimited|countless|lots?"
    r"|handful|number|first|second|third|daily|an? (?:year|month|week|day|night|hour|minute))\b"
    r"|[^\W\d]人$",  # 何人 also asks for a people
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\d\s*(?::|時|[ap]\.?\s?m\b|o.?clock)|[一二三四五六七八九十]時|正午|午[前後]|[朝昼夕夜晩]|未明"
    r"|日没|日の出|\b(?:noon|mid(?:night|day)|dawn|dusk|sun(?:rise|set)|mornings?|afternoons?"
    r"|evenings?|nights?|half past|o.?clock|hours?|quarter (?:to|past))\b",
    re.IGNORECASE,
)
_FREQUENCY = re.compile(
    r"毎|[ごお][とき]|[日週月年時]|常|頻繁|定期|時々|たま|ほとんど"
    r"|\b(?:every|each|all|once|twice|times?|per|(?:dai|week|month|year|hour|quarter|annual|usual"
    r"|regular|frequent|occasional|rare|constant)ly|bi\w+|annual|frequent|rare|often|seldom|never"
    r"|always|sometimes|whenever|when|after|before|throughout|until|seconds?|minutes?|hours?|days?"
    r"|nights?|mornings?|evenings?|weeks?|weekends?|months?|years?|decades?|centur\w+|\w+days?)\b",
    re.IGNORECASE,
)
_COUNTED = {
    unit: re.compile(rf"(?:{_NUMERAL})\s*(?:{names})", re.IGNORECASE)
    for unit, names in _UNITS.items()
}
_COUNTED["order"] = re.compile(rf"第(?:{_NUMERAL})")
_SOME_OCCASIONS = re.compile(r"毎|\b(?:once|twice|thrice|every|each)\b", re.IGNORECASE)
_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_NUMBERS = re.compile(_NUMERAL, re.IGNORECASE)

_ASKS_CLOCK = re.compile(
    r"^(?:\w+ )?what time (?:do|does|did|is|was|will|can|must|should)\b|何時(?![間代期])",
    re.IGNORECASE,
)
_ASKS_FREQUENCY = re.compile(
    r"^how (?:often|frequently)\b|(?<![日週月年]に)(?:どの|どれ)[くぐ]らいの頻度", re.IGNORECASE
)
_ASKS_MONEY = re.compile(
    r"\bhow much (?:money|(?:do|does|did|is|are|was|were|will|would|must|should)\b.*\b(?:cost|costs"
    r"|pay|paid|charged?|price|fee|fine|fare|rent|worth|earn))\b"
    r"|^what (?:do|does|did|will|would)\b.*\bcost\b"
    r"|^what (?:is|was|are|were) the (?:\w+ ){0,2}(?:price|fee|fare|rent|salary|fine|allowance)\b"
    r"|いくら(?:です|でし|かか|にな|払|支払|もら|まで|[？?。]|$)|何(?:円|ドル|ユーロ|ポンド)",
    re.IGNORECASE,
)
_ASKS_TIME = re.compile(
    r"\bhow many (?:more |calendar |working |business )?(?:seconds|minutes|hours|days|nights|weeks"
    r"|months|years)\b|何(?:秒|分|時間|日間|週間|[かカヵヶ]月|年間)",
    re.IGNORECASE,
)
_ASKS_OCCASIONS = re.compile(r"\bhow many times\b|(?<!第)何回(?![目かもの])", re.IGNORECASE)
_ASKS_NUMBER = re.compile(
    r"^(?:\w+ ){0,2}how (?:many|old)\b|^(?:in |by |of )?(?:what|which) (?:year|percentage)\b"
    r"|何(?:[個本台冊件枚歳才匹頭軒社校名点巻話%割倍年月日週分秒円]|[カかヶヵ]国|人(?![なの]))(?![かも目])"
    r"|いくつ(?:です|あり|ある|まで)|(?:どの|どれ)[くぐ]らいの(?:期間|時間|長さ|高さ|距離|広さ|大きさ)",
    re.IGNORECASE,
)


def fits(question: str, answer: str, following: str = "") -> bool:
    """Tell whether ``answer`` may be of the kind that ``question`` asks for.

    Args:
        question: in English or Japanese; where it shows no kind, all answers fit.
        answer: a few words, or sentences that hold them; passage markers such as [1] are no part.
        following: what the passage says next, which may be the unit of the last number.
    """
    question, answer = (unicodedata.normalize("NFKC", text) for text in (question, answer))
    answer = _MARKER.sub("", answer)
    if _ASKS_CLOCK.search(question):
        return bool(_CLOCK.search(answer))
    if _ASKS_FREQUENCY.search(question):
        return bool(_FREQUENCY.search(answer))
    unit = _asked_unit(question)
    if unit == "" and not _ASKS_NUMBER.search(question):
        return True
    if not _QUANTITY.search(answer):
        return False
    return not unit or not _counts_only_others(unit, answer, following)


def _asked_unit(question: str) -> str:
    """Return the unit in which an answer is to be counted, else ""."""
    asks = {"money": _ASKS_MONEY, "occasions": _ASKS_OCCASIONS, "time": _ASKS_TIME}
    return next((unit for unit, asked in asks.items() if asked.search(question)), "")


def _counts_only_others(unit: str, answer: str, following: str) -> bool:
    """Tell whether all numbers of ``answer`` count something known that is not ``unit``."""
    if unit == "occasions" and _SOME_OCCASIONS.search(answer):  # "twice in 3 years"
        return False
    text = answer + unicodedata.normalize("NFKC", following)
    others = [pattern for name, pattern in _COUNTED.items() if name != unit]
    counted = sum(m.start() < len(answer) for each in others for m in each.finditer(text))
    return 0 < counted == len(_NUMBERS.findall(answer))
