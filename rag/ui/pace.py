"""How fast a sync is, and how long it will take: from what is stored, so that it survives a reload.

Pure.
"""

from dataclasses import dataclass
from datetime import datetime

from rag.job_store import Job

_MIN_SHARE = 0.05  # of the stage; an earlier guess would be off by several times
_MIN_SECONDS = 10.0
_MIN_GAINED = 3  # files or passages, as the first ones may be the largest


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of the present stage; None while it cannot be told."""

    per_second: float | None = None  # files, or passages
    seconds_left: float | None = None


def pace_of(job: Job, now: datetime) -> Pace:
    """Return the mean pace since the stage of ``job`` began."""
    if job.stage_started is None:
        return Pace()
    elapsed = (now - datetime.fromisoformat(job.stage_started)).total_seconds()
    progress = job.progress
    gained = progress.done - job.stage_first
    if elapsed < 1 or gained < 1:
        return Pace()
    per_second = gained / elapsed
    left = progress.total - progress.done
    is_small = progress.done < _MIN_SHARE * progress.total and elapsed < _MIN_SECONDS
    is_early = is_small or gained < _MIN_GAINED
    return Pace(per_second, None if left < 1 or is_early else left / per_second)
