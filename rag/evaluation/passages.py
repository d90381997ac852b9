"""What is searched in an evaluation: a temporary index of given contexts, or the serving one.

Either way a ranking of passages is read as a ranking of units. A unit of a temporary index is
the context that a passage was cut from, so a context stands where its best passage does (MaxP,
Dai and Callan, SIGIR 2019); a unit of the serving index is the text of a passage. The contexts of
one article are one document, in its order and without its title, and no passage crosses two.
"""

import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chunk import chunk_document
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Block, Chunk, Document, Progress
from rag.engine import RagEngine
from rag.evaluation.questions import Question, QuestionFileError
from rag.lexical_index import Bm25LexicalIndex
from rag.protocols import Embedder
from rag.retrieve import Retriever
from rag.serving_index import make_retriever
from rag.vector_index import FaissVectorIndex

EMBED_BATCH = 64  # passages between two progress reports

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class SearchedPassages:
    """A retriever with what counts once in its rankings."""

    retriever: Retriever
    unit_of: Callable[[Chunk], str]
    relevant_units: Callable[[Question], frozenset[str]]  # empty: no passage holds the quote


@contextmanager
def temporary_passages(
    contexts: Sequence[str],
    config: Config,
    embedder: Embedder,
    progress: OnProgress,
    articles: Sequence[int] = (),
) -> Iterator[SearchedPassages]:
    """Index ``contexts`` in a temporary folder as a build would, without headings.

    Args:
        contexts: no two alike.
        config: settings, as they serve.
        embedder: of the passages.
        progress: called with the stages cut, embed and index.
        articles: the document of each context, ascending; each is one of its own without them.

    Raises:
        QuestionFileError: the contexts hold no text that could be searched.
    """
    with tempfile.TemporaryDirectory(prefix="fumikura-evaluation-") as name:
        folder = Path(name)
        numbers = articles or range(len(contexts))
        texts, context_at = _write_corpus(folder, contexts, numbers, config, embedder, progress)
        if not texts:
            raise QuestionFileError("The contexts hold no text that could be searched.")
        FaissVectorIndex.from_vectors(_embedded(texts, embedder, progress)).save(folder)
        progress(Progress("index", 0, 0))
        Bm25LexicalIndex.from_texts(texts).save(folder)
        retriever = make_retriever(
            Corpus(folder),
            Bm25LexicalIndex.load(folder, len(texts)),
            FaissVectorIndex.load(folder),
            embedder,
            config.embed_languages or embedder.languages,
            config,
        )
        yield SearchedPassages(
            retriever,
            unit_of=lambda chunk: str(context_at[chunk.path, chunk.start]),
            relevant_units=lambda question: frozenset({str(question.context)}),
        )


def _write_corpus(
    folder: Path,
    contexts: Sequence[str],
    articles: Sequence[int],
    config: Config,
    embedder: Embedder,
    progress: OnProgress,
) -> tuple[list[str], dict[tuple[str, int], int]]:
    """Store each article as a document named by its number.

    Returns:
        The texts of the passages in the order of rows, and the number of the context by the
        path and the start of each passage.
    """
    texts: list[str] = []
    context_at: dict[tuple[str, int], int] = {}
    with closing(CorpusWriter(folder)) as corpus:
        for article, numbers in groupby(range(len(contexts)), key=articles.__getitem__):
            path, text, chunks = str(article), "", list[Chunk]()
            for number in numbers:
                progress(Progress("cut", number, len(contexts)))
                for chunk in _chunks(contexts[number], config, embedder):
                    start, end = len(text) + chunk.start, len(text) + chunk.end
                    chunks.append(replace(chunk, path=path, start=start, end=end))
                    context_at[path, start] = number
                text += contexts[number] + "\n\n"
            corpus.add(Document(path, text, sha256=""), chunks)
            texts += [chunk.search_text for chunk in chunks]
        corpus.finish([])
    progress(Progress("cut", len(contexts), len(contexts)))
    return texts, context_at


def _chunks(context: str, config: Config, embedder: Embedder) -> list[Chunk]:
    # Under an empty heading: a name such as "17" would be searched with the passage.
    blocks = (Block("paragraph", 0, len(context), ("",)),)
    document = Document("", context, sha256="", blocks=blocks)
    chunk_tokens = min(config.chunk_tokens, embedder.max_tokens)
    return chunk_document(
        document, chunk_tokens, config.chunk_overlap_tokens, embedder.count_tokens
    )


def _embedded(
    texts: Sequence[str], embedder: Embedder, progress: OnProgress
) -> NDArray[np.float32]:
    vectors = np.empty((len(texts), embedder.dimension), dtype=np.float32)
    # Passages of like length together: a batch costs what its longest one costs.
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    for start in range(0, len(order), EMBED_BATCH):
        progress(Progress("embed", start, len(order)))
        rows = order[start : start + EMBED_BATCH]
        vectors[rows] = embedder.embed_passages([texts[row] for row in rows])
    progress(Progress("embed", len(order), len(order)))
    return vectors


def serving_passages(config: Config) -> SearchedPassages:
    """Return the passages of the configured index, as questions are served from it.

    Raises:
        RagError: there is no index, or it is damaged or of another embedder.
    """
    retriever = RagEngine(config).retriever()
    corpus = retriever.corpus

    def relevant_units(question: Question) -> frozenset[str]:
        quote = squeezed(question.quote)
        passages = corpus.chunks(corpus.rows_of(question.source))
        return frozenset(chunk.text for chunk in passages if quote in squeezed(chunk.text))

    return SearchedPassages(retriever, lambda chunk: chunk.text, relevant_units)


def squeezed(text: str) -> str:
    """Return ``text`` without what readers and typists differ in: width, case, white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
