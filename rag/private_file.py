"""Read a small file that holds a secret, if it is for its owner alone."""

import os
import stat
from pathlib import Path


class SharedFileError(Exception):
    """Other accounts can read the file, or own it."""


def read_private(file: Path, most_bytes: int) -> bytes:
    """Return what is in ``file``, ``most_bytes`` and one more at most.

    Windows has no modes that could be checked.

    Raises:
        OSError: it cannot be read, or is no file.
        SharedFileError: see there.
    """
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # not even a pipe
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no file")
        if os.name == "posix" and (
            stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (os.geteuid(), 0)
        ):
            raise SharedFileError
        return stream.read(most_bytes + 1)
