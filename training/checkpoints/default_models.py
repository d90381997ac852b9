"""Make the default answer model once: base weights, then GPTQ, each published by one rename."""

from collections.abc import Callable
from pathlib import Path

from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.datatypes import Progress
from rag.embed import load_embedder
from rag.inference.device import uses_gpu
from rag.inference.export import DECODER_EXPORTER, exported_folder
from rag.model_folder import refuse_unsafe
from training.checkpoints.base_model import SOURCE, dequantize_base_model
from training.checkpoints.calibration import calibration_prompts, tokens_of_prompts
from training.checkpoints.publish import published
from training.checkpoints.quantize import quantize
from training.config import QuantizeSettings

BASE_MODEL = "smollm2-135m-instruct"
SAMPLE_DOCUMENTS = Path(__file__).resolve().parent.parent.parent / "examples" / "documents"

# Groups of 64 divide the 576 and 1536 inputs of SmolLM2-135M; those of 128 do not.
_GPTQ = QuantizeSettings(bits=4, group_size=64)
_BASE_CARD = f"""---
license: apache-2.0
language: [en]
---
# {BASE_MODEL}

{SOURCE}. Dequantized to 16 bits by `python -m training setup`; not tuned.
"""
_GPTQ_CARD = f"""---
license: apache-2.0
language: [en]
base_model: {BASE_MODEL}
---
# {DEFAULT_ANSWER_MODEL}

{SOURCE}. Dequantized to 16 bits, then quantized to {_GPTQ.bits} bits with GPTQ (group size
{_GPTQ.group_size}, symmetric, no activation reordering) by `python -m training setup`, calibrated
on prompts over `examples/documents` (Apache-2.0, written for this project). Not tuned.
"""


def make_default_models(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the default answer model, after making what is missing of it.

    Interrupting is safe: a model folder appears only when it is complete.

    Raises:
        ModelError: a wheel is not installed.
    """
    answerer = config.models_dir / DEFAULT_ANSWER_MODEL

    if not answerer.is_dir():
        base = make_base_model(config, progress)

        def write_answerer(folder: Path) -> None:
            embedder = load_embedder(config)
            prompts = calibration_prompts(SAMPLE_DOCUMENTS, config, embedder.count_tokens)
            quantize(base, folder, tokens_of_prompts(prompts, base), progress, _GPTQ)

        progress(Progress("calibrate", 0, 0))
        _make(answerer, write_answerer, _GPTQ_CARD)
    if not uses_gpu(config.device):
        progress(Progress("export", 0, 0))
        load_embedder(config).count_tokens("")  # makes its graph
        exported_folder(DECODER_EXPORTER, answerer, config.models_dir)
    return answerer


def make_base_model(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the 16-bit base of the default model, after making it when missing.

    Raises:
        ModelError: its wheel is not installed.
    """
    folder = config.models_dir / BASE_MODEL
    if not folder.is_dir():
        progress(Progress("dequantize", 0, 0))
        _make(folder, dequantize_base_model, _BASE_CARD)
    return folder


def _make(folder: Path, write: Callable[[Path], None], card: str) -> None:
    """Let ``write`` fill ``folder``, which appears as a whole, if it is not there."""
    if folder.is_dir():
        return
    with published(folder) as partial:
        write(partial)
        (partial / "README.md").write_text(card, encoding="utf-8")
        refuse_unsafe(partial)
