"""Measure a retriever on held-out documents, before and after its training."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.metrics import Estimate, bootstrap, ndcg_at, recall_at
from training.retriever.data import NearMisses, Pair, TrainingData

CANDIDATES = 20  # that a reranker orders
MOST_PASSAGES = 2000  # that an embedder searches
Score = Callable[[str, Sequence[str]], NDArray[np.float32]]


class TextEmbedder(Protocol):
    """What `measure_embedder` measures."""

    def embed(self, texts: Sequence[str], *, is_query: bool) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """Measures by name, over ``questions`` questions of held-out documents."""

    questions: int
    measures: dict[str, Estimate]


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return how probably a positive scores above a negative; a tie counts half.

    The area under the receiver operating characteristic (Hanley and McNeil, 1982).

    Raises:
        ValueError: one of the two is empty, so there is nothing to compare.
    """
    if not len(positive) or not len(negative):
        raise ValueError("An AUROC needs positives and negatives.")
    ordered = np.sort(np.asarray(negative, dtype=np.float64))
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / 2 / len(ordered))


def measure_reranker(
    pairs: Sequence[Pair], data: TrainingData, near: NearMisses, score: Score | None
) -> Measured:
    """Measure how `CANDIDATES` found passages are ordered, and yes from no told apart.

    Args:
        pairs: held-out questions.
        data: the passages.
        near: finds the candidates.
        score: logits of passages; None leaves the candidates in the order they are found in.
    """
    ranks: list[int | None] = []
    right: list[float] = []
    wrong: list[float] = []
    for pair in pairs:
        rows = near.candidates(pair.question, CANDIDATES)
        texts = [data.texts[row] for row in rows]
        scores = _in_order(len(rows)) if score is None else score(pair.question, texts)
        own = [data.texts[pair.row] == text for text in texts]
        right += [float(s) for s, is_own in zip(scores, own, strict=True) if is_own]
        wrong += [float(s) for s, is_own in zip(scores, own, strict=True) if not is_own]
        order = np.argsort(-scores, kind="stable")
        ranks.append(next((n for n, row in enumerate(order, start=1) if own[row]), None))
    values = {"nDCG@10": ndcg_at(ranks, 10), "recall@1": recall_at(ranks, 1)}
    measures = bootstrap(values)
    if right and wrong:
        measures["AUROC"] = _exact(auroc(right, wrong))
        if score is not None:
            correct = sum(s > 0 for s in right) + sum(s <= 0 for s in wrong)
            measures["accuracy"] = _exact(correct / (len(right) + len(wrong)))
    return Measured(len(pairs), measures)


def measure_embedder(
    pairs: Sequence[Pair], data: TrainingData, embedder: TextEmbedder, seed: int
) -> Measured:
    """Measure exact search among the passages of ``pairs`` and others, `MOST_PASSAGES` in all."""
    needed = sorted({pair.row for pair in pairs})
    others = np.random.default_rng(seed).permutation(len(data.texts)).tolist()
    rows = list(dict.fromkeys([*needed, *others]))[: max(MOST_PASSAGES, len(needed))]
    vectors = embedder.embed([data.texts[row] for row in rows], is_query=False)
    queries = embedder.embed([pair.question for pair in pairs], is_query=True)
    place = {row: n for n, row in enumerate(rows)}
    similarity = queries @ vectors.T
    own = similarity[np.arange(len(pairs)), [place[pair.row] for pair in pairs]]
    ranks = [int(rank) for rank in (similarity > own[:, np.newaxis]).sum(axis=1) + 1]
    values = {
        "recall@1": recall_at(ranks, 1),
        "recall@5": recall_at(ranks, 5),
        "nDCG@10": ndcg_at(ranks, 10),
    }
    return Measured(len(pairs), bootstrap(values))


def _in_order(count: int) -> NDArray[np.float32]:
    return -np.arange(count, dtype=np.float32)


def _exact(value: float) -> Estimate:
    return Estimate(value, value, value)
