"""Pairs of a question and a table, a form or a list of rules, made of records."""

from collections.abc import Callable
from random import Random

from rag.datatypes import Language
from training.span_reader.pair import Pair
from training.span_reader.records import Column, Records, make_records, sectioned_records

_UNANSWERED_SHARE = 0.3
_UNTOLD_SHARE = 0.3  # of the unanswered: a cell that is empty or left out, where there is one
_OTHER_ROW_SHARE = 0.6  # of the rest: another thing is asked about; else another detail
_SECTION_SHARE = 0.2  # of the records
_EMPTY_SHARE = 0.06  # of the cells
_EMPTY = ("", "-")
_HEADER_QUESTION_SHARE = 0.3  # the question takes the word of the header
_HEADING_SHARE = 0.8  # of the texts
_HEADER_SHARE = 0.75  # of the tables whose cells tell their columns apart: the names are there
_MOST_STATEMENTS = 9
_VOWELS = "aeiou"
_HEADER_QUESTIONS: dict[Language, tuple[str, ...]] = {
    "en": (
        "What is the {column} of the {row}?",
        "{row}: what {column}?",
        "What {column} has the {row}?",
    ),
    "ja": (
        "{row}の{column}は何ですか。",
        "{row}の{column}を教えてください。",
        "{row}の{column}は?",
    ),
}  # fmt: skip
Place = tuple[int, int]  # row and column of a cell
Pieces = list[tuple[str, Place | None]]  # of a text, with the cell that each is


def record_pair(language: Language, rng: Random) -> Pair:
    """Return a question about a detail of a made-up record, and a text that shows several.

    In three of ten the text does not tell it: the thing or the detail is another one.
    """
    is_sectioned = rng.random() < _SECTION_SHARE
    records = (sectioned_records if is_sectioned else make_records)(language, rng)
    cells = [
        [rng.choice(_EMPTY) if rng.random() < _EMPTY_SHARE else cell for cell in row]
        for row in records.cells
    ]
    shapes: list[Callable[..., Pieces]] = [_table, _table, _form]
    if not is_sectioned:
        shapes += [_statements, _statements]
    pieces = rng.choice(shapes)(records, cells, language, rng)
    text, places = _joined(pieces)
    told = [place for place in places if _is_told(cells, place)]
    if not told or rng.random() < _UNANSWERED_SHARE:
        return Pair(_unanswered(records, told, language, rng), text, None)
    place = rng.choice(told)
    row, column = place
    question = _asked(records.rows[row], records.columns[column], records, language, rng)
    return Pair(question, text, places[place])


def _is_told(cells: list[list[str]], place: Place) -> bool:
    return cells[place[0]][place[1]] not in _EMPTY


def _unanswered(records: Records, told: list[Place], language: Language, rng: Random) -> str:
    """Return a question whose thing, whose detail or whose cell the text does not show."""
    rows, columns = records.rows, records.columns
    untold = [
        (n, m) for n in range(len(rows)) for m in range(len(columns)) if (n, m) not in told
    ]  # fmt: skip
    if untold and rng.random() < _UNTOLD_SHARE:
        row, column = rng.choice(untold)
        return _asked(rows[row], columns[column], records, language, rng)
    row, column = rng.choice(told or untold)
    if rng.random() < _OTHER_ROW_SHARE or not records.other_columns:
        return _asked(rng.choice(records.other_rows), columns[column], records, language, rng)
    return _asked(rows[row], rng.choice(records.other_columns), records, language, rng)


def _asked(row: str, column: Column, records: Records, language: Language, rng: Random) -> str:
    template = rng.choice(column.questions)
    if rng.random() < _HEADER_QUESTION_SHARE:
        template = rng.choice(_HEADER_QUESTIONS[language])
        template = template.replace("{column}", rng.choice(column.names).replace("_", " "))
    return _worded(template.replace("{row}", "\0"), records).replace("\0", row)


def _worded(template: str, records: Records) -> str:
    """Return ``template`` without the article where people are meant."""
    return template.replace("the \0", "\0") if records.is_people else template


def _joined(pieces: Pieces) -> tuple[str, dict[Place, tuple[int, int]]]:
    """Return the text of ``pieces``, and where each cell stands in it."""
    text, places = "", {}
    for piece, place in pieces:
        if place is not None:
            places[place] = len(text), len(text) + len(piece)
        text += piece
    return text, places


def _table(records: Records, cells: list[list[str]], language: Language, rng: Random) -> Pieces:
    """Return lines of cells, with the names of their columns in the heading or above them."""
    between = rng.choice(["\t", "\t", ",", " | ", " "])
    edge = "|" if between == " | " else ""
    pieces: Pieces = []
    kinds = [column.kind for column in records.columns]
    is_clear = len(set(kinds)) == len(kinds)  # without names, two amounts could be either
    shows_header = not is_clear or rng.random() < _HEADER_SHARE
    has_heading, in_heading = rng.random() < _HEADING_SHARE, rng.random() < 0.5
    in_heading = in_heading and has_heading
    first = rng.choice({"en": ("name", "item", ""), "ja": ("名称", "項目", "")}[language])
    named = [first, *records.headers] if first or between != " " else list(records.headers)
    if has_heading:
        names = ", ".join(filter(None, named)) if shows_header and in_heading else ""
        pieces.append((f"{records.title} > {names}\n" if names else f"{records.title}\n", None))
    if shows_header and not in_heading:
        pieces.append((f"{edge} {between.join(named)} {edge}".strip() + "\n", None))
        if edge:
            pieces.append((f"|{'|'.join('---' for _ in named)}|\n", None))
    for n, row in enumerate(cells):
        pieces.append((f"{edge} {records.rows[n]}" if edge else records.rows[n], None))
        for m, cell in enumerate(row):
            quote = '"' if between == "," and "," in cell else ""
            pieces += [(between + quote, None), (cell, (n, m)), (quote, None)]
        pieces.append((f" {edge}\n" if edge else "\n", None))
    return pieces


def _form(records: Records, cells: list[list[str]], language: Language, rng: Random) -> Pieces:
    """Return the cells of each record below each other, each after the name of its column."""
    colon = rng.choice({"en": (": ", ": ", "\t", " - "), "ja": (":", "：", "\t")}[language])
    mark = rng.choice(["", "", "- ", "* "] if language == "en" else ["", "", "・", "- "])
    pieces: Pieces = []
    if rng.random() < _HEADING_SHARE:
        pieces.append((f"{records.title}\n", None))
    for n, row in enumerate(cells):
        pieces.append((f"{records.rows[n]}\n", None))
        for m, cell in enumerate(row):
            pieces += [(f"{mark}{records.headers[m]}{colon}", None), (cell, (n, m)), ("\n", None)]
    return pieces


def _statements(
    records: Records, cells: list[list[str]], language: Language, rng: Random
) -> Pieces:
    """Return some cells as sentences, those of a thing or of a detail together, or mixed."""
    places = [(n, m) for n, row in enumerate(cells) for m in range(len(row))]
    told = [place for place in places if _is_told(cells, place)]
    rng.shuffle(told)
    told = told[: rng.randint(2, _MOST_STATEMENTS)]
    order = rng.choice(["row", "column", "mixed"])
    if order != "mixed":
        told.sort(key=lambda place: place[order == "column"])
    after = rng.choice([" " if language == "en" else "", "\n"])
    mark = rng.choice(["- ", "", ""]) if after == "\n" else ""
    pieces: Pieces = [(f"{records.title}\n", None)] if rng.random() < _HEADING_SHARE else []
    for row, column in told:
        template = rng.choice(records.columns[column].statements).replace("{row}", "\0")
        before, rest = _worded(template, records).split("{value}")
        name = records.rows[row]
        before, rest = (_with_article(part, name) for part in (before, rest))
        pieces += [(mark + before, None), (cells[row][column], (row, column)), (rest + after, None)]
    return pieces


def _with_article(part: str, name: str) -> str:
    """Return ``part`` of an English sentence with ``name`` put in, after "an" if it needs that."""
    if name[0].lower() in _VOWELS:
        part = part.replace("a \0", "an \0").replace("A \0", "An \0")
    return part.replace("\0", name)
