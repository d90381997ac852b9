"""Every page, looked at by axe-core: in both languages, light and dark, wide and narrow."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from rag.comparison_store import ComparisonStore
from rag.database import Database
from rag.feedback import Judgement, Triage
from rag.quality_store import Verdict
from rag.store import Store
from rag.ui.strings import CATALOGUES
from tests.browser.accessibility import violations
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, TABLE, Scheme, Tab
from tests.browser.test_browser import QUESTIONS, SOURCE
from tests.fakes import HANDBOOK, chunk_of_line, make_answer
from tests.quality_state import add_questions, keep_check
from tests.training_state import RUN, activate, write_model, write_run, write_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

# Each pair of a language, a scheme and a width occurs.
LOOKS: list[tuple[str, Scheme, int]] = [
    ("en", "light", 1280),
    ("en", "dark", 390),
    ("ja", "light", 390),
    ("ja", "dark", 1280),
]


def write_state(folder: Path) -> None:
    """Leave feedback, an example, a comparison, a training and two models."""
    state = folder / "state"
    store = Store(state)
    read = Triage("answered_wrong", 1, chunk_of_line(HANDBOOK, "20 days"), "20 days of paid leave")
    verdicts: dict[int, Literal["up", "down"]] = {101: "down", 102: "down", 103: "up"}
    for number, verdict in verdicts.items():
        answer = make_answer(f"Question {number}?", "30 days. [1]")
        judgement = Judgement(verdict, "wrong" if verdict == "down" else None, "", "20 days")
        saved = store.feedback.save(number, answer, judgement)
        store.feedback.save_triage(saved, read)
        if number == 101:
            store.feedback.propose(saved)
    for index_id in ("one", "two"):
        asked = add_questions(store, 12) if index_id == "one" else store.quality.questions()
        wrong: dict[int, Verdict] = {}
        if index_id == "two":
            wrong = {asked[0].id: "wrong", asked[1].id: "missed"}
        keep_check(store, wrong, index_id)
    prompt = make_answer("How many days?", "x").prompt
    assert prompt is not None
    ComparisonStore(Database(state / "fumikura.sqlite")).add(
        prompt, ("first", "second"), ("20 days [1]", "No idea.")
    )
    write_table(write_run(state, RUN, model="tea-lora"))
    write_model(folder / "models", "tea-lora")
    activate(folder / "models", "tea-lora", "fumikura-135m-gptq")


@pytest.fixture
def full_server(tmp_path: Path) -> Iterator[ServerProcess]:
    write_state(tmp_path)
    with ServerProcess(tmp_path, "--pdf", RAG_MODELS_DIR=str(tmp_path / "models")) as process:
        yield process


class Tour:
    """Goes from view to view and keeps what is wrong with each."""

    def __init__(self, tab: Tab, language: str) -> None:
        self.tab = tab
        self.page = tab.page
        self.words = CATALOGUES[language]  # type: ignore[index] # a literal
        self.language = language
        self.found: list[str] = []

    def look(self, name: str) -> None:
        self.page.wait_for_selector('[data-stale="true"]', state="detached")
        self.page.wait_for_timeout(400)  # axe measures colours: let what fades in end
        self.found += [f"{name}: {violation}" for violation in violations(self.page)]
        self.tab.picture(f"a11y-{self.language}-{name}")

    def ask(self) -> None:
        self.tab.open()
        self.look("empty")
        self.tab.ask(QUESTIONS[self.language])
        self.tab.wait_until_answered()
        self.look("answer")
        self.page.locator(f"{SOURCE}:visible").first.click()
        self.page.wait_for_selector(".fk-sheet img")
        self.look("source-page")
        self.page.locator('[class*="st-key-source-view"]').get_by_text(
            self.words["source_view_text"], exact=True
        ).click()
        self.page.wait_for_selector(".fk-passage")
        self.look("source-text")
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector(".fk-passage", state="detached")
        self.tab.ask("none")
        self.page.wait_for_selector('[class*="st-key-not-found"]')
        self.tab.wait_until_answered()
        self.look("not-found")
        self.page.locator('[class*="st-key-inspect-"] summary:visible').first.click()
        self.page.wait_for_selector(".fk-inspect")
        self.look("inspector")
        self.page.locator('[class*="st-key-thumbs-"] button:visible').nth(1).click()
        self.page.locator('[data-testid="stForm"]').wait_for()
        self.look("feedback")

    def documents(self) -> None:
        self.tab.open("/documents")
        self.page.locator(TABLE).wait_for()
        self.look("documents")
        self.tab.tick(1)
        self.page.locator(".st-key-open-text button:not([disabled])").click()
        self.page.wait_for_selector(".fk-text")
        self.look("document-text")

    def teach(self) -> None:
        for view, sign in (("inbox", ".fk-feedback"), ("pairs", TABLE), ("compare", ".fk-side")):
            self.tab.open("/teach")
            self.page.get_by_text(self.words[f"teach_{view}"], exact=True).click()
            self.page.locator(sign).first.wait_for()
            self.look(f"teach-{view}")

    def quality(self) -> None:
        self.page.goto(f"{self.tab.url}/quality")
        self.page.locator(f"{TABLE}:visible").first.wait_for()
        self.look("quality")

    def health(self) -> None:
        self.page.goto(f"{self.tab.url}/health")
        self.page.locator(".fk-finding").first.wait_for(timeout=60_000)
        self.look("health")

    def training(self) -> None:
        for name, sign in (("models", ".fk-table"), ("training", ".st-key-run-view .fk-stages")):
            self.page.goto(f"{self.tab.url}/{name}")
            self.page.locator(sign).first.wait_for()
            self.look(name)


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_no_page_has_a_serious_violation(
    browser: "Browser", full_server: ServerProcess, language: str, scheme: Scheme, width: int
) -> None:
    tour = Tour(Tab(browser, full_server, language, scheme, width=width), language)
    tour.ask()
    tour.documents()
    tour.teach()
    tour.quality()
    tour.training()
    tour.health()
    assert tour.found == [], "\n".join(tour.found)
