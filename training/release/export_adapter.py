"""Take what a run learned out of it: the adapter alone, small enough to be handed on."""

import json
import shutil
from pathlib import Path

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


def export_adapter(run: Run, out: Path) -> None:
    """Write the adapter of ``run`` to ``out``, with its card, its curves and how it is asked.

    Weights are rounded to 16 bits, in which they are merged anyway.

    Args:
        run: that is done, of a method that makes an adapter.
        out: replaced when it is there.

    Raises:
        RunError: there is no such adapter.
    """
    import torch
    from safetensors.torch import load_file, save_file

    adapter, model = run.folder / ADAPTER, run.settings.models_dir / str(run.record["model"])
    if run.state != "done" or not (adapter / ADAPTER_SETTINGS).is_file() or not model.is_dir():
        raise RunError(
            f"{run.id} has no adapter to export: a run that is done and whose train.method is "
            '"lora" or "rslora" has one, as long as its model is among the models.'
        )
    settings = json.loads((adapter / ADAPTER_SETTINGS).read_text(encoding="utf-8"))
    settings["base_model_name_or_path"] = run.record["base"]  # no folder of this machine
    settings["target_modules"] = sorted(settings["target_modules"])  # a set, in any order
    weights = load_file(adapter / _WEIGHTS)
    with published(out) as folder:
        halved = {name: tensor.to(torch.bfloat16) for name, tensor in weights.items()}
        save_file(halved, folder / _WEIGHTS, metadata={"format": "pt"})
        text = json.dumps(settings, indent=2, sort_keys=True)
        (folder / ADAPTER_SETTINGS).write_text(f"{text}\n", encoding="utf-8")
        shutil.copyfile(run.folder / LOG, folder / LOG)
        for name in (CARD, STYLE_FILE, ABSTENTION_FILE):
            if (model / name).is_file():
                shutil.copyfile(model / name, folder / name)
        refuse_unsafe(folder)
