"""An assistant calls the tools over standard input, with the official client."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import anyio
import pytest

from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, Progress, SearchFilter, Token
from rag.errors import RagError
from rag.mcp_server import make_server, serve_stdio
from tests.fakes import EchoEngine
from tests.hashing_index import build_hashing_index

SCRIPT = Path(__file__).with_name("hashing_index.py")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("mcp", reason="requirements-mcp.txt is not installed")
    return build_hashing_index(tmp_path_factory.mktemp("mcp"))


@asynccontextmanager
async def connected(settings: dict[str, str]) -> AsyncIterator[Any]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    python_path = {k: v for k, v in os.environ.items() if k == "PYTHONPATH"}
    parameters = StdioServerParameters(
        command=sys.executable, args=[str(SCRIPT), "mcp"], env={**settings, **python_path}
    )
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


def run(settings: dict[str, str], work: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    async def all_of_it() -> None:
        with anyio.fail_after(60):
            async with connected(settings) as session:
                await work(session)

    anyio.run(all_of_it)


def test_an_assistant_searches_and_asks(settings: dict[str, str]) -> None:
    async def work(session: Any) -> None:  # noqa: ANN401 - of an optional package
        tools = {tool.name for tool in (await session.list_tools()).tools}
        assert tools == {"search_documents", "ask"}

        found = await session.call_tool("search_documents", {"query": "hotel costs", "top_k": 1})
        assert not found.is_error
        (passage,) = found.structured_content["passages"]
        assert "Hotel costs are refunded" in passage["text"]

        answered = await session.call_tool("ask", {"question": "年次有給休暇は何日ですか？"})
        assert "10日" in answered.structured_content["answer"]
        assert answered.structured_content["citations"][0]["path"] == "就業規則.txt"
        assert json.loads(answered.content[0].text) == answered.structured_content

        limited = await session.call_tool(
            "search_documents", {"query": "hotel", "paths": ["就業規則.txt"]}
        )
        assert {p["path"] for p in limited.structured_content["passages"]} <= {"就業規則.txt"}

    run(settings, work)


def test_what_is_wrong_is_told_to_the_assistant_and_ends_nothing(settings: dict[str, str]) -> None:
    async def work(session: Any) -> None:  # noqa: ANN401 - as above
        for arguments, words in (
            ({"query": ""}, "The question is empty"),
            ({"query": "x" * 5000}, "at most 2,000 are read"),
            ({"query": "leave", "top_k": -1}, "top_k must be from 1 to 100"),
            ({"query": "leave", "since": "soon"}, "is no day"),
            ({"query": "leave", "collection": "none"}, "none"),
            ({"query": ["leave"]}, "query"),
        ):
            refused = await session.call_tool("search_documents", arguments)
            assert refused.is_error, arguments
            assert words in refused.content[0].text
        assert not (await session.call_tool("search_documents", {"query": "leave"})).is_error

    run(settings, work)


def test_a_call_that_is_cancelled_stops_the_work(tmp_path: Path) -> None:
    pytest.importorskip("mcp", reason="requirements-mcp.txt is not installed")
    stops: list[Event] = []

    class NotingEngine(EchoEngine):
        def ask(
            self,
            question: str,
            stop: Event,
            search_filter: SearchFilter = EVERYWHERE,
            history: Sequence[str] = (),
            progress: Callable[[Progress], None] = lambda step: None,
        ) -> Iterator[Token | Answer]:
            stops.append(stop)
            return super().ask(question, stop, search_filter, history, progress)

    server = make_server(NotingEngine(Config(), pause_seconds=20.0))  # type: ignore[arg-type] # a fake

    async def give_up() -> None:
        with anyio.move_on_after(0.3):
            await server.call_tool("ask", {"question": "How many days of leave?"})

    anyio.run(give_up)
    assert [stop.is_set() for stop in stops] == [True]


def test_without_the_package_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.mcpserver", None)
    with pytest.raises(RagError, match=r"`pip install -r requirements-mcp\.txt`"):
        serve_stdio(EchoEngine(Config()))  # type: ignore[arg-type] # a fake
