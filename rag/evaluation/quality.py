"""What a quality check is worth: shares with intervals, what changed since the one before. Pure.

Shares have Wilson intervals: the bootstrap of `metrics` gives an interval of no width when all
questions come out alike, as they often do in a small set of one's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, sqrt
from typing import Literal

from rag.evaluation.metrics import Estimate, bootstrap, reciprocal_rank_at
from rag.quality_store import QualityCheck, QualityResult, Setting

MIN_QUESTIONS = 20  # fewer tell too little for a share to be drawn as a curve
RETRIEVAL = ("hit@1", "hit@5", "mrr")
ANSWERS = ("good", "right", "cites", "silent", "missed")
LOWER_IS_BETTER = ("missed",)
SIGNIFICANT = 0.05
_Z = 1.959964  # of 95 %

Change = Literal["worse", "better", "same", "new"]
_ORDER: tuple[Change, ...] = ("worse", "new", "better", "same")


@dataclass(frozen=True, slots=True)
class Measure:
    """A share of questions, or their mean reciprocal rank, with its 95 % interval."""

    n: int  # questions that it is about
    estimate: Estimate | None  # None when there are none

    @property
    def is_telling(self) -> bool:
        """There are enough questions for a curve."""
        return self.n >= MIN_QUESTIONS


@dataclass(frozen=True, slots=True)
class QuestionChange:
    """One question in the newest check, and in the one before when it was asked there."""

    now: QualityResult
    before: QualityResult | None
    change: Change


def measures(results: Sequence[QualityResult]) -> dict[str, Measure]:
    """Return every measure of a check by its name, in the order of `RETRIEVAL` and `ANSWERS`.

    hit@k: the right passage is among the first k. mrr: mean of 1 / rank, 0 when it was not
    retrieved. Both over the questions whose document is known. good: came out as it should, over
    all questions. right: was answered right, and missed: was wrongly not found, over those with
    an answer. cites: cites the right document, over the answers to questions whose document is
    known. silent: was not found as it should, over the questions that nothing answers.
    """
    return dict(_measured(tuple(results)))


# Kept, as a page draws the same checks again at every click, and a bootstrap takes its time.
@lru_cache(maxsize=128)
def _measured(results: tuple[QualityResult, ...]) -> dict[str, Measure]:
    with_source = [one for one in results if one.source]
    ranks = [one.rank for one in with_source]
    answerable = [one for one in results if one.answers or one.source]
    others = [one for one in results if not (one.answers or one.source)]
    answered = [one for one in with_source if one.text]
    return {
        "hit@1": _share([rank == 1 for rank in ranks]),
        "hit@5": _share([rank is not None and rank <= 5 for rank in ranks]),
        "mrr": _mean_reciprocal_rank(ranks),
        "good": _share([one.is_good for one in results]),
        "right": _share([one.verdict == "right" for one in answerable]),
        "cites": _share([one.cites_source for one in answered]),
        "silent": _share([one.verdict == "silent" for one in others]),
        "missed": _share([one.verdict == "missed" for one in answerable]),
    }


def wilson(successes: int, n: int) -> Estimate:
    """Return a share with its 95 % score interval (Wilson, JASA 1927).

    Raises:
        ValueError: there are no questions, so there is no share.
    """
    if n < 1:
        raise ValueError("A share of no questions is undefined.")
    share = successes / n
    center = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Estimate(share, max(0.0, center - half), min(1.0, center + half))


def changes(checks: Sequence[QualityCheck]) -> list[QuestionChange]:
    """Return the questions of the newest check, those first that became worse.

    Args:
        checks: oldest first.
    """
    if not checks:
        return []
    before = {one.question_id: one for one in checks[-2].results} if len(checks) > 1 else {}
    found = [_change(one, before.get(one.question_id)) for one in checks[-1].results]
    return sorted(found, key=lambda one: (_ORDER.index(one.change), one.now.is_good))


def chance_of(worse: int, better: int) -> float:
    """Return how probable a change as lopsided as this is when nothing has changed.

    The exact two-sided sign test over the questions that came out differently (McNemar, 1947).
    """
    n = worse + better
    if n == 0:
        return 1.0
    tail = sum(comb(n, k) for k in range(min(worse, better) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def changed_parts(before: QualityCheck, after: QualityCheck) -> list[str]:
    """Return what differs between two checks, of "index", "model", "settings" and "questions"."""
    differs = {
        "index": before.index_id != after.index_id,
        "model": before.model_id != after.model_id,
        "settings": dict(before.settings) != dict(after.settings),
        "questions": _asked(before) != _asked(after),
    }
    return [name for name, is_other in differs.items() if is_other]


def changed_settings(
    before: Mapping[str, Setting], after: Mapping[str, Setting]
) -> list[tuple[str, Setting | None, Setting | None]]:
    """Return the settings that differ: name, value before, value after."""
    names = sorted({*before, *after})
    pairs = [(name, before.get(name), after.get(name)) for name in names]
    return [one for one in pairs if one[1] != one[2]]


def _asked(check: QualityCheck) -> set[int]:
    return {one.question_id for one in check.results}


def _change(now: QualityResult, before: QualityResult | None) -> QuestionChange:
    if before is None:
        return QuestionChange(now, before, "new")
    if now.is_good == before.is_good:
        return QuestionChange(now, before, "same")
    return QuestionChange(now, before, "better" if now.is_good else "worse")


def _share(values: Sequence[bool]) -> Measure:
    return Measure(len(values), wilson(sum(values), len(values)) if values else None)


def _mean_reciprocal_rank(ranks: Sequence[int | None]) -> Measure:
    if not ranks:
        return Measure(0, None)
    deepest = max((rank for rank in ranks if rank is not None), default=1)
    values = {"mrr": reciprocal_rank_at(ranks, deepest)}
    return Measure(len(ranks), bootstrap(values)["mrr"])
