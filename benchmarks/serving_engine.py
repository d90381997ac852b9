"""One engine in a process of its own, for `benchmarks.serving`.

    python -m benchmarks.serving_engine ENGINE MODEL THREADS

Reads requests from standard input, a JSON object a line: ``ids`` (tokens of the prompt), ``new``
(tokens to write) and ``again`` (true: what the prompt begins with like the one before may be kept).
Answers each with a line: ``first`` and ``whole`` (seconds to the first and to the last token),
``cpu`` (seconds of all threads), ``tokens``. The first line tells ``load`` seconds, ``kernel``
and ``bytes`` of weights, all of which are read for each token.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

from rag.environment import limit_threads, prepare_process

Run = Callable[[Sequence[int], int, bool], Iterator[int]]
ENGINES = (
    "fumikura", "gptqmodel", "transformers", "bitsandbytes", "llama.cpp",
    "llama.cpp-flash",
)  # fmt: skip


def main() -> None:
    """Load the engine named on the command line, and answer until the input ends."""
    engine, model, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    prepare_process()
    limit_threads(threads)
    started = time.perf_counter()
    run, kernel, weights = _load(engine, model, threads)
    hello = {"load": time.perf_counter() - started, "kernel": kernel, "bytes": weights}
    print(json.dumps(hello), file=answers)
    answers.flush()
    for line in sys.stdin:
        print(json.dumps(_answer(run, **json.loads(line))), file=answers)
        answers.flush()


def _answer(run: Run, ids: list[int], new: int, again: bool) -> dict[str, Any]:
    cpu, started = time.process_time(), time.perf_counter()
    tokens, first = [], 0.0
    for token in run(ids, new, again):
        first = first or time.perf_counter() - started
        tokens.append(token)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "first": first, "whole": time.perf_counter() - started, "tokens": tokens,
        "cpu": time.process_time() - cpu, "peak_mb": peak_mb,
    }  # fmt: skip


def _load(engine: str, model: Path, threads: int) -> tuple[Run, str, int]:
    if engine == "fumikura":
        return _load_fumikura(model, threads)
    if engine.startswith("llama.cpp"):
        return _load_llama(model, threads, engine.endswith("flash"))
    from rag.inference.causal_torch import TorchCausalModel

    precisions = {"gptqmodel": "GPTQ 4-bit", "transformers": "16-bit", "bitsandbytes": "NF4"}
    loaded = TorchCausalModel(model, precisions[engine], "cpu")
    return _generate(loaded.model), loaded.kernel, (model / "model.safetensors").stat().st_size


def _load_fumikura(model: Path, threads: int) -> tuple[Run, str, int]:
    from rag.greedy import greedy_tokens
    from rag.inference.causal_openvino import OpenVinoCausalModel
    from rag.inference.decoder_weights import WEIGHTS
    from rag.inference.export import DECODER_EXPORTER, exported_folder

    graph = exported_folder(DECODER_EXPORTER, model, model.parent)
    if graph is None:
        raise SystemExit(f"{model} has no graph")
    loaded = OpenVinoCausalModel(graph, threads)

    def run(ids: Sequence[int], new: int, again: bool) -> Iterator[int]:
        if not again:
            loaded.reset()
        scores = loaded.read(ids, Event())
        assert scores is not None
        yield from islice(greedy_tokens(loaded, ids, scores, Event()), new)

    return run, loaded.kernel, (graph / WEIGHTS).stat().st_size


def _generate(model: Any) -> Run:  # noqa: ANN401 - a transformers model
    """Return transformers' own greedy decoding."""
    import torch
    from transformers.generation.streamers import BaseStreamer

    class Tokens(BaseStreamer):
        """Hands on each token as it comes."""

        def __init__(self) -> None:
            from queue import SimpleQueue

            self.queue: SimpleQueue[int | None] = SimpleQueue()
            self.is_prompt = True

        def put(self, value: Any) -> None:  # noqa: ANN401 - a torch.Tensor
            if not self.is_prompt:
                self.queue.put(int(value.reshape(-1)[-1]))
            self.is_prompt = False

        def end(self) -> None:
            self.queue.put(None)

    def run(ids: Sequence[int], new: int, again: bool) -> Iterator[int]:
        tokens = Tokens()
        prompt = torch.tensor([list(ids)])
        settings = {
            "attention_mask": torch.ones_like(prompt), "max_new_tokens": new, "min_new_tokens": new,
            "do_sample": False, "streamer": tokens, "pad_token_id": 0,
        }  # fmt: skip
        thread = Thread(target=model.generate, args=(prompt,), kwargs=settings)
        thread.start()
        while (token := tokens.queue.get()) is not None:
            yield token
        thread.join()

    return run


def _load_llama(model: Path, threads: int, has_flash: bool) -> tuple[Run, str, int]:
    from llama_cpp import Llama

    llama = Llama(
        str(model), n_ctx=2048, n_batch=512, n_threads=threads, n_threads_batch=threads,
        flash_attn=has_flash, verbose=False,
    )  # fmt: skip

    def run(ids: Sequence[int], new: int, again: bool) -> Iterator[int]:
        if not again:
            llama.reset()  # else it keeps what the prompt begins with
        yield from islice(llama.generate(list(ids), temp=0.0, repeat_penalty=1.0), new)

    return run, "llama.cpp", model.stat().st_size


if __name__ == "__main__":
    main()
