"""The command that measures retrieval on questions whose passage is known: evaluate."""

import argparse
from typing import TYPE_CHECKING, Any

from rag.cli.printing import ProgressPrinter, print_json
from rag.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rag.evaluation.evaluate import Evaluation, LegScore
    from rag.evaluation.metrics import Estimate

_NAME_WIDTH = 24  # also of the names of peers, see benchmarks/retrieval.py
_WIDTH = 13  # of a column with an interval


def run_evaluate(arguments: argparse.Namespace, config: Config) -> int:
    """Report how well the passages of the questions are found."""
    from rag.embed import load_embedder
    from rag.environment import limit_threads
    from rag.evaluation.evaluate import evaluate
    from rag.evaluation.questions import read_questions

    limit_threads(config.threads)
    evaluation = evaluate(
        [read_questions(path) for path in arguments.qa],
        config,
        load_embedder,
        ProgressPrinter(as_json=False),
        on_index=arguments.on_index,
        limit=arguments.limit,
    )
    if arguments.json:
        print_json(_as_table(evaluation, config))
    else:
        _print_report(evaluation, config)
    return 0


def _as_table(evaluation: "Evaluation", config: Config) -> dict[str, Any]:
    from dataclasses import asdict

    groups = [
        {"kind": group.kind, "name": group.name, "legs": [_leg_table(leg) for leg in group.legs]}
        for group in evaluation.groups
    ]
    return {
        "embed_model": config.embed_model,
        "rerank_model": config.rerank_model,
        "embed_languages": list(evaluation.embed_languages),
        "limit": evaluation.limit,
        "seed": evaluation.seed,
        "resamples": evaluation.resamples,
        "files": [asdict(file) for file in evaluation.files],
        "groups": groups,
    }


def _leg_table(score: "LegScore") -> dict[str, Any]:
    measures = {
        name: {
            "mean": round(estimate.mean, 4),
            "low": round(estimate.low, 4),
            "high": round(estimate.high, 4),
        }
        for name, estimate in score.measures.items()
    }
    return {
        "leg": score.leg,
        "questions": score.questions,
        "measures": measures,
        "latency_ms": {"p50": round(score.p50_ms, 2), "p95": round(score.p95_ms, 2)},
    }


def _print_report(evaluation: "Evaluation", config: Config) -> None:
    for file in evaluation.files:
        where = (
            f"{file.contexts:,} contexts in {file.passages:,} passages"
            if file.contexts
            else f"{file.passages:,} passages of the index"
        )
        print(f"{file.file}: {file.asked:,} of {file.questions:,} questions, {where}")
        if file.unanswerable:
            print(f"  left out: {file.unanswerable:,} unanswerable")
        if file.without_passage:
            print(f"  left out: {file.without_passage:,} whose quote no passage of the index holds")
    if evaluation.limit is not None:
        print(
            f"At most {evaluation.limit:,} questions a file: the first of a shuffle with seed "
            f"{evaluation.seed}."
        )
    languages = ", ".join(evaluation.embed_languages) or "no language"
    print(
        f"Embedder {config.embed_model}, used for: {languages}. Below each mean stands its 95 % "
        f"interval ({evaluation.resamples:,} bootstrap resamples, seed {evaluation.seed})."
    )
    if config.rerank_model:
        print(f"Reranker {config.rerank_model}, of the best {config.rerank_pool} fused passages.")
    for group in evaluation.groups:
        print(f"\n{group.kind} {group.name}")
        print(table_header(group.legs[0].measures))
        for leg in group.legs:
            print(table_row(leg.leg, leg.questions, leg.measures, (leg.p50_ms, leg.p95_ms)))


def table_header(measures: "Iterable[str]") -> str:
    """Return the line above the rows of `table_row`."""
    names = "".join(f"{name:>{_WIDTH}}" for name in measures)
    return f"{'':{_NAME_WIDTH}}{'n':>6}{names}{'p50 ms':>9}{'p95 ms':>9}"


def table_row(
    name: str,
    questions: int,
    measures: "Mapping[str, Estimate]",
    milliseconds: tuple[float, float],
) -> str:
    """Return the means with the median and the 95th percentile of the time, over the intervals."""
    means = "".join(f"{e.mean:>{_WIDTH}.3f}" for e in measures.values())
    bounds = "".join(f"{f'{e.low:.3f}-{e.high:.3f}':>{_WIDTH}}" for e in measures.values())
    p50, p95 = milliseconds
    return (
        f"{name:{_NAME_WIDTH}}{questions:6,}{means}{p50:9.1f}{p95:9.1f}\n"
        f"{'':{_NAME_WIDTH + 6}}{bounds}"
    )
