"""A provider of OIDC on this machine: says of whoever comes that it is the person it was told."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlparse

CLIENT = "fumikura"


class Provider:
    """What the provider knows. ``claims`` are those of the next person."""

    def __init__(self, port: int) -> None:
        from joserfc.jwk import RSAKey

        self.url = f"http://127.0.0.1:{port}"
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "1"})

    def configuration(self) -> dict[str, Any]:
        """Return the metadata."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes: back, with a code."""
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        return f"{asked['redirect_uri']}?{query}"

    def token(self, sent: dict[str, str]) -> dict[str, Any]:
        """Return an ID token for a code, which counts once and for who began with it."""
        from joserfc import jwt

        asked = self.codes.pop(sent["code"])
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        now = int(time.time())
        claims = {
            **{"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60},
            **{"nonce": asked["nonce"], **self.claims},
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return {
            "access_token": "x",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": signed,
        }


@contextmanager
def providing() -> Iterator[Provider]:
    """Serve a provider on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlparse(self.path)
            if parts.path == "/authorize":
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            elif parts.path == "/jwks":
                self._send({"keys": [provider.key.as_dict(private=False)]})
            else:
                self._send(provider.configuration())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._send(provider.token({k: v[0] for k, v in parse_qs(body).items()}))

        def _send(self, table: dict[str, Any]) -> None:
            content = json.dumps(table).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
