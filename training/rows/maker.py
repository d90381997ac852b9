"""Rows to learn from and to test on: questions over what the product's retriever finds for them.

To learn from, the passage that answers stands at random among its own near misses, and some
questions are asked without it (RAFT, Zhang et al., 2024, arXiv:2403.10131). To test on, it stands
where it is found, if it is found. Prompts are written by `rag.answer.prompt_over`, as served.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Literal, Protocol, Self, cast, runtime_checkable

import numpy as np

from rag.answer import prompt_over
from rag.config import Config
from rag.datatypes import Hit, Progress, Prompt, PromptStyle
from rag.errors import QuestionError
from rag.evidence import stands_in
from rag.prompt import NOT_FOUND
from rag.protocols import Embedder
from rag.retrieve import Retriever
from training.config import TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.rows.altered_questions import altered
from training.rows.encoding import RowTooLongError
from training.rows.example_search import ExampleSearch, FoundExample, NotFoundError
from training.rows.gold import holds_one, quoted_answers, says_any
from training.rows.shared_context import NEAR_MISSES, SharedContexts

GoldPosition = Literal["random", "as_retrieved", "ranked"]


class PromptCounter(Protocol):
    """Counts what a prompt takes of a budget: `RowEncoder`, or a generator."""

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of the rendered chat."""
        ...


@runtime_checkable
class Encoder(PromptCounter, Protocol):
    """A counter that also knows how long a row may be: `RowEncoder`."""

    def encode(self, row: AnswerRow) -> object:
        """Raise `RowTooLongError` for a row that does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class ExcludedExample:
    """An example that no row could be made of, and why, for a person."""

    place: str
    reason: str


class RowMaker:
    """Makes rows of examples. A context manager: it may hold a temporary index.

    Args:
        examples: all that rows will be asked for, to learn from and to test on: each is a near
            miss of the others.
        config: ``data`` and ``prompt`` are read.
        settings: of the product.
        counter: of the model that is asked; rows too long for an `Encoder` are excluded.
        live: the serving index, if it is open already.
        embedder: of the passages that come along; that of the settings when None.
        progress: called for each passage and each row.

    Raises:
        RagError: the serving index is needed, and there is none or it is damaged.
    """

    def __init__(
        self,
        examples: Sequence[QAExample],
        config: TrainingConfig,
        settings: Config,
        counter: PromptCounter,
        *,
        live: Retriever | None = None,
        embedder: Embedder | None = None,
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> None:
        self.excluded: list[ExcludedExample] = []  # of the last call of `rows`
        self._config, self._settings, self._counter = config, settings, counter
        self._progress = progress
        self._style = PromptStyle(config.prompt.evidence_sentences, config.prompt.has_examples)
        self._search = ExampleSearch(examples, settings, live, embedder, progress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._search.close()

    def rows(
        self, examples: Sequence[QAExample], seed: int, *, gold_position: GoldPosition
    ) -> list[AnswerRow]:
        """Return a row for each example, and rows without an answer up to the share of these.

        An answer that the prompt does not show has the completion "not found": nothing else may be
        learned from it. `excluded` then tells the examples without a row.

        Args:
            examples: some of those that this object was made with.
            seed: chooses positions, and the questions that are asked without their document.
            gold_position: "random" to learn from, "as_retrieved" to test on; "ranked" tests reading
                alone: the passage that answers is always among the others, at its own rank, and
                what the prompt then does not show of it still counts as an answer.
        """
        rng = np.random.default_rng(seed)
        self.excluded = []
        rows: list[AnswerRow] = []
        answerable: list[FoundExample] = []
        tempting: list[FoundExample] = []  # their passage does not answer
        is_shared = gold_position == "random" and self._config.data.questions_per_context > 1
        for number, example in enumerate(examples):
            self._progress(Progress("rows", number, len(examples)))
            try:
                found = self._search.find(example)
                is_mixed = example.is_answerable and gold_position == "random"
                if is_shared and example.passage and not example.is_answerable:
                    tempting.append(found)
                    continue
                if gold_position == "ranked" and example.is_answerable:
                    rows.append(self._ranked(found))
                elif not (is_mixed and is_shared):
                    rows.append(self._mixed(found, rng) if is_mixed else self._as_served(found))
            except (NotFoundError, QuestionError, RowTooLongError) as error:
                self.excluded.append(ExcludedExample(example.place, str(error)))
                continue
            if example.is_answerable:
                answerable.append(found)
        if is_shared:
            rows += self._together(answerable, tempting, rng)
        self._progress(Progress("rows", len(examples), len(examples)))
        return rows + self._without_answer(answerable, rows, rng)

    def _as_served(self, found: FoundExample) -> AnswerRow:
        hits = found.retriever.retrieve(found.question, found.language, self._settings.top_k)
        return self._row(found, hits[: self._config.data.passages])

    def _gold_and_near(self, found: FoundExample) -> tuple[Hit | None, list[Hit]]:
        """Return the hit that answers, if it is found, and the best others."""
        hits = found.retriever.retrieve(found.question, found.language, NEAR_MISSES)
        gold = next((hit for hit in hits if holds_one(hit, found.gold)), None)
        near = [hit for hit in hits if not holds_one(hit, found.gold)]
        return gold, near[: self._config.data.passages - 1]

    def _ranked(self, found: FoundExample) -> AnswerRow:
        """Return a row with one passage that answers among near misses, as they are ranked."""
        gold, near = self._gold_and_near(found)
        last = Hit(NEAR_MISSES, found.gold[0], 0.0)
        row = self._row(found, sorted([*near, gold or last], key=lambda hit: hit.rank))
        return row if row.gold_passage else replace(row, completion=found.example.answer)

    def _mixed(self, found: FoundExample, rng: np.random.Generator) -> AnswerRow:
        """Return a row with one passage that answers, at a random place among near misses."""
        gold, near = self._gold_and_near(found)
        gold = gold or Hit(0, found.gold[0], 0.0)
        place = int(rng.integers(len(near) + 1))
        row = self._row(found, [*near[:place], gold, *near[place:]])
        while not row.gold_passage and place > 0:  # the budget left it out: further to the front
            place = int(rng.integers(place))
            row = self._row(found, [*near[:place], gold, *near[place:]])
        return row

    def _together(
        self,
        answerable: Sequence[FoundExample],
        tempting: Sequence[FoundExample],
        rng: np.random.Generator,
    ) -> list[AnswerRow]:
        """Return rows of which several ask over the same sentences."""
        data, prompt = self._config.data, self._config.prompt
        count = self._counter.count_prompt_tokens
        rows: list[AnswerRow] = []
        for group in SharedContexts(answerable, tempting, data, prompt, count, rng):
            self._progress(Progress("rows", min(len(rows), len(answerable)), len(answerable)))
            for asked, found in group:
                try:
                    rows.append(self._answered(asked, found))
                except RowTooLongError as error:
                    self.excluded.append(ExcludedExample(found.example.place, str(error)))
        return rows

    def _without_answer(
        self,
        answerable: Sequence[FoundExample],
        rows: Sequence[AnswerRow],
        rng: np.random.Generator,
    ) -> list[AnswerRow]:
        """Return rows that nothing answers, in each language as often as it is asked.

        Their document is taken away, or as often as the settings say a detail is changed.
        """
        share = self._config.data.not_found_share
        answered = sum(row.gold_passage > 0 for row in rows)
        wanted = share / (1 - share) * answered if share < 1 else float("inf")
        wanted -= len(rows) - answered
        made: list[AnswerRow] = []
        for found in _alternating(answerable, rng):
            if len(made) + 0.5 > wanted:
                break
            is_altered = bool(rng.random() < self._config.data.altered_share)
            row = self._changed(found, rng) if is_altered else self._taken_away(found)
            if row is not None:
                made.append(row)
        return made

    def _changed(self, found: FoundExample, rng: np.random.Generator) -> AnswerRow | None:
        """Return the question with a detail changed over what it finds; None without such one."""
        hits = found.retriever.retrieve(found.question, found.language, NEAR_MISSES)
        shown, others = hits[: self._config.data.passages], hits[self._config.data.passages :]
        told = " ".join(hit.chunk.search_text for hit in shown)
        elsewhere = [hit.chunk.text for hit in others]
        question = altered(found.question, found.language, told, elsewhere, rng)
        return self._unanswered(found, question, shown) if question else None

    def _taken_away(self, found: FoundExample) -> AnswerRow | None:
        """Return the question over near misses alone; None when there are none that fit."""
        retriever, example = found.retriever, found.example
        gone = retriever.corpus.rows_of(found.document or found.gold[0].path)
        left = np.setdiff1d(np.arange(len(retriever.lexical)), gone)
        others = replace(retriever, rows=cast(Sequence[int], left))
        answers = quoted_answers(example, found.gold)
        hits = [
            hit
            for hit in others.retrieve(found.question, found.language, NEAR_MISSES)
            if not says_any(hit.chunk.search_text, answers) and not holds_one(hit, found.gold)
        ]
        return self._unanswered(found, found.question, hits[: self._config.data.passages])

    def _unanswered(
        self, found: FoundExample, question: str, hits: Sequence[Hit]
    ) -> AnswerRow | None:
        """Return ``question`` over passages that do not answer it; None when none fit."""
        try:
            return self._row(found.unanswered(question), hits)
        except (NotFoundError, RowTooLongError):
            return None

    def _row(self, found: FoundExample, hits: Sequence[Hit]) -> AnswerRow:
        if not hits:
            raise NotFoundError("Nothing is found for the question.")
        ranked = [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]
        prompt = prompt_over(
            found.question,
            found.language,
            ranked,
            found.retriever,
            self._style,
            self._config.prompt.budget_tokens,
            self._counter.count_prompt_tokens,
        )
        return self._answered(prompt, found)

    def _answered(self, prompt: Prompt, found: FoundExample) -> AnswerRow:
        """Return the row of a prompt; what it does not answer is not found."""
        number = _number_of_gold(prompt, found)
        answer = f"{found.example.answer} [{number}]" if number else NOT_FOUND[found.language]
        paths = (hit.chunk.path for hit in prompt.hits) if found.is_live else ()
        row = AnswerRow(prompt, answer, found.example, number, tuple(dict.fromkeys(paths)))
        if isinstance(self._counter, Encoder):
            self._counter.encode(row)
        return row


def _number_of_gold(prompt: Prompt, found: FoundExample) -> int:
    """Return the number of the passage that shows the answer; 0 when none does."""
    answers = quoted_answers(found.example, found.gold)
    shown = prompt.evidence[: prompt.shown_sentences]
    for number, hit in enumerate(prompt.hits, start=1):
        sentences = [sentence.text for sentence in shown if stands_in(sentence, hit.chunk)]
        is_shown = not sentences or not answers or says_any(" ".join(sentences), answers)
        if is_shown and holds_one(hit, found.gold):
            return number
    return 0


def _alternating(found: Sequence[FoundExample], rng: np.random.Generator) -> list[FoundExample]:
    """Return ``found`` at random, so that each beginning has the languages in their proportion."""
    of_language: dict[str, list[FoundExample]] = defaultdict(list)
    for n in rng.permutation(len(found)):
        of_language[found[n].language].append(found[n])
    placed = [
        ((rank + 0.5) / len(some), language, one)
        for language, some in of_language.items()
        for rank, one in enumerate(some)
    ]
    return [one for _, _, one in sorted(placed, key=lambda entry: entry[:2])]
