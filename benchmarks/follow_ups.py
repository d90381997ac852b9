"""Recall of the later questions of a conversation: as asked, rewritten, and stand-alone.

    python -m benchmarks.follow_ups [--dialogues FILE] [--index DIR] [--verbose]

Needs an index of ``examples/documents``. No answer is written: the model has no part in this.
``benchmarks/held_out_dialogues.jsonl`` was written after the rules, and no rule was changed for it.
"""

import argparse
import json
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.config import load_config
from rag.datatypes import Hit
from rag.engine import RagEngine
from rag.environment import prepare_process
from rag.follow_up import rewrite
from rag.language import detect_language

DIALOGUES = Path(__file__).resolve().parent.parent / "examples" / "dialogues.jsonl"
K = 5


@dataclass(frozen=True, slots=True)
class LaterTurn:
    """One question after the first of its conversation, and whether its passage was found."""

    language: str
    leans: bool
    is_rewritten: bool
    found: tuple[bool, bool, bool]  # by the bare, the rewritten and the stand-alone question


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--dialogues", type=Path, default=DIALOGUES)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args(argv)
    prepare_process()
    config = load_config(None, {"index_dir": arguments.index, "models_dir": arguments.models})
    turns = _ask_all(RagEngine(config), arguments.dialogues, is_verbose=arguments.verbose)
    print(f"{'recall@5 of later turns':28} {'n':>3}  bare  rewritten  stand-alone")
    for language in ("en", "ja"):
        own = [turn for turn in turns if turn.language == language]
        _report(f"{language}, all", own)
        _report(f"{language}, leaning", [turn for turn in own if turn.leans])
        _report(f"{language}, topic switch", [turn for turn in own if not turn.leans])
    missed = sum(turn.leans and not turn.is_rewritten for turn in turns)
    dragged = sum(turn.is_rewritten and not turn.leans for turn in turns)
    print(f"leaning questions left as they are: {missed}; switches rewritten: {dragged}")
    return 0


def _ask_all(engine: RagEngine, dialogues: Path, *, is_verbose: bool) -> list[LaterTurn]:
    turns = []
    for line in dialogues.read_text(encoding="utf-8").splitlines():
        dialogue = json.loads(line)
        questions = [turn["question"] for turn in dialogue["turns"]]
        for number, turn in enumerate(dialogue["turns"][1:], start=1):
            bare = turn["question"]
            rewritten = rewrite(bare, questions[:number], detect_language(bare))
            bare_found, rewritten_found, stand_alone_found = (
                any(holds_quote(hit, turn["source"], turn["quote"]) for hit in hits)
                for hits in (engine.search(q, K) for q in (bare, rewritten, turn["stand_alone"]))
            )
            found = (bare_found, rewritten_found, stand_alone_found)
            is_rewritten = rewritten != bare
            turns.append(LaterTurn(dialogue["language"], turn["leans"], is_rewritten, found))
            if is_verbose:
                marks = "".join("+" if one else "-" for one in found)
                print(marks, dialogue["id"], bare, "=>", rewritten if is_rewritten else "(as is)")
    return turns


def _report(name: str, turns: Sequence[LaterTurn]) -> None:
    shares = [sum(turn.found[i] for turn in turns) / len(turns) for i in range(3)]
    print(f"{name:28} {len(turns):3} {shares[0]:5.0%} {shares[1]:10.0%} {shares[2]:12.0%}")


def holds_quote(hit: Hit, source: str, quote: str) -> bool:
    """Tell whether the passage is of ``source`` and holds ``quote``, white space aside."""
    return hit.chunk.path == source and normalized(quote) in normalized(hit.chunk.text)


def normalized(text: str) -> str:
    """Return ``text`` with one width of characters and without white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


if __name__ == "__main__":
    sys.exit(main())
