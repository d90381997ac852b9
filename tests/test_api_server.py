"""The real server process, asked by OpenAI's own client and by those who mean harm."""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator

import openai
import pytest
from openai import OpenAI

from rag.ui.server import CONTENT_SECURITY_POLICY
from tests.browser.server_process import ServerProcess
from tests.hashing_index import HANDBOOK, build_hashing_index
from tests.hostile_requests import CHAT, HOSTILE, REBOUND, Hostile, chat, not_refused, send

CROWD = 4
QUESTION = "How many days of paid leave does an employee have?"
SENTENCE = "Every employee has 20 days of paid leave a year."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("api")
    with ServerProcess(folder, "--hashing", **build_hashing_index(folder), RAG_API="on") as process:
        yield process


@pytest.fixture
def client(server: ServerProcess) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_the_client_of_openai_lists_the_model(client: OpenAI) -> None:
    (model,) = client.models.list().data
    assert model.id == "fumikura"
    assert client.models.retrieve("fumikura") == model


def test_the_client_of_openai_reads_an_answer_with_its_source(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="fumikura", messages=[{"role": "user", "content": QUESTION}]
    )
    assert SENTENCE in (completion.choices[0].message.content or "")
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    extra = completion.model_extra or {}
    citation = extra["fumikura"]["citations"][0]
    assert citation["path"] == "handbook.md"
    assert HANDBOOK[citation["start"] : citation["end"]] == citation["quote"] == SENTENCE


def test_the_client_of_openai_reads_a_stream(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(
            model="fumikura",
            messages=[{"role": "user", "content": "年次有給休暇は何日ですか？"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert "入社から6か月後に10日与える" in text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_a_follow_up_leans_on_the_question_before(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="fumikura",
        messages=[
            {"role": "user", "content": "How many days of paid leave are there?"},
            {"role": "assistant", "content": "20 days."},
            {"role": "user", "content": "And hotel costs?"},
        ],
    )
    extra = completion.model_extra or {}
    assert extra["fumikura"]["searched"].startswith("And hotel costs")


def test_limits_reach_the_search(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="fumikura",
        messages=[{"role": "user", "content": QUESTION}],
        extra_body={"fumikura": {"paths": ["就業規則.txt"]}},
    )
    passages = (completion.model_extra or {})["fumikura"]["passages"]
    assert {passage["path"] for passage in passages} <= {"就業規則.txt"}


def test_the_client_of_openai_raises_its_own_errors(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4o'"):
        client.chat.completions.create(model="gpt-4o", messages=[])
    with pytest.raises(openai.BadRequestError, match="at most 2,000 are read") as refused:
        client.chat.completions.create(
            model="fumikura", messages=[{"role": "user", "content": "x" * 2001}]
        )
    assert refused.value.param == "messages[0].content"


def test_a_search_returns_passages(server: ServerProcess) -> None:
    body = json.dumps({"query": "hotel costs", "top_k": 1}).encode()
    request = urllib.request.Request(
        f"{server.url}/search", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        headers, (passage,) = response.headers, json.load(response)["passages"]
    assert "Hotel costs are refunded" in passage["text"]
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_hostile_requests_are_refused_and_the_server_lives(
    server: ServerProcess, client: OpenAI
) -> None:
    assert not_refused(server.port, (*HOSTILE, *REBOUND)) == []
    assert client.models.list().data
    assert server.outside_attempts() == []


def test_the_pages_are_served_beside_it(server: ServerProcess) -> None:
    status, body = send(server.port, Hostile("", 200, b"", "/", "GET"))
    assert status == 200
    assert b"<!DOCTYPE html>" in body or b"<!doctype html>" in body.lower()


# Whoever hangs up, through everything that stands between the socket and the answer


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("slow"), "--fake", RAG_API="on") as process:
        yield process


@pytest.mark.parametrize("hangs_up", [True, False])
def test_those_who_hang_up_keep_nobody_waiting(slow_server: ServerProcess, hangs_up: bool) -> None:
    port, body = slow_server.port, chat(stream=True)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(CROWD)]
    for connection in crowd:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    for connection in crowd:
        connection.recv(100)  # the answer, or its waiting, has begun
    if hangs_up:
        for connection in crowd:
            connection.close()
    started = time.monotonic()
    status, _ = send(port, Hostile("", 200, chat()))
    waited = time.monotonic() - started
    for connection in crowd:
        connection.close()
    assert status == 200
    # One answer takes 11 tokens of 0.12 s; those who stay are answered before.
    assert waited < 4.0 if hangs_up else waited > 4.0
