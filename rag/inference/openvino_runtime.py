"""Load OpenVINO and compile a graph for the CPU at hand. The only owner of that library.

Neither torch nor transformers is imported to run a graph, so that a process answers within a
second of its start. Measured against the alternatives in docs/performance.md.
"""

import mmap
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

HALF = "bf16"  # computed in 16 bits where the CPU can; elsewhere that would be emulated
WHOLE = "f32"
# oneDNN in it keeps the kernels of the last 1,024 shapes, and with each kernel what its model had
# in memory. Of so few nothing is left after an exchange, and answers are as fast (docs/log.md).
_REMEMBERED_KERNELS = "64"


def import_openvino() -> Any:  # noqa: ANN401 - the library ships no types
    """Import the library without the part that reports its use to the maker.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _REMEMBERED_KERNELS)
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # blocks the import
    import openvino

    return openvino


def usable(precision: str) -> str:
    """Return ``precision``, or `WHOLE` where this CPU would have to emulate it."""
    capabilities = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return precision if precision.upper() in capabilities else WHOLE


def compile_file(file: Path, precision: str, threads: int) -> Any:  # noqa: ANN401 - the library ships no types
    """Return an inference request for the graph in ``file``, whose weights lie beside it.

    The library would map the weights itself, and keep in memory what it looked at while compiling:
    of a model with a large vocabulary 70 MB that nothing reads again.

    Raises:
        OSError, ValueError, RuntimeError: the graph is damaged.
    """
    with file.with_suffix(".bin").open("rb") as weights_file:
        weights = mmap.mmap(weights_file.fileno(), 0, access=mmap.ACCESS_COPY)
    openvino = import_openvino()
    tensor = openvino.Tensor(np.frombuffer(weights, np.uint8), shared_memory=True)
    graph = openvino.Core().read_model(file.read_text(encoding="utf-8"), tensor)
    request = compile_graph(graph, precision, threads)
    request.weights = tensor  # which it computes with and does not hold
    if hasattr(weights, "madvise"):  # Windows has no such thing
        weights.madvise(mmap.MADV_DONTNEED)
    return request


def compile_graph(graph: Any, precision: str, threads: int, **settings: str) -> Any:  # noqa: ANN401 - the library ships no types
    """Return an inference request for ``graph``; ``threads`` 0 leaves the choice to the library.

    Args:
        graph: an openvino.Model. Memory that its constants share must outlive the request.
        precision: of what is computed.
        threads: 0: as the library likes.
        settings: others of the plugin.

    Raises:
        RuntimeError: the graph is damaged.
    """
    if threads:
        settings["INFERENCE_NUM_THREADS"] = str(threads)
    settings |= {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
    model = import_openvino().Core().compile_model(graph, "CPU", settings)
    return model.create_infer_request()


def thread_count(request: Any) -> int:  # noqa: ANN401 - the library ships no types
    """Return how many threads compute a request."""
    return int(request.get_compiled_model().get_property("INFERENCE_NUM_THREADS"))
