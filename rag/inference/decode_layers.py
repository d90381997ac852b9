"""All layers of a decoder for one new token of each of a few sequences, as one compiled function.

Threads call it side by side. Work is cut into items that each takes as it is free, and nobody goes
on before all items of a part are done. A late thread finds nothing left of a part, so that what it
prepared for it from later numbers is never used. Compiled code is kept beside the byte code of
Python, in ``__pycache__``.
"""

import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numba
from numba import njit

from rag.inference import decode_kernels, decode_parts
from rag.inference.decode_kernels import claim, pointer, seen
from rag.inference.decode_parts import (
    attend,
    compiled,
    gate,
    join,
    place,
    prepare,
    product,
    round_inputs,
)

# What the compiled code is made of besides this file, at which alone Numba looks.
_SOURCES = zlib.crc32(
    b"".join(Path(str(part.__file__)).read_bytes() for part in (decode_kernels, decode_parts))
)
PARTS_OF_LAYER = 5
COUNTER = 16  # numbers of 64 bits apart, so that no two counters share a line of memory
_ITEMS = 4  # of a product for each thread; memory is fastest where they are long
_DONE = COUNTER // 2


@compiled
def _items(counters, part, count):
    """Yield items of a part that nobody has taken; end when all of them are done."""
    taken = counters.ctypes.data + 8 * COUNTER * part
    done = taken + 8 * _DONE
    item = claim(taken)
    while item < count:
        yield item
        claim(done)
        item = claim(taken)
    while seen(done) < count:
        pass


@compiled
def _multiply(counters, part, weights, layer, inputs, added_to, items, kind):
    """Add products to rows."""
    count = added_to.shape[1]
    rows_of_item = -(-count // items)
    for item in _items(counters, part, items):
        for n in range(item * rows_of_item, min(count, (item + 1) * rows_of_item)):
            for row in range(len(added_to)):
                added_to[row, n] += product(weights, layer, n, inputs, row, kind)


@compiled
def _step(
    thread, counters, hidden, rotation, lengths, blocks, caches, shape, example,
    weights, norms, head_norms, last_norm, epsilon, head, scratch, scores,
    kind, head_kind,
):  # fmt: skip
    qkv, out, up, down = weights
    all_inputs, partial, projected, attended, active = scratch
    inputs = (
        all_inputs[0][thread],
        all_inputs[1][thread],
        all_inputs[2][thread],
        all_inputs[3][thread],
    )
    rows, heads, pieces = len(hidden), projected.shape[1], partial[1].shape[1]
    items = _ITEMS * pieces
    for layer in range(len(norms)):
        part = PARTS_OF_LAYER * layer
        kept = (
            numba.carray(pointer(caches[layer, 0]), shape, example.dtype),
            numba.carray(pointer(caches[layer, 1]), shape, example.dtype),
        )
        prepare(hidden, norms[layer, 0], epsilon, inputs, kind)
        for item in _items(counters, part, heads):
            for n in range(projected.shape[2]):
                for row in range(rows):
                    projected[row, item, n] = product(
                        qkv, layer, item * projected.shape[2] + n, inputs, row, kind
                    )
            place(
                item, projected, head_norms[layer], epsilon, rotation, lengths, blocks, kept,
                inputs[3], kind,
            )  # fmt: skip
        part += 1
        for item in _items(counters, part, rows * pieces):
            attend(item, projected, kept, blocks, lengths, partial, kind)
        part += 1
        join(partial, attended[thread], kind)
        round_inputs(attended[thread], inputs, kind)
        _multiply(counters, part, out, layer, inputs, hidden, items, kind)
        part += 1
        prepare(hidden, norms[layer, 1], epsilon, inputs, kind)
        for item in _items(counters, part, items):
            gate(item, up, layer, inputs, active, items, kind)
        part += 1
        round_inputs(active, inputs, kind)
        _multiply(counters, part, down, layer, inputs, hidden, items, kind)
    prepare(hidden, last_norm, epsilon, inputs, head_kind)
    _multiply(counters, PARTS_OF_LAYER * len(norms), head, 0, inputs, scores, items, head_kind)


@cache
def compiled_step() -> Callable[..., None]:
    """Return what reads a token after each sequence.

    It is compiled at the first call with a kind of model, which takes seconds, and kept.

    Returns:
        A function of

        - ``thread``, the number of the caller, and ``counters``, zeros of ``(parts, COUNTER)``
        - ``hidden``, embeddings of the tokens ``(rows, width)``, which are changed
        - ``rotation``, cosines and sines of their positions ``(rows, 2, size / 2)``
        - ``lengths`` of the sequences with the new token, and the ``blocks`` of each
        - ``caches``, ``shape`` and ``example`` of `Memory`
        - ``weights`` of the four products of layers: addresses, scales and biases
        - ``norms (layers, 2, width)``, ``head_norms (layers, 2, size or 0)``, ``last_norm``,
          ``epsilon``, and the ``head``, the last product
        - ``scratch``: see `DecodeStep`
        - ``scores (rows, vocabulary)``, zeros to which it adds
        - ``kind`` and ``head_kind``, of the layers and of the head: `kind_of`.
    """
    sources = _SOURCES  # Numba tells what it kept apart by what a function closes over

    @njit(nogil=True, cache=True)
    def step(
        thread, counters, hidden, rotation, lengths, blocks, caches, shape, example,
        weights, norms, head_norms, last_norm, epsilon, head, scratch, scores,
        kind, head_kind,
    ):  # fmt: skip
        if sources:
            _step(
                thread, counters, hidden, rotation, lengths, blocks, caches, shape, example,
                weights, norms, head_norms, last_norm, epsilon, head, scratch, scores,
                kind, head_kind,
            )  # fmt: skip

    return step  # type: ignore[no-any-return]


def forget_kept_step() -> None:
    """Delete what was kept of `compiled_step`."""
    kept = Path(compiled_step().stats.cache_path)  # type: ignore[attr-defined] # of Numba
    for file in kept.glob(f"{Path(__file__).stem}.*.nb[ic]"):
        file.unlink(missing_ok=True)
