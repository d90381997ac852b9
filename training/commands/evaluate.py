"""``python -m training evaluate``: compare answer models on questions with known answers."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.cli.printing import ProgressPrinter, print_json
from rag.config import ACTIVE, EXTRACTIVE, Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.config import TrainingConfig
    from training.datatypes import AnswerRow
    from training.evaluation.evaluate import Candidate
    from training.rows.maker import PromptCounter

SUITE_ROWS = 1000  # of each kind in each set


def add_evaluate(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    parser = commands.add_parser(
        "evaluate", help="compare answer models on the same questions and passages"
    )
    parser.add_argument(
        "--model", nargs="+", default=[ACTIVE], metavar="NAME",
        help=f"name below the models folder or folder, {ACTIVE} or {EXTRACTIVE}; NAME:nf4 and "
        "NAME:16bit load it so (default: the model that answers now)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True,
        help="questions with their answers; with --suite, the folder of its files",
    )  # fmt: skip
    parser.add_argument("--suite", help="a fixed choice of questions: dev")
    parser.add_argument("--training", type=Path, help="TOML file of the experiment")
    parser.add_argument("--rows", type=int, help="questions at most, drawn at random")
    parser.add_argument("--out", type=Path, help="folder of the outcome; an earlier one goes on")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--worst", action="store_true", help="print the 20 worst answers as well")
    parser.add_argument("--models", type=Path, help="folder of the models")
    parser.add_argument("--config", type=Path, help="TOML file with settings of the product")
    parser.set_defaults(run_command=run_evaluate)


def run_evaluate(arguments: argparse.Namespace, config: Config) -> int:
    """Print the table of the models."""
    from rag.environment import limit_threads

    limit_threads(config.threads)
    from training.evaluation.evaluate import evaluate_models
    from training.evaluation.report import format_table, format_worst
    from training.release.known_models import EVALUATIONS

    experiment = _experiment(arguments)
    candidates = dict(_candidate(text, config) for text in arguments.model)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    out = arguments.out or config.state_dir / EVALUATIONS / stamp
    progress = ProgressPrinter(as_json=False)
    if arguments.suite:
        return _run_suite(arguments, candidates, experiment, config, out, progress)
    rows = _rows(arguments, candidates, experiment, config, progress)
    table = evaluate_models(candidates, rows, config, experiment, out, progress)
    if arguments.json:
        print_json(table.to_json())
        return 0
    print(format_table(table))
    if arguments.worst:
        print(f"\n{format_worst(table)}")
    print(f"\nEvery answer is in {out}.")
    return 0


def _run_suite(
    arguments: argparse.Namespace,
    candidates: "Mapping[str, Candidate]",
    experiment: "TrainingConfig",
    config: Config,
    out: Path,
    progress: ProgressPrinter,
) -> int:
    """Print the table of a suite; each of its parts is kept as soon as it is done."""
    from rag.datatypes import PromptStyle
    from training.evaluation.candidate_run import read_outcomes
    from training.evaluation.evaluate import evaluate_models
    from training.evaluation.suite import ATTACKS, SuiteMaker, suite_sets
    from training.evaluation.suite_report import format_suite, obedience, suite_json
    from training.evaluation.table import EvaluationTable

    style = next((c.style for c in candidates.values() if c.style), PromptStyle())
    most = arguments.rows or SUITE_ROWS
    maker = SuiteMaker(
        arguments.data[0], most, config, style, _counter(candidates), progress, experiment.seed
    )
    every = replace(experiment, evaluate=replace(experiment.evaluate, max_rows=2 * most))
    tables: dict[str, EvaluationTable] = {}
    obeyed = {}
    for name, rows_of in suite_sets(arguments.suite).items():
        rows = rows_of(maker)
        table = evaluate_models(candidates, rows, config, every, out / name, progress)
        if name.endswith(ATTACKS):
            done = [one.name for one in table.candidates if not one.unavailable]
            written = {model: read_outcomes(out / name / f"{model}.jsonl") for model in done}
            obeyed[name] = obedience(rows, written)
        else:
            tables[name] = table
    if arguments.json:
        print_json(suite_json(tables, obeyed))
    else:
        print(f"{format_suite(tables, obeyed)}\n\nEvery answer is in {out}.")
    return 0


def _experiment(arguments: argparse.Namespace) -> "TrainingConfig":
    from training.config import TrainingConfig
    from training.config_file import load_training_config

    experiment = (
        load_training_config(arguments.training)
        if arguments.training
        else TrainingConfig(name="evaluate")
    )
    if arguments.rows is None:
        return experiment
    return replace(experiment, evaluate=replace(experiment.evaluate, max_rows=arguments.rows))


def _candidate(text: str, config: Config) -> "tuple[str, Candidate]":
    """Return name and candidate for one value of ``--model``; it is asked as it is served."""
    from rag.generate import prompt_style
    from rag.model_folder import find_model
    from training.evaluation.evaluate import PRECISIONS, Candidate, serving_folder

    name, _, precision = text.rpartition(":")
    if not name or precision not in PRECISIONS:
        name, precision = text, "auto"
    if name == ACTIVE:
        folder = serving_folder(config)
    else:
        folder = Path(EXTRACTIVE) if name == EXTRACTIVE else find_model(name, config.models_dir)
    label = folder.name if precision == "auto" else f"{folder.name}-{precision}"
    style = None if folder == Path(EXTRACTIVE) else prompt_style(folder, config)
    return label, Candidate(folder, precision, style)


def _rows(
    arguments: argparse.Namespace,
    candidates: "Mapping[str, Candidate]",
    experiment: "TrainingConfig",
    config: Config,
    progress: ProgressPrinter,
) -> "list[AnswerRow]":
    """Return rows over all questions of the files; what is drawn of them comes later."""
    import numpy as np

    from training.examples.read import read_examples
    from training.rows.maker import RowMaker

    examples = [example for file in arguments.data for example in read_examples(file).examples]
    drawn = np.random.default_rng(experiment.seed).permutation(len(examples))
    chosen = [examples[n] for n in sorted(drawn[: experiment.evaluate.max_rows].tolist())]
    counter = _counter(candidates)
    with RowMaker(examples, experiment, config, counter, progress=progress) as maker:
        return maker.rows(chosen, experiment.seed, gold_position="as_retrieved")


def _counter(candidates: "Mapping[str, Candidate]") -> "PromptCounter":
    """Return what counts tokens as the last of the models does."""
    from rag.generate import ExtractiveGenerator
    from training.rows.encoding import RowEncoder

    folders = [one.folder for one in candidates.values() if one.folder != Path(EXTRACTIVE)]
    return RowEncoder(folders[-1]) if folders else ExtractiveGenerator()
