"""Compare answer models on the same rows, each in a process of its own, one after another.

The rows carry their prompts, so that every model reads the same passages; one that is asked in
another style than the rows were written in gets the same passages in its own.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from rag.active_model import serving_model
from rag.config import (
    ACTIVE,
    DEFAULT_ANSWER_MODEL,
    EXTRACTIVE,
    REMOTE,
    Config,
    config_environment,
)
from rag.datatypes import Progress, PromptStyle
from rag.environment import search_path
from rag.errors import ModelError
from rag.model_folder import find_model, fingerprint
from training.config import TrainingConfig
from training.datatypes import AnswerRow
from training.evaluation.candidate_run import Job, read_facts, read_outcomes
from training.evaluation.scores import (
    Scored,
    compare,
    score_groups,
    score_labels,
    score_likelihoods,
    worst_rows,
)
from training.evaluation.table import (
    TABLE,
    CandidateScores,
    EvaluationError,
    EvaluationTable,
)
from training.rows.row_files import rows_to_jsonl
from training.runs.folder import write_json

OnProgress = Callable[[Progress], None]
_SETTING = {"auto": "auto", "16bit": "16bit", "gptq": "auto", "nf4": "nf4", "awq": "auto"}
PRECISIONS = tuple(_SETTING)
_STDERR_KEPT = 300  # characters of what a child said last


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model to be compared."""

    folder: Path  # `Path(EXTRACTIVE)` for the one that only quotes
    precision: str  # of `PRECISIONS`; "auto" is that of the checkpoint
    style: PromptStyle | None = None  # how it is asked; None: as the rows are


def evaluate_models(
    candidates: Mapping[str, Candidate],
    rows: Sequence[AnswerRow],
    settings: Config,
    config: TrainingConfig,
    out: Path,
    progress: OnProgress,
) -> EvaluationTable:
    """Return the table of ``candidates`` over ``rows``, which is also left in ``out``.

    What each wrote is kept in ``out/<name>.jsonl`` as it comes, and not asked for again. One that
    this machine cannot run is told in the table and does not stop the others.

    Args:
        candidates: by name. The one that serves now, else the first, is what the others are
            compared with; the last one is shown at its worst.
        rows: the questions; at most ``config.evaluate.max_rows`` of them, drawn by its seed.
        settings: of the product.
        config: of the experiment.
        out: folder, made when missing.
        progress: called after each answer, stage "evaluate", the name as its item.

    Raises:
        EvaluationError: there are no rows, a name is no file name, or no model could be run.
    """
    for name in candidates:
        if not re.fullmatch(r"[\w-][\w.-]*", name):
            raise EvaluationError(
                f"{name!r} cannot name a model here: use letters, digits, - and _."
            )
    chosen = drawn(rows, config.evaluate.max_rows, config.seed)
    if not chosen:
        raise EvaluationError("There are no rows to evaluate on. Give questions with answers.")
    out.mkdir(parents=True, exist_ok=True)
    rows_file = out / "rows.jsonl"
    rows_to_jsonl(chosen, rows_file)
    asked = _Asked(rows_file, len(chosen), settings, config.evaluate.max_new_tokens, progress)
    reasons = {name: asked.run(name, candidate) for name, candidate in candidates.items()}
    table = _table(candidates, reasons, chosen, asked.sha256, settings, out)
    write_json(out / TABLE, table.to_json())
    return table


def candidate_fingerprint(folder: Path) -> str:
    """Return what tells this model from any other; `EXTRACTIVE` stands for itself."""
    return EXTRACTIVE if folder == Path(EXTRACTIVE) else fingerprint(folder)


def serving_folder(settings: Config) -> Path:
    """Return the folder of the model that answers now; `EXTRACTIVE` when none does.

    In place of a remote one, the one that would answer on this machine: what a model is taught
    with is sent nowhere.

    Raises:
        ModelError: the settings or the pointer name a model that is not here.
    """
    if settings.answer_model == REMOTE:
        settings = replace(settings, answer_model=ACTIVE)
    name = serving_model(settings)
    missing = name == DEFAULT_ANSWER_MODEL and not (settings.models_dir / name).is_dir()
    return (
        Path(EXTRACTIVE) if missing or name == EXTRACTIVE else find_model(name, settings.models_dir)
    )


def drawn(rows: Sequence[AnswerRow], most: int, seed: int) -> list[AnswerRow]:
    """Return those of ``rows`` that are evaluated: at most so many, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(rows))[:most]
    return [rows[n] for n in sorted(chosen.tolist())]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rows of one evaluation, put to one model after another."""

    rows_file: Path
    rows: int
    settings: Config
    max_new_tokens: int
    progress: OnProgress

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.rows_file.read_bytes()).hexdigest()

    def run(self, name: str, candidate: Candidate) -> str:
        """Let one model answer; return why it could not, "" when it did."""
        if candidate.precision not in _SETTING:
            raise EvaluationError(
                f"{name}: {candidate.precision!r} is no precision. "
                f"Use one of {', '.join(PRECISIONS)}."
            )
        if candidate.folder != Path(EXTRACTIVE) and not candidate.folder.is_dir():
            return f"there is no model in {candidate.folder}"
        job = self._job(name, candidate)
        facts = read_facts(Path(job.facts))
        if facts.get("identity") == job.identity and facts.get("is_done"):
            self.progress(Progress("evaluate", self.rows, self.rows, name))
            return ""
        settings = replace(
            self.settings,
            answer_model=str(candidate.folder),
            answer_precision=_SETTING[candidate.precision],
        )
        return _run_child(
            job, settings, lambda done: self.progress(Progress("evaluate", done, self.rows, name))
        )

    def _job(self, name: str, candidate: Candidate) -> Job:
        style = None if candidate.style is None else asdict(candidate.style)
        return Job(
            rows=str(self.rows_file),
            outcomes=str(self.rows_file.with_name(f"{name}.jsonl")),
            facts=str(self.rows_file.with_name(f"{name}.json")),
            identity={
                "fingerprint": candidate_fingerprint(candidate.folder),
                "precision": candidate.precision,
                "style": style,
                "rows_sha256": self.sha256,
                "max_new_tokens": self.max_new_tokens,
            },
            style=style,
            max_new_tokens=self.max_new_tokens,
        )


def _run_child(job: Job, settings: Config, told: Callable[[int], None]) -> str:
    """Do a job in a child process; return why it failed, "" when it did not."""
    log = Path(job.facts).with_suffix(".log")
    reason = ""
    with log.open("wb") as stream:
        child = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "training.evaluation.candidate_run",
                json.dumps(asdict(job)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            env={
                **os.environ,
                **config_environment(settings),
                "PYTHONPATH": search_path(),
            },
        )
        assert child.stdout is not None  # it is a pipe
        try:
            for line in child.stdout:
                message = json.loads(line)
                reason = message.get("error", "")
                if not reason:
                    told(message["done"])
            child.wait()
        finally:
            child.kill()  # of a child that was left in the middle; nothing to one that has ended
            child.communicate()
    if child.returncode == 0:
        log.unlink()
        return ""
    said = log.read_text(encoding="utf-8", errors="replace").strip()[-_STDERR_KEPT:]
    return reason or (
        f"its process ended with status {child.returncode}, perhaps for want of memory"
        + (f": {said.splitlines()[-1]}" if said else "")
    )


def _table(
    candidates: Mapping[str, Candidate],
    reasons: Mapping[str, str],
    rows: Sequence[AnswerRow],
    rows_sha256: str,
    settings: Config,
    out: Path,
) -> EvaluationTable:
    scored = {
        name: Scored(
            rows,
            read_outcomes(out / f"{name}.jsonl"),
            read_facts(out / f"{name}.json").get("likelihoods"),
        )
        for name, reason in reasons.items()
        if not reason
    }
    if not scored:
        told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise EvaluationError(f"No model could be evaluated. {told}")
    scores = [_scores(n, candidates[n], reasons[n], scored.get(n), out) for n in candidates]
    baseline = _baseline([one for one in scores if not one.unavailable], settings)
    return EvaluationTable(
        rows=len(rows),
        rows_sha256=rows_sha256,
        baseline=baseline,
        candidates=tuple(scores),
        differences=tuple(
            difference
            for name, one in scored.items()
            if name != baseline
            for difference in compare(name, one, scored[baseline])
        ),
        worst=worst_rows(scored, list(scored)[-1], baseline),
    )


def _scores(
    name: str, candidate: Candidate, reason: str, scored: Scored | None, out: Path
) -> CandidateScores:
    empty = CandidateScores(name, str(candidate.folder), candidate.precision, "")
    if scored is None:
        return replace(empty, unavailable=reason)
    facts = read_facts(out / f"{name}.json")
    return replace(
        empty,
        fingerprint=facts["identity"]["fingerprint"],
        model_id=facts["model_id"],
        groups=score_groups(scored),
        labels=score_labels(scored),
        likelihood=score_likelihoods(scored.likelihoods) if scored.likelihoods else None,
        seconds=round(float(np.mean([outcome.seconds for outcome in scored.outcomes])), 4),
        peak_memory_mb=max(outcome.peak_memory_mb for outcome in scored.outcomes),
        peak_gpu_mb=max(outcome.peak_gpu_mb for outcome in scored.outcomes),
        load_seconds=facts["load_seconds"],
    )


def _baseline(scores: Sequence[CandidateScores], settings: Config) -> str:
    """Return the name of the model that serves now, else of the first."""
    try:
        serving = candidate_fingerprint(serving_folder(settings))
    except ModelError:
        serving = ""
    return next((one.name for one in scores if one.fingerprint == serving), scores[0].name)
