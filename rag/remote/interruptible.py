"""Follow asynchronous work from a thread that may be told to stop at any moment.

A socket that is waited for in a thread cannot be let go of from outside; a task can be cancelled
wherever it waits: while a name is looked up, before the first byte, and between two tries.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
_LOOK_SECONDS = 0.05  # how often the stop event is looked at
_CLOSING_SECONDS = 0.5  # that a cancelled task gets to close its connection


def iterate(make: Callable[[], AsyncGenerator[Item, None]], stop: Event) -> Iterator[Item]:
    """Yield what a generator yields, as it comes; end soon after ``stop`` is set.

    When this ends, however it does, the generator is closed and so is what it had opened.
    """
    items: deque[Item] = deque()
    # Not asyncio.Runner: it waits for a name that is still being looked up.
    loop = asyncio.new_event_loop()
    producer: asyncio.Task[None] | None = None
    try:
        news = asyncio.Event()
        producer = loop.create_task(_produce(make, items, news))
        while not stop.is_set():
            loop.run_until_complete(_wait(news))
            is_done = producer.done()
            while items and not stop.is_set():
                yield items.popleft()
            if is_done:
                producer.result()
                return
    finally:
        if producer is not None:
            _end(loop, producer)
        loop.close()


async def _produce(
    make: Callable[[], AsyncGenerator[Item, None]], items: deque[Item], news: asyncio.Event
) -> None:
    try:
        async with aclosing(make()) as generator:
            async for item in generator:
                items.append(item)
                news.set()
    finally:
        news.set()


async def _wait(news: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_LOOK_SECONDS):
            await news.wait()
    news.clear()


def _end(loop: asyncio.AbstractEventLoop, producer: asyncio.Task[None]) -> None:
    producer.cancel()
    loop.run_until_complete(asyncio.wait({producer}, timeout=_CLOSING_SECONDS))
    if producer.done() and not producer.cancelled():
        producer.exception()  # was raised before, or nobody waits for it any more
    loop.run_until_complete(loop.shutdown_asyncgens())
