"""Made-up records of an office: things, people and rules, each with some details.

What people ask about at work stands in tables, forms and rules, of which sets for question
answering, made from encyclopedias, hold none. Their words lie in `records.json`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from rag.datatypes import Language

WORDS = Path(__file__).with_suffix(".json")
PERSON = "person"
_LEAST_ROWS, _MOST_ROWS = 2, 8
_LEAST_COLUMNS, _MOST_COLUMNS = 1, 5
_WIDE_SHARE = 0.2  # of the Japanese tables: full-width digits
_WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")
_ALIKE_SHARE = 0.6  # of the names: one that shares a word with the one before


@dataclass(frozen=True, slots=True)
class Column:
    """A detail that records have: what it is called, asked for and said."""

    kind: str  # of the values
    names: tuple[str, ...]
    questions: tuple[str, ...]  # with "{row}", and "{section}" where there are sections
    statements: tuple[str, ...]  # with "{row}" and "{value}"


@dataclass(frozen=True, slots=True)
class Records:
    """A table: ``cells[row][column]``. The names of rows differ, and those of columns."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    headers: tuple[str, ...]  # of the columns
    cells: tuple[tuple[str, ...], ...]
    is_people: bool
    other_rows: tuple[str, ...]  # things of the same sort that are not there
    other_columns: tuple[Column, ...]  # details of the same sort that are not there


def make_records(language: Language, rng: Random) -> Records:
    """Return records of one sort of things, and what could have stood there, too."""
    words = _words(language)
    sort = rng.choice([*words["things"], PERSON])
    names = _names(words, sort, rng)
    count = rng.randint(_LEAST_ROWS, _MOST_ROWS)
    rows, other_rows = names[:count], names[count:]
    columns = [
        Column(c["value"], tuple(c["names"]), tuple(c["ask"]), tuple(c["say"]))
        for c in words["columns"]
        if sort in c["of"]
    ]
    rng.shuffle(columns)
    chosen, other_columns, headers = _chosen_columns(columns, rng)
    kinds = [cell_maker(column.kind, language, rng) for column in chosen]
    cells = [[make() for make in kinds] for _ in rows]
    if language == "ja" and rng.random() < _WIDE_SHARE:
        cells = [[cell.translate(_WIDE_DIGITS) for cell in row] for row in cells]
    return Records(
        rng.choice(words["table_titles"][sort]),
        tuple(rows),
        tuple(chosen),
        tuple(headers),
        tuple(map(tuple, cells)),
        sort == PERSON,
        tuple(other_rows),
        tuple(other_columns),
    )


def _chosen_columns(
    columns: list[Column], rng: Random
) -> tuple[list[Column], list[Column], list[str]]:
    """Return columns of a table, those left out, and headers. No two columns look alike."""
    count = rng.randint(_LEAST_COLUMNS, _MOST_COLUMNS)
    chosen: list[Column] = []
    others: list[Column] = []
    headers: list[str] = []
    for column in columns:
        taken = {name for one in chosen for name in one.names}
        if taken & set(column.names):
            continue  # it could be taken for the other one
        if len(chosen) < count:
            chosen.append(column)
            headers.append(rng.choice(column.names))
        else:
            others.append(column)
    return chosen, others, headers


def sectioned_records(language: Language, rng: Random) -> Records:
    """Return records with an amount for each of some sections, such as weekdays and weekends."""
    words = _words(language)
    sort = rng.choice(["object", "room", "event", "topic"])
    names = _names(words, sort, rng)
    count = rng.randint(_LEAST_ROWS, _MOST_ROWS)
    sections = rng.sample(words["sections"]["names"], rng.randint(2, 4))
    amounts = [c for c in words["columns"] if c["value"] == "money" and sort in c["of"]]
    name = rng.choice(rng.choice(amounts)["names"])
    asked = [text.replace("{column}", name).replace("{Column}", name.capitalize())
             for text in words["sections"]["ask"]]  # fmt: skip
    columns = [
        Column("money", (one,), tuple(text.replace("{section}", one) for text in asked), ())
        for one in [*sections, *words["sections"]["names"]]
    ]
    make = cell_maker("money", language, rng)
    cells = tuple(tuple(make() for _ in sections) for _ in range(count))
    others = tuple(column for column in columns if column.names[0] not in sections)
    title = f"{rng.choice(words['table_titles'][sort])} > {name}"
    chosen = tuple(columns[: len(sections)])
    return Records(
        title, tuple(names[:count]), chosen, tuple(sections), cells, False,
        tuple(names[count:]), others,
    )  # fmt: skip


@cache
def _words(language: Language) -> dict[str, Any]:
    words: dict[str, Any] = json.loads(WORDS.read_text(encoding="utf-8"))[language]
    return words


def _names(words: dict[str, Any], sort: str, rng: Random) -> list[str]:
    """Return more names than a table has rows. Many are alike: they share a word."""
    if sort == PERSON:
        return rng.sample(words["people"], 2 * _MOST_ROWS)
    nouns, kinds = words["things"][sort]["nouns"], words["things"][sort]["kinds"]
    space = " " if words["things"]["object"]["nouns"][0].isascii() else ""
    noun, kind = rng.choice(nouns), rng.choice(kinds)
    names: list[str] = []
    while len(names) < 2 * _MOST_ROWS:
        if len(kinds) == 1 or rng.random() > _ALIKE_SHARE:
            noun, kind = rng.choice(nouns), rng.choice(kinds)
        elif rng.random() < 0.5:
            noun = rng.choice(nouns)
        else:
            kind = rng.choice(kinds)
        name = f"{kind}{space}{noun}".strip()
        if name not in names:
            names.append(name)
    return names


def cell_maker(kind: str, language: Language, rng: Random) -> Callable[[], str]:
    """Return a function that makes values of a ``kind``, all written in the same way."""
    makers = _japanese(rng) if language == "ja" else _english(rng)
    if kind in makers:
        make: Callable[[], str] = rng.choice(makers[kind])
        return make
    words = _words(language)
    lists = {
        "company": "companies", PERSON: "people", "place": "places", "department": "departments",
        "condition": "conditions", "material": "materials", "item": "items", "title": "jobs",
    }  # fmt: skip
    if kind == "email":
        host = rng.choice(["example.org", "library.example", "office.example.jp"])
        return lambda: f"{rng.choice(words['emails'])}{rng.randint(1, 99)}@{host}"
    return lambda: rng.choice(words[lists[kind]])


def _amount(rng: Random) -> int:
    return rng.randint(1, 99) * rng.choice([1, 10, 50, 100, 500, 1000, 10000])


def _code(rng: Random, letters: int) -> str:
    """Return a code as forms and things have: TR-14, A102."""
    prefix = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWX") for _ in range(letters))
    return f"{prefix}-{rng.randint(1, 40)}"


_MONTHS = ("January February March April May June July August September October November "
           "December").split()  # fmt: skip
Makers = dict[str, list[Callable[[], str]]]


def _english(rng: Random) -> Makers:
    def clock() -> str:
        return f"{rng.randint(7, 21)}:{rng.choice(['00', '15', '30', '45'])}"

    return {
        "money": [
            lambda: f"{_amount(rng):,} yen", lambda: f"{_amount(rng):,}", lambda: f"{_amount(rng)}",
            lambda: f"€{_amount(rng)}", lambda: f"${_amount(rng):,}.00",
            lambda: f"{_amount(rng):,} euros", lambda: f"¥{_amount(rng):,}",
        ],
        "year": [lambda: str(rng.randint(1955, 2025))],
        "date": [
            lambda: f"{rng.randint(1, 28)} {rng.choice(_MONTHS)} {rng.randint(2019, 2027)}",
            lambda: f"{rng.randint(2019, 2027)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            lambda: f"{rng.choice(_MONTHS)} {rng.randint(1, 28)}",
        ],
        "days": [
            lambda: f"{rng.randint(2, 90)} days", lambda: f"{rng.randint(2, 12)} weeks",
            lambda: rng.choice("two three four five seven ten fourteen".split()) + " days",
            lambda: f"{rng.randint(2, 72)} hours",
        ],
        "years": [lambda: f"{rng.randint(2, 10)} years", lambda: f"{rng.randint(2, 60)} months"],
        "count": [lambda: str(rng.randint(1, 60))],
        "weight": [lambda: f"{rng.randint(1, 400)} kg", lambda: f"{rng.randint(1, 99) / 10} kg"],
        "code": [
            lambda: _code(rng, 1), lambda: _code(rng, 2),
            lambda: f"{_code(rng, 1)}{rng.choice('abc')}",
            lambda: f"{rng.choice('ABCD')}{rng.randint(100, 999)}",
        ],
        "people_count": [
            lambda: f"{rng.randint(4, 300)} people", lambda: str(rng.randint(4, 300)),
            lambda: f"{rng.randint(4, 60)} persons",
        ],
        "hours": [
            lambda: f"{clock()} to {clock()}", lambda: f"{clock()}-{clock()}",
            lambda: f"Monday to Friday, {clock()} to {clock()}",
        ],
        "extension": [
            lambda: f"ext. {rng.randint(100, 999)}", lambda: str(rng.randint(100, 9999)),
            lambda: f"0{rng.randint(10, 99)}-{rng.randint(200, 999)}-{rng.randint(1000, 9999)}",
        ],
        "time": [clock, lambda: f"{rng.randint(1, 11)} {rng.choice(['am', 'pm'])}"],
        "duration": [
            lambda: f"{rng.choice([30, 45, 60, 90, 120])} minutes",
            lambda: f"{rng.randint(2, 8)} hours", lambda: f"{rng.randint(2, 12)} evenings",
        ],
        "age": [lambda: str(rng.randint(4, 65))],
        "percent": [
            lambda: f"{rng.randint(1, 19) * 5} %", lambda: f"{rng.randint(1, 19) * 5} per cent",
        ],
    }  # fmt: skip


def _japanese(rng: Random) -> Makers:
    def clock() -> str:
        return f"{rng.randint(7, 21)}:{rng.choice(['00', '15', '30', '45'])}"

    def date() -> str:
        return f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日"

    return {
        "money": [
            lambda: f"{_amount(rng):,}円", lambda: f"{_amount(rng)}円", lambda: f"{_amount(rng):,}",
            lambda: f"{_amount(rng)}", lambda: f"{rng.randint(1, 90)}万円",
        ],
        "year": [lambda: str(rng.randint(1955, 2025))],
        "date": [
            date, lambda: f"{rng.randint(2019, 2027)}年{date()}",
            lambda: f"令和{rng.randint(1, 8)}年{date()}",
            lambda: f"{rng.randint(2019, 2027)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        ],
        "days": [
            lambda: f"{rng.randint(2, 90)}日", lambda: f"{rng.randint(2, 12)}週間",
            lambda: f"{rng.randint(2, 72)}時間", lambda: f"{rng.randint(2, 12)}か月",
        ],
        "years": [lambda: f"{rng.randint(2, 10)}年", lambda: f"{rng.randint(2, 10)}年間"],
        "count": [lambda: f"{rng.randint(1, 60)}台", lambda: str(rng.randint(1, 60))],
        "weight": [
            lambda: f"{rng.randint(1, 400)}kg", lambda: f"{rng.randint(1, 99)}キログラム",
        ],
        "code": [
            lambda: _code(rng, 1), lambda: _code(rng, 2), lambda: f"第{rng.randint(1, 40)}号",
            lambda: f"{rng.choice('ABCD')}{rng.randint(100, 999)}",
        ],
        "people_count": [lambda: f"{rng.randint(4, 300)}人", lambda: f"{rng.randint(4, 300)}名"],
        "hours": [
            lambda: f"{clock()}から{clock()}まで", lambda: f"{clock()}〜{clock()}",
            lambda: f"午前{rng.randint(7, 11)}時から午後{rng.randint(1, 9)}時まで",
        ],
        "extension": [
            lambda: f"内線{rng.randint(100, 999)}", lambda: str(rng.randint(100, 9999)),
            lambda: f"0{rng.randint(10, 99)}-{rng.randint(200, 999)}-{rng.randint(1000, 9999)}",
        ],
        "time": [
            clock, lambda: f"午{rng.choice('前後')}{rng.randint(1, 11)}時",
            lambda: f"{rng.randint(8, 20)}時{rng.choice(['', '30分'])}",
        ],
        "duration": [
            lambda: f"{rng.choice([30, 45, 60, 90, 120])}分", lambda: f"{rng.randint(2, 8)}時間",
            lambda: f"全{rng.randint(2, 12)}回",
        ],
        "age": [lambda: f"{rng.randint(4, 65)}歳", lambda: f"満{rng.randint(4, 65)}歳"],
        "percent": [
            lambda: f"{rng.randint(1, 19) * 5}%", lambda: f"{rng.randint(1, 9)}割",
            lambda: f"{rng.randint(1, 19) * 5}パーセント",
        ],
    }  # fmt: skip
