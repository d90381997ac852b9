"""Put questions with known passages to each search leg alone and to both, as they are served."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rag.config import Config
from rag.datatypes import Language, Progress
from rag.evaluation.metrics import DEPTH, RESAMPLES, SEED, Estimate, score_ranks
from rag.evaluation.passages import (
    OnProgress,
    SearchedPassages,
    serving_passages,
    temporary_passages,
)
from rag.evaluation.questions import QuestionFileError, QuestionSet
from rag.language import detect_language
from rag.protocols import Embedder

Leg = Literal["lexical", "vector", "fused"]
LEGS: tuple[Leg, ...] = ("lexical", "vector", "fused")
FIRST_ROWS = 2 * DEPTH  # asked of a leg alone; more only when they are of too few contexts
PROGRESS_EVERY = 50  # questions


@dataclass(frozen=True, slots=True)
class Found:
    """What one leg made of one question."""

    rank: int | None  # of the relevant context or passage; None below `DEPTH`
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question on every leg that serves its language."""

    language: Language
    found: dict[Leg, Found]


@dataclass(frozen=True, slots=True)
class LegScore:
    """One leg over a group of questions. Milliseconds are those of the whole leg."""

    leg: Leg
    questions: int
    measures: dict[str, Estimate]
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Group:
    """The questions of one file, or those in one language over all files."""

    kind: Literal["file", "language"]
    name: str
    legs: tuple[LegScore, ...]


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What was asked out of one file, and what was left out."""

    file: str
    questions: int  # in the file
    unanswerable: int  # left out: no passage is right
    without_passage: int  # left out: no passage of the index holds the quote
    asked: int
    contexts: int  # 0 when the passages are those of the index
    passages: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of one evaluation."""

    embed_languages: tuple[str, ...]
    files: tuple[FileSummary, ...]
    groups: tuple[Group, ...]
    limit: int | None  # questions a file: the first of a shuffle by ``seed``
    seed: int = SEED
    resamples: int = RESAMPLES


def evaluate(
    sets: Sequence[QuestionSet],
    config: Config,
    load_embedder: Callable[[Config], Embedder],
    progress: OnProgress,
    *,
    on_index: bool = False,
    limit: int | None = None,
) -> Evaluation:
    """Search for the passage of every answerable question and score the ranks.

    Each file is searched in an index of its own contexts, or all in the configured index.

    Args:
        sets: the question files.
        config: settings, as they serve.
        load_embedder: called once, for indexes of contexts.
        progress: called with the stages cut, embed, index and ask.
        on_index: search the configured index; for questions about its files.
        limit: at most so many answerable questions a file, the first of a shuffle by `SEED`.

    Raises:
        QuestionFileError: a file does not fit ``on_index``, or nothing can be asked.
        RagError: the index or the embedder cannot be used.
    """
    _refuse_misfits(sets, on_index=on_index)
    files: list[FileSummary] = []
    outcomes: list[list[Outcome]] = []
    languages: tuple[str, ...] = ()
    for questions, passages in _opened(sets, config, load_embedder, progress, on_index=on_index):
        retriever = passages.retriever
        languages = retriever.embed_languages
        answerable = [question for question in questions.questions if question.is_answerable]
        judged = [(q.text, passages.relevant_units(q)) for q in answerable]
        placed = _shuffled([(text, units) for text, units in judged if units], limit)
        search = LegSearch(passages, config.top_k)
        outcomes.append(search.ask_all(placed, progress))
        files.append(
            FileSummary(
                file=questions.path.name,
                questions=len(questions.questions),
                unanswerable=len(questions.questions) - len(answerable),
                without_passage=sum(not units for _, units in judged),
                asked=len(placed),
                contexts=len(questions.contexts),
                passages=len(retriever.lexical),
            )
        )
    if not any(outcomes):
        raise QuestionFileError("No question has a passage that could be found.")
    names = [file.file for file in files]
    return Evaluation(languages, tuple(files), tuple(_groups(names, outcomes)), limit)


def _refuse_misfits(sets: Sequence[QuestionSet], *, on_index: bool) -> None:
    for questions in sets:
        if questions.is_about_index and not on_index:
            raise QuestionFileError(
                f"{questions.path} asks about files that it does not hold. Index them with "
                "`python -m rag build`, and add --on-index."
            )
        if on_index and not questions.is_about_index:
            raise QuestionFileError(
                f"{questions.path} brings its own passages, which are not in the index. Leave "
                "--on-index out."
            )


def _opened(
    sets: Sequence[QuestionSet],
    config: Config,
    load_embedder: Callable[[Config], Embedder],
    progress: OnProgress,
    *,
    on_index: bool,
) -> Iterator[tuple[QuestionSet, SearchedPassages]]:
    if on_index:
        passages = serving_passages(config)
        yield from ((questions, passages) for questions in sets)
        return
    embedder = load_embedder(config)
    for questions in sets:
        articles = questions.articles
        with temporary_passages(
            questions.contexts, config, embedder, progress, articles
        ) as passages:
            yield questions, passages


def _shuffled(
    judged: list[tuple[str, frozenset[str]]], limit: int | None
) -> list[tuple[str, frozenset[str]]]:
    order = np.random.default_rng(SEED).permutation(len(judged))[:limit]
    return [judged[i] for i in order]


@dataclass(frozen=True, slots=True)
class LegSearch:
    """Every leg over the same passages."""

    passages: SearchedPassages
    top_k: int

    def ask_all(
        self, judged: Sequence[tuple[str, frozenset[str]]], progress: OnProgress
    ) -> list[Outcome]:
        """Return what became of each question, given as its text and its relevant units."""
        if judged:
            self.ask(*judged[0])  # what is loaded at first use is no part of the latency
        outcomes = []
        for number, (text, relevant) in enumerate(judged):
            if number % PROGRESS_EVERY == 0:
                progress(Progress("ask", number, len(judged)))
            outcomes.append(self.ask(text, relevant))
        progress(Progress("ask", len(judged), len(judged)))
        return outcomes

    def ask(self, text: str, relevant: frozenset[str]) -> Outcome:
        """Return the rank and the time of one question on each leg that serves its language."""
        retriever = self.passages.retriever
        language = detect_language(text)

        def lexical(k: int) -> list[int]:
            return [row for row, _ in retriever.lexical.search(text, k)]

        def vector(k: int) -> list[int]:
            query = retriever.embedder.embed_query(text)
            return [row for row, _ in retriever.vectors.search(query, k)]

        found: dict[Leg, Found] = {"lexical": self._leg(lexical, relevant)}
        if language in retriever.embed_languages:
            found["vector"] = self._leg(vector, relevant)
        found["fused"] = self._fused(text, language, relevant)
        return Outcome(language, found)

    def _leg(self, rows: Callable[[int], list[int]], relevant: frozenset[str]) -> Found:
        started = time.perf_counter()
        first = rows(FIRST_ROWS)
        milliseconds = (time.perf_counter() - started) * 1000

        def units(k: int) -> list[str]:
            found = first if k == FIRST_ROWS else rows(k)
            return [self.passages.unit_of(c) for c in self.passages.retriever.corpus.chunks(found)]

        return Found(rank_of(relevant, deep_ranking(units)), milliseconds)

    def _fused(self, text: str, language: Language, relevant: frozenset[str]) -> Found:
        """Time what is served, and go on below it for the ranks that are not."""

        def units(k: int) -> list[str]:
            hits = self.passages.retriever.retrieve(text, language, k)
            return [self.passages.unit_of(hit.chunk) for hit in hits]

        started = time.perf_counter()
        served = units(self.top_k)
        milliseconds = (time.perf_counter() - started) * 1000
        ranking = list(dict.fromkeys(served + deep_ranking(units)))
        return Found(rank_of(relevant, ranking), milliseconds)


def deep_ranking(units: Callable[[int], list[str]]) -> list[str]:
    """Return the units of a ranking, each at its best place, `DEPTH` of them when there are.

    Several passages of one context would otherwise push other contexts out of the first ``k``.
    """
    k = FIRST_ROWS
    while True:
        found = units(k)
        distinct = list(dict.fromkeys(found))
        if len(distinct) >= DEPTH or len(found) < k:
            return distinct
        k *= 2


def rank_of(relevant: frozenset[str], ranking: Sequence[str]) -> int | None:
    """Return the 1-based rank of the first relevant unit; None when it is not among `DEPTH`."""
    return next((n for n, unit in enumerate(ranking[:DEPTH], start=1) if unit in relevant), None)


def _groups(names: Sequence[str], outcomes: Sequence[Sequence[Outcome]]) -> Iterator[Group]:
    for name, of_file in zip(names, outcomes, strict=True):
        yield Group("file", name, _leg_scores(of_file))
    every = [outcome for of_file in outcomes for outcome in of_file]
    for language in sorted({outcome.language for outcome in every}):
        in_language = [outcome for outcome in every if outcome.language == language]
        yield Group("language", language, _leg_scores(in_language))


def _leg_scores(outcomes: Sequence[Outcome]) -> tuple[LegScore, ...]:
    scores = []
    for leg in LEGS:
        found = [outcome.found[leg] for outcome in outcomes if leg in outcome.found]
        if found:
            p50, p95 = np.percentile([f.milliseconds for f in found], [50, 95])
            measures = score_ranks([f.rank for f in found])
            scores.append(LegScore(leg, len(found), measures, float(p50), float(p95)))
    return tuple(scores)
