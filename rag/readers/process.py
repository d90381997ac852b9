"""The parent's side of the parser child: ask, wait a bounded time, kill, start afresh.

One child reads many files, because starting one costs more than most files do.
"""

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rag.datatypes import Block
from rag.errors import DocumentError
from rag.readers.extract import Extract, normalize_text

logger = logging.getLogger(__name__)

_CRASH = "The reader crashed on this file, which may be damaged; save it again or convert it."


class ParserProcess:
    """Reads files in a child process. Use as a context manager; not thread-safe.

    Args:
        registry: module with a ``reader_for`` function, imported by the child.
        seconds: wall-clock limit of one file.
        memory_mb: limit of the child's address space, and of the size of its answer.
    """

    def __init__(self, registry: str, seconds: int, memory_mb: int) -> None:
        self._registry = registry
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def read(self, file: Path) -> Extract:
        """Return what the reader made of ``file``.

        Raises:
            DocumentError: the reader refused the file, or the child hung, died or answered
                nonsense; it is then replaced before the next file.
        """
        line, is_late = self._exchange(file)
        if not line.endswith(b"\n"):
            self._stop()
            raise DocumentError("failed", self._reason(line, is_late=is_late))
        try:
            return self._decode(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            self._stop()
            raise DocumentError("failed", _CRASH) from error

    def _exchange(self, file: Path) -> tuple[bytes, bool]:
        """Send one request; return the answer, incomplete when the child ended or was killed."""
        if self._child is None or self._child.poll() is not None:
            self._child = self._start()
        child = self._child
        assert child.stdin is not None  # both are pipes, see _start
        assert child.stdout is not None
        is_late = threading.Event()

        def end_late_child() -> None:
            is_late.set()
            child.kill()

        timer = threading.Timer(self._seconds, end_late_child)
        timer.start()
        try:
            child.stdin.write(json.dumps({"file": str(file)}).encode("ascii") + b"\n")
            child.stdin.flush()
            line = child.stdout.readline(self._memory_mb << 20)
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
            timer.join()
        return line, is_late.is_set()

    def _reason(self, line: bytes, *, is_late: bool) -> str:
        if is_late:
            return (
                f"Reading this file took longer than {self._seconds} seconds and was stopped; "
                "split it, or raise parse_seconds."
            )
        if line:
            return (
                f"This file holds more than {self._memory_mb} MB of text; "
                "split it, or raise parse_memory_mb."
            )
        return _CRASH

    def _decode(self, answer: dict[str, Any]) -> Extract:
        if "status" in answer:
            if "detail" in answer:
                logger.info("a reader raised %s", answer["detail"])
            if answer.get("is_last"):
                self._stop()
            raise DocumentError(answer["status"], answer["reason"])
        text = str(answer["text"])
        blocks = tuple(
            Block(kind, start, end, tuple(heading_path))
            for kind, start, end, heading_path in answer["blocks"]
        )
        page_starts = tuple(answer["page_starts"])
        # A child taken over by a document could answer anything.
        offsets = [
            *page_starts,
            *(offset for block in blocks for offset in (block.start, block.end)),
        ]
        if not all(0 <= offset <= len(text) for offset in offsets) or normalize_text(text) != text:
            raise ValueError("offsets outside the text, or characters that no reader lets through")
        return Extract(text, blocks, page_starts, str(answer["title"]))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "rag.readers.worker"]
        command += ["--registry", self._registry]
        command += ["--memory-mb", str(self._memory_mb), "--seconds", str(self._seconds)]
        # The child finds modules where this process does, and nowhere else: with -P, not in
        # the working directory, which may be the folder of documents.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()  # closes the pipes and waits
            self._child = None
