"""Build the graph of a Llama-like decoder for OpenVINO from GPTQ weights, still in 4 or 8 bits.

Llama (Touvron et al., 2023, arXiv:2302.13971), Mistral, Qwen2 and Qwen3 differ in biases and in
norms of queries and keys, which are built where the checkpoint has them. The shapes of some parts
are those that the CPU plugin fuses: attention with its cache is one operation then, and a token
takes 9 ms instead of 21 (docs/performance.md).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag.inference.gptq_checkpoint import GptqCheckpoint
from rag.inference.openvino_runtime import import_openvino

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3")

Node = Any  # the library ships no types


class DecoderGraph:
    """Builds the graph.

    Its inputs are ``input_ids`` and ``position_ids`` of shape ``(1, n)``, ``mask`` (0 where a
    token may look, hugely negative elsewhere) of shape ``(1, 1, n, seen + n)``, ``beam_idx``
    (``[0]``), ``scored`` (``[k]``). Its output are the logits of the last ``k`` tokens. Keys and
    values stay inside as state.

    Raises:
        ValueError: the architecture or a setting of it is not supported; the reason.
    """

    def __init__(self, checkpoint: GptqCheckpoint) -> None:
        self._openvino = import_openvino()
        from openvino import opset15

        self._op: Any = opset15
        self._checkpoint = checkpoint
        config = checkpoint.config
        _refuse_unsupported(config)
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._kv_heads = int(config.get("num_key_value_heads") or self._heads)
        self._head_size = int(config.get("head_dim") or config["hidden_size"] // self._heads)
        self._epsilon = float(config["rms_norm_eps"])
        self._arrays: list[Any] = []  # constants look at them until the graph is saved
        self._states: list[Node] = []

    def build(self) -> Any:  # noqa: ANN401 - an openvino.Model
        """Return the whole graph. Keep this object until the graph is saved."""
        op, types = self._op, self._openvino.Type
        self._ids = self._input("input_ids", [-1, -1], types.i64)
        positions = self._input("position_ids", [-1, -1], types.i64)
        self._mask = self._input("mask", [-1, 1, -1, -1], types.f32)
        self._beam = self._input("beam_idx", [-1], types.i32)
        scored = self._input("scored", [1], types.i64)
        self._rotation = self._rotary_angles(positions)
        embedding, scales = self._embedding("model.embed_tokens")
        rows = op.gather(embedding, self._ids, self._integers(0))
        row_scales = op.gather(scales, self._ids, self._integers(0))
        hidden = op.multiply(op.convert(rows, types.f32), row_scales)
        for layer in range(self._layers):
            hidden = self._layer(hidden, f"model.layers.{layer}", layer)
        # Heads of a small model are its largest part: only what is asked for goes through it.
        first = op.multiply(scored, self._integers([-1]))
        last, step, axis = (self._integers([n]) for n in (np.iinfo(np.int64).max, 1, 1))
        hidden = op.slice(hidden, first, last, step, axis)
        hidden = self._norm(hidden, "model.norm")
        if "lm_head.weight" in self._checkpoint:
            embedding, scales = self._embedding("lm_head")
        head = op.multiply(op.convert(embedding, types.f32), scales)
        logits = op.result(op.matmul(hidden, head, False, True))
        inputs = [self._ids, positions, self._mask, self._beam, scored]
        return self._openvino.Model([logits], self._states, inputs, "decoder")

    # Parts of a layer ---------------------------------------------------------------------

    def _layer(self, hidden: Node, name: str, number: int) -> Node:
        op = self._op
        normed = self._norm(hidden, f"{name}.input_layernorm")
        hidden = op.add(hidden, self._attention(normed, f"{name}.self_attn", number))
        normed = self._norm(hidden, f"{name}.post_attention_layernorm")
        gate, up = self._split(
            self._linear(normed, f"{name}.mlp.gate_proj", f"{name}.mlp.up_proj"), axis=2, parts=2
        )
        return op.add(
            hidden, self._linear(op.multiply(op.swish(gate), up), f"{name}.mlp.down_proj")
        )

    def _attention(self, hidden: Node, name: str, number: int) -> Node:
        op = self._op
        projected = self._linear(hidden, f"{name}.q_proj", f"{name}.k_proj", f"{name}.v_proj")
        heads = [self._heads, self._kv_heads, self._kv_heads]
        shape = self._integers([0, 0, sum(heads), self._head_size])
        parts = op.variadic_split(
            op.reshape(projected, shape, True), self._integers(2), self._integers(heads)
        )
        query, key, value = (parts.output(n) for n in range(3))
        if f"{name}.q_norm.weight" in self._checkpoint:
            query, key = self._norm(query, f"{name}.q_norm"), self._norm(key, f"{name}.k_norm")
        query, key, value = (
            op.transpose(part, self._integers([0, 2, 1, 3])) for part in (query, key, value)
        )
        attended = op.scaled_dot_product_attention(
            self._rotated(query),
            self._remembered(self._rotated(key), f"key.{number}"),
            self._remembered(value, f"value.{number}"),
            self._mask,
        )
        merged = op.transpose(attended, self._integers([0, 2, 1, 3]))
        width = self._heads * self._head_size
        merged = op.reshape(merged, self._integers([0, 0, width]), True)
        return self._linear(merged, f"{name}.o_proj")

    def _remembered(self, part: Node, name: str) -> Node:
        """Append ``part`` to its state and return all of it, repeated for each group of heads."""
        op, openvino = self._op, self._openvino
        heads, size = self._kv_heads, self._head_size
        batch = self._length(self._ids, 0)
        empty = op.concat([batch, self._integers([heads]), self._integers([0, size])], 0)
        info = openvino.op.util.VariableInfo()
        info.data_shape = openvino.PartialShape([-1, heads, -1, size])
        info.data_type = openvino.Type.f32
        info.variable_id = name
        variable = openvino.op.util.Variable(info)
        past = op.read_value(op.broadcast(self._floats(0.0), empty), variable)
        past = op.gather(past, self._beam, self._integers(0))
        whole = op.concat([past, part], 2)
        self._states.append(op.assign(whole, variable))
        groups = self._heads // heads
        if groups == 1:
            return whole
        shape = op.concat(
            [
                self._length(whole, 0), self._integers([heads, groups]),
                self._length(whole, 2), self._integers([size]),
            ],
            0,
        )  # fmt: skip
        spread = op.broadcast(
            op.unsqueeze(whole, self._integers(2)), shape, broadcast_spec="BIDIRECTIONAL"
        )
        return op.reshape(spread, self._integers([0, self._heads, -1, size]), True)

    def _rotary_angles(self, positions: Node) -> tuple[Node, Node]:
        """Cosine and sine of each position (Su et al., 2021, arXiv:2104.09864)."""
        op = self._op
        frequencies = rotary_frequencies(self._checkpoint.config, self._head_size)
        column = self._constant(frequencies.reshape(1, -1, 1))
        row = op.convert(op.unsqueeze(positions, self._integers(1)), self._openvino.Type.f32)
        angles = op.transpose(op.matmul(column, row, False, False), self._integers([0, 2, 1]))
        both = op.concat([angles, angles], -1)
        one = self._integers(1)
        return op.unsqueeze(op.cos(both), one), op.unsqueeze(op.sin(both), one)

    def _rotated(self, part: Node) -> Node:
        op, half = self._op, self._head_size // 2
        cosine, sine = self._rotation
        ends = ([0], [half]), ([half], [self._head_size])
        first, second = (
            op.slice(
                part,
                self._integers(start),
                self._integers(stop),
                self._integers([1]),
                self._integers([3]),
            )
            for start, stop in ends
        )
        turned = op.concat([op.multiply(second, self._floats(-1.0)), first], -1)
        return op.add(op.multiply(part, cosine), op.multiply(turned, sine))

    def _norm(self, hidden: Node, name: str) -> Node:
        """Root mean square norm (Zhang and Sennrich, 2019, arXiv:1910.07467)."""
        op = self._op
        square = op.power(hidden, self._floats(2.0))
        mean = op.add(
            op.reduce_mean(square, self._integers([-1]), True), self._floats(self._epsilon)
        )
        scaled = op.multiply(hidden, op.divide(self._floats(1.0), op.sqrt(mean)))
        weight = self._checkpoint.dense(f"{name}.weight")
        return op.multiply(scaled, self._constant(weight))

    # Weights ------------------------------------------------------------------------------

    def _linear(self, hidden: Node, *layers: str) -> Node:
        """Multiply with the weights of ``layers``, one below the other, kept in their bits.

        Where one of them has 8 bits, all of these are kept in 8.
        """
        op, types = self._op, self._openvino.Type
        read = [self._checkpoint.quantized(layer) for layer in layers]
        weights = np.concatenate([values for values, _ in read])
        scales = np.concatenate([scales for _, scales in read])
        kept = self._four_bits(weights) if _fits_four_bits(weights) else self._constant(weights)
        dense = op.multiply(op.convert(kept, types.f16), self._constant(scales))
        flat = self._integers([len(weights), weights.shape[1] * weights.shape[2]])
        dense = op.convert(op.reshape(dense, flat, False), types.f32)
        product = op.matmul(hidden, dense, False, True)
        biases = [self._checkpoint.dense(f"{x}.bias") for x in layers if self._has_bias(x)]
        if not biases:
            return product
        return op.add(product, self._constant(np.concatenate(biases)))

    def _four_bits(self, weights: NDArray[np.int8]) -> Node:
        types = self._openvino.Type
        tensor = self._openvino.Tensor(types.i4, self._openvino.Shape(weights.shape))
        nibbles = weights.view(np.uint8).reshape(-1) & np.uint8(15)
        tensor.data.reshape(-1)[:] = nibbles[0::2] | (nibbles[1::2] << np.uint8(4))
        self._arrays.append(tensor)
        return self._op.constant(tensor)

    def _has_bias(self, layer: str) -> bool:
        return f"{layer}.bias" in self._checkpoint

    def _embedding(self, name: str) -> tuple[Node, Node]:
        """Return rows of 8 bits and a scale for each: it is the largest tensor of a small model."""
        dense = self._checkpoint.dense(f"{name}.weight")
        scales = np.maximum(np.abs(dense).max(axis=1, keepdims=True), 1e-8) / 127
        return self._constant(np.round(dense / scales).astype(np.int8)), self._constant(scales)

    # Small things -------------------------------------------------------------------------

    def _input(self, name: str, shape: list[int], kind: Any) -> Node:  # noqa: ANN401 - a Type
        node = self._op.parameter(shape, kind, name)
        node.output(0).set_names({name})
        return node

    def _constant(self, array: NDArray[Any]) -> Node:
        contiguous = np.ascontiguousarray(array)
        self._arrays.append(contiguous)
        return self._op.constant(self._openvino.Tensor(contiguous))

    def _integers(self, values: ArrayLike) -> Node:
        return self._op.constant(np.array(values, dtype=np.int64))

    def _floats(self, value: float) -> Node:
        return self._op.constant(np.array(value, dtype=np.float32))

    def _length(self, node: Node, axis: int) -> Node:
        shape = self._op.shape_of(node, self._openvino.Type.i64)
        return self._op.gather(shape, self._integers([axis]), self._integers(0))

    def _split(self, node: Node, axis: int, parts: int) -> list[Node]:
        split = self._op.split(node, self._integers(axis), parts)
        return [split.output(n) for n in range(parts)]


def _fits_four_bits(weights: NDArray[np.int8]) -> bool:
    return bool(weights.min() >= -8 and weights.max() <= 7)


def _refuse_unsupported(config: dict[str, Any]) -> None:
    if config.get("model_type") not in ARCHITECTURES:
        raise ValueError(f"the architecture {config.get('model_type')!r} has no graph here")
    if config.get("hidden_act", "silu") != "silu":
        raise ValueError(f"the activation {config['hidden_act']!r} has no graph here")
    if config.get("use_sliding_window") or (
        config.get("model_type") == "mistral" and config.get("sliding_window")
    ):
        raise ValueError("attention in a sliding window has no graph here")


def rotary_frequencies(config: dict[str, Any], head_size: int) -> NDArray[np.float32]:
    """Return the angle per position of each pair of dimensions. Shape: ``(head_size / 2,)``.

    Raises:
        ValueError: a scaling for long contexts that is not built here.
    """
    settings = config.get("rope_parameters") or config.get("rope_scaling") or {}
    base = float(settings.get("rope_theta") or config.get("rope_theta") or 10000.0)
    plain = 1 / base ** (np.arange(0, head_size, 2) / head_size)
    kind = settings.get("rope_type") or settings.get("type") or "default"
    if kind == "default":
        return plain.astype(np.float32)
    if kind != "llama3":
        raise ValueError(f"rotary positions of kind {kind!r} have no graph here")
    factor, original = float(settings["factor"]), settings["original_max_position_embeddings"]
    low, high = float(settings["low_freq_factor"]), float(settings["high_freq_factor"])
    turns = original * plain / (2 * math.pi)
    smooth = np.clip((turns - low) / (high - low), 0, 1)
    scaled: NDArray[np.float32] = (plain * ((1 - smooth) / factor + smooth)).astype(np.float32)
    return scaled
