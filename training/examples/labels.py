"""Labels of examples: given as such, or answers of which there are only a few, such as yes and no.

The article that this guards against trained on a set of which 92.8 % said yes, and got a model
that says yes to everything.
"""

from collections import Counter
from collections.abc import Sequence

from training.datatypes import QAExample
from training.examples.check_report import Finding, LabelBalance, finding
from training.examples.sentence import Value
from training.examples.split import folded

MAX_LABELS = 5  # distinct answers that may be labels
MIN_ROWS = 20  # fewer answers prove nothing about their kinds
MAJORITY = 0.8  # share of one label from which on training tends to end in it


def labels_of(examples: Sequence[QAExample]) -> list[str]:
    """Return the label of each example, "" for one without.

    Answers are labels when there are at most five kinds, in four rows each or more: "Yes." and
    "yes" are one.
    """
    if any(example.label for example in examples):
        return [example.label for example in examples]
    answers = [folded(example.answer) for example in examples]
    kinds = Counter(answer for answer in answers if answer)
    total = sum(kinds.values())
    if total >= MIN_ROWS and len(kinds) <= MAX_LABELS and total >= 4 * len(kinds):
        return answers
    return [""] * len(examples)


def label_balance(labels: Sequence[str]) -> LabelBalance | None:
    """Return how often each label occurs and the majority baseline; None without labels."""
    from training.evaluation.metrics import majority_baseline

    gold = [label for label in labels if label]
    if not gold:
        return None
    counts = dict(Counter(gold).most_common())
    majority, accuracy, macro_f1 = majority_baseline(gold, list(counts))
    return LabelBalance(counts, majority, accuracy, macro_f1)


def balance_findings(balance: LabelBalance | None, setting: str) -> list[Finding]:
    """Return what to say of labels when one of them drowns the others.

    Args:
        balance: of the labels.
        setting: ``data.balance``.
    """
    if balance is None:
        return []
    total, majority = sum(balance.counts.values()), balance.majority
    if len(balance.counts) == 1:
        return [finding("warn", "one_label", total=total, label=majority)]
    share = balance.counts[majority] / total
    if share < MAJORITY:
        return []
    values: dict[str, Value] = {
        "share": share,
        "total": total,
        "label": majority,
        "accuracy": balance.accuracy,
        "macro_f1": balance.macro_f1,
    }
    if setting == "none":
        return [finding("warn", "majority_label", **values)]
    return [finding("info", "majority_balanced", balance=setting, **values)]
