"""People who sign in, for the tests of pages, servers and browsers."""

import base64
import hashlib
from pathlib import Path

PASSWORD = "four words by chance"
PEOPLE = {"aki": "admin", "mika": "reader", "ren": "reader"}


def add_people(state_dir: Path) -> None:
    """Write a file of users whose hashes cost little; `is_password` reads their parameters."""
    state_dir.mkdir(parents=True, exist_ok=True)
    salt = b"0123456789abcdef"
    hashed = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=16, r=8, p=1, dklen=32)
    stored = "$".join(base64.b64encode(part).decode() for part in (salt, hashed))
    file = state_dir / "users"
    file.write_text(
        "".join(
            f"{name}:{role}:id-{name}:scrypt$16$8$1${stored}\n" for name, role in PEOPLE.items()
        )
    )
    file.chmod(0o600)
