"""The numbers that Word counts by itself: "第3条", "2.1", "(a)". They stand in no paragraph.

A contract is asked for by the number of its article, so what a reader sees is worked out here.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import zip_longest

from rag.readers.ooxml import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEVELS = 9
_MAX_LETTERED = 260  # beyond, letters would be repeated more than ten times
_MAX_ROMAN = 3999
_PLACE = re.compile(r"%([1-9])")
_ROMAN = tuple(
    zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    )
)
_KANJI_DIGITS = "〇一二三四五六七八九"
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
)
_IROHA = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテ"


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str  # w:numFmt
    pattern: str  # such as "第%1条"; "%2" is the number of level 2
    style: str  # the paragraph style that is numbered on this level, "" for none
    is_legal: bool  # all numbers in digits


class Numbering:
    """Counts the numbered paragraphs of one document, which must come in their order."""

    def __init__(self, parts: Iterable[Element]) -> None:
        self._lists: dict[str, tuple[_Level, ...]] = {}  # by w:numId
        self._counts: dict[str, list[int | None]] = {}  # by w:abstractNumId, for each level
        self._abstract_of: dict[str, str] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        for part in parts:
            abstracts = {_get(a, "abstractNumId"): a for a in part.iterfind(f"{_W}abstractNum")}
            by_style = {
                _value(abstract, "styleLink"): number
                for number, abstract in abstracts.items()
                if _value(abstract, "styleLink")
            }
            for entry in part.iterfind(f"{_W}num"):
                abstract = _value(entry, "abstractNumId")
                if abstract in abstracts:
                    link = _value(abstracts[abstract], "numStyleLink")
                    self._add(entry, by_style.get(link, abstract), abstracts)

    def _add(self, entry: Element, abstract: str, abstracts: dict[str, Element]) -> None:
        number = _get(entry, "numId")
        overrides = {_integer(_get(o, "ilvl")): o for o in entry.iterfind(f"{_W}lvlOverride")}
        levels = {_integer(_get(lv, "ilvl")): lv for lv in abstracts[abstract].iterfind(f"{_W}lvl")}
        for index, override in overrides.items():
            if (level := override.find(f"{_W}lvl")) is not None:
                levels[index] = level
        self._abstract_of[number] = abstract
        self._lists[number] = tuple(_level(levels.get(index)) for index in range(_LEVELS))
        self._restarts[number] = {
            index: _integer(start, 1)
            for index, override in overrides.items()
            if (start := _value(override, "startOverride"))
        }

    def label(self, number: str, level: str | None, style: str | None) -> str:
        """Count one paragraph and return its number as it is shown; "" for a bullet.

        Args:
            number: the list it belongs to, w:numId.
            level: w:ilvl, or None when the list tells it by the style.
            style: the style of the paragraph.
        """
        levels = self._lists.get(number)
        if levels is None:
            return ""
        if level is None:
            of_style = (i for i, entry in enumerate(levels) if style and entry.style == style)
            index = next(of_style, 0)
        else:
            index = min(_integer(level), _LEVELS - 1)
        counts = self._counts.setdefault(self._abstract_of[number], [None] * _LEVELS)
        restart = self._restarts[number].pop(index, None)  # once, where this list first stands
        count = counts[index]
        counts[index] = levels[index].start if count is None else count + 1
        if restart is not None:
            counts[index] = restart
        counts[index + 1 :] = [None] * (_LEVELS - index - 1)
        return _shown(levels, counts, index)


def _shown(levels: tuple[_Level, ...], counts: list[int | None], index: int) -> str:
    own = levels[index]
    if own.form in ("bullet", "none"):
        return ""

    def place(match: re.Match[str]) -> str:
        level = levels[int(match[1]) - 1]
        count = counts[int(match[1]) - 1]
        return _number(level.start if count is None else count, level.form, own.is_legal)

    return _PLACE.sub(place, own.pattern).strip()


def _number(count: int, form: str, is_legal: bool) -> str:
    write = None if is_legal else _FORMS.get(form)
    return str(count) if write is None else write(count)


def _letters(count: int) -> str:
    if not 0 < count <= _MAX_LETTERED:
        return str(count)
    return chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)


def _roman(count: int) -> str:
    if not 0 < count <= _MAX_ROMAN:
        return str(count)
    text = ""
    for value, sign in _ROMAN:
        text += sign * (count // value)
        count %= value
    return text


def _kanji(count: int) -> str:
    if not 0 < count < 10_000:
        return str(count)
    digits = [int(digit) for digit in reversed(str(count))]
    pieces = [
        ("" if digit == 1 and unit else _KANJI_DIGITS[digit]) + unit if digit else ""
        for digit, unit in zip_longest(digits, ("", "十", "百", "千")[: len(digits)])
    ]
    return "".join(reversed(pieces))


def _one_of(signs: str) -> Callable[[int], str]:
    return lambda count: signs[count - 1] if 0 < count <= len(signs) else str(count)


_FORMS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda count: f"{count:02}",
    "upperRoman": _roman,
    "lowerRoman": lambda count: _roman(count).lower(),
    "upperLetter": lambda count: _letters(count).upper(),
    "lowerLetter": _letters,
    **dict.fromkeys(
        ("decimalFullWidth", "decimalFullWidth2"), lambda count: str(count).translate(_FULL_WIDTH)
    ),
    **dict.fromkeys(
        ("japaneseCounting", "japaneseDigitalTenThousand", "chineseCounting",
         "chineseCountingThousand", "ideographDigital", "taiwaneseCounting"), _kanji
    ),
    **dict.fromkeys(("aiueo", "aiueoFullWidth"), _one_of(_AIUEO)),
    **dict.fromkeys(("iroha", "irohaFullWidth"), _one_of(_IROHA)),
    **dict.fromkeys(
        ("decimalEnclosedCircle", "decimalEnclosedCircleChinese"),
        _one_of("".join(chr(ord("①") + index) for index in range(20))),
    ),
}  # fmt: skip


def _level(element: Element | None) -> _Level:
    if element is None:
        return _Level(1, "none", "", "", is_legal=False)
    return _Level(
        _integer(_value(element, "start"), 1),
        _value(element, "numFmt") or "decimal",
        _value(element, "lvlText"),
        _value(element, "pStyle"),
        is_legal=element.find(f"{_W}isLgl") is not None,
    )


def _value(element: Element, name: str) -> str:
    found = element.find(f"{_W}{name}")
    return "" if found is None else _get(found, "val")


def _get(element: Element, name: str) -> str:
    value: str = element.get(f"{_W}{name}", "")
    return value


def _integer(value: str, default: int = 0) -> int:
    return int(value) if value.isdigit() and len(value) <= 6 else default
