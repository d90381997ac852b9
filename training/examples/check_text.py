"""A check report as text for a terminal."""

from collections import Counter
from collections.abc import Iterator

from training.examples.check_report import CheckReport, FileCheck, Histogram

_SHOWN_ROWS = 20  # rejected ones of a file; JSON has all
_BAR = 40  # characters of the longest bar
_LEVELS = {"block": "STOP", "warn": "warning", "info": "note"}


def report_text(report: CheckReport) -> str:
    """Return all that a report says, the gravest last, where a terminal ends."""
    return "\n".join(_lines(report))


def _lines(report: CheckReport) -> Iterator[str]:
    for file in report.files:
        yield from _file(file)
    yield f"To learn from: {report.train}; to test on: {report.held_out}."
    if report.kept:
        languages = ", ".join(f"{name} {count}" for name, count in report.languages.items())
        share = report.not_found / report.kept
        yield f'Languages: {languages}. "Not found": {report.not_found} ({share:.0%}).'
    if report.labels:
        labels = ", ".join(f"{name} {count}" for name, count in report.labels.counts.items())
        yield (
            f"Labels: {labels}. Always {report.labels.majority!r}: accuracy "
            f"{report.labels.accuracy:.3f}, macro-F1 {report.labels.macro_f1:.3f}."
        )
    for name, tokens in (("prompt", report.prompt_tokens), ("answer", report.completion_tokens)):
        if tokens is not None:
            yield from _histogram(name, tokens)
    if report.sample:
        yield "One row as it is learned, what is learned in [[ ]]:"
        yield from (f"  | {line}" for line in report.sample.split("\n"))
    for found in reversed(report.findings):
        yield f"{_LEVELS[found.level]}: {found.sentence}"
    yield "Not fit to train on." if report.blocking else "Fit to train on."


def _file(file: FileCheck) -> Iterator[str]:
    layout = f" (layout: {file.layout})" if file.layout else ""
    yield f"{file.name}{layout}: {file.kept} rows kept, {len(file.rejected)} rejected."
    if file.mapping:
        pairs = ", ".join(f"{field} = {column}" for field, column in file.mapping.items())
        yield f"  Read as: {pairs}"
    yield from (f"  {row.place}: {row.reason}" for row in file.rejected[:_SHOWN_ROWS])
    if more := file.rejected[_SHOWN_ROWS:]:
        kinds = Counter(str(row.reason) for row in more).most_common(3)
        reasons = "; ".join(f"{count} times: {reason}" for reason, count in kinds)
        yield f"  … and {len(more)} more ({reasons}); --json lists all."


def _histogram(name: str, tokens: Histogram) -> Iterator[str]:
    yield (
        f"Tokens of the {name}s: median {tokens.median}, 95 % have no more than {tokens.p95}, "
        f"longest {tokens.longest}."
    )
    most = max(tokens.counts)
    for start, end, count in zip(tokens.edges, tokens.edges[1:], tokens.counts, strict=False):
        bar = "#" * -(-_BAR * count // most)
        yield f"  {start:>6} to {min(end - 1, tokens.longest):>6}  {count:>7}  {bar}"
