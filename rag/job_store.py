"""Child processes and how far they are, in SQLite: what a page or a later server asks of them."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rag.answer_json import report_from_json
from rag.database import Database, now
from rag.datatypes import BuildReport, Progress
from rag.errors import IndexBusyError, RagError

SYNC = "sync"
TRAINING = "training"
CHECK = "check"  # of the examples for a training
ACTIVATION = "activation"  # of a model, or the way back
QUALITY = "quality"  # the person's own test questions are asked
DOCTOR = "doctor"

JobState = Literal["running", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Job:
    """A child process and how far it is."""

    id: int
    kind: str
    subject: str  # what it works on, for a person: folders or documents; "" is everything
    arguments: tuple[str, ...]  # of its command, so that it can be started again
    state: JobState
    progress: Progress
    stage_started: str | None  # when the stage of ``progress`` was first seen; ISO 8601, UTC
    stage_first: int  # how far the stage was by then
    message: str  # why it failed; "" otherwise
    pid: int | None
    pid_started: float | None  # tells a reused pid from the same process
    is_cancel_requested: bool
    return_code: int | None  # None while running, and when another process was the parent
    report_json: str | None  # what the process said at its end
    created: str  # ISO 8601, UTC
    finished: str | None

    @property
    def is_live(self) -> bool:
        """The job has not ended."""
        return self.state == "running"

    @property
    def report(self) -> BuildReport | None:
        """What a sync did; None before its end."""
        return None if self.report_json is None else report_from_json(self.report_json)

    @property
    def result(self) -> dict[str, Any]:
        """The JSON object that the command printed last; {} without one."""
        result: dict[str, Any] = json.loads(self.report_json or "{}")
        return result


class JobStore:
    """The jobs of one user. At most one of a kind is live, also across servers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: str, subject: str, arguments: Sequence[str] = ()) -> int:
        """Return the id of a new job; its process is named by `set_process`.

        Raises:
            IndexBusyError: a sync is live, and another one is to start.
            RagError: a job of this other kind is live.
        """
        try:
            with self._database.write() as db:
                cursor = db.execute(
                    "INSERT INTO jobs (kind, subject, arguments, state, created) "
                    "VALUES (?, ?, ?, 'running', ?)",
                    (kind, subject, json.dumps(list(arguments)), now()),
                )
        except sqlite3.IntegrityError as error:
            if kind != SYNC:
                raise RagError(
                    f"Another {kind} is under way. Wait until it ends, or stop it."
                ) from error
            raise IndexBusyError(
                "The index is being updated already. Wait until that ends, or cancel it."
            ) from error
        return int(cursor.lastrowid or 0)

    def set_process(self, job_id: int, pid: int, pid_started: float) -> None:
        """Note which process works on the job."""
        self._database.update("jobs", job_id, pid=pid, pid_started=pid_started)

    def set_progress(self, job_id: int, progress: Progress) -> None:
        """Note how far the job is, and when its stage began."""
        with self._database.write() as db:
            db.execute(
                "UPDATE jobs SET "
                "stage_started = CASE WHEN stage = :stage THEN stage_started ELSE :now END, "
                "stage_first = CASE WHEN stage = :stage THEN stage_first ELSE :done END, "
                "stage = :stage, done = :done, total = :total, item = :item WHERE id = :id",
                {**asdict(progress), "now": now(), "id": job_id},
            )

    def request_cancel(self, job_id: int) -> None:
        """Note that a person wants the job to end, so that its end is no failure."""
        self._database.update("jobs", job_id, cancel_requested=1)

    def finish(
        self,
        job_id: int,
        state: JobState,
        *,
        message: str = "",
        return_code: int | None = None,
        report_json: str | None = None,
    ) -> None:
        """Store the outcome of a job."""
        self._database.update(
            "jobs",
            job_id,
            state=state,
            message=message,
            return_code=return_code,
            report_json=report_json,
            finished=now(),
        )

    def by_id(self, job_id: int) -> Job | None:
        """Return one job, or None when it does not exist."""
        with self._database.read() as db:
            row = db.execute("SELECT * FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return None if row is None else _job(row)

    def latest(self, kind: str) -> Job | None:
        """Return the job of this kind that was started last."""
        with self._database.read() as db:
            row = db.execute(
                "SELECT * FROM jobs WHERE kind = ? ORDER BY id DESC LIMIT 1", (kind,)
            ).fetchone()
        return None if row is None else _job(row)

    def live(self) -> list[Job]:
        """Return the jobs that have not ended."""
        with self._database.read() as db:
            rows = db.execute("SELECT * FROM jobs WHERE state = 'running'").fetchall()
        return [_job(row) for row in rows]


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        arguments=tuple(json.loads(row["arguments"])),
        state=row["state"],
        progress=Progress(row["stage"], row["done"], row["total"], row["item"]),
        stage_started=row["stage_started"],
        stage_first=row["stage_first"],
        message=row["message"],
        pid=row["pid"],
        pid_started=row["pid_started"],
        is_cancel_requested=bool(row["cancel_requested"]),
        return_code=row["return_code"],
        report_json=row["report_json"],
        created=row["created"],
        finished=row["finished"],
    )
