"""Hold out examples to test on, so that what is tested was never learned. Pure functions.

What stands in one document is held out together: a model that has learned the one question of
an article was told the answers of others (Lewis, Stenetorp and Riedel, EACL 2021,
arXiv:2008.02637, on how much of test sets is in training sets).
"""

import random
import unicodedata
from collections.abc import Callable, Sequence

from training.datatypes import QAExample


def split_examples(
    examples: Sequence[QAExample], held_out_share: float, max_held_out: int, seed: int
) -> tuple[list[QAExample], list[QAExample]]:
    """Return what to train on and what to test on, in the order of ``examples``.

    No group stands in both. Of the held-out groups at most ``max_held_out`` examples are tested
    on, chosen at random; the others are in neither part, as they must not be learned.

    Args:
        examples: all of them.
        held_out_share: of the groups, 0 to 1; at least one group, unless it is 0.
        max_held_out: examples to test on, at most.
        seed: of the choice.
    """
    groups = split_groups(examples)
    rows_of: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows_of.setdefault(group, []).append(row)
    if held_out_share <= 0 or max_held_out < 1 or len(rows_of) < 2:
        return list(examples), []
    count = min(max(1, round(held_out_share * len(rows_of))), len(rows_of) - 1, max_held_out)
    quota = max(1, round(held_out_share * len(examples)))
    names = sorted(rows_of)
    chance = random.Random(seed)
    chance.shuffle(names)
    # Groups that are larger than what is held out come last: one may be most of a file.
    names.sort(key=lambda name: max(len(rows_of[name]), quota))
    held_out = {row for name in names[:count] for row in rows_of[name]}
    tested = set(chance.sample(sorted(held_out), min(max_held_out, len(held_out))))
    return (
        [example for row, example in enumerate(examples) if row not in held_out],
        [example for row, example in enumerate(examples) if row in tested],
    )


def split_groups(examples: Sequence[QAExample]) -> list[str]:
    """Return the group of each example that a split keeps together.

    Groups that share a passage are one. When all is one group, passages are the groups, and when
    that is one as well, questions: then the test is about a document that was learned from.
    """
    for groups in (groups_of(examples), _by(examples, _passage), _by(examples, _question)):
        if len(set(groups)) > 1:
            return groups
    return groups_of(examples)


def groups_of(examples: Sequence[QAExample]) -> list[str]:
    """Return the group of each example: its article or document, joined by shared passages."""
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    keys = [_keys(example) for example in examples]
    for first, *others in keys:
        for other in others:
            one, two = sorted((root(first), root(other)))
            parents[two] = one
    return [root(first) for first, *_ in keys]


def _keys(example: QAExample) -> list[str]:
    name = example.group or example.source
    keys = [f"document {name}"] if name else []
    if example.passage:
        keys.append(_passage(example))
    return keys or [_question(example)]


def _by(examples: Sequence[QAExample], key: Callable[[QAExample], str]) -> list[str]:
    return [key(example) for example in examples]


def _passage(example: QAExample) -> str:
    return f"passage {folded(example.passage)}" if example.passage else _question(example)


def _question(example: QAExample) -> str:
    return f"question {folded(example.question)}"


def folded(text: str) -> str:
    """Return the letters and digits of ``text`` without width, case, spaces and punctuation."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
