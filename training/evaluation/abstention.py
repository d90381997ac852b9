"""When to say "not found": how sure of it a tuned model must be, measured by language.

A model that learned to abstain is more or less eager than a person would like, and 4 bits shift it.
How far "not found" is ahead of any other beginning is one number for a question; a constant added
to it moves along the curve of abstentions, right against false (Kamath, Jia and Liang, ACL 2020,
arXiv:2006.09462, on a threshold for selective answering).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rag.config import Config
from rag.datatypes import Language, Progress
from rag.generate import LocalGenerator, abstention_bias, load_generator
from training.datatypes import AnswerRow
from training.evaluation.scores import is_answerable

LEAST_ROWS = 30  # answerable ones of a language; fewer would tell nothing of a tail
MOST_COMPARED = 24  # rows of a language; their shift is known to 0.2 logits then


def calibrated_bias(
    model: Path,
    rows: Sequence[AnswerRow],
    settings: Config,
    false_abstention: float,
    progress: Callable[[Progress], None],
) -> dict[Language, float]:
    """Return what is added to "not found", in logits, by language; {} where nothing can be told.

    Args:
        model: folder of the model as it will serve.
        rows: that it did not learn; those with an answer are read.
        settings: of the product.
        false_abstention: share of the questions with an answer that may be refused.
        progress: called for each row, stage "calibrate".

    Raises:
        ModelError: the model cannot be loaded.
    """
    read = [row for row in rows if is_answerable(row)]
    counts = Counter(row.prompt.language for row in read)
    read = [row for row in read if counts[row.prompt.language] >= LEAST_ROWS]
    if not read:
        return {}
    margins = _margins(model, read, settings, progress)
    return {language: _bias(values, false_abstention) for language, values in margins.items()}


def carried_bias(
    dense: Path,
    quantized: Path,
    rows: Sequence[AnswerRow],
    settings: Config,
    progress: Callable[[Progress], None],
) -> dict[Language, float]:
    """Return the bias with which the quantized model abstains as soon as the 16-bit one.

    It takes no right answers, so rows that were learned from will do: of each language, the first
    `MOST_COMPARED`. GPTQ of the default model moves "not found" ahead by 0.6 logits in the mean.

    Args:
        dense: folder of the 16-bit model, whose own bias counts.
        quantized: folder of the model that was made of it.
        rows: to read.
        settings: of the product.
        progress: called for each row, stage "calibrate".

    Raises:
        ModelError: a model cannot be loaded.
    """
    of_language: dict[Language, list[AnswerRow]] = defaultdict(list)
    for row in rows:
        of_language[row.prompt.language].append(row)
    read = [row for some in of_language.values() for row in some[:MOST_COMPARED]]
    before, after = (_margins(model, read, settings, progress) for model in (dense, quantized))
    own = abstention_bias(dense)
    return {
        language: own.get(language, 0.0) + float(np.median(np.subtract(margins, after[language])))
        for language, margins in before.items()
    }


def _margins(
    model: Path,
    rows: Sequence[AnswerRow],
    settings: Config,
    progress: Callable[[Progress], None],
) -> dict[Language, list[float]]:
    generator = load_generator(replace(settings, answer_model=str(model), answer_precision="auto"))
    assert isinstance(generator, LocalGenerator)  # a folder, so no quoting
    margins: dict[Language, list[float]] = defaultdict(list)
    for number, row in enumerate(rows, start=1):
        margins[row.prompt.language].append(generator.abstention_margin(row.prompt))
        progress(Progress("calibrate", number, len(rows)))
    return margins


def _bias(margins: Sequence[float], share: float) -> float:
    """Return the bias with which at most ``share`` of ``margins`` become positive, the largest."""
    falling = np.sort(np.asarray(margins))[::-1]
    first_kept = min(math.floor(share * len(falling)), len(falling) - 1)
    return -float(falling[first_kept])
