"""``python -m rag.inference.export_reranker MODEL TARGET``: graph of a cross-encoder.

The whole of it is traced. The graph must then give the logits of the model.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from rag.inference.export import TOKENIZER, Facts, run_export, write_facts
from rag.inference.openvino_runtime import HALF, WHOLE
from rag.inference.reranker_openvino import OpenVinoReranker
from rag.inference.reranker_torch import TorchReranker
from rag.inference.tracing import fastest_precision, prepare_tracing, save_traced

# Of the spread of the logits: 16-bit sums differ in the third digit.
_MOST_DIFFERENCE = {HALF: 0.03, WHOLE: 0.001}
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_CHECKED_QUESTIONS = ("When do the doors open?", "玄関は何時に開く?", "Why? " * 3000)
_CHECKED_PASSAGES = (
    "a",
    "",
    "The doors open at eight in the morning.",
    "玄関は朝八時に開錠されます。ﾊﾝｶｸ and 全角 １２３, e.g. café",
    "RFC-7231, Section 6.5: CASE and spacing  are   kept.",
    "A text longer than any model reads. " * 800,
)


def write_reranker(model: Path, folder: Path) -> Facts:
    """Fill ``folder`` with graph, weights and tokenizer of ``model``.

    Raises:
        ModelError: ``model`` cannot be loaded.
        ValueError: the graph gives other logits, or there is none for its kind.
    """
    import torch

    reranker = TorchReranker(model, "cpu")
    if len(reranker.model) != 1:  # a decoder, whose questions stand in a chat template
        raise ValueError("it is not a sequence classifier")
    tokenizer = reranker.model.tokenizer
    inputs = tuple(name for name in _INPUTS if name in tokenizer.model_input_names)

    class Scored(torch.nn.Module):
        def __init__(self, model: Any) -> None:  # noqa: ANN401 - the library ships no types
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:  # noqa: ANN401 - tensors
            given = (input_ids, attention_mask, token_type_ids)
            return self.model(dict(zip(inputs, given, strict=False)))["scores"]

    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    save_traced(Scored(reranker.model), folder, inputs)
    return _checked(reranker, folder, inputs)


def _checked(reranker: TorchReranker, folder: Path, inputs: tuple[str, ...]) -> Facts:
    """Return what the graph is, with the fastest precision that gives the same logits."""
    facts = {"max_length": reranker.max_length, "inputs": list(inputs), "precision": WHOLE}
    facts = write_facts(folder, facts)
    expected = [reranker.logits(question, _CHECKED_PASSAGES) for question in _CHECKED_QUESTIONS]
    spread = max(float(np.std(expected)), 1e-3)
    difference = 0.0

    def agrees(precision: str) -> bool:
        nonlocal difference
        exported = OpenVinoReranker(folder, threads=0, precision=precision)
        logits = [exported.logits(question, _CHECKED_PASSAGES) for question in _CHECKED_QUESTIONS]
        difference = float(np.abs(np.subtract(logits, expected)).max()) / spread
        return difference <= _MOST_DIFFERENCE[precision]

    precision = fastest_precision(agrees)
    if precision is None:
        raise ValueError(f"the graph gives other logits ({difference:.4f} of their spread)")
    return {**facts, "precision": precision}


def main() -> int:
    """Export the model named on the command line."""
    prepare_tracing()
    return run_export(write_reranker, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
