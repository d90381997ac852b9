"""Blocks of keys and values: shared by what begins alike, copied where it parts, then free."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rag.inference.openvino_runtime import import_openvino
from rag.inference.paged_cache import PagedCache, Sequence

BLOCK = 4


class Request:
    """Stands for a request: it keeps the tensors that it is given."""

    def __init__(self) -> None:
        openvino = import_openvino()
        shape = openvino.PartialShape([-1, 1, BLOCK, 2])
        self.model_inputs = [
            SimpleNamespace(any_name=name, partial_shape=shape, element_type=openvino.Type.f32)
            for name in ("input_ids", "key_cache.0", "value_cache.0")
        ]
        self.tensors: dict[str, Any] = {}

    def set_tensor(self, name: str, tensor: Any) -> None:  # noqa: ANN401 - the library ships no types
        self.tensors[name] = tensor


@pytest.fixture
def request_() -> Request:
    return Request()


@pytest.fixture
def cache(request_: Request) -> PagedCache:
    return PagedCache(request_)


def test_a_step_is_told_where_each_sequence_lies(cache: PagedCache) -> None:
    one, two = Sequence(), Sequence()
    cache.inputs([one], 5)
    cache.inputs([two], 2)

    told = cache.inputs([one, two], 3)

    assert {name: value.tolist() for name, value in told.items()} == {
        "past_lens": [5, 2],
        "subsequence_begins": [0, 3, 6],
        "block_indices": [*one.blocks, *two.blocks],
        "block_indices_begins": [0, 2, 4],
        "max_context_len": 8,
    }
    assert len({*one.blocks, *two.blocks}) == 4


def test_a_fork_shares_full_blocks_and_has_its_own_copy_of_the_last(
    cache: PagedCache, request_: Request
) -> None:
    text = Sequence()
    cache.inputs([text], 6)
    keys = request_.tensors["key_cache.0"].data
    keys[text.blocks[1]] = 7

    fork = cache.fork(text, 6)

    assert (fork.length, fork.blocks[0]) == (6, text.blocks[0])
    assert fork.blocks[1] != text.blocks[1]
    assert (keys[fork.blocks[1]] == 7).all()
    assert cache.blocks_in_use == 3


def test_a_block_is_free_only_when_no_sequence_holds_it(cache: PagedCache) -> None:
    text = Sequence()
    cache.inputs([text], 8)
    fork = cache.fork(text, 8)
    cache.drop(text)
    assert cache.blocks_in_use == 2

    cache.drop(fork)

    assert cache.blocks_in_use == 0


def test_more_room_keeps_what_is_there(cache: PagedCache, request_: Request) -> None:
    text = Sequence()
    cache.inputs([text], BLOCK)
    request_.tensors["value_cache.0"].data[text.blocks[0]] = np.arange(8).reshape(1, 4, 2)

    cache.inputs([text], 100 * BLOCK)

    values = request_.tensors["value_cache.0"].data
    assert len(values) >= 101
    np.testing.assert_array_equal(values[text.blocks[0]].ravel(), np.arange(8))
    assert len(set(text.blocks)) == 101


def test_cutting_a_sequence_frees_whole_blocks_alone(cache: PagedCache) -> None:
    text = Sequence()
    cache.inputs([text], 3 * BLOCK)

    cache.cut(text, BLOCK + 1)

    assert (text.length, len(text.blocks), cache.blocks_in_use) == (BLOCK + 1, 2, 2)
