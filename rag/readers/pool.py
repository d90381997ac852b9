"""Several parser children side by side, with their results in the order of the files."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from rag.readers.process import ParserProcess

Item = TypeVar("Item")
Result = TypeVar("Result")


class ParserPool:
    """Children that each read one file at a time. Use as a context manager.

    Args:
        registry: module with a ``reader_for`` function, imported by the children.
        seconds: wall-clock limit of one file, see `ParserProcess`.
        memory_mb: what one child may map while it reads.
        size: number of children.
    """

    def __init__(self, registry: str, seconds: int, memory_mb: int, size: int) -> None:
        self._parsers = [ParserProcess(registry, seconds, memory_mb) for _ in range(size)]
        self._idle: SimpleQueue[ParserProcess] = SimpleQueue()
        for parser in self._parsers:
            self._idle.put(parser)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="parser")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for parser in self._parsers:
            parser.kill()  # or leaving would wait for what they are reading
        self._threads.shutdown(cancel_futures=True)
        for parser in self._parsers:
            parser.close()

    def map(
        self, read: Callable[[ParserProcess, Item], Result], items: Iterable[Item]
    ) -> Generator[Result]:
        """Yield ``read(parser, item)`` for every item, in order.

        Only a few items are read ahead, so that memory does not depend on their number.
        """
        remaining = iter(items)
        ahead: deque[Future[Result]] = deque()
        for item in islice(remaining, 2 * len(self._parsers)):
            ahead.append(self._threads.submit(self._run, read, item))
        while ahead:
            result = ahead.popleft().result()
            for item in islice(remaining, 1):
                ahead.append(self._threads.submit(self._run, read, item))
            yield result

    def _run(self, read: Callable[[ParserProcess, Item], Result], item: Item) -> Result:
        parser = self._idle.get()
        try:
            return read(parser, item)
        finally:
            self._idle.put(parser)
