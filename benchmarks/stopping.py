"""How soon Stop frees the answer model: while it reads a prompt, and while it writes.

    python -m benchmarks.stopping [--model fumikura-135m-gptq] [--rounds 30]

Each round asks with a long prompt, sets the stop event at a random moment of the reading or between
two tokens, and measures until the completion has ended; then how much longer than usual the next
prompt is read. The prompt is a question over text of the project's own documents.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import numpy as np

from rag.config import load_config
from rag.datatypes import Message, Prompt
from rag.environment import prepare_process
from rag.generate import LocalGenerator, load_generator

_TEXTS = Path(__file__).resolve().parents[1] / "docs"
_CHARACTERS = 4400  # about 1,024 tokens
_NEW = 48
_WRITING_MS = 60


def main() -> None:
    """Measure and print milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="fumikura-135m-gptq")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    prepare_process()
    generator = load_generator(replace(load_config(), answer_model=options.model))
    assert isinstance(generator, LocalGenerator)
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(_TEXTS.glob("*.md")))
    rng = np.random.default_rng(0)
    reading: list[float | None] = []
    writing: list[float | None] = []
    later: list[float | None] = []
    usual = float(np.median([_first_ms(generator, _prompt(text, rng)) for _ in range(5)]))
    for _ in range(options.rounds):
        soon = usual * rng.random()
        reading.append(_stopped_ms(generator, _prompt(text, rng), soon, is_writing=False))
        later.append(_first_ms(generator, _prompt(text, rng)) - usual)
        soon = _WRITING_MS * rng.random()
        writing.append(_stopped_ms(generator, _prompt(text, rng), soon, is_writing=True))
    print(f"{generator.model_id}, {generator.kernel}; a prompt is read in {usual:.0f} ms")
    figures = {"reading": reading, "writing": writing, "next prompt, more": later}
    for name, values in figures.items():
        known = [value for value in values if value is not None]
        middle, high = np.quantile(known, [0.5, 0.95])
        print(f"{name}, n {len(known)}: median {middle:.0f} ms, p95 {high:.0f} ms")


def _prompt(text: str, rng: np.random.Generator) -> Prompt:
    start = int(rng.integers(0, len(text) - _CHARACTERS))
    passage = text[start : start + _CHARACTERS]
    message = Message("user", f"{passage}\n\nWhat does this say?")
    return Prompt((message,), "What does this say?", "en", (), (), 0, 0, "")


def _first_ms(generator: LocalGenerator, prompt: Prompt) -> float:
    started = time.perf_counter()
    stop = Event()
    for _ in generator.stream(prompt, _NEW, stop):
        stop.set()
        return 1000 * (time.perf_counter() - started)
    return 1000 * (time.perf_counter() - started)


def _stopped_ms(
    generator: LocalGenerator, prompt: Prompt, after_ms: float, is_writing: bool
) -> float | None:
    """Return milliseconds from Stop to the end; None where the answer ended before it.

    Args:
        generator: is asked.
        prompt: to answer.
        after_ms: when Stop is pressed, after the question or after the first token.
        is_writing: after the first token.
    """
    stop = Event()
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        stop.set()

    timer = Timer(after_ms / 1000, press)
    if not is_writing:
        timer.start()
    for number, _ in enumerate(generator.stream(prompt, _NEW, stop)):
        if is_writing and number == 0:
            timer.start()
    ended = time.perf_counter()
    timer.cancel()
    return 1000 * (ended - pressed[0]) if pressed and pressed[0] < ended else None


if __name__ == "__main__":
    main()
