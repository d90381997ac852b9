"""What the pages read of training runs, and the settings that they write for them."""

import json
import tomllib
from pathlib import Path

import pytest

from rag.config import Config
from rag.errors import RagError
from rag.evaluation.metrics import Estimate
from rag.training_comparison import read_comparison
from rag.training_runs import (
    read_check,
    read_log,
    read_models,
    read_run,
    read_runs,
    read_serving,
)
from rag.training_settings import (
    changed,
    read_recipes,
    save_settings,
    save_upload,
    settings_file,
    to_toml,
    value_at,
)
from rag.ui.training_form import DEFAULTS
from tests.training_state import (
    RUN,
    activate,
    log_line,
    write_json,
    write_model,
    write_run,
    write_table,
)
from training.config import TrainingConfig
from training.config_file import CONFIGS, config_table, load_training_config


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path / "state", models_dir=tmp_path / "models")


# Runs


def test_runs_are_read_newest_first_and_damaged_ones_left_out(config: Config) -> None:
    write_run(config.state_dir, "20261120-080000-old")
    write_run(config.state_dir, RUN, model="tea-lora")
    (config.state_dir / "runs" / "20261122-000000-half").mkdir()
    write_json(config.state_dir / "runs" / "20261123-000000-bad" / "run.json", ["no record"])
    (config.state_dir / "runs" / "20261123-000000-bad" / "run.json").write_text('{"name": ')
    runs = read_runs(config.state_dir)
    assert [run.id for run in runs] == [RUN, "20261120-080000-old"]
    assert (runs[0].model, runs[0].rows, runs[0].files) == ("tea-lora", 200, ("/home/me/tea.csv",))
    assert read_run(config.state_dir, RUN) == runs[0]
    assert read_run(config.state_dir, "../runs/" + RUN) is None
    assert read_runs(config.state_dir / "nowhere") == []


def test_a_run_whose_process_is_gone_is_interrupted_not_running(config: Config) -> None:
    write_run(config.state_dir, "20261121-000000-gone", "running", done=2)
    write_run(config.state_dir, "20261121-000001-here", "running", done=2, is_own=True)
    here, gone = read_runs(config.state_dir)
    assert (here.state, here.can_resume) == ("running", False)
    assert (gone.state, gone.can_resume) == ("broken", True)


def test_the_half_written_last_line_of_a_log_is_left_out(config: Config) -> None:
    folder = write_run(config.state_dir, steps=16)  # ends with half a line
    run = read_run(config.state_dir, RUN)
    assert run is not None
    points = read_log(run)
    assert len(points) == 17
    assert [p.step for p in points if p.eval_loss is not None] == [0, 8, 16]
    assert (points[0].loss, points[16].loss) == (None, log_line(16, 16)["loss"])
    with (folder / "log.jsonl").open("ab") as log:
        log.write(b'\xff\xfe\n["a"]\n{"step": 17, "total_steps": 17, "loss": NaN}\n')
    assert [p.loss for p in read_log(run)][17:] == [None]
    (folder / "log.jsonl").unlink()
    assert read_log(run) == []


def test_a_table_is_read_over_all_rows_and_a_damaged_one_is_none(config: Config) -> None:
    folder = write_run(config.state_dir)
    assert read_comparison(folder) is None
    write_table(folder)
    table = read_comparison(folder)
    assert table is not None
    before, _, gptq, nf4 = table.candidates
    assert before.measures["f1"].mean == 0.41
    assert "abstention_precision" not in before.measures  # no row was a case of it
    assert gptq.measures["general_likelihood"].mean == -1.5
    assert nf4.unavailable == "bitsandbytes is missing"
    gain = table.difference("gptq", "f1")
    assert gain is not None
    assert gain.estimate == Estimate(0.37, 0.27, 0.47)  # not 0.9, which is that of one language
    assert table.difference("gptq", "citation_recall") is None
    assert [row.question for row in table.worst][1] == "煎茶は何時に出しますか？"
    (folder / "evaluation" / "table.json").write_text('{"rows": 80, "candidates": [')
    assert read_comparison(folder) is None


def test_each_language_has_its_own_table(config: Config) -> None:
    folder = write_run(config.state_dir)
    write_table(folder)
    table = read_comparison(folder)
    assert table is not None
    assert list(table.languages) == ["ja"]
    japanese = table.languages["ja"]
    assert japanese.rows == 32
    assert japanese.candidates[0].measures["f1"].mean == 0.205
    assert "general_likelihood" not in japanese.candidates[0].measures
    gain = japanese.difference("gptq", "f1")
    assert gain is not None
    assert gain.estimate.mean == 0.9


def test_the_table_of_the_training_side_is_understood(config: Config, tmp_path: Path) -> None:
    from training.evaluation.table import table_from_json

    folder = write_run(config.state_dir)
    write_table(folder)
    written = json.loads((folder / "evaluation" / "table.json").read_text())
    write_json(folder / "evaluation" / "table.json", table_from_json(written).to_json())
    table = read_comparison(folder)
    assert table is not None
    assert table.candidates[0].measures["exact"].mean == pytest.approx(0.21)


def test_a_check_is_read_when_there_is_one(config: Config) -> None:
    folder = write_run(config.state_dir)
    run = read_run(config.state_dir, RUN)
    assert run is not None
    assert read_check(run) == {}
    write_json(folder / "check.json", {"train": 3})
    assert read_check(run) == {"train": 3}


# Models


def test_the_model_that_answers_is_told_with_its_time_and_the_one_before(config: Config) -> None:
    assert read_serving(config).model == "extractive"  # no model was ever made
    (config.models_dir / "fumikura-135m-gptq").mkdir(parents=True)
    assert (read_serving(config).model, read_serving(config).previous) == (
        "fumikura-135m-gptq",
        "",
    )
    activate(config.models_dir, "tea-lora")
    serving = read_serving(config)
    assert (serving.model, serving.since) == ("tea-lora", "2026-11-21T10:50:00+00:00")
    assert serving.previous == "fumikura-135m-gptq"
    fixed = Config(models_dir=config.models_dir, answer_model="own")
    assert (read_serving(fixed).model, read_serving(fixed).is_fixed) == ("own", True)
    (config.models_dir / "active.json").write_text("{")
    assert "is damaged" in read_serving(config).problem


def test_models_are_those_of_runs_that_are_still_there(config: Config) -> None:
    write_run(config.state_dir, RUN, model="tea-lora")
    write_run(config.state_dir, "20261120-080000-gone", model="gone")
    write_run(config.state_dir, "20261120-070000-evil", model="../state")
    write_model(config.models_dir, "tea-lora")
    activate(config.models_dir, "tea-lora")
    (model,) = read_models(config)
    assert (model.name, model.is_active, model.run.id) == ("tea-lora", True, RUN)
    assert model.megabytes == pytest.approx(2.5, abs=0.01)
    assert model.card.startswith("# tea-lora")


# Settings


def test_toml_is_read_back_as_it_was_written() -> None:
    table = {
        "name": '茶 "quoted" \\ \x7f \t\n',
        "seed": 3,
        "data": {"files": ["/a b.csv", "/茶.csv"], "feedback": True, "columns": []},
        "train": {"learning_rate": 1e-5, "epochs": 2.0, "deep": {"a key": False}},
    }
    assert tomllib.loads(to_toml(table)) == table


def test_what_a_page_writes_is_what_the_training_side_reads(tmp_path: Path) -> None:
    changes = {
        "name": "tea-lora", "data.files": ["/a.csv"], "data.columns": ["question=質問"],
        "data.feedback": True, "train.rank": 8, "train.learning_rate": 1e-4, "train.max_steps": 5,
        "train.epochs": 0.5, "data.balance": "weights",
    }  # fmt: skip
    loaded = load_training_config(save_settings(changed({}, changes), tmp_path))
    assert {place: value_at(config_table(loaded), place, None) for place in changes} == changes


def test_the_form_begins_with_what_the_training_side_does_by_itself() -> None:
    table = config_table(TrainingConfig(name="x"))
    assert {place: value_at(table, place, None) for place in DEFAULTS} == DEFAULTS


def test_the_same_settings_have_the_same_file_and_others_another(tmp_path: Path) -> None:
    table = {"name": "tea", "train": {"rank": 8}}
    file = save_settings(table, tmp_path)
    assert settings_file(dict(table), tmp_path) == file
    assert settings_file(changed(table, {"train.rank": 9}), tmp_path) != file
    assert table == {"name": "tea", "train": {"rank": 8}}  # `changed` gave a copy


@pytest.mark.parametrize("name", ["", "../x", ".hidden", "a/b", "x" * 61, "a b"])
def test_a_name_that_is_none_of_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RagError, match="cannot name a model"):
        save_settings({"name": name}, tmp_path)


def test_an_upload_stays_in_its_folder_whatever_its_name(tmp_path: Path) -> None:
    evil = save_upload("../../etc/質問<b>.csv", b"a", tmp_path)
    assert evil.parent.parent == tmp_path / "uploads"
    assert evil.name == "質問_b_.csv"
    assert save_upload("質問<b>.csv", b"a", tmp_path) == evil
    assert save_upload("質問<b>.csv", b"b", tmp_path) != evil
    assert evil.read_bytes() == b"a"
    assert save_upload("..", b"c", tmp_path).name == "examples"


def test_no_room_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file where the folder should be")
    with pytest.raises(RagError, match="cannot be written"):
        save_upload("a.csv", b"a", tmp_path)


def test_recipes_are_read_with_their_first_comment(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(
        "# One line\n# and another.\n\n# not this\ntask = 'classify'\n"
    )
    (tmp_path / "a.toml").write_text("name = 'a'\n# later")
    (tmp_path / "bad.toml").write_text("name = ")
    first, second = read_recipes(tmp_path)
    assert (first.name, first.description, first.task) == ("a", "", "answer")
    assert (second.description, second.task) == ("One line and another.", "classify")


def test_every_recipe_that_comes_along_can_be_chosen() -> None:
    assert [recipe.name for recipe in read_recipes()] == sorted(
        file.stem for file in CONFIGS.glob("*.toml")
    )
