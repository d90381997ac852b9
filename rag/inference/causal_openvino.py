"""Causal language models run by OpenVINO, from weights that `export_decoder` wrote."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference import paged_cache
from rag.inference.causal_model import shared_length
from rag.inference.decode_step import DecodeStep
from rag.inference.decoder_graph import DecoderGraph
from rag.inference.decoder_weights import DecoderWeights
from rag.inference.export import TOKENIZER, read_facts
from rag.inference.openvino_runtime import HALF, compile_graph, thread_count, usable
from rag.inference.paged_cache import PagedCache

_ACTIVATION_GROUP = "64"
# Tokens read between two looks at the stop event. All at once are an eighth faster than pieces of
# the first size, so that pieces become as large as what is read within this time.
_FIRST_PIECE = 256
_PIECE_SECONDS = 0.8
_PIECE_STEP = 128  # a piece of 351 takes a twentieth longer for each token than one of 384
# A few tokens are computed by other kernels, with another rounding: one alone always, up to three
# in 4 bits. Where a prompt is never read in such pieces, its scores are the same bit for bit,
# whatever was kept of it.
_LEAST_READ = 8
_MOST_STEPPED = 8  # rows of one token each, until the graph is as fast


@dataclass(slots=True)
class _Row:
    """One of several texts that are read side by side."""

    places: NDArray[np.int64]  # of its tokens among all that were read since the text began
    sequence: paged_cache.Sequence


class OpenVinoCausalModel:
    """A GPTQ model on the CPU with the cache of one text. Not thread-safe.

    Weights stay in their bits, and what they are multiplied with is rounded to 8 for each group of
    inputs, which takes two thirds to three quarters of the time. The rest has 16 bits where the CPU
    computes in them. Texts are read by a graph, and single tokens by `DecodeStep`, where it knows
    the weights.

    Raises:
        ModelError: the exported files are damaged.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        from tokenizers import Tokenizer

        with read_facts(folder) as facts:
            self.context_tokens = int(facts["context_tokens"])
            self._bits = int(facts["bits"])
            self.end_ids: frozenset[int] = frozenset(facts["end_ids"])
            self._precision = usable(HALF)
            weights = DecoderWeights(folder)
            self._graph = DecoderGraph(weights)  # held: the request computes with its constants
            # With its cache of kernels OpenVINO 2026.4 never frees 28 MB of a model that has
            # answered, so that exchanging models would fill the memory.
            self._request: Any = compile_graph(
                self._graph.build(),
                self._precision,
                threads,
                DYNAMIC_QUANTIZATION_GROUP_SIZE=_ACTIVATION_GROUP,
                CPU_RUNTIME_CACHE_CAPACITY="0",
                KV_CACHE_PRECISION=self._precision,
            )
            self.tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER))
        self._cache = PagedCache(self._request)
        self._step = _step_of(weights, self._cache, thread_count(self._request))
        self._piece = _FIRST_PIECE
        self._text: list[int] = []
        self._from_prompt = 0  # tokens of it that were read, not written one by one
        self._sequence = paged_cache.Sequence()
        self._rows: list[_Row] = []

    @property
    def kernel(self) -> str:
        """What computes a linear layer."""
        of_tokens = "" if self._step is None else f"; tokens: {self._step.kernel}"
        return f"OpenVINO {self._bits}-bit, {self._precision}{of_tokens}"

    def encode(self, text: str) -> list[int]:
        """Return the tokens of ``text``; special ones are those written in it."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    @property
    def gains_by_drafts(self) -> bool:
        """False: four tokens take twice the time of one (docs/log.md), and scores differ more."""
        return False

    def reset(self) -> None:
        """Forget the text that was read."""
        self._keep(0)

    def read(self, ids: Sequence[int], stop: Event) -> NDArray[np.float32] | None:
        """Read a text from its beginning; see `CausalModel.read`."""
        shared = shared_length(self._text[: self._from_prompt], ids)
        self._keep(max(0, min(shared, len(ids) - _LEAST_READ)))
        scores = None
        while (start := len(self._text)) < len(ids):
            if stop.is_set():
                return None
            left = len(ids) - start
            size = left if left < self._piece + _LEAST_READ else self._piece
            began = time.monotonic()
            scores = self._append(ids[start : start + size], scored=1)[0]
            if size >= _FIRST_PIECE:
                pace = size / (time.monotonic() - began)
                steps = int(pace * _PIECE_SECONDS / _PIECE_STEP)
                self._piece = max(_FIRST_PIECE, steps * _PIECE_STEP)
            self._from_prompt = len(self._text)
        return scores

    def extend(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Read a few tokens after the text; see `CausalModel.extend`."""
        return self._append(ids, scored=len(ids))

    def forget(self, count: int) -> None:
        """Take the last ``count`` tokens off the text."""
        self._keep(len(self._text) - count)

    def branch(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Read rows of tokens side by side; see `CausalModel.branch`."""
        rows, new = ids.shape
        looked = [np.flatnonzero(seen) for seen in ~hidden]
        if [row.places.tolist() for row in self._rows] != [places.tolist() for places in looked]:
            self._fork(looked)
        written = np.arange(hidden.shape[1], hidden.shape[1] + new)
        for row in self._rows:
            row.places = np.concatenate([row.places, written])
        sequences = [row.sequence for row in self._rows]
        return self._run(ids, positions, sequences, new * np.arange(1, rows + 1) - 1)

    def _fork(self, looked: Sequence[NDArray[np.int64]]) -> None:
        """Let new rows take the place of the present ones, each beginning with what it looks at."""
        before = self._rows
        text = _Row(np.arange(len(self._text)), self._sequence)
        self._rows = [
            self._going_on([*before[n % len(before) :][:1], text] if before else [text], places)
            for n, places in enumerate(looked)
        ]
        for row in before:
            self._cache.drop(row.sequence)

    def _going_on(self, known: Sequence[_Row], places: NDArray[np.int64]) -> _Row:
        """Return a new row that begins with the tokens at ``places``."""
        for row in known:
            if np.array_equal(row.places[: len(places)], places):
                return _Row(places, self._cache.fork(row.sequence, len(places)))
        raise ValueError("a row looks at tokens that no text has in this order")

    def _keep(self, length: int) -> None:
        """Keep the first ``length`` tokens of the text, and no rows."""
        for row in self._rows:
            self._cache.drop(row.sequence)
        self._rows = []
        self._text = self._text[:length]
        self._from_prompt = min(self._from_prompt, length)
        self._cache.cut(self._sequence, length)

    def _append(self, ids: Sequence[int], scored: int) -> NDArray[np.float32]:
        """Read ``ids`` after the text; return the scores after each of the last ``scored``."""
        before = len(self._text)
        positions = np.arange(before, before + len(ids))
        self._text = [*self._text, *ids]
        last = np.arange(len(ids) - scored, len(ids))
        return self._run(np.array([ids]), positions[np.newaxis], [self._sequence], last)

    def _run(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        sequences: Sequence[paged_cache.Sequence],
        scored: NDArray[np.int64],
    ) -> NDArray[np.float32]:
        """Read a row of new tokens after each sequence. Shape: ``(len(scored), vocabulary)``."""
        rows, new = ids.shape
        if self._step is not None and new == 1 and rows <= _MOST_STEPPED:  # all are scored
            return self._step.run(ids[:, 0], positions[:, 0], sequences)
        self._request.infer(
            {
                "input_ids": ids.reshape(1, -1).astype(np.int64),
                "position_ids": positions.reshape(1, -1).astype(np.int64),
                "scored": scored.astype(np.int64),
                **self._cache.inputs(sequences, new),
            }
        )
        scores: NDArray[np.float32] = self._request.get_output_tensor(0).data[0]
        return scores


def _step_of(weights: DecoderWeights, cache: PagedCache, threads: int) -> DecodeStep | None:
    """Return what reads single tokens, ready to; None where the graph has to."""
    try:
        step = DecodeStep(weights, cache, threads)
        step.compile()
    except Exception:  # noqa: BLE001 - whatever a compiler meets elsewhere, `kernel` tells of it
        return None
    return step
