"""Single tokens read by compiled code, checked against plain arithmetic and the graph."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile
from numpy.typing import NDArray

from rag.inference import decode_kernels
from rag.inference.causal_openvino import OpenVinoCausalModel
from rag.inference.decode_kernels import BYTES, dot, kind_of, mix, score
from rag.inference.decode_layers import compiled_step
from rag.inference.decode_parts import exponential, keep, place_of, round_inputs
from tests.test_inference import decoder
from tests.tiny_gptq import save_tiny_gptq

LANES = 16  # of a head of 32 numbers


def inputs_for(rows: NDArray[np.float32], group: int, kind: Any) -> tuple[NDArray[Any], ...]:  # noqa: ANN401
    groups = rows.shape[1] // group
    made = (
        np.empty(rows.shape, np.int8),
        np.empty((len(rows), groups), np.float32),
        np.zeros((len(rows), groups, BYTES // 4), np.int32),
        np.empty(rows.shape, np.float32),
    )
    round_inputs(rows, made, kind)
    return made


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for compiled code, of which there is none."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "kept"))
    compiled_step.cache_clear()
    yield tmp_path / "kept"
    compiled_step.cache_clear()


def compiled_dot() -> Callable[..., float]:
    """Return `dot` of arrays, compiled anew."""

    @numba.njit
    def of_arrays(weights, scales, whole, factors, begun, kind):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        return dot(
            weights.ctypes.data, scales.ctypes.data, whole.ctypes.data, factors.ctypes.data,
            begun.ctypes.data, len(factors), kind,
        )  # fmt: skip

    return of_arrays  # type: ignore[no-any-return]


@pytest.mark.parametrize("has_instruction", [True, False])
@pytest.mark.parametrize(("group", "packed"), [(32, False), (64, False), (32, True), (128, True)])
def test_a_product_of_few_bits_is_that_of_the_numbers_that_they_stand_for(
    monkeypatch: pytest.MonkeyPatch, group: int, packed: bool, has_instruction: bool
) -> None:
    if not has_instruction:
        monkeypatch.setattr(decode_kernels, "has_dot_products", lambda: False)
    rng = np.random.default_rng(3)
    low, high = (-8, 8) if packed else (-128, 128)
    weights = rng.integers(low, high, (3, group)).astype(np.int8)
    weights[0, :2] = low, high - 1
    scales = np.array([0.5, 0.25, 2], np.float16)
    row = rng.integers(-127, 128, (1, 3 * group)).astype(np.float32)
    row[0, [0, group, 2 * group]] = 127  # so that no group is rounded
    kept = weights
    if packed:
        nibbles = weights.view(np.uint8) & np.uint8(15)
        kept = nibbles[:, 0::2] | (nibbles[:, 1::2] << np.uint8(4))
    kind = kind_of(group, packed, 64, True)
    whole, factors, begun, _ = inputs_for(row, group, kind)

    found = compiled_dot()(
        np.ascontiguousarray(kept), scales.view(np.uint16), whole[0], factors[0], begun[0], kind
    )

    sums = (weights.astype(np.int64) * row.reshape(3, group).astype(np.int64)).sum(axis=1)
    assert found == pytest.approx(float(sums @ scales.astype(np.float64)), rel=1e-6)


def bf16(numbers: NDArray[np.float32]) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Return numbers cut to bf16, as its bits and as numbers."""
    bits = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    return bits, (bits.astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("is_half", [True, False])
def test_a_block_of_keys_and_values_gives_scores_and_what_is_mixed(is_half: bool) -> None:
    rng = np.random.default_rng(4)
    query, shares = rng.standard_normal(32).astype(np.float32), rng.random(7).astype(np.float32)
    numbers = rng.standard_normal((7, 32)).astype(np.float32)
    stored, meant = bf16(numbers) if is_half else (numbers, numbers)
    kind = kind_of(32, False, 32, is_half)

    @numba.njit
    def both(query, stored, shares, scores, mixed, kind):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
        score(query.ctypes.data, stored.ctypes.data, 7, scores.ctypes.data, kind)
        mix(shares.ctypes.data, stored.ctypes.data, 7, mixed.ctypes.data, kind)

    order = [place_of(k, LANES if is_half else 0) for k in range(32)]
    asked, scores, mixed = np.empty_like(query), np.zeros(7, np.float32), np.ones(32, np.float32)
    asked[order] = query
    both(asked, stored, shares, scores, mixed, kind)

    np.testing.assert_allclose(scores, meant @ query, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mixed[order], 1 + shares @ meant, rtol=1e-4, atol=1e-5)


def test_numbers_are_kept_in_bf16_as_the_nearest_that_it_has() -> None:
    # 1 + 2**-8 lies in the middle of two: the even one; 1 + 3 * 2**-8 likewise; the last is above.
    numbers = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -(1 + 2**-8 + 2**-12)], np.float32)
    slot = np.zeros(4, np.uint16)

    keep(numbers, slot)

    meant = (slot.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_array_equal(meant, np.array([1, 1, 1 + 2**-6, -(1 + 2**-7)], np.float32))


def test_powers_of_e_are_right_to_six_digits() -> None:
    exponents = np.linspace(-80, 80, 4001, dtype=np.float32)
    found = np.array([exponential(x) for x in exponents])
    np.testing.assert_allclose(found, np.exp(exponents.astype(np.float64)), rtol=1e-5)


def tokens_after(model: OpenVinoCausalModel, ids: list[int], count: int) -> list[NDArray[Any]]:
    read = model.read(ids, Event())
    assert read is not None
    scores = [read.copy()]
    for _ in range(count):
        scores.append(model.extend([int(scores[-1].argmax())])[0].copy())
    return scores


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_a_step_without_a_trace(tmp_path: Path, threads: int) -> None:
    save_tiny_gptq(tmp_path / "model", "llama")
    model = decoder(tmp_path / "model", tmp_path / "graph")
    assert model.kernel.endswith("VNNI")
    expected = tokens_after(model, list(range(2, 202)), 20)
    assert model._step is not None
    model._step._threads = threads
    for _ in range(10):
        model.reset()
        found = tokens_after(model, list(range(2, 202)), 20)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-3 * np.abs(other).max())


def test_weights_of_different_bits_are_left_to_the_graph(tmp_path: Path) -> None:
    save_tiny_gptq(tmp_path / "model", "llama", wide="v_proj")  # 8 bits beside 4
    model = decoder(tmp_path / "model", tmp_path / "graph")

    scores = tokens_after(model, list(range(2, 40)), 3)

    assert "tokens:" not in model.kernel
    assert all(np.isfinite(each).all() for each in scores)


@pytest.mark.parametrize(("kind", "damage"), [("nbi", b""), ("nbc", b"\x80\x05")])
def test_damaged_compiled_code_is_compiled_anew(
    tmp_path: Path, kept: Path, kind: str, damage: bytes
) -> None:
    save_tiny_gptq(tmp_path / "model", "llama")
    decoder(tmp_path / "model", tmp_path / "graph")
    [file] = kept.rglob(f"*.{kind}")
    file.write_bytes(damage)
    compiled_step.cache_clear()  # as in another process

    model = OpenVinoCausalModel(tmp_path / "graph", threads=2)

    assert "tokens: Numba" in model.kernel
    assert file.stat().st_size > 100


@pytest.mark.usefixtures("kept")
def test_code_that_cannot_be_kept_leaves_tokens_to_the_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    save_tiny_gptq(tmp_path / "model", "llama")
    monkeypatch.setattr(IndexDataCacheFile, "save", full)
    model = decoder(tmp_path / "model", tmp_path / "graph")

    assert "tokens:" not in model.kernel
    assert all(np.isfinite(each).all() for each in tokens_after(model, list(range(2, 40)), 3))
