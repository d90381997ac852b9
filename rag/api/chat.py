"""POST /v1/chat/completions: a question in its turn, as one object or as a stream of events.

Whoever hangs up ends the work: the question leaves its line, or its answer is stopped.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from rag.api.chat_answer import Completion
from rag.api.chat_request import MODEL, ChatRequest, chat_request
from rag.api.guard import Services, read_table
from rag.api.refusals import failure, json_bytes, json_response, refusal_of
from rag.datatypes import Answer, Token
from rag.errors import RagError
from rag.program_question import Outcome, ProgramQuestion
from rag.worker import AnswerWorker

LOOK_SECONDS = 0.25  # between two looks whether the client is still there
WORD_SECONDS = 15.0  # of silence, after which a stream says that it lives
_REFUSAL_SECONDS = 1.0  # in which an error still becomes a status, as nothing was sent


class _BugError(Exception):
    """A bug ended the answer; the worker has logged it."""


class _Inbox:
    """Takes what the worker's thread delivers to the event loop of the request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._outcomes: asyncio.Queue[Outcome] = asyncio.Queue()

    def deliver(self, outcome: Outcome) -> None:
        with suppress(RuntimeError):  # the server is ending, and its loop has gone before
            self._loop.call_soon_threadsafe(self._outcomes.put_nowait, outcome)

    async def take(self, seconds: float) -> Outcome:
        """Return the next outcome.

        Raises:
            TimeoutError: there was none in time.
        """
        async with asyncio.timeout(seconds):
            return await self._outcomes.get()


class _Exchange:
    """One question in the line of programs, until its answer or until the client has gone."""

    def __init__(self, worker: AnswerWorker, request: ChatRequest) -> None:
        self._worker = worker
        self._inbox = _Inbox()
        self._asked = ProgramQuestion(
            request.question, self._inbox.deliver, request.history, request.search_filter
        )
        worker.submit_program(self._asked)

    def end(self) -> None:
        """Stop the work; nothing happens when it is done."""
        self._worker.stop_program(self._asked)

    async def next(self, is_gone: Callable[[], Awaitable[bool]]) -> Token | Answer:
        """Return the next event.

        Raises:
            ClientDisconnect: nobody waits for it any more.
            RagError: what the pipeline says is wrong.
            _BugError: it ended in a bug.
        """
        while True:
            with suppress(TimeoutError):
                return _checked(await self._inbox.take(LOOK_SECONDS))
            if await is_gone():
                raise ClientDisconnect

    async def soon(self, seconds: float) -> Token | Answer | None:
        """Return the next event, None when there is none in time. Raises like `next`."""
        try:
            return _checked(await self._inbox.take(seconds))
        except TimeoutError:
            return None


def _checked(outcome: Outcome) -> Token | Answer:
    if isinstance(outcome, RagError):
        raise outcome
    if outcome is None:
        raise _BugError
    return outcome


async def complete(services: Services, request: Request) -> Response:
    """Answer a chat completion."""
    table = await read_table(request)
    config = services.config
    asked = chat_request(table, config, (MODEL, services.engine.answer_model_id()))
    completion = Completion(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), config.max_new_tokens)
    exchange = _Exchange(services.worker, asked)
    try:
        if asked.is_stream:
            return await _stream(exchange, completion, includes_usage=asked.includes_usage)
        answer = await _answer(exchange, request)
    except RagError as error:
        exchange.end()
        return refusal_of(error, "messages").response()
    except _BugError:
        return failure().response()
    except BaseException:
        exchange.end()
        raise
    return json_response(completion.whole(answer))


async def _answer(exchange: _Exchange, request: Request) -> Answer:
    while True:
        event = await exchange.next(request.is_disconnected)
        if isinstance(event, Answer):
            return event
        if await request.is_disconnected():
            raise ClientDisconnect


async def _stream(exchange: _Exchange, completion: Completion, *, includes_usage: bool) -> Response:
    first = await exchange.soon(_REFUSAL_SECONDS)
    events = _events(exchange, completion, first, includes_usage=includes_usage)
    return _EventStream(events, exchange.end)


async def _events(
    exchange: _Exchange,
    completion: Completion,
    event: Token | Answer | None,
    *,
    includes_usage: bool,
) -> AsyncGenerator[bytes, None]:
    """Yield the events of a stream; an error in the middle is one of them, and the last."""
    yield _event(completion.beginning())
    try:
        while not isinstance(event, Answer):
            yield b": waiting\n\n" if event is None else _event(completion.draft(event.text))
            event = await exchange.soon(WORD_SECONDS)
    except RagError as error:
        yield _event(refusal_of(error, "messages").table())
        return
    except _BugError:
        yield _event(failure().table())
        return
    for table in completion.ending(event, includes_usage=includes_usage):
        yield _event(table)
    yield b"data: [DONE]\n\n"


def _event(table: dict[str, Any]) -> bytes:
    return b"data: " + json_bytes(table) + b"\n\n"


class _EventStream(StreamingResponse):
    """Server-sent events; however it ends, ``on_end`` is called."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], on_end: Callable[[], None]) -> None:
        super().__init__(events, headers={"cache-control": "no-store"})
        self._events = events
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events; a client that hangs up cancels this."""
        try:
            async with aclosing(self._events):
                await super().__call__(scope, receive, send)
        finally:
            self._on_end()
