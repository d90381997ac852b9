"""The sync under way, with its pace, and what came of the last one."""

import html
import re
from datetime import UTC, datetime

import streamlit as st

from rag.datatypes import SyncPlan
from rag.errors import RagError
from rag.job_store import Job
from rag.ui.clock import local_time
from rag.ui.pace import pace_of
from rag.ui.reasons import reason_words
from rag.ui.services import Services
from rag.ui.strings import Words

# The error of a build that asks whether a loss is meant, see `rag.build`.
_SHRINK = re.compile(r"Only (\d+) of (\d+) documents are left in .*--allow-shrink", re.DOTALL)
_PLAN_COUNTS = ("new", "changed", "renamed", "removed", "retried")


def plan_words(words: Words, plan: SyncPlan) -> str:
    """Return the counts of a plan, such as "3 new, 2 changed, 1 removed, 209 unchanged"."""
    counts = {name: len(getattr(plan, name)) for name in _PLAN_COUNTS}
    always = ("new", "changed", "removed")
    parts = [words(f"plan_{name}", count=n) for name, n in counts.items() if n or name in always]
    return words("comma").join([*parts, words("plan_unchanged", count=plan.unchanged)])


def draw_job(services: Services, words: Words, job: Job, *, has_index: bool) -> None:
    """Draw a job: live, it is drawn anew every second; ended, its outcome."""
    if job.is_live:
        st.fragment(_draw_live, run_every="1s")(services, words, has_index=has_index)
    else:
        _draw_outcome(services, words, job)


def _draw_live(services: Services, words: Words, *, has_index: bool) -> None:
    job = services.jobs.latest_sync()
    if job is None or not job.is_live:
        st.rerun()
    progress = job.progress
    stage = words.known(f"stage_{progress.stage}", progress.stage) or words("sync_starting")
    with st.container(border=True, key="live-sync"):
        st.html(
            f'<div class="fk-card-title">{html.escape(stage)}</div>'
            f'<div class="fk-note">{html.escape(_shortened(job.subject))}</div>'
            f'<div class="fk-note fk-figures">{html.escape(live_words(words, job))}</div>'
        )
        st.progress(min(1.0, progress.done / progress.total) if progress.total else 0.0)
        st.html(f'<div class="fk-note fk-item">{html.escape(progress.item) or "&nbsp;"}</div>')
        st.button(
            words("cancelling" if job.is_cancel_requested else "cancel"),
            key="cancel",
            icon=":material/close:",
            disabled=job.is_cancel_requested,
            on_click=services.jobs.cancel,
            args=(job.id,),
        )
        if has_index:
            st.html(f'<div class="fk-note">{html.escape(words("sync_serving"))}</div>')


def _shortened(subject: str, length: int = 200) -> str:
    return subject if len(subject) <= length else f"{subject[:length]}…"


def live_words(words: Words, job: Job) -> str:
    """Return how far a job is, how fast, and how long it has taken and will take."""
    now = datetime.now(UTC)
    progress = job.progress
    parts = []
    if progress.total:
        parts.append(words("progress", done=f"{progress.done:,}", total=f"{progress.total:,}"))
    pace = pace_of(job, now)
    if pace.per_second is not None:
        rate = f"{pace.per_second:,.0f}" if pace.per_second >= 10 else f"{pace.per_second:.1f}"
        unit = "rate_passages" if progress.stage == "embed" else "rate_files"
        parts.append(words(unit, rate=rate))
    if pace.seconds_left is not None:
        parts.append(words("time_left", duration=words.rough_duration(pace.seconds_left)))
    elapsed = now - datetime.fromisoformat(job.created)
    parts.append(words("elapsed", elapsed=words.duration(int(elapsed.total_seconds()))))
    return " · ".join(parts)


def _draw_outcome(services: Services, words: Words, job: Job) -> None:
    if job.state == "done" and job.report is not None:
        _draw_last_sync(words, job)
    elif job.state == "cancelled":
        st.info(words("sync_cancelled"), icon=":material/info:")
    elif job.state == "failed":
        _draw_failure(services, words, job)


def _draw_last_sync(words: Words, job: Job) -> None:
    report = job.report
    if report is None:
        return
    when = local_time(job.finished or job.created)
    title = words("last_sync", when=when, elapsed=words.duration(report.seconds))
    outcome = words("sync_unchanged", count=report.plan.unchanged)
    if report.is_new:
        outcome = words(
            "sync_done",
            plan=plan_words(words, report.plan),
            documents=f"{report.documents:,}",
            chunks=f"{report.chunks:,}",
            embedded=f"{report.embedded:,}",
        )
    st.html(
        f'<div class="fk-last-sync"><div>{html.escape(title)}</div>'
        f'<div class="fk-note">{html.escape(outcome)}</div></div>'
    )


def _draw_failure(services: Services, words: Words, job: Job) -> None:
    st.error(words("sync_failed"), icon=":material/error:")
    shrink = _SHRINK.search(job.message)
    if shrink is None:
        st.text(reason_words(words, job.message))
        return
    st.text(words("sync_shrinks", after=shrink[1], before=shrink[2]))
    if st.button(words("sync_anyway", count=shrink[1]), key="sync-anyway"):
        try:
            services.jobs.repeat_allowing_shrink(job)
        except RagError as error:
            st.text(reason_words(words, str(error)))
        else:
            st.rerun()
