"""How a Japanese question leans on its conversation: by its words, without a parser."""

import re
import unicodedata

from rag.question_reading import Phrase, PhraseKind, Reading

_KANJI = r"\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff"
_KATAKANA = r"\u30a1-\u30fa\u30fc-\u30ff"
_FULL = rf"{_KANJI}{_KATAKANA}A-Za-z0-9"
_OKURIGANA = "さりれしいきけえみめちびせげぎべっわみ"
_PARTICLE = (
    r"(?=[はがをにのでともへや、。？?（）「」・\s]|から|まで|より|だと|だっ|なら|です|って|$)"
)
# Kana are part of a word between kanji (忘れ物), at its end before a particle (毛替えは), and at
# its beginning where nothing but a particle precedes them (ことり号).
_WORD = re.compile(
    rf"(?P<head>[ぁ-ん]{{0,12}})"
    rf"(?P<core>[{_FULL}]+(?:[-_.・&/ー#][{_FULL}]+|[{_OKURIGANA}]{{1,2}}[{_KANJI}]+)*)"
    rf"(?P<tail>[{_OKURIGANA}]{{1,2}}{_PARTICLE})?"
)
_GRAMMAR = re.compile(
    r"について|において|に関して|教えてください|教えて|ください|下さい|どのような|どのくらい|どれくらい"
    r"|どのように|いくら|いくつ|ありますか|でしょうか|どこ|どれ|どの|どう|だれ|誰|いつ|なぜ|場合"
    r"|何(?:日間?|時間?|年間?|月|分間?|円|回|人|個|本|枚|歳|点|件|度|曜日|[かヶカケ]月)?"
    r"|という|(?:こと|もの|ため)(?=[はがをにもでだの、])|とき|その後|その他|ほか|できる|でき|ところ|など"
    r"|それら?|その|そこ|そちら|これら?|この|ここ|こちら|あれ(?!ば)|あの(?!う)|彼女|彼ら?(?!岸)"
)
_HEAD = re.compile(r"[はがをにのでともへ]([ぁ-ん]{3,})$")
_LEADING_HEAD = re.compile(r"^([ぁ-ん]{2,})$")

# What is asked about something; of what, only the conversation says.
_ASKED = (
    "料金|費用|値段|価格|代金|金額|会費|期限|締切|締め切り|期間|時間|時刻|時期|日時|日程|日数|日付|曜日|場所"
    "|住所|電話|番号|内線|連絡先|連絡|担当者|担当|責任者|名前|名称|人数|定員|回数|個数|頻度|上限|下限"
    "|最大|最小|最長|最短|条件|方法|手順|手続き|手続|理由|原因|目的|対象|様式|書類|資格|種類|割引|例外|注意"
    "|申請|申し込み|申込み|申込|申し込|予約|延長|更新|変更|中止|取消|取り消し|キャンセル|開始|終了|支払い"
    "|支払|返却|返金|必要|可能|有料|無料|当日|前日|翌日|年間|以上|以下|以内|前回|次回|今回|詳細|内容|違い"
    "|同じ|他|逆|[長高重広深速]さ|大きさ"
)
_ASKED_ONLY = re.compile(rf"(?:{_ASKED})+|\d{{1,2}}[年月日時分円回人個点本枚歳]?")

_OPENER = re.compile(
    r"^(?:それでは|それなら|それから|そしたら|では|じゃあ|じゃ|だったら|ならば|あと|また|ちなみに|そして"
    r"|一方|逆に|ということは|で)[、,，\s]*(?=.)"
)
_STRONG_OPENER = re.compile(
    r"^(?:(?:ほか|他)に(?:も|は)?|ほかの|他の|もっと(?!も)|さらに|さっきの|先ほどの|今の)"
)
# What この points to outside the conversation: the present, and where the words stand.
_HERE = (
    "たび|度|前|ところ|頃|文書|文章|資料|規則|規程|手引|マニュアル|契約|会社|図書館|建物|サイト"
    "|ページ|アプリ"
)
_PRONOUN = re.compile(
    r"(?<!お)(?<!ぞ)それ(?!ぞれ|とも|自身|自体)ら?|(?<![とや])その(?!ほか|他|まま|場で|うち|ため|後|名)"
    r"|(?<!こ)そこ(?!で、|そこ)|そちら|そっち|そんな|そう(?:した|いう|なる|する)"
    rf"|(?<![きけねのとどそこあ])これ(?!まで|から)ら?|(?<![きけねのとどそこあ])この(?!{_HERE})"
    r"|あれ(?!ば|これ)|あの(?=[^ぁ-ん])|あそこ|(?<![々一-龥])彼(?:女|ら)?(?!岸|方)|同じ(?=です|く|で|は|？)"
)
_PREDICATE = re.compile(
    r"です|ます|ません|でしょう|教えて|知りたい|ください|いくら|いくつ|いつ|どこ|どの|どれ|どう|誰|だれ"
    r"|何|なに|なん|なぜ|ない$|[るたうくすつむぐぶぬ]$|か$"
)
_CASE = re.compile(r"[がを]")  # a whole clause: 改定が行われた年は？
_CONDITION = re.compile(r"(?:の(?:場合|とき|時)(?:は|には|も)?|だと|なら(?!び)|だったら)")


def read_japanese(question: str) -> Reading:
    """Return what ``question`` is about and whether it leans on what was said before."""
    text = unicodedata.normalize("NFKC", question).strip()
    opener = _OPENER.match(text)
    body = (text[opener.end() :] if opener else text).rstrip("。?!？！ ")
    phrases = _phrases(body)
    topics = [phrase for phrase in phrases if phrase.kind == "topic"]
    pronoun = _pronoun(text)
    is_fragment = pronoun is None and not _PREDICATE.search(body)
    leans = bool(
        pronoun
        or not topics
        or _STRONG_OPENER.match(body)
        or (is_fragment and (opener or (len(phrases) < 2 and not _CASE.search(body))))
        or (opener and len(topics) < 2)
        or (len(topics) == 1 and _is_condition(body, topics[0]))
    )
    replaceable = None
    if pronoun and text == question and pronoun.group() in {"それ", "これ", "その", "この"}:
        replaceable = (pronoun.start(), pronoun.end(), "の" if pronoun.group()[-1] == "の" else "")
    means_person = bool(pronoun and pronoun.group().startswith("彼"))
    return Reading(leans, phrases, is_fragment, means_person, replaceable)


def _pronoun(text: str) -> re.Match[str] | None:
    """Return the first pronoun whose noun the question itself does not hold.

    Two words of substance before it are taken to hold it: 楽器を盗難で失った場合、その費用は.
    """
    for match in _PRONOUN.finditer(text):
        clause = text[: match.start()]
        if sum(phrase.kind == "topic" for phrase in _phrases(clause)) < 2:
            return match
    return None


def _is_condition(body: str, topic: Phrase) -> bool:
    """Tell whether the only thing named is a condition: 会員なら安くなりますか."""
    return bool(_CONDITION.match(body, body.find(topic.text) + len(topic.text)))


def _phrases(body: str) -> tuple[Phrase, ...]:
    """Return the words in order, without grammar and without verbs of a single kanji."""
    masked = _GRAMMAR.sub(lambda match: "\n" * len(match.group()), body)
    found: list[Phrase] = []
    end = 0
    for match in _WORD.finditer(masked):
        text = _head(masked, match) + match["core"] + (match["tail"] or "")
        start = match.end() - len(text)
        if _is_verb(masked, match) or text in "年月日時分円回人個点本枚歳" or text.isdigit():
            continue
        is_joined = bool(found) and masked[end:start] == "の"
        joined_to = found[-1].text if is_joined else ""
        found.append(Phrase(text, _kind(text), joined_to, "の" if is_joined else ""))
        end = match.end()
    return tuple(found)


def _kind(text: str) -> PhraseKind:
    return "asked" if _ASKED_ONLY.fullmatch(text) else "topic"


def _head(masked: str, match: re.Match[str]) -> str:
    """Return the kana that begin the word, as far as that can be told: ことり of ことり号."""
    is_first = match.start() == 0 or masked[match.start() - 1] in "、。 「("
    pattern = _LEADING_HEAD if is_first else _HEAD
    found = pattern.search(match["head"])
    return found[1] if found else ""


def _is_verb(masked: str, match: re.Match[str]) -> bool:
    """Tell whether a lone kanji is the stem of a verb or an adjective: 借 of 借りられますか."""
    if len(match["core"]) > 1 or match["tail"] or not re.match(rf"[{_KANJI}]", match["core"]):
        return False
    return not re.match(_PARTICLE, masked[match.end() :])
