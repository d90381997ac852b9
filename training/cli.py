"""Command line of the training side: ``python -m training setup`` and ``retriever``."""

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from rag.config import Config, load_config
from rag.datatypes import Progress
from rag.environment import limit_threads, prepare_process
from rag.errors import RagError
from training.check_command import add_check

_STAGES = {
    "dequantize": "reading the base model (about 20 s)",
    "calibrate": "quantizing it to 4 bits with GPTQ (about 2 minutes on two cores)",
    "export": "making the graphs for this CPU (about 20 s)",
}
_TUNING_STAGES = {
    "read": "reading the questions",
    "mine": "looking for near misses of {0.total} questions",
    "measure": "measuring what it is worth {0.item} training",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 only on success."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser("setup", help="make the default answer model when it is missing")
    setup.add_argument("--models", type=Path, help="folder of the models")
    setup.add_argument("--config", type=Path, help="TOML file with settings")
    _add_retriever(commands)
    add_check(commands)
    arguments = parser.parse_args(argv)
    prepare_process()
    try:
        config = load_config(arguments.config, {"models_dir": arguments.models})
        if "run_command" in arguments:
            return int(arguments.run_command(arguments, config))
        if arguments.command == "retriever":
            _tune(arguments, config)
        else:
            _set_up(config)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: Interrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def _set_up(config: Config) -> None:
    from rag.engine import RagEngine
    from training.default_models import make_default_models

    started = time.monotonic()
    folder = make_default_models(config, _Printer())
    print("Answer model: measuring which languages it reads (about 10 s) ...", flush=True)
    languages = ", ".join(RagEngine(config).answer_languages()) or "none of those tested"
    seconds = time.monotonic() - started
    print(f"Answer model ready in {folder}; it reads: {languages} ({seconds:.0f} s).")


def _add_retriever(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
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


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("expected more than 0")
    return value


def _tune(arguments: argparse.Namespace, config: Config) -> None:
    limit_threads(config.threads)
    warnings.simplefilter("ignore", FutureWarning)  # peft calls what transformers renamed
    from training.retriever import TuneSettings, tune_retriever
    from training.retriever_card import table

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


def _print_tuning(progress: Progress) -> None:
    if progress.stage == "train":
        print(f"  step {progress.done} of {progress.total}: {progress.item}", flush=True)
    else:
        print(f"Retriever: {_TUNING_STAGES[progress.stage].format(progress)} ...", flush=True)


class _Printer:
    """Prints a line for each stage, and one in five steps of a long one."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._out = sys.stdout  # as it is now: quantization redirects what its library prints

    def __call__(self, progress: Progress) -> None:
        if progress.stage in _STAGES:
            print(f"Answer model: {_STAGES[progress.stage]} ...", file=self._out, flush=True)
        elif progress.done % 5 == 0 or progress.done == progress.total:
            seconds = time.monotonic() - self._started
            line = f"  layer {progress.done} of {progress.total}, {seconds:.0f} s"
            print(line, file=self._out, flush=True)
