"""Measures of ranked retrieval, with bootstrap intervals. Pure functions of ranks.

Everything is worked out of one number a question: the 1-based rank of its relevant passage. A
question has one relevant passage; where several hold the same text, the first that is found is
it. So the ideal ranking has it at rank 1, whatever the number of copies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RECALL_CUTOFFS = (1, 5, 10, 20)
MRR_CUTOFF = 20
NDCG_CUTOFF = 10
DEPTH = max(*RECALL_CUTOFFS, MRR_CUTOFF, NDCG_CUTOFF)  # ranks below it change no measure
RESAMPLES = 1000
SEED = 0

Ranks = Sequence[int | None]  # None: not among what was found


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over questions with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def recall_at(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """Return 1 for every question whose relevant passage is among the first ``k``, else 0."""
    return np.array([rank is not None and rank <= k for rank in ranks], dtype=np.float64)


def reciprocal_rank_at(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """Return 1 / rank of every question, 0 below rank ``k``; their mean is MRR@k.

    Voorhees, TREC-8 Question Answering Track, 1999.
    """
    return np.array(
        [1.0 / rank if rank is not None and rank <= k else 0.0 for rank in ranks], dtype=np.float64
    )


def ndcg_at(ranks: Ranks, k: int) -> NDArray[np.float64]:
    """Return the normalized discounted cumulative gain of every question.

    Jarvelin and Kekalainen, TOIS 2002, with binary relevance and one relevant passage:
    1 / log2(1 + rank), and 0 below rank ``k``. The ideal gain is 1, so nothing is left to divide.
    """
    return np.array(
        [1.0 / np.log2(1 + rank) if rank is not None and rank <= k else 0.0 for rank in ranks],
        dtype=np.float64,
    )


def score_ranks(ranks: Ranks) -> dict[str, Estimate]:
    """Return every measure by its name, ``recall@1`` to ``ndcg@10``.

    Raises:
        ValueError: there are no questions, so there is no mean.
    """
    values = {f"recall@{k}": recall_at(ranks, k) for k in RECALL_CUTOFFS}
    values[f"mrr@{MRR_CUTOFF}"] = reciprocal_rank_at(ranks, MRR_CUTOFF)
    values[f"ndcg@{NDCG_CUTOFF}"] = ndcg_at(ranks, NDCG_CUTOFF)
    return bootstrap(values)


def bootstrap(
    values: Mapping[str, NDArray[np.float64]], resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Estimate]:
    """Return mean and percentile interval of each measure (Efron and Tibshirani, 1993, ch. 13).

    Questions are drawn with replacement, the same ones for every measure.

    Shapes:
        values: each ``(questions,)``.

    Raises:
        ValueError: there are no questions.
    """
    table = np.stack(list(values.values()), axis=1)
    count = len(table)
    if count == 0:
        raise ValueError("A mean over no questions is undefined.")
    rng = np.random.default_rng(seed)
    means = np.stack(
        [table[rng.integers(count, size=count)].mean(axis=0) for _ in range(resamples)]
    )
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return {
        name: Estimate(float(table[:, i].mean()), float(low[i]), float(high[i]))
        for i, name in enumerate(values)
    }
