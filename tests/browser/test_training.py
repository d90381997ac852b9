"""From a file of examples to a model that answers, in a real browser; the trainer is a stand-in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Scheme, Tab
from tests.training_state import RUN, activate, write_model, write_run, write_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

LIVE = ".st-key-live-training"
TRAINED = 60_000  # milliseconds


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(
        tmp_path, "--fake", RAG_MODELS_DIR=str(tmp_path / "models"), FUMIKURA_FAKE_STEPS="60"
    ) as process:
        yield process


def button(tab: Tab, name: str) -> "Locator":
    return tab.page.get_by_role("button", name=name, exact=True)


def test_a_model_is_taught_stopped_resumed_activated_and_rolled_back(
    browser: "Browser", server: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "お茶.csv"
    file.write_text("質問,回答\n煎茶は何時ですか,四時\n")
    before, pointer = "fumikura-135m-gptq", tmp_path / "models" / "active.json"
    write_model(tmp_path / "models", before)
    activate(tmp_path / "models", before, "")
    tab = Tab(browser, server, "en", "light", height=1500)
    tab.page.goto(server.url + "/training")
    tab.page.locator("input[type=file]").set_input_files(str(file))
    tab.page.get_by_text("お茶.csv").wait_for()
    button(tab, "Check the examples").click()
    tab.page.get_by_text("Nothing stands in the way of training.").wait_for(timeout=TRAINED)
    tab.picture("en-light-30-checked")
    button(tab, "Start training").click()
    tab.page.locator(LIVE).get_by_text("tokens/s").wait_for(timeout=TRAINED)
    tab.page.reload()
    tab.page.locator(LIVE).locator("canvas, svg.marks").first.wait_for(timeout=TRAINED)
    tab.picture("en-light-31-training")
    button(tab, "Stop").click()
    tab.page.get_by_text("The training was stopped").wait_for(timeout=TRAINED)
    button(tab, "Go on").click()
    tab.page.locator(LIVE).wait_for()
    tab.page.get_by_text("Done: my-answers was made.").wait_for(timeout=TRAINED)
    tab.page.get_by_text("Compare my-answers").click()
    tab.page.locator(".fk-table").first.wait_for()
    button(tab, "Activate").click()
    button(tab, "Yes").click()
    tab.page.get_by_text("my-answers answers now.").wait_for(timeout=TRAINED)
    tab.picture("en-light-32-activated")
    assert json.loads(pointer.read_text())["model"] == "my-answers"
    button(tab, "Roll back").click()
    button(tab, "Yes").click()
    tab.page.get_by_text(f"{before} answers now.").wait_for(timeout=TRAINED)
    assert json.loads(pointer.read_text())["model"] == before


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_a_narrow_window_shows_all_of_both_pages(
    browser: "Browser", server: ServerProcess, tmp_path: Path, language: str, scheme: Scheme
) -> None:
    write_table(write_run(tmp_path / "state", RUN, model="tea-lora"))
    write_model(tmp_path / "models", "tea-lora")
    activate(tmp_path / "models", "tea-lora", "fumikura-135m-gptq")
    tab = Tab(browser, server, language, scheme, width=390, height=2600)
    for page, sign in (("models", ".fk-table"), ("training", ".st-key-run-view .fk-stages")):
        tab.page.goto(f"{server.url}/{page}")
        tab.page.locator(sign).first.wait_for()
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
        tab.picture(f"{language}-{scheme}-33-{page}-narrow")
