"""Fold an adapter into its base, in 16 bits: W + (alpha / r) B A is an ordinary weight.

Method "full" and "galore" leave a whole model instead of an adapter; it is rounded to 16 bits here.
"""

import shutil
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.model_folder import refuse_unsafe
from training.checkpoints.publish import published
from training.retriever.lora import load_adapter
from training.retriever.lora import merge_adapter as fold_in
from training.tuning.sft_model import load_base

ADAPTER_SETTINGS = "adapter_config.json"
_NOT_COPIED = (".safetensors", ".index.json", ".md")  # weights, and a card of another model


def merge_adapter(base: Path, adapter: Path, out: Path) -> None:
    """Write what ``adapter`` makes of ``base`` to ``out``, which appears as a whole.

    Args:
        base: 16-bit model and tokenizer.
        adapter: what `training.tuning.sft.train_answerer` published, an adapter or a whole model.
        out: replaced when it is there.

    Raises:
        ModelError: a folder cannot be loaded.
    """
    with published(out) as folder:
        write_merged(base, adapter, folder)
        refuse_unsafe(folder)


def write_merged(base: Path, adapter: Path, folder: Path) -> None:
    """Write the same into ``folder``, which is there.

    Tokenizer, chat template and generation settings are copied from ``base`` byte by byte, so that
    the merged model is asked in the words that it was taught in.

    Raises:
        ModelError: a folder cannot be loaded.
    """
    import torch

    is_adapter = (adapter / ADAPTER_SETTINGS).is_file()
    model = load_base(base if is_adapter else adapter, "bf16", "cpu")
    if is_adapter:
        _fold(model, adapter)
    model.to(torch.bfloat16).save_pretrained(folder)
    for file in sorted(base.iterdir()):
        is_made = file.name == "config.json" or file.name.endswith(_NOT_COPIED)
        if file.is_file() and not is_made:
            shutil.copyfile(file, folder / file.name)


def _fold(model: Any, adapter: Path) -> None:  # noqa: ANN401 - a transformers model
    from safetensors import SafetensorError

    try:
        fold_in(load_adapter(model, adapter))
    except (
        OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError,
    ) as error:  # fmt: skip # what peft raises for a damaged adapter or one of another base
        raise ModelError(
            f"The adapter in {adapter} does not fit its base or is damaged ({str(error)[:200]}). "
            "Train it again."
        ) from error
