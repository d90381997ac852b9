"""``python -m training activate``, ``rollback``, ``models``, ``export``: which model answers."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rag.cli.printing import print_json
from rag.config import Config


def add_release(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the commands to those of ``python -m training``."""
    activate = commands.add_parser("activate", help="let a model answer, if it is not worse")
    activate.add_argument("name", help="of a folder below the models folder")
    activate.add_argument("--run", type=Path, help="folder of the run that compared it")
    activate.add_argument("--force", action="store_true", help="although it is worse; give --why")
    activate.add_argument("--why", default="", metavar="TEXT", help="reason, which is kept")
    activate.set_defaults(run_command=run_activate)
    activate.add_argument("--json", action="store_true", help="print one JSON object")
    rollback = commands.add_parser("rollback", help="let the model before answer again")
    rollback.add_argument("--json", action="store_true", help="print one JSON object")
    rollback.set_defaults(run_command=run_rollback)
    models = commands.add_parser("models", help="which answer models are here, and which answers")
    models.add_argument("--json", action="store_true", help="print one JSON object")
    models.add_argument(
        "--prune", action="store_true", help="remove those made by runs and replaced since"
    )
    models.set_defaults(run_command=run_models)
    export = commands.add_parser("export", help="write the adapter of a run, to be handed on")
    export.add_argument(
        "run", nargs="+", help="name of the run; of several the mean of their adapters is written"
    )
    export.add_argument(
        "--shares", nargs="+", type=float, default=(), metavar="SHARE",
        help="of each run in the mean; together 1 (default: all the same)",
    )  # fmt: skip
    export.add_argument("--out", type=Path, required=True, help="folder, replaced if it is there")
    export.set_defaults(run_command=run_export)
    for command in (activate, rollback, models, export):
        command.add_argument("--models", type=Path, help="folder of the models")
        command.add_argument("--config", type=Path, help="TOML file with settings of the product")


def run_activate(arguments: argparse.Namespace, config: Config) -> int:
    """Let a model answer from the next question on."""
    from rag.environment import limit_threads

    limit_threads(config.threads)
    from training.release.activate import activate

    done = activate(
        arguments.name, config, run=arguments.run, force=arguments.force, why=arguments.why
    )
    if arguments.json:
        print_json(asdict(done))
        return 0
    for gate in done.gates:
        print(f"  {'passed' if gate.is_passed else 'FAILED'}: {gate}")
    print(f"{done.model} answers now. `python -m training rollback` lets {done.previous} again.")
    return 0


def run_rollback(arguments: argparse.Namespace, config: Config) -> int:
    """Let the model before answer again."""
    from training.release.activate import rollback

    done = rollback(config)
    if arguments.json:
        print_json(asdict(done))
        return 0
    print(f"{done.model} answers again, in place of {done.previous}.")
    return 0


def run_models(arguments: argparse.Namespace, config: Config) -> int:
    """List the answer models."""
    from training.evaluation.table import ALL
    from training.release.activate import prune
    from training.release.known_models import known_models

    for name in prune(config) if arguments.prune else ():
        print(f"removed {name}")
    found = known_models(config)
    if arguments.json:
        print_json({"models": [{**asdict(one), "table": str(one.table or "")} for one in found]})
        return 0
    for one in found:
        print(f"{one.name:40} {one.role:7} {f'made by {one.run}' if one.run else ''}".rstrip())
        if one.scores is None:
            continue
        group = next(group for group in one.scores.groups if group.group == ALL)
        measured = {"F1": group.measures["f1"], "exact": group.measures["normalized_exact"]}
        told = ", ".join(f"{name} {value.mean:.3f}" for name, value in measured.items() if value)
        print(
            f"  {told or 'no row had an answer'}, {one.scores.seconds:.2f} s a question, "
            f"{one.scores.peak_memory_mb:.0f} MB, n = {group.rows} ({one.table})"
        )
    return 0


def run_export(arguments: argparse.Namespace, config: Config) -> int:
    """Write the adapter of a run."""
    from training.release.export_adapter import export_adapter
    from training.runs.folder import find_run

    runs = [find_run(name, config) for name in arguments.run]
    export_adapter(runs, arguments.out, arguments.shares)
    size = sum(file.stat().st_size for file in arguments.out.iterdir()) / 1e6
    print(f"The adapter of {' and '.join(arguments.run)} is in {arguments.out} ({size:.1f} MB).")
    return 0
