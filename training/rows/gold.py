"""Which passages hold the answer to an example. Pure, and the same for every script.

Width, case and white space are no difference: readers join lines and people type digits as they
like. The words of an answer must not be a part of longer ones: "10" is not in "210".
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from rag.datatypes import Chunk, Hit
from training.datatypes import QAExample

_WORD = "0-9a-z\u00df-\u00ff"  # written with spaces between words; other scripts have no such edge


def says(text: str, words: str) -> bool:
    """Tell whether ``text`` holds ``words``, as whole words where the script has these."""
    pattern = _pattern(words)
    return bool(pattern and pattern.search(_folded(text)))


def says_any(text: str, answers: Sequence[str]) -> bool:
    """Tell whether ``text`` holds one of ``answers``."""
    return any(says(text, answer) for answer in answers)


def is_same_text(one: str, other: str) -> bool:
    """Tell whether two passages say the same."""
    return "".join(_folded(one).split()) == "".join(_folded(other).split())


def gold_chunks(example: QAExample, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return those of ``chunks`` that hold the answer; none when it cannot be told.

    Args:
        example: an answerable one.
        chunks: all passages of the document that holds the answer, in reading order.
    """
    for words in (example.quote, *_answers(example)):
        found = [chunk for chunk in chunks if words and says(chunk.text, words)]
        if found:
            return found
    return []


def quoted_answers(example: QAExample, chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """Return the answers if they are words of ``chunks``.

    () for a judgement such as "yes", or words of a person: other passages may well hold these
    without answering.
    """
    answers = _answers(example)
    is_quoted = not example.label and any(says_any(chunk.text, answers) for chunk in chunks)
    return answers if is_quoted else ()


def unanswered(example: QAExample) -> QAExample:
    """Return the question of ``example`` as one that nothing answers."""
    return replace(example, answer="", answers=(), quote="", passage="", label="", origin="made")


def holds_one(hit: Hit, chunks: Sequence[Chunk]) -> bool:
    """Tell whether a hit is or contains one of ``chunks``, or says the same as one."""
    return any(_contains(hit.chunk, chunk) or is_same_text(hit.chunk.text, chunk.text)
               for chunk in chunks)  # fmt: skip


def _answers(example: QAExample) -> tuple[str, ...]:
    return example.answers or (example.answer,)


def _contains(one: Chunk, other: Chunk) -> bool:
    return one.path == other.path and one.start <= other.start and other.end <= one.end


@lru_cache(maxsize=4096)
def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@lru_cache(maxsize=4096)
def _pattern(words: str) -> re.Pattern[str] | None:
    squeezed = "".join(_folded(words).split())
    if not squeezed:
        return None
    before = rf"(?<![{_WORD}])" if re.match(f"[{_WORD}]", squeezed) else ""
    after = rf"(?![{_WORD}])" if re.search(f"[{_WORD}]$", squeezed) else ""
    return re.compile(before + r"\s*".join(map(re.escape, squeezed)) + after)
