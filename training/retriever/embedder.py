"""An embedder with a LoRA adapter, trained to put a question beside the passage that answers it.

Multiple negatives ranking (Henderson et al., 2017, arXiv:1705.00652): the right passage against
the near misses of the question and all passages of the other questions of the batch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.config import Config
from rag.inference.encoder_torch import TorchEncoder
from training.retriever.data import Group
from training.retriever.loop import autocast
from training.retriever.lora import AdapterHolder


class EmbedderTrainer(AdapterHolder):
    """A sentence-transformers model that is trained further, with its prefixes.

    Raises:
        ModelError: the base cannot be loaded.
    """

    has_new_head = False

    def __init__(self, base: Path, device: str, max_tokens: int, config: Config) -> None:
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        model = TorchEncoder(base, device).model
        super().__init__(model, model.transformers_model)
        self._length = self.model.max_seq_length
        self._train_length = min(max_tokens, self._length or max_tokens)
        self._loss = MultipleNegativesRankingLoss(self.model)
        self._device = device
        self._prefixes = config.query_prefix, config.passage_prefix

    def loss(self, groups: Sequence[Group]) -> Any:  # noqa: ANN401 - a torch.Tensor
        """Return the mean over questions; the fewest negatives of a group count for all."""
        fewest = min(len(group.negatives) for group in groups)
        query, passage = self._prefixes
        columns = [
            [query + group.question for group in groups],
            [passage + group.positive for group in groups],
            *([passage + group.negatives[n] for group in groups] for n in range(fewest)),
        ]
        self.model.max_seq_length = self._train_length
        features = [
            {
                name: value.to(self._device) if hasattr(value, "to") else value
                for name, value in self.model.preprocess(column).items()
            }
            for column in columns
        ]
        self.model.max_seq_length = self._length
        with autocast(self._device):
            vectors = [self.model(column)["sentence_embedding"] for column in features]
        unused: Any = None  # labels: the first passage of a question is the right one
        return self._loss.compute_loss_from_embeddings([v.float() for v in vectors], unused)

    def embed(self, texts: Sequence[str], *, is_query: bool) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        prefix = self._prefixes[0 if is_query else 1]
        self.network.eval()
        with autocast(self._device):
            vectors = self.model.encode(
                [prefix + text for text in texts],
                batch_size=32,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float32)
