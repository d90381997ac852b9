"""``python -m training span-reader``: make the weights that the repository ships."""

import argparse
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.datatypes import Progress
from rag.environment import limit_threads

_MINUTES = 62.0  # on two cores


def add_span_reader(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    make = commands.add_parser(
        "span-reader", help="teach the default embedder to find the words that answer a question"
    )
    make.add_argument(
        "--data", type=Path, nargs="+", required=True,
        help="SQuAD and other files of questions with passages, in English and in Japanese",
    )  # fmt: skip
    make.add_argument("--out", type=Path, required=True, help="new folder of the weights")
    make.add_argument("--start", type=Path, help="weights of an earlier run to go on from")
    make.add_argument("--minutes", type=_positive, default=_MINUTES, help="of training")
    make.add_argument(
        "--learning-rate", type=_positive,
        help="the largest one (default: 2e-4, with --start 1.4e-4)",
    )  # fmt: skip
    make.add_argument("--seed", type=int, default=0)
    make.add_argument("--models", type=Path, help="folder of the models")
    make.add_argument("--config", type=Path, help="TOML file with settings")
    make.set_defaults(run_command=run_span_reader)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("expected more than 0")
    return value


def run_span_reader(arguments: argparse.Namespace, config: Config) -> int:
    """Train, and print what it is worth on held-out questions."""
    limit_threads(config.threads)
    from training.span_reader.card import table
    from training.span_reader.loop import LATER_RATE, LEARNING_RATE, LoopSettings
    from training.span_reader.train import SpanReaderSettings, train_span_reader

    settings = SpanReaderSettings(
        tuple(arguments.data),
        arguments.out,
        LoopSettings(
            minutes=arguments.minutes,
            seed=arguments.seed,
            learning_rate=arguments.learning_rate
            or (LATER_RATE if arguments.start else LEARNING_RATE),
            goes_on=arguments.start is not None,
        ),
        arguments.start,
    )
    trained = train_span_reader(settings, config, _print_progress)
    print(table(trained.measured))
    print(f"On held-out questions. Weights: {trained.folder}")
    return 0


def _print_progress(progress: Progress) -> None:
    if progress.stage == "train":
        print(f"  {progress.done} of {progress.total} s: {progress.item}", flush=True)
    elif progress.stage == "measure":
        print(f"  held out: {progress.item}", flush=True)
    else:
        print(f"Span reader: reading {progress.item} ...", flush=True)
