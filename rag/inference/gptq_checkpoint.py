"""Read the weights of a GPTQ checkpoint (Frantar et al., 2023, arXiv:2210.17323).

A linear layer of shape ``(out, in)`` is stored as ``qweight`` (eight values of 4 bits or four of 8
of one column in each int32, low bits first), ``qzeros`` and one 16-bit scale for each group of
inputs. Layers may differ in their bits.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS = (4, 8)
_WORD = 32  # bits


class GptqCheckpoint:
    """A folder of safetensors files. Needs torch, because numpy has no bfloat16.

    Raises:
        ValueError: the checkpoint is of a kind that has no graph here; the reason.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        self.config: dict[str, Any] = json.loads(
            (folder / "config.json").read_text(encoding="utf-8")
        )
        quantization = self.config.get("quantization_config") or {}
        if quantization.get("quant_method") != "gptq" or quantization.get("bits") not in _BITS:
            raise ValueError("it is not a GPTQ checkpoint of 4 or 8 bits")
        self.bits = int(quantization["bits"])  # of most layers
        self._group_size = int(quantization["group_size"])
        self._offset = 0 if quantization.get("checkpoint_format") == "gptq_v2" else 1
        self._files: dict[str, Any] = {}  # tensor name to the open file that holds it
        for file in sorted(folder.glob("*.safetensors")):
            opened: Any = safe_open(file, framework="pt")
            self._files.update(dict.fromkeys(opened.keys(), opened))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def dense(self, name: str) -> NDArray[np.float32]:
        """Return a tensor that is not quantized, as 32-bit floats."""
        values: NDArray[np.float32] = self._files[name].get_tensor(name).float().numpy()
        return values

    def quantized(self, layer: str) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
        """Return the weights of a linear layer and their scales.

        The weights are the first times the second: -8 to 7 or -128 to 127, of shape ``(out, groups,
        group size)``, and ``(out, groups, 1)``.

        Raises:
            ValueError: the layer is asymmetric, its columns were reordered, or it has other bits.
        """
        words, group_of = self._words(f"{layer}.qweight"), self._raw(f"{layer}.g_idx")
        columns = len(group_of)
        bits = _WORD * len(words) // columns
        if bits not in _BITS:
            raise ValueError(f"{layer} has {bits} bits")
        size = self._group_size if self._group_size > 0 else columns
        if (group_of != np.arange(columns) // size).any():
            raise ValueError("its columns were reordered (desc_act)")
        middle = 1 << (bits - 1)  # stands for 0 in symmetric quantization
        if (_unpack(self._words(f"{layer}.qzeros"), bits) + self._offset != middle).any():
            raise ValueError("it is quantized asymmetrically")
        weights = (_unpack(words.T, bits).astype(np.int16) - middle).astype(np.int8)
        scales = self._raw(f"{layer}.scales").astype(np.float16).T
        return (
            weights.reshape(len(weights), -1, size),
            np.ascontiguousarray(scales)[:, :, np.newaxis],
        )

    def _raw(self, name: str) -> NDArray[Any]:
        values: NDArray[Any] = self._files[name].get_tensor(name).numpy()
        return values

    def _words(self, name: str) -> NDArray[np.uint32]:
        return self._raw(name).view(np.uint32)


def _unpack(words: NDArray[np.uint32], bits: int) -> NDArray[np.uint32]:
    """Return the values in each word side by side. Shape: ``(rows, columns * 32 / bits)``."""
    shifts = np.arange(0, _WORD, bits, dtype=np.uint32)
    values = (words[:, :, np.newaxis] >> shifts) & np.uint32((1 << bits) - 1)
    return values.reshape(len(words), -1)
