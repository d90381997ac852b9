"""Do an experiment: its stages in order, each once, from wherever it stopped the last time."""

import ctypes
import errno
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from filelock import FileLock, Timeout

from rag.config import Config
from rag.datatypes import Progress
from rag.errors import RagError
from rag.training_runs import RUNS
from training.runs import experiment_stages, stages
from training.runs.folder import OnProgress, Run, RunError
from training.runs.inputs import base_of
from training.tuning.callbacks import Stopped

Stage = Callable[[Run, OnProgress], None]

STAGES: dict[str, tuple[tuple[str, Stage], ...]] = {
    "answer": (
        ("check", stages.check),
        ("rows", stages.make_rows),
        ("train", stages.train),
        ("merge", stages.merge),
        ("quantize", stages.quantize_merged),
        ("calibrate", stages.calibrate),
        ("evaluate", stages.evaluate),
        ("register", stages.register),
    ),
    "preference": (
        ("check", stages.check),
        ("rows", stages.make_rows),
        ("train", stages.train_on_preferences),
        ("merge", stages.merge),
        ("quantize", stages.quantize_merged),
        ("calibrate", stages.calibrate),
        ("evaluate", stages.evaluate),
        ("register", stages.register),
    ),
    "pretrain": (
        ("train", experiment_stages.train_on_folder),
        ("evaluate", experiment_stages.probe_knowledge),
    ),
    "classify": (
        ("check", stages.check),
        ("train", experiment_stages.train_labels),
    ),
}
# Of the weights of the base in 16 bits: they, the merged ones, two checkpoints and the 4-bit model.
_DISK_FACTOR = 4
_FULL = 2**20  # bytes left; what a library could not write may have been larger than that


def continue_run(run: Run, progress: OnProgress) -> None:
    """Do the stages of ``run`` that are not done yet.

    Raises:
        Stopped: it was asked to stop; a checkpoint is kept.
        RunError: another run is being worked on, or there is no room for this one.
        RagError: what went wrong in a stage.
    """
    with _the_only_one(run.settings):
        run.begin()
        try:
            _refuse_full_disk(run, progress)
            pending = STAGES[run.config.task]
            for number, (name, stage) in enumerate(pending):
                if not run.is_done(name):
                    progress(Progress("stage", number, len(pending), name))
                    run.enter(name)
                    stage(run, progress)
                    run.leave(name)
                    _free_memory()
        except (Stopped, KeyboardInterrupt):
            run.end("stopped")
            raise
        except BaseException as error:
            told = _told(error, run)
            said = str(told) if isinstance(told, RagError) else f"{type(error).__name__}: {error}"
            with suppress(RunError):  # without that, the record says that it broke off
                run.end("failed", said)
            if told is error:
                raise
            raise told from error
        run.end("done")


def _told(error: BaseException, run: Run) -> BaseException:
    """Return ``error``, or what a person is told when a full disk is behind it.

    Each library fails in its own words on one, and what was begun may be gone again already.
    """
    if isinstance(error, RagError) or not isinstance(error, Exception):
        return error
    folders = (run.folder, run.settings.models_dir)
    free, fullest = min((shutil.disk_usage(folder).free, folder) for folder in folders)
    if free < _FULL or os.strerror(errno.ENOSPC) in str(error):
        return RunError(f"The disk of {fullest} is full. Make room, then go on with the run.")
    return error


def _free_memory() -> None:
    """Give what a stage took back to the system: the next ones let child processes load models."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def _the_only_one(settings: Config) -> Iterator[None]:
    """Two trainings at once would be slower than one after another, and take twice the memory."""
    try:
        with FileLock(settings.state_dir / RUNS / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise RunError(
            "Another training run is being worked on. Wait for its end, or stop it."
        ) from error


def _refuse_full_disk(run: Run, progress: OnProgress) -> None:
    base = base_of(run, progress)
    weights = sum(file.stat().st_size for file in base.glob("*.safetensors"))
    run.settings.models_dir.mkdir(parents=True, exist_ok=True)
    for folder in (run.folder, run.settings.models_dir):
        free, needed = shutil.disk_usage(folder).free, _DISK_FACTOR * weights
        if free < needed:
            raise RunError(
                f"There are {free / 1e9:.1f} GB left on the disk of {folder}, and this run needs "
                f"about {needed / 1e9:.1f} GB. Make room, then go on with it."
            )
