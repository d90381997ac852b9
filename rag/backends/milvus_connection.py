"""The connection to Milvus, and which collection serves. The only owner of pymilvus.

What is sent goes to the address that was named and to nobody else: proxies of the environment
are not used, and a `.env` file, which pymilvus would read at import, is not looked for.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rag.errors import BackendError

LOCAL_SUFFIX = ".db"  # of the folder of a Milvus Lite, which pymilvus runs in this process
SERVING, BEFORE = "fumikura_serving", "fumikura_before"  # aliases
TIMEOUT_SECONDS = 20.0  # of one request; without it pymilvus tries again for minutes
LONG_SECONDS = 1800.0  # of one that moves a whole collection
_NOT_FOUND = (100, 1600)  # codes: no such collection, no such alias


@dataclass(frozen=True, slots=True)
class Milvus:
    """One connection; safe from any thread."""

    client: Any  # pymilvus.MilvusClient
    place: str  # for messages: the address without user and password

    def call(
        self,
        method: str,
        *arguments: Any,  # noqa: ANN401 - any method
        timeout_seconds: float = TIMEOUT_SECONDS,
        **named: Any,  # noqa: ANN401 - any method
    ) -> Any:  # noqa: ANN401 - any method
        """Return what a method of the client returns.

        Raises:
            BackendError: Milvus cannot be reached, takes too long, or refuses.
        """
        with _in_words(self.place):
            return getattr(self.client, method)(*arguments, timeout=timeout_seconds, **named)

    def alias_target(self, alias: str) -> str:
        """Return the name of the collection behind ``alias``, or "" when there is none."""
        from pymilvus.exceptions import MilvusException

        with _in_words(self.place):
            try:
                found = self.client.describe_alias(alias, timeout=TIMEOUT_SECONDS)
            except MilvusException as error:
                if error.code in _NOT_FOUND:
                    return ""
                raise
        return str(found["collection_name"])

    def point(self, alias: str, collection: str) -> None:
        """Let ``alias`` name ``collection`` from now on, in one step."""
        method = "alter_alias" if self.alias_target(alias) else "create_alias"
        self.call(method, collection, alias)

    def count(self, collection: str) -> int:
        """Return the passages in ``collection``, those of the last write included."""
        [row] = self.call(
            "query", collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
        )
        return int(row["count(*)"])


@lru_cache(maxsize=4)
def connect(uri: str) -> Milvus:
    """Return the connection to ``uri``, one for all callers.

    Args:
        uri: ``http://`` or ``https://``, with user and password when there are any and with the
            database as its path; or a folder ending in ``.db`` for Milvus Lite.

    Raises:
        BackendError: pymilvus is missing, or nobody answers.
    """
    client_class = _client_class()
    if uri.endswith(LOCAL_SUFFIX):
        _make_private(Path(uri))
    place = _without_credentials(uri)
    with _in_words(place):
        client = client_class(
            uri, timeout=TIMEOUT_SECONDS, grpc_options={"grpc.enable_http_proxy": 0}
        )
    return Milvus(client, place)


def serving_collection(uri: str) -> str:
    """Return the collection that was exported last, or "" when there is none or no ``uri``.

    Raises:
        BackendError: see `connect`.
    """
    return connect(uri).alias_target(SERVING) if uri else ""


def collection_name(build_id: str) -> str:
    """Return the name of the collection that holds one generation."""
    return f"fumikura_{build_id.replace('-', '_')}"


def _client_class() -> Any:  # noqa: ANN401 - of an optional library
    switched = os.environ.get("PYTHON_DOTENV_DISABLED")
    os.environ["PYTHON_DOTENV_DISABLED"] = "1"
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise BackendError(
            "Searching in Milvus needs a package that is not installed. Run "
            "`pip install -r requirements-milvus.txt`, or empty the setting milvus_uri."
        ) from error
    finally:
        if switched is None:
            del os.environ["PYTHON_DOTENV_DISABLED"]
        else:
            os.environ["PYTHON_DOTENV_DISABLED"] = switched
    # Whatever they log with a traceback, they raise as well.
    for library in ("pymilvus", "milvus_lite"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    return MilvusClient


def _make_private(folder: Path) -> None:
    """Make the folder of a Milvus Lite, which would itself let other accounts read it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise BackendError(
            f"The folder {folder} cannot be made ({error}). Name another one."
        ) from error


def _without_credentials(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    from grpc import RpcError
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, RpcError) as error:
        reason = getattr(error, "message", "") or type(error).__name__
        raise BackendError(
            f"Milvus at {place} did not do what was asked ({reason}). Check that it runs and "
            "that no other program has its folder open, or empty the setting milvus_uri."
        ) from error
