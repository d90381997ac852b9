"""Read an API key from its file, at every request and never before.

A file and not a variable of the environment: what this program starts (parsers, LibreOffice,
training) inherits its environment.
"""

import os
import re
import stat
from pathlib import Path

from rag.errors import ModelError

_MOST_BYTES = 4096
_KEY = re.compile(r"[!-~]+")  # goes into a header: no spaces, no line ends


def read_api_key(file: Path, setting: str) -> str:
    """Return the key in ``file``, which ``setting`` names.

    Raises:
        ModelError: it cannot be read, other accounts can read it too, or it holds no key. The
            message never shows what is in the file.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # not even a pipe
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is no file")
            _refuse_shared(file, status)
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ModelError(
            f"The API key file {file} cannot be read ({reason}). Put the key into it, or empty the "
            f"setting {setting}."
        ) from error
    key = content.decode("ascii", errors="replace").strip()
    if len(content) > _MOST_BYTES or not _KEY.fullmatch(key):
        raise ModelError(
            f"The API key file {file} holds no key. Put the key into it, in one line and nothing "
            "else."
        )
    return key


def _refuse_shared(file: Path, status: os.stat_result) -> None:
    """Refuse a file like ssh does. Windows has no such modes."""
    if os.name != "posix":
        return
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (os.geteuid(), 0):
        raise ModelError(
            f"The API key file {file} can be read by other accounts. Make it yours alone: "
            f"`chmod 600 {file}`."
        )
