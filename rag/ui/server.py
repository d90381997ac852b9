"""The web server: reachable from this machine alone, unless people sign in, and silent else.

`streamlit run app.py` and `python -m rag serve` both serve `app` of `app.py`. Settings that
Streamlit reads itself are in `.streamlit/config.toml` beside `app.py`.
"""

import logging
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from starlette.requests import HTTPConnection

from rag.api.guard import refuse_foreign
from rag.api.refusals import ApiError
from rag.config import LOOPBACK, Config, config_environment, load_config
from rag.environment import prepare_process
from rag.errors import AccessError, RagError, SignedOutError
from rag.ui.services import CONFIG_FILE_VARIABLE, named_config_file
from rag.web_address import is_loopback, web_address

logger = logging.getLogger(__name__)

APP_FILE = Path(__file__).resolve().parents[2] / "app.py"

# Streamlit needs inline styles and eval (Vega). Images and connections to other hosts are what
# a poisoned document would use to carry text away: they stay blocked whatever is rendered.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' 'unsafe-inline'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; media-src 'self' blob:; frame-src 'none'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-dns-prefetch-control", b"off"),
)
# The three types of the ASGI specification.
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def keep_offline() -> None:
    """Keep this process from looking up anything outside; call it before heavy imports."""
    from streamlit import net_util

    prepare_process()
    # Streamlit asks checkip.amazonaws.com for its own address whenever a WebSocket comes from
    # a foreign origin, so any web page could make it do so. A known address is not asked for.
    net_util._external_ip = net_util._internal_ip = LOOPBACK


def allow_public_host() -> None:
    """Serve the host of the setting ``public_url`` too; call it before the server starts."""
    from streamlit import config as streamlit_config

    try:
        public = web_address(load_config(named_config_file()).public_url)
    except RagError:
        return  # every page says what to mend
    if public is not None:
        allowed = streamlit_config.get_option("server.allowedHosts")
        streamlit_config.set_option("server.allowedHosts", [*allowed, public.host])


class PrivateMiddleware:
    """Adds the security headers and refuses requests that name another host or origin.

    Streamlit checks both for WebSockets only, and there not the port. A page of another site that
    rebinds its name to 127.0.0.1 could still read the rest, and any page could have it fetched or a
    file uploaded.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request as the ASGI specification says."""
        refusal = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        if scope["type"] == "websocket" and refusal is not None:
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
            await send(message)

        if not _is_allowed_host(scope):
            await send_with_headers({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"This host name is not served."})
            return
        if refusal is not None:
            await refusal.response()(scope, receive, send_with_headers)
            return
        await self._app(scope, receive, send_with_headers)


def _refusal(scope: Scope) -> ApiError | None:
    """Return why a page of another site is not answered; None for our own and for programs."""
    try:
        refuse_foreign(HTTPConnection(scope))
    except ApiError as error:
        return error
    return None


def on_script_error(error: Exception) -> bool:
    """Replace Streamlit's traceback by one line; the terminal gets the rest."""
    import streamlit as st

    from rag.ui.frame import current_words
    from rag.ui.reasons import reason_words

    if isinstance(error, AccessError | SignedOutError):
        st.warning(reason_words(current_words(), str(error)), icon=":material/lock:")
        if isinstance(error, SignedOutError):
            st.logout()
        return True
    logger.error("The page failed", exc_info=error)
    st.error(current_words()("unexpected_error"), icon=":material/error:")
    return True


def serve(config: Config, config_file: Path | None, port: int = 8501) -> None:
    """Serve the pages until Ctrl+C.

    The settings travel to `app.py`, and from there to builds, as ``RAG_*`` variables: that is
    the way that `streamlit run app.py` has too.

    Raises:
        RagError: the port is in use.
    """
    from streamlit.web import cli

    _check_port(config.address, port)
    _warn_of_readers(config)
    os.environ.update(config_environment(config))
    if config_file is not None:
        os.environ[CONFIG_FILE_VARIABLE] = str(config_file.absolute())
    options = [f"--server.address={config.address}", f"--server.port={port}"]
    cli.main(["run", str(APP_FILE), *options], standalone_mode=False)


def _warn_of_readers(config: Config) -> None:
    """Tell that passwords and documents travel for everybody on the way to read."""
    public = web_address(config.public_url)
    if not is_loopback(config.address) and public is not None and not public.is_encrypted:
        logger.warning(
            "public_url is not encrypted: others on the way can read passwords and documents. Put "
            "a reverse proxy with TLS before Fumikura, and write its https:// address."
        )


def _check_port(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise RagError(
                f"Port {port} is not free ({error.strerror}). Is Fumikura running already at "
                f"http://localhost:{port}? Otherwise add `--port {port + 1}`."
            ) from error


def _is_allowed_host(scope: Scope) -> bool:
    from streamlit import config

    allowed = config.get_option("server.allowedHosts")
    if not allowed:
        return True
    header = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdigit() else header
    return host.lower() in allowed
