"""A cross-encoder with a LoRA adapter: does this passage answer this question?

Sequence classification with one logit. The loss is the binary cross-entropy, so that the sigmoid
is a probability, plus the cross-entropy of the right passage among those of its question, so
that it is told from its near misses.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.inference.encoder_torch import SAFE_LOADING
from rag.inference.pair_length import PairCutter
from rag.rerank import is_reranker
from training.retriever.data import Group
from training.retriever.loop import autocast
from training.retriever.lora import AdapterHolder


class RerankerTrainer(AdapterHolder):
    """A cross-encoder made of any encoder, or one that is trained further.

    Raises:
        ModelError: the base cannot be loaded.
    """

    has_new_head = True

    def __init__(self, base: Path, device: str, max_tokens: int, seed: int) -> None:
        import torch
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        torch.manual_seed(seed)  # a new head is random
        self.is_new = not is_reranker(base)
        try:
            model: Any = CrossEncoder(
                str(base),
                num_labels=1,
                device=device,
                **SAFE_LOADING,
            )
            length = min(max_tokens, int(model.max_seq_length or max_tokens))
            self._cutter = PairCutter(model.tokenizer.backend_tokenizer.to_str(), length)
        except (
            OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError,
        ) as error:  # fmt: skip # what a folder with another model raises
            raise ModelError(
                f"No cross-encoder can be made of {base} ({str(error)[:200]}). Give an encoder, "
                "such as an embedder of sentence-transformers, with safetensors weights."
            ) from error
        super().__init__(model, model.model)
        self._device, self._length = device, length

    def _logits(self, groups: Sequence[Group]) -> Any:  # noqa: ANN401 - a torch.Tensor
        pairs = [
            pair
            for group in groups
            for pair in self._cutter.cut(group.question, (group.positive, *group.negatives))
        ]
        features = self.model.tokenizer(
            [question for question, _ in pairs],
            [passage for _, passage in pairs],
            padding=True,
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        ).to(self._device)
        with autocast(self._device):
            return self.network(**features).logits[:, 0].float()

    def loss(self, groups: Sequence[Group]) -> Any:  # noqa: ANN401 - a torch.Tensor
        """Return the mean over questions; each has the same weight, whatever its negatives."""
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        logits = self._logits(groups)
        losses = []
        start = 0
        for group in groups:
            own = logits[start : start + 1 + len(group.negatives)]
            target = torch.zeros_like(own)
            target[0] = 1.0
            first = torch.zeros(1, dtype=torch.long, device=own.device)
            losses.append(
                binary_cross_entropy_with_logits(own, target) + cross_entropy(own[None], first)
            )
            start += len(own)
        return torch.stack(losses).mean()

    def scores(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the logit of each passage."""
        import torch

        if not passages:
            return np.zeros(0, dtype=np.float32)
        self.network.eval()
        with torch.inference_mode():
            logits = self._logits([Group(question, passages[0], tuple(passages[1:]))])
        scores: NDArray[np.float32] = logits.cpu().numpy()
        return scores
