"""Draw what `benchmarks.serving` measured: a bar for each engine, split at the first token.

    python -m benchmarks.serving_plot FILE [FILE ...] > docs/serving.svg

Files are those of ``--out``. The bar is the median of a whole answer, its dark part the time to the
first token, the line the 95th percentile.
"""

import argparse
import html
import json
from pathlib import Path
from typing import Any

import numpy as np

_WIDTH, _LEFT, _ROW = 760, 180, 26  # pixels
_INK, _FIRST, _REST = "#444", "#2f5d8a", "#9dbbd8"


def main() -> None:
    """Print an SVG."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=Path)
    parts, top = [], 10
    for file in parser.parse_args().files:
        measured = json.loads(file.read_text(encoding="utf-8"))
        drawn, top = _chart(measured, top)
        parts.append(drawn)
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" '
        f'font-family="sans-serif" font-size="13">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def _chart(measured: dict[str, Any], top: int) -> tuple[str, int]:
    """Return the drawing of one model, and where the next begins."""
    facts = measured["facts"]
    title = (
        f"{Path(facts['model']).name}: seconds to a whole answer, {facts['prompt']} tokens in, "
        f"{facts['new']} out, {facts['threads']} threads"
    )
    figures = {name: _figures(engine["answers"]) for name, engine in measured["engines"].items()}
    scale = (_WIDTH - _LEFT - 60) / max(high for _, _, high in figures.values())
    drawn = [_text(10, top + 16, title, "start")]
    top += _ROW
    for name, (first, whole, high) in figures.items():
        middle = top + _ROW / 2
        drawn += [
            _text(_LEFT - 8, middle + 4, name, "end"),
            _bar(_LEFT, top, first * scale, _FIRST),
            _bar(_LEFT + first * scale, top, (whole - first) * scale, _REST),
            f'<path d="M{_LEFT + whole * scale:.1f} {middle}H{_LEFT + high * scale:.1f}" '
            f'stroke="{_INK}"/>',
            _text(_LEFT + high * scale + 6, middle + 4, f"{whole:.2f}", "start"),
        ]
        top += _ROW
    return "".join(drawn), top + _ROW


def _figures(answers: list[dict[str, Any]]) -> tuple[float, float, float]:
    """Return medians of first token and whole answer, and the 95th percentile of the latter."""
    first, whole = ([answer[key] for answer in answers] for key in ("first", "whole"))
    return float(np.median(first)), float(np.median(whole)), float(np.quantile(whole, 0.95))


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}">'
        f"{html.escape(words)}</text>"
    )


def _bar(x: float, y: float, width: float, colour: str) -> str:
    height = _ROW - 8
    return f'<rect x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


if __name__ == "__main__":
    main()
