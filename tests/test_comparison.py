"""Two models on one prompt: who is who is drawn by lot, and votes become preferences."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rag.comparison import INTERNAL_ERROR, Comparer, ComparisonState, comparable_models, is_worded
from rag.config import EXTRACTIVE, Config
from rag.datatypes import Hit, Prompt
from rag.errors import ModelError, RagError
from rag.store import Store
from tests.fakes import HANDBOOK, ScriptedGenerator, chunk_of_line, make_answer, wait_until

HITS = (Hit(1, chunk_of_line(HANDBOOK, "20 days"), 1.0),)
PROMPT = make_answer("How many days?", "30 days. [1]", hits=HITS).prompt
assert PROMPT is not None


class Models:
    """Loads scripted models and notes what each was asked."""

    def __init__(self, **completions: str) -> None:
        self.completions = completions
        self.asked: list[Prompt] = []
        self.context_tokens = 4096

    def __call__(self, config: Config) -> ScriptedGenerator:
        if config.answer_model not in self.completions:
            raise ModelError(f"There is no model {config.answer_model!r} on this machine.")
        generator = ScriptedGenerator(self.completions[config.answer_model])
        generator.prompts = self.asked
        generator.context_tokens = self.context_tokens
        return generator


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def compared(store: Store, models: Models, names: tuple[str, str] = ("a", "b")) -> ComparisonState:
    """Return how a comparison ended."""
    comparer = Comparer(Config(), store.comparisons, models)
    assert PROMPT is not None
    comparer.start(PROMPT, names)
    wait_until(lambda: comparer.state is not None and not comparer.state.is_running)
    assert comparer.state is not None
    return comparer.state


def test_both_models_answer_the_very_same_prompt(store: Store) -> None:
    models = Models(a="20 days [1]", b=" 30 days\n")
    state = compared(store, models)

    assert state.comparison_id is not None
    comparison = store.comparisons.by_id(state.comparison_id)
    assert comparison is not None
    assert models.asked == [PROMPT, PROMPT]
    sides = {comparison.left_model: comparison.left_text}
    sides[comparison.right_model] = comparison.right_text
    assert sides == {"a": "20 days [1]", "b": "30 days"}
    assert (comparison.vote, comparison.documents) == (None, (HANDBOOK.path,))


def test_which_model_stands_left_is_drawn_by_lot(store: Store) -> None:
    for _ in range(20):
        compared(store, Models(a="1", b="2"))
    lefts = Counter(each.left_model for each in store.comparisons.latest(20))
    assert set(lefts) == {"a", "b"}  # it is a coin twenty times over: one in 524,288 fails


@pytest.mark.parametrize(("vote", "chosen"), [("left", "yes"), ("right", "no"), ("tie", None)])
def test_a_vote_becomes_a_preference_and_a_tie_none(
    store: Store, vote: str, chosen: str | None
) -> None:
    assert PROMPT is not None
    comparison = store.comparisons.add(PROMPT, ("a", "b"), ("yes", "no"))
    assert store.comparisons.preferences() == []
    store.comparisons.vote(comparison, vote, "花子")  # type: ignore[arg-type] # a literal

    preferences = store.comparisons.preferences()

    assert [(each.prompt, each.chosen, each.author) for each in preferences] == (
        [] if chosen is None else [(PROMPT.messages, chosen, "花子")]
    )
    assert all({each.chosen, each.rejected} == {"yes", "no"} for each in preferences)


def test_the_first_vote_stands_as_the_names_are_shown_after_it(store: Store) -> None:
    assert PROMPT is not None
    comparison = store.comparisons.add(PROMPT, ("a", "b"), ("yes", "no"))
    store.comparisons.vote(comparison, "left")
    store.comparisons.vote(comparison, "right")
    assert [each.vote for each in store.comparisons.latest(9)] == ["left"]


def test_equal_answers_are_a_tie_without_a_vote(store: Store) -> None:
    compared(store, Models(a="20 days", b="20 days"))
    assert [each.vote for each in store.comparisons.latest(9)] == ["tie"]


def test_a_model_that_cannot_be_loaded_ends_the_comparison_in_words(store: Store) -> None:
    state = compared(store, Models(a="20 days"))
    assert "There is no model 'b'" in state.error
    assert store.comparisons.latest(9) == []


def test_a_bug_ends_the_comparison_and_the_next_one_works(store: Store) -> None:
    class Broken(Models):
        def __call__(self, config: Config) -> ScriptedGenerator:
            raise ZeroDivisionError

    assert compared(store, Broken()).error == INTERNAL_ERROR
    assert compared(store, Models(a="1", b="2")).error == ""


def test_a_prompt_that_a_model_cannot_read_is_refused(store: Store) -> None:
    models = Models(a="1", b="2")
    models.context_tokens = 90
    assert "too long" in compared(store, models).error


def test_a_model_is_not_compared_with_itself(store: Store) -> None:
    with pytest.raises(RagError, match="with itself"):
        compared(store, Models(a="1"), ("a", "a"))


def test_the_models_to_choose_from_are_those_that_write(tmp_path: Path) -> None:
    for name, kind in [("small", "LlamaForCausalLM"), ("big", "Qwen3ForCausalLM"), ("e5", "Bert")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(f'{{"architectures": ["{kind}"]}}')
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    config = Config(models_dir=tmp_path, answer_model="small")
    assert comparable_models(config) == ("small", "big")
    assert comparable_models(replace(config, answer_model="gone")) == ("big", "small")


def test_only_an_answer_that_a_model_worded_can_be_compared() -> None:
    assert is_worded(PROMPT, "a (GPTQ 4-bit)")
    assert not is_worded(PROMPT, EXTRACTIVE)
    assert not is_worded(None, "")
