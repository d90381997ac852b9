"""Cross-encoders run by OpenVINO, from a graph that `export_reranker` made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference.encoder_openvino import batches, padded
from rag.inference.export import GRAPH, TOKENIZER, read_facts
from rag.inference.openvino_runtime import compile_file, usable
from rag.inference.pair_length import PairCutter

BATCH_TOKENS = 1024  # padding included; passages of one question differ much in length


class OpenVinoReranker:
    """A cross-encoder on the CPU. Not thread-safe.

    Raises:
        ModelError: the exported files are damaged.
    """

    def __init__(self, folder: Path, threads: int, precision: str = "") -> None:
        from tokenizers import Tokenizer

        with read_facts(folder) as facts:
            self.max_length = int(facts["max_length"])
            self.precision = usable(precision or facts["precision"])
            self._inputs: list[str] = facts["inputs"]
            self._request: Any = compile_file(folder / GRAPH, self.precision, threads)
            self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_length)  # a cut text may have a token more
        self._cutter = PairCutter(self._tokenizer.to_str(), self.max_length)

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        return f"OpenVINO {self.precision} on cpu"

    def logits(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return one logit a passage; longer texts are cut as `PairCutter` says."""
        encodings = self._tokenizer.encode_batch(self._cutter.cut(question, passages))
        lengths = [len(encoding.ids) for encoding in encodings]
        logits = np.zeros(len(lengths), dtype=np.float32)
        for rows in batches(lengths, BATCH_TOKENS):
            width = padded(lengths[rows[-1]])  # a batch is in order of length
            arrays = np.zeros((3, len(rows), width), dtype=np.int64)
            for place, row in enumerate(rows):
                encoding, length = encodings[row], lengths[row]
                arrays[:, place, :length] = encoding.ids, encoding.attention_mask, encoding.type_ids
            names = ("input_ids", "attention_mask", "token_type_ids")
            self._request.infer(
                {name: a for name, a in zip(names, arrays, strict=True) if name in self._inputs}
            )
            logits[rows] = self._request.get_output_tensor(0).data[:, 0]
        return logits
