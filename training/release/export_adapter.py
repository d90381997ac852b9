"""Take what a run learned out of it: the adapter alone, small enough to be handed on."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rag.abstention import ABSTENTION_FILE
from rag.generate import STYLE_FILE
from rag.model_folder import refuse_unsafe
from training.checkpoints.merge import ADAPTER_SETTINGS
from training.checkpoints.publish import published
from training.runs.folder import Run, RunError
from training.tuning.callbacks import LOG
from training.tuning.sft import ADAPTER

CARD = "README.md"
_WEIGHTS = "adapter_model.safetensors"


def export_adapter(runs: Sequence[Run], out: Path, shares: Sequence[float] = ()) -> None:
    """Write the adapter of the last of ``runs`` to ``out``, with its card and how it is asked.

    Of several runs, A and B are the means of theirs: where one went on from another, that keeps
    most of what each does better (Wortsman et al., 2022, arXiv:2109.01903). Weights are rounded to
    16 bits, in which they are merged anyway.

    Args:
        runs: that are done, of a method that makes an adapter.
        out: replaced when it is there.
        shares: of the runs in the mean, which together are 1; empty: all have the same.

    Raises:
        RunError: there is no such adapter, those of the runs are of different shapes, or the shares
            are not one for each run.
    """
    import torch
    from safetensors.torch import load_file, save_file

    shares = shares or [1 / len(runs)] * len(runs)
    if len(shares) != len(runs) or abs(sum(shares) - 1) > 1e-6:
        raise RunError(
            f"{len(runs)} runs need {len(runs)} shares that add up to 1, not "
            f"{' '.join(map(str, shares))}."
        )
    last = runs[-1]
    model = _checked(last)
    settings = json.loads((last.folder / ADAPTER / ADAPTER_SETTINGS).read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = last.record["base"]  # no folder of this machine
    settings["target_modules"] = sorted(settings["target_modules"])  # a set, in any order
    weights = load_file(last.folder / ADAPTER / _WEIGHTS)
    weights = {name: shares[-1] * one.float() for name, one in weights.items()}
    for run, share in zip(runs[:-1], shares[:-1], strict=True):
        _checked(run)
        more = load_file(run.folder / ADAPTER / _WEIGHTS)
        if _shapes(more) != _shapes(weights) or run.record["base"] != last.record["base"]:
            raise RunError(
                f"The adapters of {run.id} and {last.id} are of different shapes or bases, so they "
                "have no mean. Export one of them."
            )
        weights = {name: one + share * more[name].float() for name, one in weights.items()}
    with published(out) as folder:
        rounded = {name: one.to(torch.bfloat16) for name, one in weights.items()}
        save_file(rounded, folder / _WEIGHTS, metadata={"format": "pt"})
        text = json.dumps(settings, indent=2, sort_keys=True)
        (folder / ADAPTER_SETTINGS).write_text(f"{text}\n", encoding="utf-8")
        shutil.copyfile(last.folder / LOG, folder / LOG)
        for name in (CARD, STYLE_FILE, ABSTENTION_FILE):
            if (model / name).is_file():
                shutil.copyfile(model / name, folder / name)
        refuse_unsafe(folder)


def _checked(run: Run) -> Path:
    """Return the folder of the model that ``run`` made, which has an adapter."""
    model = run.settings.models_dir / str(run.record["model"])
    has_adapter = (run.folder / ADAPTER / ADAPTER_SETTINGS).is_file()
    if run.state != "done" or not has_adapter or not model.is_dir():
        raise RunError(
            f"{run.id} has no adapter to export: a run that is done and whose train.method is "
            '"lora" or "rslora" has one, as long as its model is among the models.'
        )
    return model


def _shapes(weights: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in weights.items()}
