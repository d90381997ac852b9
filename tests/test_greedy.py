"""Reading what is shared only once, taking back, and drafts: the tokens stay the same."""

from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Event

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import greedy
from rag.greedy import drafted, greedy_tokens
from rag.inference.causal_model import CausalModel, shared_length
from rag.inference.causal_openvino import OpenVinoCausalModel
from tests.causal_models import ENGINES, read_alone, tiny_causal_model

TEXT = [int(x) for x in np.random.default_rng(1).integers(3, 250, 90)]


@pytest.fixture(scope="module", params=ENGINES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CausalModel:
    return tiny_causal_model(request.param, tmp_path_factory.mktemp("model"))


def read(model: CausalModel, ids: Sequence[int]) -> NDArray[np.float32]:
    scores = model.read(ids, Event())
    assert scores is not None
    return scores.copy()


def assert_like(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_a_text_that_begins_like_the_one_before_gives_the_scores_of_one_read_alone(
    model: CausalModel,
) -> None:
    other = [*TEXT[:80], 7, 8, 9]
    expected = {tuple(ids): read_alone(model, ids) for ids in (TEXT, other, TEXT[:70])}

    model.reset()
    for ids in (TEXT, other, TEXT, TEXT[:70], TEXT, TEXT):
        assert_like(read(model, ids), expected[tuple(ids)])
    differ = np.abs(expected[tuple(TEXT)] - expected[tuple(other)]).max()
    assert differ > 0.2 * np.abs(expected[tuple(TEXT)]).max()  # else nothing would be told


def test_after_a_search_in_rows_the_beginning_is_still_there(model: CausalModel) -> None:
    expected = read_alone(model, [*TEXT, 5])
    read(model, TEXT)
    places = np.full((2, 1), len(TEXT))
    model.branch(np.array([[7], [8]]), places, np.zeros((2, len(TEXT)), dtype=bool))

    assert_like(read(model, [*TEXT, 5]), expected)


def test_tokens_read_together_have_the_scores_of_those_read_one_by_one(model: CausalModel) -> None:
    expected = [
        read_alone(model, [*TEXT, 5]),
        read_alone(model, [*TEXT, 5, 6]),
        read_alone(model, [*TEXT, 5, 6, 7]),
    ]

    read(model, TEXT)
    together = model.extend([5, 6, 7])

    assert together.shape == (3, len(expected[0]))
    for row, one in zip(together, expected, strict=True):
        assert_like(row, one)


def test_what_is_taken_back_is_as_if_it_had_not_been_read(model: CausalModel) -> None:
    expected = read_alone(model, [*TEXT, 5, 9])
    read(model, TEXT)
    model.extend([5, 6, 7])
    model.forget(2)

    assert_like(model.extend([9])[0], expected)
    model.forget(0)
    assert_like(read(model, [*TEXT, 5, 9]), expected)


def test_a_reading_that_is_stopped_forgets_the_beginning(model: CausalModel) -> None:
    expected = read_alone(model, TEXT)
    stop = Event()
    stop.set()
    model.read(TEXT * 5, stop)

    assert_like(read(model, TEXT), expected)


def test_the_cache_of_a_model_that_is_asked_on_and_on_does_not_grow_without_end(
    model: CausalModel,
) -> None:
    if not isinstance(model, OpenVinoCausalModel):
        pytest.skip("it crops its cache")
    for n in range(60):
        text = [*TEXT, *range(3 + n, 33 + n)]
        read(model, text)
        hidden = np.zeros((2, len(text)), dtype=bool)
        model.branch(np.array([[7], [8]]), np.full((2, 1), len(text)), hidden)
    read(model, TEXT)

    assert model._cache.blocks_in_use == -(-len(TEXT) // model._cache.block_tokens)


def test_scores_of_a_text_are_the_same_bit_for_bit_whatever_was_kept_of_another(
    model: CausalModel,
) -> None:
    if not isinstance(model, OpenVinoCausalModel):
        pytest.skip("PyTorch promises no such thing")
    text = [int(n) for n in np.random.default_rng(5).integers(3, 250, 400)]
    expected = read_alone(model, text)
    for shared in (1, 5, 31, 32, 33, 255, 256, 257, 390, 395, 399, 400):
        read(model, [*text[:shared], *([9] * 20)])
        model.extend([4])
        model.extend([4])
        np.testing.assert_array_equal(read(model, text), expected)


def test_texts_share_what_both_begin_with_and_the_new_one_keeps_a_token() -> None:
    assert shared_length([1, 2, 3], [1, 2, 4, 5]) == 2
    assert shared_length([1, 2, 3], [1, 2, 3]) == 2
    assert shared_length([1, 2], [1, 2, 3, 4]) == 2
    assert shared_length([], [1]) == shared_length([9], [1]) == 0


def test_a_draft_is_what_followed_the_last_three_tokens_where_they_stood_last() -> None:
    assert drafted([1, 2, 3, 4, 5, 9, 1, 2, 3, 7, 8, 0, 1, 2, 3]) == [7, 8, 0]
    assert drafted([1, 2, 3, 4, 1, 2, 3]) == [4, 1, 2]
    assert drafted([1, 2, 3, 4, 2, 3]) == []
    assert drafted([1, 1, 1]) == drafted([]) == []


class Scripted:
    """A model whose likeliest next token is the one of a script, sure of it or nearly torn."""

    context_tokens, kernel, tokenizer, end_ids = 1000, "", None, frozenset({0})

    def __init__(
        self, script: Sequence[int], text: Sequence[int], close: Sequence[int] = ()
    ) -> None:
        self.script, self.text, self.close = script, list(text), close
        self.begun, self.steps = len(text), 0
        self.gains_by_drafts = True

    def _scores(self, length: int, alone: bool) -> NDArray[np.float32]:
        place = length - self.begun
        scores = np.zeros(300, dtype=np.float32)
        scores[self.script[place]] = 5.0
        if place in self.close:  # read together, rounding turns the two best around
            scores[299] = 4.9 if alone else 5.1
        return scores

    def first(self) -> NDArray[np.float32]:
        return self._scores(len(self.text), alone=True)

    def extend(self, ids: Sequence[int]) -> NDArray[np.float32]:
        self.steps += 1
        rows = []
        for token in ids:
            self.text.append(token)
            rows.append(self._scores(len(self.text), alone=len(ids) == 1))
        return np.stack(rows)

    def forget(self, count: int) -> None:
        del self.text[len(self.text) - count :]


PROMPT = [5, 6, 7, 8, 9, 10, 11, 12, 20, 21]
QUOTE = [30, 5, 6, 7, 8, 9, 10, 11, 12, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41]


def written(model: Scripted, count: int) -> list[int]:
    tokens: Iterator[int] = greedy_tokens(model, PROMPT, model.first(), Event())  # type: ignore[arg-type]
    return list(islice(tokens, count))


def test_a_quote_takes_fewer_steps_and_the_tokens_are_those_of_the_model() -> None:
    quick, slow = Scripted(QUOTE, PROMPT), Scripted(QUOTE, PROMPT)
    slow.gains_by_drafts = False

    assert written(quick, 10) == written(slow, 10) == QUOTE[:10]
    assert slow.steps == 9
    assert quick.steps <= 5
    assert quick.text[: len(PROMPT) + 9] == [*PROMPT, *QUOTE[:9]]


@pytest.mark.parametrize("close", range(9))
def test_where_two_tokens_are_nearly_as_likely_the_one_read_alone_decides(close: int) -> None:
    model = Scripted(QUOTE, PROMPT, close=[close])

    assert written(model, 12) == QUOTE[:12]


def test_without_that_look_rounding_would_change_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(greedy, "_CLOSE", 0.0)

    assert written(Scripted(QUOTE, PROMPT, close=[6]), 12) != QUOTE[:12]


def test_a_stop_ends_after_the_token_at_hand() -> None:
    stop = Event()
    stop.set()
    model = Scripted(QUOTE, PROMPT)

    assert list(greedy_tokens(model, PROMPT, model.first(), stop)) == [30]  # type: ignore[arg-type]
    assert model.steps == 0


def test_drafts_leave_the_tokens_of_a_real_model_as_they_are(model: CausalModel) -> None:
    text = [*TEXT, *TEXT[:20]]
    plain = []
    scores = read_alone(model, text)
    for _ in range(24):
        plain.append(int(scores.argmax()))
        scores = model.extend(plain[-1:])[0]

    found = list(islice(greedy_tokens(model, text, read_alone(model, text), Event()), 24))

    assert found == plain
