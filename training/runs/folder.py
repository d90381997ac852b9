"""The folder of one training run: its record, its stages, and what each of them made.

A stage writes aside and renames, and is marked when it is done, so that a run that was stopped or
killed goes on where it was and no half of anything is taken for a whole.
"""

import hashlib
import json
import os
import platform
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.datatypes import Progress
from rag.errors import RagError
from rag.process_identity import is_process_alive, own_identity
from rag.training_runs import RECORD, RUNS
from training.config import TrainingConfig
from training.config_file import config_table, training_config

_LIBRARIES = ("torch", "transformers", "peft", "trl", "gptqmodel", "bitsandbytes", "openvino")

OnProgress = Callable[[Progress], None]


class RunError(RagError):
    """A run cannot be found, begun or gone on with."""


class Run:
    """One run. Its folder is the truth; every change of the record is one atomic replacement."""

    def __init__(self, folder: Path, settings: Config) -> None:
        """Open the run in ``folder``.

        Raises:
            RunError: there is none, or its record is damaged.
        """
        self.folder = folder
        self.settings = settings
        try:
            self.record: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            self.config = training_config(self.record["config"], str(folder / RECORD))
        except FileNotFoundError as error:
            raise RunError(f"There is no training run in {folder}.") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"{folder / RECORD} is damaged ({error}). Start a new run.") from error

    @classmethod
    def create(cls, config: TrainingConfig, settings: Config) -> "Run":
        """Make the folder of a new run, named by the time and ``config.name``."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        folder = settings.state_dir / RUNS / f"{stamp}-{config.name}"
        try:
            folder.mkdir(parents=True, mode=0o700)
        except FileExistsError as error:
            raise RunError(f"{folder} was made in this very second. Try again.") from error
        record = {
            "run_id": folder.name,
            "name": config.name,
            "task": config.task,
            "config": config_table(config),
            "seed": config.seed,
            "state": "new",
            "error": "",
            "stages": {},
            "data": [],
            "base": "",
            "base_fingerprint": "",
            "model": "",
            "created": _now(),
            "versions": _versions(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        }
        write_json(folder / RECORD, record)
        return cls(folder, settings)

    @property
    def id(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def is_live(self) -> bool:
        """A process is working on it."""
        pid, started = self.record.get("process", (0, 0.0))
        return self.record["state"] == "running" and is_process_alive(pid, started)

    @property
    def state(self) -> str:
        """Return "new", "running", "done", "failed", "stopped", or "broken" without its process."""
        state = str(self.record["state"])
        return "broken" if state == "running" and not self.is_live else state

    def update(self, **values: object) -> None:
        """Change the record."""
        self.record |= values
        write_json(self.folder / RECORD, self.record)

    def is_done(self, stage: str) -> bool:
        """Tell whether ``stage`` was finished, in this process or an earlier one."""
        return bool(self.record["stages"].get(stage, {}).get("state") == "done")

    def begin(self) -> None:
        """Mark the run as worked on by this process."""
        self.update(state="running", error="", process=own_identity())

    def enter(self, stage: str) -> None:
        """Mark ``stage`` as begun."""
        self._mark(stage, state="running", started=_now())

    def leave(self, stage: str) -> None:
        """Mark ``stage`` as done."""
        self._mark(stage, state="done", finished=_now())

    def end(self, state: str, error: str = "") -> None:
        """Mark the run as "done", "failed" or "stopped"; the stage it was in stays unfinished."""
        self.update(state=state, error=error, finished=_now())

    def save_json(self, name: str, value: object) -> None:
        """Write a file of the run."""
        write_json(self.folder / name, value)

    def _mark(self, stage: str, **values: str) -> None:
        stages = self.record["stages"]
        self.update(stages={**stages, stage: {**stages.get(stage, {}), **values}})


def all_runs(settings: Config) -> list[Run]:
    """Return the runs, newest first. A damaged one is left out."""
    found = []
    for folder in sorted((settings.state_dir / RUNS).glob("*/"), reverse=True):
        try:
            found.append(Run(folder, settings))
        except RagError:
            continue
    return found


def find_run(run_id: str, settings: Config) -> Run:
    """Return the run of that name.

    Raises:
        RunError: there is none.
    """
    if not re.fullmatch(r"[\w.-]+", run_id) or run_id.startswith("."):
        raise RunError(f"{run_id!r} is no name of a run.")
    return Run(settings.state_dir / RUNS / run_id, settings)


def file_facts(file: Path, rows: int) -> dict[str, object]:
    """Return what a record says of a file that was learned from."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": str(file), "sha256": digest, "rows": rows}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(file: Path, value: object) -> None:
    """Replace ``file`` as a whole: whatever ends this process, the old one or the new is there.

    Raises:
        RunError: the disk does not take it.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            json.dump(value, stream, ensure_ascii=False, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RunError(f"{file} could not be written ({error.strerror}).") from error
