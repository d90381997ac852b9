"""Long work in child processes that outlive the page and even the server, such as a sync.

At most one job of a kind is live, also across servers. `rag.job_process` has the processes.
"""

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import psutil

from rag.answer_json import report_from_json
from rag.config import Config, config_environment
from rag.errors import RagError
from rag.job_process import JobFiles, LogReader, descendants, kill, signal_group, spawn
from rag.job_store import (
    ACTIVATION,
    CHECK,
    DOCTOR,
    QUALITY,
    SYNC,
    TRAINING,
    Job,
    JobState,
)
from rag.process_identity import is_process_alive
from rag.sources import SyncRequest
from rag.store import Store
from rag.sync_command import subject_of, sync_arguments

logger = logging.getLogger(__name__)

KILL_AFTER_SECONDS = 5.0
TRAINING_KILL_AFTER_SECONDS = 60.0  # it ends the step under way and writes a checkpoint first
POLL_SECONDS = 0.2
_START_GRACE = timedelta(seconds=10)  # between the row of a job and its process

JobKind = Literal["training", "check", "activation", "quality", "doctor"]
_OF_TRAINING = (TRAINING, CHECK, ACTIVATION)  # commands of `python -m training`
_SILENT = (ACTIVATION, DOCTOR)  # tell no progress
_WITH_VERDICT = (CHECK, DOCTOR)  # end with 1 when what they found is bad, and have ended well


class Jobs:
    """Starts, follows and cancels jobs."""

    def __init__(
        self,
        config: Config,
        store: Store,
        config_file: Path | None = None,
        program: Sequence[str] = (sys.executable, "-m", "rag"),
        training_program: Sequence[str] = (sys.executable, "-m", "training"),
    ) -> None:
        """Take up the jobs that an earlier server left behind, running or ended."""
        self._config = config
        self._config_file = config_file
        self._store = store
        self._program = program
        self._training_program = training_program
        self._log_dir = config.state_dir / "jobs"
        for job in store.jobs.live():
            self._supervise(job.id, process=None)

    def start_sync(self, request: SyncRequest, *, allow_shrink: bool = False) -> Job:
        """Start to bring the index up to date as ``request`` says, and return at once.

        With ``allow_shrink`` the index may lose most of its documents.

        Raises:
            IndexBusyError: a sync is live.
            RagError: a folder to add is no folder, or the process cannot start.
            ValueError: see `sync_arguments`.
        """
        for edit in request.add:
            if not edit.folder.expanduser().is_dir():
                raise RagError(f"{edit.folder} is not a folder on this machine. Check the path.")
        extra = ("--allow-shrink",) if allow_shrink else ()
        return self._start(SYNC, subject_of(request), [*sync_arguments(request), *extra])

    def repeat_allowing_shrink(self, job: Job) -> Job:
        """Start an ended sync again; this time the index may lose most of its documents.

        Raises:
            RagError: see `start_sync`.
        """
        return self._start(SYNC, job.subject, [*job.arguments, "--allow-shrink"])

    def latest_sync(self) -> Job | None:
        """Return the sync that was started last, live or ended."""
        return self._store.jobs.latest(SYNC)

    def start_check(self, settings_file: Path) -> Job:
        """Start to check the examples of a training run that ``settings_file`` describes.

        Raises:
            RagError: a check is live, or the process cannot start. So for those below.
        """
        arguments = ["check", "--training", str(settings_file)]
        return self._start(CHECK, settings_file.stem, arguments)

    def start_training(self, settings_file: Path, name: str) -> Job:
        """Start the training run that ``settings_file`` describes."""
        return self._start(TRAINING, name, ["run", "--config", str(settings_file)])

    def resume_training(self, run_id: str) -> Job:
        """Go on with a run that was stopped or failed."""
        return self._start(TRAINING, run_id, ["run", "--resume", run_id])

    def start_activation(self, model: str) -> Job:
        """Start to let ``model`` answer, if it is not worse than the one that does."""
        return self._start(ACTIVATION, model, ["activate", model])

    def start_rollback(self, model: str) -> Job:
        """Start to let the previous model, which is ``model``, answer again."""
        return self._start(ACTIVATION, model, ["rollback"])

    def start_quality(self) -> Job:
        """Start to ask the test questions."""
        return self._start(QUALITY, "", ["quality"])

    def start_doctor(self, *, tries_start: bool = False) -> Job:
        """Start to look what is missing; with ``tries_start`` also how long a start takes."""
        return self._start(DOCTOR, "", ["doctor", *(() if tries_start else ("--no-start",))])

    def latest(self, kind: JobKind) -> Job | None:
        """Return the job of this kind that was started last, live or ended."""
        return self._store.jobs.latest(kind)

    def cancel(self, job_id: int) -> None:
        """Ask a job to end; it is killed when it takes more than `KILL_AFTER_SECONDS`.

        A training gets `TRAINING_KILL_AFTER_SECONDS`.
        """
        self._store.jobs.request_cancel(job_id)
        job = self._job(job_id)
        earlier = descendants(job)
        signal_group(job, signal.SIGTERM)
        seconds = TRAINING_KILL_AFTER_SECONDS if job.kind == TRAINING else KILL_AFTER_SECONDS
        timer = threading.Timer(seconds, kill, (job, earlier))
        timer.daemon = True
        timer.start()

    def _start(self, kind: str, subject: str, arguments: list[str]) -> Job:
        job_id = self._store.jobs.add(kind, subject, arguments)
        try:
            command = self._command(kind, arguments)
            process = spawn(command, self._files(job_id), config_environment(self._config))
            # Read before the thread below can reap the child and free its pid.
            started = psutil.Process(process.pid).create_time()
            self._store.jobs.set_process(job_id, process.pid, started)
        except (OSError, psutil.Error) as error:
            message = f"The {kind} could not start ({error})."
            self._store.jobs.finish(job_id, "failed", message=message)
            raise RagError(message) from error
        self._supervise(job_id, process)
        return self._job(job_id)

    def _command(self, kind: str, arguments: list[str]) -> list[str]:
        config_file = ("--config", str(self._config_file)) if self._config_file else ()
        progress = () if kind in _SILENT else ("--progress",)
        if kind in _OF_TRAINING:  # the settings of the app travel in the environment
            return [*self._training_program, *arguments, "--json", *progress]
        command = ("sync",) if kind == SYNC else ()
        return [
            *(*self._program, *command, *arguments, "--json", *progress),
            *("--index", str(self._config.index_dir.absolute())),
            *("--models", str(self._config.models_dir.absolute())),
            *config_file,
        ]

    def _files(self, job_id: int) -> JobFiles:
        return JobFiles(self._log_dir, job_id)

    def _job(self, job_id: int) -> Job:
        job = self._store.jobs.by_id(job_id)
        if job is None:
            raise RagError(f"There is no job {job_id}.")
        return job

    def _supervise(self, job_id: int, process: subprocess.Popen[bytes] | None) -> None:
        threading.Thread(
            target=self._follow, args=(job_id, process), name=f"job-{job_id}", daemon=True
        ).start()

    def _follow(self, job_id: int, process: subprocess.Popen[bytes] | None) -> None:
        log = LogReader(self._files(job_id).err)
        try:
            while self._is_running(job_id, process):
                self._store_progress(job_id, log)
                time.sleep(POLL_SECONDS)
            self._store_progress(job_id, log)
            self._finish(job_id, None if process is None else process.returncode, log.error)
        except Exception:  # the last resort of a thread without a caller
            logger.exception("Following job %d failed", job_id)

    def _is_running(self, job_id: int, process: subprocess.Popen[bytes] | None) -> bool:
        if process is not None:
            return process.poll() is None
        job = self._job(job_id)
        if job.pid is None or job.pid_started is None:
            age = datetime.now(UTC) - datetime.fromisoformat(job.created)
            return job.is_live and age < _START_GRACE
        return is_process_alive(job.pid, job.pid_started)

    def _store_progress(self, job_id: int, log: LogReader) -> None:
        progress = log.read()
        if progress is not None:
            self._store.jobs.set_progress(job_id, progress)

    def _finish(self, job_id: int, return_code: int | None, error: str) -> None:
        """Store the outcome. What the child reported counts, not whose child it was."""
        job = self._job(job_id)
        if not job.is_live:
            return
        files = self._files(job_id)
        report_json = _read_report(job.kind, files.out)
        outcome = ""
        if report_json is not None and (return_code in (0, None) or job.kind in _WITH_VERDICT):
            outcome = str(json.loads(report_json).get("state", "done"))  # of a training
        state: JobState = "failed"
        message = ""
        if outcome == "done":
            state = "done"
        elif job.is_cancel_requested or outcome == "stopped":
            state = "cancelled"
        else:
            code = "" if return_code is None else f" with code {return_code}"
            message = error or f"The {job.kind} ended unexpectedly{code}. Its log is {files.err}."
        self._store.jobs.finish(
            job_id, state, message=message, return_code=return_code, report_json=report_json
        )
        if state != "failed":
            files.remove()


def _read_report(kind: str, out: Path) -> str | None:
    """Return the JSON object that a command leaves as its last words, None without one.

    That of a sync without its list of files, which the index holds as well.
    """
    try:
        text = out.read_text(encoding="utf-8")
        if kind == SYNC:
            report_from_json(text)
            return json.dumps({**json.loads(text), "files": []}, ensure_ascii=False)
        report = json.loads(text[text.rfind("\n{") + 1 :])  # libraries may have written before it
    except (OSError, ValueError):
        return None
    return json.dumps(report, ensure_ascii=False)
