"""Made-up tables, forms and rules that a span reader learns from."""

from collections import Counter
from random import Random

import pytest

from rag.datatypes import Language
from training.span_reader import pairs, record_pairs
from training.span_reader.pair import Pair
from training.span_reader.pairs import PairMaker
from training.span_reader.questions import SpanQuestion
from training.span_reader.record_pairs import record_pair
from training.span_reader.records import (
    Column,
    Records,
    cell_maker,
    make_records,
    sectioned_records,
)

LANGUAGES: tuple[Language, ...] = ("en", "ja")
FEE = Column("money", ("fee",), ("What does the {row} cost?",), ("The {row} costs {value}.",))
PLACE = Column("place", ("place",), ("Where is the {row}?",), ("The {row} is in {value}.",))
MAKER = Column("company", ("maker",), ("Who made the {row}?",), ("{value} made the {row}.",))
TOOLS = Records(
    title="Tools",
    rows=("old drill", "new drill"),
    columns=(FEE, PLACE),
    headers=("fee", "place"),
    cells=(("1,300 yen", "Store 1"), ("700 yen", "Store 2")),
    is_people=False,
    other_rows=("red saw",),
    other_columns=(MAKER,),
)


def pairs_of(language: Language, count: int, seed: int = 0) -> list[Pair]:
    rng = Random(seed)
    return [record_pair(language, rng) for _ in range(count)]


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Always the same two drills, whole."""
    monkeypatch.setattr(record_pairs, "make_records", lambda *_: TOOLS)
    monkeypatch.setattr(record_pairs, "_SECTION_SHARE", 0.0)
    monkeypatch.setattr(record_pairs, "_EMPTY_SHARE", 0.0)
    monkeypatch.setattr(record_pairs, "_HEADER_QUESTION_SHARE", 0.0)


@pytest.mark.usefixtures("tools")
def test_the_answer_is_the_cell_of_the_thing_and_the_detail_that_are_asked_about() -> None:
    right = {
        "What does the old drill cost?": "1,300 yen",
        "What does the new drill cost?": "700 yen",
        "Where is the old drill?": "Store 1",
        "Where is the new drill?": "Store 2",
    }
    answered = [pair for pair in pairs_of("en", 400) if pair.span]

    assert {pair.question for pair in answered} == set(right)
    for pair in answered:
        assert pair.span is not None
        assert pair.text[slice(*pair.span)] == right[pair.question]


@pytest.mark.usefixtures("tools")
def test_what_the_text_does_not_show_has_no_answer() -> None:
    for pair in (one for one in pairs_of("en", 400) if not one.span):
        is_absent = "red saw" in pair.question or "Who made" in pair.question
        is_untold = not any(  # sentences leave some cells out
            cell in pair.text and name in pair.question and asks in pair.question
            for name, cells in zip(TOOLS.rows, TOOLS.cells, strict=True)
            for cell, asks in zip(cells, ("cost", "Where"), strict=True)
        )
        assert is_absent or is_untold


@pytest.mark.usefixtures("tools")
def test_tables_forms_and_sentences_all_come() -> None:
    texts = [pair.text for pair in pairs_of("en", 400)]

    assert any("\nold drill\t1,300 yen\tStore 1\n" in text for text in texts)
    assert any('old drill,"1,300 yen",Store 1\n' in text for text in texts)
    assert any("| old drill | 1,300 yen | Store 1 |\n" in text for text in texts)
    assert any("old drill\nfee: 1,300 yen\nplace: Store 1\n" in text for text in texts)
    assert any("The old drill costs 1,300 yen. " in text for text in texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_of_ten_records_leave_the_question_open(language: Language) -> None:
    made = pairs_of(language, 1500)
    answered = [pair for pair in made if pair.span]

    assert 1 - len(answered) / len(made) == pytest.approx(0.3, abs=0.04)
    assert all(pair.text[slice(*pair.span)].strip() for pair in answered if pair.span)
    assert not any("{" in pair.question + pair.text for pair in made)
    assert len({pair.question for pair in made}) > 1000


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_without_names_of_columns_has_no_two_of_a_kind(language: Language) -> None:
    rng = Random(0)
    for _ in range(300):
        records = rng.choice((make_records, sectioned_records))(language, rng)
        pieces = record_pairs._table(records, [list(row) for row in records.cells], language, rng)
        text = "".join(piece for piece, _ in pieces)
        kinds = Counter(column.kind for column in records.columns)
        assert max(kinds.values()) == 1 or all(name in text for name in records.headers)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_asked_in_vain_is_not_in_the_records(language: Language) -> None:
    rng = Random(0)
    for _ in range(300):
        records = rng.choice((make_records, sectioned_records))(language, rng)
        assert not set(records.rows) & set(records.other_rows)
        shown = {name for column in records.columns for name in column.names}
        assert not any(shown & set(column.names) for column in records.other_columns)
        assert len(set(records.rows)) == len(records.rows)


def test_all_values_of_a_column_are_written_in_the_same_way() -> None:
    make = cell_maker("money", "ja", Random(1))
    endings = {make().lstrip("0123456789,") for _ in range(30)}

    assert len(endings) == 1


def test_articles_fit_their_nouns() -> None:
    texts = [pair.text for pair in pairs_of("en", 1500)]

    assert not any(" a overtime" in text or "A overtime" in text for text in texts)
    assert any("n overtime" in text for text in texts)
    assert not any("the Ms Ogawa" in text for text in texts)


def test_one_in_seven_pairs_is_a_record_in_the_language_of_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Language] = []

    def noted(language: Language, _: Random) -> Pair:
        asked.append(language)
        return Pair("", "", None)

    monkeypatch.setattr(pairs, "record_pair", noted)
    one = SpanQuestion("扉は何時に開く?", "ja", "扉は7時に開く。", 3, 5, ("7時",))
    maker = PairMaker([one], (), Random(0))
    for _ in range(2000):
        maker.pair(one)

    assert set(asked) == {"ja"}
    assert len(asked) / 2000 == pytest.approx(pairs.RECORD_SHARE, abs=0.03)
