"""The parent's side of one parser child: ask, wait a bounded time, kill, start afresh.

One child reads many files, because starting one costs more than most files do.
"""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, get_args

from rag.datatypes import Block, BlockKind
from rag.environment import search_path
from rag.errors import DocumentError
from rag.readers.extract import Extract, normalize_text

logger = logging.getLogger(__name__)

SECONDS_PER_MB = 2  # beside the limit for every file: large files take longer, honestly
MAX_REQUEST_SECONDS = 120  # that a reader may ask for before one step
MAX_TEXT_MB = 64  # of one answer, in JSON
_CRASH = "The reader crashed on this file, which may be damaged; save it again or convert it."
_KINDS: dict[str, BlockKind] = {kind: kind for kind in get_args(BlockKind)}  # one of each
_PART_FILE = re.compile(r"\d{5}(\.[a-z0-9]{1,10})?")


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A file that was inside another one, written to the scratch folder of its reading."""

    name: str  # as the container calls it; shown, never used as a path
    file: Path


@dataclass(frozen=True, slots=True)
class Reading:
    """What a child made of one file. ``extract.parts`` is empty; they are in ``parts``."""

    extract: Extract
    parts: tuple[StoredPart, ...] = ()


class ParserProcess:
    """Reads files in a child process, one at a time. `kill` may be called from any thread.

    Args:
        registry: module with a ``reader_for`` function, imported by the child.
        seconds: wall-clock limit of one file, to which `SECONDS_PER_MB` are added.
        memory_mb: what the child may map while it reads.
    """

    def __init__(self, registry: str, seconds: int, memory_mb: int) -> None:
        self._registry = registry
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._child: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def read(self, file: Path, size_bytes: int, scratch: Path) -> Reading:
        """Return what the reader made of ``file``; the files inside it are left in ``scratch``.

        Raises:
            DocumentError: the reader refused the file, or the child hung, died or answered
                nonsense; it is then replaced before the next file.
        """
        line, limit = self._exchange(file, size_bytes, scratch)
        if not line.endswith(b"\n"):
            self._stop()
            raise DocumentError("failed", self._reason(line, limit))
        try:
            return self._decode(json.loads(line), scratch)
        except (ValueError, TypeError, KeyError) as error:
            self._stop()
            raise DocumentError("failed", _CRASH) from error

    def kill(self) -> None:
        """End the child for good: what it is reading fails, and no other child is started."""
        self._is_killed = True
        if self._child is not None:
            kill_group(self._child)

    def close(self) -> None:
        """End the child and wait for it. Not while another thread is reading."""
        self._is_killed = True
        self._stop()

    def _exchange(self, file: Path, size_bytes: int, scratch: Path) -> tuple[bytes, "TimeLimit"]:
        """Send one request; return the answer, incomplete when the child ended or was killed."""
        if self._child is None or self._child.poll() is not None:
            self._child = self._start()
        child = self._child
        assert child.stdin is not None  # both are pipes, see _start
        assert child.stdout is not None
        seconds = self._seconds + size_bytes / 1e6 * SECONDS_PER_MB
        limit = TimeLimit(child, seconds)
        try:
            request = {"file": str(file), "scratch": str(scratch), "seconds": seconds}
            child.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            child.stdin.flush()
            line = child.stdout.readline(MAX_TEXT_MB << 20)
            while line.startswith(b'{"more_seconds"') and line.endswith(b"\n"):
                limit.set(min(float(json.loads(line)["more_seconds"]), MAX_REQUEST_SECONDS))
                line = child.stdout.readline(MAX_TEXT_MB << 20)
        except (BrokenPipeError, ValueError):
            line = b""
        finally:
            limit.end()
        return line, limit

    def _reason(self, line: bytes, limit: "TimeLimit") -> str:
        if limit.is_over:
            return (
                f"Reading this file took longer than {limit.seconds:.0f} seconds and was stopped; "
                "split it, or raise parse_seconds."
            )
        if line:
            return f"This file holds more than {MAX_TEXT_MB} MB of text; split it."
        return _CRASH

    def _decode(self, answer: dict[str, Any], scratch: Path) -> Reading:
        if "status" in answer:
            if "detail" in answer:
                logger.info("a reader raised %s", answer["detail"])
            if answer.get("is_last"):
                self._stop()
            raise DocumentError(answer["status"], str(answer["reason"]))
        text = str(answer["text"])
        paths = [tuple(map(str, path)) for path in answer["heading_paths"]]
        columns = (answer[name] for name in ("kinds", "starts", "ends", "paths"))
        blocks = tuple(
            Block(_KINDS[kind], start, end, paths[path])
            for kind, start, end, path in zip(*columns, strict=True)
        )
        page_starts = tuple(answer["page_starts"])
        # A child taken over by a document could answer anything.
        offsets = chain(page_starts, (b.start for b in blocks), (b.end for b in blocks))
        if not all(0 <= offset <= len(text) for offset in offsets) or normalize_text(text) != text:
            raise ValueError("offsets outside the text, or characters that no reader lets through")
        extract = Extract(
            text,
            blocks,
            page_starts,
            title=str(answer["title"]),
            remark=str(answer["remark"]),
            scanned_pages=int(answer["scanned_pages"]),
        )
        return Reading(extract, tuple(_part(item, scratch) for item in answer["parts"]))

    def _start(self) -> subprocess.Popen[bytes]:
        if self._is_killed:
            raise DocumentError("failed", "Reading was cancelled.")
        arguments = ("--registry", self._registry, "--memory-mb", str(self._memory_mb))
        return start_child("rag.readers.worker", *arguments)

    def _stop(self) -> None:
        if self._child is not None:
            kill_group(self._child)
            self._child.communicate()  # closes the pipes and waits
            self._child = None


def start_child(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``python -m module``, to be talked to through its standard input and output."""
    # The child finds modules where this process does, and nowhere else: with -P, not in
    # the working directory, which may be the folder of documents.
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": search_path()},
        # A group of its own, so that what a reader starts (LibreOffice) dies with it.
        start_new_session=True,
    )


class TimeLimit:
    """Kills a child after a time that can be set anew."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self.seconds = seconds
        self.is_over = False
        self._child = child
        self._timer = self._started()

    def set(self, seconds: float) -> None:
        """Give ``seconds`` from now."""
        self.end()
        self.seconds = seconds
        self._timer = self._started()

    def end(self) -> None:
        """Kill no more."""
        self._timer.cancel()
        self._timer.join()

    def _started(self) -> threading.Timer:
        timer = threading.Timer(self.seconds, self._kill)
        timer.start()
        return timer

    def _kill(self) -> None:
        self.is_over = True
        kill_group(self._child)


def _part(item: list[str], scratch: Path) -> StoredPart:
    name, file_name = item
    if not _PART_FILE.fullmatch(file_name):
        raise ValueError("a part outside its folder")
    file = scratch / file_name
    if file.is_symlink() or not file.is_file():
        raise ValueError("a part that is not there")
    return StoredPart(normalize_text(str(name)), file)


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """End a child with all that it started, at once."""
    if child.poll() is not None:
        return
    if sys.platform == "win32":
        child.kill()
        return
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended in this very moment
