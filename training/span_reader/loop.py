"""The training loop: limited in time, first the words of Japanese, then answers in both languages.

While the encoder learns Japanese words, it learns to answer in English, which it knows. What it
then knows of answers carries over to Japanese.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import torch

from training.span_reader.network import SpanNetwork, guess_loss, span_loss

Kind = Literal["words", "ja", "en"]
Batches = Mapping[Kind, Iterator[list[Any]]]  # of pieces for "words", of rows for the others
PREPARATION_SHARE = 0.3  # of the time
_FIRST: dict[Kind, float] = {"words": 0.55, "en": 0.45}
_THEN: dict[Kind, float] = {"words": 0.04, "ja": 0.56, "en": 0.4}
_LATER: dict[Kind, float] = {"ja": 0.48, "en": 0.52}
WARMUP_SHARE = 0.03
LEARNING_RATE = 2e-4
LATER_RATE = 1.4e-4  # of a run that goes on from an earlier one
_CHARACTERS_FACTOR = 8  # times the learning rate: each character is seldom seen
_GUESS_FACTOR = 4
_WEIGHT_DECAY = 0.01
_BETAS = (0.9, 0.98)
_MOST_GRADIENT = 1.0
LOGGED_STEPS = 50  # between two lines, and losses of each kind that a line is the mean of
LogLine = dict[str, float]


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How to train. Two runs differ: time, not the number of steps, ends them."""

    minutes: float = 62.0
    seed: int = 0
    learning_rate: float = LEARNING_RATE
    checkpoint_seconds: float = 300.0
    goes_on: bool = False  # from an earlier run: Japanese words are known


def rate(done: float) -> float:
    """Return the share of the learning rate when a share ``done`` of the time is over.

    It rises from 0 and then falls to 0 at the end, both in straight lines.
    """
    if done < WARMUP_SHARE:
        return done / WARMUP_SHARE
    return (1 - done) / (1 - WARMUP_SHARE)


def kind_of_step(done: float, drawn: float, goes_on: bool) -> Kind:
    """Return what to learn from next.

    Args:
        done: share of the time that is over.
        drawn: evenly from [0, 1).
        goes_on: from an earlier run, whose second head is not kept. A new one would begin by
            turning the characters upside down: F1 in Japanese fell from 0.76 to 0.40.
    """
    shares = _LATER if goes_on else _FIRST if done < PREPARATION_SHARE else _THEN
    reached = 0.0
    for kind, share in shares.items():
        reached += share
        if drawn < reached:
            return kind
    return "en"


class Learner:
    """Takes one step after another."""

    def __init__(self, network: SpanNetwork, settings: LoopSettings) -> None:
        self._network = network
        self._rng = torch.Generator().manual_seed(settings.seed)
        groups: list[dict[str, Any]] = [
            {"params": list(network.body().values()), "lr": settings.learning_rate},
            {
                "params": list(network.characters.parameters()),
                "lr": settings.learning_rate * _CHARACTERS_FACTOR,
            },
            {
                "params": [*network.guess.parameters(), network.guess_bias],
                "lr": settings.learning_rate * _GUESS_FACTOR,
            },
        ]
        self._weights = [weight for group in groups for weight in group["params"]]
        self._rates = [group["lr"] for group in groups]
        self._optimizer = torch.optim.AdamW(
            groups, weight_decay=_WEIGHT_DECAY, betas=_BETAS, fused=True
        )

    def step(self, kind: Kind, batch: list[Any], rate: float) -> float:
        """Learn from ``batch`` at a share of the learning rates; return its loss before that."""
        for group, whole in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = whole * rate
        if kind == "words":
            loss = guess_loss(self._network, batch, self._rng)
        else:
            loss = span_loss(self._network, batch)
        loss.backward()  # type: ignore[no-untyped-call] # torch types it only in part
        torch.nn.utils.clip_grad_norm_(self._weights, _MOST_GRADIENT)
        self._optimizer.step()
        self._optimizer.zero_grad()
        return float(loss.detach())


def train(
    network: SpanNetwork,
    batches: Batches,
    settings: LoopSettings,
    log: Callable[[LogLine], None],
    checkpoint: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Train until the minutes are over.

    Args:
        network: is changed.
        batches: endless, of each kind.
        settings: how long, and how.
        log: called every `LOGGED_STEPS` and at the end.
        checkpoint: called with the share of the time that is over, about every
            ``checkpoint_seconds`` and with 1 at the end. Its own time is not counted.
        clock: in seconds.
    """
    rng = Random(settings.seed)
    learner = Learner(network, settings)
    losses: dict[Kind, list[float]] = {"words": [], "ja": [], "en": []}
    network.train()
    steps, started = 0, clock()
    saved = started
    while True:
        now = clock()
        done = (now - started) / (60 * settings.minutes)
        if done >= 1:
            break
        kind = kind_of_step(done, rng.random(), settings.goes_on)
        losses[kind].append(learner.step(kind, next(batches[kind]), rate(done)))
        steps += 1
        if steps % LOGGED_STEPS == 0:
            log(_line(steps, now - started, done, losses))
        if now - saved >= settings.checkpoint_seconds:
            before = clock()
            checkpoint(done)
            saved = clock()
            started += saved - before
    log(_line(steps, now - started, 1.0, losses))
    checkpoint(1.0)


def _line(steps: int, seconds: float, done: float, losses: Mapping[Kind, list[float]]) -> LogLine:
    line: LogLine = {"step": steps, "seconds": round(seconds), "done": round(done, 3)}
    for kind, of_kind in losses.items():
        recent = of_kind[-LOGGED_STEPS:]
        if recent:
            line[kind] = round(sum(recent) / len(recent), 3)
            line[f"{kind}_steps"] = len(of_kind)
    return line
