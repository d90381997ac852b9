"""The sign-in: its page, what its form sends, and the cookie that says who somebody is."""

import logging
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from rag.access import Access, WaitError
from rag.config import AUTH_OIDC, Config
from rag.errors import RagError
from rag.session_store import SESSION_SECONDS
from rag.ui import oidc
from rag.ui.services import Services
from rag.ui.sign_in_html import bounce_page, provider_page, sign_in_page
from rag.ui.strings import CATALOGUES, UiLanguage, Words, language_of_locale

logger = logging.getLogger(__name__)

SIGN_IN = "/sign-in"
COOKIE = "fumikura_session"
_MAX_BODY_BYTES = 10_000
_MAX_ADDRESS_CHARACTERS = 2000


def sign_in_routes(find_services: Callable[[], Services]) -> list[Route]:
    """Return the route of the sign-in; it leads to the pages where nobody has to sign in."""

    async def endpoint(request: Request) -> Response:
        try:
            services = await to_thread.run_sync(find_services)
        except RagError:
            return RedirectResponse("/", 303)
        if services.access is None:
            return RedirectResponse("/", 303)
        sign_in = SignIn(services.config, services.access)
        if request.method != "POST":
            return await to_thread.run_sync(sign_in.form, request)
        body = await _body(request)
        return await to_thread.run_sync(sign_in.with_password, request, body)

    return [Route(SIGN_IN, endpoint, methods=["GET", "POST"])]


class SignIn:
    """Answers what somebody who is not signed in sends. Methods block, for a hash or a file."""

    def __init__(self, config: Config, access: Access) -> None:
        self._config = config
        self._access = access

    def form(self, request: Request, said: str = "", status: int = 200) -> Response:
        """Return the page on which a person signs in."""
        words = words_of(request)
        following = following_of(request.query_params.get("next", "/"))
        if self._access.kind != AUTH_OIDC:
            return self.page(sign_in_page(words, following, said), status)
        missing = ""
        if not oidc.has_authlib():
            missing = words("sign_in_no_authlib")
        elif not oidc.has_provider():
            missing = words("sign_in_no_provider")
        address = "" if missing else oidc.login_address()
        return self.page(provider_page(words, address, following, said or missing), status)

    def with_password(self, request: Request, body: bytes) -> Response:
        """Answer the form: begin a session, or say why not."""
        fields = {
            key: values[-1] for key, values in parse_qs(body.decode("utf-8", "replace")).items()
        }
        language = fields.get("lang", "")
        words = _in(language) or words_of(request)
        following = following_of(fields.get("next", "/"))
        name, password = fields.get("name", ""), fields.get("password", "")
        try:
            token = self._access.sign_in(name, password, _address(request))
        except WaitError as error:
            said = words("sign_in_wait", minutes=error.minutes)
            return self.page(sign_in_page(words, following, said, name), 429)
        except RagError as error:
            logger.error("Nobody can sign in: %s", error)
            said = words("sign_in_unusable")
            return self.page(sign_in_page(words, following, said, name), 503)
        if token is None:
            said = words("sign_in_wrong")
            return self.page(sign_in_page(words, following, said, name), 401)
        self._access.sign_out(session_token(request.cookies))  # of whoever was here before
        response = RedirectResponse(following, 303, {"cache-control": "no-store"})
        self._set_cookie(response, token)
        return response

    def with_proof(self, request: Request) -> Response:
        """Exchange what the provider has just proven for a session of ours."""
        words = words_of(request)
        claims = oidc.proven_claims(request.cookies)
        token = None
        if claims is not None:
            token = self._access.sign_in_with_claims(claims, _address(request))
        if token is not None:
            response = self.page(bounce_page(words, "/"))
            self._set_cookie(response, token)
        elif claims is not None:
            response = self.form(request, words("sign_in_unknown"), 403)
        else:
            response = RedirectResponse(SIGN_IN, 303, {"cache-control": "no-store"})
        for cookie in oidc.proof_cookies(request.cookies):
            response.delete_cookie(cookie, path="/")
        return response

    def page(self, content: str, status: int = 200) -> Response:
        """Return HTML that nothing may keep."""
        return HTMLResponse(content, status, {"cache-control": "no-store"})

    def _set_cookie(self, response: Response, token: str) -> None:
        response.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_SECONDS,
            path="/",
            secure=self._config.public_url.startswith("https:"),
            httponly=True,
            samesite="strict",
        )


def session_token(cookies: Mapping[str, str]) -> str:
    """Return the secret of the session that a browser sends; "" when there is none."""
    return cookies.get(COOKIE, "")


def following_of(address: str) -> str:
    """Return ``address`` if it is a page of this server, else the first page."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\", SIGN_IN))
    is_plain = address.isprintable() and "\\" not in address
    return address if is_own and is_plain and len(address) <= _MAX_ADDRESS_CHARACTERS else "/"


def words_of(request: HTTPConnection) -> Words:
    """Return the strings in the language of the address, else that of the browser."""
    chosen = _in(request.query_params.get("lang", ""))
    return chosen or Words(language_of_locale(request.headers.get("accept-language")))


def _in(language: str) -> Words | None:
    known: dict[str, UiLanguage] = {name: name for name in CATALOGUES}
    return Words(known[language]) if language in known else None


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for piece in request.stream():
        content += piece[: _MAX_BODY_BYTES - len(content)]
    return bytes(content)
