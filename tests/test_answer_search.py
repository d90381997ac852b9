"""The search for the likeliest answer, checked against every beginning read alone."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag import answer_search
from rag.answer_search import likeliest_answer
from rag.inference.causal_model import CausalModel
from tests.causal_models import ENGINES, read_alone, tiny_causal_model

SHARED = [int(x) for x in np.random.default_rng(1).integers(3, 250, 60)]
ASKED = [*SHARED, 11, 12, 13, 14, 15]
PADDED = ((0, 0), (0, 2))  # two tokens more were read, and are seen
UNASKED = [*SHARED, 21, 22, 15]


@pytest.fixture(scope="module", params=ENGINES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CausalModel:
    return tiny_causal_model(request.param, tmp_path_factory.mktemp("model"))


def after(model: CausalModel, before: Sequence[int], answer: Sequence[int]) -> NDArray[np.float32]:
    """Return the scores of what may follow, with the answer read token by token as when written."""
    scores = read_alone(model, before)
    for token in answer:
        scores = model.extend([token])[0].copy()
    return scores


def log_p(model: CausalModel, before: Sequence[int], answer: Sequence[int]) -> float:
    total = 0.0
    for n, token in enumerate(answer):
        scores = after(model, before, answer[:n]).astype(np.float64)
        total += scores[token] - np.log(np.exp(scores).sum())
    return total


def completed(model: CausalModel, first: int, most: int) -> list[int]:
    answer = [first]
    while answer[-1] not in model.end_ids and len(answer) < most:
        answer.append(int(after(model, ASKED, answer).argmax()))
    return answer


def no_support(answer: Sequence[int]) -> float:
    return 0.0


def searched(
    model: CausalModel,
    stop: Event | None = None,
) -> list[int]:
    scores = read_alone(model, ASKED)
    return likeliest_answer(model, scores, ASKED, UNASKED, [], no_support, stop or Event())


def test_rows_read_side_by_side_see_what_each_would_see_alone(model: CausalModel) -> None:
    read_alone(model, ASKED)
    at = len(SHARED)
    hidden = np.zeros((2, len(ASKED)), dtype=bool)
    hidden[1, at:] = True

    first = model.branch(
        np.array([[7, 8], [21, 22]]),
        np.array([[len(ASKED), len(ASKED) + 1], [at, at + 1]]),
        hidden,
    ).copy()
    second = model.branch(
        np.array([[9], [23]]), np.array([[len(ASKED) + 2], [at + 2]]), np.pad(hidden, PADDED)
    ).copy()

    for read, rows in ((first, ([7, 8], [21, 22])), (second, ([7, 8, 9], [21, 22, 23]))):
        expected = [read_alone(model, [*ASKED, *rows[0]]), read_alone(model, [*SHARED, *rows[1]])]
        np.testing.assert_allclose(read, expected, atol=0.05 * np.abs(expected).max())
        assert np.abs(read[::-1] - expected).max() > 0.2 * np.abs(expected).max()


@pytest.mark.parametrize("contrast", [0.0, 0.3, 2.0])
def test_the_answer_is_the_best_of_the_best_beginnings_completed_and_weighed_alone(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch, contrast: float
) -> None:
    monkeypatch.setattr(answer_search, "_SEARCHED", 5)
    monkeypatch.setattr(answer_search, "_FARTHEST", 9.0)
    monkeypatch.setattr(answer_search, "_CONTRAST", contrast)
    firsts = np.argsort(read_alone(model, ASKED))[:-4:-1].tolist()
    answers = [completed(model, first, most=5) for first in firsts]
    worth = [log_p(model, ASKED, a) - contrast * log_p(model, UNASKED, a) for a in answers]

    assert searched(model) == answers[int(np.argmax(worth))]


def test_a_beginning_that_is_far_ahead_is_taken_without_reading_on(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_search, "_FARTHEST", 0.0)
    scores = read_alone(model, ASKED)

    found = likeliest_answer(model, scores, ASKED, UNASKED, [], no_support, Event())

    assert found == [int(scores.argmax())]
    assert model.read([*ASKED, *found], Event()) is not None  # it goes on where it was


def test_an_answer_ends_with_the_token_that_ends_it(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_search, "_FARTHEST", 99.0)
    scores = read_alone(model, ASKED)
    end = min(model.end_ids)
    scores[end] = scores.max() + 50  # the surest beginning is the end

    found = likeliest_answer(model, scores, ASKED, UNASKED, [], no_support, Event())

    assert found == [end]


def test_a_search_that_is_stopped_returns_the_beginning_it_has(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_search, "_FARTHEST", 9.0)
    stop = Event()
    stop.set()

    assert len(searched(model, stop)) == 1
    assert len(searched(model)) > 1


@pytest.mark.parametrize("contrast", [0.0, 0.2])
def test_a_proposed_answer_is_weighed_with_its_support_and_then_completed(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch, contrast: float
) -> None:
    monkeypatch.setattr(answer_search, "_SEARCHED", 5)
    monkeypatch.setattr(answer_search, "_FARTHEST", 0.0)
    proposed = [40, 41]
    greedy = completed(model, int(read_alone(model, ASKED).argmax()), most=5)
    forced = list(proposed)
    while forced[-1] not in model.end_ids and len(forced) < 5:
        forced.append(int(read_alone(model, [*ASKED, *forced]).argmax()))
    worth = [log_p(model, ASKED, a) - contrast * log_p(model, UNASKED, a) for a in (greedy, forced)]
    needed = worth[0] - worth[1]  # what the proposed one lacks

    def helped(by: float) -> list[int]:
        return likeliest_answer(
            model,
            read_alone(model, ASKED),
            ASKED,
            UNASKED if contrast else [],
            [proposed],
            lambda answer: 0.0 if list(answer[:2]) == proposed else -by,
            Event(),
        )

    assert helped(needed + 0.5) == forced
    assert helped(needed - 0.5) == greedy


def test_a_search_without_contrast_ends_when_no_open_answer_can_overtake(
    model: CausalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_search, "_FARTHEST", 9.0)
    end = min(model.end_ids)
    short = [40, end]  # ends at once
    steps: list[int] = []
    monkeypatch.setattr(
        answer_search._Search, "_step", counting(answer_search._Search._step, steps)
    )

    def found(worth_of_others: float) -> list[int]:
        return likeliest_answer(
            model,
            read_alone(model, ASKED),
            ASKED,
            [],
            [short],
            lambda answer: 0.0 if list(answer) == short else worth_of_others,
            Event(),
        )

    assert found(-1e9) == short
    patient = len(steps)
    scores = read_alone(model, ASKED)
    scores[40] += 60  # now the short one is surely ahead of all that are open
    steps.clear()
    found_early = likeliest_answer(
        model, scores, ASKED, [], [short], lambda a: 0.0 if list(a) == short else -1e9, Event()
    )

    assert found_early == short
    assert 0 < len(steps) < patient


def counting(step: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    def counted(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the step takes
        calls.append(1)
        return step(*arguments)

    return counted
