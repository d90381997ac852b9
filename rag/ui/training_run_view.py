"""One training run: its stages, its curve, how long it will take, what came of it."""

import html
from datetime import datetime
from pathlib import Path

import streamlit as st

from rag.errors import RagError
from rag.job_store import Job
from rag.training_runs import LogPoint, TrainingRun, read_log
from rag.ui.charts import loss_chart
from rag.ui.clock import local_time
from rag.ui.experiment_view import draw_experiment
from rag.ui.live_job import pace_words
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_OF_ANSWERS = ("check", "rows", "train", "merge", "quantize", "calibrate", "evaluate", "register")
_STAGES = {
    "answer": _OF_ANSWERS,
    "preference": _OF_ANSWERS,
    "pretrain": ("train", "evaluate"),
    "classify": ("train",),
}
_SIGNS = {"done": "✓", "running": "●", "broken": "!", "pending": "○"}


def draw_live(services: Services, words: Words, job: Job, run: TrainingRun | None) -> None:
    """Draw the training under way, which `job` works on; ``run`` is None until it has a folder."""
    title = words("run_title", name=run.name if run else job.subject)
    points = read_log(run) if run else []
    with st.container(border=True, key="live-training"):
        st.html(
            f'<div class="fk-card-title">{html.escape(title)}</div>'
            f'<div class="fk-note fk-figures">{html.escape(_left_words(words, job, points))}</div>'
        )
        if run:
            st.html(stages_html(words, run))
        progress = job.progress
        has_share = bool(progress.total) and progress.stage != "stage"
        st.progress(min(1.0, progress.done / progress.total) if has_share else 0.0)
        item = progress.item if has_share else ""
        st.html(f'<div class="fk-note fk-item">{html.escape(item) or "&nbsp;"}</div>')
        st.button(
            words("run_stopping" if job.is_cancel_requested else "run_stop"),
            key="stop-training",
            icon=":material/stop_circle:",
            disabled=job.is_cancel_requested,
            on_click=services.jobs.cancel,
            args=(job.id,),
        )
        st.html(note_html(words("run_meanwhile")))
        _draw_curve(words, points)


def draw_run(services: Services, words: Words, run: TrainingRun, *, is_busy: bool) -> None:
    """Draw a run that has ended, or that a command outside the app works on."""
    facts = [
        words.known(f"run_state_{run.state}", run.state),
        words("run_rows", count=f"{run.rows:,}") if run.rows else "",
        ", ".join(Path(file).name for file in run.files[:4]),
        local_time(run.created),
        words("run_took", elapsed=elapsed) if (elapsed := _elapsed(words, run)) else "",
    ]
    st.html(
        f'<div class="fk-card-title">{html.escape(run.name)}</div>'
        f"{note_html(' · '.join(fact for fact in facts if fact))}{stages_html(words, run)}"
    )
    if run.state == "failed":
        st.error(words("run_failed"), icon=":material/error:")
        st.text(reason_words(words, run.error))
    elif run.state == "broken":
        st.warning(words("run_broken"), icon=":material/info:")
    elif run.state == "stopped":
        st.info(words("run_stopped"), icon=":material/info:")
    elif run.state == "done" and run.model:
        st.success(words("run_done", model=run.model), icon=":material/check_circle:")
    if run.can_resume and st.button(
        words("run_resume"),
        key=f"resume-{run.id}",
        type="primary",
        icon=":material/play_arrow:",
        disabled=is_busy,
    ):
        try:
            services.jobs.resume_training(run.id)
        except RagError as error:
            st.text(reason_words(words, str(error)))
        else:
            st.rerun()
    draw_experiment(words, run)
    _draw_curve(words, read_log(run))


def _elapsed(words: Words, run: TrainingRun) -> str:
    try:
        ended, began = (datetime.fromisoformat(t) for t in (run.finished, run.created))
    except ValueError:
        return ""
    return words.duration(int((ended - began).total_seconds())) if ended > began else ""


def _left_words(words: Words, job: Job, points: list[LogPoint]) -> str:
    """Return how far the training is. While weights change, its own log knows the time best."""
    left = points[-1].remaining_seconds if points else None
    if job.progress.stage != "train" or left is None:
        return pace_words(words, job)
    newest = points[-1]
    parts = [
        words("run_step", step=f"{newest.step:,}", total=f"{newest.total_steps:,}"),
        words("time_left", duration=words.rough_duration(left)),
    ]
    if newest.tokens_per_second:
        parts.append(words("run_speed", rate=f"{newest.tokens_per_second:,.0f}"))
    return " · ".join(parts)


def stages_html(words: Words, run: TrainingRun) -> str:
    """Return the stages of a run with how far each is."""
    begun = {stage.name: stage.state for stage in run.stages}
    names = list(_STAGES.get(run.task, ()))
    names += [name for name in begun if name not in names]
    items = []
    for name in names:
        state = begun.get(name, "pending")
        if state == "running" and run.state != "running":
            state = "broken"
        title = words.known(f"run_stage_{name}", name)
        label = words.known(f"stage_state_{state}", state)
        items.append(
            f'<li class="fk-stage-{html.escape(state)}">'
            f'<span aria-hidden="true">{_SIGNS.get(state, "○")}</span> {html.escape(title)}'
            f'<span class="fk-unseen"> ({html.escape(label)})</span></li>'
        )
    return f'<ul class="fk-stages">{"".join(items)}</ul>'


def _draw_curve(words: Words, points: list[LogPoint]) -> None:
    if len(points) < 2:
        return
    newest = next((p.eval_loss for p in reversed(points) if p.eval_loss is not None), None)
    losses = [point.loss for point in points if point.loss is not None]
    figures = words(
        "chart_figures",
        train=f"{losses[-1]:.3f}" if losses else "–",
        held_out="–" if newest is None else f"{newest:.3f}",
    )
    st.vega_lite_chart(loss_chart(words, points), alt=f"{words('chart_title')}: {figures}")
    st.html(note_html(figures))
