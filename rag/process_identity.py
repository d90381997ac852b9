"""Tell one process from a later one that got its number."""

import os

import psutil


def own_identity() -> tuple[int, float]:
    """Return the pid of this process and when it started (seconds since the epoch)."""
    return os.getpid(), psutil.Process().create_time()


def is_process_alive(pid: int, started: float) -> bool:
    """Tell whether this very process runs, not a later one that got its pid."""
    try:
        process = psutil.Process(pid)
        is_same = abs(process.create_time() - started) < 1.0
        return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
