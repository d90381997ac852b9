"""What is refused, in the shape that clients of OpenAI read: what is wrong, and what to do."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from rag.errors import (
    BackendError,
    ConfigError,
    CrowdedError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    ModelError,
    RagError,
)

_BUSY_SECONDS = 5
_NEEDS_MENDING = (
    BackendError,
    ConfigError,
    IndexDamagedError,
    IndexMismatchError,
    IndexNotFoundError,
    ModelError,
)


class ApiError(Exception):
    """A refusal. ``sentence`` is for a person, ``code`` for a program.

    ``parameter`` is the one of the request that is wrong, "" when none is.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        code: str,
        parameter: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.code = code
        self.parameter = parameter
        self.headers = dict(headers or {})

    def table(self) -> dict[str, Any]:
        """Return the body."""
        kind = "invalid_request_error"
        if self.status == 429:
            kind = "rate_limit_error"
        elif self.status >= 500:
            kind = "server_error"
        error = {
            "message": self.sentence,
            "type": kind,
            "param": self.parameter or None,
            "code": self.code,
        }
        return {"error": error}

    def response(self) -> Response:
        """Return what is sent."""
        headers = self.headers
        if self.status >= 500:  # asking again changes nothing; OpenAI's own client listens to this
            headers = {**headers, "x-should-retry": "false"}
        return json_response(self.table(), self.status, headers)


def bad_request(sentence: str, parameter: str = "", code: str = "invalid_value") -> ApiError:
    """Return the refusal of a request that makes no sense."""
    return ApiError(400, sentence, code, parameter)


def refusal_of(error: RagError, parameter: str) -> ApiError:
    """Return the refusal for an error of the pipeline; ``parameter`` holds the question."""
    if isinstance(error, CrowdedError):
        headers = {"retry-after": str(_BUSY_SECONDS)}
        return ApiError(429, str(error), "too_many_questions", headers=headers)
    if isinstance(error, _NEEDS_MENDING):
        return ApiError(503, str(error), "not_ready")
    return bad_request(str(error), parameter)


def failure() -> ApiError:
    """Return the refusal for a bug; the log has the rest."""
    return ApiError(
        500,
        "An unexpected error ended this request. Ask again; if it happens again, the terminal "
        "that runs Fumikura says more.",
        "internal",
    )


def json_bytes(table: object) -> bytes:
    r"""Return JSON in UTF-8. Half a surrogate pair becomes the escape \udXXX, which JSON allows."""
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", errors="backslashreplace")


def json_response(
    table: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response that nothing may keep: it holds what stands in documents."""
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(json_bytes(table), status, kept, media_type="application/json")
