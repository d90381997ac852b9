"""Measure a span reader on held-out questions: does it find the answer, and see when none is there?

Each question is asked over its passage, and over that of another question for the second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Language
from training.evaluation.metrics import best_match, f1, normalized_exact
from training.retriever.measure import auroc
from training.span_reader.pair import Pair
from training.span_reader.questions import SpanQuestion
from training.span_reader.rows import SpanRow, span_row

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MEASURED = 100  # questions of a language
_LONGEST = 30  # tokens of an answer
_FALSELY = 0.10  # of the answerable questions: as often is an answer held back that was there


class SpanScorer(Protocol):
    """What is measured. It has no dropout, so that it need not be told."""

    def span_logits(self, rows: Sequence[SpanRow]) -> tuple[Any, Any]:
        """Return the logits of starts and ends, two tensors. Shapes: ``(rows, tokens)``."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """Over ``questions`` questions of one language; each 0 to 1, higher is better."""

    questions: int
    exact: float
    f1: float
    # Of passages with an answer from those without, by score; None where all have one passage.
    auroc: float | None
    refuses: float | None  # of those without, where one in ten with an answer is refused
    # The same two over questions that were written for a passage that does not answer them.
    near_auroc: float | None = None
    near_refuses: float | None = None


def measure(
    network: SpanScorer,
    tokenizer: "Tokenizer",
    questions: Sequence[SpanQuestion],
    written: Sequence[SpanQuestion],
) -> dict[Language, Measured]:
    """Return what the network does with some questions, evenly chosen, of each language.

    Args:
        network: is asked.
        tokenizer: its own.
        questions: held out, with an answer.
        written: by hand, for held-out passages. Only those without an answer are asked.
    """
    import torch

    languages: tuple[Language, ...] = ("en", "ja")
    with torch.inference_mode():
        return {
            language: _measure(
                network,
                tokenizer,
                _some(questions, language),
                _some([one for one in written if not one.end], language),
            )
            for language in languages
            if len(_some(questions, language)) > 1
        }


def _some(questions: Sequence[SpanQuestion], language: Language) -> list[SpanQuestion]:
    own = [question for question in questions if question.language == language]
    chosen = np.linspace(0, len(own) - 1, min(MEASURED, len(own))).round().astype(int).tolist()
    return [own[n] for n in dict.fromkeys(chosen)]


def _measure(
    network: SpanScorer,
    tokenizer: "Tokenizer",
    questions: Sequence[SpanQuestion],
    unanswered: Sequence[SpanQuestion],
) -> Measured:
    exact, shared, there, absent = [], [], [], []
    others = [*questions[1:], questions[0]]
    for question, other in zip(questions, others, strict=True):
        found, score = answer(network, tokenizer, question.text, question.passage)
        accepted = question.answers
        exact.append(best_match(normalized_exact, found, accepted, question.language))
        shared.append(best_match(f1, found, accepted, question.language))
        there.append(score)
        if other.passage != question.passage:
            absent.append(answer(network, tokenizer, question.text, other.passage)[1])
    near = [answer(network, tokenizer, one.text, one.passage)[1] for one in unanswered]
    bar = float(np.quantile(there, _FALSELY))
    return Measured(
        len(questions),
        float(np.mean(exact)),
        float(np.mean(shared)),
        auroc(there, absent) if absent else None,
        float(np.mean([score < bar for score in absent])) if absent else None,
        auroc(there, near) if near else None,
        float(np.mean([score < bar for score in near])) if near else None,
    )


def answer(
    network: SpanScorer, tokenizer: "Tokenizer", question: str, passage: str
) -> tuple[str, float]:
    """Return the likeliest answer, and its log-odds against none. A long passage loses its end.

    The score of a span is the sum of two logits, that of none the same of [CLS].
    """
    row = span_row(tokenizer, Pair(question, passage, None))
    while row is None and passage:
        passage = passage[: len(passage) * 3 // 4]
        row = span_row(tokenizer, Pair(question, passage, None))
    if row is None:
        return "", -np.inf
    first, last, score = _best_span(network, row)
    offsets = tokenizer.encode(question, passage).offsets
    return passage[offsets[first][0] : offsets[last][1]], score


def _best_span(network: SpanScorer, row: SpanRow) -> tuple[int, int, float]:
    """Return first and last token of the likeliest span of the text, and its log-odds."""
    starts, ends = (
        logits[0, : len(row.ids)].float().cpu().numpy() for logits in network.span_logits([row])
    )
    text = np.flatnonzero(row.type_ids)[:-1]  # without [SEP]
    if not len(text):
        return 0, 0, -np.inf
    scores: NDArray[np.float32] = starts[text][:, None] + ends[text][None]
    length = text[None] - text[:, None]
    scores[(length < 0) | (length >= _LONGEST)] = -np.inf
    best_start, best_end = np.unravel_index(int(scores.argmax()), scores.shape)
    none = starts[0] + ends[0]
    return int(text[best_start]), int(text[best_end]), float(scores.max() - none)
