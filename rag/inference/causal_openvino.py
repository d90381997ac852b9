"""Causal language models run by OpenVINO, from a graph that `export_decoder` made."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference.causal_model import shared_length
from rag.inference.export import GRAPH, TOKENIZER, read_facts
from rag.inference.openvino_runtime import HALF, compile_graph, usable

_HIDDEN = -65504.0  # added to the score of a token that may not be looked at; fits 16 bits
_ACTIVATION_GROUP = "64"
_LOOK_MS = 20  # between two looks at the stop event
# Tokens after a text are read at a third of the speed, and what is forgotten is in the way.
_REREAD_SHARE = 0.5  # of the shared beginning; a longer rest is read with it from the start
_MOST_STALE = 512  # tokens of the cache beside the shared beginning


class OpenVinoCausalModel:
    """A GPTQ model on the CPU with the cache of one text. Not thread-safe.

    Weights stay in their bits, and what they are multiplied with is rounded to 8 for each group of
    inputs, which takes two thirds to three quarters of the time. The rest has 16 bits where the CPU
    computes in them.

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
            self._graph, self._threads = folder / GRAPH, threads
            self._request: Any = self._compile()
            self.tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER))
        self.reset()

    def _compile(self) -> Any:  # noqa: ANN401 - the library ships no types
        # With its cache of kernels OpenVINO 2026.4 never frees 28 MB of a model that has answered,
        # so that exchanging models would fill the memory. Without it decoding is 9 % slower.
        return compile_graph(
            self._graph,
            self._precision,
            self._threads,
            DYNAMIC_QUANTIZATION_GROUP_SIZE=_ACTIVATION_GROUP,
            CPU_RUNTIME_CACHE_CAPACITY="0",
        )

    @property
    def kernel(self) -> str:
        """What computes a linear layer."""
        return f"OpenVINO {self._bits}-bit, {self._precision}"

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
        self._request = self._request or self._compile()
        self._request.reset_state()
        self._text: list[int] = []
        self._places: list[int] = []  # in the cache, of the text and what was branched from it
        self._seen, self._rows = 0, 1  # tokens and rows of the cache

    def read(self, ids: Sequence[int], stop: Event) -> NDArray[np.float32] | None:
        """Read a text from its beginning; see `CausalModel.read`."""
        shared = 0 if self._request is None else shared_length(self._text, ids)
        if len(ids) - shared > shared * _REREAD_SHARE or self._seen - shared > _MOST_STALE:
            self.reset()
            shared = 0
        self._text, self._places = self._text[:shared], self._places[:shared]
        self._append(ids[shared:], scored=1)
        # In one piece: the CPU reads a second piece at a third of the speed of the first.
        while not self._request.wait_for(_LOOK_MS):
            if stop.is_set():
                self._cancel()
                return None
        scores: NDArray[np.float32] = self._scores()[0, 0]
        return scores

    def extend(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Read a few tokens after the text; see `CausalModel.extend`."""
        self._append(ids, scored=len(ids))
        scores: NDArray[np.float32] = self._scores()[0]
        return scores

    def forget(self, count: int) -> None:
        """Take the last ``count`` tokens off the text."""
        kept = len(self._text) - count
        self._text, self._places = self._text[:kept], self._places[:kept]

    def branch(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """Read rows of tokens side by side; see `CausalModel.branch`."""
        self._start(ids, positions, hidden, scored=1)
        scores: NDArray[np.float32] = self._scores()[:, 0]
        return scores

    def _append(self, ids: Sequence[int], scored: int) -> None:
        before = len(self._text)
        positions = np.arange(before, before + len(ids))
        nothing = np.zeros((1, before), dtype=bool)
        self._start(np.array([ids]), positions[np.newaxis], nothing, scored)
        self._text = [*self._text, *ids]

    def _start(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        hidden: NDArray[np.bool_],
        scored: int,
    ) -> None:
        rows, new = ids.shape
        looks = np.zeros((rows, new, self._seen + new), dtype=bool)
        looks[..., self._places] = ~hidden[:, np.newaxis]
        looks[..., self._seen :] = np.tri(new, dtype=bool)
        self._places = [*self._places, *range(self._seen, self._seen + new)]
        self._seen += new
        self._request.start_async(
            {
                "input_ids": ids.astype(np.int64),
                "position_ids": positions,
                "mask": np.where(looks, 0, _HIDDEN).astype(np.float32)[:, np.newaxis],
                "beam_idx": np.arange(rows, dtype=np.int32) % self._rows,
                "scored": np.array([scored], dtype=np.int64),
            }
        )
        self._rows = rows

    def _scores(self) -> NDArray[np.float32]:
        self._request.wait()  # raises what went wrong
        scores: NDArray[np.float32] = self._request.get_output_tensor(0).data
        return scores

    def _cancel(self) -> None:
        self._request.cancel()
        with contextlib.suppress(RuntimeError):  # says that it was cancelled
            self._request.wait()
        # Some of its nodes have the shapes of this prompt now and some those of the one before,
        # and no later request is safe from them. Compiling again takes a second, at the next use.
        self._request = None
