"""A run's record survives whatever ends the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from rag.config import Config
from training.config import TrainingConfig
from training.runs.folder import Run, RunError, all_runs, file_facts, find_run


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return replace(Config(), state_dir=tmp_path / "state")


def test_a_run_is_found_again_with_its_settings_and_stages(settings: Config) -> None:
    run = Run.create(TrainingConfig("mine", seed=7), settings)
    run.begin()
    run.enter("check")
    run.leave("check")
    run.enter("sft")

    again = find_run(run.id, settings)

    assert (again.config.seed, again.record["state"]) == (7, "running")
    assert (again.is_done("check"), again.is_done("sft"), again.is_done("merge")) == (
        True, False, False,
    )  # fmt: skip
    assert again.is_live
    again.end("failed", "no disk space")
    assert not again.is_live
    assert [r.record["error"] for r in all_runs(settings)] == ["no disk space"]


def test_a_run_whose_process_is_gone_is_not_live(settings: Config) -> None:
    run = Run.create(TrainingConfig("mine"), settings)
    run.begin()
    run.update(process=(2**22 + 1, 1.0))

    assert not find_run(run.id, settings).is_live


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", ".lock"])
def test_a_name_outside_the_runs_is_refused(settings: Config, name: str) -> None:
    with pytest.raises(RunError, match="no name of a run"):
        find_run(name, settings)


def test_an_unknown_and_a_damaged_run_are_told(settings: Config) -> None:
    with pytest.raises(RunError, match="no training run"):
        find_run("20261121-000000-x", settings)
    run = Run.create(TrainingConfig("mine"), settings)
    (run.folder / "run.json").write_text("{", encoding="utf-8")

    with pytest.raises(RunError, match="damaged"):
        find_run(run.id, settings)
    assert all_runs(settings) == []


def test_a_file_is_recorded_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_bytes(b"abc")

    facts = file_facts(file, 2)

    assert facts["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert facts["rows"] == 2
