"""How many right answers `rag.answer_type` would refuse, and how many of other questions.

    python -m benchmarks.answer_types FILE [FILE ...]

Files of questions with answers, as `python -m training` reads them. For each language and kind of
question it counts the first answer of people that does not fit, and how often the answer to another
question, drawn at random, does not.
"""

import argparse
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rag import answer_type
from rag.answer_type import fits
from training.datatypes import QAExample
from training.examples.read import read_examples

_KINDS = {
    "time of day": answer_type._ASKS_CLOCK,
    "frequency": answer_type._ASKS_FREQUENCY,
    "money": answer_type._ASKS_MONEY,
    "occasions": answer_type._ASKS_OCCASIONS,
    "duration": answer_type._ASKS_TIME,
    "number": answer_type._ASKS_NUMBER,
}


def main() -> None:
    """Count and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    read = [one for file in parser.parse_args().files for one in read_examples(file).examples]
    examples = [one for one in read if one.is_answerable]
    print("| language | asks for | questions | right, refused | of another question, refused |")
    print("|---|---|---|---|---|")
    for language in sorted({one.language for one in examples}):
        _report(language, [one for one in examples if one.language == language])


def _report(language: str, examples: Sequence[QAExample]) -> None:
    rng = np.random.default_rng(0)
    for kind, asks in _KINDS.items():
        asked = [e for e in examples if asks.search(unicodedata.normalize("NFKC", e.question))]
        refused = sum(not fits(one.question, one.answer) for one in asked)
        drawn = rng.integers(0, len(examples), len(asked)).tolist()
        others = sum(
            not fits(one.question, examples[n].answer) for one, n in zip(asked, drawn, strict=True)
        )
        print(f"| {language} | {kind} | {len(asked)} | {refused} | {others} |")


if __name__ == "__main__":
    main()
