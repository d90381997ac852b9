"""A real HTTP server on 127.0.0.1 that speaks the chat protocol, or misbehaves as it is told."""

import json
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    was_dropped: threading.Event = field(default_factory=threading.Event)  # by the client


class Reply:
    """What a script answers with: one handler, one request."""

    def __init__(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        self._handler = handler
        self.request = request

    def head(self, status: int = 200, **headers: str) -> None:
        """Send status and headers; afterwards the body is what `write` sends, up to the end."""
        self._handler.send_response(status)
        for name, value in {"content_type": "text/event-stream", **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.send_header("connection", "close")
        self._handler.end_headers()

    def write(self, content: bytes) -> None:
        self._handler.wfile.write(content)
        self._handler.wfile.flush()

    def stream(self, *chunks: bytes) -> None:
        """Send a stream of events, each part in a chunk of its own."""
        self.head(transfer_encoding="chunked")
        for chunk in chunks:
            self.chunk(chunk)
        self.chunk(b"")

    def chunk(self, content: bytes) -> None:
        self.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    def fail(self, status: int, table: object = None, **headers: str) -> None:
        """Refuse, with a body of JSON."""
        content = json.dumps(table or {"error": {"message": f"refused {status}"}}).encode()
        self.head(
            status, content_type="application/json", content_length=str(len(content)), **headers
        )
        self.write(content)

    def wait_for_drop(self, seconds: float = 30.0) -> None:
        """Wait until the client closes the connection, and note that it did."""
        ready, _, _ = select.select([self._handler.connection], [], [], seconds)
        if ready and not self._handler.connection.recv(1):
            self.request.was_dropped.set()


Script = Callable[[Reply], None]


class ScriptedServer:
    """Answers each request with the next script, the last of them for ever."""

    def __init__(self, scripts: Iterable[Script], port: int = 0) -> None:
        self.scripts = list(scripts)
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                server._answer(self)

            do_GET = do_POST  # noqa: N815 - the name that http.server looks for

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at the requests."""

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @contextmanager
    def serving(self) -> Iterator["ScriptedServer"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(handler.path, headers, json.loads(content) if content else {})
        with self._lock:
            self.requests.append(request)
            script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        handler.close_connection = True
        try:
            script(Reply(handler, request))
        except (BrokenPipeError, ConnectionResetError):
            request.was_dropped.set()


def event(text: str | None = None, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return an event with a piece of the answer."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": None, **fields}
    return data({"object": "chat.completion.chunk", "choices": [choice]})


def data(table: object) -> bytes:
    return b"data: " + json.dumps(table, ensure_ascii=False).encode() + b"\n\n"


END = event(finish_reason="stop") + b"data: [DONE]\n\n"


def says(*pieces: str) -> Script:
    """Return a script that answers properly."""
    return lambda reply: reply.stream(*map(event, pieces), END)


def answers(find: Callable[[str], str]) -> Script:
    """Return a script that answers what ``find`` makes of the last message."""
    return lambda reply: says(find(reply.request.body["messages"][-1]["content"]))(reply)


def offers(*models: object) -> Script:
    """Return a script that lists models."""
    return lambda reply: reply.fail(200, {"object": "list", "data": list(models)})
