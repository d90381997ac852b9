"""A tiny language model behind each engine, for tests of what both must do alike."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from rag.inference.causal_model import CausalModel
from rag.inference.causal_torch import TorchCausalModel
from tests.test_inference import decoder
from tests.tiny_chat_model import save_tiny_chat_model
from tests.tiny_gptq import save_tiny_gptq

ENGINES = ("PyTorch", "OpenVINO")


def tiny_causal_model(engine: str, folder: Path) -> CausalModel:
    """Return a random model that one of `ENGINES` runs; its files lie in ``folder``."""
    if engine == "PyTorch":
        return TorchCausalModel(save_tiny_chat_model(folder / "model"), "16-bit", "cpu")
    save_tiny_gptq(folder / "model", "llama")
    return decoder(folder / "model", folder / "graph")


def read_alone(model: CausalModel, ids: Sequence[int]) -> NDArray[np.float32]:
    """Return the scores of what may follow ``ids``, read after nothing else."""
    model.reset()
    scores = model.read(ids, Event())
    assert scores is not None
    return scores.copy()
