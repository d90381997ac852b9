"""``python -m training setup``: make the default models that are missing."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.datatypes import Progress

_STAGES = {
    "span": "Models: making the span reader (a few seconds)",
    "dequantize": "Answer model: reading the base model (about 20 s)",
    "merge": "Answer model: folding what it was taught into it (about 10 s)",
    "calibrate": "Answer model: quantizing it to 8 bits with GPTQ (about 3 minutes on two cores)",
    "export": "Answer model: making the graphs for this CPU (about 20 s)",
}


def add_setup(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    setup = commands.add_parser("setup", help="make the default models that are missing")
    setup.add_argument("--models", type=Path, help="folder of the models")
    setup.add_argument("--config", type=Path, help="TOML file with settings")
    setup.set_defaults(run_command=run_setup)


def run_setup(arguments: argparse.Namespace, config: Config) -> int:
    """Make the model, and measure which languages it reads."""
    from rag.engine import RagEngine
    from training.checkpoints.default_models import make_default_models

    started = time.monotonic()
    folder = make_default_models(config, _Printer())
    print("Answer model: measuring which languages it reads (about 10 s) ...", flush=True)
    languages = ", ".join(RagEngine(config).answer_languages()) or "none of those tested"
    seconds = time.monotonic() - started
    print(f"Answer model ready in {folder}; it reads: {languages} ({seconds:.0f} s).")
    return 0


class _Printer:
    """Prints a line for each stage, and one in five steps of a long one."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._out = sys.stdout  # as it is now: quantization redirects what its library prints

    def __call__(self, progress: Progress) -> None:
        if progress.stage in _STAGES:
            print(f"{_STAGES[progress.stage]} ...", file=self._out, flush=True)
        elif progress.done % 5 == 0 or progress.done == progress.total:
            seconds = time.monotonic() - self._started
            line = f"  layer {progress.done} of {progress.total}, {seconds:.0f} s"
            print(line, file=self._out, flush=True)
