"""Make the default models once: the span reader; then base weights, the adapter in them, GPTQ.

Each step appears as a whole, by one rename.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from rag.abstention import ABSTENTION_FILE
from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.datatypes import Progress
from rag.embed import load_embedder
from rag.generate import STYLE_FILE, prompt_style
from rag.inference.device import uses_gpu
from rag.inference.export import DECODER_EXPORTER, SPAN_EXPORTER, exported_folder
from rag.model_folder import find_model, refuse_unsafe
from training.checkpoints.base_model import SOURCE, dequantize_base_model
from training.checkpoints.calibration import calibration_prompts, tokens_of_prompts
from training.checkpoints.made_of import is_made_of, note_source
from training.checkpoints.merge import write_merged
from training.checkpoints.publish import published
from training.checkpoints.quantize import quantize
from training.checkpoints.span_model import make_span_model
from training.config import DEFAULT_BASE, QuantizeSettings

UNTUNED_BASE = "smollm2-135m-instruct"
ANSWERER = "fumikura-135m"  # in 16 bits: what a person's own tuning begins with
ADAPTER = Path(__file__).resolve().parent.parent / "answerer"
SAMPLE_DOCUMENTS = Path(__file__).resolve().parent.parent.parent / "examples" / "documents"

_GPTQ = QuantizeSettings()
_UNTUNED_CARD = f"""---
license: apache-2.0
language: [en]
---
# {UNTUNED_BASE}

{SOURCE}. Dequantized to 16 bits by `python -m training setup`; not tuned.
"""
_HOW_MADE = f"""
## How this checkpoint was made

The adapter folded into {UNTUNED_BASE} by `python -m training setup`.
"""
_HOW_QUANTIZED = f"""
Then quantized to {_GPTQ.bits} bits with GPTQ (group size {_GPTQ.group_size}, symmetric, no
activation reordering), calibrated on prompts over `examples/documents` (Apache-2.0, written for
this project).
"""


def make_default_models(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the default answer model.

    What is missing of the models is made, and what was made of weights shipped before.

    Interrupting is safe: a model folder appears only when it is complete.

    Raises:
        ModelError: a wheel is not installed.
    """
    span_model = make_span_model(config, progress)  # first: it takes seconds, the other minutes
    folder = config.models_dir / DEFAULT_ANSWER_MODEL
    if not is_made_of(folder, ADAPTER):
        answerer = make_answerer(config, progress)
        progress(Progress("calibrate", 0, 0))
        embedder = load_embedder(config)
        style = prompt_style(answerer, config)
        prompts = calibration_prompts(SAMPLE_DOCUMENTS, config, embedder.count_tokens, style)
        with published(folder) as partial:
            quantize(answerer, partial, tokens_of_prompts(prompts, answerer), progress, _GPTQ)
            _finish(partial, _HOW_MADE + _HOW_QUANTIZED)
    if not uses_gpu(config.device):
        progress(Progress("export", 0, 0))
        load_embedder(config).count_tokens("")  # makes its graph
        exported_folder(SPAN_EXPORTER, span_model, config.models_dir)
        exported_folder(DECODER_EXPORTER, folder, config.models_dir)
    return folder


def make_answerer(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the tuned 16-bit model, after making it when missing or outdated.

    Raises:
        ModelError: the wheel of its base is not installed.
    """
    folder = config.models_dir / ANSWERER
    if not is_made_of(folder, ADAPTER):
        base = make_untuned_base(config, progress)
        progress(Progress("merge", 0, 0))
        with published(folder) as partial:
            write_merged(base, ADAPTER, partial)
            _finish(partial, _HOW_MADE)
    return folder


def make_untuned_base(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the 16-bit model that was tuned, after making it when missing.

    Raises:
        ModelError: its wheel is not installed.
    """
    folder = config.models_dir / UNTUNED_BASE
    if not folder.is_dir():
        progress(Progress("dequantize", 0, 0))
        with published(folder) as partial:
            dequantize_base_model(partial)
            (partial / "README.md").write_text(_UNTUNED_CARD, encoding="utf-8")
            refuse_unsafe(partial)
    return folder


def base_model(name: str, config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the 16-bit model that settings name as a base.

    Raises:
        ModelError: it is not on this machine.
    """
    if name == DEFAULT_BASE:
        return make_answerer(config, progress)
    if name == UNTUNED_BASE:
        return make_untuned_base(config, progress)
    return find_model(name, config.models_dir)


def _finish(folder: Path, how_made: str) -> None:
    """Let a model be asked as it was taught, and tell what it is."""
    for name in (STYLE_FILE, ABSTENTION_FILE):
        shutil.copyfile(ADAPTER / name, folder / name)
    note_source(folder, ADAPTER)
    card = (ADAPTER / "README.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(card + how_made, encoding="utf-8")
    refuse_unsafe(folder)
