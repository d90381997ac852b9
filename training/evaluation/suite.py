"""The questions that the shipped answerer is measured on: reading, abstaining, standing firm.

Each answerable question is asked over its passage among the near misses that the retriever finds
for it in the same file. Questions without an answer are those that people wrote for the same
passages, or in a file without such ones its own questions with their passage taken away.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from rag.config import Config
from rag.datatypes import Progress, PromptStyle
from training.config import DataSettings, PromptSettings, TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.evaluation.attacks import attacked
from training.evaluation.table import EvaluationError
from training.examples.read import read_examples
from training.rows.maker import PromptCounter, RowMaker

PASSAGES = 5  # the one that answers, and four distractors
ATTACKS = "attacks"


@dataclass(frozen=True, slots=True)
class SuiteSet:
    """One file of questions. ``takes_away``: the unanswerable ones are made of its own."""

    name: str
    file: str
    takes_away: bool = True


SUITES: dict[str, tuple[SuiteSet, ...]] = {
    "dev": (
        SuiteSet("squad-v2", "squad-v2-dev-half.json.gz", takes_away=False),
        SuiteSet("jsquad", "jsquad-valid-v1.3.json.gz"),
        SuiteSet("jaquad", "jaquad-dev.json.gz"),
        SuiteSet("policyqa", "policyqa-dev.json.gz"),
    )
}
_ATTACKED = ("squad-v2", "jsquad")  # sets whose passages are given hidden instructions


@dataclass(frozen=True, slots=True)
class SuiteMaker:
    """Makes the rows of a suite.

    Args:
        folder: of the files.
        rows: answerable questions of a set, and as many without an answer, at most.
        settings: of the product.
        style: how models are asked.
        counter: counts the tokens of a prompt.
        progress: called for each passage and each row.
        seed: draws the questions.
    """

    folder: Path
    rows: int
    settings: Config
    style: PromptStyle
    counter: PromptCounter
    progress: Callable[[Progress], None]
    seed: int = 0

    def rows_of(self, one: SuiteSet) -> list[AnswerRow]:
        """Return the rows of one set, answerable ones first.

        Raises:
            EvaluationError: its file is not there.
        """
        examples = self._examples(one)
        chosen = self._drawn([e for e in examples if e.is_answerable])
        if not one.takes_away:
            chosen += self._drawn([e for e in examples if not e.is_answerable])
        return self._made(examples, chosen, 0.5 if one.takes_away else 0.0)

    def attacks_on(self, one: SuiteSet) -> list[AnswerRow]:
        """Return answerable rows of a set, an instruction hidden in each passage that answers.

        Raises:
            EvaluationError: its file is not there.
        """
        examples = self._examples(one)
        chosen = self._drawn([e for e in examples if e.is_answerable])
        turned = attacked(chosen, self.seed)
        others = [e for e in examples if e.passage not in {c.passage for c in chosen}]
        return self._made([*turned, *others], turned, 0.0)

    def _examples(self, one: SuiteSet) -> Sequence[QAExample]:
        file = self.folder / one.file
        if not file.is_file():
            raise EvaluationError(f"{file} is missing. Name the folder of the suite with --data.")
        return read_examples(file).examples

    def _drawn(self, examples: Sequence[QAExample]) -> list[QAExample]:
        drawn = np.random.default_rng(self.seed).permutation(len(examples))[: self.rows]
        return [examples[n] for n in drawn.tolist()]

    def _made(
        self, every: Sequence[QAExample], chosen: Sequence[QAExample], not_found_share: float
    ) -> list[AnswerRow]:
        style = self.style
        config = TrainingConfig(
            "suite",
            data=DataSettings(passages=PASSAGES, not_found_share=not_found_share),
            prompt=PromptSettings(
                style.evidence_sentences, style.has_examples, self.settings.prompt_tokens
            ),
        )
        settings = replace(self.settings, max_passages=PASSAGES)
        with RowMaker(every, config, settings, self.counter, progress=self.progress) as maker:
            return maker.rows(chosen, self.seed, gold_position="ranked")


def suite_sets(name: str) -> Mapping[str, Callable[[SuiteMaker], list[AnswerRow]]]:
    """Return what makes the rows of each part of a suite, by its name.

    Raises:
        EvaluationError: there is no such suite.
    """
    if name not in SUITES:
        raise EvaluationError(f"There is no suite {name!r}. Use one of {', '.join(SUITES)}.")
    made = {one.name: partial(SuiteMaker.rows_of, one=one) for one in SUITES[name]}
    return made | {
        f"{one.name}-{ATTACKS}": partial(SuiteMaker.attacks_on, one=one)
        for one in SUITES[name]
        if one.name in _ATTACKED
    }
