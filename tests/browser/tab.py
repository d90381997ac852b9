"""A page of headless Chromium that notes what it loads and what it complains about."""

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal
from urllib.parse import urlparse

from tests.browser.server_process import ServerProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Request, WebSocket

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
Scheme = Literal["light", "dark"]
LOCALES = {"en": "en-US", "ja": "ja-JP"}
ANSWER = ".fk-answer"
TABLE = '[data-testid="stDataFrame"]'
_ROW_HEIGHT = 35
# Streamlit looks for its server below every part of a deep address before it finds it.
_DEEP_PROBES = re.compile(
    r"/(documents|health|models|quality|teach|training)/_stcore/(health|host-config)$"
)


class Tab:
    """A page that notes what it loads and what it complains about.

    The fixture `quiet` fails the test afterwards if there was anything of either.
    """

    opened: ClassVar[list["Tab"]] = []  # in this test

    def __init__(
        self,
        browser: "Browser",
        server: ServerProcess,
        language: str,
        scheme: Scheme,
        width: int = 1280,
        height: int = 820,
    ) -> None:
        self.context = browser.new_context(
            locale=LOCALES[language],
            color_scheme=scheme,
            viewport={"width": width, "height": height},
        )
        self.page = self.context.new_page()
        self.server = server
        self.url = server.url
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.provoked: tuple[str, ...] = ()  # words of faults that the test itself brings about
        self.page.on("request", self._note_request)
        self.page.on("websocket", self._note_request)
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        Tab.opened.append(self)

    def _note_request(self, request: "Request | WebSocket") -> None:
        parts = urlparse(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.foreign.append(request.url)

    def _note_console(self, message: "ConsoleMessage") -> None:
        if message.type == "error" and not _DEEP_PROBES.search(message.location["url"]):
            self.complaints.append(message.text)

    def faults(self) -> list[str]:
        """Return what neither a page nor its server should ever do, in words."""
        found = [f"asked for {url}" for url in self.foreign]
        found += [f"complained: {words}" for words in self.complaints]
        found += [f"the server looked for {host}" for host in self.server.outside_attempts()]
        if "Traceback" in self.server.log.read_text():
            found.append(f"the server failed: {self.server.log.read_text()}")
        return [fault for fault in found if not any(words in fault for words in self.provoked)]

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)
        self.page.wait_for_selector(".fk-intro, .fk-answer, .fk-steps, .fk-facts")

    def tick(self, row: int) -> None:
        """Tick a row of the table of files; the first one is 1."""
        table = self.page.locator(TABLE)
        table.scroll_into_view_if_needed()
        table.click(position={"x": 18, "y": _ROW_HEIGHT * row + _ROW_HEIGHT // 2})

    def ask(self, question: str) -> None:
        self.page.fill("textarea:not([disabled])", question)
        before = self.page.locator(ANSWER).count()
        self.page.keyboard.press("Enter")
        self.page.locator(ANSWER).nth(before).wait_for()  # the question in the conversation

    def wait_until_answered(self, seconds: float = 60) -> None:
        self.page.wait_for_selector('[data-stale="true"]', state="detached")
        self.page.wait_for_selector("textarea:not([disabled])", timeout=seconds * 1000)
        self.page.wait_for_selector(".fk-draft, .fk-working", state="detached")

    def answer(self) -> str:
        return str(self.page.locator(ANSWER).last.inner_text())

    def picture(self, name: str) -> None:
        folder = os.environ.get("FUMIKURA_SCREENSHOTS")
        if folder:
            time.sleep(0.6)  # let animations end
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))
