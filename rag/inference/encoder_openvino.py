"""Sentence encoders run by OpenVINO, from a graph that `export_encoder` made."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference.export import GRAPH, TOKENIZER, read_facts
from rag.inference.openvino_runtime import compile_file, usable

BATCH_TOKENS = 4096  # padding included; more gains nothing on two cores
LENGTH_STEP = 16  # lengths are padded to multiples: every new shape costs a compilation


class OpenVinoEncoder:
    """A sentence encoder on the CPU. Not thread-safe.

    Raises:
        ModelError: the exported files are damaged.
    """

    def __init__(self, folder: Path, threads: int, precision: str = "") -> None:
        from tokenizers import Tokenizer

        with read_facts(folder) as facts:
            self.dimension = int(facts["dimension"])
            self.max_length = int(facts["max_length"])
            self.precision = usable(precision or facts["precision"])
            self._request: Any = compile_file(folder / GRAPH, self.precision, threads)
            # Two of them: a tokenizer that cuts cannot count.
            self._counter = Tokenizer.from_file(str(folder / TOKENIZER))
            self._cutter = Tokenizer.from_file(str(folder / TOKENIZER))
        self._counter.no_padding()
        self._counter.no_truncation()
        self._cutter.no_padding()
        self._cutter.enable_truncation(self.max_length)

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        return f"OpenVINO {self.precision} on cpu"

    @property
    def special_tokens(self) -> int:
        """Tokens that are put around every text."""
        return int(self._counter.num_special_tokens_to_add(is_pair=False))

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        return len(self._counter.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        ids = [encoding.ids for encoding in self._cutter.encode_batch(list(texts))]
        vectors = np.zeros((len(ids), self.dimension), dtype=np.float32)
        for rows in batches([len(row) for row in ids]):
            longest = len(ids[rows[-1]])  # a batch is in order of length
            shape = (len(rows), padded(longest) if len(rows) > 1 else longest)
            tokens, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
            for place, row in enumerate(rows):
                tokens[place, : len(ids[row])] = ids[row]
                mask[place, : len(ids[row])] = 1
            self._request.infer({"input_ids": tokens, "attention_mask": mask})
            vectors[rows] = self._request.get_output_tensor(0).data
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return unit


def batches(lengths: Sequence[int], budget: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield the rows of ``lengths``, shortest first, within ``budget`` tokens each."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and padded(lengths[row]) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def padded(length: int) -> int:
    """Return the length that a row of ``length`` tokens has in a batch of several."""
    return -(-length // LENGTH_STEP) * LENGTH_STEP
