"""One new token for each of a few sequences, without a graph.

The graph of a small model spends more time between its operations than in them when it reads a
single token. Here all layers are one compiled function, over the weights that the graph was built
of and the keys and values of `PagedCache`. What it brings is in docs/performance.md.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference import paged_cache
from rag.inference.decode_kernels import BYTES, has_dot_products, kind_of
from rag.inference.decode_layers import COUNTER, PARTS_OF_LAYER, compiled_step, forget_kept_step
from rag.inference.decoder_graph import rotary_frequencies
from rag.inference.decoder_weights import DecoderWeights
from rag.inference.paged_cache import PagedCache

_PRODUCTS = ("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj")
_NORMS = ("input_layernorm", "post_attention_layernorm")
_HEAD_NORMS = ("self_attn.q_norm", "self_attn.k_norm")
_MOST_THREADS = 8

Floats = NDArray[np.float32]


class DecodeStep:
    """Reads one token after each of some sequences. Not thread-safe.

    Args:
        weights: of a decoder.
        cache: of the graph of the same weights.
        threads: of those that the graph has; a few read memory as fast as it is.

    Raises:
        ValueError: the weights are in groups that it cannot read; the reason.
    """

    def __init__(self, weights: DecoderWeights, cache: PagedCache, threads: int) -> None:
        self._weights = weights  # held, as what follows has addresses in them
        self._cache = cache
        self._threads = min(threads, _MOST_THREADS)
        self._others = ThreadPoolExecutor(max(1, self._threads - 1), "decode")
        config, memory = weights.config, cache.memory
        names = [f"model.layers.{n}" for n in range(int(config["num_hidden_layers"]))]
        group, packed = _layout(weights, names)
        self._group, self._size = group, memory.shape[-1]
        is_half = bool(memory.example.dtype == np.uint16)
        self._step = compiled_step()
        self._kinds = (
            kind_of(group, packed, self._size, is_half),
            kind_of(group, False, self._size, is_half),
        )
        self._products = tuple(_product(weights, names, product) for product in _PRODUCTS)
        none = np.zeros(0, np.float32)
        self._norms = (
            _stacked(weights, names, _NORMS, none),
            _stacked(weights, names, _HEAD_NORMS, none),
        )
        self._last_norm = weights["model.norm"].astype(np.float32)
        self._epsilon = np.float32(config["rms_norm_eps"])
        self._head = _head(weights, group)
        self._frequencies = rotary_frequencies(config, self._size)

    def compile(self) -> None:
        """Compile what `run` calls, or load what was kept of it.

        Raises:
            OSError: it cannot be kept. To compile it at every start would take longer than the
                graph loses.
        """
        try:
            self._read_alone()
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - kept code that is damaged fails in as many ways
            forget_kept_step()
            self._read_alone()

    def _read_alone(self) -> None:
        """Read one token in this thread: others would wait for ever for one that cannot begin."""
        nothing, first = paged_cache.Sequence(), np.zeros(1, np.int64)
        try:
            self._read(first, first, [nothing], threads=1)
        finally:
            self._cache.drop(nothing)

    @property
    def kernel(self) -> str:
        """What computes a linear layer."""
        return f"Numba, {'VNNI' if has_dot_products() else 'no VNNI'}"

    def run(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        sequences: Sequence[paged_cache.Sequence],
    ) -> Floats:
        """Read a token after each sequence; return the scores of what may follow.

        Shapes: ids and positions ``(rows,)``; returned ``(rows, vocabulary)``.
        """
        return self._read(ids, positions, sequences, self._threads)

    def _read(
        self,
        ids: NDArray[np.int64],
        positions: NDArray[np.int64],
        sequences: Sequence[paged_cache.Sequence],
        threads: int,
    ) -> Floats:
        self._cache.lengthen(sequences, 1)
        memory = self._cache.memory
        lengths = np.array([sequence.length for sequence in sequences])
        blocks = np.zeros((len(ids), max(len(one.blocks) for one in sequences)), np.int64)
        for row, sequence in enumerate(sequences):
            blocks[row, : len(sequence.blocks)] = sequence.blocks
        values, scales = (
            self._weights[f"model.embed_tokens.{kind}"] for kind in ("values", "scales")
        )
        angles = positions[:, np.newaxis] * self._frequencies
        rotation = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        scores = np.zeros((len(ids), self._head[1].shape[1]), np.float32)
        parts = PARTS_OF_LAYER * len(memory.addresses) + 1
        arguments = (
            np.zeros((parts, COUNTER), np.int64), (values[ids] * scales[ids]).astype(np.float32),
            rotation, lengths, blocks, memory.addresses, memory.shape, memory.example,
            self._products, *self._norms, self._last_norm, self._epsilon, self._head,
            self._scratch(len(ids), blocks.shape[1]), scores, *self._kinds,
        )  # fmt: skip
        others = [self._others.submit(self._step, n, *arguments) for n in range(1, threads)]
        self._step(0, *arguments)
        for other in others:
            other.result()
        return scores

    def _scratch(self, rows: int, blocks: int) -> tuple[Any, ...]:
        """Return what threads write: inputs, pieces of attention, heads, attention, activations."""
        group, size = self._group, self._size
        qkv, out, _, down = self._products
        heads, width = out[1].shape[2] * group // size, len(self._last_norm)
        inner = down[1].shape[2] * group
        threads, tokens = self._threads, self._cache.block_tokens
        widest = max(inner, heads * size, width)
        inputs = (
            np.empty((threads, rows, widest), np.int8),
            np.empty((threads, rows, widest // group), np.float32),
            np.zeros((threads, rows, widest // group, BYTES // 4), np.int32),
            np.empty((threads, rows, max(width, size)), np.float32),
        )
        partial = (
            np.empty((rows, threads, heads, size), np.float32),
            np.empty((rows, threads, heads), np.float32),
            np.empty((rows, threads, heads), np.float32),
            np.empty((rows, threads, heads, -(-blocks // threads) * tokens), np.float32),
        )
        projected = np.empty((rows, qkv[1].shape[1] // size, size), np.float32)
        attended = np.empty((threads, rows, heads * size), np.float32)
        return inputs, partial, projected, attended, np.empty((rows, inner), np.float32)


def _layout(weights: DecoderWeights, names: Sequence[str]) -> tuple[int, bool]:
    """Return how many inputs share a scale, and whether two weights lie in a byte."""
    values = [weights[f"{name}.{product}.values"] for name in names for product in _PRODUCTS]
    packed = {bool(one.dtype == np.uint8) for one in values}
    groups = {one.shape[2] * (2 if one.dtype == np.uint8 else 1) for one in values}
    hidden = weights["model.norm"].shape[0]
    if len(packed) > 1 or len(groups) > 1:
        raise ValueError("layers differ in their bits or groups")
    if (group := groups.pop()) % BYTES or hidden % group:
        raise ValueError(f"groups of {group} of {hidden} inputs")
    return group, packed.pop()


def _product(weights: DecoderWeights, names: Sequence[str], product: str) -> tuple[Any, ...]:
    """Return addresses, scales (the bits of f16) and biases of a product in all layers."""
    values = [weights[f"{name}.{product}.values"] for name in names]
    scales = np.stack([weights[f"{name}.{product}.scales"] for name in names])
    scales = np.ascontiguousarray(scales.reshape(scales.shape[:3]), np.float16)
    none = np.zeros(scales.shape[1], np.float32)
    biases = _stacked(weights, names, (f"{product}.bias",), none)[:, 0]
    return np.array([_address(one) for one in values]), scales.view(np.uint16), biases


def _head(weights: DecoderWeights, group: int) -> tuple[Any, ...]:
    """Return what `_product` does of the last product, whose rows have one scale each."""
    name = "lm_head" if "lm_head.values" in weights else "model.embed_tokens"
    values = weights[f"{name}.values"]
    groups = values.shape[1] // group
    scales = np.repeat(weights[f"{name}.scales"].astype(np.float16), groups, axis=1)[np.newaxis]
    biases = np.zeros((1, len(values)), np.float32)
    return np.array([_address(values)]), scales.view(np.uint16), biases


def _stacked(
    weights: DecoderWeights, names: Sequence[str], parts: Sequence[str], instead: Floats
) -> Floats:
    """Return small arrays of all layers, ``instead`` where there is none.

    Shape: ``(layers, parts, numbers)``.
    """
    full = [[f"{name}.{part}" for part in parts] for name in names]
    found = [[weights.array_or(one, instead) for one in layer] for layer in full]
    return np.ascontiguousarray(found, np.float32)


def _address(array: NDArray[Any]) -> int:
    if not array.flags.c_contiguous:
        raise ValueError("weights that are not contiguous")
    return int(array.ctypes.data)
