"""Before everything else of the server: who is not signed in gets the sign-in, and nothing else.

Where nobody has to sign in, only this machine is served, whatever address the server was given.
"""

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from anyio import to_thread
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from rag.access import Access
from rag.config import AUTH_OIDC
from rag.errors import RagError
from rag.ui import oidc
from rag.ui.services import Services
from rag.ui.sign_in import SIGN_IN, SignIn, following_of, session_token, words_of
from rag.ui.sign_in_html import bounce_page
from rag.web_address import is_loopback

logger = logging.getLogger(__name__)

# Open to everybody: the sign-in, whether the server lives, and what has a key of its own.
_OPEN = frozenset({SIGN_IN, "/_stcore/health", oidc.LOGOUT, "/search"})
_PROGRAMS = "/v1/"
_OPEN_TO_OIDC = frozenset({oidc.LOGIN, oidc.CALLBACK})
_NOT_HERE = (
    "Fumikura asks nobody who they are, so that it serves its own machine alone. To let others in, "
    'write `auth = "password"`, `address` and `public_url` into fumikura.toml, add people with '
    "`python -m rag user add NAME`, and start it again with `python -m rag serve`."
)

Scope = MutableMapping[str, Any]
AsgiApp = Callable[..., Any]


class AccessGate:
    """The middleware. Web sockets are asked like every other request."""

    def __init__(self, app: AsgiApp, find_services: Callable[[], Services]) -> None:
        """Stand before ``app``; ``find_services`` is called in a thread."""
        self._app = app
        self._find_services = find_services

    async def __call__(self, scope: Scope, receive: AsgiApp, send: AsgiApp) -> None:
        """Let a request through, or answer it."""
        answer = None
        if scope["type"] in ("http", "websocket"):
            answer = await self._refusal(HTTPConnection(scope))
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await answer(scope, receive, send)

    async def _refusal(self, request: HTTPConnection) -> Response | None:
        """Return what is answered instead, None for who may go on."""
        try:
            services = await to_thread.run_sync(self._find_services)
        except RagError as error:
            # The page says what to mend, to this machine alone; it draws nothing else.
            logger.error("Fumikura is not ready: %s", error)
            return None if _is_of_this_machine(request) else _plain(_NOT_HERE)
        access = services.access
        if access is None:
            return None if _is_of_this_machine(request) else _plain(_NOT_HERE)
        path = request.url.path
        if path in _OPEN or path.startswith(_PROGRAMS):
            return None
        if access.kind == AUTH_OIDC and path in _OPEN_TO_OIDC:
            return None
        try:
            person = await to_thread.run_sync(access.person, session_token(request.cookies))
        except RagError as error:
            logger.error("Nobody can be let in: %s", error)
            person = None
        return None if person is not None else await self._stranger(services, access, request)

    async def _stranger(
        self, services: Services, access: Access, request: HTTPConnection
    ) -> Response:
        if request.scope["type"] != "http" or request.scope["method"] != "GET":
            return _plain("Sign in first.", 401)
        sign_in = SignIn(services.config, access)
        if access.kind == AUTH_OIDC and oidc.PROOF_COOKIE in request.cookies:
            return await to_thread.run_sync(sign_in.with_proof, Request(request.scope))
        if "text/html" not in request.headers.get("accept", ""):
            return _plain("Sign in first.", 401)
        query = request.url.query
        following = following_of(f"{request.url.path}?{query}" if query else request.url.path)
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            # The cookie may be there, and was held back: see `bounce_page`.
            return sign_in.page(bounce_page(words_of(request), following))
        return RedirectResponse(f"{SIGN_IN}?{QueryParams({'next': following})}", 303, _KEPT)


_KEPT = {"cache-control": "no-store"}


def _is_of_this_machine(request: HTTPConnection) -> bool:
    """Tell whether the socket that took the request listens to this machine alone."""
    server = request.scope.get("server")
    return server is not None and is_loopback(server[0])


def _plain(text: str, status: int = 403) -> Response:
    return PlainTextResponse(text, status, _KEPT)
