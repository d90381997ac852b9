"""Serve the real pages for a test, and note every attempt to reach another machine.

`python tests/browser/serve.py PORT OUTSIDE_LOG [--fake | --pdf | --hostile | --hashing]`;
settings come from ``RAG_*``. With ``--fake`` a slow fake engine answers, so that a test can act in
mid-answer, and trainings train nothing. With ``--pdf`` one answers from a PDF that it writes into
the working directory, with ``--hostile`` all words are an attacker's. With ``--hashing`` the real
engine searches with the embedder of the tests, and so do its jobs.
"""

import os
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rag import serving_index
from rag.config import Config, load_config
from rag.jobs import Jobs
from rag.ui import server, services
from tests.fakes import EchoEngine, HashingEmbedder
from tests.hostile_engine import HostileEngine
from tests.paged_engine import PagedEngine

PAUSE_SECONDS = 0.12
_COMMANDS = Path(__file__).resolve().parents[1] / "hashing_index.py"
SUGGESTED = ("How many days of leave are there?", "有給休暇は何日ありますか？")
_TRAINER = Path(__file__).resolve().parents[1] / "fake_trainer.py"
_LOOPBACK = {"127.0.0.1", "::1", "localhost", "", "None"}


def watch_sockets(log: Path) -> None:
    """Write the host of every look-up, connection and datagram that leaves this machine."""

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if event == "socket.getaddrinfo":
            host = arguments[0]
        elif event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else ""
        else:
            return
        if str(host) not in _LOOPBACK:
            with log.open("a") as file:
                file.write(f"{event} {host}\n")

    sys.addaudithook(note)


def hashing_embedder(config: Config) -> HashingEmbedder:
    return HashingEmbedder(name=config.embed_model)


def echo_engine(config: Config) -> EchoEngine:
    fake = EchoEngine(config, PAUSE_SECONDS)
    fake.suggested = SUGGESTED
    return fake


def main(argv: list[str]) -> int:
    watch_sockets(Path(argv[1]))
    if "--fake" in argv:
        services.create_engine = echo_engine  # type: ignore[assignment]
        trainer = (sys.executable, str(_TRAINER))
        vars(services)["Jobs"] = partial(Jobs, training_program=trainer)
    if "--pdf" in argv:
        pause = float(os.environ.get("FUMIKURA_PAUSE_SECONDS", "0"))
        services.create_engine = lambda config: PagedEngine(config, Path.cwd(), pause)  # type: ignore[assignment,return-value]
    if "--hostile" in argv:
        services.create_engine = HostileEngine  # type: ignore[assignment]
    if "--hashing" in argv:
        vars(serving_index)["load_embedder"] = hashing_embedder
        vars(services)["Jobs"] = partial(Jobs, program=(sys.executable, str(_COMMANDS)))
    server.serve(load_config(), None, int(argv[0]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
