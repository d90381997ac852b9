"""Which examples are learned, which are tested on, and which are left out. One way for all.

The check reports on what a run would do, so both choose here.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from training.config import TrainingConfig
from training.datatypes import QAExample
from training.examples.authors import cap_authors
from training.examples.split import split_examples
from training.examples.values import ReadExamples


@dataclass(frozen=True, slots=True)
class Chosen:
    """Every example is in exactly one of these, or set aside with a held-out document."""

    train: tuple[QAExample, ...]
    held_out: tuple[QAExample, ...]
    over_limit: tuple[QAExample, ...]  # corrections of authors who bring too many
    not_chosen: int  # beyond ``data.max_rows``
    set_aside: int  # of held-out documents, beyond ``data.max_held_out``


def choose_examples(read: Sequence[ReadExamples], config: TrainingConfig) -> Chosen:
    """Return what a run learns and tests on of what was read; the same for the same seed."""
    data = config.data
    examples = [example for found in read for example in found.examples]
    kept, over_limit = cap_authors(examples, data.author_share, config.seed)
    chosen = kept
    if 0 < data.max_rows < len(kept):
        chosen = _some(kept, config)
        chosen, more = cap_authors(chosen, data.author_share, config.seed)
        over_limit += more
    train, held_out = split_examples(chosen, data.held_out_share, data.max_held_out, config.seed)
    return Chosen(
        train=tuple(train),
        held_out=tuple(held_out),
        over_limit=tuple(over_limit),
        not_chosen=len(examples) - len(chosen) - len(over_limit),
        set_aside=len(chosen) - len(train) - len(held_out),
    )


def _some(examples: Sequence[QAExample], config: TrainingConfig) -> list[QAExample]:
    """Return ``data.max_rows`` at random; of few passages, where questions share these.

    Passages with a question that they do not answer come first: there are few.
    """
    chance = random.Random(config.seed)
    if config.data.questions_per_context == 1:
        rows = chance.sample(range(len(examples)), config.data.max_rows)
        return [examples[row] for row in sorted(rows)]
    passages = sorted({example.passage for example in examples})
    places = {p: n for n, p in enumerate(chance.sample(passages, len(passages)))}
    tempting = {example.passage for example in examples if not example.is_answerable}
    ordered = sorted(examples, key=lambda one: (one.passage not in tempting, places[one.passage]))
    return ordered[: config.data.max_rows]
