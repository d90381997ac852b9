"""``python -m training retriever``: tune an embedder or a reranker."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.datatypes import Progress
from rag.environment import limit_threads

_TUNING_STAGES = {
    "read": "reading the questions",
    "mine": "looking for near misses of {0.total} questions",
    "measure": "measuring what it is worth {0.item} training",
}


def add_retriever(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    tune = commands.add_parser(
        "retriever", help="tune an embedder or a reranker on questions and their passages"
    )
    tune.add_argument(
        "--data", type=Path, nargs="+", required=True, help="SQuAD (.json) or JSONL, also .gz"
    )
    tune.add_argument("--name", required=True, help="of the new folder under the models folder")
    tune.add_argument("--kind", choices=("reranker", "embedder"), default="reranker")
    tune.add_argument("--base", default="", help="encoder to start from (default: the embedder)")
    tune.add_argument("--minutes", type=_positive, default=10.0, help="of training, at most")
    tune.add_argument("--steps", type=int, default=0, help="at most; 0: all questions")
    tune.add_argument("--epochs", type=int, default=1)
    tune.add_argument("--questions", type=int, default=4000, help="at most, chosen at random")
    tune.add_argument("--negatives", type=int, default=3, help="near misses for each question")
    tune.add_argument("--rank", type=int, default=16, help="of the LoRA adapter")
    tune.add_argument("--learning-rate", type=float, default=0.0, help="0: that of the kind")
    tune.add_argument("--max-tokens", type=int, default=256, help="read while training")
    tune.add_argument("--seed", type=int, default=0)
    tune.add_argument("--licence", default="", help="of the data, for the model card")
    tune.add_argument("--models", type=Path, help="folder of the models")
    tune.add_argument("--config", type=Path, help="TOML file with settings")
    tune.set_defaults(run_command=run_retriever)


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("expected more than 0")
    return value


def run_retriever(arguments: argparse.Namespace, config: Config) -> int:
    """Tune, print before and after, and how to use the result."""
    limit_threads(config.threads)
    from training.retriever.card import table
    from training.retriever.tune import TuneSettings, tune_retriever

    given: dict[str, Any] = {
        item.name: getattr(arguments, item.name)
        for item in fields(TuneSettings)
        if item.name != "files"
    }
    tuned = tune_retriever(
        TuneSettings(files=tuple(arguments.data), **given), config, _print_tuning
    )
    print(table(tuned.before, tuned.after))
    print(f"On {tuned.after.questions} questions about held-out documents. Model: {tuned.folder}")
    setting = "embed_model" if arguments.kind == "embedder" else "rerank_model"
    print(f'To use it, write into fumikura.toml:    {setting} = "{arguments.name}"')
    former = getattr(config, setting)
    print(f'To go back, write what stood there:     {setting} = "{former}"')
    if arguments.kind == "embedder":
        print("Then rebuild the index either time: `python -m rag build FOLDER`.")
    return 0


def _print_tuning(progress: Progress) -> None:
    if progress.stage == "train":
        print(f"  step {progress.done} of {progress.total}: {progress.item}", flush=True)
    else:
        print(f"Retriever: {_TUNING_STAGES[progress.stage].format(progress)} ...", flush=True)
