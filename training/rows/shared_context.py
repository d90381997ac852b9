"""Several questions over one choice of sentences: some it answers, and some it only seems to.

Made one by one, rows read mostly passages. Here one prompt's passages serve several questions,
which `training.rows.shared_prefix` then reads once, and each answered question has near misses
beside it that differ from it in little: a question that was written for a passage that only seems
to answer it, one about a passage that is not shown, and the same question with a detail changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from rag.datatypes import Chunk, Evidence, Hit, Prompt, PromptStyle
from rag.evidence import rank_sentences, stands_in
from rag.prompt import build_prompt
from training.config import DataSettings, PromptSettings
from training.rows.altered_questions import altered
from training.rows.example_search import FoundExample
from training.rows.gold import quoted_answers, says_any
from training.rows.hidden_instructions import is_hidden_instruction

NEAR_MISSES = 20  # hits that passages and questions about absent ones are taken from
MORE_SENTENCES = 3  # than a served prompt shows at most, so that the number is no habit


SharedPrompt = tuple[Prompt, FoundExample]  # and what it asks


class SharedContexts:
    """Groups questions around the passages that answer them.

    Args:
        found: questions that have an answer.
        tempting: questions that their passage does not answer; they are asked over it, where one
            of ``found`` is.
        data: ``passages``, ``questions_per_context``, ``not_found_share`` and ``altered_share``
            are read.
        prompt: how many sentences are shown, and the budget.
        count_tokens: tokens of a rendered prompt.
        rng: chooses groups, places and details.
    """

    def __init__(
        self,
        found: Sequence[FoundExample],
        tempting: Sequence[FoundExample],
        data: DataSettings,
        prompt: PromptSettings,
        count_tokens: Callable[[Prompt], int],
        rng: np.random.Generator,
    ) -> None:
        self._data, self._settings, self._count, self._rng = data, prompt, count_tokens, rng
        self._waiting: dict[tuple[str, int], list[FoundExample]] = defaultdict(list)
        for n in rng.permutation(len(found)):
            self._waiting[_key(found[n].gold[0])].append(found[n])
        self._tempting: dict[str, list[FoundExample]] = defaultdict(list)
        for one in tempting:
            self._tempting[one.document].append(one)

    def __iter__(self) -> Iterator[list[SharedPrompt]]:
        """Yield the prompts of one group after another, until each question was asked once."""
        for key in list(self._waiting):
            while self._waiting[key]:
                yield self._group(key)

    def _group(self, key: tuple[str, int]) -> list[SharedPrompt]:
        data = self._data
        most = max(1, round((1 - data.not_found_share) * data.questions_per_context))
        asked = self._take(key, (most + 1) // 2)
        near = self._near(asked)
        near, others = near[: self._data.passages - 1], near[self._data.passages - 1 :]
        hits = self._placed(asked[0], near)
        shown = " ".join(hit.chunk.search_text for hit in hits)
        for hit in near:
            if len(asked) < most:
                asked += self._take(_key(hit.chunk), 1)
        answered = max(1 - data.not_found_share, 1 / data.questions_per_context)
        unanswered = self._about(len(asked) * data.not_found_share / answered)
        waiting = self._tempting[asked[0].document]
        tempting, waiting[:] = waiting[:unanswered], waiting[unanswered:]
        unanswered -= len(tempting)
        changed = self._about(data.altered_share * unanswered)
        absent = tempting + self._absent(shown, others, unanswered - changed)
        sentences = self._sentences(asked, absent, hits)
        changes = self._altered(asked, shown, [hit.chunk.text for hit in others], changed)
        return [(self._prompt(one, hits, sentences), one) for one in (*asked, *absent, *changes)]

    def _about(self, number: float) -> int:
        """Return ``number`` on average, whole."""
        return int(number + self._rng.random())

    def _take(self, key: tuple[str, int], most: int) -> list[FoundExample]:
        """Return questions of a passage that were not asked yet; they are asked now."""
        waiting = self._waiting.get(key, [])
        taken, waiting[:] = waiting[:most], waiting[most:]
        return taken

    def _near(self, asked: Sequence[FoundExample]) -> list[Hit]:
        """Return other passages that the questions find, in turns."""
        gold = {_key(chunk) for one in asked for chunk in one.gold}
        lists = [one.retriever.retrieve(one.question, one.language, NEAR_MISSES) for one in asked]
        turns = (hit for rank in zip(*lists, strict=False) for hit in rank)
        near = {_key(hit.chunk): hit for hit in turns}
        return [hit for key, hit in near.items() if key not in gold]

    def _placed(self, one: FoundExample, near: Sequence[Hit]) -> list[Hit]:
        """Return the passage of a question at random among others, ranked as they stand."""
        place = int(self._rng.integers(len(near) + 1))
        hits = [*near[:place], Hit(0, one.gold[0], 0.0), *near[place:]]
        return [replace(hit, rank=rank) for rank, hit in enumerate(hits, start=1)]

    def _absent(self, shown: str, others: Sequence[Hit], most: int) -> list[FoundExample]:
        """Return questions about passages that are not shown, which ``shown`` does not answer."""
        found: list[FoundExample] = []
        for hit in others:
            if len(found) == most:
                break
            for one in self._waiting.get(_key(hit.chunk), [])[:1]:
                answers = quoted_answers(one.example, one.gold)
                if answers and not says_any(shown, answers):
                    found += self._take(_key(hit.chunk), 1)
        return found

    def _sentences(
        self, asked: Sequence[FoundExample], absent: Sequence[FoundExample], hits: Sequence[Hit]
    ) -> tuple[Evidence, ...]:
        """Return the sentences to show: those that answer, then the best of each question."""
        ranked = [
            rank_sentences(
                one.question, hits, one.retriever.similarity_to(one.question, one.language)
            )
            for one in (*asked, *absent)
        ]
        chosen: dict[tuple[str, int], Evidence] = {}
        for one, sentences in zip(asked, ranked, strict=False):
            answers = quoted_answers(one.example, one.gold)
            for sentence in sentences:
                if stands_in(sentence, one.gold[0]) and says_any(sentence.text, answers):
                    chosen.setdefault((sentence.path, sentence.start), sentence)
                    break
        for sentence in ranked[0]:
            if is_hidden_instruction(sentence.text):
                chosen.setdefault((sentence.path, sentence.start), sentence)
        most = self._settings.evidence_sentences + int(self._rng.integers(MORE_SENTENCES + 1))
        for rank in zip(*ranked, strict=False):
            for sentence in rank:
                if len(chosen) < most:
                    chosen.setdefault((sentence.path, sentence.start), sentence)
        return tuple(chosen.values())

    def _altered(
        self, asked: Sequence[FoundExample], shown: str, elsewhere: Sequence[str], most: int
    ) -> list[FoundExample]:
        """Return questions with a detail changed, so that nothing answers them."""
        made: list[FoundExample] = []
        for n in self._rng.permutation(len(asked)):
            if len(made) == most:
                break
            one = asked[n]
            question = altered(one.question, one.language, shown, elsewhere, self._rng)
            if question:
                made.append(one.unanswered(question))
        return made

    def _prompt(
        self, found: FoundExample, hits: Sequence[Hit], sentences: tuple[Evidence, ...]
    ) -> Prompt:
        style = PromptStyle(len(sentences), self._settings.has_examples)
        budget = self._settings.budget_tokens
        return build_prompt(
            found.question, found.language, hits, budget, self._count, sentences, style
        )


def _key(chunk: Chunk) -> tuple[str, int]:
    return chunk.path, chunk.start
