"""Does the search bring the passage that answers? What it misses, training cannot repair."""

import random
from collections.abc import Sequence
from typing import Protocol

from rag.datatypes import Hit, Language
from training.datatypes import QAExample
from training.examples.check_report import Finding, finding
from training.examples.split import folded

SAMPLE = 100  # questions that are tried
LOW_RECALL = 0.8


class Search(Protocol):
    """Finds passages; `rag.retrieve.Retriever` is one."""

    def retrieve(self, question: str, language: Language, k: int) -> list[Hit]:
        """Return at most ``k`` hits, best first."""
        ...


def search_recall(
    examples: Sequence[QAExample], search: Search, k: int, seed: int
) -> tuple[float | None, list[Finding]]:
    """Return recall@k on a sample, and what to say of it; None when no gold passage is known.

    Args:
        examples: of which those with a passage or document are tried.
        search: over the index, or over the passages of the examples.
        k: passages that a prompt holds.
        seed: of the sample.
    """
    placed = [e for e in examples if e.is_answerable and (e.passage or e.source)]
    if not placed:
        return None, []
    sample = random.Random(seed).sample(placed, min(SAMPLE, len(placed)))
    found = sum(
        any(is_gold(example, hit) for hit in search.retrieve(example.question, example.language, k))
        for example in sample
    )
    recall = found / len(sample)
    if recall < LOW_RECALL:
        return recall, [finding("warn", "recall_low", k=k, recall=recall, total=len(sample))]
    return recall, [finding("info", "recall", k=k, recall=recall, total=len(sample))]


def is_gold(example: QAExample, hit: Hit) -> bool:
    """Tell whether a hit holds the answer: its words, in the document or passage of the example."""
    text = folded(hit.chunk.text)
    if example.source and hit.chunk.path == example.source:
        words = folded(example.quote)
        return words in text if words else _has_answer(example, text)
    if example.passage:
        passage = folded(example.passage)
        return (text in passage or passage in text) and (
            bool(example.label) or _has_answer(example, text) or folded(example.quote) in text
        )
    return False


def _has_answer(example: QAExample, text: str) -> bool:
    return any(folded(answer) in text for answer in example.answers)
