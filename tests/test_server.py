"""The server is reachable from this machine alone and asks no other machine for anything."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rag.config import Config
from rag.errors import RagError
from rag.ui.server import CONTENT_SECURITY_POLICY, serve
from tests.browser.server_process import ServerProcess

REPOSITORY = Path(__file__).resolve().parents[1]
WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), "--fake") as process:
        yield process


def request(
    server: ServerProcess, path: str = "/", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}
    finally:
        connection.close()


def test_every_page_carries_the_security_headers(server: ServerProcess) -> None:
    for path in ("/", "/documents", "/_stcore/health"):
        _, headers = request(server, path)
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_policy_allows_no_other_host() -> None:
    assert "http" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY
    for directive in ("default-src 'self'", "img-src 'self' data: blob:", "connect-src 'self';"):
        assert directive in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST"])
def test_this_machine_is_served(server: ServerProcess, host: str) -> None:
    assert request(server, headers={"Host": f"{host}:{server.port}"})[0] == 200


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/host-config"])
def test_a_foreign_host_name_is_refused(server: ServerProcess, path: str) -> None:
    assert request(server, path, {"Host": "evil.example"})[0] == 403
    assert request(server, path, {"Host": f"127.0.0.1.evil.example:{server.port}"})[0] == 403


def test_websockets_of_this_origin_alone_are_accepted(server: ServerProcess) -> None:
    own = f"127.0.0.1:{server.port}"
    path = "/_stcore/stream"
    accepted, _ = request(server, path, {**WEBSOCKET, "Host": own, "Origin": f"http://{own}"})
    foreign_origin, _ = request(
        server, path, {**WEBSOCKET, "Host": own, "Origin": "http://evil.example"}
    )
    rebound, _ = request(
        server, path, {**WEBSOCKET, "Host": "evil.example", "Origin": "http://evil.example"}
    )
    assert (accepted, foreign_origin, rebound) == (101, 403, 403)


def test_a_foreign_origin_makes_the_server_look_up_nothing(server: ServerProcess) -> None:
    headers = {**WEBSOCKET, "Host": f"127.0.0.1:{server.port}", "Origin": "http://evil.example"}
    request(server, "/_stcore/stream", headers)
    assert server.outside_attempts() == []


def test_the_watch_for_look_ups_would_see_one(tmp_path: Path) -> None:
    log = tmp_path / "outside.log"
    script = (
        "import socket, sys; from pathlib import Path; from tests.browser.serve import "
        f"watch_sockets; watch_sockets(Path({str(log)!r}))\n"
        "try: socket.getaddrinfo('host.invalid', 80)\nexcept OSError: pass"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)
    assert log.read_text() == "socket.getaddrinfo host.invalid\n"


def test_only_the_loopback_address_listens(server: ServerProcess) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(server.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]


def test_the_automation_interface_is_off(server: ServerProcess) -> None:
    assert request(server, "/_stcore/agent/mcp")[0] in (403, 404, 405)


def test_the_address_is_printed(server: ServerProcess) -> None:
    assert f"http://localhost:{server.port}" in server.log.read_text()


def test_a_busy_port_is_told_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(RagError, match=f"Port {port} is not free") as refused:
            serve(Config(), None, port)
    assert "\n" not in str(refused.value)
    assert f"--port {port + 1}" in str(refused.value)


def test_streamlit_run_finds_the_same_app() -> None:
    script = (
        "import json; from pathlib import Path; "
        "from streamlit.web.server.app_discovery import discover_asgi_app; "
        "found = discover_asgi_app(Path('app.py')); import app; "
        "print(json.dumps([found.import_string, type(app.app).__name__]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout.splitlines()[-1]) == ["app:app", "App"]
