"""GPTQ (Frantar et al., 2022, arXiv:2210.17323) through GPTQModel, its only owner here."""

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from rag.datatypes import Progress, Prompt
from rag.errors import ModelError

BITS = 4
GROUP_SIZE = 64  # divides the 576 and 1536 inputs of SmolLM2-135M; 128 does not


def quantize(
    base_folder: Path,
    folder: Path,
    prompts: Sequence[Prompt],
    progress: Callable[[Progress], None],
) -> None:
    """Write the GPTQ checkpoint of ``base_folder`` into ``folder``.

    Args:
        base_folder: 16-bit model and tokenizer.
        folder: created when missing.
        prompts: calibration prompts; rendered with the model's own chat template.
        progress: called after each decoder layer.

    Raises:
        ModelError: the model has a layer that the group size does not divide.
    """
    # GPTQModel asks a pool of two workers of a parent that has one on two cores.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")
    # Its banners and bars go to a file: thousands of lines, of which a person needs one number.
    log = folder.parent / f"{folder.name}.log"
    with (
        log.open("w", encoding="utf-8") as stream,
        redirect_stdout(stream),
        redirect_stderr(stream),
    ):
        from gptqmodel import GPTQModel, QuantizeConfig
        from transformers import AutoTokenizer

        logging.getLogger("gptqmodel").setLevel(logging.WARNING)
        tokenizer = AutoTokenizer.from_pretrained(base_folder, local_files_only=True)
        settings = QuantizeConfig(bits=BITS, group_size=GROUP_SIZE, desc_act=False, sym=True)
        model = GPTQModel.load(str(base_folder), settings, trust_remote_code=False)
        _refuse_odd_layers(model.model)
        model.layer_callback = _LayerProgress(model.model.config.num_hidden_layers, progress)
        model.quantize([_render(tokenizer, prompt) for prompt in prompts], batch_size=1)
        model.save(str(folder))
    log.unlink()


def _render(tokenizer: Any, prompt: Prompt) -> str:  # noqa: ANN401 - transformers tokenizer
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return str(tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))


def _refuse_odd_layers(model: Any) -> None:  # noqa: ANN401 - torch module
    import torch

    for name, module in model.named_modules():
        is_quantized = isinstance(module, torch.nn.Linear) and ".layers." in f".{name}"
        if is_quantized and module.in_features % GROUP_SIZE:
            raise ModelError(
                f"{name} has {module.in_features} inputs, which groups of {GROUP_SIZE} do not "
                "divide. Choose another base model."
            )


class _LayerProgress:
    """Reports finished decoder layers. GPTQModel calls it once or more a layer."""

    def __init__(self, layers: int, progress: Callable[[Progress], None]) -> None:
        self._layers = layers
        self._progress = progress
        self._last = 0

    def layer_complete(self, *, layer_idx: int, submodule_finalized: bool) -> None:
        if layer_idx + 1 > self._last:
            self._last = layer_idx + 1
            self._progress(Progress("quantize", self._last, self._layers))
