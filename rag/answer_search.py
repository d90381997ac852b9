"""The likeliest answer that the question makes likelier, out of several beginnings.

Greedy decoding keeps the beginning that looks best before the rest is known, and where a model is
unsure it begins with what stands out in the passages, whatever is asked. Here the best beginnings
are completed side by side and weighed by log p(answer | passages, question) - 0.2 log p(answer |
passages): maximum mutual information (Li et al., 2016, arXiv:1510.03055, equation 9).

Where a span reader has read the passages, its likeliest words are beginnings, too. The answer that
it agrees with is then worth more, by how much of it is right if the reader is (minimum Bayes risk,
Kumar and Byrne, 2004), and p(answer | passages), which costs as much again, is not asked for.
docs/log.md has what that brings.
"""

from collections.abc import Callable, Sequence
from threading import Event

import numpy as np
from numpy.typing import NDArray

from rag.inference.causal_model import CausalModel, shared_length

_BEGINNINGS = 3
_BEGINNINGS_BESIDE = 2  # where answers are proposed; more rows cost time and bring nothing
_FARTHEST = 2.5  # behind the best beginning, in logits; others are not looked at
_CONTRAST = 0.2
_SEARCHED = 24  # tokens of an answer; a longer one is weighed by so many


def likeliest_answer(
    model: CausalModel,
    scores: NDArray[np.float32],
    asked: Sequence[int],
    unasked: Sequence[int],
    proposed: Sequence[Sequence[int]],
    support: Callable[[Sequence[int]], float],
    stop: Event,
) -> list[int]:
    """Return how the answer begins: all of it with the token that ends it, or `_SEARCHED` tokens.

    Where one beginning is far ahead and nothing else is proposed it is returned alone. What the
    model has read is another text afterwards: going on needs another `read`.

    Args:
        model: has read ``asked``.
        scores: of what may follow. Shape: ``(vocabulary,)``.
        asked: tokens of the prompt.
        unasked: tokens of the same prompt with a question that asks for nothing in particular;
            none to do without p(answer | passages).
        proposed: tokens of whole answers to weigh as well.
        support: what an answer of these tokens is worth beside its likelihood, in nats; at most 0.
        stop: set it to end the search soon; the best so far is returned.
    """
    most = _BEGINNINGS_BESIDE if proposed else _BEGINNINGS
    best = np.argsort(scores)[: -most - 1 : -1]
    firsts = [int(n) for n in best if scores[n] >= scores[best[0]] - _FARTHEST]
    if len(firsts) == 1 and not proposed:
        return firsts
    forced = [*([first] for first in firsts), *(list(answer[:_SEARCHED]) for answer in proposed)]
    return _Search(model, asked, unasked, support).run(scores, forced, stop)


class _Search:
    """Rows of a batch: each beginning after the prompt, then after the other prompt, if any."""

    def __init__(
        self,
        model: CausalModel,
        asked: Sequence[int],
        unasked: Sequence[int],
        support: Callable[[Sequence[int]], float],
    ) -> None:
        self._model, self._asked, self._unasked = model, len(asked), list(unasked)
        self._support = support
        self._prompts = 2 if unasked else 1
        self._shared = shared_length(asked[:-1], unasked) if unasked else len(asked)
        self._tail = len(unasked) - self._shared if unasked else 0

    def run(
        self, scores: NDArray[np.float32], forced: Sequence[Sequence[int]], stop: Event
    ) -> list[int]:
        rows, ends = len(forced), list(self._model.end_ids)
        given = np.stack([scores] * rows)
        if self._unasked:
            given = np.concatenate([given, np.stack([self._read_unasked()] * rows)])
        weights = np.repeat([1.0, -_CONTRAST][: self._prompts], rows)
        answers = np.array([[row[0]] for row in forced])
        worth = np.zeros(rows)
        is_open = np.ones(rows, dtype=bool)
        while True:
            written_last = np.tile(answers[:, -1], self._prompts)
            likelihood = _log_softmax(given)[np.arange(len(given)), written_last]
            gained = (weights * likelihood).reshape(self._prompts, rows).sum(axis=0)
            worth += np.where(is_open, gained, 0.0)
            is_open &= ~np.isin(answers[:, -1], ends)
            written = answers.shape[1]
            if not is_open.any() or written == _SEARCHED or stop.is_set():
                break
            if self._is_settled(answers, worth, is_open):
                break
            given = self._step(answers)
            following = given[:rows].argmax(axis=1)
            for number, row in enumerate(forced):
                if written < len(row):
                    following[number] = row[written]
            answers = np.column_stack([answers, np.where(is_open, following, ends[0])])
        cut = [_until_end(row, ends) for row in answers.tolist()]
        return max(zip(worth, cut, strict=True), key=lambda one: one[0] + self._support(one[1]))[1]

    def _is_settled(
        self, answers: NDArray[np.int64], worth: NDArray[np.float64], is_open: NDArray[np.bool_]
    ) -> bool:
        """Tell whether no answer that goes on can overtake one that has ended.

        Each further token takes from what an answer is worth, and so does its support. Where
        p(answer | passages) is taken off, a token may add to it, and nothing is told.
        """
        if self._unasked or is_open.all():
            return False
        ends = list(self._model.end_ids)
        ended = [
            value + self._support(_until_end(row, ends))
            for value, row in zip(worth[~is_open], answers[~is_open].tolist(), strict=True)
        ]
        return bool(max(ended) >= worth[is_open].max())

    def _read_unasked(self) -> NDArray[np.float32]:
        """Read the other end of the prompt, after what both begin with."""
        hidden = np.arange(self._asked) >= self._shared
        scores: NDArray[np.float32] = self._model.branch(
            np.array([self._unasked[self._shared :]]),
            np.arange(self._shared, len(self._unasked))[np.newaxis],
            hidden[np.newaxis],
        )[0].copy()
        return scores

    def _step(self, answers: NDArray[np.int64]) -> NDArray[np.float32]:
        rows, written = answers.shape
        place = np.arange(self._asked + self._tail + written - 1)
        from_other = (place >= self._asked) & (place < self._asked + self._tail)
        from_asked = (place >= self._shared) & (place < self._asked)
        ends = [self._asked, len(self._unasked)][: self._prompts]
        return self._model.branch(
            np.tile(answers[:, -1:], (self._prompts, 1)),
            np.repeat(ends, rows)[:, np.newaxis] + written - 1,
            np.repeat([from_other, from_asked][: self._prompts], rows, axis=0),
        )


def _until_end(tokens: list[int], ends: Sequence[int]) -> list[int]:
    """Return ``tokens`` up to the first that ends an answer, that one included."""
    end = next((n for n, token in enumerate(tokens, start=1) if token in ends), len(tokens))
    return tokens[:end]


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
