"""Make the graph of a model for OpenVINO, once, and keep it beside the models.

Runs in a child process: the libraries that it needs would stay in the memory of the process that
answers. A model without a graph is run by PyTorch, and the reason is told.
"""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.environment import search_path
from rag.errors import ModelError
from rag.model_folder import fingerprint

_LOG = logging.getLogger(__name__)
FACTS = "facts.json"
GRAPH = "graph.xml"
WEIGHTS = "graph.bin"
TOKENIZER = "tokenizer.json"
FORMAT = 3  # of the exported folder; another number is another folder

# Each is a module with a command line of its own.
ENCODER_EXPORTER = "rag.inference.export_encoder"
DECODER_EXPORTER = "rag.inference.export_decoder"
RERANKER_EXPORTER = "rag.inference.export_reranker"
SPAN_EXPORTER = "rag.inference.export_spans"

Facts = dict[str, Any]


def exported_folder(exporter: str, model: Path, models_dir: Path) -> Path | None:
    """Return the graph of ``model``, made now if need be; None when it has none.

    Args:
        exporter: one of the exporters above.
        model: folder of the model.
        models_dir: where graphs are kept.
    """
    target = models_dir / ".openvino" / f"{fingerprint(model)}-{FORMAT}"
    if not (target / FACTS).is_file():
        _export_in_child(exporter, model, target)
    try:
        reason = json.loads((target / FACTS).read_text(encoding="utf-8")).get("unsupported")
    except (OSError, ValueError):
        reason = "its graph could not be made or kept"
    if reason:
        _LOG.warning("%s runs on PyTorch, which is slower on a CPU: %s", model.name, reason)
        return None
    return target


def _export_in_child(exporter: str, model: Path, target: Path) -> None:
    subprocess.run(
        [sys.executable, "-P", "-m", exporter, str(model), str(target)],
        env={**os.environ, "PYTHONPATH": search_path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,  # PyTorch meets the same error in the parent, and tells it
    )


def run_export(write: Callable[[Path, Path], Facts], arguments: list[str]) -> int:
    """Write the graph of model ``arguments[0]`` to folder ``arguments[1]``; return an exit status.

    Args:
        write: given the model and an empty folder, fills it and returns what a reader must know.
            What it raises is kept as the reason why there is no graph.
        arguments: of the command line.
    """
    model, target = Path(arguments[0]), Path(arguments[1])
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        try:
            facts = write(model, partial)
        except ModelError:
            return 1  # not a model at all, or not for now
        except Exception as error:  # noqa: BLE001 - whatever tracing meets, PyTorch runs it still
            facts = {"unsupported": f"{type(error).__name__}: {str(error)[:300]}"}
        facts |= {"model": str(model.resolve())}
        (partial / FACTS).write_text(json.dumps(facts), encoding="utf-8")
        if not (target / FACTS).is_file():
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    _remove_older(target, facts["model"])
    return 0


def _remove_older(target: Path, model: str) -> None:
    """Remove graphs of what ``model`` was before, and of models that are gone."""
    for facts_file in target.parent.glob(f"*/{FACTS}"):
        try:
            made_of = str(json.loads(facts_file.read_text(encoding="utf-8"))["model"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if facts_file.parent != target and (made_of == model or not Path(made_of).is_dir()):
            shutil.rmtree(facts_file.parent, ignore_errors=True)


def write_facts(
    folder: Path, facts: Facts, files: Sequence[str] = (GRAPH, WEIGHTS, TOKENIZER)
) -> Facts:
    """Add the sizes of the written files to ``facts``, keep them in ``folder``, return them."""
    sizes = {name: (folder / name).stat().st_size for name in files}
    facts = {**facts, "sizes": sizes}
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")
    return facts


@contextmanager
def read_facts(folder: Path) -> Iterator[Facts]:
    """Give what `write_facts` kept, for the loading of the files it describes.

    Raises:
        ModelError: they are damaged; also for what the loading raises.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        for name, size in facts["sizes"].items():  # the library maps the weights unchecked
            if (folder / name).stat().st_size != size:
                raise ValueError(f"{name} has lost bytes")
        yield facts
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(
            f"The graph in {folder} is damaged ({str(error)[:200]}). Delete that folder; it is "
            "made anew from the model."
        ) from error
