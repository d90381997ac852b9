"""The answer models below the models folder: which serve, who made them, how they did."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rag.active_model import read_active, serving_model
from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.model_folder import fingerprint
from rag.training_runs import RUNS
from training.evaluation.table import (
    TABLE,
    CandidateScores,
    EvaluationError,
    EvaluationTable,
    read_table,
)
from training.runs.folder import Run, all_runs

EVALUATIONS = "evaluations"  # below the state folder: comparisons that belong to no run
_OF_RUN = Path("evaluation", TABLE)


@dataclass(frozen=True, slots=True)
class KnownModel:
    """An answer model of this machine."""

    name: str
    role: str  # "serves", "before" (a rollback lets it answer again) or ""
    run: str  # id of the run that made it; "" when it came otherwise
    scores: CandidateScores | None  # of the newest comparison that it was in
    baseline: str  # what it was compared with there
    table: Path | None


def known_models(settings: Config) -> list[KnownModel]:
    """Return the answer models, by name.

    Raises:
        ModelError: the pointer is damaged.
    """
    serving, before = serving_model(settings), _before(settings)
    made_by = {run.record["model"]: run.id for run in reversed(all_runs(settings))}
    tables = list(evaluations(settings))
    found = []
    for folder in sorted(settings.models_dir.glob("[!.]*/")):
        if not _is_answer_model(folder):
            continue
        scores, baseline, file = _newest(fingerprint(folder), tables)
        role = {serving: "serves", before: "before"}.get(folder.name, "")
        found.append(
            KnownModel(folder.name, role, made_by.get(folder.name, ""), scores, baseline, file)
        )
    return found


def evaluations(
    settings: Config, place: Path | None = None
) -> Iterator[tuple[Path, EvaluationTable]]:
    """Yield the comparisons of this machine, newest first. A damaged one is left out.

    Args:
        settings: of the product.
        place: folder of one run or evaluation to look in alone.
    """
    if place is None:
        files = [
            *(settings.state_dir / RUNS).glob(f"*/{_OF_RUN}"),
            *(settings.state_dir / EVALUATIONS).glob(f"*/{TABLE}"),
        ]
    else:
        files = [file for file in (place / _OF_RUN, place / TABLE) if file.is_file()]
    for file in sorted(files, key=lambda file: file.stat().st_mtime, reverse=True):
        try:
            yield file, read_table(file)
        except EvaluationError:
            continue


def prune_models(settings: Config) -> list[str]:
    """Remove models that runs made and that are of no more use; return their names.

    Kept are the one that serves, the one before it, those newer than the last activation, which
    may still be activated, and whatever a person put there or changed since its run.

    Raises:
        ModelError: the pointer is damaged.
    """
    active = read_active(settings.models_dir)
    if active is None:
        return []
    removed = []
    for run in all_runs(settings):
        name = run.record["model"]
        folder = settings.models_dir / name
        if not name or name in (serving_model(settings), _before(settings)) or not folder.is_dir():
            continue
        if _finished(run) < datetime.fromisoformat(active.activated) and _is_untouched(run, folder):
            shutil.rmtree(folder)
            removed.append(name)
    return removed


def _before(settings: Config) -> str:
    active = read_active(settings.models_dir)
    return (active.previous or DEFAULT_ANSWER_MODEL) if active else ""


def _finished(run: Run) -> datetime:
    return datetime.fromisoformat(run.record.get("finished", run.record["created"]))


def _is_untouched(run: Run, folder: Path) -> bool:
    """Tell whether ``folder`` still is what ``run`` made and compared."""
    try:
        table = read_table(run.folder / _OF_RUN)
    except EvaluationError:
        return False
    return fingerprint(folder) in {candidate.fingerprint for candidate in table.candidates}


def _is_answer_model(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kinds = config.get("architectures") or ()
    except (OSError, ValueError, AttributeError):
        return False
    return any(str(kind).endswith("ForCausalLM") for kind in kinds)


def _newest(
    wanted: str, tables: list[tuple[Path, EvaluationTable]]
) -> tuple[CandidateScores | None, str, Path | None]:
    for file, table in tables:
        for candidate in table.candidates:
            if candidate.fingerprint == wanted and not candidate.unavailable:
                return candidate, table.baseline, file
    return None, "", None
