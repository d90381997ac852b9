"""Cross-encoders run by sentence-transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.inference.encoder_torch import SAFE_LOADING
from rag.inference.pair_length import PairCutter


class TorchReranker:
    """Any CrossEncoder of sentence-transformers with one logit. Loaded when it is made.

    Raises:
        ModelError: the folder holds no such model, or the device is missing.
    """

    def __init__(self, folder: Path, device: str) -> None:
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        try:
            model: Any = CrossEncoder(
                str(folder),
                device=None if device == "auto" else device,
                **SAFE_LOADING,
            )
            if model.num_labels != 1:
                raise ValueError(f"it tells {model.num_labels} classes apart instead of scoring")
            self.max_length = int(model.max_seq_length or 512)
            tokenizer = model.tokenizer.backend_tokenizer.to_str()
            self._cutter = PairCutter(tokenizer, self.max_length)
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip # AssertionError: RAG_DEVICE=cuda without CUDA
            raise ModelError(
                f"The reranker in {folder} could not be loaded ({str(error)[:200]}). Check that it "
                "is a CrossEncoder of sentence-transformers with one score and that RAG_DEVICE "
                "fits this machine, or set RAG_RERANK_MODEL to another one."
            ) from error
        self.model: Any = model.eval()

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        return f"PyTorch on {self.model.device.type}"

    def logits(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return one logit a passage; longer texts are cut as `PairCutter` says."""
        import torch

        logits = self.model.predict(
            self._cutter.cut(question, passages),
            batch_size=32,
            activation_fn=torch.nn.Identity(),
            show_progress_bar=False,
        )
        return np.asarray(logits, dtype=np.float32)
