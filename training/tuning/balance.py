"""Against a label that drowns the others: weights for the loss, or rows that come more often.

A model that is trained on 93 % "yes" learns to say "yes" and is then 93 % right on such rows
and worthless. See He and Garcia, "Learning from Imbalanced Data", IEEE TKDE 21(9), 2009.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np


def label_weights(labels: Sequence[str]) -> dict[str, float]:
    """Return the weight of each label in the loss: n / (K n_label), so that their mean is 1.

    K is the number of labels. All labels together then count the same.
    """
    counts = Counter(labels)
    return {label: len(labels) / (len(counts) * n) for label, n in sorted(counts.items())}


def oversample(labels: Sequence[str], seed: int) -> list[int]:
    """Return row numbers in which every label is as frequent as the most frequent one.

    No row is lost: those of a rare label come again, each as often as the others or once more.
    """
    rng = np.random.default_rng(seed)
    rows_of: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        rows_of.setdefault(label, []).append(row)
    most = max(len(rows) for rows in rows_of.values())
    chosen: list[int] = []
    for _, rows in sorted(rows_of.items()):
        repeats, rest = divmod(most, len(rows))
        extra = rng.permutation(len(rows))[:rest]
        chosen += [*rows * repeats, *(rows[n] for n in extra)]
    return [chosen[n] for n in rng.permutation(len(chosen))]
