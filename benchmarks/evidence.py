"""How well the evidence score tells questions with an answer from those without one.

    python -m benchmarks.evidence FILE… [--limit 500] [--fit]

Each FILE has the format of SQuAD (.json or .json.gz). Its contexts are the passages. Questions with
an answer are asked twice: as they are, and with their own passage taken away, so that only near
misses are left. Where the file has unanswerable questions of its own, those are asked as well.
Reports the area under the ROC curve and, at the thresholds of the settings, how many questions of
each kind are not attempted. ``--fit`` prints the weights that logistic regressions over all files
give: of what retrieval knows, and of that together with what the span reader found. Fit on training
files only, the second on passages that the span reader did not learn from.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.config import Config, load_config
from rag.datatypes import Chunk
from rag.embed import load_embedder
from rag.environment import prepare_process
from rag.evaluation.questions import QuestionSet, read_questions
from rag.evidence_score import evidence_features, evidence_score, retrieval_logit
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.retrieve import Retriever
from rag.span_reader import load_span_reader
from rag.vector_index import FaissVectorIndex

SEED = 5
FEATURES = ("coverage", "sentence", "lead", "score")
READ = ("retrieval", "span")


@dataclass
class Sample:
    """Features and scores of questions of one kind."""

    features: list[tuple[float, ...]]
    read: list[tuple[float, float]]  # log-odds by retrieval and of the likeliest span
    scores: list[float]

    def add(self, question: str, retriever: Retriever, k: int) -> None:
        """Ask ``question`` and keep what is known of it then."""
        language = detect_language(question)
        hits = retriever.read(question, language, retriever.retrieve(question, language, k))
        weight = retriever.lexical.term_weight
        spans = [span.log_odds for hit in hits for span in hit.spans or ()]
        if spans:
            self.read.append((retrieval_logit(question, hits, weight), max(spans)))
        self.features.append(evidence_features(question, hits, weight))
        self.scores.append(evidence_score(question, hits, weight))


class _Corpus:
    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        return [Chunk(str(r), 0, len(self._texts[r]), self._texts[r]) for r in rows]

    def documents_of(self, rows: Sequence[int]) -> list[range]:
        return [range(row, row + 1) for row in rows]


def main() -> int:
    """Print the figures; the exit status is 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--fit", action="store_true")
    arguments = parser.parse_args()
    prepare_process()
    config = load_config()
    found: list[tuple[Sample, Sample]] = []
    for file in arguments.files:
        questions = read_questions(file)
        answerable, removed, impossible = _ask(questions, config, arguments.limit)
        print(f"{file.name}: {len(answerable.scores)} answerable questions")
        least = _threshold(questions, config)
        _report("passage taken away", answerable, removed, least)
        if impossible.scores:
            _report("unanswerable", answerable, impossible, least)
        found.append((answerable, removed))
    if arguments.fit:
        _fit(FEATURES, [one.features for one, _ in found], [other.features for _, other in found])
        _fit(READ, [one.read for one, _ in found], [other.read for _, other in found])
    return 0


def _ask(asked: QuestionSet, config: Config, limit: int) -> tuple[Sample, Sample, Sample]:
    contexts, questions = asked.contexts, asked.questions
    embedder = load_embedder(config)
    retriever = Retriever(
        corpus=_Corpus(contexts),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(contexts),
        vectors=FaissVectorIndex.from_vectors(embedder.embed_passages(contexts)),
        embedder=embedder,
        embed_languages=config.embed_languages or embedder.languages,
        span_reader=load_span_reader(config),
    )
    answerable, removed, impossible = (Sample([], [], []) for _ in range(3))
    order = np.random.default_rng(SEED).permutation(len(questions))
    for question in (questions[n] for n in order):
        if not question.is_answerable and len(impossible.scores) < limit:
            impossible.add(question.text, retriever, config.top_k)
        elif question.is_answerable and len(answerable.scores) < limit:
            answerable.add(question.text, retriever, config.top_k)
            others = np.delete(np.arange(len(contexts)), question.context).tolist()
            removed.add(question.text, replace(retriever, rows=others), config.top_k)
    return answerable, removed, impossible


def _threshold(questions: QuestionSet, config: Config) -> float:
    language = detect_language(questions.questions[0].text)
    words_alone = language not in (config.embed_languages or load_embedder(config).languages)
    percent = config.min_evidence_words_percent if words_alone else config.min_evidence_percent
    return percent / 100


def _report(kind: str, answerable: Sample, other: Sample, least: float) -> None:
    from sklearn.metrics import roc_auc_score

    scores = answerable.scores + other.scores
    labels = [1] * len(answerable.scores) + [0] * len(other.scores)
    area = roc_auc_score(labels, scores)
    low, high = _interval(np.array(labels), np.array(scores))
    print(
        f"  {kind:18} n {len(other.scores)}, AUROC {area:.3f} ({low:.3f} to {high:.3f}); not tried "
        f"below {least:.2f}: {_share(answerable, least)} of the answerable, "
        f"{_share(other, least)} of these"
    )


def _interval(labels: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[float, float]:
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(SEED)
    draws = (generator.integers(0, len(labels), len(labels)) for _ in range(300))
    low, high = np.percentile([roc_auc_score(labels[d], scores[d]) for d in draws], [2.5, 97.5])
    return float(low), float(high)


def _share(sample: Sample, least: float) -> str:
    return f"{sum(score < least for score in sample.scores) / len(sample.scores):.1%}"


def _fit(
    names: Sequence[str],
    positive: Sequence[Sequence[tuple[float, ...]]],
    negative: Sequence[Sequence[tuple[float, ...]]],
) -> None:
    from sklearn.linear_model import LogisticRegression

    held, missed = ([row for part in parts for row in part] for parts in (positive, negative))
    if not held:
        return
    labels = [1] * len(held) + [0] * len(missed)
    model = LogisticRegression(C=1000.0).fit([*held, *missed], labels)
    weights = zip(names, model.coef_[0], strict=True)
    print("fit: " + ", ".join(f"{name} {value:.2f}" for name, value in weights), end=", ")
    print(f"constant {model.intercept_[0]:.2f}")


if __name__ == "__main__":
    sys.exit(main())
