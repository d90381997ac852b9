"""What a span reader learns from and is measured on, before it is tokens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and a text. ``text[start:end]`` answers it; ``span`` is None when nothing does."""

    question: str
    text: str
    span: tuple[int, int] | None
