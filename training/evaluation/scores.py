"""From what models wrote to the table: measures, intervals, differences, the worst rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.evaluation.metrics import Estimate
from rag.prompt import says_not_found
from training.datatypes import AnswerRow
from training.evaluation.candidate_run import Outcome
from training.evaluation.forgetting import SENTENCES
from training.evaluation.metrics import (
    Measure,
    Share,
    abstention,
    accuracy,
    best_match,
    bootstrap_interval,
    citations,
    confusion_matrix,
    exact,
    f1,
    find_label,
    interval,
    macro_f1,
    majority_baseline,
    mcnemar_p,
    normalized_exact,
    paired_difference,
    partial,
    share,
)
from training.evaluation.table import (
    ALL,
    RECALL,
    Difference,
    GroupScores,
    LabelScores,
    WorstRow,
)

WORST_ROWS = 20
_MATCHES: dict[str, Measure] = {
    "exact": exact,
    "normalized_exact": normalized_exact,
    "partial": partial,
    "f1": f1,
}
_YES_OR_NO = {
    "exact", "normalized_exact", "partial", "abstention_recall", "false_abstention",
    "citation_recall",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """One model over the rows. ``likelihoods`` are those of the sentences of `forgetting`."""

    rows: Sequence[AnswerRow]
    outcomes: Sequence[Outcome]
    likelihoods: Sequence[float] | None

    def shares(self) -> dict[str, Share]:
        """Return every measure of `training.evaluation.table.MEASURES` over all rows."""
        answerable = [is_answerable(row) for row in self.rows]
        possible = [float(there) for there in answerable]
        matches = {
            name: share([self._match(measure, n) for n in range(len(self.rows))], possible)
            for name, measure in _MATCHES.items()
        }
        return {
            **matches,
            **abstention([outcome.abstains for outcome in self.outcomes], answerable),
            **citations(
                [outcome.markers for outcome in self.outcomes],
                [outcome.gold_passage for outcome in self.outcomes],
            ),
        }

    def row_scores(self) -> list[float]:
        """Return F1 of each answerable row, and of the others whether the model abstains."""
        return [
            self._match(f1, n) if is_answerable(row) else float(self.outcomes[n].abstains)
            for n, row in enumerate(self.rows)
        ]

    def _match(self, measure: Measure, n: int) -> float:
        row, outcome = self.rows[n], self.outcomes[n]
        if outcome.abstains or not is_answerable(row):
            return 0.0
        golds = row.example.answers or (row.example.answer,)
        return best_match(measure, outcome.answer, golds, row.example.language)


def is_answerable(row: AnswerRow) -> bool:
    """Tell whether the passages of ``row`` hold an answer."""
    return not says_not_found(row.completion)


def groups_of(rows: Sequence[AnswerRow]) -> dict[str, NDArray[np.int64]]:
    """Return the numbers of the rows of each group: all, and each language if there are several."""
    languages = [row.example.language for row in rows]
    groups: dict[str, NDArray[np.int64]] = {ALL: np.arange(len(rows))}
    if len(set(languages)) > 1:
        groups |= {
            language: np.array([n for n, own in enumerate(languages) if own == language])
            for language in sorted(set(languages))
        }
    return groups


def score_groups(scored: Scored) -> tuple[GroupScores, ...]:
    """Return the measures of each group."""
    shares = scored.shares()
    there = np.array([is_answerable(row) for row in scored.rows])
    return tuple(
        GroupScores(
            group,
            len(numbers),
            int(there[numbers].sum()),
            {name: interval(_within(whole, numbers)) for name, whole in shares.items()},
        )
        for group, numbers in groups_of(scored.rows).items()
    )


def compare(name: str, scored: Scored, baseline: Scored) -> list[Difference]:
    """Return how the model called ``name`` differs from the baseline in each measure and group."""
    ours, theirs = scored.shares(), baseline.shares()
    differences = []
    for group, numbers in groups_of(scored.rows).items():
        for measure in ours:
            one, other = _within(ours[measure], numbers), _within(theirs[measure], numbers)
            estimate = paired_difference(one, other)
            if estimate is not None:
                cases = one.possible > 0
                p = mcnemar_p(one.counted[cases].tolist(), other.counted[cases].tolist())
                differences.append(
                    Difference(
                        name, group, measure, len(numbers), estimate,
                        p if measure in _YES_OR_NO else None,
                    )
                )  # fmt: skip
    if scored.likelihoods and baseline.likelihoods:
        change = np.subtract(scored.likelihoods, baseline.likelihoods)
        differences += [
            Difference(name, group, RECALL, len(numbers), _mean(change[numbers]), None)
            for group, numbers in _sentence_groups().items()
        ]
    return differences


def score_likelihoods(likelihoods: Sequence[float]) -> dict[str, Estimate]:
    """Return the mean likelihood of the sentences, by language and of all."""
    values = np.asarray(likelihoods)
    return {group: _mean(values[numbers]) for group, numbers in _sentence_groups().items()}


def score_labels(scored: Scored) -> LabelScores | None:
    """Return how well labels are told; None when no row has one."""
    labelled = [n for n, row in enumerate(scored.rows) if row.example.label]
    if not labelled:
        return None
    rows = [scored.rows[n] for n in labelled]
    labels = sorted({row.example.label for row in rows})
    gold = [row.example.label for row in rows]
    predicted = [
        find_label(scored.outcomes[n].answer, labels, scored.rows[n].example.language)
        for n in labelled
    ]
    matrix = confusion_matrix(gold, predicted, labels)

    def of_drawn(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        matrices = (
            confusion_matrix([gold[n] for n in one], [predicted[n] for n in one], labels)
            for one in drawn.tolist()
        )
        return np.array([macro_f1(one) for one in matrices])

    right = share([float(a == b) for a, b in zip(gold, predicted, strict=True)], [1.0] * len(gold))
    commonest, baseline_accuracy, baseline_f1 = majority_baseline(gold, labels)
    estimate = interval(right)
    assert estimate is not None  # there are labelled rows
    assert estimate.mean == accuracy(matrix)
    return LabelScores(
        tuple(labels),
        tuple(tuple(row) for row in matrix.tolist()),
        estimate,
        bootstrap_interval(of_drawn, len(gold)),
        commonest,
        baseline_accuracy,
        baseline_f1,
    )


def worst_rows(scored: Mapping[str, Scored], last: str, baseline: str) -> tuple[WorstRow, ...]:
    """Return the rows where the model called ``last`` loses most, against the baseline on ties.

    Rows on which it is wholly right are left out, however few there are then.
    """
    scores = {name: one.row_scores() for name, one in scored.items()}
    rows = scored[last].rows
    wrong = [n for n in range(len(rows)) if scores[last][n] < 1]
    wrong.sort(key=lambda n: (scores[last][n], scores[last][n] - scores[baseline][n], n))
    return tuple(
        WorstRow(
            row=n,
            language=rows[n].example.language,
            question=rows[n].prompt.question,
            expected=rows[n].completion,
            completions={name: one.outcomes[n].completion for name, one in scored.items()},
            scores={name: round(scores[name][n], 4) for name in scored},
        )
        for n in wrong[:WORST_ROWS]
    )


def _within(whole: Share, numbers: NDArray[np.int64]) -> Share:
    return Share(whole.counted[numbers], whole.possible[numbers])


def _mean(values: NDArray[np.float64]) -> Estimate:
    estimate = interval(Share(values, np.ones(len(values))))
    assert estimate is not None  # every value counts
    return estimate


def _sentence_groups() -> dict[str, NDArray[np.int64]]:
    languages = [language for language, _ in SENTENCES]
    return {
        ALL: np.arange(len(languages)),
        **{
            one: np.array([n for n, own in enumerate(languages) if own == one])
            for one in sorted(set(languages))
        },
    }
