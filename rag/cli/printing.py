"""What several commands print."""

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rag.config import Config
from rag.datatypes import Progress
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.engine import RagEngine


def print_json(table: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(table, ensure_ascii=False, indent=2))


def one_line(error: RagError) -> str:
    """Return an error for people as the one line that is printed."""
    return f"error: {' '.join(str(error).split())}"


def place(path: str, page: int | None) -> str:
    """Return where a passage stands, in a few characters."""
    return f"{path} p.{page}" if page else path


def load_engine(config: Config) -> "RagEngine":
    """Return the engine; its libraries are imported here and not before."""
    from rag.engine import RagEngine

    return RagEngine(config)


class ProgressPrinter:
    """Shows build progress: JSON lines for programs, one rewritten line for people."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._is_terminal = sys.stderr.isatty()
        self._last_stage = ""

    def __call__(self, progress: Progress) -> None:
        """Show one step."""
        if self._as_json:
            line = json.dumps(asdict(progress), ensure_ascii=False)
            print(line, file=sys.stderr, flush=True)
        elif self._is_terminal:
            count = f"{progress.done}/{progress.total}" if progress.total else str(progress.done)
            text = f"{progress.stage} {count} {progress.item}"[:100]
            end = "\n" if progress.done == progress.total else ""
            print(f"\r\x1b[K{text}", end=end, file=sys.stderr, flush=True)
        elif (stage := _stage_name(progress)) != self._last_stage:
            print(f"{stage} ...", file=sys.stderr, flush=True)
            self._last_stage = stage


def _stage_name(progress: Progress) -> str:
    """Return what is done now; a run of several stages tells which one begins as its item."""
    return progress.item if progress.stage == "stage" else progress.stage
