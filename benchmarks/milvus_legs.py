"""How much slower, and how exact, are both search legs in Milvus than in the files of an index?

    python -m benchmarks.milvus_legs --index index --to /tmp/milvus.db

Exports the index, then asks the beginnings of 200 of its passages, turn about, so that other work
on the machine hits both alike. The embedding of a question is left out: it is the same for both.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rag.backends.milvus_export import ExportReport, export_index
from rag.backends.milvus_index import open_collection
from rag.corpus import Corpus
from rag.generations import open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.protocols import RankedRows
from rag.vector_index import FaissVectorIndex

QUESTIONS = 200
HITS = 50


class Leg(Protocol):
    """Either search leg, over files or over Milvus."""

    def search(
        self,
        query: Any,  # noqa: ANN401 - a vector or words
        k: int,
        rows: Sequence[int] | None = None,
    ) -> RankedRows:
        """Return the best rows with their scores."""
        ...


def milliseconds(leg: Leg, question: object, among: Sequence[int] | None) -> float:
    """Return how long one search takes."""
    started = time.perf_counter()
    leg.search(question, HITS, among)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Print one line for the export and one for each leg, without a filter and with one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--to", required=True, metavar="URI")
    arguments = parser.parse_args()
    generation = open_current(arguments.index)
    count = generation.manifest.chunks
    here = (
        FaissVectorIndex.load(generation.path),
        Bm25LexicalIndex.load(generation.path, count),
    )
    started = time.perf_counter()
    report = export_index(generation, *here, arguments.to, lambda progress: None)
    print_export(report, time.perf_counter() - started)
    there = open_collection(arguments.to, generation.manifest, here[1])
    rows = [int(row) for row in np.random.default_rng(1).choice(count, QUESTIONS)]
    texts = [chunk.text[:80] for chunk in Corpus(generation.path).chunks(rows)]
    pairs: list[tuple[str, Sequence[Leg], Sequence[object]]] = [
        ("vectors", (here[0], there[0]), list(here[0].vectors(rows))),
        ("words", (here[1], there[1]), texts),
    ]
    for name, legs, asked in pairs:
        compare(name, legs, asked, None)
        compare(f"{name} among the first half", legs, asked, range(count // 2))


def compare(
    name: str, legs: Sequence[Leg], questions: Sequence[object], among: Sequence[int] | None
) -> None:
    """Ask both legs each question in turn and print how long they took."""
    times = [[milliseconds(leg, question, among) for leg in legs] for question in questions]
    p50, p95 = (np.percentile(times, share, axis=0) for share in (50, 95))
    print(
        f"{name}: files p50 {p50[0]:.1f} p95 {p95[0]:.1f} ms; Milvus p50 {p50[1]:.1f} "
        f"p95 {p95[1]:.1f} ms; ratio of p50 {p50[1] / p50[0]:.1f}"
    )


def print_export(report: ExportReport, seconds: float) -> None:
    """Print how fast the export was and what its copy finds."""
    print(
        f"{report.passages} passages exported and checked in {seconds:.1f} s "
        f"({report.passages / seconds:.0f}/s); recall by vectors {report.vector_recall:.4f}, "
        f"by words {report.lexical_recall:.4f}"
    )


if __name__ == "__main__":
    main()
