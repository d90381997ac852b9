"""Sign-in with an OIDC provider, as Streamlit's own `st.login` does it, for our own sessions.

Streamlit goes to the provider, checks what it says and keeps it in a cookie of its own for 30
days, which no sign-out could end on the server. So the cookie is taken as a proof that was made
just now, exchanged for a session of ours, and removed. What is used of Streamlit here is not of
its documented interface; `tests/test_oidc.py` tells when it changes.
"""

import importlib.util
import json
from collections.abc import Mapping
from typing import Any

LOGIN, CALLBACK, LOGOUT = "/auth/login", "/oauth2callback", "/auth/logout"
PROOF_COOKIE = "_streamlit_user"
_COOKIES = (PROOF_COOKIE, "_streamlit_user_tokens")
_PROOF_SECONDS = 120  # between the provider's answer and the next request of the browser
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


def has_authlib() -> bool:
    """Tell whether the package is there that talks with providers."""
    return importlib.util.find_spec("authlib") is not None


def has_provider() -> bool:
    """Tell whether `.streamlit/secrets.toml` names a provider."""
    from streamlit.auth_util import get_secrets_auth_section

    section = get_secrets_auth_section()
    return all(section.get(name) for name in _NEEDED)


def login_address() -> str:
    """Return the address that leads to the provider; it holds for two minutes."""
    from streamlit.user_info import generate_login_redirect_url

    return generate_login_redirect_url("default")


def proven_claims(cookies: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the claims that the provider made just now, None without a fresh proof."""
    from streamlit.auth_util import get_cookie_with_chunks
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

    def single(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        days = _PROOF_SECONDS / 86400
        return decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"), days)

    try:
        claims = json.loads(get_cookie_with_chunks(single, PROOF_COOKIE) or b"null")
    except ValueError:
        return None
    return claims if isinstance(claims, dict) and claims.get("is_logged_in") is True else None


def proof_cookies(cookies: Mapping[str, str]) -> list[str]:
    """Return the names of the cookies to remove once a proof was used."""
    return [name for name in cookies if name.startswith(_COOKIES)]
