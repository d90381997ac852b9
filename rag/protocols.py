"""What the pipeline needs of its exchangeable parts, and no more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Language, Prompt, PromptStyle, Span

RankedRows = list[tuple[int, float]]  # (row of the index, score), best first


class Embedder(Protocol):
    """Maps text to unit vectors, so that an inner product is a cosine similarity.

    Queries and passages are separate methods because asymmetric models (E5, BGE)
    prefix them differently; swapping the two lowers recall without any error.
    """

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text would get another vector."""
        ...

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in which this model tells relevant passages from others."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens of a passage that the model reads; the rest would be cut silently."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one unit vector. Shape: ``(dimension,)``."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        ...


class VectorIndex(Protocol):
    """Nearest neighbours by inner product. Immutable once saved."""

    def __len__(self) -> int:
        """Return the number of vectors."""
        ...

    def search(
        self, query: NDArray[np.float32], k: int, rows: Sequence[int] | None = None
    ) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all, with their cosine similarity."""
        ...

    def vectors(self, rows: list[int]) -> NDArray[np.float32]:
        """Return stored vectors. Shape: ``(len(rows), dimension)``."""
        ...

    def save(self, folder: Path) -> None:
        """Write the index into an existing folder."""
        ...


class LexicalIndex(Protocol):
    """Term matching with BM25 scores. Immutable once saved."""

    def __len__(self) -> int:
        """Return the number of passages."""
        ...

    def search(self, query: str, k: int, rows: Sequence[int] | None = None) -> RankedRows:
        """Return at most ``k`` of ``rows``, or of all: a passage sharing no term is no hit."""
        ...

    def matches(self, query: str, rows: Sequence[int]) -> NDArray[np.float32]:
        """Return what each term of ``query_weights(query)`` adds to the score of each row.

        Shape: ``(terms, len(rows))``, the terms in their order there.
        """
        ...

    def term_weight(self, term: str) -> float:
        """Return how rare ``term`` is among the passages; an unknown term is the rarest."""
        ...

    def save(self, folder: Path) -> None:
        """Write the index into an existing folder."""
        ...


class Reranker(Protocol):
    """Reads a question and a passage together."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in which it tells the passage that answers from others."""
        ...

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each passage answers, 0 to 1. Shape: ``(len(passages),)``."""
        ...


class SpanReader(Protocol):
    """Reads a question and a passage together, and tells which words of the passage answer it."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages in which it finds the answers of a few simple questions."""
        ...

    def spans(
        self, question: str, passages: Sequence[str], headings: Sequence[str] = ()
    ) -> list[tuple[Span, ...]]:
        """Return the likeliest spans of each passage, best first, with offsets into its text.

        The log-odds of two passages can be compared: all are against "it does not answer".

        Args:
            question: as asked.
            passages: to look in.
            headings: what stands above each of them, "" nothing. It is read, too, but holds no
                answer: a row of a table means little without the names of its columns.
        """
        ...


class Generator(Protocol):
    """Continues a prompt. On this machine one request at a time: callers queue on a lock."""

    @property
    def model_id(self) -> str:
        """Name shown beside every answer, precision included."""
        ...

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and completion together."""
        ...

    @property
    def style(self) -> PromptStyle:
        """How it is asked."""
        ...

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of the rendered chat."""
        ...

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield one piece a token, "" while a character is incomplete.

        Ends within a second after ``stop`` is set, also while the prompt is being read.
        """
        ...
