"""``python -m training compare-methods``: LoRA, GaLore and full tuning on one raw folder."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.cli.printing import ProgressPrinter
from rag.config import Config
from rag.errors import RagError
from training.config import METHODS
from training.config_file import load_training_config


class ExperimentArgumentError(RagError):
    """An option of the command makes no sense."""


def add_experiments(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    compare = commands.add_parser(
        "compare-methods", help="pre-train on a folder by several methods, and compare them"
    )
    option = compare.add_argument
    option("--folder", type=Path, required=True, help="documents to learn")
    option("--questions", type=Path, required=True, help="questions about them, with answers")
    option("--training", default="domain-lora", metavar="FILE", help="TOML file of the experiment")
    option("--methods", nargs="+", choices=METHODS, default=["lora", "galore", "full"])
    option(
        "--learning-rates", nargs="+", default=[], metavar="METHOD=RATE,RATE",
        help="to try; the best one by held-out loss is reported (default: three of each method)",
    )  # fmt: skip
    option("--max-questions", type=int, default=50)
    option("--base", default="", help="16-bit model to start from (default: that of the settings)")
    option("--out", type=Path, default=Path("state/compare-methods"), help="folder of all runs")
    option("--models", type=Path, help="folder of the models")
    option("--config", type=Path, help="TOML file with settings of the product")
    compare.set_defaults(run_command=run_compare_methods)


def run_compare_methods(arguments: argparse.Namespace, config: Config) -> int:
    """Print the table of results as Markdown; curves and answers stay in the folder of the runs.

    Raises:
        RagError: what is wrong with folder, questions, base or options.
    """
    from rag.environment import limit_threads

    limit_threads(config.threads)
    from training.checkpoints.default_models import base_model
    from training.examples.read import read_examples
    from training.tuning.compare_methods import TABLE, compare_methods, table
    from training.tuning.pretrain import read_raw_folders

    progress = ProgressPrinter(as_json=False)
    training = load_training_config(Path(arguments.training))
    results = compare_methods(
        read_raw_folders([arguments.folder], config),
        read_examples(arguments.questions).examples,
        base_model(arguments.base or training.base, config, progress),
        arguments.out,
        training,
        learning_rates(arguments.methods, arguments.learning_rates),
        progress,
        arguments.max_questions,
    )
    print(table(results))
    print(f"Loss curves: {arguments.out / TABLE}")
    return 0


def learning_rates(methods: Sequence[str], given: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Return the learning rates of each method: those given as METHOD=RATE,RATE, else the usual."""
    from training.tuning.compare_methods import LEARNING_RATES

    rates = {method: LEARNING_RATES[method] for method in methods}
    for text in given:
        method, _, numbers = text.partition("=")
        try:
            values = tuple(float(number) for number in numbers.split(","))
        except ValueError:
            values = ()
        if method not in rates or not values or min(values) <= 0:
            raise ExperimentArgumentError(
                f"--learning-rates {text}: expected METHOD=RATE,RATE with a method of --methods "
                "and rates above 0, such as lora=3e-4,1e-3."
            )
        rates[method] = values
    return rates
