"""What every request must pass: origin, method, the setting, the key, and a body within bounds.

The name of the host is checked before, for the pages as well, and no header of CORS is ever sent:
a page of another site can neither ask nor read.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from anyio import to_thread
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from rag.api.refusals import ApiError, bad_request, failure, refusal_of
from rag.config import API_ON, Config
from rag.errors import RagError
from rag.remote.api_key import read_api_key
from rag.worker import AnswerWorker

if TYPE_CHECKING:
    from rag.engine import RagEngine

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 10.0
_CLOSE = {"connection": "close"}  # the rest of the body would be read and thrown away
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")  # to refuse them in words


class Services(Protocol):
    """The parts of the server that programs may use."""

    @property
    def config(self) -> Config:
        """The settings in force."""
        ...

    @property
    def engine(self) -> "RagEngine":
        """What searches."""
        ...

    @property
    def worker(self) -> AnswerWorker:
        """What answers, one question at a time."""
        ...


Endpoint = Callable[[Request], Awaitable[Response]]
Handler = Callable[[Services, Request], Awaitable[Response]]


def guarded(find_services: Callable[[], Services], method: str, handle: Handler) -> Endpoint:
    """Return an endpoint that lets through what is allowed, and words what goes wrong.

    Args:
        find_services: called in a thread, as the first call may make them.
        method: the only one that is served.
        handle: answers the request; may raise `ApiError` or `RagError`.
    """

    async def endpoint(request: Request) -> Response:
        try:
            refuse_foreign(request)
            if request.method != method:
                raise ApiError(
                    405,
                    f"{request.url.path} is asked with {method}, not with {request.method[:20]}.",
                    "method_not_allowed",
                    headers={"allow": method},
                )
            services = await _ready(find_services)
            await to_thread.run_sync(_refuse_stranger, services.config, request)
            return await handle(services, request)
        except ApiError as refusal:
            return refusal.response()
        except RagError as error:
            return refusal_of(error, "").response()
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        except Exception:  # a bug in one request must not be told to whoever asks
            logger.exception("A request of a program failed")
            return failure().response()

    return endpoint


async def _ready(find_services: Callable[[], Services]) -> Services:
    try:
        return await to_thread.run_sync(find_services)
    except RagError as error:
        raise ApiError(503, str(error), "not_ready") from error


def refuse_foreign(request: HTTPConnection) -> None:
    """Refuse what a browser sends for a page of another site; programs name no origin."""
    origin = request.headers.get("origin")
    own = request.headers.get("host", "").lower()
    if origin is not None and origin.lower().partition("://")[2] != own:
        raise ApiError(
            403,
            "Pages of other sites may not ask Fumikura. A program must not send the header Origin.",
            "foreign_origin",
        )


def _refuse_stranger(config: Config, request: Request) -> None:
    """Refuse everybody while the setting is off, and those without the key where there is one."""
    if config.api != API_ON:
        raise ApiError(
            403,
            'Programs may not ask this Fumikura. If it is yours, write `api = "on"` into '
            "fumikura.toml or set RAG_API=on, and start it again.",
            "api_off",
        )
    if not config.api_key_file:
        return
    try:
        key = read_api_key(Path(config.api_key_file), "api_key_file")
    except RagError as error:
        # The path of the key is nothing for a stranger.
        logger.error("Programs are refused: %s", error)
        raise ApiError(
            503,
            "The key that programs must send cannot be read. The terminal that runs Fumikura "
            "says more.",
            "not_ready",
        ) from error
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    is_right = hmac.compare_digest(sent.strip().encode("utf-8", "replace"), key.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise ApiError(
            401,
            "A valid API key is needed: send the header `Authorization: Bearer KEY`, with the key "
            "that stands in the file of the setting api_key_file.",
            "invalid_api_key",
            headers={"www-authenticate": "Bearer"},
        )


async def read_table(request: Request) -> dict[str, Any]:
    """Return the JSON object of the body.

    Raises:
        ApiError: it is none, or it is too large or too slow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Also what keeps a page of another site from asking without asking the browser's leave.
    if kind != "application/json":
        raise ApiError(
            415, "Send JSON, with the header `Content-Type: application/json`.", "not_json"
        )
    content = await _read_body(request)
    try:
        table = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError as error:
        raise bad_request("The body is nested too deeply.", code="not_json") from error
    except ValueError as error:
        raise bad_request(
            f"The body is no JSON in UTF-8 ({str(error)[:100]}).", code="not_json"
        ) from error
    if not isinstance(table, dict):
        raise bad_request("The body must be a JSON object, { … }.", code="not_json")
    return table


async def _read_body(request: Request) -> bytes:
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                content += piece
                if len(content) > MAX_BODY_BYTES:
                    raise ApiError(
                        413,
                        f"The body has more than {MAX_BODY_BYTES:,} bytes. Send a shorter "
                        "conversation; what is to be asked about belongs into a document.",
                        "too_large",
                        headers=_CLOSE,
                    )
    except TimeoutError as error:
        raise ApiError(
            408,
            f"The body did not arrive within {BODY_SECONDS:.0f} seconds.",
            "too_slow",
            headers=_CLOSE,
        ) from error
    return bytes(content)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
