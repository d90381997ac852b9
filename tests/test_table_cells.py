"""The cited row under the names of its columns, cell by cell, or no table at all."""

from pathlib import Path

import pytest

from rag.datatypes import Document
from rag.readers.extract import Extract, ExtractBuilder
from rag.readers.sheet_rows import add_sheet
from rag.readers.table import read_csv
from rag.readers.text import read_markdown
from rag.ui import table_cells
from rag.ui.strings import Words
from rag.ui.table_cells import CitedTable, cited_table
from rag.ui.table_view import table_html
from tests.fakes import span


def document(path: str, extract: Extract) -> Document:
    return Document(path, extract.text, "0", extract.blocks, extract.page_starts)


def from_csv(tmp_path: Path, text: str) -> Document:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    return document("a.csv", read_csv(tmp_path / "a.csv"))


def texts(table: CitedTable | None) -> list[list[str]]:
    """Return names and rows, all as text."""
    assert table is not None
    rows = [[cell.text for cell in row] for row in table.rows]
    return [*map(list, table.names), *rows]


def test_a_record_stands_under_its_header_with_exact_cells(tmp_path: Path) -> None:
    stored = from_csv(tmp_path, 'item;price;note\nPen;2;"red; or\n""blue"""\nInk;9;none\n')
    table = cited_table(stored, *span(stored.text, "Pen;2"))
    assert texts(table) == [["item", "price", "note"], ["Pen", "2", 'red; or\n"blue"']]
    assert table is not None
    cell = table.rows[0][2]
    assert stored.text[cell.start : cell.end] == '"red; or\n""blue"""'
    assert texts(cited_table(stored, *span(stored.text, "Ink"))) == [
        ["item", "price", "note"],
        ["Ink", "9", "none"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        'size,item,note\n5" pipe,tube,x\n7,hose,"y\n',  # a stray quote: not what csv sees
        "1,2,3\n4,5,6\n",  # no names
    ],
)
def test_what_is_no_clear_record_is_no_table(tmp_path: Path, text: str) -> None:
    stored = from_csv(tmp_path, text)
    assert cited_table(stored, *span(stored.text, text.split("\n")[1])) is None


def test_rows_of_a_sheet_stand_under_the_names_of_their_columns() -> None:
    builder = ExtractBuilder()
    rows = [["部品", "数量", "棚"], ["ねじ", "40", "A-1"], ["ばね", "7", "B-2"]]
    add_sheet(builder, "在庫", enumerate([list(enumerate(row)) for row in rows]))
    stored = document("在庫.xlsx", builder.build())
    assert texts(cited_table(stored, *span(stored.text, "ばね"))) == [rows[0], rows[2]]


def test_a_title_is_not_taken_for_the_names_of_columns() -> None:
    builder = ExtractBuilder()
    builder.add_heading("Stock 2024", 1)
    builder.add("table", "1\t2\n3\t4")
    stored = document("a.xlsx", builder.build())
    assert texts(cited_table(stored, *span(stored.text, "3\t4"))) == [["3", "4"]]


@pytest.mark.parametrize("count", [2, 40])  # a long table has its names in a heading
def test_rows_of_a_word_table_stand_under_its_first_row(count: int) -> None:
    builder = ExtractBuilder()
    rows = [f"Hall {n}\t{n}0 EUR an evening" for n in range(1, count + 1)]
    builder.add_table(["Room\tPrice", *rows])
    stored = document("a.docx", builder.build())
    assert texts(cited_table(stored, *span(stored.text, "20 EUR"))) == [
        ["Room", "Price"],
        ["Hall 2", "20 EUR an evening"],
    ]


def test_a_markdown_table_is_cut_at_its_pipes(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("| a | b |\n|---|---|\n| one \\| two | 3 |\n| x | y |\n")
    stored = document("a.md", read_markdown(tmp_path / "a.md"))
    table = cited_table(stored, *span(stored.text, "3"))
    assert texts(table) == [["a", "b"], ["one | two", "3"]]
    assert table is not None
    cell = table.rows[0][1]
    assert stored.text[cell.start : cell.end] == "3"


def test_running_text_is_no_table() -> None:
    builder = ExtractBuilder()
    builder.add("paragraph", "one\ttwo")
    builder.add("table", "a\tb")
    stored = document("a.docx", builder.build())
    assert cited_table(stored, *span(stored.text, "one")) is None
    assert cited_table(stored, 0, len(stored.text)) is None


def test_no_more_rows_are_drawn_than_can_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_cells, "MAX_ROWS", 2)
    builder = ExtractBuilder()
    builder.add("table", "\n".join(f"{n}\t{n}" for n in range(5)))
    stored = document("a.docx", builder.build())
    table = cited_table(stored, 0, len(stored.text))
    assert table is not None
    assert (len(table.rows), table.left_out) == (2, 3)
    assert "and 3 more rows" in table_html(Words("en"), table, None)


def test_all_cells_of_a_quoted_row_are_marked_and_of_a_quoted_cell_that_one(tmp_path: Path) -> None:
    stored = from_csv(tmp_path, "item,price,shelf\nPen,2 EUR,A\nInk,9 EUR,B\n")
    row, cell = span(stored.text, "Pen,2 EUR,A"), span(stored.text, "2 EUR")
    table = cited_table(stored, *row)
    assert table is not None
    html = table_html(Words("en"), table, cell)
    assert '<td><mark class="fk-quote">2 EUR</mark></td>' in html
    assert html.count("fk-quote") == 1
    assert '<th scope="col">price</th>' in html
    assert table_html(Words("en"), table, row).count("fk-quote") == 3


def test_cells_are_escaped(tmp_path: Path) -> None:
    stored = from_csv(tmp_path, "a,<b>x</b>\n<script>alert(1)</script>,<img src=x>\n")
    table = cited_table(stored, *span(stored.text, "<img"))
    assert table is not None
    html = table_html(Words("en"), table, span(stored.text, "<img"))
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;b&gt;x&lt;/b&gt;" in html
