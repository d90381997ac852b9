"""The first start: three steps from nothing to a question, and what is missing in its way."""

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.job_store import Job
from rag.jobs import Jobs
from rag.ui import services
from rag.ui.english import EN
from rag.ui.first_run import SAMPLES
from rag.ui.japanese import JA
from tests.fakes import EchoEngine, wait_until
from tests.ui_harness import ask, fake_engine, open_app, open_page, press, shown

SLOW = """
import sys, time
print('{"stage": "read", "done": 1, "total": 4, "item": "a.md"}', file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    fake = fake_engine(tmp_path, monkeypatch)
    fake.has_index = False
    monkeypatch.setenv("RAG_MODELS_DIR", str(tmp_path / "models"))
    yield fake
    for job in services.load_services().store.jobs.live():
        services.load_services().jobs.cancel(job.id)
    services.load_services.clear()


def last_sync() -> Job:
    job = services.load_services().store.jobs.latest("sync")
    assert job is not None
    return job


def states(app: AppTest) -> list[str]:
    """Return how far each of the three steps is; none when there are no steps."""
    return re.findall(r'class="fk-steps fk-step fk-step-(\w+)"', shown(app))


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_an_empty_app_begins_with_the_first_of_three_steps(
    locale: str, words: dict[str, str]
) -> None:
    app = open_app(locale)
    assert states(app) == ["now", "next", "next"]
    assert all(words[f"first_step_{n}"] in shown(app) for n in (1, 2, 3))
    assert app.chat_input[0].disabled


def test_a_folder_is_read_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "my documents"
    folder.mkdir()
    app = open_app()
    app.text_input[0].set_value(str(folder))
    press(app, EN["first_read"])
    assert str(folder) in last_sync().arguments


def test_the_samples_are_one_click_away_on_both_pages() -> None:
    press(open_app(), EN["first_samples"])
    assert str(SAMPLES) in last_sync().arguments
    assert (SAMPLES / "membership-faq.html").is_file()
    wait_until(lambda: not last_sync().is_live, seconds=15)
    first = last_sync().id
    app = open_page("documents", "ja-JP")
    assert JA["no_index_samples"] in shown(app)
    press(app, JA["first_samples"])
    assert last_sync().id > first


def test_what_is_no_folder_is_told_and_nothing_starts(tmp_path: Path) -> None:
    app = open_app()
    app.text_input[0].set_value(str(tmp_path / "nowhere"))
    app = press(app, EN["first_read"])
    assert EN["first_not_started"] in shown(app)
    assert "nowhere is not a folder" in shown(app)
    app.text_input[0].set_value("")
    assert EN["folder_needed"] in shown(press(app, EN["first_read"]))


def test_the_second_step_is_live_and_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    program = (sys.executable, "-c", SLOW)
    monkeypatch.setattr(services, "Jobs", partial(Jobs, program=program))
    press(open_app(), EN["first_samples"])
    wait_until(lambda: last_sync().progress.done, seconds=15)
    app = open_app()
    assert states(app) == ["done", "now", "next"]
    assert "1 of 4" in shown(app)
    app = app.button("cancel").click().run()
    wait_until(lambda: not last_sync().is_live, seconds=15)
    app = open_app()
    assert states(app) == ["now", "next", "next"]
    assert EN["sync_cancelled"] in shown(app)


def test_the_third_step_is_shown_until_the_first_question(engine: EchoEngine) -> None:
    engine.has_index = True
    engine.suggested = ("How many days?",)
    app = open_app()
    assert states(app) == ["done", "done", "now"]
    assert any("How many days" in button.label for button in app.button)
    press(ask(app, "How many days of leave?"), EN["new_conversation"])
    assert states(open_app()) == []


def test_without_the_search_model_nothing_can_be_read_and_the_command_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAG_EMBED_MODEL", "none/such")
    app = open_app()
    assert EN["first_models_missing"] in shown(app)
    assert app.button("first-samples").disabled
    assert "none/such" in shown(app)


def test_without_the_other_models_one_can_begin(engine: EchoEngine) -> None:
    app = open_app("ja-JP")
    assert JA["first_models_missing"] in shown(app)
    assert "python -m training setup" in [code.value for code in app.code]
    assert not app.button("first-samples").disabled


def test_an_index_that_cannot_be_used_is_no_first_start(engine: EchoEngine) -> None:
    engine.is_damaged = True
    app = open_app()
    assert EN["index_unusable"] in shown(app)
    assert states(app) == []
