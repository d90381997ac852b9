"""A server in a child process, for tests that need its sockets or a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

_SCRIPT = Path(__file__).with_name("serve.py")


class ServerProcess:
    """Runs `serve.py` on a free port until `stop`; in a ``with`` statement, while it answers."""

    def __init__(self, folder: Path, *options: str, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.outside = folder / "outside.log"
        self.log = folder / "server.log"
        environment = {key: v for key, v in os.environ.items() if not key.startswith("RAG_")}
        environment |= {"RAG_STATE_DIR": str(folder / "state"), **settings}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(_SCRIPT), str(self.port), str(self.outside), *options],
                cwd=folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        try:
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *of_an_error: object) -> None:
        self.stop()

    def wait(self, seconds: float = 120) -> None:
        """Return when the server answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def outside_attempts(self) -> list[str]:
        """Return every attempt to reach another machine."""
        return self.outside.read_text().splitlines() if self.outside.exists() else []

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait(timeout=10)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
