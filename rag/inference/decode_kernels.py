"""Instructions that the step of `rag.inference.decode_step` is made of, written for a compiler.

Numba finds vectors in plain loops. It does not find that sums may stay in the lanes of a vector
from one group of weights to the next, nor the instructions for 8-bit products: these parts are
written as LLVM would have them. They take addresses.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTES = 32  # of weights, read at a time
_HALF, _FLOAT = ir.HalfType(), ir.FloatType()
_INT8, _INT32, _INT64 = (ir.IntType(bits) for bits in (8, 32, 64))

# Values, types and builders of libraries that ship no types.
Value = Any
Signature = Any


def kind_of(group: int, packed: bool, size: int, is_half: bool) -> tuple[tuple[int, ...], ...]:
    """Return what is fixed in compiled code as the type of a value: lengths of tuples are types.

    Args:
        group: inputs that share a scale; a multiple of `BYTES`.
        packed: two weights of 4 bits lie in a byte.
        size: of a head; even.
        is_half: keys and values are kept in bf16, otherwise in f32.
    """
    lengths = group // BYTES, int(packed), size // 2, int(is_half)
    return tuple((0,) * length for length in lengths)


def _fixed(kind: Signature) -> tuple[int, bool, int, bool]:
    """Return what `kind_of` was given."""
    group, packed, size, is_half = (part.count for part in kind.types)
    return BYTES * group, bool(packed), 2 * size, bool(is_half)


def lanes_of_group(group: int, packed: bool) -> int:
    """Return how many weights, or bytes with two of them, are read at a time."""
    return min(BYTES, group // 2) if packed else BYTES


def lanes_of_head(size: int) -> int:
    """Return how many numbers of a head are computed at a time."""
    lanes = 16
    while size % (2 * lanes):
        lanes //= 2
    return lanes


@intrinsic
def dot(
    typing_context, weights, weight_scales, inputs, input_scales, begun, groups, kind,
):  # fmt: skip
    """Return the product of a row of weights with inputs, both in groups with scales.

    Weights are made positive by half of their range, as the instruction wants it that multiplies
    and adds 32 numbers at once (VNNI); the sums begin with what this is too much.

    Args:
        weights: whole numbers of 8 bits, or of 4 bits two in a byte.
        weight_scales: one of 16 bits for each group.
        inputs, input_scales, begun: what `rounded` of the step makes.
        groups: how many.
        kind: of `kind_of`.
    """
    signature = types.float32(*6 * (types.intp,), kind)
    group, packed, *_ = _fixed(kind)
    return signature, lambda _, builder, __, arguments: _dot_code(
        builder, arguments[:6], group, packed
    )


def _dot_code(builder: Value, arguments: Value, group: int, packed: bool) -> Value:
    weights, weight_scales, inputs, input_scales, begun, groups = arguments
    lanes = lanes_of_group(group, packed)
    few, wide = ir.VectorType(_INT8, lanes), ir.VectorType(_INT32, lanes // 4)
    floats = ir.VectorType(_FLOAT, lanes // 4)

    def body(number: Value, carried: list[Value]) -> list[Value]:
        sums = _load(builder, begun, number, BYTES, 0, wide)
        for place in range(0, group, 2 * lanes if packed else lanes):
            width, offset = (group // 2, place // 2) if packed else (group, place)
            both = _load(builder, weights, number, width, offset, few)
            positive = builder.xor(both, few([-120 if packed else -128] * lanes))
            parts = [positive]
            if packed:
                low = builder.and_(positive, few([15] * lanes))
                parts = [low, builder.lshr(positive, few([4] * lanes))]
            for n, part in enumerate(parts):
                many = _load(builder, inputs, number, group, place + n * lanes, few)
                sums = _with_products(builder, sums, part, many)
        scale = builder.fmul(
            builder.fpext(_load(builder, weight_scales, number, 2, 0, _HALF), _FLOAT),
            _load(builder, input_scales, number, 4, 0, _FLOAT),
        )
        whole = builder.sitofp(sums, floats)
        return [_fused(builder, whole, _spread(builder, scale, floats), carried[0])]

    return _summed(builder, _each(builder, groups, [floats(None)], body)[0])


def _with_products(builder: Value, sums: Value, positive: Value, signed: Value) -> Value:
    """Add the products of each four neighbours of 8 bits, one side without a sign, to ``sums``."""
    lanes, kind = positive.type.count, sums.type
    if has_dot_products() and lanes in (16, 32):
        few = ir.VectorType(_INT8, lanes)
        function = ir.FunctionType(kind, [kind, few, few])
        name = f"llvm.x86.avx512.vpdpbusd.{8 * lanes}"
        instruction = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.call(instruction, [sums, positive, signed])
    wide = ir.VectorType(_INT32, lanes)
    products = builder.mul(builder.zext(positive, wide), builder.sext(signed, wide))
    for first in range(4):
        sums = builder.add(sums, _picked(builder, products, range(first, lanes, 4)))
    return sums


@cache
def has_dot_products() -> bool:
    """Tell whether this CPU multiplies and adds numbers of 8 bits in one instruction (VNNI)."""
    features = binding.get_host_cpu_features()
    return bool(
        (features.get("avx512vnni") and features.get("avx512vl")) or features.get("avxvnni")
    )


@intrinsic
def score(typing_context, query, keys, count, scores, kind):
    """Write the product of a query with each of ``count`` keys of a block.

    All are addresses of floats of 32 bits, and of keys in bf16 where ``kind`` says so. The query is
    then arranged: of twice `lanes_of_head` numbers first the even ones, as two of bf16 are read
    as one number of 32 bits.
    """
    *_, width, half = _fixed(kind)

    def code(_: Value, builder: Value, __: Value, arguments: Value) -> Value:
        query, keys, count, scores = arguments[:4]
        asked = _vectors(builder, query, width)

        def body(number: Value, carried: list[Value]) -> list[Value]:
            total = asked[0].type(None)
            for part, numbers in enumerate(_kept(builder, keys, number, width, half)):
                total = _fused(builder, numbers, asked[part], total)
            place = builder.add(scores, builder.mul(number, _INT64(4)))
            builder.store(_summed(builder, total), builder.inttoptr(place, _FLOAT.as_pointer()))
            return carried

        _each(builder, count, [], body)
        return _INT64(0)

    return types.intp(*4 * (types.intp,), kind), code


@intrinsic
def mix(typing_context, shares, values, count, mixed, kind):
    """Add ``count`` values of a block, as much of each as its share says, to what is mixed.

    Addresses as those of `score`; what is mixed is arranged like a query.
    """
    *_, width, half = _fixed(kind)

    def code(_: Value, builder: Value, __: Value, arguments: Value) -> Value:
        shares, values, count, mixed = arguments[:4]
        begun = _vectors(builder, mixed, width)
        floats = begun[0].type

        def body(number: Value, carried: list[Value]) -> list[Value]:
            share = _spread(builder, _load(builder, shares, number, 4, 0, _FLOAT), floats)
            kept = _kept(builder, values, number, width, half)
            pairs = zip(kept, carried, strict=True)
            return [_fused(builder, share, numbers, total) for numbers, total in pairs]

        for part, total in enumerate(_each(builder, count, begun, body)):
            place = builder.add(mixed, _INT64(4 * floats.count * part))
            builder.store(total, builder.inttoptr(place, floats.as_pointer())).align = 1
        return _INT64(0)

    return types.intp(*4 * (types.intp,), kind), code


def _vectors(builder: Value, start: Value, size: int) -> list[Value]:
    lanes = lanes_of_head(size)
    kind = ir.VectorType(_FLOAT, lanes)
    places = range(0, 4 * size, 4 * lanes)
    return [_load(builder, start, _INT64(0), 0, place, kind) for place in places]


def _kept(builder: Value, start: Value, number: Value, size: int, is_half: bool) -> list[Value]:
    """Return one key or value, as vectors."""
    lanes = lanes_of_head(size)
    floats, pairs = ir.VectorType(_FLOAT, lanes), ir.VectorType(_INT32, lanes)
    if not is_half:
        places = range(0, 4 * size, 4 * lanes)
        return [_load(builder, start, number, 4 * size, place, floats) for place in places]
    vectors = []
    for place in range(0, 2 * size, 4 * lanes):
        both = _load(builder, start, number, 2 * size, place, pairs)
        vectors.append(builder.shl(both, pairs([16] * lanes)))
        vectors.append(builder.and_(both, pairs([-65536] * lanes)))
    return [builder.bitcast(vector, floats) for vector in vectors]


@intrinsic
def pointer(typing_context, address):
    """Return an address as what `numba.carray` takes."""
    return types.voidptr(types.intp), lambda _, builder, __, arguments: builder.inttoptr(
        arguments[0], cgutils.voidptr_t
    )


@intrinsic
def claim(typing_context, counter):
    """Add 1 to the number of 64 bits at an address, for all threads; return what it was."""
    return types.intp(types.intp), lambda _, builder, __, arguments: builder.atomic_rmw(
        "add", builder.inttoptr(arguments[0], _INT64.as_pointer()), _INT64(1), "acq_rel"
    )


@intrinsic
def seen(typing_context, counter):
    """Return the number of 64 bits at an address, with all that threads did before they set it."""
    return types.intp(types.intp), lambda _, builder, __, arguments: builder.load_atomic(
        builder.inttoptr(arguments[0], _INT64.as_pointer()), "acquire", 8
    )


# What these are made of -------------------------------------------------------------------


def _load(
    builder: Value, start: Value, number: Value, width: int, offset: int, kind: Value
) -> Value:
    """Load what lies ``offset`` bytes after the ``number``-th of things of ``width`` bytes."""
    place = builder.add(start, builder.mul(number, _INT64(width)))
    value = builder.load(builder.inttoptr(builder.add(place, _INT64(offset)), kind.as_pointer()))
    value.align = 1
    return value


def _each(
    builder: Value,
    count: Value,
    begun: list[Value],
    body: Callable[[Value, list[Value]], list[Value]],
) -> list[Value]:
    """Loop ``count`` times, at least once, over what ``body`` makes of vectors; return the last."""
    before, loop, end = (
        builder.block,
        *(builder.append_basic_block(name) for name in ("loop", "end")),
    )
    builder.branch(loop)
    builder.position_at_end(loop)
    number, carried = builder.phi(_INT64), [builder.phi(vector.type) for vector in begun]
    after = body(number, carried)
    following = builder.add(number, _INT64(1))
    phis = zip([number, *carried], [_INT64(0), *begun], [following, *after], strict=True)
    for phi, first, then in phis:
        phi.add_incoming(first, before)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, end)
    builder.position_at_end(end)
    return after


def _picked(builder: Value, vector: Value, places: Value) -> Value:
    chosen = ir.VectorType(_INT32, len(places))(list(places))
    return builder.shuffle_vector(vector, vector.type(ir.Undefined), chosen)


def _spread(builder: Value, number: Value, kind: Value) -> Value:
    first = builder.insert_element(kind(ir.Undefined), number, _INT32(0))
    return _picked(builder, first, [0] * kind.count)


def _fused(builder: Value, one: Value, other: Value, added: Value) -> Value:
    kind = added.type
    function = ir.FunctionType(kind, 3 * [kind])
    fused = cgutils.get_or_insert_function(builder.module, function, f"llvm.fma.v{kind.count}f32")
    return builder.call(fused, [one, other, added])


def _summed(builder: Value, vector: Value) -> Value:
    while (width := vector.type.count) > 1:
        halves = (range(width // 2), range(width // 2, width))
        vector = builder.fadd(*(_picked(builder, vector, half) for half in halves))
    return builder.extract_element(vector, _INT32(0))
