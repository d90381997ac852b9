"""Build the graph of a Llama-like decoder for OpenVINO from GPTQ weights, still in 4 or 8 bits.

Llama (Touvron et al., 2023, arXiv:2302.13971), Mistral, Qwen2 and Qwen3 differ in biases and in
norms of queries and keys, which are built where the checkpoint has them. Attention with its cache
is one operation, PagedAttention (Kwon et al., 2023, arXiv:2309.06180), which the library cannot
read from a file: the graph is built whenever a model is loaded. docs/performance.md has what it
brings.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rag.inference.decoder_weights import DecoderWeights
from rag.inference.openvino_runtime import import_openvino

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3")

Node = Any  # the library ships no types


class DecoderGraph:
    """Builds the graph.

    Its inputs are ``input_ids`` and ``position_ids`` of shape ``(1, n)``, the new tokens of some
    sequences one after the other; ``scored`` ``(k)``, the places among them whose logits are
    wanted, the output ``(1, k, vocabulary)``; and what PagedAttention asks for: see `PagedCache`.

    Raises:
        ValueError: the architecture or a setting of it is not supported; the reason.
    """

    def __init__(self, weights: DecoderWeights) -> None:
        self._openvino = import_openvino()
        from openvino import opset15

        self._op: Any = opset15
        self._weights = weights
        config = weights.config
        _refuse_unsupported(config)
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._kv_heads = int(config.get("num_key_value_heads") or self._heads)
        self._head_size = int(config.get("head_dim") or config["hidden_size"] // self._heads)
        self._epsilon = float(config["rms_norm_eps"])
        self._arrays: list[NDArray[Any]] = []  # constants are these very numbers
        self._inputs: list[Node] = []

    def build(self) -> Any:  # noqa: ANN401 - an openvino.Model
        """Return the whole graph. Keep this object as long as what is compiled of it."""
        op, types = self._op, self._openvino.Type
        ids = self._input("input_ids", [1, -1], types.i64)
        positions = self._input("position_ids", [1, -1], types.i64)
        scored = self._input("scored", [-1], types.i64)
        self._sequences = [
            self._input(name, [-1], types.i32)
            for name in ("past_lens", "subsequence_begins", "block_indices", "block_indices_begins")
        ]
        self._longest = self._input("max_context_len", [], types.i32)
        self._rotation = self._rotary_angles(positions)
        embedding, scales = self._embedding("model.embed_tokens")
        rows = op.gather(embedding, ids, self._integers(0))
        row_scales = op.gather(scales, ids, self._integers(0))
        hidden = op.multiply(op.convert(rows, types.f32), row_scales)
        for layer in range(self._layers):
            # Only what is asked for goes on from the attention of the last layer.
            wanted = scored if layer == self._layers - 1 else None
            hidden = self._layer(hidden, f"model.layers.{layer}", layer, wanted)
        hidden = self._norm(hidden, "model.norm")
        if "lm_head.values" in self._weights:
            embedding, scales = self._embedding("lm_head")
        head = op.multiply(op.convert(embedding, types.f32), scales)
        logits = op.result(op.matmul(hidden, head, False, True))
        return self._openvino.Model([logits], [], self._inputs, "decoder")

    # Parts of a layer ---------------------------------------------------------------------

    def _layer(self, hidden: Node, name: str, number: int, wanted: Node | None) -> Node:
        op = self._op
        attended = self._attention(
            self._norm(hidden, f"{name}.input_layernorm"), f"{name}.self_attn", number
        )
        if wanted is not None:
            hidden, attended = (
                op.gather(one, wanted, self._integers(1)) for one in (hidden, attended)
            )
        hidden = op.add(hidden, self._linear(attended, f"{name}.self_attn.o_proj"))
        normed = self._norm(hidden, f"{name}.post_attention_layernorm")
        gate, up = self._split(self._linear(normed, f"{name}.mlp.gate_up_proj"), axis=2, parts=2)
        return op.add(
            hidden, self._linear(op.multiply(op.swish(gate), up), f"{name}.mlp.down_proj")
        )

    def _attention(self, hidden: Node, name: str, number: int) -> Node:
        op = self._op
        projected = self._linear(hidden, f"{name}.qkv_proj")
        heads = [self._heads, self._kv_heads, self._kv_heads]
        shape = self._integers([0, 0, sum(heads), self._head_size])
        parts = op.variadic_split(
            op.reshape(projected, shape, True), self._integers(2), self._integers(heads)
        )
        query, key, value = (parts.output(n) for n in range(3))
        if f"{name}.q_norm" in self._weights:
            query, key = self._norm(query, f"{name}.q_norm"), self._norm(key, f"{name}.k_norm")
        query, key = self._rotated(query), self._rotated(key)
        attended = self._paged_attention(query, key, value, number)
        width = self._heads * self._head_size
        return op.reshape(attended, self._integers([1, -1, width]), False)

    def _paged_attention(self, query: Node, key: Node, value: Node, number: int) -> Node:
        """Let each token look at those before it in its sequence; keys and values are kept."""
        from openvino.op import _PagedAttentionExtension

        op, types = self._op, self._openvino.Type
        flat = [
            op.reshape(part, self._integers([-1, heads * self._head_size]), False)
            for part, heads in (
                (query, self._heads), (key, self._kv_heads), (value, self._kv_heads),
            )
        ]  # fmt: skip
        caches = [
            self._input(f"{name}.{number}", [-1, -1, -1, -1], types.dynamic)
            for name in ("key_cache", "value_cache")
        ]
        none, zero = self._empty(np.int32), op.constant(np.array(0, dtype=np.int32))
        node = _PagedAttentionExtension(
            [
                one.output(0)
                for one in (
                    *flat,
                    *caches,
                    *self._sequences,
                    self._floats(self._head_size**-0.5),
                    zero,  # sliding window
                    self._empty(np.float32),  # ALiBi slopes
                    self._longest,
                    none,  # score aggregation window
                    none, none, self._empty(np.float32),  # rotated blocks, their angles and table
                    self._empty(np.float32), zero, zero,  # XAttention: threshold, block, stride
                    self._empty(np.float32, (0, 0, 0, 0)),  # sinks
                    zero, none, none, none,  # adaptive eviction
                    none, self._empty(np.uint8), none,  # queries that see queries
                )
            ]
        )  # fmt: skip
        facts = node.get_rt_info()
        facts["k_head_size"] = facts["v_head_size"] = self._head_size
        facts["num_k_heads"] = facts["num_v_heads"] = self._kv_heads
        return node.output(0)

    def _rotary_angles(self, positions: Node) -> tuple[Node, Node]:
        """Cosine and sine of each position (Su et al., 2021, arXiv:2104.09864)."""
        op = self._op
        frequencies = rotary_frequencies(self._weights.config, self._head_size)
        column = self._constant(frequencies.reshape(1, -1, 1))
        row = op.convert(op.unsqueeze(positions, self._integers(1)), self._openvino.Type.f32)
        angles = op.transpose(op.matmul(column, row, False, False), self._integers([0, 2, 1]))
        both = op.concat([angles, angles], -1)
        heads = self._integers(2)
        return op.unsqueeze(op.cos(both), heads), op.unsqueeze(op.sin(both), heads)

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
        return op.multiply(scaled, self._constant(self._weights[name]))

    # Weights ------------------------------------------------------------------------------

    def _linear(self, hidden: Node, name: str) -> Node:
        """Multiply with weights that stay in their bits."""
        op, types = self._op, self._openvino.Type
        values, scales = self._weights[f"{name}.values"], self._weights[f"{name}.scales"]
        if values.dtype == np.uint8:
            shape = [*values.shape[:2], 2 * values.shape[2]]
            kept = op.constant(self._openvino.Tensor(values, self._openvino.Shape(shape), types.i4))
        else:
            kept = self._constant(values)
        dense = op.multiply(op.convert(kept, types.f16), self._constant(scales))
        flat = self._integers([len(values), -1])
        dense = op.convert(op.reshape(dense, flat, False), types.f32)
        product = op.matmul(hidden, dense, False, True)
        if f"{name}.bias" not in self._weights:
            return product
        return op.add(product, self._constant(self._weights[f"{name}.bias"]))

    def _embedding(self, name: str) -> tuple[Node, Node]:
        return (
            self._constant(self._weights[f"{name}.values"]),
            self._constant(self._weights[f"{name}.scales"]),
        )

    # Small things -------------------------------------------------------------------------

    def _input(self, name: str, shape: list[int], kind: Any) -> Node:  # noqa: ANN401 - a Type
        node = self._op.parameter(shape, kind, name)
        node.output(0).set_names({name})
        self._inputs.append(node)
        return node

    def _constant(self, array: NDArray[Any]) -> Node:
        contiguous = np.ascontiguousarray(array)
        self._arrays.append(contiguous)
        return self._op.constant(self._openvino.Tensor(contiguous, shared_memory=True))

    def _integers(self, values: ArrayLike) -> Node:
        return self._op.constant(np.array(values, dtype=np.int64))

    def _floats(self, value: float) -> Node:
        return self._op.constant(np.array(value, dtype=np.float32))

    def _empty(self, kind: Any, shape: tuple[int, ...] = (0,)) -> Node:  # noqa: ANN401 - a dtype
        return self._op.constant(np.zeros(shape, dtype=kind))

    def _split(self, node: Node, axis: int, parts: int) -> list[Node]:
        split = self._op.split(node, self._integers(axis), parts)
        return [split.output(n) for n in range(parts)]


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
