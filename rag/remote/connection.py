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
    from httpx2 import URL, AsyncByteStream, Response

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
    url = _url(address, path)
    with _in_words(address):
        async with client, client.stream(method, url, json=body) as response:
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


def _url(address: ServerAddress, path: str) -> "URL":
    import httpx2

    try:
        url = httpx2.URL(address.url + path)
        assert url.host  # is decoded here, which an international name may not survive
    except (httpx2.InvalidURL, UnicodeError) as error:
        raise UnreachableError(first_line(error)) from error
    return url


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
        causes = _causes(error)
        fault = next((e for e in causes if isinstance(e, ssl.SSLCertVerificationError)), None)
        if fault is not None:
            raise ModelError(
                f"The answer server {address.host} cannot be trusted ({fault.verify_message}). "
                "Give it a certificate for its name, or make that of your own authority known to "
                "this system. Nothing was sent."
            ) from error
        raise UnreachableError(first_line(causes[-1])) from error


def _causes(error: Exception) -> list[Exception]:
    """Return an error and what it came of, the first cause last: that one is the most telling."""
    causes = [error]
    while isinstance(cause := causes[-1].__cause__ or causes[-1].__context__, Exception):
        causes.append(cause)
    return causes
