"""The model card of a span reader: what it is made of, how, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.datatypes import Language
from training.runs.known_sets import licence_of
from training.span_reader.measure import Measured

_LANGUAGES: dict[Language, str] = {"en": "English", "ja": "Japanese"}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card says."""

    base: str
    files: tuple[Path, ...]
    questions: int  # that were learned from
    unplaced: int  # answers that do not stand in their passage
    written: int  # questions written by hand for passages
    known: int  # Japanese characters that the base has a token for
    new: int
    minutes: float  # asked for
    done: float  # share of them
    steps: int
    seed: int
    device: str
    start: Path | None  # weights that the run went on from
    measured: Mapping[Language, Measured]


def card(facts: CardFacts) -> str:
    """Return the card as Markdown. Files stand in it by name: their folder is nobody's business."""
    start = f" --start {facts.start.name}" if facts.start else ""
    notes = f" It went on from `{facts.start.name}`, an earlier run." if facts.start else ""
    notes += "" if facts.done >= 1 else f" **It was stopped at {facts.done:.0%}.**"
    return f"""# Span reader

Reads a question with a passage, and says which words answer it, or that none do: a
`BertForQuestionAnswering` made of `{facts.base}`. English is read in the word pieces of the base,
Japanese in characters: {facts.known} that the base knows, and {facts.new} new ones. Made by
`python -m training span-reader`.

## Data

{data_lines(facts.files)}

{facts.questions} questions; {facts.unplaced} more have an answer that does not stand in their
passage. The last 4 % of the passages of each file are held out. {facts.written} questions were
written by hand for this project (by a language model that read each passage), most of which their
passage does not answer: `training/near_misses`.

## Training

{facts.steps} steps in {facts.minutes:g} minutes on {facts.device}, seed {facts.seed}.{notes}

    python -m training span-reader --data {" ".join(file.name for file in facts.files)} \\
      --minutes {facts.minutes:g} --seed {facts.seed}{start}

## On held-out questions

{table(facts.measured)}

F1 counts words in English and characters in Japanese. For "other passage" each question is also
asked over the passage of another one: AUROC tells whether the score is higher where the answer
stands; "refused" is the share of passages without it that are refused when one in ten with it is.
"Near miss" are the same two for questions written for a passage that does not answer them.
"""


def data_lines(files: Sequence[Path]) -> str:
    """Return the files with their licences as a list in Markdown."""
    return "\n".join(f"- `{file.name}`: {licence_of(file.name)}" for file in files)


def table(measured: Mapping[Language, Measured]) -> str:
    """Return the measures as a table in Markdown."""
    lines = [
        "| | questions | exact | F1 | other passage: AUROC | refused "
        "| near miss: AUROC | refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for language, of_language in measured.items():
        lines.append(
            f"| {_LANGUAGES[language]} | {of_language.questions} | {of_language.exact:.3f} | "
            f"{of_language.f1:.3f} | {_cell(of_language.auroc)} | {_cell(of_language.refuses)} | "
            f"{_cell(of_language.near_auroc)} | {_cell(of_language.near_refuses)} |"
        )
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
