"""The child process of a job: started so that it outlives the server, signalled, and read.

It writes to files instead of pipes: it can go on when the server ends, and the next server reads
the same files to tell what became of it.
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from rag.datatypes import Progress
from rag.job_store import Job
from rag.process_identity import is_process_alive

_REPOSITORY = Path(__file__).resolve().parent.parent


class JobFiles:
    """The files that the process of a job writes to: its standard output and error."""

    def __init__(self, folder: Path, job_id: int) -> None:
        self.out = folder / f"{job_id}.out"
        self.err = folder / f"{job_id}.err"

    def remove(self) -> None:
        """Remove both, of a job whose outcome is stored."""
        self.out.unlink(missing_ok=True)
        self.err.unlink(missing_ok=True)


def spawn(
    command: Sequence[str], files: JobFiles, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start ``command`` with ``settings`` in its environment.

    Raises:
        OSError: the program or the folder of the files cannot be used.
    """
    files.out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    search_path = [str(_REPOSITORY), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, **settings}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, search_path))
    with _open(files.out) as out, _open(files.err) as err:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=environment,
            start_new_session=True,  # Ctrl+C in the server's terminal spares the job
        )


def _open(path: Path) -> IO[bytes]:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    return os.fdopen(descriptor, "wb")


class LogReader:
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


def signal_group(job: Job, number: signal.Signals) -> None:
    """Signal the job's process and its children, never a stranger that got its pid."""
    if job.pid is None or job.pid_started is None or not is_process_alive(job.pid, job.pid_started):
        return
    try:
        os.killpg(job.pid, number)
    except ProcessLookupError:
        return  # it ended in this very moment


def descendants(job: Job) -> list[psutil.Process]:
    """Return what the job's process has started. Its parsers are in process groups of their own."""
    if job.pid is None or job.pid_started is None or not is_process_alive(job.pid, job.pid_started):
        return []
    with suppress(psutil.Error):
        return list(psutil.Process(job.pid).children(recursive=True))
    return []


def kill(job: Job, earlier: list[psutil.Process]) -> None:
    """Kill the job's process and all that it has started, now or ``earlier``."""
    processes = {*earlier, *descendants(job)}
    signal_group(job, signal.SIGKILL)
    for process in processes:
        with suppress(psutil.Error):  # it has ended, as it should; psutil notices a reused pid
            process.kill()
