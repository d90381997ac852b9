"""Greedy decoding, several tokens at a time where the answer repeats the prompt.

Prompt lookup decoding (Saxena, 2023): answers quote their passages, so what followed the last few
tokens in the prompt is a good guess of what follows now. The model reads the guess in one step and
keeps what it would have written itself (Leviathan et al., 2023, arXiv:2211.17192, with a draft
that is certain). Rounding alone can make another token the likeliest; docs/log.md has how often.
"""

from collections.abc import Iterator, Sequence
from threading import Event

import numpy as np
from numpy.typing import NDArray

from rag.inference.causal_model import CausalModel

_KEY = 3  # tokens that must have stood there before
_DRAFTED = 3  # tokens that are guessed
# Tokens read together and one by one have scores that differ by rounding: in 16 bits by up to 0.5.
# Where the two best are nearer than this, the token is read alone, so that speed does not change an
# answer.
_CLOSE = 0.75  # logits


def greedy_tokens(
    model: CausalModel, text: Sequence[int], scores: NDArray[np.float32], stop: Event
) -> Iterator[int]:
    """Yield the likeliest token after ``text``, the likeliest after that, and so on.

    Args:
        model: has read ``text``.
        text: tokens.
        scores: of what may follow. Shape: ``(vocabulary,)``.
        stop: set it to end after the next token.
    """
    written = list(text)
    while True:
        written.append(int(scores.argmax()))
        yield written[-1]
        if stop.is_set():
            return
        draft = drafted(written) if model.gains_by_drafts else []
        read = model.extend([written[-1], *draft])
        kept = _kept(read, draft)
        model.forget(len(draft) - kept)
        scores = read[kept]
        if draft and _is_close(scores):
            model.forget(1)
            scores = model.extend([[written[-1], *draft][kept]])[0]
        for token in draft[:kept]:
            written.append(token)
            yield token


def drafted(text: Sequence[int]) -> list[int]:
    """Return what followed the last tokens of ``text`` where they stood last; often nothing."""
    if len(text) <= _KEY:
        return []
    array = np.asarray(text)
    windows = np.lib.stride_tricks.sliding_window_view(array[:-1], _KEY)
    found = np.flatnonzero((windows == array[-_KEY:]).all(axis=1))
    if not len(found):
        return []
    after = int(found[-1]) + _KEY
    return list(text[after : after + _DRAFTED])


def _kept(read: NDArray[np.float32], draft: Sequence[int]) -> int:
    """Return how many tokens of ``draft`` the model would have written itself, for sure."""
    for number, guessed in enumerate(draft):
        if read[number].argmax() != guessed or _is_close(read[number]):
            return number
    return len(draft)


def _is_close(scores: NDArray[np.float32]) -> bool:
    second, first = np.partition(scores, -2)[-2:]
    return bool(first - second < _CLOSE)
