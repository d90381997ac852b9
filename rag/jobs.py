"""Brings the index up to date in a child process that outlives the page and even the server.

The child writes to files instead of pipes: it can go on when the server ends, and the next
server reads the same files to tell what became of it.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import psutil

from rag.answer_json import report_from_json
from rag.config import Config, config_environment
from rag.datatypes import Progress
from rag.errors import RagError
from rag.job_store import Job, JobState
from rag.process_identity import is_process_alive
from rag.sources import SyncRequest
from rag.store import Store
from rag.sync_command import subject_of, sync_arguments

logger = logging.getLogger(__name__)

SYNC = "sync"
KILL_AFTER_SECONDS = 5.0
POLL_SECONDS = 0.2
_START_GRACE = timedelta(seconds=10)  # between the row of a job and its process
_REPOSITORY = Path(__file__).resolve().parent.parent


class Jobs:
    """Starts, follows and cancels syncs. One at a time, also across servers."""

    def __init__(
        self,
        config: Config,
        store: Store,
        config_file: Path | None = None,
        program: Sequence[str] = (sys.executable, "-m", "rag"),
    ) -> None:
        """Take up the jobs that an earlier server left behind, running or ended."""
        self._config = config
        self._config_file = config_file
        self._store = store
        self._program = program
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
        return self._start(subject_of(request), [*sync_arguments(request), *extra])

    def repeat_allowing_shrink(self, job: Job) -> Job:
        """Start an ended sync again; this time the index may lose most of its documents.

        Raises:
            RagError: see `start_sync`.
        """
        return self._start(job.subject, [*job.arguments, "--allow-shrink"])

    def latest_sync(self) -> Job | None:
        """Return the sync that was started last, live or ended."""
        return self._store.jobs.latest(SYNC)

    def cancel(self, job_id: int) -> None:
        """Ask a job to end; it is killed when it takes more than `KILL_AFTER_SECONDS`."""
        self._store.jobs.request_cancel(job_id)
        job = self._job(job_id)
        descendants = _descendants(job)
        _signal_group(job, signal.SIGTERM)
        kill = threading.Timer(KILL_AFTER_SECONDS, _kill, (job, descendants))
        kill.daemon = True
        kill.start()

    def _start(self, subject: str, arguments: list[str]) -> Job:
        job_id = self._store.jobs.add(SYNC, subject, arguments)
        try:
            process = self._spawn(job_id, self._command(arguments))
            # Read before the thread below can reap the child and free its pid.
            started = psutil.Process(process.pid).create_time()
            self._store.jobs.set_process(job_id, process.pid, started)
        except (OSError, psutil.Error) as error:
            message = f"The sync could not start ({error})."
            self._store.jobs.finish(job_id, "failed", message=message)
            raise RagError(message) from error
        self._supervise(job_id, process)
        return self._job(job_id)

    def _command(self, arguments: list[str]) -> list[str]:
        return [
            *(*self._program, "sync", *arguments, "--json", "--progress"),
            *("--index", str(self._config.index_dir.absolute())),
            *("--models", str(self._config.models_dir.absolute())),
            *(("--config", str(self._config_file)) if self._config_file else ()),
        ]

    def _spawn(self, job_id: int, command: list[str]) -> subprocess.Popen[bytes]:
        self._log_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        environment = {**os.environ, **config_environment(self._config)}
        search_path = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, search_path))
        with self._open("out", job_id) as out, self._open("err", job_id) as err:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,  # Ctrl+C in the server's terminal spares the sync
            )

    def _open(self, kind: str, job_id: int) -> IO[bytes]:
        descriptor = os.open(self._log(kind, job_id), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        return os.fdopen(descriptor, "wb")

    def _log(self, kind: str, job_id: int) -> Path:
        return self._log_dir / f"{job_id}.{kind}"

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
        log = _LogReader(self._log("err", job_id))
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

    def _store_progress(self, job_id: int, log: "_LogReader") -> None:
        progress = log.read()
        if progress is not None:
            self._store.jobs.set_progress(job_id, progress)

    def _finish(self, job_id: int, return_code: int | None, error: str) -> None:
        """Store the outcome. What the child reported counts, not whose child it was."""
        job = self._job(job_id)
        if not job.is_live:
            return
        report_json = self._read_report(job_id)
        state: JobState = "failed"
        message = ""
        if report_json is not None and return_code in (0, None):
            state = "done"
        elif job.is_cancel_requested:
            state = "cancelled"
        else:
            code = "" if return_code is None else f" with code {return_code}"
            log = self._log("err", job_id)
            message = error or f"The sync ended unexpectedly{code}. Its log is {log}."
        self._store.jobs.finish(
            job_id, state, message=message, return_code=return_code, report_json=report_json
        )
        if state != "failed":
            self._log("err", job_id).unlink(missing_ok=True)
            self._log("out", job_id).unlink(missing_ok=True)

    def _read_report(self, job_id: int) -> str | None:
        """Return the report without its list of files, which the index holds as well."""
        try:
            text = self._log("out", job_id).read_text(encoding="utf-8")
            report_from_json(text)
        except (OSError, ValueError):
            return None
        return json.dumps({**json.loads(text), "files": []}, ensure_ascii=False)


class _LogReader:
    """Reads what a child adds to its standard error: progress as JSON lines, or words."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.error = ""  # the last line that begins with "error: ", without these words

    def read(self) -> Progress | None:
        """Return the newest progress since the last call, if any."""
        try:
            with self._path.open("rb") as log:
                log.seek(self._offset)
                added = log.read()
        except OSError:
            return None
        whole, newline, _ = added.rpartition(b"\n")  # the last line may be half written
        self._offset += len(whole) + len(newline)
        newest = None
        for line in whole.decode("utf-8", errors="replace").splitlines():
            if line.startswith("error: "):
                self.error = line.removeprefix("error: ")
            else:
                newest = _parse_progress(line) or newest
        return newest


def _parse_progress(line: str) -> Progress | None:
    """Return the progress in a line, or None: libraries write to standard error too."""
    try:
        values = json.loads(line)
        return Progress(
            stage=str(values["stage"]),
            done=int(values["done"]),
            total=int(values["total"]),
            item=str(values.get("item", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _signal_group(job: Job, number: signal.Signals) -> None:
    """Signal the job's process and its children, never a stranger that got its pid."""
    if job.pid is None or job.pid_started is None or not is_process_alive(job.pid, job.pid_started):
        return
    try:
        os.killpg(job.pid, number)
    except ProcessLookupError:
        return  # it ended in this very moment


def _descendants(job: Job) -> list[psutil.Process]:
    """Return what the job's process has started. Its parsers are in process groups of their own."""
    if job.pid is None or job.pid_started is None or not is_process_alive(job.pid, job.pid_started):
        return []
    with suppress(psutil.Error):
        return list(psutil.Process(job.pid).children(recursive=True))
    return []


def _kill(job: Job, earlier: list[psutil.Process]) -> None:
    """Kill the job's process and all that it has started, now or ``earlier``."""
    descendants = {*earlier, *_descendants(job)}
    _signal_group(job, signal.SIGKILL)
    for process in descendants:
        with suppress(psutil.Error):  # it has ended, as it should; psutil notices a reused pid
            process.kill()
