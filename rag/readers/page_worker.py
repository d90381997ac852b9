"""The page child: one JSON request on stdin, one JSON answer on stdout, and then it ends.

A child for each page, not one for many: what one document makes of this process must not draw
the page of another, and a drawn page is kept. Started by `draw_page` as
``python -m rag.readers.page_worker``.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from rag.errors import DocumentError
from rag.readers.limits import limit_files, limit_memory
from rag.readers.page_drawing import draw
from rag.readers.worker import set_alarm


def main() -> int:
    """Answer one request; the exit status is 0."""
    request = json.loads(sys.stdin.readline())
    # A library that prints must not write into the answer.
    with os.fdopen(os.dup(1), "w", encoding="ascii") as answers:
        os.dup2(2, 1)
        limit_files(0)
        limit_memory(request["memory_mb"])
        set_alarm(request["seconds"])
        answer = _answer(Path(request["file"]), request["sha256"], request["page"])
        answers.write(json.dumps(answer) + "\n")
    return 0


def _answer(file: Path, sha256: str, number: int) -> dict[str, Any]:
    try:
        content = _read(file)
    except OSError:
        return {"problem": "gone"}
    # Of the very bytes that are drawn: the file may be written to at this moment.
    if hashlib.sha256(content).hexdigest() != sha256:
        return {"problem": "changed"}
    try:
        return draw(content, number)
    except DocumentError as error:
        return {"problem": "encrypted" if error.status == "encrypted" else "failed"}
    except Exception:  # noqa: BLE001 - pdfium and Pillow raise anything on damaged files
        return {"problem": "failed"}


def _read(file: Path) -> bytes:
    """Return the bytes of a file without following a link or waiting on a pipe in its place."""
    flags = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(file, "rb", opener=lambda path, mode: os.open(path, mode | flags)) as stream:
        return stream.read()


if __name__ == "__main__":
    sys.exit(main())
