"""Questions with the passage that answers them, and near misses for each. No network is used.

The near misses are what BM25 finds for the question and what does not answer it: other passages
of the same document first, as they share its names and words.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.config import Config
from rag.errors import RagError
from rag.evaluation.passages import SearchedPassages, serving_passages
from rag.evaluation.questions import QuestionSet, read_questions
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex

NEAR_MISSES = 50  # passages of each search that negatives are chosen from
HELD_OUT_SHARE = 0.1  # of the documents
MOST_HELD_OUT = 400


class TrainingDataError(RagError):
    """The questions cannot be trained on. Only the command line shows it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and the row of the passage that answers it."""

    question: str
    row: int
    answer: str = ""  # words that a passage must not hold to be a negative; "" when unknown


@dataclass(frozen=True, slots=True)
class Group:
    """What one step learns from: the passage that answers, and some that do not."""

    question: str
    positive: str
    negatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Passages and questions about them. Row ``n`` of both tuples is passage ``n``."""

    texts: tuple[str, ...]
    documents: tuple[str, ...]  # the document of each passage
    pairs: tuple[Pair, ...]
    live: SearchedPassages | None = None  # the serving index, when the passages are its own


@dataclass(frozen=True, slots=True)
class Split:
    """Pairs by what they are for. No document stands in two of the three."""

    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]  # chooses the checkpoint
    test: tuple[Pair, ...]  # only measured


def read_training_data(files: Sequence[Path], config: Config) -> TrainingData:
    """Return the answerable questions of SQuAD and JSONL files.

    Questions about files of the index need that index: its passages are then trained on.

    Raises:
        QuestionFileError: a file is missing or damaged; says where.
        TrainingDataError: files of both kinds, or no question with its passage.
        RagError: the index is needed and there is none.
    """
    sets = [read_questions(file) for file in files]
    if len({found.is_about_index for found in sets}) > 1:
        raise TrainingDataError(
            "Some of the files bring their passages along (SQuAD) and others ask about the index "
            "(JSONL). Train on one kind at a time."
        )
    data = _of_index(sets, config) if sets[0].is_about_index else _of_contexts(sets)
    if not data.pairs:
        names = ", ".join(str(file) for file in files)
        raise TrainingDataError(
            f"No question of {names} has a passage that answers it, so there is nothing to learn. "
            "Check that quotes stand in the indexed files as they are written."
        )
    return data


def _of_contexts(sets: Sequence[QuestionSet]) -> TrainingData:
    texts: list[str] = []
    documents: list[str] = []
    pairs: list[Pair] = []
    for found in sets:
        start = len(texts)
        texts += found.contexts
        documents += [f"{found.path.name} {article}" for article in found.articles]
        pairs += [
            Pair(question.text, start + question.context, question.answer)
            for question in found.questions
            if question.is_answerable and question.context is not None
        ]
    return TrainingData(tuple(texts), tuple(documents), tuple(pairs))


def _of_index(sets: Sequence[QuestionSet], config: Config) -> TrainingData:
    live = serving_passages(config)
    chunks = live.retriever.corpus.chunks(range(len(live.retriever.lexical)))
    row_of: dict[str, int] = {}
    for row, chunk in enumerate(chunks):
        row_of.setdefault(chunk.text, row)
    pairs: list[Pair] = []
    for question in (q for found in sets for q in found.questions if q.is_answerable):
        rows = sorted(row_of[text] for text in live.relevant_units(question))
        if rows:
            pairs.append(Pair(question.text, rows[0], question.quote))
    texts = tuple(chunk.search_text for chunk in chunks)
    return TrainingData(texts, tuple(chunk.path for chunk in chunks), tuple(pairs), live)


def split_by_document(data: TrainingData, seed: int) -> Split:
    """Hold out whole documents for validation and test, as many each, with some questions of each.

    Raises:
        TrainingDataError: too few documents to hold any out.
    """
    pairs_of: dict[str, list[Pair]] = {}
    for pair in data.pairs:
        pairs_of.setdefault(data.documents[pair.row], []).append(pair)
    quota = max(1, round(HELD_OUT_SHARE * len(data.pairs) / 2))
    names = sorted(pairs_of)
    rng = np.random.default_rng(seed)
    shuffled = [names[n] for n in rng.permutation(len(names))]
    # Documents that are larger than what is held out come last: one may be most of a file.
    ordered = sorted(shuffled, key=lambda name: max(len(pairs_of[name]), quota))
    count = max(1, round(HELD_OUT_SHARE * len(names) / 2))
    validation, test, train = (
        [pair for name in ordered[start:end] for pair in pairs_of[name]]
        for start, end in ((0, count), (count, 2 * count), (2 * count, None))
    )
    if not (train and validation and test):
        raise TrainingDataError(
            f"The {len(data.pairs)} questions are about {len(names)} documents. At least three "
            "are needed: one to learn from, and two that are held out to measure on."
        )
    most = MOST_HELD_OUT // 2
    few = [[part[n] for n in rng.permutation(len(part))[:most]] for part in (validation, test)]
    return Split(tuple(train), tuple(few[0]), tuple(few[1]))


class NearMisses:
    """Finds passages that look like an answer to a question and are none."""

    def __init__(self, data: TrainingData) -> None:
        self._data = data
        self._lexical = Bm25LexicalIndex.from_texts(data.texts)
        self._squeezed = [_squeezed(text) for text in data.texts]

    def group(self, pair: Pair, negatives: int, never: frozenset[str]) -> Group | None:
        """Return ``pair`` with its nearest misses; None when there is none at all.

        Args:
            pair: a question with its passage.
            negatives: at most so many.
            never: documents that are held out.
        """
        chosen = [row for row in self.rows(pair) if self._data.documents[row] not in never]
        if not chosen:
            return None
        texts = self._data.texts
        return Group(pair.question, texts[pair.row], tuple(texts[n] for n in chosen[:negatives]))

    def rows(self, pair: Pair) -> list[int]:
        """Return passages near ``pair`` that do not answer it, those of its document first."""
        own, answer = self._squeezed[pair.row], _squeezed(pair.answer)
        document = self._data.documents[pair.row]
        distinct = {
            text: row
            for row in reversed(self.candidates(pair.question, NEAR_MISSES))
            if (text := self._squeezed[row]) != own and not (answer and answer in text)
        }
        rows = list(reversed(distinct.values()))
        return sorted(rows, key=lambda row: self._data.documents[row] != document)

    def candidates(self, question: str, k: int) -> list[int]:
        """Return what is found for ``question``, best first: by words, and by the live index."""
        by_words = [row for row, _ in self._lexical.search(question, k)]
        live = self._data.live
        if live is None:
            return by_words
        retriever = live.retriever
        by_meaning: list[int] = []
        if detect_language(question) in retriever.embed_languages:
            query = retriever.embedder.embed_query(question)
            by_meaning = [row for row, _ in retriever.vectors.search(query, k)]
        return list(
            dict.fromkeys(row for both in _alternating(by_words, by_meaning) for row in both)
        )


def _alternating(one: list[int], other: list[int]) -> list[tuple[int, ...]]:
    longest = max(len(one), len(other))
    return [(*one[n : n + 1], *other[n : n + 1]) for n in range(longest)]


def _squeezed(text: str) -> str:
    """Return ``text`` without what readers and typists differ in: width, case, white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def held_out_documents(data: TrainingData, split: Split) -> frozenset[str]:
    """Return the documents that nothing may be learned from."""
    return frozenset(data.documents[pair.row] for pair in (*split.validation, *split.test))
