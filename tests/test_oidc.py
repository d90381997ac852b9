"""Sign-in with a provider: a proof of Streamlit's becomes a session of ours, once."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from rag.access import Access
from rag.audit import AuditLog
from rag.config import Config
from rag.store import Store
from rag.ui import oidc
from rag.ui.access_english import ACCESS_EN
from rag.ui.access_japanese import ACCESS_JA
from rag.ui.sign_in import COOKIE, SignIn
from tests.browser.server_process import ServerProcess

SECRET = "a secret for tests, long enough to sign"
CLAIMS = {
    "iss": "https://id.example.org", "sub": "7", "email": "mika@example.org", "is_logged_in": True
}  # fmt: skip


@pytest.fixture(autouse=True)
def cookie_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamlit.web.server.server_util.get_cookie_secret", lambda: SECRET)


@pytest.fixture
def sign_in(tmp_path: Path) -> SignIn:
    config = Config(state_dir=tmp_path, auth="oidc", oidc_admins=("mika@example.org",))
    return SignIn(config, Access(config, Store(tmp_path).sessions, AuditLog(tmp_path)))


def request(cookies: dict[str, str], language: str = "en") -> Request:
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    headers = [(b"cookie", cookie.encode()), (b"accept-language", language.encode())]
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers,
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    return Request(scope)


def proof(claims: dict[str, Any], secret: str = SECRET) -> dict[str, str]:
    signed = create_signed_value(secret, oidc.PROOF_COOKIE, json.dumps(claims))
    return {oidc.PROOF_COOKIE: signed.decode(), "_streamlit_user_tokens": "x"}


def cookies_of(response: Any) -> list[str]:  # noqa: ANN401 - any response
    return [value.decode() for name, value in response.raw_headers if name == b"set-cookie"]


def test_a_fresh_proof_becomes_a_session_and_is_removed(sign_in: SignIn) -> None:
    response = sign_in.with_proof(request(proof(CLAIMS)))

    assert response.status_code == 200
    session, *removed = cookies_of(response)
    assert session.startswith(f"{COOKIE}=")
    assert "samesite=strict" in session.lower()
    assert [cookie.split("=")[0] for cookie in removed] == list(proof(CLAIMS))
    assert all("Max-Age=0" in cookie for cookie in removed)


@pytest.mark.parametrize(
    "cookies",
    [
        {oidc.PROOF_COOKIE: "made-up"},
        proof(CLAIMS, "another secret"),
        proof({**CLAIMS, "is_logged_in": False}),
        proof({}),
    ],
)
def test_what_proves_nothing_is_removed_and_lets_nobody_in(
    sign_in: SignIn, cookies: dict[str, str]
) -> None:
    response = sign_in.with_proof(request(cookies))

    assert response.status_code == 303
    assert all("Max-Age=0" in cookie for cookie in cookies_of(response))
    assert cookies_of(response)


def test_a_proof_of_an_hour_ago_is_none(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    cookies = proof(CLAIMS)
    later = time.time() + 3600
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)

    assert sign_in.with_proof(request(cookies)).status_code == 303


def test_whom_nobody_let_in_is_told_so(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc, "has_authlib", lambda: False)
    response = sign_in.with_proof(request(proof({**CLAIMS, "email": "ren@example.org"})))

    assert response.status_code == 403
    assert ACCESS_EN["sign_in_unknown"] in bytes(response.body).decode()
    assert not any(cookie.startswith(COOKIE) for cookie in cookies_of(response))


def test_what_is_missing_is_told_in_both_languages(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "has_authlib", lambda: False)
    for language, words in (("en", ACCESS_EN), ("ja", ACCESS_JA)):
        page = bytes(sign_in.form(request({}, language)).body).decode()
        assert words["sign_in_no_authlib"] in page
        assert 'class="action"' not in page
    monkeypatch.setattr(oidc, "has_authlib", lambda: True)
    monkeypatch.setattr(secrets_singleton, "load_if_toml_exists", lambda: False)
    page = bytes(sign_in.form(request({})).body).decode()
    assert ACCESS_EN["sign_in_no_provider"] in page


def test_a_provider_signs_people_in_and_a_sign_out_holds(tmp_path: Path) -> None:
    pytest.importorskip("authlib")
    httpx = pytest.importorskip("httpx")
    from tests.oidc_provider import CLIENT, providing

    with providing() as provider:
        server = ServerProcess(
            tmp_path,
            "--fake",
            RAG_AUTH="oidc",
            RAG_OIDC_ADMINS="aki@example.org",
            RAG_OIDC_READERS="@readers.example.org",
        )
        folder = tmp_path / ".streamlit"
        folder.mkdir()
        (folder / "secrets.toml").write_text(
            f'[auth]\nredirect_uri = "{server.url}/oauth2callback"\ncookie_secret = "{SECRET}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "of the client"\n'
            f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
        )
        try:
            server.wait()
            for email, status in (
                ("aki@example.org", 200),
                ("mika@readers.example.org", 200),
                ("stranger@example.com", 403),
            ):
                provider.claims = {"sub": email, "email": email, "email_verified": True}
                with httpx.Client(follow_redirects=True, headers={"Accept": "text/html"}) as client:
                    page = client.get(server.url)
                    assert ACCESS_EN["sign_in_provider"] in page.text
                    link = page.text.split('class="action" href="')[1].split('"')[0]
                    back = client.get(server.url + link.replace("&amp;", "&"))
                    assert back.status_code == status, server.log.read_text()
                    assert (COOKIE in client.cookies) == (status == 200)
                    assert oidc.PROOF_COOKIE not in client.cookies
                    assert ("<script" in client.get(server.url).text) == (status == 200)
                    if status == 200:
                        state = Store(tmp_path / "state")
                        state.sessions.end(client.cookies[COOKIE])
                        assert ACCESS_EN["sign_in_provider"] in client.get(server.url).text
        finally:
            server.stop()
