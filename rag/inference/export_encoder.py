"""``python -m rag.inference.export_encoder MODEL TARGET``: graph of a sentence-transformers model.

The whole of it is traced, pooling included. The graph must then give the vectors of the model.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from rag.inference.encoder_openvino import OpenVinoEncoder
from rag.inference.encoder_torch import TorchEncoder
from rag.inference.export import TOKENIZER, Facts, run_export, write_facts
from rag.inference.openvino_runtime import HALF, WHOLE
from rag.inference.tracing import fastest_precision, prepare_tracing, save_traced

_LEAST_COSINE = {HALF: 0.999, WHOLE: 0.9999}  # 16-bit sums differ in the fourth digit
_CHECKED_TEXTS = (
    "a",
    "  spaces around  ",
    "How can I get my money back?",
    "RFC-7231, Section 6.5: CASE and spacing  are   kept.",
    "返品された商品の代金は十日以内に払い戻します。",
    "ﾊﾝｶｸ and 全角 １２３, e.g. café",
    "A text longer than any model reads. " * 400,
)


def write_encoder(model: Path, folder: Path) -> Facts:
    """Fill ``folder`` with graph, weights and tokenizer of ``model``.

    Raises:
        ModelError: ``model`` cannot be loaded.
        ValueError: the graph gives other vectors.
    """
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self, model: Any) -> None:  # noqa: ANN401 - the library ships no types
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:  # noqa: ANN401 - tensors
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            return self.model(features)["sentence_embedding"]

    encoder = TorchEncoder(model, "cpu")
    tokenizer = encoder.model.tokenizer.backend_tokenizer  # AttributeError: written in Python
    tokenizer.save(str(folder / TOKENIZER))
    save_traced(Pooled(encoder.model), folder, ("input_ids", "attention_mask"))
    return _checked(encoder, folder)


def _checked(encoder: TorchEncoder, folder: Path) -> Facts:
    """Return what the graph is, with the fastest precision that gives the same vectors."""
    facts = {"dimension": encoder.dimension, "max_length": encoder.max_length, "precision": WHOLE}
    facts = write_facts(folder, facts)
    expected = encoder.encode(_CHECKED_TEXTS)
    cosine = 0.0

    def agrees(precision: str) -> bool:
        nonlocal cosine
        exported = OpenVinoEncoder(folder, threads=0, precision=precision)
        cosine = float((exported.encode(_CHECKED_TEXTS) * expected).sum(axis=1).min())
        counts = [exported.count_tokens(t) == encoder.count_tokens(t) for t in _CHECKED_TEXTS]
        return cosine >= _LEAST_COSINE[precision] and all(counts)

    precision = fastest_precision(agrees)
    if precision is None:
        raise ValueError(f"the graph gives other vectors (cosine {np.round(cosine, 4)})")
    return {**facts, "precision": precision}


def main() -> int:
    """Export the model named on the command line."""
    prepare_tracing()
    return run_export(write_encoder, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
