"""What an answer model can do, whoever computes it."""

from collections.abc import Sequence
from threading import Event
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class CausalModel(Protocol):
    """A language model that holds the cache of one text. Not thread-safe."""

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and completion together."""
        ...

    @property
    def kernel(self) -> str:
        """What really computes a linear layer."""
        ...

    @property
    def tokenizer(self) -> Any:  # noqa: ANN401 - a tokenizers.Tokenizer
        """The tokenizer, for decoding."""
        ...

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer."""
        ...

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``; special ones are those written in it."""
        ...

    @property
    def gains_by_drafts(self) -> bool:
        """Whether a few tokens are read in about the time of one, and `forget` takes them back."""
        ...

    def reset(self) -> None:
        """Forget the text that was read."""
        ...

    def read(self, ids: Sequence[int], stop: Event) -> NDArray[np.float32] | None:
        """Read a text from its beginning; return the scores of what may follow it.

        What it begins with like the text before is not read again, where that is faster. None
        when ``stop`` was set meanwhile; everything is then forgotten. The array is valid until
        the next call. Shape: ``(vocabulary,)``.
        """
        ...

    def extend(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Read a few tokens after the text; return the scores of what may follow each of them.

        The array is valid until the next call. Shape: ``(len(ids), vocabulary)``.
        """
        ...

    def forget(self, count: int) -> None:
        """Take the last ``count`` tokens off the text, as if they had not been read."""
        ...

    def branch(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Read rows of tokens side by side, each after its row of what was read before.

        The text, one row, is what all of them go on from. Only `read` and `reset` may follow. The
        array is valid until the next call.

        Shapes:
            ids, positions: ``(rows, n)``; hidden: ``(rows, tokens read before)``, true where a row
            does not look; returned: ``(rows, vocabulary)``, the scores of what may follow.
        """
        ...


def shared_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens both begin with; ``other`` keeps one of its own at least."""
    most = min(len(one), len(other) - 1)
    pairs = enumerate(zip(one[:most], other[:most], strict=True))
    return next((n for n, (a, b) in pairs if a != b), most)
