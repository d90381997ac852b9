"""The page that tells what is missing or slow on this machine, and how to mend it."""

import streamlit as st

from rag.config import Config
from rag.doctor import Finding
from rag.errors import RagError
from rag.job_store import Job
from rag.jobs import Jobs
from rag.ui.clock import local_time
from rag.ui.findings import absent_models, draw_findings
from rag.ui.live_job import draw_live
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_TO_MEND = ("missing", "unsafe")
_BETTER = ("slow", "optional")
# What is looked at anew for every page, or told on another one: an old report is not asked.
_SEEN_ELSEWHERE = ("embedder", "answer model", "span reader", "index", "start")


def draw(services: Services, words: Words) -> None:
    """Draw the newest findings, and the buttons that look again."""
    st.header(words("page_health"))
    st.html(note_html(words("health_intro")))
    job = services.jobs.latest("doctor")
    if job is None:
        job = _start(services, words, tries_start=False)
    is_busy = job is not None and job.is_live
    with st.container(horizontal=True, gap="small"):
        if st.button(
            words("health_look"), key="health-look", type="primary", icon=":material/refresh:",
            disabled=is_busy,
        ):  # fmt: skip
            job = _start(services, words, tries_start=False)
            st.rerun()
        if st.button(
            words("health_start"), key="health-start", icon=":material/timer:", disabled=is_busy,
            help=words("health_start_help"),
        ):  # fmt: skip
            job = _start(services, words, tries_start=True)
            st.rerun()
    if is_busy:
        st.fragment(draw_live, run_every="1s")(services, words, "doctor", "health_looking")
    elif job is not None and job.state == "done":
        _draw_report(words, job)
    elif job is not None and job.state == "failed":
        st.error(words("health_failed"), icon=":material/error:")
        st.text(reason_words(words, job.message))


def problems(config: Config, jobs: Jobs) -> int:
    """Return how many things are to be mended, as far as that is known without looking anew."""
    job = jobs.latest("doctor")
    found = findings_of(job) if job is not None and job.state == "done" else []
    others = [one for one in found if one.subject not in _SEEN_ELSEWHERE]
    return len(absent_models(config)) + sum(one.level in _TO_MEND for one in others)


def findings_of(job: Job) -> list[Finding]:
    """Return the findings in the report of a job; none of one of another version."""
    try:
        return [Finding(**entry) for entry in job.result.get("findings", ())]
    except TypeError:
        return []


def _start(services: Services, words: Words, *, tries_start: bool) -> Job | None:
    try:
        return services.jobs.start_doctor(tries_start=tries_start)
    except RagError as error:
        st.text(reason_words(words, str(error)))
        return None


def _draw_report(words: Words, job: Job) -> None:
    found = findings_of(job)
    to_mend = [one for one in found if one.level in _TO_MEND]
    better = [one for one in found if one.level in _BETTER]
    well = [one for one in found if one.level == "ok"]
    st.html(note_html(words("health_looked", when=local_time(job.finished or job.created))))
    if to_mend:
        st.subheader(words("health_problems", count=len(to_mend)))
        draw_findings(words, to_mend)
    else:
        st.success(words("health_good"), icon=":material/check_circle:")
    if better:
        st.subheader(words("health_others"))
        draw_findings(words, better)
    with st.expander(words("health_well", count=len(well))):
        draw_findings(words, well)
