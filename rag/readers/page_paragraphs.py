"""Lines on a page to paragraphs, by where they stand.

A line goes on in the next one when the next one's first word would not have fitted behind
it. Rows of tables, list items and short lines therefore stay on lines of their own, and
sentences that a page breaks become whole again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from rag.readers.extract import is_cjk, joint
from rag.readers.page_lines import BULLET, COMPOUND, NUMBER_IN_PARENTHESES, Line, is_item

_MAX_LEADING = 2.5
_MIN_WIDE = 0.4  # of the page's text width: a column of running text, not of labels
_SENTENCE_ENDS = tuple(".。!！?？:：;；")
_NUMBERED = re.compile(r"[\d０-９]{1,2}[\s　]+[\u3040-\u9fff]")
_LABEL = re.compile(r"[^\s：:。、,.]{1,12}[：:]")
_FIRST_WORD = re.compile(r"[^\s\u2e80-\U0003ffff]+")


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together. ``is_close``: set right under the one before."""

    text: str
    size: float
    is_row: bool
    is_list_item: bool
    is_vertical: bool
    is_close: bool


def paragraphs_of(lines: Sequence[Line], compounds: frozenset[str]) -> Iterator[Paragraph]:
    """Yield the paragraphs of a page.

    Args:
        lines: the lines of one page in reading order.
        compounds: words of the document that keep their hyphen when a line breaks them.
    """
    if not lines:
        return
    leading = _usual_leading(lines)
    text_width = max(line.end for line in lines) - min(line.start for line in lines)
    is_close = False
    for lines_of_run in _runs(lines, leading):
        run = _Run(lines_of_run, text_width)
        text, first = run.lines[0].text, run.lines[0]
        for number, line in enumerate(run.lines[1:], start=1):
            if run.goes_on(first, number - 1):
                text = _join(text, line.text, compounds)
            else:
                yield _paragraph(text, first, is_close=is_close)
                text, first, is_close = line.text, line, True
        yield _paragraph(text, first, is_close=is_close)
        is_close = False


def _paragraph(text: str, first: Line, *, is_close: bool) -> Paragraph:
    return Paragraph(
        text, first.size, first.is_row, is_item(first.text), first.is_vertical, is_close
    )


def _usual_leading(lines: Sequence[Line]) -> float:
    """Return the usual distance of neighbouring lines, in em."""
    distances = [
        (line.low - following.low) / max(line.size, 0.1) for line, following in pairwise(lines)
    ]
    return median([d for d in distances if 0.3 < d <= _MAX_LEADING] or [1.2])


def _runs(lines: Sequence[Line], leading: float) -> Iterator[list[Line]]:
    """Yield groups of lines set one right under the other in one type size."""
    run = [lines[0]]
    for line in lines[1:]:
        before = run[-1]
        distance = (before.low - line.low) / max(before.size, 0.1)
        sizes = sorted((before.size, line.size))
        is_stacked = (
            before.is_vertical == line.is_vertical
            and sizes[0] >= 0.85 * sizes[1]
            and 0.3 < distance <= leading * 1.35 + 0.1
            and min(before.end, line.end) > max(before.start, line.start)
        )
        if is_stacked or before.has_hyphen:
            run.append(line)
        else:
            yield run
            run = [line]
    yield run


class _Run:
    """Lines set one right under the other, measured once for all of them."""

    def __init__(self, lines: Sequence[Line], text_width: float) -> None:
        self.lines = lines
        edge = max(line.end for line in lines)
        widths = [_first_word_width(line) for line in lines]
        self._is_full = [
            edge - line.end <= width for line, width in zip(lines[:-1], widths[1:], strict=True)
        ]
        # The longest of a few short lines always looks full; running text proves it is one.
        is_wide = edge - min(line.start for line in lines) > _MIN_WIDE * text_width
        self._is_running_text = is_wide or sum(self._is_full) > 1

    def goes_on(self, first: Line, number: int) -> bool:
        """Tell whether a line was broken by the page's edge, and not by its author.

        Args:
            first: the first line of its paragraph.
            number: of the line in this run; there must be a line after it.
        """
        line, following = self.lines[number], self.lines[number + 1]
        if following.is_row:
            return False
        if first.is_row:
            return _is_in_last_cell(first, following)
        if line.has_hyphen:
            return True
        if BULLET.match(following.text):
            return False
        ends_sentence = line.text.endswith(_SENTENCE_ENDS)
        if ends_sentence and NUMBER_IN_PARENTHESES.match(following.text):
            return False
        if _opens_entry(line.text, following.text):
            return False
        is_hanging = following.start - first.start > 0.5 * line.size
        if ends_sentence and is_item(first.text) and not is_hanging:
            return False
        is_indented = following.start - line.start > 0.8 * line.size
        if is_indented and not is_item(line.text) and (ends_sentence or is_cjk(following.text[0])):
            return False
        return self._is_full[number] and self._is_running_text


def _opens_entry(text: str, following: str) -> bool:
    """Tell whether ``following`` is the next entry of a form or the next paragraph of an article.

    As "支払期限：…" under "振込先：…", and "2 支払は…" under a whole sentence.
    """
    if text.endswith("。") and _NUMBERED.match(following):
        return True
    return bool(_LABEL.match(text) and _LABEL.match(following))


def _is_in_last_cell(row: Line, following: Line) -> bool:
    """Tell whether a line stands under the last cell of a row, as its second line."""
    return row.cell_start is not None and abs(following.start - row.cell_start) < row.size


def _first_word_width(line: Line) -> float:
    """Return the room that the line's first word needs at the end of the line before it."""
    if is_cjk(line.text[0]):
        return 2.0 * line.size  # one character, and one more that may not start a line
    word = _FIRST_WORD.match(line.text)
    word_units = word.end() if word else 0  # half em; a first word holds no wide characters
    line_units = len(line.text)
    if not line.text.isascii():
        line_units += sum(map(is_cjk, line.text))
    word_share = word_units / line_units
    return word_share * (line.end - line.start) + 0.5 * line.size


def _join(text: str, following: str, compounds: frozenset[str]) -> str:
    if not text.endswith("-") or not text[-2:-1].isalpha():
        return text + joint(text, following) + following
    halves = (text.split()[-1], following.split()[0])
    candidate = COMPOUND.search("".join(halves).lower())
    is_compound = candidate is not None and candidate[0] in compounds
    is_letter = not text[-3:-2].isalpha()  # as in "d-dimensional"
    if is_compound or is_letter or not following[0].islower():
        return text + following
    return text[:-1] + following
