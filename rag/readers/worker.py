"""The parser child: one JSON request a line on stdin, one JSON answer a line on stdout.

JSON and not pickle, because what a hostile document makes of this process must not run in
the parent. Started by `ParserProcess` as ``python -m rag.readers.worker``.
"""

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers.extract import Extract, Reader

_ALARM_SPARE_SECONDS = 5  # the parent's own timer goes first


def main() -> int:
    """Answer requests until stdin ends; the exit status is 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--registry", required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    parser.add_argument("--seconds", type=int, required=True)
    arguments = parser.parse_args()
    # A library that prints must not write into the answers.
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)
        reader_for = importlib.import_module(arguments.registry).reader_for
        _limit_memory(arguments.memory_mb)
        for line in sys.stdin:
            _set_alarm(arguments.seconds + _ALARM_SPARE_SECONDS)
            answer = _answer(Path(json.loads(line)["file"]), reader_for)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
            _set_alarm(0)
            if answer.get("is_last"):
                break
    return 0


def _answer(file: Path, reader_for: Callable[[Path], Reader | None]) -> dict[str, Any]:
    """Return the answer for one file; ``is_last`` asks the parent for a fresh process."""
    reader = reader_for(file)
    try:
        if reader is None:
            raise DocumentError("unsupported", "There is no reader for this kind of file.")
        return _encode(_require_text(reader(file)))
    except DocumentError as error:
        return {"status": error.status, "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - parsers raise anything on damaged files
        is_exhausted = isinstance(error, MemoryError | RecursionError)
        return {
            "status": "failed",
            "reason": _reason(error),
            "detail": type(error).__name__,  # not the message: it may quote the document
            "is_last": is_exhausted,
        }


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "This file needs more memory than parse_memory_mb allows; split it or raise that."
    if isinstance(error, RecursionError):
        return "This file is nested too deeply to be read; save it in a simpler form."
    return (
        "This file is damaged or not what its suffix says; "
        "open it in its own program and save it again."
    )


def _require_text(extract: Extract) -> Extract:
    if not extract.text.strip():
        raise DocumentError("no_text", "This file is empty or holds no text, so it is left out.")
    return extract


def _encode(extract: Extract) -> dict[str, Any]:
    return {
        "text": extract.text,
        "blocks": [[b.kind, b.start, b.end, b.heading_path] for b in extract.blocks],
        "page_starts": extract.page_starts,
        "title": extract.title,
    }


def _limit_memory(megabytes: int) -> None:
    """Bound the address space and write no core dumps, where the system can (not Windows)."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # macOS refuses this limit
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))


def _set_alarm(seconds: int) -> None:
    """End this process after ``seconds``, should the parent be gone; 0 takes it back."""
    if sys.platform != "win32":
        import signal

        signal.alarm(seconds)


if __name__ == "__main__":
    sys.exit(main())
