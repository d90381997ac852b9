"""What a question is about, as far as its words tell: the values that follow-ups are made of."""

import re
from dataclasses import dataclass
from typing import Literal

# A phrase is the subject of a question, what is asked about it, or what is done with it.
PhraseKind = Literal["topic", "asked", "verb"]

_JAPANESE = re.compile(r"[\u3041-\u30fa\u3400-\u9fff]")

# Words that answer the same "which one?": a later one takes the place of an earlier one.
_SLOTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^(?:adult|child|children|kid|student|pupil|senior|pensioner|famil(?:y|ie)|(?:non-)?member"
        r"|visitor|guest|employee|staff|administrator|manager|volunteer|teacher|beginner|resident"
        r"|company|companie)s?$"
        r"|(?:大人|成人|子ども|子供|学生|生徒|児童|シニア|高齢者|家族|一般|会員|法人|職員|社員|従業員"
        r"|アルバイト|パート|ボランティア|来館者|来客|管理職|役員)(?:会員|の方|たち)?$",
        r"^(?:weekday|weekend|holiday|(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?$"
        r"|^(?:平日|休日|祝日|土日|週末|[月火水木金土日]曜日?)$",
        r"^(?:morning|afternoon|evening|night)s?$|^(?:午前|午後|夕方|夜間|朝|昼|夜)$",
        r"^(?:january|february|march|april|may|june|july|august|september|october|november"
        r"|december)$|^\d{1,2}月$",
        r"^(?:spring|summer|autumn|fall|winter)s?$|^[春夏秋冬]季?$",
        r"^\d{4}年?度?$|^(?:昨|今|本|来)年度?$",
        r"^(?:abroad|overseas|domestic|international)$|^(?:国内|海外|県内|県外)$",
        r"^[A-Z]$|^\d{1,3}$",
    )
)
_PLACE_ENDINGS = frozenset("館室店駅市県校庫園院号課部")  # 汐待館 and 梢原館 are two of one kind


@dataclass(frozen=True, slots=True)
class Phrase:
    """A word or a name of a question, as it stands there."""

    text: str
    kind: PhraseKind
    joined_to: str = ""  # the phrase right before it, "" when there is none
    joint: str = ""  # what stands between the two
    determiner: str = ""  # what to say before it: "the ", or ""
    is_noun: bool = True

    @property
    def is_attribute(self) -> bool:
        """It is asked of the thing named right before it: 料金 in 楽器の料金."""
        return self.kind == "asked" and bool(self.joined_to)

    @property
    def separator(self) -> str:
        """What to put before it when it follows another phrase than in its question."""
        return "、" if _JAPANESE.search(self.text) else ", "

    def is_slot_of(self, other: "Phrase") -> bool:
        """Tell whether ``other`` names another thing of the same kind."""
        one, two = self.text, other.text
        if one == two:
            return False
        if any(slot.search(one) and slot.search(two) for slot in _SLOTS):
            return True
        if _JAPANESE.search(one) and _JAPANESE.search(two):
            shared = one[-1] == two[-1] and min(len(one), len(two)) > 1
            return shared and (one[-1] in _PLACE_ENDINGS or one[-2] == two[-2])
        is_name = " " in one and " " in two
        return is_name and one.split()[-1] == two.split()[-1]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a question stands to its conversation."""

    leans: bool  # it cannot be understood alone
    phrases: tuple[Phrase, ...] = ()
    is_fragment: bool = False  # it names something and leaves what is asked to the one before
    means_person: bool = False  # who is known by what was said of them before
    pronoun: tuple[int, int, str] | None = None  # span that a noun can replace; what follows it
