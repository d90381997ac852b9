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

    def reset(self) -> None:
        """Forget the text that was read."""
        ...

    def logits(self, ids: Sequence[int], stop: Event) -> NDArray[np.float32] | None:
        """Read ``ids`` after what was read before; return the scores of what may follow them.

        None when ``stop`` was set meanwhile; what was read is then forgotten. The array is valid
        until the next call. Shape: ``(vocabulary,)``.
        """
        ...

    def branch(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Read rows of tokens side by side, each after its row of what was read before.

        One row that was read before, such as by `logits`, is what all of them go on from. `logits`
        needs a `reset` afterwards. The array is valid until the next call.

        Shapes:
            ids, positions: ``(rows, n)``; hidden: ``(rows, tokens read before)``, true where a row
            does not look; returned: ``(rows, vocabulary)``, the scores of what may follow.
        """
        ...
