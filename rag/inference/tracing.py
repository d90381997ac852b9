"""Trace a PyTorch module into a graph for OpenVINO; what `export_*` of such models share."""

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.environment import prepare_process
from rag.inference.export import GRAPH
from rag.inference.openvino_runtime import HALF, WHOLE, import_openvino, usable


def prepare_tracing() -> None:
    """Set this process up to trace a model of sentence-transformers."""
    prepare_process()
    warnings.simplefilter("ignore")  # tracing warns of every branch on a shape
    # Optional libraries that sentence-transformers imports when they are there: 1.6 s less.
    for name in ("peft", "torchao", "bitsandbytes"):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type] # blocks the import


def save_traced(module: Any, folder: Path, inputs: tuple[str, ...]) -> None:  # noqa: ANN401 - the library ships no types
    """Write the graph of ``module``, which takes ``inputs`` by name: ids first, their mask next."""
    import torch

    mask = torch.ones((2, 16), dtype=torch.int64)
    mask[1, 9:] = 0
    kinds = torch.zeros_like(mask)
    kinds[:, 6:] = 1
    example = dict(zip(inputs, (mask * 7, mask, kinds), strict=False))
    openvino = import_openvino()
    graph = openvino.convert_model(module.eval(), example_input=example)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)


def fastest_precision(agrees: Callable[[str], bool]) -> str | None:
    """Return the fastest precision of this CPU in which the graph ``agrees`` with its model."""
    usable_ones = (precision for precision in (HALF, WHOLE) if usable(precision) == precision)
    return next((precision for precision in usable_ones if agrees(precision)), None)
