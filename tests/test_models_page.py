"""The Models page: which model answers, what a training was worth, and the way there and back."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.evaluation.metrics import Estimate
from rag.jobs import Jobs
from rag.ui import services
from rag.ui.comparison_view import verdict_of
from rag.ui.english import EN
from rag.ui.japanese import JA
from tests.fakes import EchoEngine, wait_until
from tests.training_state import (
    RUN,
    activate,
    candidate,
    estimate,
    write_model,
    write_run,
    write_table,
)
from tests.ui_harness import fake_engine, open_page, press, shown

TRAINER = Path(__file__).with_name("fake_trainer.py")
BASE = "fumikura-135m-gptq"


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    fake = fake_engine(tmp_path, monkeypatch)
    program = (sys.executable, str(TRAINER))
    monkeypatch.setattr(services, "Jobs", partial(Jobs, training_program=program))
    monkeypatch.setenv("RAG_MODELS_DIR", str(tmp_path / "models"))
    yield fake
    services.load_services.clear()


def make(tmp_path: Path, name: str, run_id: str = RUN) -> None:
    write_table(write_run(tmp_path / "state", run_id, model=name))
    write_model(tmp_path / "models", name)


def confirmed(app: AppTest, button: str, words: dict[str, str] = EN) -> AppTest:
    """Press a button and say yes in its dialog; wait for the exchange to end."""
    press(press(app, words[button]), words["models_yes"])
    store = services.load_services().store
    wait_until(lambda: not store.jobs.live(), seconds=15)
    return app.run()


def test_without_models_the_page_leads_to_the_training() -> None:
    app = open_page("models")
    assert EN["models_none"] in shown(app)
    assert "rollback" not in [button.key for button in app.button]


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_the_table_shows_before_and_after_with_interval_and_n(
    tmp_path: Path, locale: str, words: dict[str, str]
) -> None:
    make(tmp_path, "tea-lora")
    page = shown(open_page("models", locale))
    for key in ("candidate_before", "candidate_16bit", "candidate_gptq", "measure_f1"):
        assert words[key] in page
    assert "+0.370 [+0.270, +0.470] · n\xa0=\xa080" in page
    assert "p\xa0&lt;\xa00.001" in page
    assert f'fk-better">{words["compare_better"]}<' in page
    assert f'fk-worse">{words["compare_worse"]}<' in page  # it gives up wrongly more often
    assert f'fk-same">{words["compare_same"]}<' in page
    assert "bitsandbytes is missing" in page


def test_the_worst_answers_stand_side_by_side_as_text(tmp_path: Path) -> None:
    make(tmp_path, "tea-lora")
    page = shown(open_page("models"))
    assert "煎茶は何時に出しますか？" in page
    assert "&lt;b&gt;at five&lt;/b&gt; [1]" in page
    assert "<b>at five" not in page
    assert "<script>alert(1)</script> Learned 200 rows." in page  # the card, in a code block


def test_labels_are_shown_against_the_commonest_one_with_their_confusions(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "state", model="tea-lora")
    labels = {
        "labels": ["no", "yes"], "matrix": [[3, 2, 1], [0, 12, 0]], "accuracy": estimate(0.833),
        "macro_f1": estimate(0.77), "majority": "yes", "majority_accuracy": 0.667,
        "majority_macro_f1": 0.4,
    }  # fmt: skip
    write_table(
        folder, candidates=[candidate("before", 0.4), candidate("gptq", 0.8, labels=labels)]
    )
    write_model(tmp_path / "models", "tea-lora")
    page = shown(open_page("models"))
    assert "0.833" in page
    assert "0.667" in page
    assert '<td data-column="told as none of them">1</td>' in page


def test_a_model_is_activated_and_rolled_back(tmp_path: Path) -> None:
    make(tmp_path, "tea-lora")
    (tmp_path / "models" / BASE).mkdir()
    app = confirmed(open_page("models"), "models_activate")
    assert "tea-lora answers now." in [item.value for item in app.success]
    assert app.button("activate").disabled
    assert "2026-11-21 10:50" in shown(app)
    app = confirmed(app, "models_rollback")
    assert not app.button("activate").disabled


def test_a_table_is_shown_by_language_as_well(tmp_path: Path) -> None:
    make(tmp_path, "tea-lora")
    app = open_page("models")
    [expander] = [one for one in app.expander if one.label == "Questions in Japanese (32)"]
    [table] = expander.get("html")
    assert ">0.205<" in table.proto.body
    assert EN["measure_memory"] not in table.proto.body


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_a_refusal_is_shown_with_its_numbers(
    tmp_path: Path, locale: str, words: dict[str, str]
) -> None:
    make(tmp_path, "worse")
    activate(tmp_path / "models", "tea-lora")
    app = confirmed(open_page("models", locale), "models_activate", words)
    page = shown(app)
    assert words["models_refused"].partition("{when}")[0].format(model="worse") in page
    assert "-0.188 [-0.250, -0.100]" in page
    assert page.index("n = 100") < page.index("n = 40")  # each gate on a line of its own
    assert not app.button("activate").disabled


def test_a_model_that_the_settings_name_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "tea-lora")
    monkeypatch.setenv("RAG_ANSWER_MODEL", "extractive")
    services.load_services.clear()
    app = open_page("models")
    assert EN["models_fixed"].format(model="extractive").replace('"', "&quot;") in shown(app)
    assert app.button("activate").disabled


def test_a_damaged_pointer_is_told_and_does_not_stop_the_page(tmp_path: Path) -> None:
    make(tmp_path, "tea-lora")
    (tmp_path / "models" / "active.json").write_text("{")
    assert "is damaged. Remove it to use the default model" in shown(open_page("models"))
    assert "が壊れています。削除すると標準のモデルに戻ります。" in shown(
        open_page("models", "ja-JP")
    )


def test_a_model_without_a_table_and_one_of_several_can_be_looked_at(tmp_path: Path) -> None:
    make(tmp_path, "tea-lora")
    write_run(tmp_path / "state", "20261122-080000-new", model="new")
    write_model(tmp_path / "models", "new")
    app = open_page("models")
    assert EN["models_no_table"] in shown(app)  # the newest one is shown first
    choice = next(box for box in app.selectbox if (box.key or "").startswith("model-chosen"))
    app = choice.set_value("tea-lora").run()
    assert EN["models_no_table"] not in shown(app)
    assert app.query_params["model"] == "tea-lora"


@pytest.mark.parametrize(
    ("measure", "low", "high", "expected"),
    [
        ("f1", 0.01, 0.2, "better"),
        ("f1", -0.2, -0.01, "worse"),
        ("f1", -0.01, 0.2, "same"),
        ("f1", 0.0, 0.2, "same"),
        ("false_abstention", 0.01, 0.2, "worse"),
        ("false_abstention", -0.2, -0.01, "better"),
    ],
)
def test_a_difference_counts_only_when_its_interval_leaves_out_zero(
    measure: str, low: float, high: float, expected: str
) -> None:
    assert verdict_of(measure, Estimate((low + high) / 2, low, high)) == expected
