"""No known form makes a page call another machine, or offers a way out, wherever it is shown."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import pytest
from markdown_it import MarkdownIt

from rag.comparison_store import ComparisonStore
from rag.database import Database
from rag.datatypes import Answer, Message, Prompt
from rag.feedback import Judgement, Triage
from rag.store import Store
from rag.ui.export import ExportKind
from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, TABLE, Tab
from tests.browser.test_browser import SOURCE
from tests.exfiltration import FORMS, HOST, Form
from tests.hostile_engine import BATCHES, LINES, answer_of
from tests.test_export import export, stored

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

SHARE = 20  # answers on one page; with all of them it takes long to draw
CONVERSATION = '[class*="st-key-conversation-"] button'
SETTLED_MS = 1500  # for requests of what was drawn last
# Everything by which an element loads, looks up or leads to another machine.
_WAYS_OUT = """
() => [...document.querySelectorAll('*')].flatMap(element => {
  const names = ['href', 'xlink:href', 'src', 'srcset', 'action', 'formaction', 'poster', 'data',
                 'background', 'ping', 'srcdoc', 'style', 'content', 'cite', 'manifest'];
  const found = names.map(name => element.getAttribute(name)).filter(Boolean);
  if (['STYLE', 'SCRIPT'].includes(element.tagName)) found.push(element.textContent);
  const handlers = element.getAttributeNames().filter(name => name.startsWith('on'));
  found.push(...handlers.map(name => element.getAttribute(name)));
  return found.filter(text => text.includes(HOST) || text.startsWith('javascript:'));
})
""".replace("HOST", f"'{HOST}'")


def ways_out(page: "Page") -> list[str]:
    """Return the addresses of the attacker that an element of the page would use."""
    page.wait_for_timeout(SETTLED_MS)
    return [str(found) for found in page.evaluate(_WAYS_OUT)]


def fill(folder: Path) -> dict[str, str]:
    """Store answers, feedback and a comparison; return name -> id of conversations."""
    store = Store(folder / "state")
    ids = {"drawers": store.create_conversation("drawers")}
    for number, form in enumerate(FORMS):
        if number % SHARE == 0:
            ids[f"answers {number}"] = store.create_conversation("answers")
        answer = answer_of([form.line], form.text)
        _keep(store, ids[f"answers {number - number % SHARE}"], answer)
        store.create_conversation(form.text)
        judgement = Judgement("down", "wrong", form.text, form.text, author=form.line[:100])
        passage = answer.hits[1].chunk
        saved = store.feedback.save(1000 + number, answer, judgement)
        store.feedback.save_triage(saved, Triage("answered_wrong", 1, passage, form.line))
        store.feedback.propose(saved)
    for lines in BATCHES:
        _keep(store, ids["drawers"], answer_of(lines, "batch"))
    text = "\n\n".join(form.text for form in FORMS)
    prompt = Prompt((Message("user", text),), text, "en", (), (), 0, 120, "abc123")
    comparisons = ComparisonStore(Database(folder / "state" / "fumikura.sqlite"))
    comparisons.add(prompt, ("first", "second"), (text, text))  # a tie at once: listed as a vote
    comparisons.add(prompt, ("first", "second"), (text, f"{text}\n"))  # waits for a vote
    return ids


def _keep(store: Store, conversation_id: str, answer: Answer) -> None:
    number = store.add_answer(conversation_id, answer.question)
    store.finish_answer(number, "done", answer.text, answer=answer)


@pytest.fixture(scope="module")
def hostile(
    tmp_path_factory: pytest.TempPathFactory,
) -> "Iterator[tuple[ServerProcess, dict[str, str]]]":
    folder = tmp_path_factory.mktemp("hostile")
    ids = fill(folder)
    process = ServerProcess(folder, "--hostile")
    try:
        process.wait()
        yield process, ids
    finally:
        process.stop()


@pytest.fixture
def tab(browser: "Browser", hostile: tuple[ServerProcess, dict[str, str]]) -> Tab:
    opened = Tab(browser, hostile[0], "en", "light")
    opened.page.set_default_timeout(120_000)  # a hundred answers on one page
    return opened


def test_answers_questions_and_titles_are_inert(
    tab: Tab, hostile: tuple[ServerProcess, dict[str, str]]
) -> None:
    for start in range(0, len(FORMS), SHARE):
        tab.page.goto(f"{tab.url}/?c={hostile[1][f'answers {start}']}")
        shown = FORMS[start : start + SHARE]
        tab.page.locator(".fk-answer").nth(2 * len(shown) - 1).wait_for()
        text = " ".join(tab.page.locator(".fk-answer").all_inner_texts())
        missing = [form.name for form in shown if _words(form) not in " ".join(text.split())]
        assert missing == []  # all of it is there, as text
        assert ways_out(tab.page) == []
    more = tab.page.locator(".st-key-more-conversations button")
    while more.count():
        more.click()
        tab.page.wait_for_timeout(SETTLED_MS)
    assert tab.page.locator(CONVERSATION).count() >= len(FORMS)
    assert ways_out(tab.page) == []


def _words(form: Form) -> str:
    """Return the first words of a form that the page shows as they are."""
    return " ".join(form.line.split("]")[0].split("*")[0].split())[:20].strip()


def test_an_answer_that_grows_is_inert(tab: Tab) -> None:
    tab.open()
    tab.ask("all")
    tab.page.wait_for_selector(".fk-draft")
    while tab.page.locator(".fk-draft").count():
        assert tab.page.evaluate(_WAYS_OUT) == []
    tab.wait_until_answered(120)
    assert ways_out(tab.page) == []


def test_passages_headings_and_cells_in_the_drawer_are_inert(
    tab: Tab, hostile: tuple[ServerProcess, dict[str, str]]
) -> None:
    tab.open(f"/?c={hostile[1]['drawers']}")
    sources = tab.page.locator(f"{SOURCE}:visible")  # a narrow window has a hidden one too
    sources.nth(len(BATCHES) - 1).wait_for()
    for number, lines in enumerate(BATCHES):
        sources.nth(number).click()
        tab.page.wait_for_selector(".fk-cited")
        assert tab.page.locator(".fk-cited tbody tr").count() == len(lines)
        assert ways_out(tab.page) == []
        tab.page.keyboard.press("Escape")
        tab.page.wait_for_selector(".fk-cited", state="detached")
        others = tab.page.locator("details:not([class*=limits])").filter(has_text="Also found")
        others.nth(number).locator("summary").click()
        others.nth(number).get_by_role("button").first.click()
        tab.page.wait_for_selector(".fk-passage")
        assert ways_out(tab.page) == []
        tab.page.keyboard.press("Escape")
        tab.page.wait_for_selector(".fk-passage", state="detached")


def test_suggested_questions_are_inert(tab: Tab) -> None:
    tab.open()
    tab.page.locator('[class*="st-key-suggestion-"] button').nth(len(FORMS) - 1).wait_for()
    assert ways_out(tab.page) == []


def test_names_of_files_and_folders_are_inert(tab: Tab) -> None:
    tab.open("/documents")
    tab.page.locator(TABLE).wait_for()  # the page is drawn to its end: a hundred folders take time
    tab.page.wait_for_selector('[data-stale="true"]', state="detached")
    tab.page.get_by_role("button", name="Check for changes").click()
    tab.page.locator(".fk-plan").wait_for()
    for names in tab.page.locator("details").all():
        names.locator("summary").first.click()
    tab.page.locator(TABLE).wait_for()
    assert ways_out(tab.page) == []
    for row in (1, 3, 5, 7):
        tab.tick(row)
        chosen = tab.page.locator(".st-key-file-actions .fk-note")
        chosen.filter(has_text=LINES[row - 1]).wait_for()
        tab.page.locator(".st-key-open-text button:not([disabled])").click()
        tab.page.wait_for_selector(".fk-text")
        assert ways_out(tab.page) == []
        tab.page.keyboard.press("Escape")
        tab.page.wait_for_selector(".fk-text", state="detached")


def test_feedback_examples_and_comparisons_are_inert(tab: Tab) -> None:
    tab.open("/teach")
    more = tab.page.locator(".st-key-inbox-more button")
    tab.page.locator('[class*="st-key-inbox-"]').first.wait_for()
    while more.count():
        more.click()
        tab.page.wait_for_timeout(SETTLED_MS)
    assert tab.page.locator("dl.fk-feedback").count() == len(FORMS)
    assert ways_out(tab.page) == []
    tab.page.get_by_text("Examples", exact=True).click()
    tab.page.locator(TABLE).wait_for()
    assert ways_out(tab.page) == []
    tab.page.get_by_text("Compare models", exact=True).click()
    tab.page.locator(".fk-side").first.wait_for()
    assert ways_out(tab.page) == []


@pytest.mark.parametrize("kind", ["html", "markdown"])
def test_an_exported_file_is_inert(browser: "Browser", tmp_path: Path, kind: ExportKind) -> None:
    answers = [stored(answer_of([form.line], form.text)) for form in FORMS]
    text = export(kind, *answers, title=FORMS[0].text)
    if kind == "markdown":
        text = f"<!DOCTYPE html>{_rendered(text)}"
    file = tmp_path / "export.html"
    file.write_text(text, encoding="utf-8")
    page, asked = _listened(browser)
    page.goto(file.as_uri())
    assert ways_out(page) == []
    assert page.locator("a[href], form, iframe").count() == 0
    assert [url for url in asked if url != file.as_uri()] == []
    page.context.close()


def test_without_any_guard_the_forms_do_call_out(browser: "Browser") -> None:
    frames = "".join(
        f'<iframe srcdoc="{html.escape(text, quote=True)}"></iframe>'
        for form in FORMS
        for text in (f"{form.text}\n<p title='x'>", _rendered(form.text))
    )
    page, asked = _listened(browser)
    address = "http://127.0.0.1:9/"  # frames without an address of their own know no //HOST
    page.route(address, lambda route: route.fulfill(body=frames, content_type="text/html"))
    page.goto(address, wait_until="commit")
    expected = {form.name.replace(" ", "-") for form in FORMS if form.loads == "at once"}
    for _ in range(60):
        called = {_name(url) for url in asked if urlparse(url).hostname == HOST}
        if expected <= called:
            break
        page.wait_for_timeout(500)
    assert called == expected
    assert len(expected) >= 80
    page.context.close()


def test_without_any_guard_there_are_ways_out(browser: "Browser") -> None:
    page, _ = _listened(browser)
    inert = []
    for form in FORMS:
        if form.loads in ("at once", "looks up") and form.name != "refresh":  # that one is gone
            page.set_content(f"{form.text}<p title='x'>{_rendered(form.text)}", wait_until="commit")
            for _ in range(50):  # the parser may still be at work, or wait for a script
                if page.evaluate(_WAYS_OUT):
                    break
                page.wait_for_timeout(100)
            else:
                inert.append(form.name)
    assert inert == []
    page.context.close()


def _rendered(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def _listened(browser: "Browser") -> "tuple[Page, list[str]]":
    """Return a page of no server of ours, and the list of what it will ask for."""
    page, asked = browser.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    return page, asked


def _name(url: str) -> str:
    return unquote(urlparse(url).path).strip("/\N{NO-BREAK SPACE}\N{WORD JOINER} ")
