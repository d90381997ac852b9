"""Slides are drawn, not written: the order in which a person reads what lies on one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rag.readers.extract import ExtractBuilder, Headings


@dataclass(frozen=True, slots=True)
class Shape:
    """Something on a slide and where it lies, in any unit; the top left corner is (0, 0)."""

    left: float
    top: float
    height: float
    element: Any  # of lxml


def in_reading_order(shapes: Iterable[Shape]) -> Iterator[Any]:
    """Yield the elements row by row, each row from left to right.

    A shape belongs to a row when it begins above the middle of the lowest shape of that row,
    so that boxes set a little askew stay together, but two boxes beside a tall one do not.
    """
    row: list[Shape] = []
    least_height = 0.0
    for shape in sorted(shapes, key=lambda shape: shape.top):
        if row and shape.top - row[0].top > least_height / 2:
            yield from _from_left(row)
            row = []
        least_height = min(least_height, shape.height) if row else shape.height
        row.append(shape)
    yield from _from_left(row)


def _from_left(row: list[Shape]) -> Iterator[Any]:
    for shape in sorted(row, key=lambda shape: shape.left):
        yield shape.element


class SlideBuilder(ExtractBuilder):
    """Builds a document whose pages do not go on where the one before ended."""

    def start_page(self) -> None:
        """Begin a page under no heading: a slide without a title has none, not the last one."""
        super().start_page()
        self._headings = Headings()
