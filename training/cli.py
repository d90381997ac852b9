"""Command line of the training side: ``python -m training COMMAND``."""

import argparse
import sys
from collections.abc import Sequence

from rag.cli.printing import one_line
from rag.config import load_config
from rag.environment import prepare_process
from rag.errors import RagError
from training.commands.check import add_check
from training.commands.evaluate import add_evaluate
from training.commands.experiments import add_experiments
from training.commands.release import add_release
from training.commands.retriever import add_retriever
from training.commands.run import add_run
from training.commands.setup import add_setup
from training.commands.span_reader import add_span_reader

# As a user meets them: make the models, look at examples, teach, compare, let answer.
_ADDERS = (
    add_setup, add_check, add_run, add_evaluate, add_release, add_retriever, add_span_reader,
    add_experiments,
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 only on success."""
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Teach the answerer and the retriever."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for add in _ADDERS:
        add(commands)
    arguments = parser.parse_args(argv)
    prepare_process()
    try:
        config = load_config(arguments.config, {"models_dir": arguments.models})
        return int(arguments.run_command(arguments, config))
    except RagError as error:
        print(one_line(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: Interrupted.", file=sys.stderr)
        return 130
