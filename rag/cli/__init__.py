"""Command line with a JSON contract: see `rag.cli.parser` for the commands.

Standard output holds the result alone; progress and errors go to standard error. Exit code 0
means success and nothing else.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from rag.cli.parser import make_parser
from rag.cli.printing import one_line
from rag.config import load_config
from rag.environment import prepare_process
from rag.errors import RagError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # pipes on Windows and the C locale are not UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = make_parser().parse_args(argv)
    prepare_process()
    _end_cleanly_when_told_to()
    try:
        config = load_config(
            arguments.config, {"index_dir": arguments.index, "models_dir": arguments.models}
        )
        return int(arguments.run(arguments, config))
    except RagError as error:
        print(one_line(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: Interrupted; nothing was changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the edge: a bug is told in one line as well
        print(_bug_report(error), file=sys.stderr)
        return 1


def _end_cleanly_when_told_to() -> None:
    """Let SIGTERM unwind the stack as Ctrl+C does, so that parsers and half an index go too."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _bug_report(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split())[:200]
    return (
        f"error: A bug stopped this command: {type(error).__name__} in {Path(place.filename).name} "
        f"line {place.lineno} ({message}). Please report this line; the index is unchanged."
    )
