"""What a browser of another site sends is refused: the very requests of our own pages, replayed."""

import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.browser.server_process import ServerProcess
from tests.browser.tab import CHROMIUM, Tab
from tests.browser.test_browser import QUESTIONS, SOURCE
from tests.hostile_requests import CHAT, JSON, chat
from tests.test_server import WEBSOCKET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs /usr/bin/chromium"),
]

FOREIGN = (
    {"host": "evil.example"},
    {"host": "evil.example", "origin": "http://evil.example"},
    {"origin": "http://evil.example"},
    {"origin": "https://evil.example:443"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "null"},
)


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, "--pdf", RAG_API="on") as process:
        yield process


def replay(
    server: ServerProcess, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> int:
    """Send a request again and return the status of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def own_headers(server: ServerProcess, **more: str) -> dict[str, str]:
    own = f"127.0.0.1:{server.port}"
    return {"host": own, "origin": f"http://{own}", **more}


def sent(request: "Request") -> tuple[str, str, dict[str, str]]:
    """Return method, path and headers of a request of the browser, as `replay` takes them."""
    parts = urlsplit(request.url)
    headers = {name: value for name, value in request.all_headers().items() if name[0] != ":"}
    headers.pop("content-length", None)
    return request.method, parts.path, headers


def form_of(file: Path) -> bytes:
    """Return a form with a file: Chromium does not tell the body of its own."""
    head = f'Content-Disposition: form-data; name="file"; filename="{file.name}"'
    return f"--tea\r\n{head}\r\n\r\n{file.read_text()}\r\n--tea--\r\n".encode()


def statuses(
    server: ServerProcess, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, set[int]]:
    """Return how a request is answered, and how as from elsewhere."""
    foreign = {replay(server, method, path, {**headers, **names}, body) for names in FOREIGN}
    return replay(server, method, path, headers, body), foreign


def test_pages_sockets_and_programs_are_for_this_machine_alone(open_server: ServerProcess) -> None:
    server, own = open_server, own_headers(open_server)
    for path in ("/", "/documents", "/teach", "/_stcore/health", "/_stcore/host-config"):
        assert statuses(server, "GET", path, own) == (200, {403})
    socket = {**own, **WEBSOCKET}
    assert statuses(server, "GET", "/_stcore/stream", socket) == (101, {403})
    program = {**own, "content-type": JSON}
    assert statuses(server, "POST", CHAT, program, chat()) == (200, {403})
    assert statuses(server, "GET", "/v1/models", own) == (200, {403})


def test_a_file_is_saved_by_our_page_alone(browser: "Browser", open_server: ServerProcess) -> None:
    tab = Tab(browser, open_server, "en", "light")
    tab.open()
    tab.ask(QUESTIONS["en"])
    tab.wait_until_answered()
    tab.page.locator(SOURCE).first.click()
    with tab.page.expect_download() as saved:
        tab.page.locator('[class*="st-key-source-open-file"] button').first.click()
    path = urlsplit(saved.value.url).path
    assert path.startswith("/media/")
    assert statuses(open_server, "GET", path, own_headers(open_server)) == (200, {403})


def test_a_file_is_sent_by_our_page_alone(
    browser: "Browser", open_server: ServerProcess, tmp_path: Path
) -> None:
    file = tmp_path / "tea.csv"
    file.write_text("question,answer\nWhen is tea?,four\n")
    tab = Tab(browser, open_server, "en", "light")
    tab.page.goto(f"{open_server.url}/training")
    with tab.page.expect_request(lambda one: "/upload_file/" in one.url) as upload:
        tab.page.locator("input[type=file]").set_input_files(str(file))
    tab.page.get_by_text("tea.csv").wait_for()
    method, path, headers = sent(upload.value)
    headers["content-type"] = "multipart/form-data; boundary=tea"
    own, foreign = statuses(open_server, method, path, headers, form_of(file))
    assert own == 204
    assert foreign == {403}
