"""Where the answer server is, in the words that a person is shown."""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from rag.config import Config


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """A checked ``remote_url`` (`rag.config`), which holds neither user nor password."""

    url: str  # without a slash at its end

    @property
    def host(self) -> str:
        """Name and port, as the address has them."""
        return urlsplit(self.url).netloc

    @property
    def is_encrypted(self) -> bool:
        """Tell whether others on the way can neither read nor change what is sent."""
        return self.url.startswith("https:")

    @property
    def is_this_machine(self) -> bool:
        """Tell whether nothing leaves this machine. Of names only localhost is known."""
        name = urlsplit(self.url).hostname or ""
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"


def server_address(config: Config) -> ServerAddress:
    """Return where questions are sent while ``answer_model`` is "remote"."""
    return ServerAddress(config.remote_url.rstrip("/"))


def remote_model_id(config: Config) -> str:
    """Return the name that is shown beside every answer: the model, and whose it is."""
    return f"{config.remote_model} @ {server_address(config).host}"
