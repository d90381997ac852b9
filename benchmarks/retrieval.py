"""How well and how fast passages are found, beside other libraries on the same contexts.

    python -m benchmarks.retrieval --qa FILE... [--limit 500]

FILE holds questions in SQuAD layout (.json or .json.gz). Everybody gets the same contexts and is
asked every question in turn, in one process, so the times are ratios of one run. Peers are those
of benchmarks/requirements.txt with their defaults, see `benchmarks.retrieval_peers`; Chroma's own
embedder would be downloaded, so Chroma and FAISS are given vectors of the product's.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.retrieval_peers import PEERS, Corpus, Search, missing_package
from rag.cli.evaluate_command import table_header, table_row
from rag.config import Config, load_config
from rag.datatypes import Progress
from rag.embed import load_embedder
from rag.environment import limit_threads, prepare_process
from rag.evaluation.evaluate import LEGS, Found, LegSearch
from rag.evaluation.metrics import DEPTH, SEED, score_ranks
from rag.evaluation.passages import temporary_passages
from rag.evaluation.questions import Question, QuestionSet, read_questions
from rag.protocols import Embedder


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table a file; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--qa", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--limit", type=int, metavar="N", help="questions a file, of a shuffle")
    parser.add_argument("--models", type=Path, metavar="DIR")
    arguments = parser.parse_args(argv)
    prepare_process()
    config = load_config(None, {"models_dir": arguments.models})
    limit_threads(config.threads)
    embedder = load_embedder(config)
    for _, packages, _ in PEERS:
        gone = missing_package(packages)
        names = [f"{package} {version(package)}" for package in packages if not gone]
        print(f"{gone}: not installed" if gone else ", ".join(names))
    for path in arguments.qa:
        questions = read_questions(path)
        if questions.is_about_index:
            parser.error(f"{path} brings no contexts that everybody could be given.")
        _compare(questions, config, embedder, arguments.limit)
    return 0


def _compare(questions: QuestionSet, config: Config, embedder: Embedder, limit: int | None) -> None:
    answerable = [question for question in questions.questions if question.is_answerable]
    order = np.random.default_rng(SEED).permutation(len(answerable))[:limit]
    asked = [answerable[i] for i in order]
    print(
        f"\n{questions.path.name}: {len(asked):,} of {len(answerable):,} answerable questions"
        f" (shuffled with seed {SEED}), {len(questions.contexts):,} contexts"
    )
    corpus = Corpus(questions.contexts, embedder)
    peers = {name: make(corpus) for name, packages, make in PEERS if not missing_package(packages)}
    contexts, articles = questions.contexts, questions.articles
    with temporary_passages(contexts, config, embedder, _silent, articles) as passages:
        legs = LegSearch(passages, config.top_k)
        found: dict[str, list[Found]] = {
            **{f"Fumikura, {leg}": [] for leg in LEGS},
            **{name: [] for name in peers},
        }
        for number, question in enumerate([asked[0], *asked]):  # the first twice, as warm-up
            if number % 100 == 0:
                print(f"ask {number}/{len(asked)}", file=sys.stderr)
            outcomes = _ask_everyone(question, legs, peers)
            if number > 0:
                for name, outcome in outcomes.items():
                    found[name].append(outcome)
    _print_table({name: of_name for name, of_name in found.items() if of_name})


def _silent(step: Progress) -> None:
    """Show nothing."""


def _ask_everyone(
    question: Question, legs: LegSearch, peers: dict[str, Search]
) -> dict[str, Found]:
    own = legs.ask(question.text, frozenset({str(question.context)})).found
    outcomes = {f"Fumikura, {leg}": found for leg, found in own.items()}
    for name, search in peers.items():
        started = time.perf_counter()
        ranking = search(question.text)
        milliseconds = (time.perf_counter() - started) * 1000
        places = [n for n, context in enumerate(ranking[:DEPTH], 1) if context == question.context]
        outcomes[name] = Found(places[0] if places else None, milliseconds)
    return outcomes


def _print_table(found: dict[str, list[Found]]) -> None:
    for number, (name, of_name) in enumerate(found.items()):
        measures = score_ranks([one.rank for one in of_name])
        p50, p95 = np.percentile([one.milliseconds for one in of_name], [50, 95])
        if number == 0:
            print(table_header(measures))
        print(table_row(name, len(of_name), measures, (float(p50), float(p95))))


if __name__ == "__main__":
    sys.exit(main())
