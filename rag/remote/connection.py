"""HTTP with the answer server. The only owner of httpx2.

What is sent goes to the address of the settings and to nobody else: redirects are not followed,
and proxies and certificates that the environment names are not used. What comes is bounded.
"""

import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError, first_line
from rag.remote.address import ServerAddress
from rag.remote.completion_events import NoCompletionError

if TYPE_CHECKING:
    from httpx2 import AsyncByteStream, Response

CONNECT_SECONDS = 10.0
MAX_EVENT_BYTES = 1 << 18
_EVENT_STREAM = "text/event-stream"


class UnreachableError(Exception):
    """The server could not be reached, or the connection was lost. Its text says how."""


@asynccontextmanager
async def request(
    address: ServerAddress,
    method: str,
    path: str,
    *,
    api_key: str,
    most_bytes: int,
    body: dict[str, Any] | None = None,
) -> AsyncIterator["Response"]:
    """Send one request over a connection of its own; the response is not read yet.

    There is no time limit but that of connecting; the caller sets one around all.

    Raises:
        UnreachableError: see there; also while the response is read.
        NoCompletionError: the response is larger than ``most_bytes``, or compressed.
        ModelError: the certificate of the server cannot be trusted.
    """
    import httpx2

    for library in ("httpx2", "httpcore2"):  # they log what the server sends
        logging.getLogger(library).setLevel(logging.WARNING)
    headers = {"accept-encoding": "identity"}
    if api_key:
        headers["authorization"] = f"Bearer {api_key}"
    client = httpx2.AsyncClient(
        headers=headers,
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        verify=_authorities(),
    )
    with _in_words(address):
        async with client, client.stream(method, address.url + path, json=body) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NoCompletionError("it is compressed, although nobody asked for that")
            assert isinstance(response.stream, httpx2.AsyncByteStream)  # of an asynchronous client
            response.stream = _bounded(response.stream, most_bytes)
            yield response


async def events(response: "Response") -> AsyncIterator[str]:
    """Yield the content of each event as it comes.

    Raises:
        NoCompletionError: the response is no stream of events, or one of them is too large.
    """
    import httpx2

    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _EVENT_STREAM:
        raise NoCompletionError(f"it is of type {media_type or '?'} and no stream of events")
    response.encoding = "utf-8"  # events are, whatever the header says
    try:
        async for event in httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES):
            yield event.data
    except httpx2.SSEError as error:
        raise NoCompletionError(f"an event is larger than {MAX_EVENT_BYTES:,} bytes") from error


@cache
def _authorities() -> ssl.SSLContext:
    """Return what trusts the authorities of this system, which takes 40 ms to read."""
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)


def _bounded(stream: "AsyncByteStream", most_bytes: int) -> "AsyncByteStream":
    """Return ``stream``, which is at an end in anger beyond ``most_bytes``."""
    import httpx2

    class Bounded(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            received = 0
            async for chunk in stream:
                received += len(chunk)
                if received > most_bytes:
                    raise NoCompletionError(f"it is larger than {most_bytes:,} bytes")
                yield chunk

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()


@contextmanager
def _in_words(address: ServerAddress) -> Iterator[None]:
    import httpx2

    try:
        yield
    except httpx2.TransportError as error:
        if fault := _certificate_fault(error):
            raise ModelError(
                f"The answer server {address.host} cannot be trusted ({fault.verify_message}). "
                "Give it a certificate for its name, or make that of your own authority known to "
                "this system. Nothing was sent."
            ) from error
        raise UnreachableError(first_line(error)) from error


def _certificate_fault(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error
        error = error.__cause__ or error.__context__
    return None
