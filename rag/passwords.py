"""Passwords as scrypt hashes (RFC 7914), each with a salt and its parameters beside it."""

import base64
import hashlib
import hmac
import os
import threading

MIN_CHARACTERS = 12
MAX_CHARACTERS = 200  # what is longer was not typed, and costs more to hash
_N, _R, _P = 2**15, 8, 3  # 32 MB and some 0.2 s: OWASP, Password Storage Cheat Sheet
_MAX_N, _MAX_R, _MAX_P = 2**20, 32, 16  # of a file that somebody edited
_BYTES = 32
_at_once = threading.BoundedSemaphore(2)  # a flood of tries must not take all memory


def hash_password(password: str) -> str:
    """Return ``scrypt$N$r$p$salt$hash`` for a new password."""
    salt = os.urandom(16)
    return f"scrypt${_N}${_R}${_P}${_text(salt)}${_text(_derive(password, salt, _N, _R, _P))}"


def is_password(password: str, stored: str) -> bool:
    """Tell whether ``stored`` was made of this password, in time that tells nothing.

    Raises:
        ValueError: ``stored`` is no hash of this form.
    """
    salt, expected, n, r, p = _parts(stored)
    return hmac.compare_digest(_derive(password, salt, n, r, p), expected)


def refuse_malformed(stored: str) -> None:
    """Raise ValueError when ``stored`` is no hash that `is_password` can compare."""
    _parts(stored)


def waste_time(password: str) -> None:
    """Take the time of a comparison, for somebody who does not exist."""
    _derive(password, bytes(16), _N, _R, _P)


def _parts(stored: str) -> tuple[bytes, bytes, int, int, int]:
    name, *numbers, salt, expected = stored.split("$")
    n, r, p = (int(number) for number in numbers)
    is_moderate = 2 <= n <= _MAX_N and 1 <= r <= _MAX_R and 1 <= p <= _MAX_P
    if name != "scrypt" or not is_moderate or n & (n - 1):
        raise ValueError("no scrypt hash")
    hashed = base64.b64decode(expected, validate=True)
    if len(hashed) != _BYTES:
        raise ValueError("a hash of another length")
    return base64.b64decode(salt, validate=True), hashed, n, r, p


def _derive(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    encoded = password.encode("utf-8", "surrogatepass")
    with _at_once:
        return hashlib.scrypt(encoded, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=_BYTES)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
