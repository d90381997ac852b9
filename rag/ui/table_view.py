"""Cited rows and figures as inert HTML tables. Pure: values in, escaped HTML out."""

from collections.abc import Sequence

from rag.ui.safe_markdown import note_html, text_html
from rag.ui.strings import Words
from rag.ui.table_cells import Cell, CitedTable


def table_html(words: Words, table: CitedTable, quote: tuple[int, int] | None) -> str:
    """Return the rows under the names of their columns, with the cells of the quote marked.

    Of a row that is quoted whole no cell is picked out: nobody has checked which one answers.
    """
    width = max(map(len, (*table.names, *table.rows)))
    head = "".join(
        _row([f'<th scope="col">{text_html(name)}</th>' for name in names], width, "th")
        for names in table.names
    )
    body = "".join(_row([_cell(cell, quote) for cell in row], width, "td") for row in table.rows)
    label = text_html(words("source_table_alt"))
    more = words("source_more_rows", count=table.left_out) if table.left_out else ""
    return (
        f'<div class="fk-cited" tabindex="0" role="region" aria-label="{label}"><table>'
        f"{f'<thead>{head}</thead>' if head else ''}<tbody>{body}</tbody></table></div>"
        f"{note_html(more) if more else ''}"
    )


def wide_table_html(heads: Sequence[str], body: str) -> str:
    """Return a table of figures with the names ``heads`` above; ``body`` is HTML.

    It can be reached and moved with keys where the window is narrower than the table.
    """
    head = "".join(f'<th scope="col">{text_html(name)}</th>' for name in heads)
    label = text_html(", ".join(heads))
    return (
        f'<div class="fk-wide" tabindex="0" role="region" aria-label="{label}">'
        f'<table class="fk-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _row(cells: list[str], width: int, tag: str) -> str:
    """Return a row filled up to ``width`` cells."""
    return f"<tr>{''.join(cells)}{f'<{tag}></{tag}>' * (width - len(cells))}</tr>"


def _cell(cell: Cell, quote: tuple[int, int] | None) -> str:
    text = text_html(cell.text)
    if _touches(cell, quote):
        text = f'<mark class="fk-quote">{text}</mark>'
    return f"<td>{text}</td>"


def _touches(cell: Cell, span: tuple[int, int] | None) -> bool:
    return span is not None and cell.start < span[1] and span[0] < cell.end
