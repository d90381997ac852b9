"""The Train page: from a file of examples to a model, in both languages, across a reload."""

import sys
import tomllib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.job_store import Job
from rag.jobs import Jobs
from rag.training_runs import LogPoint
from rag.training_settings import read_recipes
from rag.ui import services, training_form
from rag.ui.charts import loss_chart, token_chart
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.strings import Words
from rag.ui.training_check import sample_html
from rag.ui.training_draft import read_draft
from tests.fakes import EchoEngine, wait_until
from tests.training_state import HISTOGRAM, RUN, estimate, write_json, write_run
from tests.ui_harness import fake_engine, open_page, press, shown

TRAINER = Path(__file__).with_name("fake_trainer.py")


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    fake = fake_engine(tmp_path, monkeypatch)
    program = (sys.executable, str(TRAINER))
    monkeypatch.setattr(services, "Jobs", partial(Jobs, training_program=program))
    monkeypatch.setenv("FUMIKURA_FAKE_STEPS", "3")
    monkeypatch.setenv("RAG_MODELS_DIR", str(tmp_path / "models"))
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    (recipes / "labels.toml").write_text(
        '# Yes, no or maybe.\nname = "labels"\ntask = "answer"\n[train]\nepochs = 4.0\nrank = 8\n'
    )
    (recipes / "text.toml").write_text('name = "text"\ntask = "pretrain"\n')
    monkeypatch.setattr(training_form, "read_recipes", partial(read_recipes, recipes))
    yield fake
    services.load_services.clear()


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "茶 tea.csv"
    file.write_text("質問,回答\n煎茶は何時ですか,四時\n")
    return file


def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def job_of(kind: str) -> Job:
    job = services.load_services().store.jobs.latest(kind)
    assert job is not None
    return job


def wait_for(kind: str) -> Job:
    wait_until(lambda: not job_of(kind).is_live, seconds=15)
    return job_of(kind)


def add(app: AppTest, file: Path, words: dict[str, str] = EN) -> AppTest:
    field = next(field for field in app.text_input if field.label == words["train_path"])
    field.set_value(str(file))
    return press(app, words["train_add"])


def named(app: AppTest, name: str) -> AppTest:
    field = next(field for field in app.text_input if field.label == EN["train_name"])
    return field.set_value(name).run()


def checked(app: AppTest, words: dict[str, str] = EN) -> AppTest:
    press(app, words["train_check"])
    wait_for("check")
    return app.run()


def can_start(app: AppTest) -> bool:
    return not app.button("train-start").disabled


def settings() -> dict[str, object]:
    (_, _, file, *_) = job_of("check").arguments
    return tomllib.loads(Path(file).read_text())


# Before the training


def test_nothing_can_be_checked_without_examples(tmp_path: Path) -> None:
    app = open_page("training")
    assert app.button("train-check").disabled
    assert not can_start(app)
    assert EN["train_no_examples"] in shown(app)
    app = add(app, tmp_path / "no such file.csv")
    assert EN["train_no_path"].format(path=tmp_path / "no such file.csv") in shown(app)


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_a_check_shows_what_it_found_and_lets_the_training_start(
    examples: Path, locale: str, words: dict[str, str]
) -> None:
    app = add(open_page("training", locale), examples, words)
    assert not can_start(app)
    app = checked(app, words)
    page = shown(app)
    language = "ja" if words is JA else "en"
    assert words["train_check_ok"] in page
    assert {"en": "93.0% of the 200 labels are", "ja": "200件のラベルの93.0%"}[language] in page
    assert "en 120 · ja 80" in page
    majority = words["train_majority"].format(label="yes", accuracy="0.930", macro_f1="0.482")
    assert majority.replace('"', "&quot;") in page
    assert '<mark class="fk-quote">at four [2]&lt;|im_end|&gt;</mark>' in page
    assert {"en": "The question is empty.", "ja": "質問が空です。"}[language] in list(
        app.dataframe[0].value[words["column_reason"]]
    )
    assert can_start(app)


def test_a_red_line_forbids_to_train(examples: Path) -> None:
    app = checked(add(named(open_page("training"), "cut"), examples))
    assert "3 of 200 rows have more than the 1,280 tokens" in shown(app)
    assert EN["train_check_ok"] not in shown(app)
    assert not can_start(app)


def test_a_change_after_the_check_asks_for_another_one(examples: Path) -> None:
    app = checked(add(open_page("training"), examples))
    epochs = next(field for field in app.number_input if field.label == EN["train_epochs"])
    app = epochs.set_value(3.0).run()
    assert EN["train_check_stale"] in shown(app)
    assert not can_start(app)
    app = epochs.set_value(1.0).run()
    assert can_start(app)  # these very settings were checked


def test_a_file_that_cannot_be_read_is_told(examples: Path) -> None:
    app = checked(add(named(open_page("training"), "fail"), examples))
    assert EN["train_check_failed"] in shown(app)
    assert "There is no file /tea.csv." in shown(app)
    assert not can_start(app)
    assert "ファイル /tea.csv がありません。" in shown(open_page("training", "ja-JP"))


def test_what_was_chosen_survives_a_reload(examples: Path) -> None:
    checked(add(named(open_page("training"), "tea"), examples))
    app = open_page("training")
    assert examples.name in shown(app)
    assert can_start(app)
    assert EN["train_check_ok"] in shown(app)
    app.button("remove-file-0").click().run()
    assert not read_draft(services.load_services().store).files


def test_the_form_becomes_settings(examples: Path) -> None:
    app = add(open_page("training"), examples)
    app.toggle("train-feedback").set_value(True).run()
    app.selectbox("train-recipe").set_value("labels").run()
    assert "Yes, no or maybe." in shown(app)
    app.number_input("train-labels-rate").set_value(2e-4)
    app.selectbox("train-labels-balance").set_value("sample").run()
    checked(app)
    assert settings() == {
        "name": "labels",
        "task": "answer",
        "data": {"files": [str(examples)], "feedback": True, "balance": "sample"},
        "train": {"epochs": 4.0, "rank": 8, "learning_rate": 2e-4},
    }


def test_a_column_can_be_named_by_hand_and_left_to_the_check_again(examples: Path) -> None:
    app = checked(add(open_page("training"), examples))
    assert "tea.csv (columns): Question ← 質問, Answer ← 回答" in shown(app)
    column = app.selectbox("train-column-passage")
    assert list(column.options) == [EN["train_column_detected"], "質問", "回答", "備考"]
    app = checked(column.set_value("備考").run())
    assert settings()["data"] == {"files": [str(examples)], "columns": ["passage=備考"]}
    checked(app.selectbox("train-column-passage").set_value("").run())
    assert settings()["data"] == {"files": [str(examples)]}


def test_a_recipe_that_learns_text_takes_a_folder_and_needs_no_check(tmp_path: Path) -> None:
    app = open_page("training")
    app.selectbox("train-recipe").set_value("text").run()
    assert not can_start(app)
    app = add(app, tmp_path / "recipes")
    assert "train-check" not in [button.key for button in app.button]
    press(app, EN["train_start"])
    (_, _, file) = wait_for("training").arguments
    data = tomllib.loads(Path(file).read_text())["data"]
    assert data == {"files": [], "folders": [str(tmp_path / "recipes")]}


def test_an_upload_is_kept_for_the_training(tmp_path: Path) -> None:
    app = open_page("training")
    app.file_uploader[0].set_value(("q&a.json", b"[]", "application/json")).run()
    (file,) = read_draft(services.load_services().store).files
    assert Path(file).read_bytes() == b"[]"
    assert Path(file).is_relative_to(state(tmp_path) / "uploads")
    assert "q_a.json" in shown(app)


# The training


def test_a_training_runs_to_its_end_and_shows_its_model(examples: Path) -> None:
    app = checked(add(named(open_page("training"), "tea"), examples))
    press(app, EN["train_start"])
    assert wait_for("training").state == "done"
    page = shown(app.run())
    assert EN["run_done"].format(model="tea") in [item.value for item in app.success]
    assert EN["run_stage_quantize"] in page
    assert len(app.get("vega_lite_chart")) == 3  # two of the check, one of the run


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_a_training_under_way_shows_where_it_is_stops_and_goes_on(
    examples: Path, monkeypatch: pytest.MonkeyPatch, locale: str, words: dict[str, str]
) -> None:
    monkeypatch.setenv("FUMIKURA_FAKE_STEPS", "600")
    app = checked(add(open_page("training", locale), examples, words), words)
    press(app, words["train_start"])
    wait_until(lambda: job_of("training").progress.done >= 2, seconds=15)
    app = open_page("training", locale)  # a reload
    page = shown(app)
    assert words["run_title"].format(name="my-answers") in page
    assert "fk-stage-running" in page
    assert {"en-US": "tokens/s", "ja-JP": "毎秒812トークン"}[locale] in page
    assert "train-start" not in [button.key for button in app.button]
    app.button("stop-training").click().run()
    assert wait_for("training").state == "cancelled"
    app = app.run()
    assert words["run_stopped"] in [item.value for item in app.info]
    monkeypatch.setenv("FUMIKURA_FAKE_STEPS", "3")
    press(app, words["run_resume"])
    job = wait_for("training")
    assert (job.state, job.arguments[:2]) == ("done", ("run", "--resume"))


def test_a_training_that_fails_says_why(examples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUMIKURA_FAKE_STEPS", "9")
    app = add(open_page("training"), examples)
    app = checked(named(app, "to-fail"))
    press(app, EN["train_start"])
    assert wait_for("training").state == "failed"
    page = shown(app.run())
    assert page.count("The disk is full: 3.0 GB are needed. Free some space.") == 1
    assert EN["run_failed"] in page
    assert any(EN["run_resume"] in button.label for button in app.button)


def test_a_training_that_ends_before_its_folder_is_there_says_why() -> None:
    open_page("training")
    store = services.load_services().store
    message = "The training could not start (no room)."
    store.jobs.finish(store.jobs.add("training", "tea"), "failed", message=message)
    assert message in shown(open_page("training"))
    assert "学習を始められませんでした（no room）。" in shown(open_page("training", "ja-JP"))


def test_earlier_runs_can_be_looked_at(tmp_path: Path) -> None:
    write_run(state(tmp_path), "20261120-080000-old", "failed", done=2, error="<b>No room</b>.")
    write_run(state(tmp_path), RUN, model="tea-lora")
    app = open_page("training")
    assert EN["run_done"].format(model="tea-lora") in [item.value for item in app.success]
    choice = next(box for box in app.selectbox if (box.key or "").startswith("run-chosen"))
    app = choice.set_value("20261120-080000-old").run()
    assert "<b>No room</b>." in [item.value for item in app.text]  # as text, not as markup
    assert app.query_params["run"] == "20261120-080000-old"


def test_what_came_of_a_classification_and_of_learned_text_is_shown(tmp_path: Path) -> None:
    labels = {
        "labels": ["no", "yes"], "confusion": [[3, 2], [0, 12]], "accuracy": 0.882,
        "macro_f1": 0.836, "majority_label": "yes", "majority_accuracy": 0.706,
        "majority_macro_f1": 0.414,
    }  # fmt: skip
    folder = write_run(state(tmp_path), "20261121-080000-labels")
    write_json(folder / "evaluation" / "labels.json", {"scores": labels})
    page = shown(open_page("training"))
    assert "0.882" in page
    assert '<td data-column="told as yes">12</td>' in page
    scores = {"exact_match": estimate(0.25), "mrr": estimate(0.5), "n": 50}
    probes = {
        "scores": {"before": scores, "after": scores},
        "held_out_loss": {"before": 3.2, "after": 2.4},
    }
    folder = write_run(state(tmp_path), "20261122-080000-text")
    write_json(folder / "evaluation" / "probes.json", probes)
    page = shown(open_page("training"))
    assert "0.250 [0.190, 0.310] · n\xa0=\xa050" in page
    assert '<td data-column="After">2.400</td>' in page


# Charts


def test_both_losses_are_on_one_chart_and_a_long_run_is_thinned() -> None:
    points = [LogPoint(n, 4000, 1.0 if n % 2 else 3.0, None, None, None) for n in range(1, 4001)]
    points.append(LogPoint(4000, 4000, 2.0, 0.5, None, None))
    values = loss_chart(Words("en"), points)["data"]["values"]
    assert {value["kind"] for value in values} == {"Examples", "Held out"}
    learned = [value for value in values if value["kind"] == "Examples"]
    assert len(learned) == 400
    assert [learned[0]["step"], learned[0]["loss"]] == [10, 2.0]  # the mean of ten steps
    assert [value["loss"] for value in values if value["kind"] == "Held out"] == [0.5]


def test_a_histogram_has_a_bar_for_each_interval() -> None:
    values = token_chart(Words("en"), HISTOGRAM)["data"]["values"]
    assert len(values) == 6
    assert values[2] == {"from": 400, "to": 600, "rows": 61}


def test_only_the_last_marked_part_of_a_row_is_learned() -> None:
    marked = sample_html("a [[b]] <c>\n[[d [1]]]")
    assert marked == (
        '<div class="fk-passage"><span class="fk-around">a [[b]] &lt;c&gt;\n</span>'
        '<mark class="fk-quote">d [1]</mark></div>'
    )
    assert sample_html("none ]] [[") == '<div class="fk-passage">none ]] [[</div>'
