"""The answer server: a streamed completion, tried again while it has not begun; its models."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.config import Config
from rag.errors import ModelError
from rag.remote.address import ServerAddress, server_address
from rag.remote.api_key import read_api_key
from rag.remote.completion_events import NoCompletionError, read_event
from rag.remote.connection import UnreachableError, events, request
from rag.remote.refusals import BusyError, Refusals

logger = logging.getLogger(__name__)

_PAUSES_SECONDS = (0.5, 1.0, 2.0)  # before the second attempt, the third and the fourth
_MOST_WAIT_SECONDS = 30.0  # that a server may ask for; beyond it a person is told at once
_MOST_BYTES = 1 << 20  # of a response, beside its tokens
_BYTES_A_TOKEN = 4096  # of a stream; an event of one token has some 300
_LOOK_SECONDS = 5.0  # for a look at the models


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One model of the server."""

    name: str
    context_tokens: int | None  # prompt and completion together; None: the server does not say


@dataclass(frozen=True, slots=True)
class Offer:
    """What a look at the server found."""

    models: tuple[OfferedModel, ...]
    milliseconds: float  # that it took to answer, connecting included


class ChatServer:
    """The server of the settings. Each request has a connection of its own: use from any thread."""

    def __init__(self, config: Config) -> None:
        self.address: ServerAddress = server_address(config)
        self._model = config.remote_model
        self._key_file = config.remote_key_file
        self._seconds = config.remote_seconds

    async def completion(
        self, messages: list[dict[str, str]], max_new_tokens: int
    ) -> AsyncGenerator[str, None]:
        """Yield the text of the greedy completion as it comes.

        Raises:
            ModelError: it does not come, in words.
        """
        body = {
            "model": self._model,
            "messages": messages,
            "temperature": 0,
            "max_tokens": max_new_tokens,
            "stream": True,
        }
        try:
            async with asyncio.timeout(self._seconds) as limit:
                for pause in (*_PAUSES_SECONDS, None):
                    try:
                        async with aclosing(self._attempt(body)) as pieces:
                            async for piece in pieces:
                                yield piece
                        return
                    except BusyError as busy:
                        if pause is None:
                            raise busy.message from busy
                        await self._wait(busy, pause, limit)
        except TimeoutError as error:
            raise ModelError(
                f"The answer server {self.address.host} did not finish within {self._seconds} s. "
                "Ask again, or raise remote_seconds."
            ) from error

    async def models(self) -> Offer:
        """Return which models the server offers.

        Raises:
            ModelError: it does not say, in words.
        """
        started = time.perf_counter()
        key = self._key()
        try:
            async with (
                asyncio.timeout(_LOOK_SECONDS),
                request(
                    self.address, "GET", "/models", api_key=key, most_bytes=_MOST_BYTES
                ) as response,
            ):
                await self._refusals(key).refuse(response)
                content = await response.aread()
            table = json.loads(content)
            models = tuple(_offered(entry) for entry in table["data"])
        except BusyError as busy:
            raise busy.message from busy
        except UnreachableError as error:
            raise self._unreachable(str(error)) from error
        except TimeoutError as error:
            raise self._unreachable(f"no answer within {_LOOK_SECONDS:.0f} s") from error
        except NoCompletionError as fault:
            raise self._no_answer(fault) from fault
        except (ValueError, RecursionError, LookupError, TypeError) as error:
            raise self._no_answer(NoCompletionError("it is no list of models")) from error
        return Offer(models, (time.perf_counter() - started) * 1000)

    async def _attempt(self, body: dict[str, Any]) -> AsyncGenerator[str, None]:
        """Yield the text of one attempt.

        Raises:
            BusyError: nothing came, and another attempt may do better.
            ModelError: it will not.
        """
        key = self._key()
        refusals = self._refusals(key)
        most_bytes = _MOST_BYTES + _BYTES_A_TOKEN * body["max_tokens"]
        has_begun = False
        try:
            async with request(
                self.address,
                "POST",
                "/chat/completions",
                api_key=key,
                most_bytes=most_bytes,
                body=body,
            ) as response:
                await refusals.refuse(response)
                async for content in events(response):
                    event = read_event(content)
                    if event.error:
                        raise refusals.reported(event.error, "in its answer")
                    if event.text:
                        has_begun = True
                        yield event.text
                    if event.finish_reason:
                        if not has_begun and event.finish_reason != "stop":
                            raise self._silent(event.finish_reason, body["max_tokens"])
                        return
        except UnreachableError as error:
            if has_begun:
                raise self._broken(refusals.shown(str(error))) from error
            raise BusyError(self._unreachable(refusals.shown(str(error)))) from error
        except NoCompletionError as fault:
            raise self._no_answer(fault) from fault
        raise self._broken("the stream ended too early")

    async def _wait(self, busy: BusyError, pause: float, limit: asyncio.Timeout) -> None:
        """Wait as long as is wanted, or raise when that is too long."""
        seconds = max(pause, busy.wait_seconds or 0.0)
        end = limit.when()
        assert end is not None  # there always is a limit
        if seconds > _MOST_WAIT_SECONDS or asyncio.get_running_loop().time() + seconds > end:
            raise busy.message from busy
        logger.info("The answer server is asked again in %.1f s", seconds)
        await asyncio.sleep(seconds)

    def _key(self) -> str:
        if not self._key_file:
            return ""
        return read_api_key(Path(self._key_file), "remote_key_file")

    def _refusals(self, key: str) -> Refusals:
        return Refusals(self.address.host, self._model, key)

    def _unreachable(self, said: str) -> ModelError:
        return ModelError(
            f"The answer server {self.address.host} cannot be reached ({said}). Check that it runs "
            "and that remote_url is right; `python -m rag doctor` tries it."
        )

    def _broken(self, said: str) -> ModelError:
        return ModelError(
            f"The answer server {self.address.host} broke off in mid-answer ({said}). Ask again; "
            "if it happens often, look into its log."
        )

    def _no_answer(self, fault: NoCompletionError) -> ModelError:
        return ModelError(
            f"The answer server {self.address.host} sent no answer ({fault}). Check that "
            "remote_url leads to an OpenAI-compatible server; it usually ends in /v1."
        )

    def _silent(self, reason: str, max_new_tokens: int) -> ModelError:
        return ModelError(
            f"The model {self._model} at {self.address.host} wrote nothing within {max_new_tokens} "
            f"tokens ({reason}). If it thinks before it answers, switch that off in the server or "
            "raise max_new_tokens."
        )


def _offered(entry: dict[str, Any]) -> OfferedModel:
    """Return one entry of the list; ``max_model_len`` is vLLM's."""
    length = entry.get("max_model_len")
    return OfferedModel(str(entry["id"]), length if isinstance(length, int) else None)
