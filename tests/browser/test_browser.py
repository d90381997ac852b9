"""The pages in a real browser: streaming, reload, stop, sources, and no request elsewhere."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlparse

import pytest

from tests.browser.server_process import ServerProcess
from tests.fakes import ATTACK, EchoEngine

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Request, WebSocket

playwright_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

REPOSITORY = Path(__file__).resolve().parents[2]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
Scheme = Literal["light", "dark"]
QUESTIONS = {"en": "How many days of leave do I get?", "ja": "有給休暇は何日もらえますか？"}
LOCALES = {"en": "en-US", "ja": "ja-JP"}
STOP = '[class*="st-key-stop"] button'
SOURCE = '[class*="st-key-citation-"] button'
ANSWER = ".fk-answer"
# Streamlit looks for its server below every part of a deep address before it finds it.
_DEEP_PROBES = re.compile(r"/documents/_stcore/(health|host-config)$")


class Tab:
    """A page that notes what it loads and what it complains about."""

    def __init__(self, browser: "Browser", url: str, language: str, scheme: Scheme) -> None:
        self.context = browser.new_context(
            locale=LOCALES[language], color_scheme=scheme, viewport={"width": 1280, "height": 820}
        )
        self.page = self.context.new_page()
        self.url = url
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", self._note_request)
        self.page.on("websocket", self._note_request)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note_request(self, request: "Request | WebSocket") -> None:
        parts = urlparse(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.foreign.append(request.url)

    def _note_console(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not _DEEP_PROBES.search(message.location["url"]):
            self.complaints.append(message.text)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_selector(".fk-intro, .fk-answer, .fk-steps, .fk-facts")

    def ask(self, question: str) -> None:
        self.page.fill("textarea:not([disabled])", question)
        before = self.page.locator(ANSWER).count()
        self.page.keyboard.press("Enter")
        self.page.locator(ANSWER).nth(before).wait_for()  # the question in the conversation

    def wait_until_answered(self, seconds: float = 60) -> None:
        self.page.wait_for_selector("textarea:not([disabled])", timeout=seconds * 1000)

    def answer(self) -> str:
        return str(self.page.locator(ANSWER).last.inner_text())

    def picture(self, name: str) -> None:
        folder = os.environ.get("FUMIKURA_SCREENSHOTS")
        if folder:
            time.sleep(0.6)  # let animations end
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("fake"), "--fake")
    try:
        process.wait()
        yield process
    finally:
        process.stop()


@pytest.fixture
def real_server(tmp_path: Path) -> Iterator[ServerProcess]:
    index, models = REPOSITORY / "index", REPOSITORY / "models"
    if not (index / "CURRENT").exists():
        pytest.skip("needs an index of examples/documents in index/")
    process = ServerProcess(tmp_path, RAG_INDEX_DIR=str(index), RAG_MODELS_DIR=str(models))
    try:
        process.wait()
        yield process
    finally:
        process.stop()


def assert_quiet(tab: Tab, server: ServerProcess) -> None:
    assert tab.foreign == []
    assert tab.complaints == []
    assert server.outside_attempts() == []
    assert "Traceback" not in server.log.read_text()
    tab.context.close()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ja", "dark")])
def test_an_answer_grows_names_its_source_and_shows_it(
    browser: "Browser", server: ServerProcess, language: str, scheme: Scheme
) -> None:
    tab = Tab(browser, server.url, language, scheme)
    text, quote = EchoEngine.ANSWERS[language]
    tab.open()
    tab.picture(f"{language}-{scheme}-1-start")
    tab.ask(QUESTIONS[language])
    tab.page.wait_for_selector(".fk-draft")
    early = len(tab.answer())
    time.sleep(0.6)
    later = len(tab.answer())
    tab.picture(f"{language}-{scheme}-2-streaming")
    assert 0 < early < later < len(text)
    tab.wait_until_answered()
    assert tab.answer().replace("\n", "") == text.replace("[1]", "1")
    tab.picture(f"{language}-{scheme}-3-answer")
    tab.page.locator(SOURCE).first.click()
    assert tab.page.locator("mark.fk-quote").first.inner_text() == quote
    tab.picture(f"{language}-{scheme}-4-source")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-passage", state="detached")
    tab.ask("none")
    tab.page.wait_for_selector('[class*="st-key-not-found"]')
    tab.picture(f"{language}-{scheme}-5-not-found")
    tab.open("/documents")
    tab.page.wait_for_selector('[data-testid="stDataFrame"]')
    tab.picture(f"{language}-{scheme}-6-documents")
    assert_quiet(tab, server)


def test_a_reload_in_mid_answer_loses_nothing(browser: "Browser", server: ServerProcess) -> None:
    tab = Tab(browser, server.url, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    tab.page.reload()
    tab.page.wait_for_selector(".fk-draft")
    tab.wait_until_answered()
    assert tab.answer() == EchoEngine.ANSWERS["en"][0].replace("[1]", "1")
    tab.page.reload()
    tab.page.wait_for_selector(SOURCE)
    assert tab.page.locator(ANSWER).count() == 2
    assert_quiet(tab, server)


def test_stop_ends_the_answer_within_a_second_and_keeps_its_text(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server.url, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    time.sleep(0.4)
    pressed = time.monotonic()
    tab.page.click(STOP)
    tab.wait_until_answered()
    assert time.monotonic() - pressed < 1.0
    assert tab.answer() != ""
    assert EchoEngine.ANSWERS["en"][0].startswith(tab.answer())
    assert tab.page.get_by_text("Stopped. This is the text up to that moment.").is_visible()
    tab.picture("en-light-7-stopped")
    assert_quiet(tab, server)


def test_a_click_elsewhere_in_mid_answer_loses_nothing(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server.url, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.page.wait_for_selector(".fk-draft")
    tab.page.get_by_role("link", name="Documents").click()
    tab.page.wait_for_selector(".fk-facts")
    tab.page.get_by_role("link", name="Ask").click()
    tab.page.wait_for_selector(SOURCE, timeout=15000)
    assert tab.answer() == EchoEngine.ANSWERS["en"][0].replace("[1]", "1")
    assert_quiet(tab, server)


def test_hostile_words_load_nothing_wherever_they_are_shown(
    browser: "Browser", server: ServerProcess
) -> None:
    tab = Tab(browser, server.url, "en", "light")
    tab.open()
    tab.ask(f"attack {ATTACK[:60]}")  # also the title in the list of conversations
    tab.page.wait_for_selector(SOURCE)
    tab.page.locator("summary").first.click()
    tab.page.locator(SOURCE).first.click()
    tab.page.wait_for_selector(".fk-passage")
    tab.picture("en-light-13-hostile")
    tab.page.keyboard.press("Escape")
    tab.page.wait_for_selector(".fk-passage", state="detached")
    tab.page.get_by_role("link", name="Documents").click()
    tab.page.wait_for_selector('[data-testid="stDataFrame"]')
    assert tab.page.locator('a[href*="evil"], img[src*="evil"], iframe').count() == 0
    # The policy would block a request with a complaint: there is not even an attempt.
    assert_quiet(tab, server)


@pytest.mark.parametrize(("language", "scheme"), [("en", "dark"), ("ja", "light")])
def test_the_real_index_answers_or_says_that_it_cannot(
    browser: "Browser", real_server: ServerProcess, language: str, scheme: Scheme
) -> None:
    tab = Tab(browser, real_server.url, language, scheme)
    tab.page.set_default_timeout(90_000)  # the models load first
    tab.open()
    tab.ask(QUESTIONS[language])
    tab.page.wait_for_selector(f'{SOURCE}, [class*="st-key-not-found"]')
    tab.picture(f"{language}-{scheme}-8-real")
    outcome = tab.page.locator(f'{SOURCE}, [class*="st-key-not-found"]')
    assert outcome.count() > 0
    if tab.page.locator(SOURCE).count():
        tab.page.locator(SOURCE).first.click()
        assert tab.page.locator("mark.fk-quote").first.inner_text() != ""
        tab.picture(f"{language}-{scheme}-9-real-source")
    assert_quiet(tab, real_server)


def test_the_index_is_built_from_the_page(browser: "Browser", tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "leave.md").write_text("# Leave\n\nEvery employee has 20 days of leave.\n")
    (documents / "empty.txt").write_text("")
    server = ServerProcess(tmp_path, RAG_INDEX_DIR=str(tmp_path / "index"))
    try:
        server.wait()
        tab = Tab(browser, server.url, "en", "light")
        tab.open()
        tab.picture("en-light-10-first-steps")
        tab.page.get_by_role("button", name="Open Documents").click()
        tab.page.get_by_test_id("stTextInputField").fill(str(documents))
        tab.page.get_by_role("button", name="Build the index").click()
        tab.page.wait_for_selector('[class*="st-key-live-build"]')
        tab.page.reload()
        tab.page.wait_for_selector('[class*="st-key-live-build"]')
        tab.picture("en-light-11-building")
        tab.page.get_by_text("The index is ready. Documents: 1").wait_for(timeout=120_000)
        tab.picture("en-light-12-built")
        assert_quiet(tab, server)
    finally:
        server.stop()
