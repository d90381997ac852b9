"""``python -m training run`` and ``runs``: do an experiment, go on with one, list them."""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from rag.cli.printing import ProgressPrinter, print_json
from rag.config import Config
from rag.errors import RagError

if TYPE_CHECKING:
    from training.runs.folder import Run


def add_run(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the commands to those of ``python -m training``."""
    run = commands.add_parser(
        "run", help="check, train, merge, quantize, evaluate and register, as a TOML file says"
    )
    what = run.add_mutually_exclusive_group(required=True)
    what.add_argument("--config", type=Path, dest="training", metavar="FILE", help="TOML file")
    what.add_argument("--resume", metavar="RUN", help="go on with a run that stopped or failed")
    run.add_argument(
        "--data", type=Path, nargs="+", metavar="FILE", help="learn from these files instead"
    )
    run.add_argument("--name", help="instead of that in the file")
    run.add_argument("--progress", action="store_true", help="progress as JSON, for programs")
    run.add_argument("--json", action="store_true", help="print one JSON object at the end")
    run.add_argument("--models", type=Path, help="folder of the models")
    run.add_argument("--settings", type=Path, dest="config", help="TOML file of the product")
    run.set_defaults(run_command=run_run)
    runs = commands.add_parser("runs", help="the runs so far and how they ended")
    runs.add_argument("--json", action="store_true", help="print one JSON object")
    runs.add_argument("--models", type=Path, help="folder of the models")
    runs.add_argument("--config", type=Path, help="TOML file with settings of the product")
    runs.set_defaults(run_command=run_runs)


def run_run(arguments: argparse.Namespace, config: Config) -> int:
    """Do the run; return 0 when it is done."""
    from rag.environment import limit_threads

    limit_threads(config.threads)
    signal.signal(signal.SIGTERM, _interrupt)  # a stage that does not train ends like on Ctrl+C
    from training.runs.folder import Run, find_run
    from training.runs.run import continue_run

    started = time.monotonic()
    if arguments.resume:
        run = find_run(arguments.resume, config)
    else:
        run = Run.create(_experiment(arguments), config)
    print(f"Run {run.id} in {run.folder}", file=sys.stderr, flush=True)
    try:
        continue_run(run, ProgressPrinter(as_json=arguments.progress))
    except (RagError, KeyboardInterrupt):
        print(
            f"What it has is kept: `python -m training run --resume {run.id}` goes on.",
            file=sys.stderr,
        )
        raise
    finally:
        if arguments.json:
            print_json(_facts(run))
    if not arguments.json:
        _print_outcome(run, time.monotonic() - started)
    return 0


def run_runs(arguments: argparse.Namespace, config: Config) -> int:
    """List the runs, newest first."""
    from training.runs.folder import all_runs

    runs = all_runs(config)
    if arguments.json:
        print_json({"runs": [_facts(run) for run in runs]})
        return 0
    for run in runs:
        state = "running" if run.is_live else run.state
        print(f"{run.id:40} {state:12} {run.record['model'] or run.record['error'][:60]}")
    if not runs:
        print("No run yet. Start one: `python -m training run --config FILE`.")
    return 0


def _experiment(arguments: argparse.Namespace) -> Any:  # noqa: ANN401 - TrainingConfig, imported late
    from dataclasses import replace

    from training.config_file import load_training_config

    experiment = load_training_config(arguments.training)
    if arguments.data:
        experiment = replace(experiment, data=replace(experiment.data, files=tuple(arguments.data)))
    return replace(experiment, name=arguments.name) if arguments.name else experiment


def _facts(run: "Run") -> dict[str, Any]:
    record = run.record
    return {
        "run_id": run.id,
        "name": record["name"],
        "state": run.state,
        "error": record["error"],
        "model": record["model"],
        "folder": str(run.folder),
    }


def _print_outcome(run: "Run", seconds: float) -> None:
    from rag.training_runs import read_label_scores, read_probes, read_run
    from training.evaluation.experiment_report import format_label_scores, format_probes
    from training.evaluation.report import format_table
    from training.evaluation.table import TABLE, read_table

    table = run.folder / "evaluation" / TABLE
    if table.is_file():
        print(format_table(read_table(table)))
    if done := read_run(run.settings.state_dir, run.id):
        if scores := read_label_scores(done):
            print(format_label_scores(scores))
        if probes := read_probes(done):
            print(format_probes(probes))
    print(f"\nRun {run.id} is done after {seconds:.0f} s.")
    if run.record["model"]:
        print(f"To let it answer: python -m training activate {run.record['model']}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
