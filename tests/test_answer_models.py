"""The answer model is exchanged under the feet of its askers, and a bad one never is."""

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

import rag.answer_models
from rag.active_model import POINTER, read_active, serving_model
from rag.answer_models import AnswerModels
from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.errors import ModelError
from tests.fakes import ScriptedGenerator


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "models" / DEFAULT_ANSWER_MODEL).mkdir(parents=True)
    return replace(
        Config(),
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        answer_languages=("en",),
    )


def point_at(config: Config, model: str, previous: str = "") -> None:
    table = {"model": model, "previous": previous, "activated": "2026-11-21T09:00:00+00:00"}
    (config.models_dir / POINTER).write_text(json.dumps(table))


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models as they are loaded."""
    names: list[str] = []
    serve(monkeypatch, lambda name: None, names)
    return names


def serve(
    monkeypatch: pytest.MonkeyPatch, on_load: Callable[[str], None], names: list[str]
) -> None:
    def load(config: Config) -> ScriptedGenerator:
        names.append(config.answer_model)
        on_load(config.answer_model)
        generator = ScriptedGenerator("yes")
        generator.model_id = config.answer_model
        return generator

    monkeypatch.setattr(rag.answer_models, "load_generator", load)


def test_without_a_pointer_the_default_model_serves(config: Config, loaded: list[str]) -> None:
    assert read_active(config.models_dir) is None
    assert AnswerModels(config).load().model_id == DEFAULT_ANSWER_MODEL
    assert loaded == [DEFAULT_ANSWER_MODEL]


def test_a_model_that_is_activated_answers_the_next_question(
    config: Config, loaded: list[str]
) -> None:
    models = AnswerModels(config)
    before = models.for_language("en")
    point_at(config, "tuned", DEFAULT_ANSWER_MODEL)

    assert models.for_language("en").model_id == "tuned"
    assert models.for_language("en").model_id == "tuned"
    assert before.model_id == DEFAULT_ANSWER_MODEL  # an answer in progress keeps its model
    assert loaded == [DEFAULT_ANSWER_MODEL, "tuned"]


def test_a_model_that_the_settings_name_is_not_exchanged(config: Config, loaded: list[str]) -> None:
    point_at(config, "tuned")

    assert AnswerModels(replace(config, answer_model="own")).load().model_id == "own"


def test_while_a_model_is_read_the_one_before_answers(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, may_go_on = Event(), Event()

    def on_load(name: str) -> None:
        if name == "tuned":
            reading.set()
            assert may_go_on.wait(10)

    serve(monkeypatch, on_load, [])
    models = AnswerModels(config)
    models.load()
    point_at(config, "tuned")
    exchange = Thread(target=models.load)
    exchange.start()
    assert reading.wait(10)

    assert models.load().model_id == DEFAULT_ANSWER_MODEL
    may_go_on.set()
    exchange.join(10)
    assert models.load().model_id == "tuned"


def test_a_model_that_cannot_be_loaded_leaves_the_one_before_and_is_told(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def on_load(name: str) -> None:
        if name == "broken":
            raise ModelError("broken is damaged")

    names: list[str] = []
    serve(monkeypatch, on_load, names)
    models = AnswerModels(config)
    models.load()
    point_at(config, "broken")

    with caplog.at_level(logging.ERROR):
        assert [models.load().model_id for _ in range(3)] == [DEFAULT_ANSWER_MODEL] * 3
    assert names == [DEFAULT_ANSWER_MODEL, "broken"]  # tried once
    assert "broken is damaged" in caplog.text
    assert models.notices() == ["model_not_exchanged"]

    point_at(config, DEFAULT_ANSWER_MODEL)
    models.load()
    assert models.notices() == []
    point_at(config, "broken")
    with pytest.raises(ModelError, match="broken is damaged"):  # the first of a server has none
        AnswerModels(config).load()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"model": 1, "previous": "", "activated": ""}', '{"model": "x"}',
                '{"model": "../x", "previous": "", "activated": ""}'],
)  # fmt: skip
def test_a_damaged_pointer_is_told_at_a_start_and_ignored_while_serving(
    config: Config, loaded: list[str], content: str
) -> None:
    models = AnswerModels(config)
    models.load()
    (config.models_dir / POINTER).write_text(content)

    assert models.load().model_id == DEFAULT_ANSWER_MODEL
    fresh = AnswerModels(config)
    assert (fresh.model_id(), fresh.notices()) == ("", [])
    with pytest.raises(ModelError, match=r"active\.json.*is damaged\. Remove it"):
        fresh.load()
    with pytest.raises(ModelError):
        serving_model(config)
