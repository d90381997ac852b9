"""The check of the examples before a training: its buttons, its progress and its report."""

import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from rag.errors import RagError
from rag.job_store import Job
from rag.training_settings import Recipe, save_settings
from rag.ui.charts import token_chart
from rag.ui.live_job import draw_live
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words
from rag.ui.training_draft import Draft

_SHOWN_REJECTED = 200
_UNCHECKED = ("pretrain", "preference")  # what is not learned from questions with answers


def latest_report(services: Services) -> dict[str, Any]:
    """Return the report of the last check that came to its end; {} without one."""
    job = services.jobs.latest("check")
    return job.result if job is not None and job.state == "done" else {}


def draw_check(services: Services, words: Words, draft: Draft, recipe: Recipe | None) -> None:
    """Draw the two buttons, and below them the check under way or its report."""
    state_dir = services.config.state_dir.absolute()
    file = draft.file(recipe, state_dir)
    job = services.jobs.latest("check")
    is_of_this = job is not None and str(file) in job.arguments
    report = latest_report(services)
    has_examples = bool(draft.files or draft.has_feedback or _has_files(recipe))
    is_checked = is_of_this and bool(report) and not report.get("blocking")
    needs_check = recipe is None or recipe.task not in _UNCHECKED
    can_start = has_examples and (is_checked or not needs_check)
    st.subheader(words("train_check_title"))
    with st.container(horizontal=True, gap="small"):
        if needs_check and st.button(
            words("train_check"),
            key="train-check",
            type="secondary" if can_start else "primary",
            icon=":material/fact_check:",
            disabled=not has_examples or (job is not None and job.is_live),
        ):
            _start(services, words, draft, recipe, is_check=True)
        if st.button(
            words("train_start"),
            key="train-start",
            type="primary" if can_start else "secondary",
            icon=":material/model_training:",
            disabled=not can_start,
        ):
            _start(services, words, draft, recipe, is_check=False)
    if not has_examples:
        st.html(note_html(words("train_no_examples")))
    elif not needs_check:
        st.html(note_html(words("train_unchecked")))
    elif job is None or (not is_of_this and not report):
        st.html(note_html(words("train_check_first")))
    elif job.is_live:
        st.fragment(draw_live, run_every="1s")(services, words, "check", "train_checking")
    elif job.state == "failed" and is_of_this:
        st.error(words("train_check_failed"), icon=":material/error:")
        st.text(_failure(words, job))
    elif report:
        if not is_of_this:
            st.info(words("train_check_stale"), icon=":material/info:")
        draw_report(words, report)


def _failure(words: Words, job: Job) -> str:
    """Return why a check failed; what is wrong with a file comes with words in both languages."""
    told = job.result.get("error", {})
    return str(told.get(words.language) or reason_words(words, job.message))


def _has_files(recipe: Recipe | None) -> bool:
    data = recipe.table.get("data", {}) if recipe else {}
    return any(data.get(key) for key in ("files", "folders", "feedback"))


def _start(
    services: Services, words: Words, draft: Draft, recipe: Recipe | None, *, is_check: bool
) -> None:
    table = draft.table(recipe)
    try:
        file = save_settings(table, services.config.state_dir.absolute())
        if is_check:
            services.jobs.start_check(file)
        else:
            services.jobs.start_training(file, str(table["name"]))
    except RagError as error:
        st.error(reason_words(words, str(error)), icon=":material/error:")
    else:
        st.rerun()


def draw_report(words: Words, report: Mapping[str, Any]) -> None:
    """Draw what a check found; a report of another version as far as it is understood."""
    findings = report.get("findings", [])
    if not any(found["level"] == "block" for found in findings):
        st.html(f'<div class="fk-finding fk-ok">{html.escape(words("train_check_ok"))}</div>')
    st.html("".join(_finding_html(words, found) for found in findings))
    _draw_counts(words, report)
    if report.get("labels"):
        _draw_labels(words, report["labels"])
    charts = [key for key in ("prompt_tokens", "completion_tokens") if report.get(key)]
    for column, key in zip(st.columns(2) if charts else (), charts, strict=False):
        with column:
            histogram = report[key]
            figures = words(
                "train_tokens",
                **{k: histogram[k] for k in ("median", "p95")},
                longest=histogram["longest"],
            )
            st.html(
                f'<div class="fk-card-title">{html.escape(words(f"train_{key}"))}</div>'
                f'<div class="fk-note fk-figures">{html.escape(figures)}</div>'
            )
            st.vega_lite_chart(
                token_chart(words, histogram), alt=f"{words(f'train_{key}')}: {figures}"
            )
    if report.get("sample"):
        with st.expander(words("train_sample")):
            st.html(note_html(words("train_sample_help")) + sample_html(str(report["sample"])))
    _draw_rejected(words, report)


def _finding_html(words: Words, found: Mapping[str, Any]) -> str:
    level = str(found["level"])
    title = words(f"train_level_{level}")
    text = str(found.get(words.language) or found["en"])
    return (
        f'<div class="fk-finding fk-{html.escape(level)}">'
        f"<strong>{html.escape(title)}</strong> {html.escape(text)}</div>"
    )


def _draw_counts(words: Words, report: Mapping[str, Any]) -> None:
    files = report.get("files", [])
    kept = sum(file["kept"] for file in files)
    rejected = sum(len(file["rejected"]) for file in files)
    not_found = report.get("not_found", 0)
    languages = report.get("languages", {})
    facts = {
        "train_learned": f"{report.get('train', 0):,}",
        "train_held_out": f"{report.get('held_out', 0):,}",
        "train_rejected": f"{rejected:,}",
        "train_not_found": f"{not_found / kept:.0%}" if kept else "–",
        "train_languages": " · ".join(f"{name} {count:,}" for name, count in languages.items())
        or "–",
    }
    if report.get("recall") is not None:
        facts["train_recall"] = f"{report['recall']:.0%}"
    rows = "".join(
        f"<div><dt>{html.escape(words(key))}</dt><dd>{html.escape(value)}</dd></div>"
        for key, value in facts.items()
    )
    st.html(f'<dl class="fk-facts">{rows}</dl>')


def _draw_labels(words: Words, labels: Mapping[str, Any]) -> None:
    total = sum(labels["counts"].values()) or 1
    bars = "".join(
        f'<div class="fk-bar"><span>{html.escape(label)}</span>'
        f'<span class="fk-bar-room"><i style="width:{100 * count / total:.1f}%"></i></span>'
        f"<span>{count:,} ({count / total:.1%})</span></div>"
        for label, count in sorted(labels["counts"].items(), key=lambda item: -item[1])
    )
    baseline = words(
        "train_majority",
        label=labels["majority"],
        accuracy=f"{labels['accuracy']:.3f}",
        macro_f1=f"{labels['macro_f1']:.3f}",
    )
    title = html.escape(words("train_labels"))
    st.html(f'<div class="fk-card-title">{title}</div>{bars}{note_html(baseline)}')


def sample_html(sample: str) -> str:
    """Return a row with what is learned of it marked: the last thing between [[ and ]]."""
    start, end = sample.rfind("[["), sample.rfind("]]")
    if not 0 <= start < end:
        return f'<div class="fk-passage">{html.escape(sample)}</div>'
    prompt, learned, rest = sample[:start], sample[start + 2 : end], sample[end + 2 :]
    return (
        f'<div class="fk-passage"><span class="fk-around">{html.escape(prompt)}</span>'
        f'<mark class="fk-quote">{html.escape(learned)}</mark>{html.escape(rest)}</div>'
    )


def _draw_rejected(words: Words, report: Mapping[str, Any]) -> None:
    rows = [
        (Path(row["place"]).name, row["reason"].get(words.language) or row["reason"]["en"])
        for file in report.get("files", [])
        for row in file["rejected"]
    ]
    if not rows:
        return
    with st.expander(words("train_rejected_rows", count=f"{len(rows):,}")):
        shown = rows[:_SHOWN_REJECTED]
        if len(rows) > len(shown):
            st.html(note_html(words("train_rejected_first", count=len(shown))))
        st.dataframe(
            {
                words("train_place"): [place for place, _ in shown],
                words("column_reason"): [reason for _, reason in shown],
            },
            hide_index=True,
            alt=words("train_rejected_rows", count=f"{len(rows):,}"),
        )
