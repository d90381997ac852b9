"""From a wrong answer to an accepted example, in a real browser."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rag.comparison_store import ComparisonStore
from rag.database import Database
from rag.datatypes import Hit
from rag.ui.strings import CATALOGUES
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, TABLE, Scheme, Tab
from tests.fakes import HANDBOOK, chunk_of_line, make_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

QUESTIONS = {"en": "How many days of leave do I get?", "ja": "有給休暇は何日もらえますか？"}
CORRECTIONS = {"en": "20 days of paid leave", "ja": "入社から6か月後に10日"}
FORM = '[data-testid="stForm"]'
THUMBS = '[class*="st-key-thumbs-"]'
CARD = '[class*="st-key-inbox-1"]'


@pytest.fixture
def server(tmp_path: Path) -> "Iterator[ServerProcess]":
    for name in ("first", "second"):
        (tmp_path / "models" / name).mkdir(parents=True)
        table = {"architectures": ["LlamaForCausalLM"]}
        (tmp_path / "models" / name / "config.json").write_text(json.dumps(table))
    with ServerProcess(tmp_path, "--fake", RAG_ANSWER_MODEL="first") as process:
        yield process


def button(tab: Tab, name: str) -> "Locator":
    return tab.page.get_by_role("button", name=name, exact=True)


def correct(tab: Tab, language: str) -> None:
    """Ask, press the thumb that points down, and send the right answer."""
    words = CATALOGUES[language]  # type: ignore[index] # a literal
    tab.open()
    tab.ask(QUESTIONS[language])
    tab.wait_until_answered()
    tab.page.locator(f"{THUMBS} button").nth(1).click()
    tab.page.locator(FORM).wait_for()
    tab.page.locator(FORM).get_by_text(words["fault_wrong"], exact=True).click()
    tab.page.locator(f"{FORM} textarea").fill(CORRECTIONS[language])
    tab.page.locator(FORM).scroll_into_view_if_needed()
    tab.picture(f"{language}-20-feedback-form")
    button(tab, words["feedback_send"]).click()
    tab.page.locator(FORM).wait_for(state="detached")
    tab.page.get_by_text(words["feedback_thanks"]).wait_for()
    tab.picture(f"{language}-21-feedback-sent")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_a_correction_becomes_an_accepted_example(
    browser: "Browser", server: ServerProcess, tmp_path: Path, language: str, scheme: Scheme
) -> None:
    words = CATALOGUES[language]  # type: ignore[index] # a literal
    tab = Tab(browser, server, language, scheme, height=900)
    correct(tab, language)
    tab.page.get_by_role("link", name=words["page_teach"]).click()
    tab.page.locator(CARD).first.wait_for()
    tab.picture(f"{language}-22-teach-inbox")
    button(tab, words["inbox_propose"]).click()
    button(tab, words["inbox_propose"]).wait_for(state="detached")
    tab.page.get_by_text(words["teach_pairs"], exact=True).click()
    table = tab.page.locator(TABLE)
    table.wait_for()
    table.click(position={"x": 400, "y": 70})  # the right answer of the first row
    tab.page.keyboard.press("Enter")
    editor = tab.page.locator("textarea.gdg-input")
    editor.fill("20")
    editor.press("Enter")
    save = button(tab, words["pairs_save"].format(count=1))
    tab.picture(f"{language}-23-teach-examples")
    save.wait_for()
    tab.page.get_by_role("link", name=words["page_documents"]).click()
    tab.page.wait_for_selector(".fk-facts")
    tab.page.get_by_role("link", name=words["page_teach"]).click()
    save.click()  # the edit outlived another page
    tab.page.get_by_text(words["pairs_saved"].format(count=1)).wait_for()

    prompt = make_answer(
        QUESTIONS[language], "x", hits=(Hit(1, chunk_of_line(HANDBOOK, "20 days"), 1.0),)
    ).prompt
    assert prompt is not None
    comparisons = ComparisonStore(Database(tmp_path / "state" / "fumikura.sqlite"))
    comparisons.add(prompt, ("first", "second"), ("20 days a year [1]", "I do not know."))
    tab.page.get_by_text(words["teach_compare"], exact=True).click()
    vote = button(tab, words["blind_left"])
    vote.wait_for()
    tab.picture(f"{language}-24-teach-compare")
    vote.click()
    tab.page.get_by_text(words["blind_votes"], exact=True).wait_for()
    tab.picture(f"{language}-25-teach-votes")
    assert [each.chosen for each in comparisons.preferences()] == ["20 days a year [1]"]
