"""A default model is made anew when an update ships other weights, and only then."""

from pathlib import Path

import pytest

from training.checkpoints.made_of import MADE_OF, is_made_of, note_source


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "abstention.json").write_text("{}", encoding="utf-8")
    (folder / "log.jsonl").write_text("", encoding="utf-8")
    return folder


@pytest.fixture
def made(tmp_path: Path, shipped: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    note_source(folder, shipped)
    return folder


def test_a_model_is_made_of_the_weights_that_it_was_noted_for(made: Path, shipped: Path) -> None:
    assert is_made_of(made, shipped)


@pytest.mark.parametrize("file", ["model.safetensors", "abstention.json"])
def test_other_weights_or_settings_outdate_it(made: Path, shipped: Path, file: str) -> None:
    (shipped / file).write_bytes(b"another")
    assert not is_made_of(made, shipped)


def test_another_log_does_not(made: Path, shipped: Path) -> None:
    (shipped / "log.jsonl").write_text("{}", encoding="utf-8")
    assert is_made_of(made, shipped)


@pytest.mark.parametrize("note", [b"", b"[]", b"\xff", b"{}"])
def test_a_damaged_note_outdates_it(made: Path, shipped: Path, note: bytes) -> None:
    (made / MADE_OF).write_bytes(note)
    assert not is_made_of(made, shipped)


def test_a_folder_of_an_earlier_version_without_a_note_is_outdated(
    tmp_path: Path, shipped: Path
) -> None:
    assert not is_made_of(tmp_path, shipped)
