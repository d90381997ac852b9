"""The command that hands on what people corrected: feedback export."""

import argparse
import json
import sys
from pathlib import Path

from rag.cli.printing import print_json
from rag.config import Config
from rag.errors import RagError


def run_feedback_export(arguments: argparse.Namespace, config: Config) -> int:
    """Print or write the accepted examples, one JSON object a line."""
    from rag.corpus import Corpus
    from rag.feedback import pair_line
    from rag.generations import open_current
    from rag.store import Store

    feedback = Store(config.state_dir).feedback
    feedback.mark_missing(Corpus(open_current(config.index_dir).path).document)
    pairs = feedback.accepted()
    left_out = len(feedback.pairs("accepted")) - len(pairs)
    lines = [pair_line(pair) for pair in pairs]
    if arguments.out is not None:
        _publish(arguments.out, "".join(lines))
    if arguments.json:
        print_json({"pairs": [json.loads(line) for line in lines], "left_out": left_out})
    elif arguments.out is None:
        print("".join(lines), end="")
    else:
        print(f"{len(pairs)} accepted examples are in {arguments.out}.")
    if left_out:
        print(
            f"{left_out} accepted examples are left out: the index no longer holds their passages.",
            file=sys.stderr,
        )
    return 0


def _publish(file: Path, text: str) -> None:
    aside = file.with_name(f".{file.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(file)
    except OSError as error:
        raise RagError(f"{file} cannot be written ({error}). Name another file.") from error
