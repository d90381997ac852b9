"""Quantization to a few bits through GPTQModel, its only owner here.

GPTQ (Frantar et al., 2022, arXiv:2210.17323) makes the models that serve. AWQ (Lin et al., 2023,
arXiv:2306.00978) is made to be compared with it.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Literal

from rag.datatypes import Progress
from rag.errors import ModelError, first_line
from training.config import QuantizeSettings

Method = Literal["gptq", "awq"]
# Scales are searched for the least sum of errors to this power, that of GPTQModel's own examples.
# It doubles the time. With groups of 32, a small model then keeps twice as much (docs/log.md).
_ERROR_POWER = 2.4
_GROUP_SIZES = (128, 64, 32, 16)  # that kernels know, the smallest file first


def quantize(
    base_folder: Path,
    folder: Path,
    calibration: Sequence[Sequence[int]],
    progress: Callable[[Progress], None],
    settings: QuantizeSettings,
    method: Method = "gptq",
) -> None:
    """Write the quantized checkpoint of ``base_folder`` into ``folder``.

    Args:
        base_folder: 16-bit model and tokenizer.
        folder: created when missing.
        calibration: tokens of texts as the model will read and write them; see
            `training.checkpoints.calibration`. Never of questions that it is tested on.
        progress: called after each decoder layer.
        settings: bits, group size and order of columns.
        method: "awq" has 4 bits and no order of columns, whatever the settings say of them.

    Raises:
        ModelError: the model has a layer that the group size does not divide, there is nothing to
            calibrate with, or quantization failed.
    """
    if not calibration:
        raise ModelError("There are no texts to calibrate the quantization with.")
    # GPTQModel asks a pool of two workers of a parent that has one on two cores.
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")
    # Its banners and bars go to a file: thousands of lines, of which a person needs one number.
    log = folder.parent / f"{folder.name}.log"
    with (
        _handlers_kept(),
        log.open("w", encoding="utf-8") as stream,
        redirect_stdout(stream),
        redirect_stderr(stream),
    ):
        try:
            _quantize(base_folder, folder, calibration, progress, settings, method)
        except (
            ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError,
            TypeError, ValueError,
        ) as error:  # fmt: skip # a library of many backends raises anything
            raise ModelError(
                f"{base_folder} could not be quantized ({first_line(error)}). "
                f"What was done is in {log}."
            ) from error
    log.unlink()


@contextmanager
def _handlers_kept() -> Iterator[None]:
    """Take away what a library adds to the root logger: it would write to the closed file later."""
    root = logging.getLogger()
    before = list(root.handlers)
    try:
        yield
    finally:
        root.handlers[:] = before


def _quantize(
    base_folder: Path,
    folder: Path,
    calibration: Sequence[Sequence[int]],
    progress: Callable[[Progress], None],
    settings: QuantizeSettings,
    method: Method,
) -> None:
    from gptqmodel import BACKEND, GPTQModel
    from gptqmodel.quantization.config import AWQConfig, QuantizeConfig
    from gptqmodel.utils.threadx import _DeviceWorker

    # An error in one of its threads would end this process, before anybody is told of it.
    _DeviceWorker._abort_process = lambda worker, error: None
    logging.getLogger("gptqmodel").setLevel(logging.WARNING)
    group_size = settings.group_size
    if method == "awq":
        how, backend = AWQConfig(bits=4, group_size=group_size), BACKEND.AWQ_TORCH
    else:
        how = QuantizeConfig(
            bits=settings.bits,
            group_size=group_size,
            desc_act=settings.desc_act,
            sym=True,
            mse=_ERROR_POWER,
        )
        backend = BACKEND.AUTO
    model = GPTQModel.load(str(base_folder), how, trust_remote_code=False)
    _refuse_odd_layers(model.model, group_size)
    model.layer_callback = _LayerProgress(model.model.config.num_hidden_layers, progress)
    texts = [{"input_ids": list(ids), "attention_mask": [1] * len(ids)} for ids in calibration]
    # Left to choose, AWQ takes a kernel for CUDA and fails without one.
    model.quantize(texts, batch_size=1, backend=backend)
    model.save(str(folder))


def _refuse_odd_layers(model: Any, group_size: int) -> None:  # noqa: ANN401 - torch module
    import torch

    sizes = {
        name: module.in_features
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and ".layers." in f".{name}"
    }
    odd = next((name for name, inputs in sizes.items() if inputs % group_size), None)
    if odd is not None:
        fitting = [g for g in _GROUP_SIZES if all(inputs % g == 0 for inputs in sizes.values())]
        advice = f"Set quantize.group_size = {fitting[0]}" if fitting else "Choose another model"
        raise ModelError(
            f"{odd} has {sizes[odd]:,} inputs, which groups of {group_size} do not divide. "
            f"{advice}."
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
