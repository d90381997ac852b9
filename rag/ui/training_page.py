"""The page on which a model is taught: examples, check, training under way, earlier runs."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.job_store import Job
from rag.training_runs import TrainingRun, read_run, read_runs
from rag.ui.clock import local_time
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.training_check import draw_check, latest_report
from rag.ui.training_form import draw_form
from rag.ui.training_run_view import draw_live, draw_run

_PARAMETER = "run"


def draw(services: Services, words: Words, models_page: StreamlitPage) -> None:
    """Draw the training under way, else the form; and the runs so far."""
    st.header(words("page_training"))
    job = services.jobs.latest("training")
    is_busy = job is not None and job.is_live
    if is_busy:
        st.fragment(_draw_live, run_every="1s")(services, words)
    else:
        st.html(note_html(words("train_intro")))
        if job is not None and job.state == "failed" and _run_of(services, job) is None:
            st.error(words("run_failed"), icon=":material/error:")
            st.text(reason_words(words, job.message))
        form = draw_form(services, words, latest_report(services).get("files", []))
        draw_check(services, words, *form)
    last = _run_of(services, job) if job is not None else None
    _draw_runs(services, words, last, models_page, is_busy=is_busy)


def _draw_live(services: Services, words: Words) -> None:
    job = services.jobs.latest("training")
    if job is None or not job.is_live:
        st.rerun()
    draw_live(services, words, job, _run_of(services, job))


def _run_of(services: Services, job: Job) -> TrainingRun | None:
    """Return the run that a job works on, or did: the record names the process."""
    named = str(job.result.get("run_id", "")) or (
        job.arguments[2] if job.arguments[:2] == ("run", "--resume") else ""
    )
    state_dir = services.config.state_dir
    if named:
        return read_run(state_dir, named)
    began = job.created[:19]
    for run in read_runs(state_dir):
        if run.pid == job.pid and run.created[:19] >= began:
            return run
    return None


def _draw_runs(
    services: Services,
    words: Words,
    last: TrainingRun | None,
    models_page: StreamlitPage,
    *,
    is_busy: bool,
) -> None:
    """Draw one run of those so far: that of the address, else the ``last`` one worked on."""
    runs = read_runs(services.config.state_dir)
    if is_busy and last is not None:  # it is drawn above
        runs = [run for run in runs if run.id != last.id]
    if not runs:
        return
    st.subheader(words("runs_title"))
    by_id = {run.id: run for run in runs}
    options = list(by_id)
    first = last.id if last is not None and last.id in by_id else options[0]
    named = st.query_params.get(_PARAMETER, "")
    wanted = named if named in by_id else first
    chosen = st.selectbox(
        words("runs_choose"),
        options,
        index=options.index(wanted),
        format_func=lambda run_id: _title(words, by_id[run_id]),
        key=f"run-chosen-{first}",  # a run that has just ended is shown, whatever was before
        label_visibility="collapsed",
    )
    if chosen != wanted:
        st.query_params[_PARAMETER] = chosen
    run = by_id[chosen]
    with st.container(border=True, key="run-view"):
        draw_run(services, words, run, is_busy=is_busy)
        if run.model:
            st.page_link(
                models_page,
                label=words("run_to_model", model=run.model),
                icon=":material/compare_arrows:",
            )


def _title(words: Words, run: TrainingRun) -> str:
    state = words.known(f"run_state_{run.state}", run.state)
    return f"{run.name} · {local_time(run.created)} · {state}"
