"""Read an API key from its file, at every request and never before.

A file and not a variable of the environment: what this program starts (parsers, LibreOffice,
training) inherits its environment.
"""

import re
from pathlib import Path

from rag.errors import ModelError
from rag.private_file import SharedFileError, read_private

_MOST_BYTES = 4096
_KEY = re.compile(r"[!-~]+")  # goes into a header: no spaces, no line ends


def read_api_key(file: Path, setting: str) -> str:
    """Return the key in ``file``, which ``setting`` names.

    Raises:
        ModelError: it cannot be read, other accounts can read it too, or it holds no key. The
            message never shows what is in the file.
    """
    try:
        content = read_private(file, _MOST_BYTES)
    except SharedFileError as error:
        raise ModelError(
            f"The API key file {file} can be read by other accounts. Make it yours alone: "
            f"`chmod 600 {file}`."
        ) from error
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
