"""A look at the answer server, for `rag.doctor`. No question is sent."""

from collections.abc import AsyncGenerator
from threading import Event

from rag.config import Config
from rag.remote.chat_server import ChatServer, Offer
from rag.remote.interruptible import iterate


def look_at_server(config: Config) -> Offer:
    """Return which models the server offers, and how long it took to say so.

    Raises:
        ModelError: it cannot be reached, does not accept the key, or does not say.
    """

    async def once() -> AsyncGenerator[Offer, None]:
        yield await ChatServer(config).models()

    [offer] = iterate(once, Event())
    return offer
