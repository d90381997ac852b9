"""Where an example is asked, and which passages answer it: the serving index, or its own passage.

Examples that name a document of the serving index are asked there, others with a passage in a
temporary index of all these passages, and the rest in the serving index.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rag.answer import clean_question
from rag.config import Config
from rag.datatypes import Chunk, Language, Progress
from rag.embed import load_embedder
from rag.engine import RagEngine
from rag.errors import IndexNotFoundError
from rag.evaluation.passages import temporary_passages
from rag.language import detect_language
from rag.protocols import Embedder
from rag.retrieve import Retriever
from training.datatypes import QAExample
from training.rows.gold import gold_chunks, unanswered

MOST_REMEMBERED = 50_000  # vectors: 75 MB at 384 dimensions


@dataclass(frozen=True, slots=True)
class FoundExample:
    """An example with what is searched for it."""

    example: QAExample
    question: str  # as it is put to the product
    language: Language
    retriever: Retriever
    document: str  # path in the corpus of ``retriever``; "" unknown
    gold: tuple[Chunk, ...]  # passages that answer, in reading order; () without an answer
    is_live: bool  # ``retriever`` is that of the serving index

    def unanswered(self, question: str) -> "FoundExample":
        """Return this as a question, in these words, that nothing answers."""
        example = replace(unanswered(self.example), question=question)
        return replace(self, example=example, question=question, gold=())


class RememberingEmbedder:
    """An `Embedder` that embeds each passage once: the same sentences are near many questions."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}
        self.fingerprint = embedder.fingerprint
        self.languages = embedder.languages
        self.dimension = embedder.dimension
        self.max_tokens = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.embed_query = embedder.embed_query

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        if len(self._known) > MOST_REMEMBERED:
            self._known.clear()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known.update(zip(new, self._embedder.embed_passages(new), strict=True))
        return np.stack([self._known[text] for text in texts])


class NotFoundError(Exception):
    """An example cannot be asked; the message says why."""


class ExampleSearch:
    """Holds both indexes. `close` removes the temporary one.

    Args:
        examples: all that will be asked: the passages of each are near misses of the others.
        settings: of the product.
        live: the serving index, if it is open already.
        embedder: of the passages that come along; that of the settings when None.
        progress: called for each passage.

    Raises:
        RagError: the serving index is needed, and there is none or it is damaged.
    """

    def __init__(
        self,
        examples: Sequence[QAExample],
        settings: Config,
        live: Retriever | None,
        embedder: Embedder | None,
        progress: Callable[[Progress], None],
    ) -> None:
        self._settings = settings
        self._stack = ExitStack()
        live = live or _serving(examples, settings)
        self._live = live and replace(live, embedder=RememberingEmbedder(live.embedder))
        own = [example.passage for example in examples if not self._is_live(example)]
        self._document_of = {text: str(n) for n, text in enumerate(dict.fromkeys(own))}
        self._own: Retriever | None = None
        if own:
            embedder = embedder or (live.embedder if live else load_embedder(settings))
            passages = temporary_passages(tuple(self._document_of), settings, embedder, progress)
            found = self._stack.enter_context(passages).retriever
            self._own = replace(found, embedder=RememberingEmbedder(embedder))

    def close(self) -> None:
        """Remove the temporary index."""
        self._stack.close()

    def find(self, example: QAExample) -> FoundExample:
        """Return where ``example`` is asked.

        Raises:
            NotFoundError: no passage that answers can be told.
            QuestionError: the question is empty, or longer than the product reads.
        """
        question = clean_question(example.question, self._settings.max_question_chars)
        language = detect_language(question)
        is_live = self._is_live(example)
        retriever = self._live if is_live else self._own
        assert retriever is not None  # one of the two holds every example
        document = example.source if is_live else self._document_of[example.passage]
        found = FoundExample(example, question, language, retriever, document, (), is_live)
        return replace(found, gold=self._gold(found)) if example.is_answerable else found

    def _is_live(self, example: QAExample) -> bool:
        if not example.passage:
            return True
        corpus = self._live.corpus if self._live and example.source else None
        return bool(corpus and corpus.rows_of(example.source))

    def _gold(self, found: FoundExample) -> tuple[Chunk, ...]:
        retriever = found.retriever
        if not found.document:
            hits = retriever.retrieve(found.question, found.language, self._settings.top_k)
            gold = gold_chunks(found.example, [hit.chunk for hit in hits])
            if not gold:
                raise NotFoundError(
                    "Neither a passage nor a document comes with it, and no passage that is found "
                    "for the question holds the answer."
                )
            return tuple(gold[:1])
        rows = retriever.corpus.rows_of(found.document)
        if not rows:
            raise NotFoundError(f"The index holds no document {found.document!r} any more.")
        gold = gold_chunks(found.example, retriever.corpus.chunks(rows))
        if gold:
            return tuple(gold)
        if found.is_live:
            raise NotFoundError(f"No passage of {found.document} holds the quote or the answer.")
        within = replace(retriever, rows=rows)  # an answer in other words: the nearest passage
        nearest = within.retrieve(found.question, found.language, 1)
        return tuple(hit.chunk for hit in nearest) or tuple(retriever.corpus.chunks(rows[:1]))


def _serving(examples: Sequence[QAExample], settings: Config) -> Retriever | None:
    """Return the serving index if an example may be asked in it."""
    if all(example.passage and not example.source for example in examples):
        return None
    try:
        return RagEngine(settings).retriever()
    except IndexNotFoundError:
        if all(example.passage for example in examples):
            return None
        raise
