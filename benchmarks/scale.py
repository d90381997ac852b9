"""How retrieval scales: memory, build rate, recall and waits by the number of passages.

    python -m benchmarks.scale --qa FILE [FILE ...] [--sizes 10000 100000 1000000] [--dir DIR]

FILE holds questions with their passages in the format of SQuAD (.json or .json.gz), in a language
that the embedder knows. No collection of a million real passages is at hand, so the real ones are
multiplied:

- Vectors: the paragraphs are embedded. Further vectors are mixes of one of them with one of its ten
  nearest, moved by 0.3 times the difference of two others, so that the noise has the directions of
  real vectors and not all directions alike. A paragraph has a cosine of about 0.88 to such a
  paraphrase. Questions are real, and so are their vectors.
- Texts: 60 words a passage, drawn by rank as Zipf says (1 / rank) from the words of the paragraphs,
  and behind these from as many made-up identifiers as there are passages.

The whole step is `Retriever.retrieve` for ten hits, with the embedding of the question. Hits of
both legs are strangers to each other, so the most passages that are possible are read. Peers are
timed question by question in turn with ours, where they are installed
(pip install numba rank-bm25 bm25s). Where the machine is shared, look at the processor time, with
RAG_THREADS=1 and OMP_NUM_THREADS=1: waits are then those of the others as well.
"""

import argparse
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.config import load_config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Chunk, Document
from rag.embed import ModelEmbedder, load_embedder
from rag.environment import limit_threads, prepare_process
from rag.evaluation.questions import read_questions
from rag.language import query_weights, terms
from rag.lexical_index import K1, B, Bm25LexicalIndex
from rag.retrieve import POOL, Retriever
from rag.vector_index import FaissVectorIndex

PARAGRAPHS, QUESTIONS = 2000, 300
WORDS, PASSAGES_OF_A_DOCUMENT = 60, 40
NOISE = 0.3
BATCH = 20_000
PEER_SIZE = 100_000
RANK_BM25_QUESTIONS = 10  # it takes half a second for each

_Milliseconds = tuple[float, float]  # on the wall clock; of the processor, all threads together


def main() -> None:
    """Print one table of figures for each size."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--qa", type=Path, nargs="+", required=True, metavar="FILE")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--dir", type=Path, help="folder for 4 GB of scratch files")
    arguments = parser.parse_args()
    prepare_process()
    config = load_config()
    limit_threads(config.threads)
    embedder = load_embedder(config)
    paragraphs, questions = _texts(arguments.qa)
    real = np.concatenate(
        [embedder.embed_passages(paragraphs[i : i + 64]) for i in range(0, len(paragraphs), 64)]
    )
    print(f"{len(paragraphs)} paragraphs, {len(questions)} questions, {embedder.engine}")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory(dir=arguments.dir) as folder:
            _Run(size, Path(folder), embedder, real, paragraphs, questions).report()


class _Run:
    """One size: its scratch folder, vectors and words."""

    def __init__(
        self,
        size: int,
        folder: Path,
        embedder: ModelEmbedder,
        real: NDArray[np.float32],
        paragraphs: Sequence[str],
        questions: Sequence[str],
    ) -> None:
        self.size, self.folder, self.embedder, self.questions = size, folder, embedder, questions
        counts = Counter(word for text in paragraphs for word in text.split())
        self.words = [word for word, _ in counts.most_common()]
        self.words += [f"ID-{number}" for number in range(size)]
        self.vectors = _paraphrases(real, size, folder / "vectors.f32")

    def report(self) -> None:
        """Build, search and print."""
        print(f"\n{self.size:,} passages")
        self._build_vectors()
        self._build_texts()
        vectors = FaissVectorIndex.load(self.folder)
        lexical = Bm25LexicalIndex.load(self.folder, self.size)
        queries = [self.embedder.embed_query(question) for question in self.questions]
        print(f"  recall@10 of questions {self._recall(vectors, queries):.3f}")
        retriever = Retriever(
            corpus=Corpus(self.folder),
            lexical=lexical,
            vectors=vectors,
            embedder=self.embedder,
            embed_languages=("en",),
        )
        _print_waits("embedding a question", self.embedder.embed_query, self.questions)
        _print_waits(f"vectors, {POOL} hits", lambda q: vectors.search(q, POOL), queries)
        _print_waits(f"words, {POOL} hits", lambda q: lexical.search(q, POOL), self.questions)
        _print_waits("the whole step", lambda q: retriever.retrieve(q, "en", 10), self.questions)
        if self.size == PEER_SIZE:
            _print_peers(list(self._passages()), self.questions, lexical)

    def _build_vectors(self) -> None:
        with _Stage() as stage:
            index = FaissVectorIndex.from_vectors(self.vectors)
            index.save(self.folder)
        stored = (self.folder / "vectors.faiss").stat().st_size / self.size
        print(f"  vectors: {stage.rate(self.size)}, {stored:.0f} bytes a vector")
        print(f"  {index.description}")

    def _build_texts(self) -> None:
        with _Stage() as stage:
            self._write_corpus()
        print(f"  corpus: {stage.rate(self.size)}")
        with _Stage() as stage:
            Bm25LexicalIndex.from_texts(self._passages()).save(self.folder)
        files = (self.folder / "lexical").iterdir()
        stored = sum(file.stat().st_size for file in files) / self.size
        print(f"  words: {stage.rate(self.size)}, {stored:.0f} bytes a passage")

    def _passages(self) -> Iterator[str]:
        """Yield the same texts each time."""
        rng = np.random.default_rng(0)
        chances = np.cumsum(1 / np.arange(1, len(self.words) + 1))
        chances /= chances[-1]
        for start in range(0, self.size, BATCH):
            draws = rng.random((min(BATCH, self.size - start), WORDS))
            for row in np.searchsorted(chances, draws).tolist():
                yield " ".join([self.words[rank] for rank in row])

    def _write_corpus(self) -> None:
        corpus, passages = CorpusWriter(self.folder), self._passages()
        for number in range(0, self.size, PASSAGES_OF_A_DOCUMENT):
            count = min(PASSAGES_OF_A_DOCUMENT, self.size - number)
            texts = [next(passages) for _ in range(count)]
            starts = np.cumsum([0, *(len(text) + 1 for text in texts)]).tolist()
            path = f"{number}.txt"
            chunks = [
                Chunk(path, start, start + len(text), text)
                for start, text in zip(starts, texts, strict=False)
            ]
            corpus.add(Document(path, "\n".join(texts), ""), chunks)
        corpus.finish([])
        corpus.close()

    def _recall(self, index: FaissVectorIndex, queries: Sequence[NDArray[np.float32]]) -> float:
        """Return the share of the ten nearest that is found; one as near as the tenth counts."""
        stacked = np.stack(queries)
        best: NDArray[np.float32] = np.full((len(queries), 10), -1, dtype=np.float32)
        for start in range(0, self.size, BATCH):
            scores = np.hstack([best, stacked @ self.vectors[start : start + BATCH].T])
            best = np.partition(scores, -10, axis=1)[:, -10:]
        found = [
            self.vectors[[row for row, _ in index.search(query, 10)]] @ query for query in queries
        ]
        return float(np.mean(np.stack(found) >= best.min(axis=1)[:, None] - 1e-6))


class _Stage:
    """Times a stage, and watches how much memory that is not a mapped file it takes."""

    def __enter__(self) -> "_Stage":
        self._ended = threading.Event()
        self._before = self._most = _anonymous_mb()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        self._started = time.perf_counter()
        return self

    def _look(self) -> None:
        while not self._ended.wait(0.05):
            self._most = max(self._most, _anonymous_mb())

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._started
        self._ended.set()
        self._watch.join()

    def rate(self, count: int) -> str:
        """Return the figures in words."""
        return (
            f"{self.seconds:.1f} s, {count / self.seconds:,.0f}/s, "
            f"{self._most - self._before:.0f} MB above the start at most"
        )


def _anonymous_mb() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def _texts(files: Sequence[Path]) -> tuple[list[str], list[str]]:
    paragraphs: list[str] = []
    questions: list[str] = []
    for file in files:
        found = read_questions(file)
        paragraphs += found.contexts
        questions += [question.text for question in found.questions]
    rng = np.random.default_rng(0)
    asked = rng.choice(len(questions), min(QUESTIONS, len(questions)), replace=False)
    return paragraphs[:PARAGRAPHS], [questions[i] for i in asked]


def _paraphrases(real: NDArray[np.float32], size: int, file: Path) -> NDArray[np.float32]:
    """Return ``size`` vectors in a mapped file, the real ones first."""
    rng = np.random.default_rng(0)
    nearest = np.argsort(-(real @ real.T), axis=1)[:, 1:11]
    vectors = np.memmap(file, np.float32, "w+", shape=(size, real.shape[1]))
    vectors[: len(real)] = real[:size]
    for start in range(len(real), size, BATCH):
        count = min(BATCH, size - start)
        one, to, away = rng.integers(len(real), size=(3, count))
        other = nearest[one, rng.integers(nearest.shape[1], size=count)]
        share = rng.uniform(0, 0.5, (count, 1)).astype(np.float32)
        mixed = (1 - share) * real[one] + share * real[other] + NOISE * (real[to] - real[away])
        vectors[start : start + count] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return vectors


def _measured(call: Callable[[Any], object], argument: object) -> _Milliseconds:
    started, busy = time.perf_counter(), time.process_time()
    call(argument)
    return (time.perf_counter() - started) * 1000, (time.process_time() - busy) * 1000


def _print_waits(name: str, call: Callable[[Any], object], arguments: Sequence[object]) -> None:
    for argument in arguments[:20]:  # warm-up: page faults and caches
        call(argument)
    _print_percentiles(name, [_measured(call, argument) for argument in arguments])


def _print_percentiles(name: str, measured: Sequence[_Milliseconds]) -> float:
    """Print both times and return the 95th percentile of the waits."""
    (p50, cpu50), (p95, cpu95) = np.percentile(measured, [50, 95], axis=0)
    print(
        f"  {name:24} p50 {p50:8.2f} ms, p95 {p95:8.2f} ms; "
        f"processor time p50 {cpu50:8.2f} ms, p95 {cpu95:8.2f} ms"
    )
    return float(p95)


def _print_peers(texts: Sequence[str], questions: Sequence[str], ours: Bm25LexicalIndex) -> None:
    """Time ours and the peers in turn. All cut the question by `query_weights`."""
    calls: dict[str, Callable[[str], object]] = {"ours": lambda q: ours.search(q, POOL)}
    corpus = [terms(text) for text in texts]
    try:
        import bm25s  # type: ignore[import-not-found, import-untyped, unused-ignore] # optional

        numba = bm25s.BM25(backend="numba", k1=K1, b=B)
        numba.index(corpus, show_progress=False)
        calls["bm25s with numba"] = lambda q: numba.retrieve(
            [list(query_weights(q))], k=POOL, show_progress=False
        )
    except ImportError:
        print("  bm25s or numba is not installed")
    try:
        from rank_bm25 import BM25Okapi  # type: ignore[import-not-found, import-untyped, unused-ignore] # optional

        rank = BM25Okapi(corpus)
        calls["rank_bm25"] = lambda q: np.argsort(-rank.get_scores(list(query_weights(q))))[:POOL]
    except ImportError:
        print("  rank_bm25 is not installed")
    waits: dict[str, list[_Milliseconds]] = {name: [] for name in calls}
    for call in calls.values():
        call(questions[0])
    for turn in range(3):
        for number, question in enumerate(questions):
            for name, call in calls.items():
                if name != "rank_bm25" or (turn == 0 and number < RANK_BM25_QUESTIONS):
                    waits[name].append(_measured(call, question))
    p95 = {name: _print_percentiles(f"words: {name}", found) for name, found in waits.items()}
    ratios = ", ".join(f"{name} / ours {p95[name] / p95['ours']:.2f}" for name in list(p95)[1:])
    print(f"  ratios of p95: {ratios}")


if __name__ == "__main__":
    main()
