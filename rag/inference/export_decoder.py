"""``python -m rag.inference.export_decoder MODEL TARGET``: weights for the graph of a GPTQ model.

The graph must then continue text as GPTQModel does, whose weights it has.
"""

import sys
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from rag.environment import prepare_process
from rag.inference.causal_openvino import OpenVinoCausalModel
from rag.inference.causal_torch import TorchCausalModel
from rag.inference.decoder_weights import CONFIG, WEIGHTS, write_weights
from rag.inference.export import TOKENIZER, Facts, run_export, write_facts
from rag.inference.gptq_checkpoint import GptqCheckpoint

_LEAST_COSINE = 0.99  # of the logits: both kernels round activations, each in its way
_CHECKED_TEXTS = (
    "The doors open at eight in the morning. When may I enter the building? At",
    "<|im_start|>user\n玄関は朝八時に開錠されます。何時から入れますか。<|im_end|>\n",
)


def write_decoder(model: Path, folder: Path) -> Facts:
    """Fill ``folder`` with the weights, configuration and tokenizer of ``model``.

    Raises:
        ModelError: ``model`` cannot be loaded.
        ValueError: it has no graph, or the graph continues text otherwise.
    """
    checkpoint = GptqCheckpoint(model)
    write_weights(checkpoint, folder)
    stock = TorchCausalModel(model, f"GPTQ {checkpoint.bits}-bit", "cpu")
    stock.tokenizer.save(str(folder / TOKENIZER))
    facts = write_facts(
        folder,
        {
            "bits": checkpoint.bits,
            "context_tokens": stock.context_tokens,
            "end_ids": sorted(stock.end_ids),
        },
        (WEIGHTS, CONFIG, TOKENIZER),
    )
    exported = OpenVinoCausalModel(folder, threads=0)
    for text in _CHECKED_TEXTS:
        ids = stock.encode(text)
        if exported.encode(text) != ids:
            raise ValueError("the tokenizer alone gives other tokens")
        of_text = exported.read(ids, Event()), stock.read(ids, Event())
        after_one = exported.extend(ids[:1])[0], stock.extend(ids[:1])[0]
        cosine = min(_cosine(*of_text), _cosine(*after_one))
        if not cosine >= _LEAST_COSINE:
            raise ValueError(f"the graph gives other scores (cosine {cosine:.4f})")
    return facts


def _cosine(one: NDArray[np.float32] | None, other: NDArray[np.float32] | None) -> float:
    assert one is not None  # nobody stops an export
    assert other is not None
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def main() -> int:
    """Export the model named on the command line."""
    prepare_process()
    return run_export(write_decoder, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
