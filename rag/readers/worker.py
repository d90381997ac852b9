"""The parser child: one JSON request a line on stdin, one JSON answer a line on stdout.

JSON and not pickle, because what a hostile document makes of this process must not run in
the parent. Started by `ParserProcess` as ``python -m rag.readers.worker``.
"""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from rag.errors import DocumentError
from rag.readers.extract import Extract, Part, Reader
from rag.readers.limits import limit_files, limit_memory, serve_requests

MAX_PARTS = 10_000
MAX_PARTS_MB = 100
_ALARM_SPARE_SECONDS = 5  # the parent's own timer goes first

ReaderFor = Callable[[Path], Reader]


def main() -> int:
    """Answer requests until stdin ends; the exit status is 0."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--registry", required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    arguments = parser.parse_args()
    # A library that prints must not write into the answers.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as answers:
        os.dup2(2, 1)
        reader_for = importlib.import_module(arguments.registry).reader_for
        serve_requests(lambda seconds: _ask_for_time(answers, seconds))
        limit_files(2 * MAX_PARTS_MB)
        for line in sys.stdin:
            request = json.loads(line)
            limit_memory(arguments.memory_mb)  # anew: a reader may have asked for more
            set_alarm(request["seconds"])
            # So that nothing is left when this is killed.
            tempfile.tempdir = os.environ["TMPDIR"] = request["scratch"]
            answer = _answer(Path(request["file"]), Path(request["scratch"]), reader_for)
            _write(answers, answer)
            set_alarm(0)
            if answer.get("is_last"):
                break
    return 0


def _ask_for_time(answers: TextIO, seconds: float) -> None:
    _write(answers, {"more_seconds": seconds})
    set_alarm(seconds)


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    try:
        line = json.dumps(answer, ensure_ascii=False)
    except MemoryError as error:
        line = json.dumps({"status": "failed", "reason": _reason(error), "is_last": True})
    answers.write(line + "\n")
    answers.flush()


def _answer(file: Path, scratch: Path, reader_for: ReaderFor) -> dict[str, Any]:
    """Return the answer for one file; ``is_last`` asks the parent for a fresh process."""
    try:
        extract = reader_for(file)(file)
        parts = _store(extract.parts, scratch)
        if not extract.text.strip() and not parts:
            reason = extract.remark or "This file is empty or holds no text, so it is left out."
            raise DocumentError("no_text", reason)
        return {**_encode(extract), "parts": parts}
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


def _store(parts: Iterable[Part], scratch: Path) -> list[tuple[str, str]]:
    """Write parts under names of our own; return each part's name with that of its file."""
    stored = []
    room = MAX_PARTS_MB * 1_000_000
    for number, part in enumerate(parts):
        room -= len(part.content)
        if number >= MAX_PARTS or room < 0:
            raise DocumentError(
                "failed",
                f"This file holds more than {MAX_PARTS_MB} MB or {MAX_PARTS} files inside; "
                "unpack it into the folder.",
            )
        suffix = PurePosixPath(part.name).suffix.lower()
        is_plain = suffix.isascii() and suffix[1:].isalnum() and len(suffix) <= 11
        file_name = f"{number:05}{suffix if is_plain else ''}"
        (scratch / file_name).write_bytes(part.content)
        stored.append((part.name, file_name))
    return stored


def _encode(extract: Extract) -> dict[str, Any]:
    paths: dict[tuple[str, ...], int] = {}  # each written once: thousands of blocks share one
    for block in extract.blocks:
        paths.setdefault(block.heading_path, len(paths))
    return {
        "text": extract.text,
        "kinds": [b.kind for b in extract.blocks],
        "starts": [b.start for b in extract.blocks],
        "ends": [b.end for b in extract.blocks],
        "paths": [paths[b.heading_path] for b in extract.blocks],
        "heading_paths": list(paths),
        "page_starts": extract.page_starts,
        "title": extract.title,
        "remark": extract.remark,
        "scanned_pages": extract.scanned_pages,
    }


def set_alarm(seconds: float) -> None:
    """End this process some time after ``seconds``, should the parent be gone; 0 takes it back."""
    if sys.platform != "win32":
        import signal

        signal.alarm(int(seconds) + _ALARM_SPARE_SECONDS if seconds else 0)


if __name__ == "__main__":
    sys.exit(main())
