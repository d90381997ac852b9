"""Score passages against a question with a cross-encoder, which reads both together.

On a CPU its graph is run by OpenVINO, on a GPU by PyTorch. The languages it knows are measured,
as are those of the embedder: a model trained on English still ranks Japanese with confidence.
"""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.config import Config
from rag.datatypes import Language
from rag.embed import PROBE_PAIRS
from rag.errors import ModelError
from rag.inference.device import uses_gpu
from rag.inference.export import RERANKER_EXPORTER, exported_folder
from rag.inference.reranker_openvino import OpenVinoReranker
from rag.inference.reranker_torch import TorchReranker
from rag.model_folder import find_model, fingerprint


class PairScorer(Protocol):
    """What runs a cross-encoder: a question and passages in, logits out."""

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        ...

    def logits(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return one logit a passage. Shape: ``(len(passages),)``."""
        ...


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers. Thread-safe; its weights are read at first use.

    A question is read whole and a passage as far as the model reads: the end of what is longer
    is not seen (`rag.inference.pair_length`).

    Raises:
        ModelError: the folder holds a model of another kind.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self.name = config.rerank_model
        self._folder = folder
        self._config = config
        self._lock = RLock()
        if not is_reranker(folder):  # the library would give it a random score
            raise ModelError(
                f"The model in {folder} is no reranker: it has no score for a question and a "
                "passage. Set RAG_RERANK_MODEL to a CrossEncoder of sentence-transformers."
            )

    @property
    def _scorer(self) -> PairScorer:
        with self._lock:
            return self._loaded_scorer

    @cached_property
    def _loaded_scorer(self) -> PairScorer:
        if not uses_gpu(self._config.device):
            folder = exported_folder(RERANKER_EXPORTER, self._folder, self._config.models_dir)
            if folder is not None:
                return OpenVinoReranker(folder, self._config.threads)
        return TorchReranker(self._folder, self._config.device)

    @property
    def engine(self) -> str:
        """What runs the model, and where; loads it."""
        return self._scorer.name

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model folder."""
        return fingerprint(self._folder)

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages whose probe questions score their own passage best; one miss is allowed."""
        with self._lock:
            return self._measured_languages

    @cached_property
    def _measured_languages(self) -> tuple[Language, ...]:
        return tuple(language for language in PROBE_PAIRS if self._knows(language))

    def _knows(self, language: Language) -> bool:
        passages = [passage for _, passage in PROBE_PAIRS[language]]
        best = [int(self.scores(q, passages).argmax()) for q, _ in PROBE_PAIRS[language]]
        return sum(row == n for n, row in enumerate(best)) >= len(passages) - 1

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return how probably each passage answers ``question``: the sigmoid of its logit.

        Only a model that was trained with binary cross-entropy means a probability by it; that
        of others orders passages just as well. Shape: ``(len(passages),)``.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if not passages:
            return np.zeros(0, dtype=np.float32)
        with self._lock:
            logits = self._scorer.logits(question, passages).astype(np.float64)
        return (1.0 / (1.0 + np.exp(-logits))).astype(np.float32)


def is_reranker(folder: Path) -> bool:
    """Tell whether the model in ``folder`` has a trained score for a question and a passage."""
    if (folder / "modules.json").is_file():
        kind = _settings(folder / "config_sentence_transformers.json").get("model_type")
        return bool(kind == "CrossEncoder")
    kinds = _settings(folder / "config.json").get("architectures") or [""]
    return str(kinds[0]).endswith(("ForSequenceClassification", "ForCausalLM"))


def _settings(file: Path) -> dict[str, Any]:
    settings = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return settings if isinstance(settings, dict) else {}


def load_reranker(config: Config) -> CrossEncoderReranker | None:
    """Return the configured reranker, None without one; its weights are read at first use.

    Raises:
        ModelError: the model is not on this machine, is none, or its folder could run code.
    """
    if not config.rerank_model.strip():
        return None
    return CrossEncoderReranker(find_model(config.rerank_model, config.models_dir), config)
