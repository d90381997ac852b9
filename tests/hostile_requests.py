"""Requests that nobody who means well sends, over a plain socket, so that nothing mends them."""

import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

CHAT, SEARCH = "/v1/chat/completions", "/search"
JSON = "application/json"


@dataclass(frozen=True)
class Hostile:
    """One request; ``status`` is what it should be answered with."""

    name: str
    status: int
    body: bytes
    path: str = CHAT
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


def chat(**changes: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Return the body of a good request, with some parameters changed."""
    good = {"model": "fumikura", "messages": [{"role": "user", "content": "How many days?"}]}
    return json.dumps({**good, **changes}).encode()


def saying(content: object) -> bytes:
    return chat(messages=[{"role": "user", "content": content}])


def search(**fields: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps({"query": "leave", **fields}).encode()


HOSTILE = (
    Hostile("no JSON", 400, b"{'model': fumikura}"),
    Hostile("nothing", 400, b""),
    Hostile("a list", 400, b"[]"),
    Hostile("deep nesting", 400, b"[" * 200_000 + b"]" * 200_000),
    Hostile("a deep object", 400, b'{"messages":' * 50_000),
    Hostile("another encoding", 400, chat().decode().encode("utf-16")),
    Hostile("a number that is none", 400, b'{"temperature": NaN}'),
    Hostile("a very long number", 400, b'{"n": ' + b"9" * 10_000 + b"}"),
    Hostile("a huge body", 413, saying("x" * 2_000_000)),
    Hostile("a body of the wrong kind", 415, chat(), headers={"Content-Type": "text/plain"}),
    Hostile(
        "a form", 415, b"model=fumikura",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    Hostile("a NUL", 400, saying("leave\0; rm -rf /")),
    Hostile("half of a surrogate pair", 400, saying("leave \ud800")),
    Hostile("messages of the wrong type", 400, chat(messages="How many days?")),
    Hostile("no messages", 400, chat(messages=[])),
    Hostile("a message that is none", 400, chat(messages=[7])),
    Hostile("content of the wrong type", 400, saying({"a": 1})),
    Hostile("a picture", 400, saying([{"type": "image_url", "image_url": {"url": "file:///x"}}])),
    Hostile("a long question", 400, saying("x" * 5000)),
    Hostile("a model of the wrong type", 400, chat(model=["fumikura"])),
    Hostile("an unknown model", 404, chat(model="../../etc/passwd\n")),
    Hostile("an unknown parameter", 400, chat(colour="red")),
    Hostile("a negative number", 400, chat(max_tokens=-1)),
    Hostile("a stream that is no truth value", 400, chat(stream="yes")),
    Hostile("more answers than one", 400, chat(n=3)),
    Hostile("tools", 400, chat(tools=[{"type": "function", "function": {"name": "rm"}}])),
    Hostile("a negative top_k", 400, search(top_k=-5), SEARCH),
    Hostile("a vast top_k", 400, search(top_k=10**30), SEARCH),
    Hostile("paths of the wrong type", 400, search(paths=[{"a": 1}]), SEARCH),
    Hostile("no such collection", 400, search(collection="'; DROP TABLE"), SEARCH),
    Hostile("no day", 400, search(since="2024-02-31"), SEARCH),
    Hostile("the wrong method", 405, b"", SEARCH, "DELETE"),
    Hostile("a preflight", 403, b"", CHAT, "OPTIONS", {"Origin": "https://evil.example"}),
    Hostile("a foreign origin", 403, chat(), headers={"Origin": "https://evil.example"}),
    Hostile("another port's origin", 403, chat(), headers={"Origin": "http://127.0.0.1:1"}),
    Hostile("no origin at all", 403, chat(), headers={"Origin": "null"}),
    Hostile("an unknown address", 404, b"", "/v1/files"),
)  # fmt: skip
REBOUND = (
    Hostile("a foreign host", 403, chat(), headers={"Host": "evil.example"}),
    Hostile(
        "a name that was rebound", 403, chat(),
        headers={"Host": "evil.example", "Origin": "http://evil.example"},
    ),
    Hostile(
        "a name that begins like ours", 403, b"", "/v1/models", "GET",
        {"Host": "127.0.0.1.evil.example"},
    ),
)  # fmt: skip


def send(port: int, request: Hostile) -> tuple[int, bytes]:
    """Return the status and the body that answer one request."""
    headers = {
        "Host": f"127.0.0.1:{port}", "Content-Type": JSON,
        "Content-Length": str(len(request.body)), "Connection": "close", **request.headers,
    }  # fmt: skip
    head = f"{request.method} {request.path} HTTP/1.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
            connection.sendall(head.encode() + b"\r\n" + request.body)
        with suppress(ConnectionResetError):  # what was sent before it is here
            while piece := connection.recv(65536):
                received += piece
    head_bytes, _, body = received.partition(b"\r\n\r\n")
    status = head_bytes.split(b" ", 2)[1] if b" " in head_bytes else b"0"
    return int(status), body


def not_refused(port: int, requests: Iterable[Hostile]) -> list[str]:
    """Return the names of requests that were not refused in the way they should be.

    In words that tell what is wrong, in the shape of OpenAI's errors, and with nothing of ours.
    """
    failed = []
    for request in requests:
        status, body = send(port, request)
        try:
            message = json.loads(body)["error"]["message"] if request not in REBOUND else "no. "
            is_told = len(message) > 3 and "Traceback" not in message
        except (ValueError, KeyError, TypeError):
            is_told = False
        if status != request.status or not is_told:
            failed.append(f"{request.name}: {status}")
    return failed
