"""The parent's side of a page child: ask for one page, wait a bounded time, end the child."""

import base64
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from rag.readers.page_drawing import MAX_SIDE, SUBPIXELS
from rag.readers.page_marks import Rectangle
from rag.readers.process import TimeLimit, kill_group, start_child

logger = logging.getLogger(__name__)

MAX_ANSWER_MB = 16  # picture and boxes, in JSON
PageProblem = Literal[
    "gone",  # there is no such file any more, or it cannot be opened
    "changed",  # its bytes are not those that were indexed
    "encrypted",
    "slow",  # drawing took longer than allowed
    "failed",  # the page cannot be drawn: it is damaged, missing, or needs too much memory
]


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A drawn page. ``boxes[i]`` is where ``characters[i]`` stands, in pixels of the picture."""

    image: bytes  # WebP
    width: int  # pixels
    height: int
    characters: str  # in the order of the PDF; NUL for those without a known one
    boxes: tuple[Rectangle, ...]
    is_scan: bool  # hardly more than an image: its words are in no text layer


def draw_page(
    file: Path, sha256: str, number: int, *, seconds: float, memory_mb: int
) -> PagePicture | PageProblem:
    """Return page ``number`` (1-based) of a PDF, or why it cannot be shown.

    Args:
        file: the PDF on disk.
        sha256: of the bytes that were indexed. Another content is never drawn, as offsets of
            the stored text would mean nothing on it.
        number: of the page.
        seconds: wall-clock limit, the start of the child included.
        memory_mb: what the child may map while it draws, beside the file itself.
    """
    try:
        memory_mb += file.stat().st_size >> 20
    except OSError:
        return "gone"
    request = {
        "file": str(file),
        "sha256": sha256,
        "page": number,
        "seconds": seconds,
        "memory_mb": memory_mb,
    }
    line, is_over = _exchange(json.dumps(request), seconds)
    if not line.endswith(b"\n"):
        return "slow" if is_over else "failed"
    try:
        return _decode(json.loads(line))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        logger.warning("A page child answered nonsense: %s", type(error).__name__)
        return "failed"


def _exchange(request: str, seconds: float) -> tuple[bytes, bool]:
    """Return the answer, incomplete when the child was killed, and whether its time was over."""
    child = start_child("rag.readers.page_worker")
    assert child.stdin is not None  # both are pipes, see start_child
    assert child.stdout is not None
    limit = TimeLimit(child, seconds)
    try:
        child.stdin.write(request.encode("ascii") + b"\n")
        child.stdin.flush()
        line = child.stdout.readline(MAX_ANSWER_MB << 20)
    except BrokenPipeError:
        line = b""
    finally:
        limit.end()
        kill_group(child)
        child.communicate()  # closes the pipes and waits
    return line, limit.is_over


def _decode(answer: dict[str, Any]) -> PagePicture | PageProblem:
    """Return what the child answered. One taken over by a document could answer anything."""
    if "problem" in answer:
        problems: dict[str, PageProblem] = {name: name for name in get_args(PageProblem)}
        return problems[answer["problem"]]
    image = base64.b64decode(answer["image"], validate=True)
    if image[:4] != b"RIFF" or image[8:12] != b"WEBP":
        raise ValueError("no picture")
    width, height = int(answer["width"]), int(answer["height"])
    characters, sides = str(answer["characters"]), answer["boxes"]
    is_whole = 1 <= width <= MAX_SIDE + 1 and 1 <= height <= MAX_SIDE + 1
    if not is_whole or len(sides) != 4 * len(characters):
        raise ValueError("a size that no page has, or characters without boxes")
    in_pixels = [int(side) / SUBPIXELS for side in sides]
    boxes = tuple(Rectangle(*in_pixels[i : i + 4]) for i in range(0, len(in_pixels), 4))
    return PagePicture(image, width, height, characters, boxes, bool(answer["is_scan"]))
