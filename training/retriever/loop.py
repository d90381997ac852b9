"""The training loop of both kinds of models: seeded, limited in time, with early checkpoints."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from rag.datatypes import Progress
from training.retriever.data import Group

WARMUP_SHARE = 0.06
MOST_GRADIENT = 1.0
CHECKPOINTS = 5  # looks at the validation set, spread over the run
SORTED_BATCHES = 16  # groups of so many batches are sorted by length: less padding
Tensors = dict[str, Any]


class Trainable(Protocol):
    """A model with an adapter that learns."""

    network: Any  # a torch.nn.Module

    def loss(self, groups: Sequence[Group]) -> Any:  # noqa: ANN401 - a torch.Tensor
        """Return the loss of a batch, with its gradient."""
        ...

    def validation_loss(self, groups: Sequence[Group]) -> float:
        """Return the mean loss without dropout and gradient."""
        ...

    def save_checkpoint(self) -> None:
        """Keep the adapter as it is now where a run that is killed leaves it."""
        ...


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How to train. The same settings and data give the same weights where time sets no limit."""

    learning_rate: float
    batch: int = 8  # questions
    epochs: int = 1
    steps: int = 0  # at most; 0: as many as the epochs have
    minutes: float = 10.0
    seed: int = 0


@dataclass(slots=True)
class LoopReport:
    """What the loop did."""

    steps: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # of each step
    validation: list[tuple[int, float]] = field(default_factory=list)  # step, loss
    best_step: int = 0


def train(
    model: Trainable,
    groups: Sequence[Group],
    validation: Sequence[Group],
    settings: LoopSettings,
    progress: Callable[[Progress], None],
) -> LoopReport:
    """Train until steps or minutes are over, and leave the adapter as it was at its best.

    The learning rate rises and then falls to 0 (Loshchilov and Hutter, 2017, arXiv:1608.03983)
    with the share of steps or of time that is over, whichever is larger: a slow machine trains
    less, but also ends with small steps. Without dropout: its masks take half of the time on a
    CPU, and each question is seen about once.
    """
    import torch

    torch.manual_seed(settings.seed)
    weights = {n: p for n, p in model.network.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(weights.values(), lr=settings.learning_rate, weight_decay=0.01)
    total = settings.epochs * math.ceil(len(groups) / settings.batch)
    total = min(total, settings.steps) if settings.steps else total
    model.network.eval()
    report = LoopReport(validation=[(0, model.validation_loss(validation))])
    best, looks, started = _copy(weights), 0, time.monotonic()
    done = 0.0
    for batch in _batches(groups, settings):
        rate = _rate(done)
        for parameters in optimizer.param_groups:
            parameters["lr"] = settings.learning_rate * rate
        loss = model.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), MOST_GRADIENT)
        optimizer.step()
        optimizer.zero_grad()
        report.steps += 1
        report.losses.append(float(loss.detach()))
        report.seconds = time.monotonic() - started
        done = max(report.steps / total, report.seconds / (60 * settings.minutes))
        if done * CHECKPOINTS >= looks + 1 or done >= 1:
            looks = math.floor(done * CHECKPOINTS)
            report.validation.append((report.steps, model.validation_loss(validation)))
            if report.validation[-1][1] < min(loss for _, loss in report.validation[:-1]):
                best, report.best_step = _copy(weights), report.steps
                model.save_checkpoint()
            progress(_line(report, total, done))
        if done >= 1:
            break
    with torch.no_grad():
        for name, value in best.items():
            weights[name].copy_(value)
    return report


def _batches(groups: Sequence[Group], settings: LoopSettings) -> Iterator[list[Group]]:
    """Yield batches in random order, groups of like length together."""
    rng = np.random.default_rng(settings.seed)
    window = settings.batch * SORTED_BATCHES
    for _ in range(settings.epochs):
        order = [groups[n] for n in rng.permutation(len(groups))]
        batches = []
        for start in range(0, len(order), window):
            near = sorted(order[start : start + window], key=_longest)
            batches += [near[n : n + settings.batch] for n in range(0, len(near), settings.batch)]
        for n in rng.permutation(len(batches)):
            yield batches[n]


def _longest(group: Group) -> int:
    return max(len(text) for text in (group.positive, *group.negatives))


def _rate(done: float) -> float:
    """Return the share of the learning rate at a share of the run that is over."""
    if done < WARMUP_SHARE:
        return max(done, 0.1 * WARMUP_SHARE) / WARMUP_SHARE
    return 0.5 * (1 + math.cos(math.pi * (done - WARMUP_SHARE) / (1 - WARMUP_SHARE)))


def _copy(weights: Tensors) -> Tensors:
    return {name: value.detach().clone() for name, value in weights.items()}


def _line(report: LoopReport, total: int, done: float) -> Progress:
    recent = report.losses[-50:]
    left = report.seconds / max(done, 1e-9) * max(1 - done, 0)
    words = (
        f"loss {sum(recent) / len(recent):.3f}, held out {report.validation[-1][1]:.3f}, "
        f"{report.seconds:.0f} s, about {left:.0f} s left"
    )
    return Progress("train", report.steps, total, words)


def autocast(device: str) -> AbstractContextManager[Any]:
    """Compute in 16 bits where the machine can, else in 32; weights and sums keep 32."""
    import torch

    from rag.inference.causal_torch import half_precision

    dtype = half_precision(device)
    return torch.autocast(device, dtype=dtype, enabled=dtype == torch.bfloat16)
