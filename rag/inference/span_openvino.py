"""Extractive question answering run by OpenVINO, from a graph that `export_spans` made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.inference.encoder_openvino import batches, padded
from rag.inference.export import GRAPH, TOKENIZER, read_facts
from rag.inference.openvino_runtime import compile_file, usable
from rag.inference.pair_windows import PairTokenizer, WindowLogits, model_inputs

BATCH_TOKENS = 1024  # padding included; passages of one question differ much in length


class OpenVinoSpanModel:
    """A model with a start and an end logit for each token, on the CPU. Not thread-safe.

    Raises:
        ModelError: the exported files are damaged.
    """

    def __init__(self, folder: Path, threads: int, precision: str = "") -> None:
        with read_facts(folder) as facts:
            self.precision = usable(precision or facts["precision"])
            self._inputs: list[str] = facts["inputs"]
            self._request: Any = compile_file(folder / GRAPH, self.precision, threads)
            tokenizer = (folder / TOKENIZER).read_text(encoding="utf-8")
            self._tokenizer = PairTokenizer(tokenizer, int(facts["max_length"]))

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        return f"OpenVINO {self.precision} on cpu"

    def read(self, question: str, passages: Sequence[str]) -> list[WindowLogits]:
        """Return the logits of each window of each passage."""
        windows = self._tokenizer.windows(question, passages)
        lengths = [len(window.ids) for window in windows]
        read: dict[int, WindowLogits] = {}
        for rows in batches(lengths, BATCH_TOKENS):
            width = padded(lengths[rows[-1]])  # a batch is in order of length
            batch = [windows[row] for row in rows]
            self._request.infer(model_inputs(batch, width, self._inputs))
            logits = self._request.get_output_tensor(0).data  # (rows, tokens, start and end)
            for place, row in enumerate(rows):
                starts, ends = logits[place, : lengths[row]].T.astype(np.float32)
                read[row] = WindowLogits(windows[row], starts, ends)
        return [read[row] for row in range(len(windows))]
