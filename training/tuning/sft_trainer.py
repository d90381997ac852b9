"""`transformers.Trainer` for answers: loss on answer tokens only, rows grouped by length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import Trainer

from training.rows.batches import LengthGroupedOrder, WeightedRow
from training.rows.encoding import IGNORED
from training.rows.shared_prefix import RowTree
from training.tuning.tree_attention import tree_shapes


@dataclass(frozen=True, slots=True)
class AnswerLoss:
    """The loss of a batch, and what was predicted where something was to be learned.

    Shapes:
        loss: ``()``; predicted, targets: ``(learned tokens,)``.
    """

    loss: torch.Tensor
    predicted: torch.Tensor
    targets: torch.Tensor


def answer_loss(
    model: Any,  # noqa: ANN401 - a transformers or peft model
    batch: dict[str, Any],
    learned_tokens: Any = None,  # noqa: ANN401 - a torch.Tensor or a number
) -> AnswerLoss:
    """Return the weighted cross-entropy of the labelled tokens, over their number.

    The head is computed where the batch has labels only. It is a fifth of all that the default
    base computes, and its logits of whole prompts would be most of the memory.

    Args:
        model: a causal language model.
        batch: what `training.rows.batches` or `training.rows.shared_prefix` makes.
        learned_tokens: of all batches of a step; those of this one when None.
    """
    labels = batch["labels"][:, 1:]
    positions = (labels != IGNORED).any(dim=0).nonzero()[:, 0]
    inputs = {k: v for k, v in batch.items() if k not in ("labels", "weights", "branches")}
    if "branches" in batch:
        inputs["trees"] = tree_shapes(batch["branches"])
    output = model(**inputs, use_cache=False, logits_to_keep=positions)
    targets = labels[:, positions].flatten()
    is_learned = targets != IGNORED
    logits = output.logits.flatten(0, 1)[is_learned].float()
    targets = targets[is_learned]
    weights = batch["weights"][:, 1:][:, positions].flatten()[is_learned]
    losses = cross_entropy(logits, targets, reduction="none") * weights
    count = len(targets) if learned_tokens is None else learned_tokens
    return AnswerLoss(losses.sum() / count, logits.detach().argmax(dim=1), targets)


@dataclass(slots=True)
class EndCount:
    """How often the end of an answer was the likeliest token where it was due."""

    end_id: int
    due: int = 0
    right: int = 0

    def add(self, found: AnswerLoss) -> None:
        """Count a batch."""
        is_due = found.targets == self.end_id
        self.due += int(is_due.sum())
        self.right += int((found.predicted[is_due] == self.end_id).sum())

    @property
    def share(self) -> float:
        """Share that was right, 0 to 1; 0 when nothing was counted."""
        return self.right / self.due if self.due else 0.0


class AnswerTrainer(Trainer):
    """Trains on `WeightedRow`s, or on `RowTree`s of them.

    Args:
        end_id: token that ends an answer.
        given: what `transformers.Trainer` takes.
    """

    def __init__(self, end_id: int, **given: Any) -> None:  # noqa: ANN401 - arguments of transformers
        super().__init__(**given)
        self.loss_is_scaled_for_ga = True  # by the tokens of the whole step, here
        self.model_accepts_loss_kwargs = True  # so that these are counted
        self.ends = EndCount(end_id)

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401 - as transformers calls it
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401 - as above
    ) -> Any:  # noqa: ANN401 - as above
        """Return the loss, and no outputs with it."""
        found = answer_loss(model, inputs, num_items_in_batch)
        if not model.training:
            self.ends.add(found)
        return (found.loss, {}) if return_outputs else found.loss

    def evaluate(self, *given: Any, **named: Any) -> dict[str, float]:  # noqa: ANN401 - as above
        """Return the loss on held-out rows; `ends` is counted anew."""
        self.ends = EndCount(self.ends.end_id)
        measured: dict[str, float] = super().evaluate(*given, **named)
        return measured

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ANN401 - as above
        rows: Sequence[WeightedRow | RowTree] = self.train_dataset  # type: ignore[assignment] # as given
        batch, seed = self.args.train_batch_size, self.args.seed
        return LengthGroupedOrder(rows, batch, seed, lambda: int(self.state.epoch or 0))
