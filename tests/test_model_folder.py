import json
from pathlib import Path

import pytest

from rag.errors import ModelError
from rag.model_folder import find_model, fingerprint, refuse_unsafe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "models" / "good"
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (model / "model.safetensors").write_bytes(b"weights")
    return model


def test_a_folder_of_safetensors_and_plain_settings_is_accepted(folder: Path) -> None:
    assert find_model("good", folder.parent) == folder


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "rng_state.pth", "training_args.bin", "index.pkl", "x/adapter.pt"]
)
def test_pickled_weights_are_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")

    with pytest.raises(ModelError, match="pickled"):
        refuse_unsafe(folder)


def test_program_code_in_a_model_is_refused(folder: Path) -> None:
    (folder / "modeling_evil.py").write_text("print('no')")

    with pytest.raises(ModelError, match="program code"):
        refuse_unsafe(folder)


@pytest.mark.parametrize(
    "table",
    [
        {"auto_map": {"AutoModel": "evil.Model"}},
        {"_attn_implementation_internal": "evil/kernel"},
        {"text_config": {"auto_map": {"AutoConfig": "evil.Config"}}},
    ],
)
def test_settings_that_ask_for_custom_code_are_refused(
    folder: Path, table: dict[str, object]
) -> None:
    (folder / "config.json").write_text(json.dumps(table))

    with pytest.raises(ModelError, match="custom code"):
        refuse_unsafe(folder)


def test_a_folder_without_weights_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()

    with pytest.raises(ModelError, match="no safetensors"):
        refuse_unsafe(folder)


def test_a_model_that_is_not_here_names_the_ways_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="hf download"):
        find_model("someone/some-model", tmp_path)


def test_other_weights_have_another_fingerprint(folder: Path) -> None:
    before = fingerprint(folder)
    (folder / "model.safetensors").write_bytes(b"weightS")

    assert fingerprint(folder) != before
