"""How fast answers are written: our engine beside llama.cpp, transformers and GPTQModel.

    python -m benchmarks.serving [--model smollm2-135m-instruct] [--engines ...] [--out FILE]

Each engine loads the same weights in a process of its own, with the same threads, and continues
the same pieces of the project's own documents in turn: A B C A B C. Greedy. Beforehand each answers
a few times without being counted. An engine whose threads got far less time than they had is told:
another program was in the way. Needs `pip install -r benchmarks/requirements.txt`; `--folder` keeps
the checkpoints (2 GB at 0.6B).
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.serving_engine import ENGINES
from benchmarks.serving_models import SHAPES, make_models

WARM_UPS = 3
RESAMPLES = 2000
_LEAST_CPU_SHARE = 0.8  # of the threads' time in a round that counts
_CHECKPOINTS = {"transformers": "16-bit", "bitsandbytes": "16-bit"}
_PROBE_BYTES = 1 << 29
_TEXTS = Path(__file__).resolve().parents[1] / "docs"
_QUESTION = 32  # tokens at the end of a prompt that are others when it is asked again


@dataclass
class Engine:
    """A process, and what it has measured."""

    name: str
    process: "subprocess.Popen[str]"
    hello: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    again: list[float] = field(default_factory=list)

    def ask(self, ids: Sequence[int], new: int, again: bool) -> dict[str, Any]:
        """Return the answer to a request."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"ids": [*ids], "new": new, "again": again}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the next line of the process."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} has died")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def seconds(self, what: str) -> NDArray[np.float64]:
        """Return ``first``, ``whole`` or ``rest`` (a token after the first) of all rounds."""
        if what == "rest":
            each = [(a["whole"] - a["first"]) / (len(a["tokens"]) - 1) for a in self.answers]
        else:
            each = [a[what] for a in self.answers]
        return np.array(each)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--model", default="models/smollm2-135m-instruct",
        help=f"folder of a 16-bit model, or {', '.join(SHAPES)} with random weights",
    )  # fmt: skip
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--prompt", type=int, default=1024, help="tokens")
    parser.add_argument("--new", type=int, default=48, help="tokens")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("models/benchmark"))
    parser.add_argument("--tokenizer", type=Path, default=Path("models/smollm2-135m-instruct"))
    parser.add_argument("--out", type=Path, help="file for all samples, JSON")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    paths = make_models(options.model, options.tokenizer, options.folder.resolve())
    bandwidth = [memory_bandwidth(options.threads)]
    engines = [_started(name, paths, options.threads) for name in options.engines]
    _measure(engines, options)
    bandwidth.append(memory_bandwidth(options.threads))
    print(f"{options.model}, {options.prompt} tokens in, {options.new} out, "
          f"{options.rounds} rounds, {options.threads} threads; memory is read at "
          f"{bandwidth[0]:.1f} and {bandwidth[1]:.1f} GB/s before and after")  # fmt: skip
    print(table(engines, options.threads))
    if options.out:
        samples = {e.name: {**e.hello, "answers": e.answers, "again": e.again} for e in engines}
        facts = {"bandwidth_gb_s": bandwidth, **{k: str(v) for k, v in vars(options).items()}}
        options.out.write_text(json.dumps({"facts": facts, "engines": samples}), encoding="utf-8")


def _started(name: str, paths: dict[str, Path], threads: int) -> Engine:
    kind = "gguf" if name.startswith("llama.cpp") else _CHECKPOINTS.get(name, "gptq")
    command = [sys.executable, "-m", "benchmarks.serving_engine", name, str(paths[kind])]
    process = subprocess.Popen(
        [*command, str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    engine = Engine(name, process)
    engine.hello = engine.read()
    return engine


def _measure(engines: Sequence[Engine], options: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    rng = np.random.default_rng(0)
    tokenizer = Tokenizer.from_file(str(options.tokenizer / "tokenizer.json"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(_TEXTS.glob("*.md")))
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    for number in range(-WARM_UPS, options.rounds):
        start, elsewhere = rng.integers(0, len(ids) - options.prompt, 2).tolist()
        prompt = ids[start : start + options.prompt]
        other = [*prompt[:-_QUESTION], *ids[elsewhere : elsewhere + _QUESTION]]
        for engine in engines:
            answer = engine.ask(prompt, options.new, again=False)
            first_again = engine.ask(other, 1, again=True)["first"]
            if number >= 0:
                engine.answers.append(answer)
                engine.again.append(first_again)


def memory_bandwidth(threads: int) -> float:
    """Return how fast ``threads`` threads read memory, in GB/s: the best of five sums."""
    parts = [np.ones(_PROBE_BYTES // 8 // threads) for _ in range(threads)]
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            started = time.perf_counter()
            list(pool.map(np.sum, parts))
            best = max(best, _PROBE_BYTES / (time.perf_counter() - started) / 1e9)
    return best


def ratio(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return median of ``other`` by that of ``one``, and its 95 % interval by bootstrap."""
    rng = np.random.default_rng(0)
    rounds = rng.integers(0, len(one), (RESAMPLES, len(one)))
    drawn = np.median(other[rounds], axis=1) / np.median(one[rounds], axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(np.median(other) / np.median(one)), float(low), float(high)


def table(engines: Sequence[Engine], threads: int) -> str:
    """Return the figures as Markdown; ratios say how often the first engine is as fast."""
    lines = [
        "| engine | first token, s (95 %) | again | tokens/s | whole, s (95 %) | whole, ratio | "
        "first, ratio | weights, GB/s | CPU / wall | peak MB | same tokens |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    ours = engines[0]
    for engine in engines:
        first, whole = engine.seconds("first"), engine.seconds("whole")
        cpu = np.array([a["cpu"] / a["whole"] for a in engine.answers])
        busy = "" if np.median(cpu) > _LEAST_CPU_SHARE * threads else " (disturbed)"
        whole_ratio, first_ratio = (
            ratio(ours.seconds("whole"), whole),
            ratio(ours.seconds("first"), first),
        )
        rate = 1 / float(np.median(engine.seconds("rest")))
        lines.append(
            f"| {engine.name} | {_middle(first)} | {np.median(engine.again):.3f} | "
            f"{rate:.0f} | {_middle(whole)} | "
            f"{_interval(whole_ratio)} | {_interval(first_ratio)} | "
            f"{rate * engine.hello['bytes'] / 1e9:.1f} | {np.median(cpu):.2f}{busy} | "
            f"{max(a['peak_mb'] for a in engine.answers):.0f} | {_agreement(ours, engine):.2f} |"
        )
    return "\n".join(lines)


def _middle(seconds: NDArray[np.float64]) -> str:
    return f"{np.median(seconds):.3f} ({np.quantile(seconds, 0.95):.3f})"


def _interval(value: tuple[float, float, float]) -> str:
    return f"{value[0]:.2f} ({value[1]:.2f}-{value[2]:.2f})"


def _agreement(one: Engine, other: Engine) -> float:
    """Return how many tokens two engines have in common before they first differ, as a share."""
    shares = []
    for a, b in zip(one.answers, other.answers, strict=True):
        same = [x == y for x, y in zip(a["tokens"], b["tokens"], strict=True)]
        shares.append((same.index(False) if False in same else len(same)) / len(same))
    return float(np.mean(shares))


if __name__ == "__main__":
    main()
