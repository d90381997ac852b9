"""Pairs of a question and a passage as tokens; a long passage is read in windows that overlap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_OVERLAP_SHARE = 8  # one in so many tokens of a window is in the next one, too


@dataclass(frozen=True, slots=True)
class Window:
    """What a model reads at a time: the question, and a passage or a part of it."""

    passage: int  # its number
    ids: tuple[int, ...]
    type_ids: tuple[int, ...]
    first: int  # tokens of the passage: from here ...
    last: int  # ... to here, half-open
    places: tuple[tuple[int, int], ...]  # of these tokens in the text of the passage


@dataclass(frozen=True, slots=True)
class WindowLogits:
    """What a model makes of a window. Token 0 stands for "no answer here"."""

    window: Window
    starts: NDArray[np.float32]  # shape: (tokens,)
    ends: NDArray[np.float32]  # shape: (tokens,)


class PairTokenizer:
    """Cuts passages to windows. A question that takes over half of the room loses its end.

    Args:
        tokenizer: as JSON.
        max_length: tokens that the model reads, special tokens included.
    """

    def __init__(self, tokenizer: str, max_length: int) -> None:
        from tokenizers import Tokenizer

        self._tokenizer: Any = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._counter: Any = Tokenizer.from_str(tokenizer)  # one that cuts cannot count
        self._counter.no_padding()
        self._counter.no_truncation()
        self._longest_question = max_length // 2
        overlap = max_length // _OVERLAP_SHARE
        self._tokenizer.enable_truncation(max_length, stride=overlap, strategy="only_second")

    def windows(self, question: str, passages: Sequence[str]) -> list[Window]:
        """Return the windows of all ``passages``, in their order."""
        asked = self._counter.encode(question, add_special_tokens=False)
        if len(asked.ids) > self._longest_question:
            question = question[: asked.offsets[self._longest_question - 1][1]]
        encodings = self._tokenizer.encode_batch([(question, text) for text in passages])
        return [
            window
            for number, encoding in enumerate(encodings)
            for part in (encoding, *encoding.overflowing)
            for window in _window(number, part)
        ]


def model_inputs(
    windows: Sequence[Window], width: int, inputs: Sequence[str]
) -> dict[str, NDArray[np.int64]]:
    """Return a batch of windows, filled up with zeros, by the name of each of ``inputs``.

    Shapes: ``(len(windows), width)``.
    """
    names = ("input_ids", "attention_mask", "token_type_ids")
    arrays = np.zeros((len(names), len(windows), width), dtype=np.int64)
    for place, window in enumerate(windows):
        length = len(window.ids)
        arrays[:, place, :length] = window.ids, np.ones(length), window.type_ids
    return {name: a for name, a in zip(names, arrays, strict=True) if name in inputs}


def _window(passage: int, encoding: Any) -> Iterator[Window]:  # noqa: ANN401 - tokenizers.Encoding
    own = [n for n, sequence in enumerate(encoding.sequence_ids) if sequence == 1]
    if own:  # white space alone is no token
        first, last = own[0], own[-1] + 1
        places = tuple(encoding.offsets[first:last])
        yield Window(passage, tuple(encoding.ids), tuple(encoding.type_ids), first, last, places)
