"""When to say "not found": how sure of it a tuned model must be, measured by language.

A model that learned to abstain is more or less eager than a person would like, and 4 bits shift it.
How far "not found" is ahead of any other beginning is one number for a question, and the evidence
score of its passages another. A line through both tells questions without an answer from others,
and moving it goes along the curve of abstentions, right against false (Kamath, Jia and Liang, ACL
2020, arXiv:2006.09462, on calibrated selective answering).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.abstention import Abstention, log_odds, read_abstention
from rag.config import Config
from rag.datatypes import Language, Progress
from rag.generate import LocalGenerator, load_generator
from training.datatypes import AnswerRow
from training.evaluation.scores import is_answerable

LEAST_ROWS = 30  # of a language and kind; fewer would tell nothing of a tail
MOST_COMPARED = 24  # rows of a language; their shift is known to 0.2 logits then
# Logits for a unit of log-odds. The questions of training sets have the words of their passages,
# which makes evidence look better than it is: unbounded, it made the default model refuse 9 of 48
# answerable questions in people's own words (docs/log.md).
_HEAVIEST = 0.5


def calibrated(
    model: Path,
    rows: Sequence[AnswerRow],
    known: Mapping[Language, Abstention],
    settings: Config,
    false_abstention: float,
    progress: Callable[[Progress], None],
) -> dict[Language, Abstention]:
    """Return when the model is to abstain, by language; {} where nothing can be told.

    Args:
        model: folder of the model as it will serve.
        rows: that it did not learn, with an answer and without.
        known: what held for the model that it was made of; how much evidence counts is taken from
            there where too few rows without an answer could tell.
        settings: of the product.
        false_abstention: share of the questions with an answer that may be refused.
        progress: called for each row, stage "calibrate".

    Raises:
        ModelError: the model cannot be loaded.
    """
    of_language = {
        language: own
        for language, own in _by_language(rows).items()
        if sum(map(is_answerable, own)) >= LEAST_ROWS
    }
    if not of_language:
        return {}
    read = [row for own in of_language.values() for row in own]
    margins = iter(_margins(model, read, settings, progress))
    return {
        language: _line(own, [next(margins) for _ in own], known.get(language), false_abstention)
        for language, own in of_language.items()
    }


def carried(
    dense: Path,
    quantized: Path,
    rows: Sequence[AnswerRow],
    settings: Config,
    progress: Callable[[Progress], None],
) -> dict[Language, Abstention]:
    """Return with what the quantized model abstains as soon as the 16-bit one.

    It takes no right answers, so rows that were learned from will do: of each language, the first
    `MOST_COMPARED`. GPTQ of the default model moves "not found" ahead by 0.6 logits in the mean.

    Args:
        dense: folder of the 16-bit model, whose own calibration counts.
        quantized: folder of the model that was made of it.
        rows: to read.
        settings: of the product.
        progress: called for each row, stage "calibrate".

    Raises:
        ModelError: a model cannot be loaded.
    """
    of_language = {name: own[:MOST_COMPARED] for name, own in _by_language(rows).items()}
    read = [row for own in of_language.values() for row in own]
    before, after = (_margins(model, read, settings, progress) for model in (dense, quantized))
    shifts = iter(np.subtract(before, after).tolist())
    known = read_abstention(dense)
    settled = {}
    for language, own in of_language.items():
        shift = float(np.median([next(shifts) for _ in own]))
        old = known.get(language, Abstention())
        settled[language] = replace(old, bias=old.bias + shift)
    return settled


def _by_language(rows: Sequence[AnswerRow]) -> dict[Language, list[AnswerRow]]:
    of_language: dict[Language, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        of_language[row.prompt.language].append(row)
    return of_language


def _margins(
    model: Path,
    rows: Sequence[AnswerRow],
    settings: Config,
    progress: Callable[[Progress], None],
) -> list[float]:
    generator = load_generator(replace(settings, answer_model=str(model), answer_precision="auto"))
    assert isinstance(generator, LocalGenerator)  # a folder, so no quoting
    margins = []
    for number, row in enumerate(rows, start=1):
        margins.append(generator.abstention_margin(row.prompt))
        progress(Progress("calibrate", number, len(rows)))
    return margins


def _line(
    rows: Sequence[AnswerRow],
    margins: Sequence[float],
    known: Abstention | None,
    false_abstention: float,
) -> Abstention:
    """Return the line for rows of one language."""
    has_answer = np.array([is_answerable(row) for row in rows])
    odds = np.array([log_odds(row.prompt.evidence_score) for row in rows])
    if (~has_answer).sum() >= LEAST_ROWS:
        weight = _evidence_weight(np.asarray(margins), odds, has_answer)
    else:
        weight = known.evidence if known else 0.0
    leads = np.asarray(margins) - weight * odds
    return Abstention(_bias(leads[has_answer], false_abstention), weight)


def _evidence_weight(
    margins: NDArray[np.float64], odds: NDArray[np.float64], has_answer: NDArray[np.bool_]
) -> float:
    """Return how many logits of the margin one unit of the log-odds of evidence is worth."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(class_weight="balanced")
    fitted.fit(np.column_stack([margins, odds]), ~has_answer)
    by_margin, by_odds = fitted.coef_[0]
    if by_margin <= 0 or by_odds >= 0:
        return 0.0  # one of them tells nothing here, and the bias alone must do
    return min(float(-by_odds / by_margin), _HEAVIEST)


def _bias(leads: NDArray[np.float64], share: float) -> float:
    """Return the bias with which at most ``share`` of ``leads`` become positive, the largest."""
    falling = np.sort(leads)[::-1]
    first_kept = min(math.floor(share * len(falling)), len(falling) - 1)
    return -float(falling[first_kept])
