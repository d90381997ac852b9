"""Numbers of spreadsheet cells as people see them: dates, percentages, units, leading zeros.

Thousands separators are left out: search cuts words there, so that 1234567 would not be found.
Dates are written in ISO 8601 whatever their format, also those in Japanese eras.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

BUILT_IN_FORMATS = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 14: "yyyy/m/d",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm", 19: "h:mm:ss", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy/m/d h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00",
    45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss",
    # The numbers below are dates in East Asian editions of Excel (ECMA-376, 18.8.30).
    **dict.fromkeys((27, 28, 29, 30, 31, 35, 36, 50, 51, 53, 54, 56, 57, 58), "yyyy/m/d"),
    **dict.fromkeys((34, 52, 55), "yyyy/m"), 32: "h:mm", 33: "h:mm:ss",
}  # fmt: skip

_MAX_SERIAL = 2_958_466  # 1 January 10000
_MAX_PLAIN_EXPONENT = 20
_MAX_PLACES = 10
_MAX_CODE_CHARACTERS = 255  # as in Excel
_MAX_EXACT = 1e15  # from here on, digits of whole numbers are lost
_GENERAL = "General"
_TOKEN = re.compile(
    rf'"([^"]*)"?|\\(.)|\[([^\]]*)\]|[_*].|({_GENERAL}|[#0?.,]+(?:-[#0?]+)*)|(.)', re.IGNORECASE
)
_IS_UNUSUAL = re.compile(r"\dE[+-]|[#0?]\s*/", re.IGNORECASE)  # 1.5E+03, 1/2
_DATE_LETTER = re.compile(r"[ymdhsg]", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the ``;`` separated parts of a format code, taken apart."""

    date_letters: str = ""  # of y, m, d, h, s, g in order; "" for numbers
    is_elapsed: bool = False  # [h]:mm counts hours beyond 24
    before: str = ""
    digits: str = ""  # "#,##0.00"; "" when there is none, as in General
    after: str = ""
    is_percent: bool = False
    is_conditional: bool = False


def show_number(value: float, code: str = "", *, starts_1904: bool = False) -> str:
    """Return ``value`` as a cell with the format ``code`` shows it.

    Args:
        value: what is stored; dates are days since 1900.
        code: a format code; "" is General.
        starts_1904: dates are days since 1904, as in old files from a Mac.
    """
    if not abs(value) < _MAX_EXACT:  # also what is no number
        return plain_number(value)
    sections = _sections(code)
    section = _section_for(value, sections)
    if section.date_letters:
        return _show_date(value, section, starts_1904=starts_1904) or plain_number(value)
    if section.digits:
        is_own_sign = value < 0 and section is not sections[0]
        return _show_digits(abs(value) if is_own_sign else value, section)
    return (section.before if value == 0 else "") or plain_number(value)


def show_stored(text: str, code: str = "", *, starts_1904: bool = False) -> str:
    """Return a number that is stored as text; what is none, such as #N/A, stays as it is."""
    try:
        value = float(text)
    except ValueError:
        return text
    return show_number(value, code, starts_1904=starts_1904)


def plain_number(value: float) -> str:
    """Return the 15 digits that Excel keeps, so that 0.1 + 0.2 is 0.3; whole numbers without .0."""
    shown = Decimal(format(value, ".15g"))
    if not shown.is_finite() or abs(shown.adjusted()) > _MAX_PLAIN_EXPONENT:
        return str(shown)
    return format(shown.to_integral() if shown == shown.to_integral() else shown, "f")


def _section_for(value: float, sections: tuple[_Section, ...]) -> _Section:
    if sections[0].is_conditional:
        return sections[-1]  # [<=999]000;000-0000: the last one is the full form
    if value < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if value == 0 and len(sections) > 2 else sections[0]


@lru_cache(maxsize=1000)
def _sections(code: str) -> tuple[_Section, ...]:
    if _IS_UNUSUAL.search(code):
        return (_Section(),)
    code = code[:_MAX_CODE_CHARACTERS].replace("\\-", "-").replace('"-"', "-")
    sections, start = [], 0
    for match in _TOKEN.finditer(code):
        if match[0] == ";":
            sections.append(_section(code[start : match.start()]))
            start = match.end()
    return (*sections, _section(code[start:]))


def _section(code: str) -> _Section:
    letters, digits = "", ""
    affixes = ["", ""]  # before and after the digits
    is_elapsed = is_percent = is_conditional = False
    for quoted, escaped, bracket, places, other in _TOKEN.findall(code):
        literal = quoted or escaped
        if bracket:
            is_elapsed |= bool(_ELAPSED.fullmatch(bracket))
            is_conditional |= bracket.startswith(("<", ">", "="))
            letters += bracket[0].lower() if _ELAPSED.fullmatch(bracket) else ""
            literal = bracket[1:].split("-")[0] if bracket.startswith("$") else ""
        elif places:
            digits = digits or places.strip("?")  # "?" alone only fills up with spaces
        elif _DATE_LETTER.fullmatch(other):
            letters += other.lower()
        else:
            is_percent |= other == "%"
            literal += other.strip("@")
        affixes[bool(digits)] += literal
    before, after = (affix.strip() for affix in affixes)
    return _Section(letters, is_elapsed, before, digits, after, is_percent, is_conditional)


def _show_digits(value: float, section: _Section) -> str:
    if section.digits.lower() == _GENERAL.lower():
        return f"{section.before}{plain_number(value)}{section.after}"
    whole, _, fraction = section.digits.partition(".")
    scaled = Decimal(format(value, ".15g")) * (100 if section.is_percent else 1)
    stripped = section.digits.rstrip(",")
    scaled = scaled.scaleb(-3 * (len(section.digits) - len(stripped)))  # "0," shows thousands
    places = min(sum(place in "0#?" for place in fraction), _MAX_PLACES)
    rounded = scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    shown = format(rounded, "f")
    if "#" in fraction or "?" in fraction:
        shown = shown.rstrip("0").rstrip(".")
    sign, shown = ("-", shown[1:]) if shown.startswith("-") else ("", shown)
    head, point, tail = shown.partition(".")
    head = _group(head.zfill(whole.count("0")), whole)
    return f"{sign}{section.before}{head}{point}{tail}{section.after}"


def _group(digits: str, pattern: str) -> str:
    """Put the hyphens of a pattern such as 000-0000 back in, from the right."""
    pieces = []
    for piece in reversed(pattern.split("-")[1:]):
        digits, last = digits[: -len(piece)], digits[-len(piece) :]
        pieces.append(last)
    return "-".join([digits, *reversed(pieces)])


def _show_date(value: float, section: _Section, *, starts_1904: bool) -> str:
    """Return an ISO date, time or both, as the format asks; "" outside the calendar."""
    letters = section.date_letters
    has_time = "h" in letters or "s" in letters
    has_date = any(letter in letters for letter in "ydg") or not has_time
    seconds = round(value * 86_400)
    if section.is_elapsed or (has_time and not has_date):
        hours, rest = divmod(seconds if section.is_elapsed else seconds % 86_400, 3600)
        width = 1 + ("hh" in letters)
        return "" if value < 0 else _clock(hours, rest, width)
    if not 1 <= value < _MAX_SERIAL and not (starts_1904 and 0 <= value < _MAX_SERIAL - 1462):
        return ""
    # Excel counts a 29 February 1900, which never was; so did Lotus 1-2-3.
    start = datetime(1904, 1, 1) if starts_1904 else datetime(1899, 12, 30 + (value < 60))
    moment = start + timedelta(seconds=seconds)
    return _iso(moment, has_day="d" in letters or "y" not in letters, has_time=has_time)


def _iso(moment: datetime, *, has_day: bool, has_time: bool) -> str:
    day = date.isoformat(moment.date())
    if has_time:
        return f"{day} {_clock(moment.hour, moment.minute * 60 + moment.second, 2)}"
    return day if has_day else day[:7]


def _clock(hours: int, seconds: int, width: int) -> str:
    shown = f"{hours:0{width}}:{seconds // 60:02}"
    return shown + (f":{seconds % 60:02}" if seconds % 60 else "")
