"""Rows to batches: of like length together, packed into one sequence or filled up to one length.

A packed batch is one sequence whose positions start anew with each row; transformers then lets no
row see another (`packs_safely` looks whether the model at hand does). It computes no padding.
"""

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.rows.encoding import IGNORED, Encoded

SORTED_BATCHES = 16  # rows of so many batches are sorted by length
_SAME_LOGITS = 0.05  # of the largest logit: 16 bits round, another row in sight changes more


@dataclass(frozen=True, slots=True)
class WeightedRow:
    """What the trainer is given: the tokens of a row, and how much its loss counts."""

    encoded: Encoded
    weight: float = 1.0

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.encoded.input_ids)


class LengthGroupedOrder:
    """Order of rows for one epoch after another: random, but rows of like length in one batch.

    The same seed and epoch give the same order, so that a run that goes on from a checkpoint sees
    the rows that it has not seen yet.

    Args:
        rows: what is ordered.
        batch: rows of a batch.
        seed: chooses the order.
        epoch: tells the epoch that is about to be iterated over, from 0.
    """

    def __init__(
        self, rows: Sequence[Sized], batch: int, seed: int, epoch: Callable[[], int]
    ) -> None:
        self._lengths = [len(row) for row in rows]
        self._batch = batch
        self._seed = seed
        self._epoch = epoch

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        """Yield positions of rows; each ``batch`` of them in turn belong together."""
        rng = np.random.default_rng((self._seed, self._epoch()))
        order = rng.permutation(len(self._lengths)).tolist()
        batches: list[list[int]] = []
        window = self._batch * SORTED_BATCHES
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=self._lengths.__getitem__)
            batches += [near[n : n + self._batch] for n in range(0, len(near), self._batch)]
        # A smaller batch may only be the last one: what follows would be torn apart otherwise.
        whole = [batch for batch in batches if len(batch) == self._batch]
        rest = [batch for batch in batches if len(batch) < self._batch]
        for n in rng.permutation(len(whole)):
            yield from whole[n]
        for batch in rest:
            yield from batch


def pack(rows: Sequence[WeightedRow]) -> dict[str, Any]:
    """Return ``rows`` one after another in one sequence.

    Shapes:
        input_ids, position_ids, labels, weights: ``(1, tokens of all rows)``.
    """
    import torch

    encoded = [row.encoded for row in rows]
    return {
        "input_ids": torch.tensor([[token for row in encoded for token in row.input_ids]]),
        "position_ids": torch.tensor([[n for row in rows for n in range(len(row))]]),
        "labels": torch.tensor([[label for row in encoded for label in row.labels]]),
        "weights": torch.tensor([[row.weight for row in rows for _ in range(len(row))]]),
    }


def filled(values: Sequence[Sequence[float]], filler: float) -> Any:  # noqa: ANN401 - a torch.Tensor
    """Return ``values`` with ``filler`` at their ends. Shape: ``(values, longest of them)``."""
    import torch

    longest = max(map(len, values))
    return torch.tensor([[*v, *[filler] * (longest - len(v))] for v in values])


class Padder:
    """Fills rows up to the longest of a batch, at their ends."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, rows: Sequence[WeightedRow]) -> dict[str, Any]:
        """Return a batch.

        Shapes:
            input_ids, attention_mask, labels, weights: ``(rows, tokens of the longest)``.
        """
        return {
            "input_ids": filled([row.encoded.input_ids for row in rows], self._pad_id),
            "attention_mask": filled([[1] * len(row) for row in rows], 0),
            "labels": filled([row.encoded.labels for row in rows], IGNORED),
            "weights": filled([[row.weight] * len(row) for row in rows], 0.0),
        }


def packs_safely(model: Any, rows: Sequence[WeightedRow]) -> bool:  # noqa: ANN401 - a transformers model
    """Tell whether ``model`` computes two packed rows as it computes each alone."""
    import torch

    pair = [row for row in rows if len(row) > 1][:2]
    if len(pair) < 2:
        return False
    is_training = model.training
    model.eval()
    with torch.inference_mode():
        packed, alone = (_last_logits(model, pack(some)) for some in (pair, pair[1:]))
    model.train(is_training)
    return bool((packed - alone).abs().max() <= _SAME_LOGITS * alone.abs().max())


def _last_logits(model: Any, batch: dict[str, Any]) -> Any:  # noqa: ANN401 - a torch.Tensor
    device = next(model.parameters()).device
    inputs = {name: batch[name].to(device) for name in ("input_ids", "position_ids")}
    return model(**inputs, use_cache=False, logits_to_keep=1).logits.float()
