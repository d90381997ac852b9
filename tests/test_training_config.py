"""A run's settings: one file, every mistake told at once."""

from pathlib import Path

import pytest

from rag.errors import ConfigError
from training.config import TrainingConfig
from training.config_file import CONFIGS, config_table, load_training_config, training_config


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'name = "質問"\n[data]\nfiles = ["a.jsonl", "b.csv"]\n[train]\nlearning_rate = 1\n',
    )

    config = load_training_config(file)

    assert config.name == "質問"
    assert config.data.files == (Path("a.jsonl"), Path("b.csv"))
    assert (config.train.learning_rate, config.train.rank) == (1.0, 16)
    assert config.prompt == TrainingConfig("x").prompt


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        'task = "sing"\nhue = 1\n[data]\nfiles = "a.jsonl"\nheld_out_share = 2\nfeedback = 1\n'
        '[train]\nrank = 0\nmethod = "magic"\nepochs = "two"\nbatch_size = true\nmax_steps = -1\n'
        '[evaluate]\ncandidates = ["gptq", "gguf"]\n',
    )

    with pytest.raises(ConfigError) as caught:
        load_training_config(file)

    for words in (
        "there is no setting hue", "name is missing", "task = 'sing': expected one of answer",
        "data.files = 'a.jsonl': expected a list", "data.held_out_share = 2: expected 0 to 1",
        "data.feedback = 1: expected true or false", "train.rank = 0: expected more than 0",
        "train.method = 'magic': expected one of lora", "train.epochs = 'two': expected a number",
        "train.batch_size = True", "train.max_steps = -1: expected 0 or more",
        "evaluate.candidates",
    ):  # fmt: skip
        assert words in str(caught.value)


@pytest.mark.parametrize("name", ["../up", "", ".hidden", "a/b"])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        load_training_config(write(tmp_path, f'name = "{name}"\n'))


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    text = 'name = "x"\n[prompt]\nbudget_tokens = 2000\n[train]\nmax_tokens = 1000\n'

    with pytest.raises(ConfigError, match=r"prompt\.budget_tokens \(2000\)"):
        load_training_config(write(tmp_path, text))


def test_no_file_and_no_toml_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        load_training_config(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="no TOML"):
        load_training_config(write(tmp_path, "name = "))


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_configuration_that_comes_along_is_valid_and_names_its_command(file: Path) -> None:
    assert load_training_config(Path(file.stem)) == load_training_config(file)
    command = f"# python -m training run --config training/configs/{file.name}"
    assert file.read_text(encoding="utf-8").splitlines()[0] == command


def test_a_stored_configuration_is_the_one_that_was_read() -> None:
    config = TrainingConfig("x", seed=3)

    assert training_config(config_table(config), "run.json") == config
