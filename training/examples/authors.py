"""A limit on what one person teaches, so that nobody alone can turn the model."""

import random
from collections import Counter
from collections.abc import Sequence

from training.datatypes import QAExample

AT_THIS_MACHINE = ""  # author of corrections made without a name


def cap_authors(
    examples: Sequence[QAExample], share: float, seed: int
) -> tuple[list[QAExample], list[QAExample]]:
    """Return what may be learned and what is left out, each in the order of ``examples``.

    Of the corrections of one author, so many are kept that they are at most ``share`` of all
    that is kept; which ones is left to chance, as who floods would choose them. Rows that are
    no corrections have no author and are all kept. Where every correction is from the person at
    this machine, who also accepts them, there is nobody to guard against, and all are kept.

    Args:
        examples: all of them.
        share: of what is kept, 0 to 1; 1 keeps all.
        seed: of the choice.
    """
    rows_of: dict[str, list[int]] = {}
    for row, example in enumerate(examples):
        if is_correction(example):
            rows_of.setdefault(example.author, []).append(row)
    if set(rows_of) == {AT_THIS_MACHINE}:
        return list(examples), []
    most = _most_each(Counter({author: len(rows) for author, rows in rows_of.items()}),
                      len(examples), share)  # fmt: skip
    left_out: set[int] = set()
    chance = random.Random(seed)
    for _, rows in sorted(rows_of.items()):
        left_out.update(chance.sample(rows, max(0, len(rows) - most)))
    kept = [example for row, example in enumerate(examples) if row not in left_out]
    return kept, [examples[row] for row in sorted(left_out)]


def is_correction(example: QAExample) -> bool:
    """Tell whether a person of the app wrote the example."""
    return example.origin == "feedback" or bool(example.author)


def _most_each(counts: Counter[str], total: int, share: float) -> int:
    """Return the largest number of rows an author may keep: m <= share * (what is then kept).

    From above: leaving rows out makes the total smaller, and so the number.
    """
    others = total - sum(counts.values())
    most = max(counts.values(), default=0)
    while most:
        allowed = int(share * (others + sum(min(count, most) for count in counts.values())) + 1e-9)
        if most <= allowed:
            break
        most = min(allowed, most - 1)
    return most
