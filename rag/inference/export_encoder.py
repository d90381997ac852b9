"""``python -m rag.inference.export_encoder MODEL TARGET``: graph of a sentence-transformers model.

The whole of it is traced, pooling included. The graph must then give the vectors of the model.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from rag.environment import prepare_process
from rag.inference.encoder_openvino import OpenVinoEncoder
from rag.inference.encoder_torch import TorchEncoder
from rag.inference.export import GRAPH, TOKENIZER, Facts, run_export, write_facts
from rag.inference.openvino_runtime import HALF, WHOLE, import_openvino, usable

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
    mask = torch.ones((2, 16), dtype=torch.int64)
    mask[1, 9:] = 0
    openvino = import_openvino()
    example = {"input_ids": mask * 7, "attention_mask": mask}
    graph = openvino.convert_model(Pooled(encoder.model).eval(), example_input=example)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    return _checked(encoder, folder)


def _checked(encoder: TorchEncoder, folder: Path) -> Facts:
    """Return what the graph is, with the fastest precision that gives the same vectors."""
    facts = {"dimension": encoder.dimension, "max_length": encoder.max_length, "precision": WHOLE}
    facts = write_facts(folder, facts)
    expected = encoder.encode(_CHECKED_TEXTS)
    cosine = 0.0
    for precision, least in _LEAST_COSINE.items():
        if usable(precision) != precision:
            continue
        exported = OpenVinoEncoder(folder, threads=0, precision=precision)
        cosine = float((exported.encode(_CHECKED_TEXTS) * expected).sum(axis=1).min())
        counts = [exported.count_tokens(t) == encoder.count_tokens(t) for t in _CHECKED_TEXTS]
        if cosine >= least and all(counts):
            return {**facts, "precision": precision}
    raise ValueError(f"the graph gives other vectors (cosine {np.round(cosine, 4)})")


def main() -> int:
    """Export the model named on the command line."""
    prepare_process()
    warnings.simplefilter("ignore")  # tracing warns of every branch on a shape
    # Optional libraries that sentence-transformers imports when they are there: 1.6 s less.
    for name in ("peft", "torchao", "bitsandbytes"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # blocks the import
    return run_export(write_encoder, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
