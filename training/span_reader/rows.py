"""Pairs and passages to tokens, endlessly, in batches of about as many tokens each.

A row of the first kind teaches to find answers. One of the second, a piece of a passage, teaches
the words of Japanese: some of its characters are to be guessed (see `network`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from training.span_reader.characters import CLS, SEP
from training.span_reader.pair import Pair
from training.span_reader.pairs import PairMaker
from training.span_reader.questions import SpanDataError, SpanQuestion

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_TOKENS = 384  # of a question and its text; longer pairs are left out
BATCH_TOKENS = 3072  # of a batch, with its padding, at most
LENGTH_STEP = 16  # lengths are filled up to a multiple of it
_SORTED_ROWS = 512  # rows that are sorted by length at a time: less padding
_PIECE_TOKENS = 158  # of a passage, at most; two special tokens are added
_LEAST_PIECE = 60
PIECES = BATCH_TOKENS // (_PIECE_TOKENS + 2)  # of a batch


@dataclass(frozen=True, slots=True)
class SpanRow:
    """Tokens of a question and a text. ``start`` and ``end`` are 0, [CLS], without an answer."""

    ids: tuple[int, ...]
    type_ids: tuple[int, ...]  # 1 for the text, as many as ``ids``
    start: int  # first token of the answer
    end: int  # its last token


def filled_length(tokens: int) -> int:
    """Return ``tokens`` rounded up to a multiple of `LENGTH_STEP`."""
    return -(-tokens // LENGTH_STEP) * LENGTH_STEP


def span_row(tokenizer: "Tokenizer", pair: Pair) -> SpanRow | None:
    """Return the tokens of ``pair``; None when they are too many, or none is of the answer."""
    encoding = tokenizer.encode(pair.question, pair.text)
    if len(encoding.ids) > MOST_TOKENS:
        return None
    ids, types = tuple(encoding.ids), tuple(encoding.type_ids)
    if pair.span is None:
        return SpanRow(ids, types, 0, 0)
    first, last = pair.span
    answer = [
        n for n, (start, end) in enumerate(encoding.offsets)
        if types[n] == 1 and start < end and start < last and first < end
    ]  # fmt: skip
    return SpanRow(ids, types, answer[0], answer[-1]) if answer else None


def endless_rows(
    questions: Sequence[SpanQuestion], maker: PairMaker, tokenizer: "Tokenizer", rng: Random
) -> Iterator[SpanRow]:
    """Yield a row of each question, in random order, over and over; each time another one.

    Raises:
        SpanDataError: no question gives a row.
    """
    while True:
        made = 0
        for question in rng.sample(questions, len(questions)):
            pair = maker.pair(question)
            row = span_row(tokenizer, pair) if pair else None
            if row:
                made += 1
                yield row
        if not made:
            raise SpanDataError(
                f"No question fits into {MOST_TOKENS} tokens with a passage. Give others."
            )


def endless_batches(rows: Iterator[SpanRow], rng: Random) -> Iterator[list[SpanRow]]:
    """Yield batches of at most `BATCH_TOKENS` tokens, rows of like length together."""
    while True:
        near = sorted((next(rows) for _ in range(_SORTED_ROWS)), key=lambda row: len(row.ids))
        batches: list[list[SpanRow]] = []
        batch: list[SpanRow] = []
        for row in near:
            if batch and (len(batch) + 1) * filled_length(len(row.ids)) > BATCH_TOKENS:
                batches.append(batch)
                batch = []
            batch.append(row)
        batches.append(batch)
        rng.shuffle(batches)
        yield from batches


def endless_pieces(
    passages: Sequence[str], tokenizer: "Tokenizer", rng: Random
) -> Iterator[list[list[int]]]:
    """Yield batches of `PIECES` pieces of passages, in random order, over and over.

    Raises:
        SpanDataError: no passage is long enough for a piece.
    """
    special = tokenizer.get_vocab()
    first, last = special[CLS], special[SEP]
    batch: list[list[int]] = []
    while True:
        made = 0
        for passage in rng.sample(passages, len(passages)):
            ids = tokenizer.encode(passage, add_special_tokens=False).ids
            for start in range(0, len(ids), _PIECE_TOKENS):
                piece = ids[start : start + _PIECE_TOKENS]
                if len(piece) < _LEAST_PIECE:
                    continue
                made += 1
                batch.append([first, *piece, last])
                if len(batch) == PIECES:
                    yield batch
                    batch = []
        if not made:
            raise SpanDataError(
                f"No Japanese passage has {_LEAST_PIECE} characters to learn words from. "
                "Give longer ones."
            )
