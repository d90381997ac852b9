"""The page that shows which model answers, what runs have made of it, and exchanges it."""

import html
from functools import partial

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from rag.errors import RagError
from rag.job_store import Job
from rag.training_comparison import Comparison, read_comparison
from rag.training_runs import Serving, TunedModel, read_models, read_serving
from rag.ui.clock import local_time
from rag.ui.comparison_view import draw_comparison
from rag.ui.live_job import pace_words
from rag.ui.reasons import reason_words
from rag.ui.safe_markdown import note_html
from rag.ui.services import Services
from rag.ui.strings import Words

_PARAMETER = "model"


def draw(services: Services, words: Words, training_page: StreamlitPage) -> None:
    """Draw the model that answers, the way back, and the models that runs have made."""
    st.header(words("page_models"))
    serving = read_serving(services.config)
    job = services.jobs.latest("activation")
    is_busy = job is not None and job.is_live
    _draw_serving(services, words, serving, is_busy=is_busy)
    failed = st.session_state.pop("exchange_error", None)
    if failed:
        st.error(reason_words(words, failed), icon=":material/error:")
    if job is not None:
        _draw_activation(services, words, job, serving)
    models = read_models(services.config)
    if not models:
        with st.container(border=True):
            st.html(note_html(words("models_none")))
            st.page_link(
                training_page, label=words("go_to_training"), icon=":material/model_training:"
            )
        return
    st.subheader(words("models_made"))
    model = _choose(words, models)
    _draw_model(services, words, model, training_page, is_busy=is_busy or serving.is_fixed)


def _draw_serving(services: Services, words: Words, serving: Serving, *, is_busy: bool) -> None:
    facts = [(words("models_serving"), serving.model)]
    if serving.since:
        facts.append((words("models_since"), local_time(serving.since)))
    if serving.previous:
        facts.append((words("models_previous"), serving.previous))
    rows = "".join(
        f'<div><dt>{html.escape(name)}</dt><dd class="fk-small">{html.escape(value)}</dd></div>'
        for name, value in facts
    )
    st.html(f'<dl class="fk-facts">{rows}</dl>')
    if serving.problem:
        st.warning(reason_words(words, serving.problem), icon=":material/build:")
    if serving.is_fixed:
        st.html(note_html(words("models_fixed", model=serving.model)))
    if serving.previous and st.button(
        words("models_rollback"), key="rollback", icon=":material/undo:", disabled=is_busy
    ):
        st.dialog(words("models_rollback"))(_confirm)(
            words,
            words("models_rollback_confirm", model=serving.previous),
            partial(services.jobs.start_rollback, serving.previous),
        )


def _confirm(words: Words, question: str, start: "partial[Job]") -> None:
    st.text(question)
    if st.button(
        words("models_yes"),
        key="confirm-exchange",
        type="primary",
        on_click=_exchange,
        args=(start,),
    ):
        st.rerun()  # closes the dialog


def _exchange(start: "partial[Job]") -> None:
    try:
        start()
    except RagError as error:
        st.session_state["exchange_error"] = str(error)


def _draw_activation(services: Services, words: Words, job: Job, serving: Serving) -> None:
    if job.is_live:
        st.fragment(_draw_live, run_every="1s")(services, words)
    elif job.state == "failed":
        with st.container(border=True, key="refusal"):
            when = local_time(job.finished or job.created)
            refused = words("models_refused", model=job.subject, when=when)
            st.error(refused, icon=":material/block:")
            for line in refusal_lines(reason_words(words, job.message)):
                st.text(line)
    elif job.state == "done" and job.subject == serving.model:
        st.success(words("models_activated", model=job.subject), icon=":material/check_circle:")


def refusal_lines(message: str) -> list[str]:
    """Return a refusal with each gate that failed on a line of its own."""
    return [part for line in message.split("; ") for part in line.split("；")]


def _draw_live(services: Services, words: Words) -> None:
    job = services.jobs.latest("activation")
    if job is None or not job.is_live:
        st.rerun()
    with st.container(border=True, key="live-activation"):
        title = html.escape(words("models_activating", model=job.subject))
        st.html(f'<div class="fk-card-title">{title}</div>{note_html(pace_words(words, job))}')
        st.html(note_html(words("models_activating_help")))


def _choose(words: Words, models: list[TunedModel]) -> TunedModel:
    by_name = {model.name: model for model in models}
    names = list(by_name)
    wanted = st.query_params.get(_PARAMETER, "")
    chosen = st.selectbox(
        words("models_choose"),
        names,
        index=names.index(wanted) if wanted in by_name else 0,
        format_func=lambda name: _title(words, by_name[name]),
        key=f"model-chosen-{names[0]}",
        label_visibility="collapsed",
    )
    if chosen != (wanted or names[0]):
        st.query_params[_PARAMETER] = chosen
    return by_name[chosen]


def _title(words: Words, model: TunedModel) -> str:
    title = f"{model.name} · {local_time(model.run.finished or model.run.created)}"
    return f"{title} · {words('models_answers_now')}" if model.is_active else title


def _draw_model(
    services: Services,
    words: Words,
    model: TunedModel,
    training_page: StreamlitPage,
    *,
    is_busy: bool,
) -> None:
    table = read_comparison(model.run.folder)
    with st.container(border=True, key="model-view"):
        facts = [
            words("models_answers_now") if model.is_active else "",
            words("models_size", size=f"{model.megabytes:,.0f}"),
            words("run_rows", count=f"{model.run.rows:,}") if model.run.rows else "",
            words("models_base", base=model.run.base) if model.run.base else "",
        ]
        st.html(
            f'<div class="fk-card-title">{html.escape(model.name)}</div>'
            f"{note_html(' · '.join(fact for fact in facts if fact))}"
        )
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if st.button(
                words("models_activate"),
                key="activate",
                type="primary",
                icon=":material/swap_horiz:",
                disabled=is_busy or model.is_active,
            ):
                st.dialog(words("models_activate"))(_confirm)(
                    words,
                    words("models_activate_confirm", model=model.name),
                    partial(services.jobs.start_activation, model.name),
                )
            st.page_link(
                training_page,
                label=words("models_to_run"),
                icon=":material/model_training:",
                query_params={"run": model.run.id},
            )
        _draw_table(words, table)
        if model.card:
            with st.expander(words("models_card")):
                st.code(model.card, language=None, wrap_lines=True)


def _draw_table(words: Words, table: Comparison | None) -> None:
    if table is None:
        st.html(note_html(words("models_no_table")))
    else:
        draw_comparison(words, table)
