"""Look at rows as a model learns them: their tokens, that none is cut, that the end is taught."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rag.datatypes import Prompt
from training.config import TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.examples.check_content import listed
from training.examples.check_report import CheckReport, Finding, Histogram, finding
from training.rows.encoding import IGNORED, RowTooLongError

_LOW_RECALL = 0.8  # below, most wrong answers come from the search
_EDGES = (0, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 2048, 4096, 8192, 1 << 30)


class Tokens(Protocol):
    """The tokens of a row; both of the same length."""

    @property
    def input_ids(self) -> Sequence[int]:
        """What is read."""
        ...

    @property
    def labels(self) -> Sequence[int]:
        """What is learned at each place, or `IGNORED`."""
        ...


class Encoder(Protocol):
    """Turns rows into tokens; `training.rows.encoding.RowEncoder` is one."""

    end_id: int

    def prompt_ids(self, prompt: Prompt) -> Sequence[int]:
        """Return the tokens of the rendered chat."""
        ...

    def completion_ids(self, completion: str) -> Sequence[int]:
        """Return the tokens of an answer and its end."""
        ...

    def encode(self, row: AnswerRow) -> Tokens:
        """Return tokens and labels of a row that fits."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """Return what tokens say."""
        ...


@dataclass(frozen=True, slots=True)
class RowCheck:
    """What rows are made of."""

    prompt_tokens: Histogram
    completion_tokens: Histogram
    sample: str
    findings: tuple[Finding, ...]


def check_rows(rows: Sequence[AnswerRow], encoder: Encoder, config: TrainingConfig) -> RowCheck:
    """Return what ``rows`` are in tokens; rows that cannot be learned whole forbid to train.

    Raises:
        ValueError: no rows.
    """
    limit = config.train.max_tokens
    prompts, completions = [], []
    cut: list[QAExample] = []
    endless: list[QAExample] = []
    sample = ""
    for row in rows:
        prompts.append(len(encoder.prompt_ids(row.prompt)))
        completions.append(len(encoder.completion_ids(row.completion)))
        try:
            tokens = encoder.encode(row)
        except RowTooLongError:  # than what the model itself reads
            cut.append(row.example)
            continue
        if prompts[-1] + completions[-1] > limit:
            cut.append(row.example)
        if not _teaches_end(tokens, encoder.end_id):
            endless.append(row.example)
        sample = sample or marked(tokens, encoder.text)
    longest = max(one + other for one, other in zip(prompts, completions, strict=True))
    return RowCheck(
        histogram(prompts),
        histogram(completions),
        sample,
        (
            *listed("block", "rows_cut", cut, total=len(rows), limit=limit, longest=longest),
            *listed("block", "end_not_taught", endless, total=len(rows)),
        ),
    )


def search_recall(found: Sequence[AnswerRow], k: int) -> tuple[float | None, list[Finding]]:
    """Return how often the passage that answers is in the prompt, and what to say of it.

    Args:
        found: rows over what the search finds, "as_retrieved"; None is returned when none of
            them has an answer.
        k: passages that are searched for a prompt.
    """
    asked = [row for row in found if row.example.is_answerable]
    if not asked:
        return None, []
    recall = sum(row.gold_passage > 0 for row in asked) / len(asked)
    if recall < _LOW_RECALL:
        return recall, [finding("warn", "recall_low", k=k, recall=recall, total=len(asked))]
    return recall, [finding("info", "recall", k=k, recall=recall, total=len(asked))]


def with_rows(report: CheckReport, check: RowCheck) -> CheckReport:
    """Return ``report`` with what is known of its rows."""
    return replace(
        report.with_findings(*check.findings),
        prompt_tokens=check.prompt_tokens,
        completion_tokens=check.completion_tokens,
        sample=check.sample,
    )


def _teaches_end(tokens: Tokens, end_id: int) -> bool:
    """Tell whether the last token is the end and is learned, and something before it as well."""
    learned = [label for label in tokens.labels if label != IGNORED]
    return len(learned) > 1 and tokens.labels[-1] == tokens.input_ids[-1] == end_id


def marked(tokens: Tokens, text: Callable[[Sequence[int]], str]) -> str:
    """Return what a row says, with what is learned of it in [[ ]]."""
    parts: list[str] = []
    start = 0
    for place in range(1, len(tokens.labels) + 1):
        is_learned = tokens.labels[start] != IGNORED
        if place < len(tokens.labels) and (tokens.labels[place] != IGNORED) == is_learned:
            continue
        words = text(tokens.input_ids[start:place])
        parts.append(f"[[{words}]]" if is_learned else words)
        start = place
    return "".join(parts)


def histogram(lengths: Sequence[int]) -> Histogram:
    """Return how many of ``lengths`` are in each range, without empty ranges at both ends.

    Raises:
        ValueError: no lengths.
    """
    ordered = sorted(lengths)
    if not ordered:
        raise ValueError("There are no rows to count.")
    first = max(n for n, edge in enumerate(_EDGES) if edge <= ordered[0])
    last = min(n for n, edge in enumerate(_EDGES) if edge > ordered[-1])
    edges = _EDGES[first : last + 1]
    counts = [0] * (len(edges) - 1)
    for length in ordered:
        counts[sum(edge <= length for edge in edges) - 1] += 1
    return Histogram(
        edges,
        tuple(counts),
        median=ordered[(len(ordered) - 1) // 2],
        p95=ordered[min(len(ordered) - 1, -(-95 * len(ordered) // 100) - 1)],
        longest=ordered[-1],
    )
