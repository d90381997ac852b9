"""Rows that begin alike, as one sequence that reads their beginning once.

Several questions over the same passages differ only at their ends. A row branches off where it
differs, keeps the positions it would have alone, and sees the beginning and itself, so that what
is learned is what the rows would teach one by one, at a fraction of the tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from training.rows.batches import WeightedRow, filled
from training.rows.encoding import IGNORED

LEAST_SHARED = 0.5  # of a prompt, for a row to branch off from another


@dataclass(frozen=True, slots=True)
class RowTree:
    """Tokens of rows with one beginning. All fields have the same length.

    ``branches`` is 0 for the beginning, then the number of the row from 1; ``position_ids`` count
    from the beginning in each branch.
    """

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    position_ids: tuple[int, ...]
    branches: tuple[int, ...]
    weights: tuple[float, ...]

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.input_ids)


def grow_trees(rows: Sequence[WeightedRow], most_tokens: int) -> list[RowTree]:
    """Return ``rows``, each in exactly one tree; a row that is like no other has its own.

    Args:
        rows: in any order.
        most_tokens: of a tree of several rows.
    """
    trees: list[RowTree] = []
    together: list[WeightedRow] = []
    for row in sorted(rows, key=lambda row: row.encoded.input_ids):
        if together and not _fits([*together, row], most_tokens):
            trees.append(_tree(together))
            together = []
        together.append(row)
    return [*trees, _tree(together)] if together else trees


def _fits(rows: Sequence[WeightedRow], most_tokens: int) -> bool:
    shared = _shared_tokens(rows)
    size = shared + sum(len(row) - shared for row in rows)
    return size <= most_tokens and shared >= LEAST_SHARED * max(map(_prompt_tokens, rows))


def _shared_tokens(rows: Sequence[WeightedRow]) -> int:
    """Return how many tokens all rows begin with.

    Each keeps the last token of its prompt for itself: the first of its answer follows that one.
    """
    least = min(map(_prompt_tokens, rows)) - 1
    first, last = rows[0].encoded.input_ids, rows[-1].encoded.input_ids  # sorted: most unlike
    pairs = zip(first[:least], last[:least], strict=True)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), least)


def _prompt_tokens(row: WeightedRow) -> int:
    labels = row.encoded.labels
    return next((n for n, label in enumerate(labels) if label != IGNORED), len(labels))


def _tree(rows: Sequence[WeightedRow]) -> RowTree:
    shared = _shared_tokens(rows) if len(rows) > 1 else 0
    ids, labels = list(rows[0].encoded.input_ids[:shared]), [IGNORED] * shared
    positions, branches, weights = list(range(shared)), [0] * shared, [0.0] * shared
    for number, row in enumerate(rows, start=1):
        own = len(row) - shared
        ids += row.encoded.input_ids[shared:]
        labels += row.encoded.labels[shared:]
        positions += range(shared, len(row))
        branches += [number] * own
        weights += [row.weight] * own
    return RowTree(tuple(ids), tuple(labels), tuple(positions), tuple(branches), tuple(weights))


class TreePadder:
    """Fills trees up to the longest of a batch, at their ends."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, trees: Sequence[RowTree]) -> dict[str, Any]:
        """Return a batch.

        Shapes:
            input_ids, attention_mask, position_ids, branches, labels, weights:
            ``(trees, tokens of the longest)``.
        """
        return {
            "input_ids": filled([tree.input_ids for tree in trees], self._pad_id),
            "attention_mask": filled([[1] * len(tree) for tree in trees], 0),
            "position_ids": filled([tree.position_ids for tree in trees], 0),
            "branches": filled([tree.branches for tree in trees], 0),
            "labels": filled([tree.labels for tree in trees], IGNORED),
            "weights": filled([tree.weights for tree in trees], 0.0),
        }
