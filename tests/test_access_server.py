"""A server that people sign in to, over its real sockets: a stranger gets nothing of it."""

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from rag.audit import AuditLog
from rag.config import Config
from rag.errors import RagError
from rag.store import Store
from rag.ui.access_gate import AccessGate, AsgiApp, Scope
from rag.ui.server import serve
from rag.ui.sign_in import COOKIE, following_of
from tests.access_state import PASSWORD, add_people
from tests.browser.server_process import ServerProcess

WEBSOCKET = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
HTML = {"Accept": "text/html,*/*"}
KEY = "key-of-a-program"


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def session(self) -> str:
        found = re.search(rf"{COOKIE}=([\w-]+)", self.headers.get("set-cookie", ""))
        return found[1] if found else ""


class Client:
    """Sends requests as a browser does, with the cookie that it was given."""

    def __init__(self, server: ServerProcess, token: str = "") -> None:
        self.server = server
        self.host = f"127.0.0.1:{server.port}"
        self.cookie = {"Cookie": f"{COOKIE}={token}"} if token else {}

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        return self.send("GET", path, "", headers or {})

    def send(self, method: str, path: str, body: str, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request(method, path, body or None, {**self.cookie, **headers})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            status = response.status
            text = "" if status == 101 else response.read().decode("utf-8", "replace")
            return Reply(status, found, text)
        finally:
            connection.close()

    def sign_in(self, name: str, password: str = PASSWORD, **headers: str) -> Reply:
        fields = urlencode({"name": name, "password": password, "next": "/?c=1", "lang": "en"})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        origin = {"Origin": f"http://{self.host}"}
        return self.send("POST", "/sign-in", fields, {**kind, **origin, **headers})

    def socket(self, origin: str = "") -> int:
        named = {"Host": self.host, "Origin": origin or f"http://{self.host}"}
        return self.get("/_stcore/stream", {**WEBSOCKET, **named}).status


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("shared")
    add_people(folder / "state")
    key_file = folder / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    with ServerProcess(
        folder,
        "--fake",
        RAG_AUTH="password",
        RAG_API="on",
        RAG_API_KEY_FILE=str(key_file),
        RAG_PUBLIC_URL="https://docs.example.org",
    ) as process:
        yield process


PATHS = [
    "/", "/documents", "/?c=abc", "/index.html", "/static/js/index.js", "/media/abc.md",
    "/_stcore/host-config", "/_stcore/upload_file/a/b", "/_stcore/message", "/component/x",
    "/auth/login?provider=x", "/oauth2callback?code=1&state=2",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_gets_nothing_but_the_sign_in(server: ServerProcess, path: str) -> None:
    page = Client(server).get(path, HTML)
    assert page.status == 303
    assert page.headers["location"].startswith("/sign-in?next=")
    assert page.text == ""
    assert Client(server).get(path).status == 401
    assert Client(server).send("POST", path, "x", {}).status == 401


def test_who_is_signed_in_gets_the_pages(server: ServerProcess) -> None:
    client = Client(server, Client(server).sign_in("mika").session)

    assert client.get("/", HTML).status == 200
    assert "<script" in client.get("/", HTML).text
    assert client.get("/_stcore/host-config").status == 200


def test_a_web_socket_is_for_who_is_signed_in_and_of_this_origin(server: ServerProcess) -> None:
    token = Client(server).sign_in("mika").session

    assert Client(server).socket() == 403
    assert Client(server, "made-up").socket() == 403
    assert Client(server, token).socket() == 101
    assert Client(server, token).socket("http://evil.example") == 403


def test_the_cookie_is_of_the_server_alone(server: ServerProcess) -> None:
    reply = Client(server).sign_in("mika")

    assert reply.status == 303
    assert reply.headers["location"] == "/?c=1"
    cookie = reply.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "secure", "path=/", "max-age=43200"):
        assert part in cookie
    assert len(reply.session) >= 43  # 256 bits


def test_a_wrong_password_opens_nothing(server: ServerProcess) -> None:
    for name, password in (("mika", "wrong"), ("nobody", PASSWORD), ("mika", "")):
        reply = Client(server).sign_in(name, password)
        assert reply.status == 401
        assert "do not match" in reply.text
        assert reply.session == ""
        assert "wrong" not in reply.text


def test_a_form_of_another_site_signs_nobody_in(server: ServerProcess) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
        reply = Client(server).sign_in("mika", Origin=origin)
        assert reply.status == 403
        assert reply.session == ""
    assert Client(server).sign_in("mika").session


def test_signing_in_again_ends_the_session_before(server: ServerProcess) -> None:
    first = Client(server).sign_in("mika").session
    second = Client(server, first).sign_in("ren").session

    assert Client(server, first).get("/").status == 401
    assert Client(server, second).get("/").status == 200


def test_a_link_elsewhere_leads_through_a_page_of_this_server(server: ServerProcess) -> None:
    headers = {**HTML, "Sec-Fetch-Site": "cross-site"}
    reply = Client(server).get('/?c=a"b', headers)  # the strict cookie was held back

    assert reply.status == 200
    assert 'content="0;url=/?c=a&quot;b"' in reply.text or "url=/?c=a%22b" in reply.text


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\nx",
        "javascript:x",
        "",
        "/sign-in",
    ],
)
def test_the_sign_in_leads_to_no_other_site(address: str) -> None:
    assert following_of(address) == "/"
    assert following_of("/teach?x=1") == "/teach?x=1"


def test_the_sign_in_speaks_both_languages(server: ServerProcess) -> None:
    japanese = Client(server).get("/sign-in", {"Accept-Language": "ja-JP,ja;q=0.9"})
    assert "文庫にサインイン" in japanese.text
    english = Client(server).get("/sign-in?lang=en", {"Accept-Language": "ja"})
    assert "Sign in to Fumikura" in english.text
    assert english.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in english.headers["content-security-policy"]


def test_the_public_host_is_served_and_no_other(server: ServerProcess) -> None:
    assert Client(server).get("/sign-in", {"Host": "docs.example.org"}).status == 200
    assert Client(server).get("/sign-in", {"Host": "evil.example"}).status == 403
    token = Client(server).sign_in("mika").session
    headers = {**WEBSOCKET, "Host": "docs.example.org", "Origin": "https://docs.example.org"}
    assert Client(server, token).get("/_stcore/stream", headers).status == 101


def test_programs_have_a_key_and_leave_nothing_in_a_history(server: ServerProcess) -> None:
    body = json.dumps({"model": "fumikura", "messages": [{"role": "user", "content": "Leave?"}]})
    kind = {"Content-Type": "application/json"}
    path = "/v1/chat/completions"
    token = Client(server).sign_in("aki").session

    assert Client(server).send("POST", path, body, kind).status == 401
    assert Client(server, token).send("POST", path, body, kind).status == 401  # no key, no answer
    with_key = {**kind, "Authorization": f"Bearer {KEY}"}
    assert Client(server).send("POST", path, body, with_key).status == 200
    store = Store(server.log.parent / "state")
    for owner in ("", "id-aki", "id-mika"):
        assert store.of(owner, "").history.conversations(9) == []


def test_the_audit_log_tells_of_sign_ins_and_holds_no_password(server: ServerProcess) -> None:
    Client(server).sign_in("ren", "guess-of-somebody")
    log = AuditLog(server.log.parent / "state").path.read_text()

    assert '"user": "ren", "action": "sign-in-failed", "address": "127.0.0.1"' in log
    assert "guess-of-somebody" not in log
    assert PASSWORD not in log


def test_who_guesses_is_told_how_long_to_wait(server: ServerProcess) -> None:
    # From behind a proxy on this machine, so that the other tests do not wait.
    headers = {"X-Forwarded-For": "10.9.8.7"}
    for _ in range(5):
        assert Client(server).sign_in("ren", "wrong", **headers).status == 401
    reply = Client(server).sign_in("ren", **headers)
    assert reply.status == 429
    assert "Try again in 15 min" in reply.text


def drawn(server: ServerProcess, token: str, page: str, query: str = "") -> str:
    """Return what a tab is sent for a page, asked over the socket as only a program would."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect
    from websockets.typing import Origin, Subprotocol

    host = f"127.0.0.1:{server.port}"
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = query
    message.rerun_script.context_info.locale = "en-US"
    texts = []
    with connect(
        f"ws://{host}/_stcore/stream",
        origin=Origin(f"http://{host}"),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"Cookie": f"{COOKIE}={token}"},
    ) as socket:
        socket.send(message.SerializeToString())
        finished = ForwardMsg.FINISHED_SUCCESSFULLY
        while True:
            received = ForwardMsg.FromString(socket.recv(20))
            texts.append(str(received))
            if (
                received.WhichOneof("type") == "script_finished"
                and received.script_finished == finished
            ):
                return "\n".join(texts)


@pytest.mark.parametrize("page", ["documents", "teach", "training", "models"])
def test_a_reader_is_drawn_no_page_of_administrators(server: ServerProcess, page: str) -> None:
    reader = drawn(server, Client(server).sign_in("mika").session, page)
    assert "page_not_found" in reader
    for name in ("Documents", "Teach", "Train", "Models"):
        assert f'page_name: "{name}"' not in reader
    admin = drawn(server, Client(server).sign_in("aki").session, page)
    assert "page_not_found" not in admin
    assert 'page_name: "Documents"' in admin


def test_another_persons_conversation_is_not_drawn_by_its_address(server: ServerProcess) -> None:
    store = Store(server.log.parent / "state").of("id-mika", "mika")
    conversation = store.create_conversation("How long is the leave of Mika?")
    store.finish_answer(store.add_answer(conversation, "Leave of Mika?"), "done", "Twenty days.")
    address = f"c={conversation}"

    for other in ("ren", "aki"):
        token = Client(server).sign_in(other).session
        assert "Mika" not in drawn(server, token, "", address)
    assert "Leave of Mika?" in drawn(server, Client(server).sign_in("mika").session, "", address)
    store.delete_conversation(conversation)


def test_without_a_sign_in_everything_is_as_it_was(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, "--fake")
    try:
        process.wait()
        assert Client(process).get("/", HTML).status == 200
        assert Client(process).socket() == 101
        assert Client(process).get("/sign-in").headers["location"] == "/"
        assert not (tmp_path / "state" / "audit.jsonl").exists()
    finally:
        process.stop()


def test_an_open_address_without_a_sign_in_is_refused(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, "--fake", RAG_ADDRESS="0.0.0.0")
    assert process.process.wait(30) != 0
    said = process.log.read_text()
    assert "nobody is asked who they are" in said
    assert "python -m rag user add NAME" in said


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.168.1.5", 403)],
)
def test_a_socket_that_others_reach_serves_nothing_without_a_sign_in(
    tmp_path: Path, address: str, status: int
) -> None:
    """Also where Streamlit or another server was told to listen elsewhere."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.testclient import TestClient

    from tests.test_permissions import World

    world = World(tmp_path)
    services = type(world.services)(
        *(getattr(world.services, name) for name in world.services.__slots__[:7])
    )
    app = Starlette()
    app.add_route("/", lambda request: PlainTextResponse("documents"))
    gate = AccessGate(app, lambda: services)

    async def bound(scope: Scope, receive: AsgiApp, send: AsgiApp) -> None:
        await gate({**scope, "server": (address, 8501)}, receive, send)

    reply = TestClient(bound).get("/")
    assert reply.status_code == status
    assert ("documents" in reply.text) == (status == 200)
    assert status == 200 or "python -m rag user add" in reply.text


def test_a_server_that_is_not_ready_tells_others_nothing() -> None:
    from starlette.testclient import TestClient

    def broken() -> None:
        raise RagError("The history in /home/mika/state cannot be opened.")

    async def page(scope: object, receive: object, send: object) -> None:
        raise AssertionError

    gate = AccessGate(page, broken)  # type: ignore[arg-type]
    assert "/home" not in TestClient(gate).get("/").text
    assert TestClient(gate).get("/").status_code == 403


def test_serve_listens_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.web import cli

    started: list[list[str]] = []
    monkeypatch.setattr(cli, "main", lambda arguments, **_: started.append(arguments))
    monkeypatch.setattr("os.environ", {})
    config = Config(auth="password", address="0.0.0.0", public_url="https://docs.example.org")
    serve(config, None, 18501)
    assert "--server.address=0.0.0.0" in started[0]
