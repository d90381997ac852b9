"""Keys and values of sequences of tokens, in blocks of equal size.

What two sequences begin with is kept once (PagedAttention: Kwon et al., 2023, arXiv:2309.06180,
section 4.3): a fork shares the full blocks and copies the last one.
"""

from collections import Counter
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.inference.openvino_runtime import import_openvino

_FIRST_BLOCKS = 64
_PREFIXES = ("key_cache.", "value_cache.")


@dataclass(slots=True)
class Sequence:
    """The tokens of one text: which blocks hold them, and how many they are."""

    blocks: list[int] = field(default_factory=list)
    length: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the blocks of all layers lie."""

    addresses: NDArray[np.int64]  # (layers, 2), of keys and of values
    shape: tuple[int, ...]  # (blocks, heads, tokens of a block, size of a head), of each
    example: NDArray[Any]  # empty: bf16 as its 16 bits, or f32


class PagedCache:
    """Holds the blocks that a request reads and writes.

    Args:
        request: of a graph of `rag.inference.decoder_graph`.
    """

    def __init__(self, request: Any) -> None:  # noqa: ANN401 - the library ships no types
        self._request = request
        inputs = request.model_inputs
        self._caches = {one.any_name: one for one in inputs if one.any_name.startswith(_PREFIXES)}
        shape = next(iter(self._caches.values())).partial_shape
        self.block_tokens = int(shape[2].get_length())
        self._tensors: dict[str, Any] = {}
        self._uses: Counter[int] = Counter()  # sequences that hold a block
        self._free: list[int] = []
        self.memory: Memory  # until the cache grows
        self._grow(_FIRST_BLOCKS)

    @property
    def blocks_in_use(self) -> int:
        """How many blocks sequences hold."""
        return sum(uses > 0 for uses in self._uses.values())

    def fork(self, sequence: Sequence, length: int) -> Sequence:
        """Return another sequence that begins with the first ``length`` tokens of one."""
        full, rest = divmod(length, self.block_tokens)
        blocks = sequence.blocks[:full]
        self._uses.update(blocks)
        forked = Sequence(blocks, full * self.block_tokens)
        if rest:
            copied = self._new_block()
            for tensor in self._tensors.values():
                tensor.data[copied] = tensor.data[sequence.blocks[full]]
            forked.blocks.append(copied)
        forked.length = length
        return forked

    def cut(self, sequence: Sequence, length: int) -> None:
        """Keep the first ``length`` tokens of a sequence that shares no block with others."""
        kept = -(-length // self.block_tokens)
        self._release(sequence.blocks[kept:])
        del sequence.blocks[kept:]
        sequence.length = length

    def drop(self, sequence: Sequence) -> None:
        """Forget a sequence. It must not be used any more."""
        self._release(sequence.blocks)

    def inputs(self, sequences: Many[Sequence], new: int) -> dict[str, NDArray[np.int32]]:
        """Make room for ``new`` tokens after each sequence; return what the graph is told of them.

        The sequences are longer by these tokens then.
        """
        past = [sequence.length for sequence in sequences]
        self.lengthen(sequences, new)
        counts = [0, *(len(sequence.blocks) for sequence in sequences)]
        values: dict[str, Any] = {
            "past_lens": past,
            "subsequence_begins": new * np.arange(len(sequences) + 1),
            "block_indices": np.concatenate([sequence.blocks for sequence in sequences]),
            "block_indices_begins": np.cumsum(counts),
            "max_context_len": max(past) + new,
        }
        return {name: np.array(value, dtype=np.int32) for name, value in values.items()}

    def lengthen(self, sequences: Many[Sequence], new: int) -> None:
        """Make room for ``new`` tokens after each sequence, which is longer by these then."""
        for sequence in sequences:
            sequence.length += new
            while len(sequence.blocks) * self.block_tokens < sequence.length:
                sequence.blocks.append(self._new_block())

    def _memory(self) -> Memory:
        layers = range(len(self._tensors) // 2)
        tensors = [[self._tensors[f"{kind}{n}"] for kind in _PREFIXES] for n in layers]
        addresses = np.array([[tensor.data.ctypes.data for tensor in pair] for pair in tensors])
        first = tensors[0][0]
        kind = np.float32 if first.data.dtype == np.float32 else np.uint16
        return Memory(addresses, tuple(first.shape), np.empty(0, kind))

    def _new_block(self) -> int:
        if not self._free:
            self._grow(2 * next(iter(self._tensors.values())).shape[0])
        block = self._free.pop()
        self._uses[block] = 1
        return block

    def _release(self, blocks: Many[int]) -> None:
        self._uses.subtract(blocks)
        self._free += [block for block in blocks if not self._uses[block]]

    def _grow(self, blocks: int) -> None:
        """Make it ``blocks`` blocks, with the present ones among them."""
        openvino = import_openvino()
        present = 0
        for name, described in self._caches.items():
            sizes = [size.get_length() for size in list(described.partial_shape)[1:]]
            larger = openvino.Tensor(described.element_type, openvino.Shape([blocks, *sizes]))
            if name in self._tensors:
                present = self._tensors[name].shape[0]
                larger.data[:present] = self._tensors[name].data
            self._tensors[name] = larger
            self._request.set_tensor(name, larger)
        self._free += range(blocks - 1, present - 1, -1)
        self.memory = self._memory()
