"""The weights of a decoder as its graph takes them, in one file without code.

Layers that read the same input lie one below the other, as one product: ``qkv_proj`` and
``gate_up_proj``. A product has ``values``, ``scales`` (one for each group of inputs) and, where the
checkpoint has it, a ``bias``. Values of 4 bits lie two in a byte, the first in the low bits.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference.gptq_checkpoint import GptqCheckpoint

CONFIG = "config.json"
WEIGHTS = "weights.safetensors"
_PRODUCTS = {
    "self_attn.qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.o_proj": ("self_attn.o_proj",),
    "mlp.gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.down_proj": ("mlp.down_proj",),
}
_NORMS = ("input_layernorm", "post_attention_layernorm", "self_attn.q_norm", "self_attn.k_norm")

Arrays = dict[str, NDArray[Any]]


def pack_weights(checkpoint: GptqCheckpoint) -> Arrays:
    """Return what `DecoderWeights` reads.

    Raises:
        ValueError: a layer is of a kind that has no graph here; the reason.
    """
    arrays: Arrays = {}
    for layer in range(int(checkpoint.config["num_hidden_layers"])):
        name = f"model.layers.{layer}"
        for product, parts in _PRODUCTS.items():
            packed = _product(checkpoint, [f"{name}.{part}" for part in parts])
            arrays |= {f"{name}.{product}.{key}": array for key, array in packed.items()}
        for norm in _NORMS:
            if f"{name}.{norm}.weight" in checkpoint:
                arrays[f"{name}.{norm}"] = checkpoint.dense(f"{name}.{norm}.weight")
    arrays["model.norm"] = checkpoint.dense("model.norm.weight")
    for name in ("model.embed_tokens", "lm_head"):
        if f"{name}.weight" in checkpoint:
            arrays |= _embedding(checkpoint, name)
    return arrays


def _product(checkpoint: GptqCheckpoint, layers: list[str]) -> Arrays:
    read = [checkpoint.quantized(layer) for layer in layers]
    values = np.concatenate([part for part, _ in read])
    arrays: Arrays = {"values": values, "scales": np.concatenate([scales for _, scales in read])}
    if values.min() >= -8 and values.max() <= 7:
        nibbles = values.view(np.uint8) & np.uint8(15)
        arrays["values"] = nibbles[..., 0::2] | (nibbles[..., 1::2] << np.uint8(4))
    biases = [f"{layer}.bias" for layer in layers if f"{layer}.bias" in checkpoint]
    if biases:
        arrays["bias"] = np.concatenate([checkpoint.dense(bias) for bias in biases])
    return arrays


def _embedding(checkpoint: GptqCheckpoint, name: str) -> Arrays:
    """Return rows of 8 bits and a scale for each: it is the largest tensor of a small model."""
    dense = checkpoint.dense(f"{name}.weight")
    scales = np.maximum(np.abs(dense).max(axis=1, keepdims=True), 1e-8) / 127
    return {f"{name}.values": np.round(dense / scales).astype(np.int8), f"{name}.scales": scales}


def write_weights(checkpoint: GptqCheckpoint, folder: Path) -> None:
    """Write the weights and the configuration of ``checkpoint`` into ``folder``.

    Raises:
        ValueError: a layer is of a kind that has no graph here; the reason.
    """
    from safetensors.numpy import save_file

    arrays = {name: np.ascontiguousarray(array) for name, array in pack_weights(checkpoint).items()}
    save_file(arrays, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(checkpoint.config), encoding="utf-8")


class DecoderWeights:
    """What `write_weights` wrote.

    Raises:
        OSError, ValueError: a file is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        self.config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        try:
            self._arrays: Arrays = load_file(folder / WEIGHTS)
        except SafetensorError as error:
            raise ValueError(f"{WEIGHTS}: {error}") from error

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def array_or(self, name: str, instead: NDArray[Any]) -> NDArray[Any]:
        """Return an array, or another where the model has none of this name."""
        return self._arrays.get(name, instead)
