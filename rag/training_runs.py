"""What training runs have left on disk, for the pages: records, curves, models.

Reads only, and forgives: a run may be writing at this very moment, or have been killed in
mid-line. What cannot be read is left out, never an error.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rag.active_model import read_active
from rag.config import ACTIVE, DEFAULT_ANSWER_MODEL, EXTRACTIVE, Config
from rag.errors import ModelError
from rag.process_identity import is_process_alive

RUNS = "runs"
RECORD = "run.json"
_CARD = "README.md"
_MAX_CARD_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run that has begun."""

    name: str
    state: str  # "running" or "done"; "running" in a run that is not is where it broke off
    started: str  # ISO 8601, UTC
    finished: str


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The record of one run."""

    id: str
    folder: Path
    name: str
    task: str
    state: str  # "new", "running", "done", "failed", "stopped"; "broken" when its process is gone
    error: str
    stages: tuple[Stage, ...]
    base: str
    model: str  # its name once it is registered; "" before
    files: tuple[str, ...]
    rows: int
    created: str
    finished: str
    pid: int  # of the process that works on it, or did
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def can_resume(self) -> bool:
        """It broke off, and what it has so far is kept."""
        return self.state in ("failed", "stopped", "broken")


@dataclass(frozen=True, slots=True)
class LogPoint:
    """One line of the log of a training: a training loss, or a look at what is held out."""

    step: int
    total_steps: int
    loss: float | None
    eval_loss: float | None
    tokens_per_second: float | None
    remaining_seconds: float | None


@dataclass(frozen=True, slots=True)
class TunedModel:
    """A model that a run has made and that is still there."""

    name: str
    run: TrainingRun
    is_active: bool
    card: str  # Markdown
    megabytes: float


@dataclass(frozen=True, slots=True)
class Serving:
    """Which model answers."""

    model: str
    since: str  # ISO 8601, UTC; "" when none was ever activated
    previous: str  # that a rollback brings back; "" when there is none
    is_fixed: bool  # the settings name a model, so that activating another changes nothing
    problem: str = ""  # of the pointer


def read_runs(state_dir: Path) -> list[TrainingRun]:
    """Return the runs, newest first."""
    records = (state_dir / RUNS).glob(f"*/{RECORD}")
    runs = [run for file in records if (run := _run(file)) is not None]
    return sorted(runs, key=lambda run: run.id, reverse=True)


def read_run(state_dir: Path, run_id: str) -> TrainingRun | None:
    """Return one run, or None when there is none of that name."""
    if Path(run_id).name != run_id or run_id.startswith("."):
        return None
    return _run(state_dir / RUNS / run_id / RECORD)


def _run(file: Path) -> TrainingRun | None:
    record = _json(file)
    pid, started = record.get("process") or (0, 0.0)
    state = str(record.get("state", ""))
    if state == "running" and not is_process_alive(pid, started):
        state = "broken"
    try:
        return TrainingRun(
            id=file.parent.name,
            folder=file.parent,
            name=str(record["name"]),
            task=str(record.get("task", "")),
            state=state,
            error=str(record.get("error", "")),
            stages=tuple(
                Stage(
                    name,
                    str(stage.get("state", "")),
                    str(stage.get("started", "")),
                    str(stage.get("finished", "")),
                )
                for name, stage in record.get("stages", {}).items()
            ),
            base=str(record.get("base", "")),
            model=str(record.get("model", "")),
            files=tuple(str(entry["file"]) for entry in record.get("data", ())),
            rows=sum(int(entry["rows"]) for entry in record.get("data", ())),
            created=str(record.get("created", "")),
            finished=str(record.get("finished", "")),
            pid=int(pid),
            config=record.get("config", {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def read_log(run: TrainingRun) -> list[LogPoint]:
    """Return the log of a run, oldest first. A half-written line is left out."""
    try:
        lines = (run.folder / "log.jsonl").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    points = []
    for line in lines.splitlines():
        try:
            entry = json.loads(line)
            points.append(
                LogPoint(
                    int(entry["step"]),
                    int(entry["total_steps"]),
                    *(_number(entry.get(key)) for key in ("loss", "eval_loss")),
                    *(
                        _number(entry.get(key))
                        for key in ("tokens_per_second", "remaining_seconds")
                    ),
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return points


def read_check(run: TrainingRun) -> dict[str, Any]:
    """Return the report of the check that a run began with; {} without one."""
    return _json(run.folder / "check.json")


def read_label_scores(run: TrainingRun) -> dict[str, Any]:
    """Return how well a classification tells labels; {} of another run, or before its end."""
    scores: dict[str, Any] = _json(run.folder / "evaluation" / "labels.json").get("scores", {})
    return scores


def read_probes(run: TrainingRun) -> dict[str, Any]:
    """Return what a model knew before and after learning text; {} of another run."""
    return _json(run.folder / "evaluation" / "probes.json")


def read_serving(config: Config) -> Serving:
    """Return which model answers, and since when."""
    is_fixed = config.answer_model != ACTIVE
    try:
        active = read_active(config.models_dir)
    except ModelError as error:
        name = config.answer_model if is_fixed else DEFAULT_ANSWER_MODEL
        return Serving(name, "", "", is_fixed, str(error))
    if is_fixed:
        return Serving(config.answer_model, "", "", is_fixed=True)
    if active is None or not active.model:
        name = DEFAULT_ANSWER_MODEL
        is_there = (config.models_dir / name).is_dir()
        return Serving(name if is_there else EXTRACTIVE, "", "", is_fixed=False)
    return Serving(
        active.model, active.activated, active.previous or DEFAULT_ANSWER_MODEL, is_fixed=False
    )


def read_models(config: Config) -> list[TunedModel]:
    """Return the models that runs have made and that are still there, newest first."""
    serving = read_serving(config)
    models = []
    for run in read_runs(config.state_dir):
        folder = config.models_dir / run.model
        if not run.model or Path(run.model).name != run.model or not folder.is_dir():
            continue
        models.append(
            TunedModel(
                run.model,
                run,
                is_active=run.model == serving.model,
                card=_text(folder / _CARD)[:_MAX_CARD_CHARACTERS],
                megabytes=sum(f.stat().st_size for f in folder.iterdir() if f.is_file()) / 1e6,
            )
        )
    return models


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(file))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
