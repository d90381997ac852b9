"""How fast passages and questions are embedded: the OpenVINO graph beside sentence-transformers.

    python -m benchmarks.embedding FILE [--rounds 5]

FILE holds questions with their passages in the format of SQuAD (.json or .json.gz). Both engines
embed the same passages and questions in turn, in one process, with the threads that the settings
give. Needs the default embedder.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.config import load_config
from rag.environment import limit_threads, prepare_process
from rag.evaluation.questions import read_questions

PASSAGES, QUESTIONS = 160, 100


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    prepare_process()
    config = load_config()
    limit_threads(config.threads)
    passages, questions = _texts(arguments.file)

    from rag.embed import ModelEmbedder, load_embedder
    from rag.inference.encoder_torch import TorchEncoder
    from rag.model_folder import find_model

    embedder: ModelEmbedder = load_embedder(config)
    torch = TorchEncoder(find_model(config.embed_model, config.models_dir), "cpu")
    engines: dict[str, Callable[[Sequence[str]], Any]] = {
        embedder.engine: embedder.embed_passages,
        torch.name: torch.encode,
    }
    vectors = [encode(passages) for encode in engines.values()]  # warm-up, too
    rates: dict[str, list[float]] = {name: [] for name in engines}
    waits: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(arguments.rounds):
        for name, encode in engines.items():
            rates[name].append(len(passages) / _seconds(encode, passages))
            waits[name] += [_seconds(encode, [question]) * 1000 for question in questions]
    print(f"{len(passages)} passages, {len(questions)} questions, {arguments.rounds} rounds")
    for name in engines:
        p50, p95 = np.percentile(waits[name], [50, 95])
        print(
            f"{name:26} {statistics.median(rates[name]):6.0f} passages/s "
            f"({min(rates[name]):.0f} to {max(rates[name]):.0f}), "
            f"question {p50:.1f} ms, p95 {p95:.1f} ms"
        )
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    print(f"cosine of the vectors: at least {cosines.min():.5f}")


def _texts(file: Path) -> tuple[list[str], list[str]]:
    found = read_questions(file)
    questions = [question.text for question in found.questions]
    return list(found.contexts[:PASSAGES]), questions[:QUESTIONS]


def _seconds(encode: Callable[[Sequence[str]], Any], texts: Sequence[str]) -> float:
    started = time.perf_counter()
    encode(texts)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
