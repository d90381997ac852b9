"""Exchange the answer model under people who ask: no answer may fail, no memory may stay.

    python -m benchmarks.swaps MODEL MODEL [--swaps 20] [--askers 4]

Two models below the models folder take turns, named by the pointer that `python -m training
activate` writes. Prints how many answers each gave, how many failed, how long it took until a new
model gave its first answer, and the memory of the process before and after, nobody asking. Before
each look at the memory all questions are asked once more, because the working memory of a model is
that of the longest prompt it has read.
"""

import argparse
import ctypes
import gc
import json
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from threading import Event, Lock, Thread

import psutil

from rag.active_model import POINTER
from rag.config import load_config
from rag.datatypes import Answer
from rag.engine import RagEngine

QUESTIONS = Path(__file__).resolve().parent.parent / "examples" / "questions.jsonl"
WARM_SWAPS = 2  # both models were loaded once by then


class Askers:
    """People who ask one question after another; counts their answers by model."""

    def __init__(self, engine: RagEngine, count: int) -> None:
        self.answers: dict[str, int] = {}
        self.failures: list[str] = []
        self._engine = engine
        self._lock = Lock()
        self._is_over = Event()
        lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line)["question"] for line in lines]
        self._questions = len(questions)
        self._threads = [
            Thread(target=self._ask, args=(questions[n::count],), daemon=True) for n in range(count)
        ]

    def start(self) -> None:
        """Let them ask."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Let them finish what they asked."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def ask_all(self) -> None:
        """Wait until they have asked as many more questions as there are."""
        enough = self._asked() + self._questions
        while self._asked() < enough:
            time.sleep(0.1)

    def _asked(self) -> int:
        return sum(self.answers.copy().values()) + len(self.failures)

    def _ask(self, questions: list[str]) -> None:
        for question in cycle(questions):
            if self._is_over.is_set():
                return
            try:
                *_, answer = self._engine.ask(question, Event())
                assert isinstance(answer, Answer)
            except Exception as error:  # noqa: BLE001 - whatever it is, the answer failed
                with self._lock:
                    self.failures.append(f"{type(error).__name__}: {error}")
                continue
            with self._lock:
                self.answers[answer.model_id] = self.answers.get(answer.model_id, 0) + 1


def main(argv: list[str] | None = None) -> int:
    """Swap, print what came of it, and return 0 when no answer failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs=2)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--askers", type=int, default=4)
    arguments = parser.parse_args(argv)
    config = load_config()
    with tempfile.TemporaryDirectory(prefix="fumikura-swaps-") as name:
        folder = Path(name)
        for entry in config.models_dir.iterdir():
            if entry.name != POINTER:
                (folder / entry.name).symlink_to(entry.absolute())
        config = replace(config, models_dir=folder, answer_languages=("en", "ja"))
        failed = _measure(RagEngine(config), folder, arguments)
    return 1 if failed else 0


def _measure(engine: RagEngine, folder: Path, arguments: argparse.Namespace) -> int:
    first, second = arguments.models
    _point_at(folder, first)
    memory = []
    failures: list[str] = []
    for swaps in (WARM_SWAPS, arguments.swaps):
        askers = Askers(engine, arguments.askers)
        askers.start()
        waits = [_swap(askers, folder, second if n % 2 else first) for n in range(1, swaps + 1)]
        askers.ask_all()
        askers.end()
        failures += askers.failures
        memory.append(_memory_mb())
        total = sum(askers.answers.values())
        print(f"{swaps} swaps, {arguments.askers} askers: {total} answers {askers.answers}")
        print(
            f"first answer of the new model after: median {statistics.median(waits):.2f} s, "
            f"longest {max(waits):.2f} s"
        )
    print(f"failed: {len(failures)} {failures[:3]}")
    print(f"memory {memory[0]:.0f} MB, then {memory[1]:.0f} MB ({memory[1] / memory[0] - 1:+.1%})")
    return len(failures)


def _swap(askers: Askers, folder: Path, model: str) -> float:
    """Let ``model`` answer; return the seconds until it gave its first answer."""
    before = _answers_of(askers, model)
    started = time.monotonic()
    _point_at(folder, model)
    while _answers_of(askers, model) == before:
        time.sleep(0.02)
    return time.monotonic() - started


def _answers_of(askers: Askers, model: str) -> int:
    return sum(n for name, n in askers.answers.copy().items() if name.startswith(f"{model} ("))


def _point_at(folder: Path, model: str) -> None:
    partial = folder / f".{POINTER}"
    partial.write_text(json.dumps({"model": model, "previous": "", "activated": ""}))
    partial.replace(folder / POINTER)


def _memory_mb() -> float:
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    sys.exit(main())
