"""What is searched in an evaluation: a temporary index of given contexts, or the serving one.

Either way a ranking of passages is read as a ranking of units. A unit of a temporary index is
the context that a passage was cut from, so a context stands where its best passage does (MaxP,
Dai and Callan, SIGIR 2019); a unit of the serving index is the text of a passage.
"""

import tempfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.chunk import chunk_document
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Block, Chunk, Document, Progress
from rag.engine import RagEngine, make_retriever
from rag.evaluation.questions import Question, QuestionFileError
from rag.lexical_index import Bm25LexicalIndex
from rag.protocols import Embedder
from rag.retrieve import Retriever
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
    contexts: Sequence[str], config: Config, embedder: Embedder, progress: OnProgress
) -> Iterator[SearchedPassages]:
    """Index ``contexts`` in a temporary folder as a build would, without headings.

    Raises:
        QuestionFileError: the contexts hold no text that could be searched.
    """
    with tempfile.TemporaryDirectory(prefix="fumikura-evaluation-") as name:
        folder = Path(name)
        texts = _write_corpus(folder, contexts, config, embedder, progress)
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
            unit_of=lambda chunk: chunk.path,
            relevant_units=lambda question: frozenset({str(question.context)}),
        )


def _write_corpus(
    folder: Path,
    contexts: Sequence[str],
    config: Config,
    embedder: Embedder,
    progress: OnProgress,
) -> list[str]:
    """Store each context as a document named by its number; return the texts of the passages."""
    chunk_tokens = min(config.chunk_tokens, embedder.max_tokens)
    texts: list[str] = []
    with closing(CorpusWriter(folder)) as corpus:
        for number, context in enumerate(contexts):
            progress(Progress("cut", number, len(contexts)))
            # Under an empty heading: a name such as "17" would be searched with the passage.
            blocks = (Block("paragraph", 0, len(context), ("",)),)
            document = Document(str(number), context, sha256="", blocks=blocks)
            chunks = chunk_document(
                document, chunk_tokens, config.chunk_overlap_tokens, embedder.count_tokens
            )
            corpus.add(document, chunks)
            texts += [chunk.search_text for chunk in chunks]
        corpus.finish([])
    progress(Progress("cut", len(contexts), len(contexts)))
    return texts


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
        quote = _squeezed(question.quote)
        passages = corpus.chunks(corpus.rows_of(question.source))
        return frozenset(chunk.text for chunk in passages if quote in _squeezed(chunk.text))

    return SearchedPassages(retriever, lambda chunk: chunk.text, relevant_units)


def _squeezed(text: str) -> str:
    """Return ``text`` without what readers and typists differ in: width, case, white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
