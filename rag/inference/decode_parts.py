"""What a layer of a decoder does with one new token of each of a few sequences, compiled by Numba.

Products have weights of 4 or 8 bits, and inputs rounded to 8 bits for each group; products of whole
numbers are added up in 32 bits. Arrays have a row for each sequence.
"""

import numpy as np
from numba import njit

from rag.inference.decode_kernels import BYTES, dot, lanes_of_group, lanes_of_head, mix, score

_MOST = 127  # of an input in 8 bits

compiled = njit(error_model="numpy", fastmath=True)  # no division by zero, nothing infinite
_group_lanes, _head_lanes = compiled(lanes_of_group), compiled(lanes_of_head)


# Products -----------------------------------------------------------------------------------


@compiled
def round_inputs(rows, inputs, kind):
    """Round ``rows`` to 8 bits, with a scale for each group, in the order that `dot` asks for.

    Of what twice `lanes_of_group` weights of 4 bits are multiplied with, the inputs of the low bits
    of the bytes come first.
    """
    whole, factors, begun, _ = inputs
    group, packed = BYTES * len(kind[0]), len(kind[1]) > 0
    lanes = _group_lanes(group, packed)
    for row in range(len(rows)):
        for number in range(rows.shape[1] // group):
            numbers = rows[row, number * group : (number + 1) * group]
            kept = whole[row, number * group : (number + 1) * group]
            top, total = np.float32(1e-12), np.int32(0)
            for k in range(group):
                top = max(top, abs(numbers[k]))
            factors[row, number] = top / np.float32(_MOST)
            factor = np.float32(_MOST) / top
            if packed:
                for first in range(0, group, 2 * lanes):
                    for k in range(lanes):
                        low, high = numbers[first + 2 * k], numbers[first + 2 * k + 1]
                        kept[first + k] = np.int8(np.rint(low * factor))
                        kept[first + lanes + k] = np.int8(np.rint(high * factor))
            else:
                for k in range(group):
                    kept[k] = np.int8(np.rint(numbers[k] * factor))
            for k in range(group):
                total += np.int32(kept[k])
            begun[row, number, 0] = total * (-8 if packed else -128)


@compiled
def bytes_of_group(kind):
    return BYTES * len(kind[0]) // (2 if len(kind[1]) else 1)


@compiled
def product(weights, layer, n, inputs, row, kind):
    addresses, scales, biases = weights
    whole, factors, begun, _ = inputs
    groups = scales.shape[2]
    address = addresses[layer] + n * groups * bytes_of_group(kind)
    return biases[layer, n] + dot(
        address, scales[layer, n].ctypes.data, whole[row].ctypes.data,
        factors[row].ctypes.data, begun[row].ctypes.data, groups, kind,
    )  # fmt: skip


@compiled
def gate(item, weights, layer, inputs, active, items, kind):
    """Write silu(gate) times value for a few places; gates lie above values in the matrix."""
    count = active.shape[1]
    rows_of_item = -(-count // items)
    for n in range(item * rows_of_item, min(count, (item + 1) * rows_of_item)):
        for row in range(len(active)):
            gate = product(weights, layer, n, inputs, row, kind)
            value = product(weights, layer, n + count, inputs, row, kind)
            active[row, n] = value * gate / (np.float32(1) + exponential(-gate))


# Norms and attention ------------------------------------------------------------------------


@compiled
def normalize(numbers, weight, epsilon, out):
    """Root mean square norm (Zhang and Sennrich, 2019, arXiv:1910.07467)."""
    square = np.float32(0)
    for k in range(len(weight)):
        square += numbers[k] * numbers[k]
    factor = np.float32(1) / np.sqrt(square / np.float32(len(weight)) + epsilon)
    for k in range(len(weight)):
        out[k] = numbers[k] * factor * weight[k]


@compiled
def prepare(hidden, weight, epsilon, inputs, kind):
    """Make inputs of the norm of each row."""
    normed = inputs[3][:, : hidden.shape[1]]
    for row in range(len(hidden)):
        normalize(hidden[row], weight, epsilon, normed[row])
    round_inputs(normed, inputs, kind)


@compiled
def exponential(x):
    """Return e to the power of ``x`` in f32, in a form that becomes vectors."""
    turns = min(max(x, np.float32(-87)), np.float32(87)) * np.float32(1.44269504)
    whole = np.floor(turns + np.float32(0.5))
    rest = (turns - whole) * np.float32(0.69314718)
    power = np.float32(1 / 720)
    for divisor in (120, 24, 6, 2, 1, 1):
        power = power * rest + np.float32(1) / np.float32(divisor)
    return power * np.int32((np.int32(whole) + 127) << 23).view(np.float32)


@compiled
def place_of(k, lanes):
    """Return where number ``k`` of a head stands in the order of `score`; lanes 0: where it was."""
    if lanes == 0:
        return k
    within = k % (2 * lanes)
    return k - within + within % 2 * lanes + within // 2


@compiled
def keep(head, slot):
    """Write a key or value into the cache, in bf16 rounded to the nearest."""
    for k in range(len(slot)):
        if slot.itemsize == 2:
            bits = np.float32(head[k]).view(np.uint32)
            odd = (bits >> 16) & 1  # of two that are as near, the even one
            slot[k] = np.uint16((bits + 0x7FFF + odd) >> 16)
        else:
            slot[k] = head[k]


@compiled
def place(head, projected, head_norms, epsilon, rotation, lengths, blocks, caches, spare, kind):
    """Norm and turn a head by its position; arrange a query, keep a key or a value.

    Rotation: Su et al., 2021, arXiv:2104.09864.
    """
    key_cache, value_cache = caches
    size, kv_heads, tokens = projected.shape[2], key_cache.shape[1], key_cache.shape[2]
    heads = projected.shape[1] - 2 * kv_heads
    lanes = _head_lanes(size) if len(kind[3]) else 0
    for row in range(len(projected)):
        vector, turned = projected[row, head], spare[row]
        last = lengths[row] - 1
        block, slot = blocks[row, last // tokens], last % tokens
        if head >= heads + kv_heads:
            keep(vector, value_cache[block, head - heads - kv_heads, slot])
            continue
        if head_norms.shape[1]:
            normalize(vector, head_norms[0 if head < heads else 1], epsilon, vector)
        half = size // 2
        for k in range(half):
            cosine, sine = rotation[row, 0, k], rotation[row, 1, k]
            turned[k] = vector[k] * cosine - vector[half + k] * sine
            turned[half + k] = vector[half + k] * cosine + vector[k] * sine
        if head < heads:
            for k in range(size):
                vector[place_of(k, lanes)] = turned[k] / np.sqrt(np.float32(size))
        else:
            keep(turned, key_cache[block, head - heads, slot])


@compiled
def attend(item, projected, caches, blocks, lengths, partial, kind):
    """Attend with all heads of a row to a piece of its tokens, as they lie in memory."""
    mixed, tops, totals, shares = partial
    keys, values = caches
    heads, tokens = mixed.shape[2], keys.shape[2]
    row, piece = item // mixed.shape[1], item % mixed.shape[1]
    most = (-(-lengths[row] // tokens) + mixed.shape[1] - 1) // mixed.shape[1] * tokens
    begin, end = piece * most, min(lengths[row], (piece + 1) * most)
    shared, all_shares = heads // keys.shape[1], shares[row, piece]
    mixed[row, piece] = np.float32(0)
    tops[row, piece] = np.float32(-1e30)
    totals[row, piece] = np.float32(0)
    for start in range(begin, end, tokens):
        block, count = blocks[row, start // tokens], min(tokens, end - start)
        for head in range(heads):
            to = all_shares[head].ctypes.data + 4 * (start - begin)
            key = keys[block, head // shared].ctypes.data
            score(projected[row, head].ctypes.data, key, count, to, kind)
    for head in range(heads if begin < end else 0):
        mine, top, total = all_shares[head], np.float32(-1e30), np.float32(0)
        for t in range(end - begin):
            top = max(top, mine[t])
        for t in range(end - begin):
            mine[t] = exponential(mine[t] - top)
            total += mine[t]
        tops[row, piece, head], totals[row, piece, head] = top, total
    for start in range(begin, end, tokens):
        block, count = blocks[row, start // tokens], min(tokens, end - start)
        for head in range(heads):
            of = all_shares[head].ctypes.data + 4 * (start - begin)
            value = values[block, head // shared].ctypes.data
            mix(of, value, count, mixed[row, piece, head].ctypes.data, kind)


@compiled
def join(partial, out, kind):
    """Put pieces together (Milakov and Gimelshein, 2018, arXiv:1805.02867). Out: (rows, width)."""
    mixed, tops, totals, _ = partial
    (rows, pieces, heads), size = tops.shape, mixed.shape[3]
    lanes = _head_lanes(size) if len(kind[3]) else 0
    for row in range(rows):
        for head in range(heads):
            top, total = np.float32(-1e30), np.float32(0)
            for piece in range(pieces):
                top = max(top, tops[row, piece, head])
            for piece in range(pieces):
                total += exponential(tops[row, piece, head] - top) * totals[row, piece, head]
            for k in range(size):
                out[row, head * size + k] = np.float32(0)
            for piece in range(pieces):
                share = exponential(tops[row, piece, head] - top) / total
                for k in range(size):
                    number = mixed[row, piece, head, place_of(k, lanes)]
                    out[row, head * size + k] += share * number
