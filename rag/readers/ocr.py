"""Text recognition in images by RapidOCR, an optional extra that carries its models.

Nothing of it is loaded before the first image, and nothing is ever fetched: the paths of the
models are given, so that the library does not come to look for them.
"""

import functools
import importlib.util
import os
from pathlib import Path
from typing import Any

from rag.readers.extract import normalize_text
from rag.readers.limits import request_memory, request_seconds
from rag.readers.page_lines import Line
from rag.readers.scan_layout import arrange

REMEDY = "run `pip install -r requirements-ocr.txt`"
MAX_PIXELS = 50_000_000  # of an image before it is made smaller; it is unpacked whole
MAX_SIDE = 2400  # pixels; an A4 page at 200 dots an inch

_PAGE_SECONDS = 60  # a dense page takes 3 to 6 on two cores, and others may be busy with more
_MEMORY_MB = 3000  # address space; 1.9 GB measured, of which 1.1 GB are used
_MAX_THREADS = 4
_BOX_TO_TYPE_SIZE = 0.85  # a box stands a little off the ink
_DOUBTFUL = 0.85  # upright pages were read at 0.96 and above, upside down ones at 0.74 and below
# The recognizer writes full-width digits and letters now this way, now that, in one word.
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code).isalnum()}
_VERTICAL_RATIO = 1.5  # of height to width: where the recognizer turns the box


def is_installed() -> bool:
    """Tell whether the optional extra is there."""
    return all(importlib.util.find_spec(name) for name in ("rapidocr", "onnxruntime"))


def recognize(
    image: Any,  # noqa: ANN401 - Pillow is loaded lazily
    body_size: float,
) -> list[Line]:
    """Return the lines of a page in reading order, in points.

    Args:
        image: an RGB image of Pillow, it may stand upside down or on its side.
        body_size: the type size that most of its text shall have; headings are told by it.
    """
    import numpy as np

    request_seconds(_PAGE_SECONDS)
    request_memory(_MEMORY_MB)
    pixels = np.asarray(image)[:, :, ::-1]  # blue first, as OpenCV has it
    lines, confidence = _recognize(pixels)
    if confidence < _DOUBTFUL:
        request_seconds(_PAGE_SECONDS)
        turned, turned_confidence = _recognize(np.ascontiguousarray(pixels[::-1, ::-1]))
        lines = turned if turned_confidence > confidence else lines
    return arrange(lines, body_size)


def _recognize(pixels: Any) -> tuple[list[Line], float]:  # noqa: ANN401 - NumPy is loaded lazily
    """Return the lines in no order, and how sure they are on average, in [0, 1]."""
    result = _engine()(pixels)
    if result.boxes is None or not len(result.boxes):
        return [], 0.0
    lines = [_line(text, box.tolist()) for text, box in zip(result.txts, result.boxes, strict=True)]
    confidence = sum(result.scores) / len(result.scores)
    return [line for line in lines if line.text], confidence


@functools.cache
def _engine() -> Any:  # noqa: ANN401 - rapidocr is untyped
    # Before it is imported: switching it off afterwards is too late.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import rapidocr

    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": MAX_SIDE,
            "Global.text_score": 0.6,
            # It turns single lines upside down, and of vertical Japanese it turns the wrong ones.
            "Global.use_cls": False,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "EngineConfig.onnxruntime.intra_op_num_threads": min(os.cpu_count() or 1, _MAX_THREADS),
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def _line(text: str, box: list[list[float]]) -> Line:
    """Return a line from its corners, clockwise from the upper left, in pixels from the top."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = box
    text = normalize_text(text).strip().translate(_HALF_WIDTH)
    left, right = (x0 + x3) / 2, (x1 + x2) / 2
    top, bottom = (y0 + y1) / 2, (y2 + y3) / 2
    width, height = right - left, bottom - top
    if height >= _VERTICAL_RATIO * width and len(text) > 1:
        size = _BOX_TO_TYPE_SIZE * width
        return Line(text, top, bottom, left, right, size, is_vertical=True)
    # Of a crooked line the middles of its ends tell more than its corners.
    return Line(text, left, right, -bottom, -top, _BOX_TO_TYPE_SIZE * height)
