"""The answer model of a server, behind the `Generator` protocol."""

from collections.abc import Iterator
from threading import Event

from rag.config import Config
from rag.datatypes import Prompt, PromptStyle
from rag.errors import ModelError
from rag.remote.address import remote_model_id, server_address
from rag.remote.chat_messages import chat_messages, estimated_tokens
from rag.remote.chat_server import ChatServer
from rag.remote.interruptible import iterate

_THOUGHT = "<think>"  # that a model begins with whose server does not keep its thoughts apart


class RemoteGenerator:
    """Sends the prompt to the server that the settings name. Making it sends nothing.

    There is no lock: a server queues by itself, and each request has a connection of its own.
    """

    def __init__(self, config: Config) -> None:
        self.model_id = remote_model_id(config)
        self.kernel = f"a server on {server_address(config).host}"
        self.context_tokens = config.remote_context_tokens
        self.style = PromptStyle(config.evidence_sentences)
        # Under which its languages are remembered. Another model under that name goes unnoticed.
        self.identity = f"{server_address(config).url} {config.remote_model}"
        self._server = ChatServer(config)

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return about how many tokens the server reads, rather too many (`estimated_tokens`)."""
        return estimated_tokens(chat_messages(prompt))

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield the pieces as they come; see `Generator.stream`. A piece may be several tokens.

        Raises:
            ModelError: the prompt is too long, or the server does not answer.
        """
        messages = chat_messages(prompt)
        count = estimated_tokens(messages)
        if count + max_new_tokens > self.context_tokens:
            raise ModelError(
                f"The question with its best passage has about {count:,} tokens, and with the "
                f"answer at most {self.context_tokens:,} are sent to the answer server. Shorten "
                "the question, or raise remote_context_tokens if the server reads more."
            )
        written = ""
        for piece in iterate(lambda: self._server.completion(messages, max_new_tokens), stop):
            written = (written + piece)[: len(_THOUGHT) + 20]
            if written.lstrip().startswith(_THOUGHT):
                raise ModelError(
                    f"The model {self.model_id} thinks before it answers. Switch that off in the "
                    "server, or let the server keep the thoughts apart (vLLM: --reasoning-parser)."
                )
            yield piece
