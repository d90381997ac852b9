"""Put the rows of an evaluation to one model, in a process of its own: ``-m`` with a job as JSON.

A process of its own makes the peak of memory that of the model: libraries and models that were
loaded before would count too. An answer is kept as soon as it is written, so that a run that was
ended goes on where it was.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

import psutil

from rag.answer import answer_pieces
from rag.cite import read_markers
from rag.config import Config, load_config
from rag.datatypes import Prompt, PromptStyle
from rag.environment import limit_threads, prepare_process
from rag.errors import RagError
from rag.evidence import quotable, stands_in
from rag.generate import ExtractiveGenerator, LocalGenerator, load_generator
from rag.inference.device import uses_gpu
from rag.prompt import build_prompt, says_not_found, template_hash
from rag.protocols import Generator
from training.datatypes import AnswerRow
from training.evaluation.forgetting import sentence_likelihoods
from training.rows.row_files import rows_from_jsonl
from training.runs.folder import write_json

NOT_SHOWN = -1  # as number of the gold passage


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one model made of one row."""

    row: int  # from 0
    question: str
    expected: str  # the completion that was wanted, with its marker
    completion: str
    answer: str  # without markers; "" when it abstains
    abstains: bool
    markers: tuple[int, ...]
    gold_passage: int  # its number in the prompt of this model; 0: none, `NOT_SHOWN`: left out
    seconds: float  # reading the prompt and writing
    tokens: int  # written
    peak_memory_mb: float  # of the process so far, resident
    peak_gpu_mb: float  # of the process so far, reserved on the GPU; 0 without one


@dataclass(frozen=True, slots=True)
class Job:
    """What a child process is told. ``identity`` is what answers must be thrown away without."""

    rows: str  # file
    outcomes: str  # file, made or gone on with
    facts: str  # file
    identity: dict[str, Any]
    style: (
        dict[str, Any] | None
    )  # fields of the `PromptStyle` it is asked in; None: as the rows are
    max_new_tokens: int


def read_outcomes(file: Path) -> list[Outcome]:
    """Return what is whole in a file of outcomes; none when it does not exist."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    whole = text[: text.rfind("\n") + 1]
    tables = [json.loads(line) for line in whole.splitlines()]
    return [Outcome(**{**table, "markers": tuple(table["markers"])}) for table in tables]


def _cut_half_line(file: Path) -> int:
    """Cut what a killed process left of a line; return the number of lines before it."""
    if not file.exists():
        return 0
    content = file.read_bytes()
    os.truncate(file, content.rfind(b"\n") + 1)
    return content.count(b"\n")


def read_facts(file: Path) -> dict[str, Any]:
    """Return what is known of a run of a model; {} when it never began."""
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts


def run_job(job: Job, config: Config, messages: BinaryIO) -> None:
    """Answer the rows that are not answered yet, then measure what the model still knows.

    Raises:
        RagError: the model cannot be loaded.
    """
    outcomes_file, facts_file = Path(job.outcomes), Path(job.facts)
    if read_facts(facts_file).get("identity") != job.identity:
        outcomes_file.unlink(missing_ok=True)
        write_json(facts_file, {"identity": job.identity, "is_done": False})
    rows = rows_from_jsonl(Path(job.rows))
    done = _cut_half_line(outcomes_file)
    started = time.perf_counter()
    generator = load_generator(config)
    facts = {
        "identity": job.identity,
        "model_id": generator.model_id,
        "load_seconds": round(time.perf_counter() - started, 2),
    }
    asked = _Asked(generator, config, job)
    _tell(messages, done=done, total=len(rows))
    with outcomes_file.open("a", encoding="utf-8") as stream:
        for outcome in asked.outcomes(rows, done):
            stream.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
            stream.flush()
            _tell(messages, done=outcome.row + 1, total=len(rows))
    if isinstance(generator, LocalGenerator):
        facts |= {"likelihoods": sentence_likelihoods(generator)}
    write_json(facts_file, {**facts, "is_done": True})


@dataclass(frozen=True, slots=True)
class _Asked:
    """A loaded model and how it is asked."""

    generator: Generator
    config: Config
    job: Job

    def outcomes(self, rows: Sequence[AnswerRow], first: int) -> Iterator[Outcome]:
        """Yield what the model makes of each row from number ``first``."""
        if first < len(rows):  # what is loaded at first use is no part of the seconds
            self._write(self._prompt(rows[first].prompt), 1)
        for number in range(first, len(rows)):
            yield self._outcome(number, rows[number])

    def _outcome(self, number: int, row: AnswerRow) -> Outcome:
        prompt = self._prompt(row.prompt)
        started = time.perf_counter()
        pieces = self._write(prompt, self.job.max_new_tokens)
        seconds = time.perf_counter() - started
        completion = "".join(pieces)
        answer, markers = read_markers(completion)
        abstains = says_not_found(completion)
        if isinstance(self.generator, ExtractiveGenerator):
            markers = _quoted_passages(prompt)
            abstains = not markers  # nothing can be quoted
        return Outcome(
            row=number,
            question=prompt.question,
            expected=row.completion,
            completion=completion,
            answer="" if abstains else answer,
            abstains=abstains,
            markers=tuple(markers),
            gold_passage=_gold_passage(row, prompt),
            seconds=round(seconds, 4),
            tokens=len(pieces),
            peak_memory_mb=peak_memory_mb(),
            peak_gpu_mb=self._peak_gpu_mb(),
        )

    def _write(self, prompt: Prompt, max_new_tokens: int) -> list[str]:
        return list(answer_pieces(self.generator, prompt, max_new_tokens, Event()))

    def _prompt(self, prompt: Prompt) -> Prompt:
        """Return ``prompt`` over the same passages in the style of this model."""
        if self.job.style is None:
            return prompt
        style = PromptStyle(**self.job.style)
        read = prompt.hits[: style.max_passages or self.config.max_passages]
        is_same = (len(read), style.evidence_sentences, template_hash(style)) == (
            len(prompt.hits),
            prompt.shown_sentences,
            prompt.template_hash,
        )
        if is_same:
            return prompt
        evidence = [e for e in prompt.evidence if any(stands_in(e, hit.chunk) for hit in read)]
        room = self.generator.context_tokens - self.job.max_new_tokens
        return build_prompt(
            prompt.question,
            prompt.language,
            read,
            min(self.config.prompt_tokens, room),
            self.generator.count_prompt_tokens,
            evidence,
            style,
        )

    def _peak_gpu_mb(self) -> float:
        if isinstance(self.generator, ExtractiveGenerator) or not uses_gpu(self.config.device):
            return 0.0
        import torch

        return round(torch.cuda.max_memory_reserved() / 2**20, 1)


def _gold_passage(row: AnswerRow, prompt: Prompt) -> int:
    if row.gold_passage == 0:
        return 0
    gold = row.prompt.hits[row.gold_passage - 1].chunk
    numbers = (n for n, hit in enumerate(prompt.hits, start=1) if hit.chunk == gold)
    return next(numbers, NOT_SHOWN)


def _quoted_passages(prompt: Prompt) -> list[int]:
    """Return the first passage that holds each sentence that is quoted."""
    numbers = []
    for sentence in quotable(prompt.evidence):
        holding = (n for n, h in enumerate(prompt.hits, start=1) if stands_in(sentence, h.chunk))
        numbers += [next(holding, NOT_SHOWN)]
    return numbers


def peak_memory_mb() -> float:
    """Return the most memory that this process has held so far, resident.

    Linux tells it of the program that runs (VmHWM). ``getrusage`` does not: its peak is handed on
    by the parent, which may have held more. macOS tells only what is held at this moment.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        kilobytes = status.read_text(encoding="ascii").split("VmHWM:")[1].split()[0]
        return round(int(kilobytes) / 1024, 1)
    memory = psutil.Process().memory_info()
    return round(getattr(memory, "peak_wset", memory.rss) / 2**20, 1)


def _tell(messages: BinaryIO, **values: object) -> None:
    messages.write(json.dumps(values).encode("ascii") + b"\n")
    messages.flush()


def main(argv: Sequence[str]) -> int:
    """Do the job in ``argv[0]``; the settings come from the environment."""
    prepare_process()
    job = Job(**json.loads(argv[0]))
    # A library that prints must not write into the messages.
    with os.fdopen(os.dup(1), "wb") as messages:
        os.dup2(2, 1)
        try:
            config = load_config()
            limit_threads(config.threads)
            run_job(job, config, messages)
        except RagError as error:
            _tell(messages, error=str(error))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
