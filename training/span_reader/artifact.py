"""A span reader as it is shipped, in 16 bits and without what its base holds already.

Folder: ``model.safetensors``, every weight but the word embeddings, of which the tensor
``characters`` holds those that were learned; ``characters.json``, whose rows they are; a card and
a log. `write_model` makes an ordinary model folder of it.
"""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError, first_line
from training.span_reader.characters import PAD, Characters, base_vocabulary, character_tokenizer

if TYPE_CHECKING:
    import torch

Tensors = Mapping[str, "torch.Tensor"]
WEIGHTS, CHARACTERS, CARD, LOG = "model.safetensors", "characters.json", "README.md", "log.jsonl"
_ROWS = "characters"
_WORDS = "bert.embeddings.word_embeddings.weight"
_HEAD = ("qa_outputs.weight", "qa_outputs.bias")
_BODY = re.compile(
    r"bert\.embeddings\.(?:(?:position|token_type)_embeddings|LayerNorm)\.(?:weight|bias)"
    r"|bert\.encoder\.layer\.\d+\.[\w.]+\.(?:weight|bias)"
    r"|qa_outputs\.(?:weight|bias)"
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What was learned.

    Shapes:
        rows: ``(characters, dim)``, in the order of ``characters``.
    """

    body: dict[str, "torch.Tensor"]  # by name in BertForQuestionAnswering
    rows: "torch.Tensor"
    characters: Characters


def save_artifact(folder: Path, artifact: Artifact) -> None:
    """Write weights, in bfloat16, and characters into ``folder``, which is there.

    Raises:
        ValueError: a weight is none that a span reader uses, such as a pooler, or there is not one
            row a character.
    """
    import torch
    from safetensors.torch import save_file

    superfluous = sorted(name for name in artifact.body if not _BODY.fullmatch(name))
    if superfluous:
        raise ValueError(f"A span reader has no use for {', '.join(superfluous)}; leave them out.")
    if len(artifact.rows) != len(artifact.characters):
        raise ValueError(
            f"There are {len(artifact.rows)} rows for {len(artifact.characters)} characters; give "
            "one for each."
        )
    tensors = {**artifact.body, _ROWS: artifact.rows}
    halved = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous()
        for name, value in tensors.items()
    }
    save_file(halved, folder / WEIGHTS)
    table = {"known": artifact.characters.known, "new": artifact.characters.new}
    (folder / CHARACTERS).write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")


def load_artifact(folder: Path) -> Artifact:
    """Return what `save_artifact` wrote, in bfloat16.

    Raises:
        ModelError: the folder is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, torch.Tensor] = load_file(folder / WEIGHTS)
        table = json.loads((folder / CHARACTERS).read_text(encoding="utf-8"))
        rows = tensors.pop(_ROWS)
        characters = Characters(tuple(table["known"]), tuple(table["new"]))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"The weights of the span reader in {folder} are missing or damaged "
            f"({first_line(error)}). Restore them with `git checkout`, or make them anew with "
            "`python -m training span-reader`."
        ) from error
    return Artifact(tensors, rows, characters)


def write_model(artifact_folder: Path, base_folder: Path, target_folder: Path) -> None:
    """Fill ``target_folder`` with an ordinary model for question answering, in 32 bits.

    Not in 16: libraries then compute in as many, and a CPU without the instructions crawls.

    Args:
        artifact_folder: see `save_artifact`; its card, if any, is copied.
        base_folder: the encoder that learning started from.
        target_folder: is there.

    Raises:
        ModelError: a folder is damaged, or the base is another one.
    """
    artifact = load_artifact(artifact_folder)
    try:
        _write_weights(artifact, base_folder, target_folder)
        _write_tokenizer(artifact.characters, base_folder, target_folder)
    except (OSError, ValueError, KeyError, IndexError, RuntimeError) as error:
        raise ModelError(
            f"{artifact_folder} does not fit its base in {base_folder} ({first_line(error)}). "
            "Run `make setup` to install the base that the project names."
        ) from error
    card = artifact_folder / CARD
    if card.is_file():
        shutil.copyfile(card, target_folder / CARD)


def _write_weights(artifact: Artifact, base: Path, target: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    of_base = {_name(name): value for name, value in load_file(base / WEIGHTS).items()}
    expected = {name for name in of_base if _BODY.fullmatch(name)} | set(_HEAD)
    if expected != set(artifact.body):
        odd = sorted(expected ^ set(artifact.body))
        raise ValueError(f"one of the two lacks {odd[0]}")
    words = of_base[_WORDS].float()
    grown = torch.cat([words, words.new_zeros(len(artifact.characters.new), words.shape[1])])
    vocabulary = base_vocabulary(base / "tokenizer.json")
    grown[artifact.characters.token_ids(vocabulary)] = artifact.rows.float()
    body = {name: value.float().contiguous() for name, value in artifact.body.items()}
    save_file({**body, _WORDS: grown}, target / WEIGHTS, metadata={"format": "pt"})
    config: dict[str, Any] = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config.pop("_name_or_path", None)
    config |= {
        "architectures": ["BertForQuestionAnswering"],
        "dtype": "float32",
        "vocab_size": len(grown),
    }
    (target / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _name(name: str) -> str:
    """Return the name that a weight of a bare encoder has in one with a head."""
    return name if name.startswith("bert.") else f"bert.{name}"


def _write_tokenizer(characters: Characters, base: Path, target: Path) -> None:
    tokenizer = character_tokenizer(base / "tokenizer.json", characters.new)
    tokenizer.save(str(target / "tokenizer.json"))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    # No other special token is named: transformers would read "[SEP]" in a document as one.
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "model_max_length": config["max_position_embeddings"],
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
    }
    (target / "tokenizer_config.json").write_text(json.dumps(facts, indent=2), encoding="utf-8")
