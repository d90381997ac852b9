"""What a refusing answer server means, in words, and whether to ask again."""

import json
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from rag.errors import ModelError
from rag.remote.completion_events import NoCompletionError, read_error

if TYPE_CHECKING:
    from httpx2 import Response

_BUSY = (429, 502, 503, 504)
_TOO_LONG = re.compile(r"context.?length|maximum context|max_model_len|too long|too large", re.I)
_SHOWN_CHARACTERS = 200


class BusyError(Exception):
    """The server may well answer in a moment."""

    def __init__(self, message: ModelError, wait_seconds: float | None = None) -> None:
        super().__init__(str(message))
        self.message = message  # for a person, when there is no further attempt
        self.wait_seconds = wait_seconds  # as the server asks for; None: it does not say


class Refusals:
    """Words about one server and one model."""

    def __init__(self, host: str, model: str, api_key: str) -> None:
        self._host = host
        self._model = model
        self._api_key = api_key

    async def refuse(self, response: "Response") -> None:
        """Raise what a response means that is no success.

        Raises:
            BusyError: it may be a success in a moment.
            ModelError: it will not be.
        """
        status = response.status_code
        if response.is_success:
            return
        if response.is_redirect:
            place = self.shown(response.headers.get("location", "?"))
            raise ModelError(
                f"The answer server {self._host} sends requests on to {place}, which is not "
                "followed: it may be another machine. Set remote_url to the address that answers."
            )
        if status in (401, 403):  # servers quote a part of the key
            raise ModelError(
                f"The answer server {self._host} does not accept the API key, or misses one "
                f"(status {status}). Put a valid key into the file that remote_key_file names."
            )
        said = await self._said(response)
        if status in _BUSY:
            busy = ModelError(
                f"The answer server {self._host} cannot answer at the moment (status {status}: "
                f"{said}). Ask again in a while."
            )
            raise BusyError(busy, _wait_seconds(response.headers.get("retry-after", "")))
        if status == 404:
            raise ModelError(
                f"The answer server {self._host} has no model {self._model!r}, or nothing at this "
                f"address ({said}). `python -m rag doctor` lists its models; remote_url usually "
                "ends in /v1."
            )
        raise self.reported(said, f"status {status}")

    def reported(self, said: str, where: str) -> ModelError:
        """Return the error for what the server says is wrong.

        Args:
            said: its words.
            where: "status 400", or "in its answer" once that has begun.
        """
        said = self.shown(said)
        if _TOO_LONG.search(said):
            return ModelError(
                f"The question with its passages is too long for {self._model} at {self._host} "
                f"({said}). Set remote_context_tokens to what the server reads, or lower "
                "prompt_tokens."
            )
        return ModelError(
            f"The answer server {self._host} reports an error ({where}: {said}). Ask again; if it "
            "stays, check remote_model and the log of the server."
        )

    def shown(self, words: str) -> str:
        """Return words of the server in one short line, the key taken out of them."""
        if self._api_key:
            words = words.replace(self._api_key, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
        return line[:_SHOWN_CHARACTERS] or "-"

    async def _said(self, response: "Response") -> str:
        try:
            content = (await response.aread()).decode("utf-8", "replace")
        except NoCompletionError as fault:
            return self.shown(str(fault))
        try:
            table = json.loads(content)
        except (ValueError, RecursionError):
            return self.shown(response.reason_phrase)  # a page for browsers, of a proxy
        said = read_error(table) if isinstance(table, dict) else ""
        return self.shown(said or response.reason_phrase)


def _wait_seconds(retry_after: str) -> float | None:
    """Return what the header asks for, which is a number of seconds or a date."""
    try:
        return max(0.0, float(int(retry_after)))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
