"""Measures of answers, abstention, citations and labels. Pure functions of strings and counts.

A measure over rows is a `Share`: what counted over what could have counted, row by row. So a mean
over all rows, one over some of them, and a precision, whose denominator depends on the model, have
the same bootstrap.
"""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Language
from rag.evaluation.metrics import RESAMPLES, SEED, Estimate, reciprocal_rank_at

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_WAVE_DASHES = str.maketrans({"〜": "~", "∼": "~", "∾": "~"})  # what NFKC leaves apart of them
_QUOTES = re.compile(r"[「」『』\"'“”‘’]")

Measure = Callable[[str, str, Language], float]


def normalize(text: str, language: Language) -> str:
    """Return ``text`` without what tells no two answers apart.

    English and others as SQuAD does it (Rajpurkar et al., 2016, arXiv:1606.05250): lower case,
    without punctuation, articles and repeated spaces. Japanese: NFKC and case folding, one wave
    dash, without quotation marks, spaces and a final full stop, as the organizers of JAQKET
    unify answers (Suzuki et al., 2020).
    """
    if language != "ja":
        bare = text.lower().translate(_PUNCTUATION)
        return " ".join(_ARTICLES.sub(" ", bare).split())
    folded = unicodedata.normalize("NFKC", text.translate(_WAVE_DASHES)).casefold()
    return "".join(_QUOTES.sub("", folded).split()).strip("。.")


def exact(prediction: str, gold: str, language: Language) -> float:
    """Return 1 when the two are the same characters, outer white space aside."""
    del language  # a `Measure` like the others
    return float(prediction.strip() == gold.strip())


def normalized_exact(prediction: str, gold: str, language: Language) -> float:
    """Return 1 when the two are the same after `normalize`."""
    return float(normalize(prediction, language) == normalize(gold, language))


def partial(prediction: str, gold: str, language: Language) -> float:
    """Return 1 when ``gold`` stands in ``prediction``, both normalized.

    In English as whole words, so that "4" does not stand in "40".
    """
    found, wanted = normalize(prediction, language), normalize(gold, language)
    if language != "ja":
        found, wanted = f" {found} ", f" {wanted} "
    return float(bool(wanted.strip()) and wanted in found)


def f1(prediction: str, gold: str, language: Language) -> float:
    """Return the harmonic mean of precision and recall of shared tokens, both normalized.

    Tokens are words, and characters in Japanese, which has no spaces; a token counts as often as
    it occurs in both (Rajpurkar et al., 2016). Two empty texts agree.
    """
    found, wanted = (_tokens(text, language) for text in (prediction, gold))
    if not found or not wanted:
        return float(found == wanted)
    shared = sum((Counter(found) & Counter(wanted)).values())
    return 2 * shared / (len(found) + len(wanted))


def _tokens(text: str, language: Language) -> list[str]:
    normal = normalize(text, language)
    return list(normal) if language == "ja" else normal.split()


def best_match(
    measure: Measure, prediction: str, golds: Sequence[str], language: Language
) -> float:
    """Return the largest ``measure`` against any accepted answer.

    Raises:
        ValueError: no answer is accepted, so there is nothing to compare with.
    """
    if not golds:
        raise ValueError("An answerable row needs an accepted answer.")
    return max(measure(prediction, gold, language) for gold in golds)


@dataclass(frozen=True, slots=True)
class Share:
    """What counted of what could have counted, in each row; the measure is the ratio of sums.

    Shapes: both ``(rows,)``. A row that is no case of the measure has 0 in both.
    """

    counted: NDArray[np.float64]
    possible: NDArray[np.float64]

    def ratio(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the measure over each draw of ``rows``, NaN where nothing could have counted.

        Shapes:
            rows: ``(..., drawn)``; result: ``(...)``.
        """
        counted = self.counted[rows].sum(axis=-1)
        possible = self.possible[rows].sum(axis=-1)
        with np.errstate(invalid="ignore"):
            ratio: NDArray[np.float64] = counted / possible
        return ratio

    @property
    def value(self) -> float | None:
        """The measure over all rows; None when nothing could have counted."""
        total = self.possible.sum()
        return float(self.counted.sum() / total) if total else None


def share(counted: Sequence[float], possible: Sequence[float]) -> Share:
    """Return the `Share` of plain numbers."""
    return Share(np.asarray(counted, dtype=np.float64), np.asarray(possible, dtype=np.float64))


def abstention(abstains: Sequence[bool], is_answerable: Sequence[bool]) -> dict[str, Share]:
    """Return how well a model knows when the passages do not say.

    ``abstention_precision``: of its abstentions, those where no answer was there.
    ``abstention_recall``: of the rows without an answer, those where it abstains.
    ``false_abstention``: of the rows with one, those where it abstains; lower is better.
    """
    said = np.asarray(abstains, dtype=np.float64)
    there = np.asarray(is_answerable, dtype=np.float64)
    right = said * (1 - there)
    return {
        "abstention_precision": Share(right, said),
        "abstention_recall": Share(right, 1 - there),
        "false_abstention": Share(said * there, there),
    }


def citations(markers: Sequence[Sequence[int]], gold: Sequence[int]) -> dict[str, Share]:
    """Return how well the markers ``[n]`` of answers point at the passage that answers.

    ``citation_precision``: of all markers, those that point at it; the same one twice counts once.
    ``citation_recall``: of the rows that have such a passage, those with a marker that points at
    it.

    Args:
        markers: passage numbers that each answer names.
        gold: number of the passage that answers; 0 where none does, so that the row does not
            count; -1 where one does that the model was not shown.
    """
    numbers = [set(found) if n else set() for found, n in zip(markers, gold, strict=True)]
    hits = [float(n in found) for found, n in zip(numbers, gold, strict=True)]
    return {
        "citation_precision": share(hits, [len(found) for found in numbers]),
        "citation_recall": share(hits, [float(n != 0) for n in gold]),
    }


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]],
    count: int,
) -> Estimate:
    """Return a statistic of ``count`` rows with its 95 % percentile interval.

    Efron and Tibshirani, 1993, ch. 13. Rows are drawn with replacement, the same ones for every
    statistic of so many rows. `rag.evaluation.metrics.bootstrap` gives the same for a mean.

    Args:
        statistic: given numbers of rows of shape ``(draws, count)``, returns one value a draw;
            NaN for a draw in which it is undefined, which is then left out.
        count: of rows.

    Raises:
        ValueError: there are no rows.
    """
    if count == 0:
        raise ValueError("A statistic of no rows is undefined.")
    drawn = statistic(np.random.default_rng(SEED).integers(count, size=(RESAMPLES, count)))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Estimate(float(statistic(np.arange(count)[np.newaxis])[0]), float(low), float(high))


def interval(of: Share) -> Estimate | None:
    """Return the measure with its interval; None when nothing could have counted."""
    return None if of.value is None else bootstrap_interval(of.ratio, len(of.counted))


def paired_difference(one: Share, other: Share) -> Estimate | None:
    """Return how much larger ``one`` is, with its interval; row i of both is the same question.

    A measure of which one side has no case counts as 0 there: a model that writes no marker is
    not excused from citing. None when neither side has a case.
    """
    if one.value is None and other.value is None:
        return None

    def difference(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        first, second = one.ratio(rows), other.ratio(rows)
        is_undefined = np.isnan(first) & np.isnan(second)
        return np.where(is_undefined, np.nan, np.nan_to_num(first) - np.nan_to_num(second))

    return bootstrap_interval(difference, len(one.counted))


def mcnemar_p(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the two-sided exact p-value of McNemar's test (Psychometrika, 1947).

    Rows on which both are right, or both wrong, say nothing; of the others, each side wins half
    when the two are equally good: a binomial test.

    Args:
        one: 1 where the first is right, 0 where it is wrong.
        other: the same rows of the second.
    """
    wins = sum(a > b for a, b in zip(one, other, strict=True))
    losses = sum(a < b for a, b in zip(one, other, strict=True))
    untied = wins + losses
    tail = sum(comb(untied, k) for k in range(min(wins, losses) + 1))
    return float(min(1.0, 2 * tail / 2**untied))


def mean_reciprocal_rank(ranks: Sequence[int]) -> float:
    """Return the mean of 1 / rank over 1-based ranks (Voorhees, TREC-8, 1999).

    Raises:
        ValueError: there are no ranks.
    """
    if not ranks:
        raise ValueError("A mean over no ranks is undefined.")
    return float(reciprocal_rank_at(ranks, max(ranks)).mean())


def find_label(answer: str, labels: Sequence[str], language: Language) -> str:
    """Return the label that ``answer`` begins with, the longest; "" when it is none."""
    text = normalize(answer, language)
    for label in sorted(labels, key=len, reverse=True):
        wanted = normalize(label, language)
        rest = text.removeprefix(wanted)
        if text.startswith(wanted) and (language == "ja" or not rest or rest[0] == " "):
            return label
    return ""


def confusion_matrix(
    gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]
) -> NDArray[np.int64]:
    """Return how often each label was taken for each, and, in a last column, for none.

    Shapes:
        result: ``(len(labels), len(labels) + 1)``; rows are gold, columns predicted.
    """
    column = {label: n for n, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels) + 1), dtype=np.int64)
    for right, found in zip(gold, predicted, strict=True):
        matrix[column[right], column.get(found, len(labels))] += 1
    return matrix


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Return the share of rows whose label was found, given `confusion_matrix`."""
    return float(np.trace(matrix) / matrix.sum())


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Return the mean over labels of F1 = 2 TP / (gold + predicted); 0 for one never right.

    Each label counts the same, so that a model that always says the commonest one cannot hide.
    """
    labels = len(matrix)
    right = np.diag(matrix[:, :labels]).astype(np.float64)
    total = matrix.sum(axis=1) + matrix[:, :labels].sum(axis=0)
    return float(np.divide(2 * right, total, out=np.zeros(labels), where=total > 0).mean())


def majority_baseline(gold: Sequence[str], labels: Sequence[str]) -> tuple[str, float, float]:
    """Return the commonest label, and the accuracy and macro-F1 of always saying it."""
    commonest = Counter(gold).most_common(1)[0][0]
    matrix = confusion_matrix(gold, [commonest] * len(gold), labels)
    return commonest, accuracy(matrix), macro_f1(matrix)
