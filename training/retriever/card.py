"""The model card of a tuned retriever: what it is made of, how, and what came out."""

import shlex
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from rag.evaluation.metrics import Estimate
from training.retriever.loop import LoopReport
from training.retriever.measure import Measured
from training.runs.known_sets import licence_of

if TYPE_CHECKING:
    from training.retriever.tune import TuneSettings


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says beside the settings."""

    base: str
    questions: int  # that were trained on
    passages: int
    loop: LoopReport
    before: Measured
    after: Measured


def card(settings: "TuneSettings", facts: CardFacts) -> str:
    """Return the card as Markdown. Files stand in it by name: their folder is nobody's business."""
    files = "\n".join(
        f"- `{file.name}`: {settings.licence or licence_of(file.name)}" for file in settings.files
    )
    loop = facts.loop
    return f"""# {settings.name}

A {settings.kind} made of `{facts.base}` with a LoRA adapter of rank {settings.rank}, merged; the
adapter alone is in `adapter/`. Trained by `python -m training retriever`.

## Data

{files}

{facts.questions} questions, each with the passage that answers it and up to {settings.negatives}
near misses out of {facts.passages} passages.

## Training

{loop.steps} steps in {loop.seconds:.0f} s; the weights are those of step {loop.best_step}, the
best of these losses on held-out questions: {_losses(loop)}.

    python -m training retriever {shlex.join(_arguments(settings))}

## On {facts.after.questions} questions about held-out documents

{table(facts.before, facts.after)}

{_HOW_MEASURED[settings.kind]} In brackets: 95 % bootstrap intervals.
"""


_HOW_MEASURED = {
    "reranker": (
        "The 20 passages that are found for a question are put into its order; before, they are in "
        "that in which they were found. AUROC and accuracy are those of telling the right "
        "passage from the others by its score alone."
    ),
    "embedder": "The right passage is searched among up to 2,000.",
}


def table(before: Measured, after: Measured) -> str:
    """Return before and after side by side."""
    lines = ["| measure | before | after |", "|---|---|---|"]
    for name, value in after.measures.items():
        lines.append(f"| {name} | {_cell(before.measures.get(name))} | {_cell(value)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    if estimate.low == estimate.high:
        return f"{estimate.mean:.3f}"
    return f"{estimate.mean:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"


def _losses(loop: LoopReport) -> str:
    return ", ".join(f"{loss:.3f} (step {step})" for step, loss in loop.validation)


def _arguments(settings: "TuneSettings") -> list[str]:
    """Return the command line that gives these settings."""
    arguments = ["--data", *(file.name for file in settings.files)]
    for item in fields(settings):
        value = getattr(settings, item.name)
        if item.name != "files" and value not in ("", 0, 0.0):
            arguments += [f"--{item.name.replace('_', '-')}", str(value)]
    return arguments
