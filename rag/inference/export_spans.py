"""``python -m rag.inference.export_spans MODEL TARGET``: graph of a model that finds answers.

The whole of it is traced. The graph must then give the logits of the model.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.inference.export import TOKENIZER, Facts, run_export, write_facts
from rag.inference.openvino_runtime import HALF, WHOLE
from rag.inference.pair_windows import WindowLogits
from rag.inference.span_openvino import OpenVinoSpanModel
from rag.inference.span_torch import TorchSpanModel
from rag.inference.tracing import fastest_precision, prepare_tracing, save_traced

# Of the spread of the logits, at most anywhere; the mean is a twentieth of that in 16 bits.
_MOST_DIFFERENCE = {HALF: 0.2, WHOLE: 0.001}
_CHECKED_QUESTIONS = ("When do the doors open?", "玄関は何時に開く?", "Why? " * 3000)
_CHECKED_PASSAGES = (
    "a",
    "",
    "The doors open at eight in the morning.",
    "玄関は朝八時に開錠されます。ﾊﾝｶｸ and 全角 １２３, e.g. café",
    "RFC-7231, Section 6.5: CASE and spacing  are   kept.",
    "A text longer than any model reads. " * 200,
)


class _Reads(Protocol):
    def read(self, question: str, passages: Sequence[str]) -> list[WindowLogits]: ...


def write_span_model(model: Path, folder: Path) -> Facts:
    """Fill ``folder`` with graph, weights and tokenizer of ``model``.

    Raises:
        ModelError: ``model`` cannot be loaded.
        ValueError: the graph gives other logits.
    """
    import torch

    reader = TorchSpanModel(model, "cpu")

    class Read(torch.nn.Module):
        def __init__(self, model: Any) -> None:  # noqa: ANN401 - the library ships no types
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:  # noqa: ANN401 - tensors
            given = (input_ids, attention_mask, token_type_ids)
            named = dict(zip(reader.inputs, given, strict=False))
            output = self.model(**named)
            return torch.stack((output.start_logits, output.end_logits), dim=-1)

    (folder / TOKENIZER).write_text(reader.tokenizer_json, encoding="utf-8")
    save_traced(Read(reader.model), folder, reader.inputs)
    return _checked(reader, folder)


def _checked(reader: TorchSpanModel, folder: Path) -> Facts:
    """Return what the graph is, with the fastest precision that gives the same logits."""
    facts: Facts = {
        "max_length": reader.max_length,
        "inputs": list(reader.inputs),
        "precision": WHOLE,
    }
    facts = write_facts(folder, facts)
    expected = _logits(reader)
    spread = max(float(np.std(expected)), 1e-3)
    difference = 0.0

    def agrees(precision: str) -> bool:
        nonlocal difference
        exported = OpenVinoSpanModel(folder, threads=0, precision=precision)
        difference = float(np.abs(_logits(exported) - expected).max()) / spread
        return difference <= _MOST_DIFFERENCE[precision]

    precision = fastest_precision(agrees)
    if precision is None:
        raise ValueError(f"the graph gives other logits ({difference:.4f} of their spread)")
    return {**facts, "precision": precision}


def _logits(reader: _Reads) -> NDArray[np.float32]:
    """Return all logits of the checked pairs in a row."""
    read = [one for q in _CHECKED_QUESTIONS for one in reader.read(q, _CHECKED_PASSAGES)]
    return np.concatenate([array for one in read for array in (one.starts, one.ends)])


def main() -> int:
    """Export the model named on the command line."""
    prepare_tracing()
    return run_export(write_span_model, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
