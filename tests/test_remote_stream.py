"""The protocol with the answer server, against a real one that behaves and misbehaves."""

import gzip
import json
import logging
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest

from rag.config import REMOTE, Config
from rag.datatypes import Message, Prompt
from rag.errors import ModelError
from rag.remote import chat_server, connection
from rag.remote.generator import RemoteGenerator
from tests.fakes import wait_until
from tests.scripted_server import (
    END,
    Reply,
    Script,
    ScriptedServer,
    data,
    event,
    says,
)

GENEROUS_SECONDS = 10.0  # for what takes a fraction of one on a machine that is not busy
PROMPT = Prompt(
    (Message("system", "Answer."), Message("user", "[1] 文庫は9時に開く。\n\n質問: いつ?")),
    "いつ?", "ja", (), (), 0, 0, "abc",
)  # fmt: skip


@contextmanager
def serving(*scripts: Script) -> Iterator[ScriptedServer]:
    with ScriptedServer(scripts).serving() as server:
        yield server


def generator(url: str, **settings: int | str) -> RemoteGenerator:
    config = Config(answer_model=REMOTE, remote_url=url, remote_model="tiny", remote_seconds=60)
    return RemoteGenerator(replace(config, **settings))  # type: ignore[arg-type] # by name


def answer(server: ScriptedServer, stop: Event | None = None, **settings: int | str) -> str:
    return "".join(generator(server.url, **settings).stream(PROMPT, 20, stop or Event()))


def refused(server: ScriptedServer, **settings: int | str) -> str:
    with pytest.raises(ModelError) as caught:
        answer(server, None, **settings)
    return str(caught.value)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a further attempt follow at once."""
    monkeypatch.setattr(chat_server, "_PAUSES_SECONDS", (0.01, 0.01, 0.01))


# What is asked


def test_a_question_is_one_request_of_the_chat_protocol() -> None:
    with serving(says("9時", "に開く [1]")) as server:
        assert answer(server) == "9時に開く [1]"
        [request] = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Answer."},
            {"role": "user", "content": "[1] 文庫は9時に開く。\n\n質問: いつ?"},
        ],
        "temperature": 0,
        "max_tokens": 20,
        "stream": True,
    }
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers
    assert request.headers["accept-encoding"] == "identity"


def test_pieces_come_as_they_are_written() -> None:
    may_go_on = Event()

    def script(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")
        reply.chunk(event("one "))
        assert may_go_on.wait(GENEROUS_SECONDS)
        reply.chunk(event("two") + END)
        reply.chunk(b"")

    with serving(script) as server:
        pieces = generator(server.url).stream(PROMPT, 20, Event())
        assert next(pieces) == "one "
        may_go_on.set()
        assert list(pieces) == ["two"]


def byte_by_byte(content: bytes) -> list[bytes]:
    return [content[n : n + 1] for n in range(len(content))]


HALVES = b'data: {"choices": [{"delta": {"content": "a\\ud83d"}}]}\n\n'
TWO_LINES = b'data: {"choices":\ndata:  [{"delta": {"content": "yes"}}]}\n\n'


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([event("yes"), END], "yes"),
        ([(event("yes") + END).replace(b"\n", b"\r\n")], "yes"),
        ([(event("yes") + END).replace(b"\n", b"\r")], "yes"),
        (byte_by_byte((event("文庫") + END).replace(b"\n", b"\r\n")), "文庫"),
        (byte_by_byte(event("文") + event("𠮷😀") + END), "文𠮷😀"),
        ([b": keep-alive\n\n", b"\n\n", b":\n", event("yes"), b": again\n\n", END], "yes"),
        ([b"event: message\nid: 7\nretry: 10\n" + event("yes"), END], "yes"),
        ([event(delta={"role": "assistant"}), event("yes"), END], "yes"),
        ([event(delta={"role": "assistant", "content": None}), event(""), event("a"), END], "a"),
        ([event(delta=None), data({"ping": 1}), data({"choices": None}), event("a"), END], "a"),
        ([event("yes"), data({"choices": [], "usage": {"total_tokens": 9}}), END], "yes"),
        ([event(delta={"reasoning_content": "hm"}), event("yes"), END], "yes"),
        ([event("yes"), event(finish_reason="stop")], "yes"),  # no [DONE]
        ([event("yes", finish_reason="length")], "yes"),  # with the last piece, cut off
        ([event("yes"), b"data:[DONE]\n\n"], "yes"),  # no reason, and no space
        ([TWO_LINES, END], "yes"),
        ([HALVES, END], "a\ufffd"),  # half a character could not be stored
        ([b"data: \n\n", event("yes"), END], "yes"),
        ([END], ""),  # a model may have nothing to say
    ],
)  # fmt: skip
def test_every_way_to_write_a_stream_is_read(chunks: list[bytes], expected: str) -> None:
    with serving(lambda reply: reply.stream(*chunks)) as server:
        assert answer(server) == expected


def test_a_stream_that_ends_with_its_connection_is_read() -> None:
    def script(reply: Reply) -> None:  # neither chunks nor a length, as of HTTP/1.0
        reply.head()
        reply.write(event("yes") + END)

    with serving(script) as server:
        assert answer(server) == "yes"


def test_the_connection_is_closed_at_the_end_of_an_answer_also_when_the_server_keeps_it() -> None:
    def script(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")
        reply.chunk(event("yes") + END)
        reply.wait_for_drop()

    with serving(script) as server:
        assert answer(server) == "yes"
        assert server.requests[0].was_dropped.wait(GENEROUS_SECONDS)


# Stop


def before_anything(reply: Reply) -> None:
    reply.wait_for_drop()


def after_the_headers(reply: Reply) -> None:
    reply.head(transfer_encoding="chunked")
    reply.wait_for_drop()


def among_keep_alives(reply: Reply) -> None:
    reply.head(transfer_encoding="chunked")
    while True:
        reply.chunk(b": reading\n\n")
        time.sleep(0.02)


def in_mid_answer(reply: Reply) -> None:
    reply.head(transfer_encoding="chunked")
    reply.chunk(event("Half an"))
    reply.wait_for_drop()


@pytest.mark.parametrize(
    "script", [before_anything, after_the_headers, among_keep_alives, in_mid_answer]
)
def test_stop_closes_the_connection_wherever_it_waits(script: Script) -> None:
    stop = Event()
    with serving(script) as server:
        pieces: list[str] = []

        def read() -> None:
            for piece in generator(server.url).stream(PROMPT, 20, stop):
                pieces.append(piece)

        reader = Thread(target=read)
        reader.start()
        wait_until(lambda: server.requests, GENEROUS_SECONDS)
        wait_until(lambda: pieces or script is not in_mid_answer, GENEROUS_SECONDS)
        time.sleep(0.2)
        assert reader.is_alive()  # the control: nothing else would end it
        assert not server.requests[0].was_dropped.is_set()
        stop.set()
        reader.join(GENEROUS_SECONDS)

        assert not reader.is_alive()
        assert server.requests[0].was_dropped.wait(GENEROUS_SECONDS)
    assert "".join(pieces) == ("Half an" if script is in_mid_answer else "")


def test_stop_ends_the_wait_for_a_further_attempt() -> None:
    stop = Event()
    with serving(lambda reply: reply.fail(503, retry_after="25")) as server:
        reader = Thread(target=lambda: list(generator(server.url).stream(PROMPT, 20, stop)))
        reader.start()
        wait_until(lambda: server.requests, GENEROUS_SECONDS)
        stop.set()
        reader.join(GENEROUS_SECONDS)
        assert not reader.is_alive()
        assert len(server.requests) == 1


def test_stop_before_the_start_asks_nobody() -> None:
    stop = Event()
    stop.set()
    with serving(says("no")) as server:
        assert answer(server, stop) == ""
        assert server.requests == []


def test_an_abandoned_answer_closes_the_connection() -> None:
    with serving(in_mid_answer) as server:
        with closing(generator(server.url).stream(PROMPT, 20, Event())) as pieces:  # type: ignore[type-var] # a generator
            assert next(pieces) == "Half an"
            assert not server.requests[0].was_dropped.is_set()
        assert server.requests[0].was_dropped.wait(GENEROUS_SECONDS)


def test_answers_beside_each_other_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(2, timeout=GENEROUS_SECONDS)

    def script(reply: Reply) -> None:
        both.wait()  # for the other request
        says("yes")(reply)

    with serving(script) as server:
        asked = generator(server.url)
        found: list[str] = []
        readers = [
            Thread(target=lambda: found.extend(asked.stream(PROMPT, 20, Event()))) for _ in "ab"
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(GENEROUS_SECONDS)
        assert found == ["yes", "yes"]


# Further attempts


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int, soon: None) -> None:
    busy: Script = lambda reply: reply.fail(status)  # noqa: E731 - one line says it
    with serving(busy, busy, says("yes")) as server:
        assert answer(server) == "yes"
        assert len(server.requests) == 3


def test_a_server_that_stays_busy_is_told_after_four_attempts(soon: None) -> None:
    with serving(lambda reply: reply.fail(503, {"error": {"message": "loading"}})) as server:
        message = refused(server)
        assert len(server.requests) == 4
    assert "cannot answer at the moment (status 503: loading). Ask again" in message


def in_two_seconds() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)


@pytest.mark.parametrize(("wait", "least"), [("1", 1.0), (in_two_seconds, 0.9), ("soon", 0.0)])
def test_a_server_is_given_the_time_it_asks_for(
    wait: str | Callable[[], str], least: float, soon: None
) -> None:
    asked = wait if isinstance(wait, str) else wait()
    with serving(lambda reply: reply.fail(429, retry_after=asked), says("yes")) as server:
        started = time.monotonic()
        assert answer(server) == "yes"
        assert time.monotonic() - started >= least


@pytest.mark.parametrize(
    ("wait", "seconds"), [("35", 600), ("20", 10), ("Fri, 31 Dec 2100 00:00:00 GMT", 60)]
)
def test_a_wait_that_is_too_long_is_told_at_once(wait: str, seconds: int) -> None:
    with serving(lambda reply: reply.fail(429, retry_after=wait)) as server:
        assert "status 429" in refused(server, remote_seconds=seconds)
        assert len(server.requests) == 1


def test_a_connection_that_is_dropped_before_the_answer_is_made_again(soon: None) -> None:
    def after_the_headers(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")

    with serving(lambda reply: None, after_the_headers, says("yes")) as server:
        assert answer(server) == "yes"
        assert len(server.requests) == 3


def test_a_server_that_starts_meanwhile_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_server, "_PAUSES_SECONDS", (1.0, 1.0, 1.0))
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1"
    answered: list[str] = []
    reader = Thread(target=lambda: answered.extend(generator(url).stream(PROMPT, 20, Event())))
    reader.start()
    time.sleep(0.3)
    with ScriptedServer([says("yes")], port).serving():
        reader.join(GENEROUS_SECONDS)
    assert answered == ["yes"]


def test_a_server_that_is_not_there_is_told(soon: None) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(ModelError, match=r"cannot be reached \(.*onnect.*\)\. Check that it runs"):
        list(generator(url).stream(PROMPT, 20, Event()))


def test_an_international_name_that_is_none_is_told(soon: None) -> None:
    with pytest.raises(ModelError, match=r"cannot be reached \(Label "):
        list(generator("http://axn--/v1").stream(PROMPT, 20, Event()))


def test_after_the_first_piece_nothing_is_asked_again(soon: None) -> None:
    def script(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")
        reply.chunk(event("Half an"))

    with serving(script) as server:
        pieces = generator(server.url).stream(PROMPT, 20, Event())
        assert next(pieces) == "Half an"
        with pytest.raises(ModelError, match="broke off in mid-answer"):
            next(pieces)
        assert len(server.requests) == 1


def test_a_stream_that_ends_without_saying_so_was_cut_off(soon: None) -> None:
    with serving(lambda reply: reply.stream(event("Half an"))) as server:
        assert "broke off in mid-answer (the stream ended too early)" in refused(server)
        assert len(server.requests) == 1


@pytest.mark.parametrize("script", [before_anything, after_the_headers, among_keep_alives])
def test_an_answer_that_takes_too_long_is_ended(script: Script) -> None:
    with serving(script) as server:
        started = time.monotonic()
        assert "did not finish within 1 s" in refused(server, remote_seconds=1)
        assert time.monotonic() - started < GENEROUS_SECONDS
        assert server.requests[0].was_dropped.wait(GENEROUS_SECONDS)


# What a server refuses

TOO_LONG = "This model's maximum context length is 2048 tokens. However, you requested 3000 tokens."


@pytest.mark.parametrize(
    ("status", "table", "expected"),
    [
        (400, {"error": {"message": TOO_LONG, "code": 400}}, "too long for tiny at 127.0.0.1"),
        (400, {"object": "error", "message": TOO_LONG}, "Set remote_context_tokens"),
        (400, {"error": {"code": "context_length_exceeded"}}, "Set remote_context_tokens"),
        (400, {"error": "no system role"}, "reports an error (status 400: no system role)"),
        (422, {"detail": [{"loc": ["body"]}]}, "(status 422: [{'loc': ['body']}])"),
        (400, [1], "(status 400: Bad Request)"),
        (401, {"error": {"message": "Incorrect key sk-ab**yz"}}, "does not accept the API key"),
        (403, {}, "Put a valid key into the file that remote_key_file names"),
        (404, {"error": {"message": "no such model"}}, "has no model 'tiny', or nothing at this"),
        (500, {"error": {"message": "CUDA\x1b[2J out\nof memory"}}, "CUDA [2J out of memory"),
        (500, {"error": {"message": "x" * 5000}}, f"(status 500: {'x' * 200})"),
    ],
)  # fmt: skip
def test_a_refusal_is_told_at_once_and_in_words(status: int, table: object, expected: str) -> None:
    with serving(lambda reply: reply.fail(status, table)) as server:
        message = refused(server)
        assert len(server.requests) == 1
    assert expected in message
    assert "sk-ab" not in message


def test_a_refusal_without_json_is_told_by_its_status() -> None:
    def script(reply: Reply) -> None:
        reply.head(500, content_type="text/html")
        reply.write(b"<html>" + b"<p>" * 100 + b"[" * 100_000)

    with serving(script) as server:
        assert "(status 500: Internal Server Error)" in refused(server)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    with (
        serving(says("stolen")) as other,
        serving(
            lambda reply: reply.fail(status, location=f"{other.url}/chat/completions")
        ) as server,
    ):
        assert f"sends requests on to {other.url}/chat/completions" in refused(server)
        assert other.requests == []
        assert answer(other) == "stolen"  # the control: it would have been reached


# What is no answer


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (lambda r: (r.head(content_type="text/html"), r.write(b"<html>")), "type text/html"),
        (lambda r: r.fail(200, {"choices": []}), "it is of type application/json"),
        (lambda r: r.stream(b"data: {\n\n"), "an event is no JSON"),
        (lambda r: r.stream(b"data: [1]\n\n"), "an event is no JSON object"),
        (lambda r: r.stream(b"data: " + b"[" * 200_000 + b"\n\n"), "an event is no JSON"),
        (lambda r: (r.head(content_encoding="gzip"), r.write(gzip.compress(END))), "compressed"),
    ],
)  # fmt: skip
def test_what_is_no_stream_of_events_is_told(script: Script, expected: str) -> None:
    with serving(script) as server:
        message = refused(server)
        assert len(server.requests) == 1
    assert "sent no answer (" in message
    assert expected in message


@pytest.mark.parametrize("line", [b"data: " + b"x" * 70_000, b"x" * 70_000])
def test_an_endless_line_is_given_up(line: bytes) -> None:
    def script(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")
        while True:
            reply.chunk(line)

    with serving(script) as server:
        assert "an event is larger than 262,144 bytes" in refused(server)
        assert server.requests[0].was_dropped.wait(GENEROUS_SECONDS)


@pytest.mark.parametrize("flood", [b": nothing" + b"x" * 9000 + b"\n\n", event(" ")])
def test_an_endless_stream_is_given_up(flood: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_server, "_MOST_BYTES", 10_000)

    def script(reply: Reply) -> None:
        reply.head(transfer_encoding="chunked")
        while True:
            reply.chunk(flood)

    with serving(script) as server:
        assert f"it is larger than {10_000 + 20 * 4096:,} bytes" in refused(server)


def test_an_error_in_the_stream_is_told(soon: None) -> None:
    broken = data({"error": {"message": "out of memory", "code": 500}})
    with serving(lambda reply: reply.stream(event("Half"), broken)) as server:
        assert "reports an error (in its answer: out of memory)" in refused(server)
        assert len(server.requests) == 1
    with serving(lambda reply: reply.stream(data({"object": "error", "message": TOO_LONG}))) as s:
        assert "too long for tiny" in refused(s)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_silence_is_told_with_its_reason(reason: str) -> None:
    thought = event(delta={"reasoning_content": "hm"})
    with serving(lambda r: r.stream(thought, event(finish_reason=reason))) as server:
        assert f"wrote nothing within 20 tokens ({reason})" in refused(server)


def test_thoughts_in_the_answer_are_told() -> None:
    with serving(says("\n<th", "ink>", "The passage says ...")) as server:
        assert "thinks before it answers" in refused(server)
    with serving(says("I <think> so")) as server:  # the control
        assert answer(server) == "I <think> so"


# The way there


def test_a_proxy_of_the_environment_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says("by proxy")) as proxy, serving(says("yes")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

        assert answer(server) == "yes"
        assert proxy.requests == []

        with httpx2.Client() as client:  # the control: httpx2 by itself asks the proxy
            client.post(server.url, json={})
        assert len(proxy.requests) == 1


# Made for this test: valid for 127.0.0.1 until 2126, and signed by nobody but itself.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg3T5MEAs9823Oo1Mr
6xaWmjJOZCEI3kT3HMJ6dFDuD2WhRANCAARZmmH7eMiRc3T80ZaIW6xgzzjwf8A+
BMEJrELjxo9RezYCzxXrM/XoOKj7fm814M28eUvy2yZRvFkfBtyxt27a
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUMI7ZXFrfiSUZcP86SQZX1MqZv9QwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEzMDE0MzYxNloYDzIxMjYxMTA2
MTQzNjE2WjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARZmmH7eMiRc3T80ZaIW6xgzzjwf8A+BMEJrELjxo9RezYCzxXrM/Xo
OKj7fm814M28eUvy2yZRvFkfBtyxt27ao2QwYjAdBgNVHQ4EFgQUjS2sWEFa1jJl
1uKBd6ZNlKcTSrkwHwYDVR0jBBgwFoAUjS2sWEFa1jJl1uKBd6ZNlKcTSrkwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQC
IFK9CDVORt3bl3Jtill+aHjaWkcY8Q/pTOdXgwri9GAQAiAs8UHB2awicuRxeFEC
Khjt6N3UowkASb7LVBJQa+KvHg==
-----END CERTIFICATE-----
"""


@contextmanager
def encrypted(tmp_path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """Serve TLS with a certificate that no authority has signed; what was sent is kept."""
    file = tmp_path / "certificate.pem"
    file.write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                received.append(b"")
                try:
                    with context.wrap_socket(client, server_side=True) as stream:
                        received.append(stream.recv(1000))
                except OSError:
                    pass

        Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/v1", received


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with encrypted(tmp_path) as (url, received):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        with pytest.raises(ModelError, match=r"cannot be trusted \(self-signed certificate\)"):
            list(generator(url).stream(PROMPT, 20, Event()))
        assert received == [b""]  # one connection, and nothing over it

        trusting = ssl.create_default_context(cafile=tmp_path / "certificate.pem")  # the control
        with pytest.raises(httpx2.RemoteProtocolError), httpx2.Client(verify=trusting) as client:
            client.get(url)
        assert received[-1].startswith(b"GET /v1")


# The API key

KEY = "sk-canary-4711"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_text(KEY + "\n")
    return file


ECHO = {"error": {"message": f"Bad key {KEY}"}}


@pytest.mark.parametrize(
    "script",
    [
        says("yes"),
        *[lambda r, status=status: r.fail(status, ECHO) for status in (400, 401, 404, 500, 503)],
        lambda r: r.stream(data(ECHO)),
        lambda r: r.fail(302, location=f"/{KEY}"),
        lambda r: r.stream(b"data: " + KEY.encode() + b"\n\n"),
    ],
)
def test_the_key_goes_to_the_server_alone(
    script: Script, key_file: Path, caplog: pytest.LogCaptureFixture, soon: None
) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    with serving(script) as server:
        try:
            said = answer(server, remote_key_file=str(key_file))
        except ModelError as error:
            said = str(error)
        [request, *_] = server.requests
    assert request.headers["authorization"] == f"Bearer {KEY}"  # the control: it was sent
    assert KEY not in json.dumps(request.body)
    assert KEY not in said
    assert KEY not in caplog.text
    assert caplog.text  # there is something to look through
    assert KEY not in repr(vars(generator(server.url, remote_key_file=str(key_file))))


def test_a_key_that_is_exchanged_serves_at_the_next_question(key_file: Path) -> None:
    with serving(says("yes")) as server:
        asked = generator(server.url, remote_key_file=str(key_file))
        list(asked.stream(PROMPT, 20, Event()))
        key_file.write_text("another")
        list(asked.stream(PROMPT, 20, Event()))
        sent = [request.headers["authorization"] for request in server.requests]
    assert sent == [f"Bearer {KEY}", "Bearer another"]


@pytest.mark.parametrize("content", ["", " \n", f"{KEY} x", f"{KEY}\nx: y", "鍵", "k" * 5000])
def test_a_file_without_one_key_is_told_and_not_shown(key_file: Path, content: str) -> None:
    key_file.write_text(content)
    with serving(says("no")) as server:
        message = refused(server, remote_key_file=str(key_file))
        assert server.requests == []
    assert message == (
        f"The API key file {key_file} holds no key. Put the key into it, in one line and "
        "nothing else."
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602, 0o604])
def test_a_key_file_that_others_can_open_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with serving(says("no")) as server:
        message = refused(server, remote_key_file=str(key_file))
        assert server.requests == []
        assert f"`chmod 600 {key_file}`" in message
        key_file.chmod(0o400)  # the control
        assert answer(server, remote_key_file=str(key_file)) == "no"


def test_a_key_file_that_is_none_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, reason in (("none", "No such file"), ("pipe", "it is no file"), (".", "directory")):
        with serving(says("no")) as server:
            message = refused(server, remote_key_file=str(tmp_path / name))
        assert "cannot be read (" in message
        assert reason in message


def test_the_bounds_are_those_of_the_messages() -> None:
    assert connection.MAX_EVENT_BYTES == 262_144
