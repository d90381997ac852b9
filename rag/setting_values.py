"""What each setting may be: ranges, choices, and text of a certain form."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from rag.web_address import web_address

KEY_FILES = ("remote_key_file", "api_key_file")
RANGES: dict[str, tuple[int, int]] = {
    "max_new_tokens": (1, 4096),
    "prompt_tokens": (128, 131072),
    "remote_context_tokens": (512, 10_000_000),
    "remote_seconds": (1, 3600),
    "threads": (0, 1024),
    "chunk_tokens": (32, 8192),
    "chunk_overlap_tokens": (0, 4096),
    "rerank_pool": (1, 1000),
    "top_k": (1, 1000),
    "min_score_percent": (0, 100),
    "max_passages": (1, 100),
    "evidence_sentences": (0, 1000),
    "min_evidence_percent": (0, 100),
    "min_evidence_words_percent": (0, 100),
    "partial_evidence_percent": (0, 100),
    "strong_evidence_percent": (0, 100),
    "max_question_chars": (1, 100_000),
    "max_file_mb": (1, 100_000),
    "parse_seconds": (1, 86_400),
    "parse_memory_mb": (128, 1_048_576),
    "parse_workers": (1, 64),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "answer_precision": ("auto", "16bit", "nf4"),
    "device": ("auto", "cpu", "cuda"),
    "api": ("off", "on"),
    "auth": ("off", "password", "oidc"),
}
_PERSON = re.compile(r"[^@\s,]*@[^@\s,]+\.[^@\s,]+")
MILVUS_URI = re.compile(r"https?://\S+|(?!\w+://).+\.db")


def convert(name: str, value: Any) -> Any:  # noqa: ANN401 - TOML values are of any type
    """Return ``value`` in the type of the setting, or raise ValueError saying what is expected."""
    if name in RANGES:
        return _to_number(value, *RANGES[name])
    if name.endswith("_dir"):
        if not isinstance(value, str | Path) or not str(value):
            raise ValueError("expected a folder")
        return Path(value).expanduser()
    if name.endswith("_languages"):
        words = value.split(",") if isinstance(value, str) else value
        if not isinstance(words, list | tuple) or not set(words) <= {"en", "ja", "other"}:
            raise ValueError('expected some of "en", "ja", "other"')
        return tuple(words)
    if name.startswith("oidc_"):
        return _to_people(value)
    if not isinstance(value, str):
        raise ValueError("expected text in quotes")
    return _to_text(name, value)


def _to_text(name: str, value: str) -> str:
    if value not in _CHOICES.get(name, (value,)):
        raise ValueError(f"expected one of {', '.join(_CHOICES[name])}")
    if name == "milvus_uri" and value and not MILVUS_URI.fullmatch(value):
        raise ValueError(
            "expected an address such as https://host:19530, or a folder ending in .db"
        )
    if name in ("embed_model", "answer_model") and not value.strip():
        raise ValueError("expected a model name or folder")
    if name == "remote_url" and value and web_address(value) is None:
        raise ValueError(
            "expected an address such as http://gpu-box:8000/v1, without user, password and ?"
        )
    if name == "public_url" and value:
        parts = web_address(value)
        if parts is None or parts.path.strip("/"):
            raise ValueError("expected an address such as https://docs.example.org, without a path")
    if name == "address" and not _is_address(value):
        raise ValueError("expected an IP address of this machine, such as 127.0.0.1 or 0.0.0.0")
    if name in KEY_FILES and value:
        if not Path(value).expanduser().is_absolute():
            raise ValueError("expected the whole path of a file that holds the key")
        return str(Path(value).expanduser())
    return value


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _to_people(value: object) -> tuple[str, ...]:
    """Return e-mail addresses and domains in lower case."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ValueError('expected e-mail addresses, such as ["mika@example.org"]')
    people = tuple(word.strip().lower() for word in words if word.strip())
    for person in people:
        if not _PERSON.fullmatch(person):
            raise ValueError(f"expected mika@example.org, or @example.org for all, not {person!r}")
    return people


def _to_number(value: object, low: int, high: int) -> int:
    try:
        number = int(value) if isinstance(value, int | str) and value is not True else low - 1
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise ValueError(f"expected a whole number from {low} to {high}")
    return number
