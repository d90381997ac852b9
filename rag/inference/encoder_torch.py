"""Sentence encoders run by sentence-transformers. The only owner of that library."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError

# Of every model of sentence-transformers: nothing is fetched, no code of a model is run.
SAFE_LOADING: dict[str, Any] = {
    "trust_remote_code": False,
    "local_files_only": True,
    "model_kwargs": {"use_safetensors": True},
}


class TorchEncoder:
    """Any sentence-transformers model on any device. Loaded when it is made.

    Raises:
        ModelError: the folder holds no such model, or the device is missing.
    """

    def __init__(self, folder: Path, device: str) -> None:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        try:
            model = SentenceTransformer(
                str(folder),
                device=None if device == "auto" else device,
                **SAFE_LOADING,
            )
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError, RuntimeError,
            SafetensorError,
        ) as error:  # fmt: skip # AssertionError: RAG_DEVICE=cuda without CUDA
            raise ModelError(
                f"The embedder in {folder} could not be loaded ({str(error)[:200]}). Check "
                "that it is a sentence-transformers model and that RAG_DEVICE fits this machine, "
                "or set RAG_EMBED_MODEL to another one."
            ) from error
        self.model: Any = model.eval()

    @property
    def name(self) -> str:
        """What runs the model, for the doctor."""
        return f"PyTorch on {self.model.device.type}"

    @cached_property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self.model.get_embedding_dimension())

    @cached_property
    def max_length(self) -> int:
        """Most tokens that are read of one text, special tokens included."""
        length: int = self.model.get_max_seq_length() or 512
        return length

    @cached_property
    def special_tokens(self) -> int:
        """Tokens that are put around every text."""
        special: int = self.model.tokenizer.num_special_tokens_to_add()
        return special

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        return len(self.model.tokenizer.tokenize(text))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        vectors = self.model.encode(
            list(texts),
            batch_size=32,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)
