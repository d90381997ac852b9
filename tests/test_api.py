"""What programs ask over HTTP, on a real socket, with a fake engine whose steps are seen."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.api.guard import MAX_BODY_BYTES
from rag.config import Config, load_config
from rag.datatypes import EVERYWHERE, Answer, Progress, SearchFilter, Token
from rag.errors import ConfigError, IndexNotFoundError
from rag.worker import MAX_WAITING
from tests.api_server import FakeServices, services_over, serving, serving_api
from tests.fakes import HANDBOOK, EchoEngine, make_answer, span, wait_until
from tests.hostile_requests import CHAT, HOSTILE, REBOUND, Hostile, chat, not_refused, search, send

QUESTION = "How many days of leave?"
FULL_TEXT, QUOTE = EchoEngine.ANSWERS["en"]


class WatchedEngine(EchoEngine):
    """Tells what it was asked, and when it was told to stop."""

    def __init__(self, config: Config, pause_seconds: float = 0.0) -> None:
        super().__init__(config, pause_seconds)
        self.histories: list[Sequence[str]] = []
        self.stopped = threading.Event()

    def ask(
        self,
        question: str,
        stop: threading.Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        self.histories.append(history)
        if question.startswith("no index"):
            raise IndexNotFoundError("There is no index yet. Build one.")
        yield from super().ask(question, stop, search_filter, history, progress)
        if stop.is_set():
            self.stopped.set()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(state_dir=tmp_path / "state", api="on")


@pytest.fixture
def engine(config: Config) -> WatchedEngine:
    return WatchedEngine(config)


@pytest.fixture
def services(engine: WatchedEngine, config: Config, tmp_path: Path) -> FakeServices:
    return services_over(engine, tmp_path, config)


@pytest.fixture
def port(services: FakeServices) -> Iterator[int]:
    with serving_api(services) as port:
        yield port


def ask(port: int, **changes: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - any JSON
    changes = {"messages": [{"role": "user", "content": QUESTION}], **changes}
    status, body = send(port, Hostile("", 200, chat(**changes)))
    table: dict[str, Any] = json.loads(body)
    return status, table


def events(body: bytes) -> list[dict[str, Any]]:
    lines = [line for line in body.decode().splitlines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


# Answers


def test_a_whole_answer_has_its_words_its_source_and_its_figures(port: int) -> None:
    status, table = ask(port)
    start, end = span(HANDBOOK.text, QUOTE)
    assert status == 200
    assert table["object"] == "chat.completion"
    assert table["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": FULL_TEXT, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert table["usage"] == {"prompt_tokens": 120, "completion_tokens": 12, "total_tokens": 132}
    told = table["fumikura"]
    assert told["citations"] == [
        {"n": 1, "path": HANDBOOK.path, "page": 1, "start": start, "end": end, "quote": QUOTE}
    ]
    assert (told["status"], told["source"], len(told["passages"])) == ("answered", "model", 3)


def test_not_found_is_an_answer_and_says_so(port: int) -> None:
    status, table = ask(port, messages=[{"role": "user", "content": "none of it"}])
    assert status == 200
    assert table["fumikura"]["status"] == "no_evidence"
    assert table["fumikura"]["citations"] == []
    assert len(table["fumikura"]["passages"]) == 3


def test_the_last_message_of_the_user_is_asked_after_the_earlier_ones(
    port: int, engine: WatchedEngine
) -> None:
    messages = [
        {"role": "system", "content": "Answer like a pirate."},
        {"role": "user", "content": "What is leave?"},
        {"role": "assistant", "content": "Do not search for this."},
        {"role": "user", "content": [{"type": "text", "text": "How many"},
                                     {"type": "text", "text": "days?"}]},
    ]  # fmt: skip
    status, _ = ask(port, messages=messages, temperature=0.2, user="me", seed=None)
    assert status == 200
    assert engine.asked == ["How many days?"]
    assert engine.histories == [("What is leave?",)]


def test_limits_go_with_the_question(port: int, engine: WatchedEngine) -> None:
    limits = {"collection": "work", "paths": ["規則/*"], "types": ["pdf"], "since": "2024年3月1日"}
    ask(port, fumikura=limits)
    within = engine.asked_within[0]
    assert (within.collection, within.paths, within.types) == ("work", ("規則/*",), ("pdf",))
    assert str(within.since) == "2024-03-01"


def test_a_completion_as_long_as_it_may_be_was_cut(services: FakeServices) -> None:
    cut = replace(services, config=replace(services.config, max_new_tokens=12))
    with serving_api(cut) as port:
        assert ask(port)[1]["choices"][0]["finish_reason"] == "length"


def test_no_question_of_a_program_is_in_a_list_of_conversations(
    port: int, services: FakeServices
) -> None:
    ask(port)
    assert services.store.history.conversations(10) == []
    assert services.store.latest_answers(10) == []


# Streams


def test_a_stream_is_the_checked_answer_with_the_draft_beside_it(port: int) -> None:
    body = chat(messages=[{"role": "user", "content": QUESTION}], stream=True,
                stream_options={"include_usage": True})  # fmt: skip
    status, content = send(port, Hostile("", 200, body))
    # With "Connection: close" the body is still chunked; each event is whole within its line.
    pieces = events(content)
    deltas = [piece["choices"][0]["delta"] for piece in pieces if piece["choices"]]
    assert status == 200
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == FULL_TEXT
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == FULL_TEXT
    assert pieces[-2]["choices"][0]["finish_reason"] == "stop"
    assert pieces[-2]["fumikura"]["citations"][0]["quote"] == QUOTE
    assert (pieces[-1]["choices"], pieces[-1]["usage"]["total_tokens"]) == ([], 132)
    assert len({piece["id"] for piece in pieces}) == 1


def test_a_stream_arrives_in_pieces_while_the_answer_is_written(
    port: int, engine: WatchedEngine
) -> None:
    engine.pause_seconds = 0.05
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = chat(messages=[{"role": "user", "content": QUESTION}], stream=True)
    connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    times = []
    while line := response.readline():
        if b"reasoning_content" in line:
            times.append(time.monotonic())
    connection.close()
    assert len(times) >= 5
    assert times[-1] - times[0] > 0.05 * (len(times) - 2)  # not all at once at the end


def test_an_error_before_the_first_piece_is_a_status(port: int) -> None:
    body = chat(messages=[{"role": "user", "content": "refuse this"}], stream=True)
    status, content = send(port, Hostile("", 400, body))
    assert status == 400
    assert json.loads(content)["error"]["message"] == "The question is too long. Shorten it."


def test_a_bug_in_the_middle_of_a_stream_is_told_in_it(port: int) -> None:
    body = chat(messages=[{"role": "user", "content": "crash"}], stream=True)
    _, content = send(port, Hostile("", 200, body))
    last = [line for line in content.decode().splitlines() if line.startswith("data: ")][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "internal"
    assert b"ZeroDivisionError" not in content


# Whoever hangs up


@pytest.mark.parametrize("is_stream", [True, False])
def test_a_client_that_hangs_up_stops_the_work(
    port: int, engine: WatchedEngine, is_stream: bool
) -> None:
    engine.pause_seconds = 1.0
    body = chat(messages=[{"role": "user", "content": QUESTION}], stream=is_stream)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: engine.asked)
    assert engine.stopped.wait(2.0)


def test_a_client_that_stays_is_not_stopped(port: int, engine: WatchedEngine) -> None:
    engine.pause_seconds = 0.06
    assert ask(port)[1]["choices"][0]["message"]["content"] == FULL_TEXT
    assert not engine.stopped.is_set()


def test_a_crowd_is_told_to_come_again(
    port: int, engine: WatchedEngine, services: FakeServices
) -> None:
    engine.pause_seconds = 30.0
    body = chat(messages=[{"role": "user", "content": QUESTION}])
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(MAX_WAITING + 1)]
    for connection in waiting:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    queue = services.worker._queue
    wait_until(lambda: queue.waiting("programs") == MAX_WAITING)
    status, table = ask(port)
    assert (status, table["error"]["type"]) == (429, "rate_limit_error")
    for connection in waiting:
        connection.close()
    wait_until(lambda: queue.waiting("programs") == 0)


# Search and models


def test_a_search_returns_passages_with_their_scores(port: int) -> None:
    status, body = send(port, Hostile("", 200, search(query="休暇は？", top_k=2), "/search"))
    table = json.loads(body)
    assert status == 200
    assert [passage["score"] for passage in table["passages"]] == [1.0, 0.5]
    first = table["passages"][0]
    assert HANDBOOK.text[first["start"] : first["end"]] == first["text"]
    assert "年次有給休暇".encode() in body  # readable as it is


def test_there_is_one_model_and_it_tells_which_network_answers(port: int) -> None:
    _, body = send(port, Hostile("", 200, b"", "/v1/models", "GET"))
    (model,) = json.loads(body)["data"]
    assert (model["id"], model["fumikura"]) == ("fumikura", {"answer_model": "echo"})
    assert json.loads(send(port, Hostile("", 200, b"", "/v1/models/fumikura", "GET"))[1]) == model
    assert ask(port, model="echo")[0] == 200


# Who may ask


def test_programs_may_not_ask_before_they_are_let_in(services: FakeServices) -> None:
    with serving_api(replace(services, config=Config())) as port:
        status, table = ask(port)
    assert status == 403
    assert 'write `api = "on"` into fumikura.toml' in table["error"]["message"]


def test_where_there_is_a_key_only_who_sends_it_is_answered(
    services: FakeServices, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("secret-key\n")
    key_file.chmod(0o600)
    config = replace(services.config, api_key_file=str(key_file))
    with serving_api(replace(services, config=config)) as port:

        def status(**headers: str) -> int:
            return send(port, Hostile("", 0, b"", "/v1/models", "GET", headers))[0]

        assert status() == 401
        assert status(Authorization="Bearer secret-kez") == 401
        assert status(Authorization="Basic secret-key") == 401
        assert status(Authorization="Bearer secret-key") == 200
        key_file.chmod(0o644)
        asked = Hostile("", 503, b"", "/v1/models", "GET", {"Authorization": "Bearer secret-key"})
        shown, body = send(port, asked)
        assert shown == 503
        assert str(tmp_path).encode() not in body


def test_a_missing_index_is_told_and_not_asked_for_again(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    body = chat(messages=[{"role": "user", "content": "no index"}])
    connection.request("POST", CHAT, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert response.status == 503
    assert response.headers["x-should-retry"] == "false"
    assert json.loads(response.read())["error"]["message"] == "There is no index yet. Build one."


def test_settings_of_programs_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"api = 'yes' in .*: expected one of off, on"):
        load_config(None, {}, {"RAG_API": "yes"})
    with pytest.raises(ConfigError, match=r"api_key_file = … in .*: expected the whole path"):
        load_config(None, {}, {"RAG_API_KEY_FILE": "secret-key"})
    assert load_config(None, {}, {}).api == "off"


# Hostile requests


def test_hostile_requests_are_refused_in_words_and_the_server_lives(
    port: int, engine: WatchedEngine
) -> None:
    engine.search = refuse_unknown_collections(engine.search)  # type: ignore[method-assign]
    assert not_refused(port, (*HOSTILE, *REBOUND)) == []
    assert engine.asked == []
    assert ask(port)[0] == 200


def refuse_unknown_collections(search: Any) -> Any:  # noqa: ANN401 - a bound method
    from rag.errors import RagError

    def searched(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> Any:  # noqa: ANN401 - hits
        if search_filter.collection:
            raise RagError("There is no collection of that name.")
        return search(question, k, search_filter)

    return searched


def test_a_server_that_trusts_its_clients_would_be_noticed() -> None:
    async def trusting(request: Request) -> Response:
        table = json.loads(await request.body())
        return JSONResponse({"choices": [{"message": {"content": str(table)}}]})

    routes = [Route(path, trusting, methods=["POST", "OPTIONS"]) for path in (CHAT, "/search")]
    with serving(routes) as port:
        failed = not_refused(port, HOSTILE)
    # A foreign origin is refused for the whole server, before any route.
    assert len(failed) == sum("Origin" not in one.headers for one in HOSTILE)


def test_a_body_that_never_ends_is_cut_off_at_its_bound(port: int) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
        )
        try:
            while sent < 64 * MAX_BODY_BYTES:
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                sent += 0x10000
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
    assert sent < 64 * MAX_BODY_BYTES
    assert ask(port)[0] == 200


def test_half_a_surrogate_in_a_document_does_not_break_an_answer(
    port: int, engine: WatchedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(question: str, *_: object, **__: object) -> Iterator[Answer]:
        yield make_answer(question, "bad \ud800 text")

    monkeypatch.setattr(engine, "ask", answers)
    _, table = ask(port)
    assert table["choices"][0]["message"]["content"] == "bad \ud800 text"
