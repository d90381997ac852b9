"""A question that a Japanese sentence answers, by the form of the sentence. Pure.

Few forms, each with a number, a time or a place as the answer, so that the sentence holds the
whole answer and the question can be made by putting a question word in its place.
"""

import re
import unicodedata

_TOPIC = r"(?P<topic>[^、。は（）()「」※:：\s][^、。は（）()「」※:：]{1,23})は、?"
_COUNTER = (
    r"円|日間?|[かヶカケ]月間?|週間|年間?|時間|分間?|人|名|点|枚|冊|本|台|回|歳|個|件|校|文字|桁"
    r"|％|%|メートル|センチメートル|キロメートル"
)
_AMOUNT = re.compile(
    rf"{_TOPIC}(?:(?:1[日回人点冊台]|お?一人)(?:あたり|につき)?|[月年日]額|1?[週月年日]に|原則として"
    rf"|最大で?|最長で?|約|およそ)?(?:約)?\d[\d,.]*(?:万|千|億)?(?P<counter>{_COUNTER})"
    r"(?P<limit>まで|以内|以上|以下|前まで|後)?(?:です|とする|である|となります|になります)。?"
)
_WHEN = re.compile(
    rf"{_TOPIC}(?P<time>[^、。は]{{0,14}}?\d+(?:[かヶカケ]月|週間|年|月|日|時間?|分|曜日)"
    r"(?:以内|以降|前|後|末|ごろ|頃)?)(?P<particle>までに|に)(?P<verb>[^、。はに\d]{1,16}(?:ます|ました))。?"
)
_SPAN = re.compile(
    rf"{_TOPIC}[^、。は]{{0,4}}?\d[^、。は]{{1,10}}から[^、。は]{{1,12}}まで"
    r"(?P<verb>[^、。は]{1,12}ます|です)。?"
)
_WHERE = re.compile(rf"{_TOPIC}(?P<place>[^、。は]{{2,24}})にあります。?")
_NO_TOPIC = re.compile(
    r"[^は]*のは|(?:これ|それ|あれ|この|その|あの|ここ|そこ|ただし|なお|また|例えば|代わり|結果|場合|今回|前回|次回"
    r"|以上|以下|上|下|右|左|ほか|他|\d)"
)
_ASKED = {"円": "いくら", "%": "何%", "％": "何%"}
_NUMBERING = re.compile(
    r"^(?:A\d+\s*|第?\s*\d+\s*(?:[章条節編項]|[.、):])\s*|[■◆●○▼・*#]+\s*|[（(]\d+[)）]\s*)+"
)
_HEADING = re.compile(r"(?=.*[\u30a1-\u30fa\u3400-\u9fff])[^、。？?（）()「」:：はがを]{2,16}")


def japanese_question(sentence: str) -> str:
    """Return a question that ``sentence`` answers, "" when it has none of the known forms."""
    text = _unnumbered(sentence)
    if _NO_TOPIC.match(text):
        return ""
    if found := _AMOUNT.fullmatch(text):
        counter = found["counter"]
        asked = _ASKED.get(counter) or f"何{counter}"
        return f"{found['topic']}は{asked}{found['limit'] or ''}ですか。"
    if found := _SPAN.fullmatch(text):
        return f"{found['topic']}はいつからいつまで{found['verb']}か。"
    if found := _WHEN.fullmatch(text):
        particle = "までに" if found["particle"] == "までに" else ""
        return f"{found['topic']}はいつ{particle}{found['verb']}か。"
    if found := _WHERE.fullmatch(text):
        return f"{found['topic']}はどこにありますか。"
    return ""


def under_heading(question: str, heading: str) -> str:
    """Return the question about what the heading names; "" when that is no noun, by its form.

    使用料はいくらですか below 4. 中庭のカフェ becomes 中庭のカフェの使用料はいくらですか.
    """
    topic = _unnumbered(heading)
    if not _HEADING.fullmatch(topic) or topic in question:
        return ""
    return f"{topic}の{question}"


def _unnumbered(text: str) -> str:
    return _NUMBERING.sub("", unicodedata.normalize("NFKC", text).strip()).strip()
