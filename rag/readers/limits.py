"""What a parser child may use, and how a reader asks for more.

Most files are read in well under a second, so the limits are tight. A reader that knows of a
slow or large step (text recognition, LibreOffice) asks for it; outside a child asking does nothing.
"""

import sys
from collections.abc import Callable

_on_request: Callable[[float], None] = lambda seconds: None  # noqa: E731 - a default, replaced once


def serve_requests(listener: Callable[[float], None]) -> None:
    """Let ``listener`` pass requests for more time on to the parent."""
    global _on_request  # one child reads one file at a time
    _on_request = listener


def request_seconds(seconds: float) -> None:
    """Say that the next step may take ``seconds`` from now, as measured by the wall clock."""
    _on_request(seconds)


def limit_memory(megabytes: int) -> None:
    """Bound the address space to what is mapped now plus ``megabytes``, where the system can.

    Only the soft limit is set, so that a reader with a large model can call this again with
    more: the limit is there for accidents of parsers, not for hostile code.
    """
    if sys.platform in ("win32", "darwin"):  # Windows has no such limit, macOS refuses it
        return
    import resource

    import psutil

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = psutil.Process().memory_info().vms + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def request_memory(megabytes: int) -> None:
    """Allow ``megabytes`` more than what is mapped now; where no limit is set, none is made."""
    if sys.platform in ("win32", "darwin"):
        return
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limit_memory(megabytes)


def limit_files(megabytes: int) -> None:
    """Bound the size of any one file written, and write no core dumps."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = megabytes << 20 if hard == resource.RLIM_INFINITY else min(megabytes << 20, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
