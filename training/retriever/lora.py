"""LoRA adapters (Hu et al., 2021, arXiv:2106.09685) through peft, its only owner here.

An adapter is put into the layers of a model and learns in its place. Merged, its weights are
those of an ordinary model: W + (alpha / r) B A.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from training.retriever.data import Group

ALPHA_OVER_RANK = 2.0


class AdapterHolder(ABC):
    """What the trainers share: a network inside a model that can be saved, and its adapter."""

    has_new_head: ClassVar[bool]  # see `add_adapter`

    def __init__(self, model: Any, network: Any) -> None:  # noqa: ANN401 - sentence-transformers
        self.model = model
        self.network = network
        self._adapted: Any = None
        self._checkpoint: Path | None = None

    def add_adapter(self, rank: int, seed: int, checkpoint: Path) -> None:
        """Start to learn; the adapter is kept in ``checkpoint`` whenever it is at its best."""
        self._adapted = add_adapter(self.network, rank, seed, has_new_head=self.has_new_head)
        self._checkpoint = checkpoint

    def merge(self) -> None:
        """Fold the adapter into the weights."""
        merge_adapter(self._adapted)

    def save_checkpoint(self) -> None:
        """Write the adapter alone."""
        assert self._checkpoint is not None
        save_adapter(self._adapted, self._checkpoint)

    def save(self, folder: Path) -> None:
        """Write the whole model, which must be merged."""
        self.model.save(str(folder))

    @abstractmethod
    def loss(self, groups: Sequence[Group]) -> Any:  # noqa: ANN401 - a torch.Tensor
        """Return the mean loss over the questions of a batch, with its gradient."""

    def validation_loss(self, groups: Sequence[Group]) -> float:
        """Return the mean loss without dropout and gradient."""
        import torch

        self.network.eval()
        with torch.inference_mode():
            losses = [float(self.loss(groups[n : n + 8])) for n in range(0, len(groups), 8)]
        return float(np.mean(losses))


def add_adapter(network: Any, rank: int, seed: int, *, has_new_head: bool) -> Any:  # noqa: ANN401 - peft ships no types
    """Put a new adapter into every linear layer of ``network``; return what saves and merges it.

    ``network`` is changed in place, so that what holds it trains the adapter from now on.
    With ``has_new_head`` its last layer is trained whole: random weights have nothing to adapt.
    """
    import torch

    with without_gptqmodel():
        from peft import LoraConfig, get_peft_model

        settings = LoraConfig(
            r=rank,
            lora_alpha=round(ALPHA_OVER_RANK * rank),
            target_modules="all-linear",
            task_type="SEQ_CLS" if has_new_head else "FEATURE_EXTRACTION",
        )
        torch.manual_seed(seed)
        return get_peft_model(network, settings)


def merge_adapter(adapted: Any) -> None:  # noqa: ANN401 - as above
    """Fold the adapter into the weights of the network that it was put into."""
    adapted.merge_and_unload()


def save_adapter(adapted: Any, folder: Path) -> None:  # noqa: ANN401 - as above
    """Write the adapter alone, as safetensors with its settings."""
    adapted.save_pretrained(str(folder))
    (folder / "README.md").unlink(missing_ok=True)  # a card of empty headings


def load_adapter(network: Any, folder: Path) -> Any:  # noqa: ANN401 - as above
    """Put the saved adapter into ``network``, in place; return what merges it."""
    with without_gptqmodel():
        from peft import PeftModel

        return PeftModel.from_pretrained(network, str(folder))


@contextmanager
def without_gptqmodel() -> Iterator[None]:
    """Hide GPTQModel: peft demands a further package as soon as it sees it, for any model."""
    name = "gptqmodel"
    there = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment] # as if it were not installed
    try:
        from peft.import_utils import is_gptqmodel_available

        is_gptqmodel_available.cache_clear()
        is_gptqmodel_available()  # it remembers
        yield
    finally:
        if there is None:
            del sys.modules[name]
        else:
            sys.modules[name] = there
