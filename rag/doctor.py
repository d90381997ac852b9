"""What is installed, which models are here, what would be slow, and how to mend it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from rag.active_model import serving_model
from rag.config import (
    AUTH_OFF,
    AUTH_OIDC,
    DEFAULT_ANSWER_MODEL,
    DEFAULT_SPAN_MODEL,
    EXTRACTIVE,
    REMOTE,
    Config,
    config_environment,
)
from rag.environment import search_path
from rag.errors import RagError
from rag.generations import open_current
from rag.ingest import abilities
from rag.model_folder import find_model
from rag.remote.address import server_address
from rag.remote.look import look_at_server
from rag.users import UsersFile
from rag.web_address import is_loopback, web_address

# Packages without which a job cannot run, and the job.
_PACKAGES = {
    "torch": "models",
    "transformers": "answers",
    "gptqmodel": "quantized answers",
    "bitsandbytes": "NF4 answers",
    "openvino": "search by meaning and answers on a CPU",
    "sentence-transformers": "search by meaning",
    "faiss-cpu": "search by meaning",
    "scipy": "search by words",
    "langchain-text-splitters": "indexing",
    "pypdfium2": "PDF files",
    "lxml": "Office files",
    "olefile": "older Office files",
    "xlrd": "older Excel files",
    "beautifulsoup4": "HTML files",
    "streamlit": "the app",
    "httpx2": "answers of a server",
}
REBUILD = "python -m rag build FOLDER"
_START = "rag.trial_start"
_START_SECONDS = 180  # after which a start is given up; making graphs the first time takes 30
_SLOW_START_SECONDS = 10
_SHOWN_MODELS = 8
_LOW_DISK_GB = 2
_LOW_MEMORY_GB = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``remedy`` is a command or setting, "" when all is well."""

    level: Literal["ok", "optional", "slow", "unsafe", "missing"]
    subject: str
    text: str
    remedy: str = ""


def examine(config: Config, *, tries_start: bool = True) -> list[Finding]:
    """Return the findings in the order in which they should be mended.

    With ``tries_start`` the models are loaded in a child, which takes as long as a start.
    """
    parts: list[Callable[[Config], Iterator[Finding]]] = [
        _packages,
        _extras,
        _embedder,
        _answerer,
        _span_reader,
        _index,
        _access,
        _machine,
    ]
    if tries_start:
        parts.append(_start)
    return [finding for part in parts for finding in part(config)]


def missing_models(config: Config) -> list[Finding]:
    """Return what is said of the models that are not on this machine. Fast, and asks no server."""
    parts = [_embedder, _span_reader]
    if config.answer_model != REMOTE:
        parts.append(_answerer)
    found = [finding for part in parts for finding in part(config)]
    return [finding for finding in found if finding.level == "missing"]


def _packages(config: Config) -> Iterator[Finding]:
    yield Finding("ok", "Python", sys.version.split()[0])
    for name, purpose in _PACKAGES.items():
        try:
            yield Finding("ok", name, version(name))
        except PackageNotFoundError:
            yield Finding("missing", name, f"not installed; needed for {purpose}", "make setup")


def _extras(config: Config) -> Iterator[Finding]:
    """What more files could be read with; nothing of it is missing."""
    can = abilities(config)
    remedies = {
        "text recognition": ("scanned pages and images", "pip install -r requirements-ocr.txt"),
        "LibreOffice": ("old .doc and .ppt files", "install LibreOffice"),
    }
    for name, (purpose, remedy) in remedies.items():
        if name in can:
            yield Finding("ok", name, f"installed; {purpose} are read")
        else:
            yield Finding("optional", name, f"not installed; {purpose} are not read", remedy)


def _embedder(config: Config) -> Iterator[Finding]:
    try:
        folder = find_model(config.embed_model, config.models_dir)
        yield Finding("ok", "embedder", f"{config.embed_model} in {folder}")
    except RagError as error:
        yield Finding("missing", "embedder", str(error), "set RAG_EMBED_MODEL, or make setup")


def _answerer(config: Config) -> Iterator[Finding]:
    if config.answer_model == EXTRACTIVE:
        yield Finding("ok", "answer model", "none by choice: answers are quoted sentences")
        return
    if config.answer_model == REMOTE:
        yield from _answer_server(config)
        return
    try:
        name = serving_model(config)
        folder = find_model(name, config.models_dir)
    except RagError as error:
        is_default = repr(DEFAULT_ANSWER_MODEL) in str(error)
        remedy = "python -m training setup" if is_default else "set RAG_ANSWER_MODEL"
        yield Finding("missing", "answer model", str(error), remedy)
        return
    size_mb = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
    yield Finding("ok", "answer model", f"{name} in {folder}, {size_mb:.0f} MB")


def _span_reader(config: Config) -> Iterator[Finding]:
    name = config.span_model.strip()
    if not name:
        yield Finding("ok", "span reader", "none by choice: evidence is told by words alone")
        return
    try:
        folder = find_model(name, config.models_dir)
    except RagError as error:
        is_default = name == DEFAULT_SPAN_MODEL
        remedy = "python -m training setup" if is_default else "set RAG_SPAN_MODEL"
        yield Finding("missing", "span reader", str(error), remedy)
        return
    yield Finding("ok", "span reader", f"{name} in {folder}")


def _answer_server(config: Config) -> Iterator[Finding]:
    """The server of the settings, which is asked for its models and nothing else."""
    address = server_address(config)
    text = f"questions and the passages shown to the model are sent to {address.host}"
    yield Finding("ok", "privacy", text)
    if not address.is_encrypted and not address.is_this_machine:
        key = " and the API key" if config.remote_key_file else ""
        text = f"http:// is not encrypted: others on the way can read questions, passages{key}"
        yield Finding("unsafe", "privacy", text, "set RAG_REMOTE_URL to an https:// address")
    try:
        offer = look_at_server(config)
    except RagError as error:
        yield Finding("missing", "answer server", str(error), "start it, or set RAG_REMOTE_URL")
        return
    names = [model.name for model in offer.models]
    more = f" and {len(names) - _SHOWN_MODELS} more" if len(names) > _SHOWN_MODELS else ""
    offered = f"{', '.join(names[:_SHOWN_MODELS]) or 'models without a list'}{more}"
    text = f"{address.url} offers {offered}; it said so in {offer.milliseconds:.0f} ms"
    yield Finding("ok", "answer server", text)
    model = next((m for m in offer.models if m.name == config.remote_model), None)
    if names and model is None:
        text = f"{config.remote_model} is not offered there"
        yield Finding("missing", "answer model", text, "set RAG_REMOTE_MODEL")
        return
    most = model.context_tokens if model else None
    if most is not None and most < config.remote_context_tokens:
        text = f"{config.remote_model} reads {most} tokens there, not remote_context_tokens"
        yield Finding("missing", "answer model", text, f"set RAG_REMOTE_CONTEXT_TOKENS={most}")
        return
    yield Finding("ok", "answer model", f"{config.remote_model}, of that server")


def _index(config: Config) -> Iterator[Finding]:
    try:
        generation = open_current(config.index_dir)
    except RagError as error:
        yield Finding("missing", "index", str(error), REBUILD)
        return
    if generation.damage:
        yield Finding("slow", "index", f"an older one serves. {generation.damage}", REBUILD)
    manifest = generation.manifest
    folders = ", ".join(source.folder for source in manifest.sources)
    text = f"{manifest.documents} documents, {manifest.chunks} passages of {folders}"
    yield Finding("ok", "index", text)


def _access(config: Config) -> Iterator[Finding]:
    """Who may open the pages."""
    if config.auth == AUTH_OFF:
        yield Finding("ok", "access", "this machine alone, without a sign-in")
        return
    yield Finding("ok", "access", f"at {config.address}, after a sign-in ({config.auth})")
    public = web_address(config.public_url)
    if public is not None and not public.is_encrypted and not is_loopback(public.host):
        text = "public_url is not encrypted: others on the way can read passwords and documents"
        yield Finding(
            "unsafe", "access", text, "a reverse proxy with TLS, and its https:// address"
        )
    yield from _provider(config) if config.auth == AUTH_OIDC else _users(config)


def _users(config: Config) -> Iterator[Finding]:
    add = "python -m rag user add NAME --role admin"
    try:
        users = UsersFile(config.state_dir).read().values()
    except RagError as error:
        yield Finding("missing", "users", str(error), add)
        return
    admins = sum(user.role == "admin" for user in users)
    text = f"{admins} administrators, {len(users) - admins} readers"
    yield Finding("ok" if admins else "missing", "users", text, "" if admins else add)


def _provider(config: Config) -> Iterator[Finding]:
    people = [*config.oidc_admins, *config.oidc_readers]
    yield Finding("ok", "users", f"whom the provider knows as {', '.join(people)}")
    if find_spec("authlib") is None:
        text = "Authlib is not installed; nobody can sign in"
        yield Finding("missing", "OIDC", text, "pip install -r requirements-oidc.txt")
    folders = (Path.cwd(), Path(__file__).resolve().parents[1], Path.home())
    files = [folder / ".streamlit" / "secrets.toml" for folder in folders]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        text = "no provider is named in .streamlit/secrets.toml"
        yield Finding("missing", "OIDC", text, 'see "A shared host" in docs/security.md')
    elif os.name == "posix" and file.stat().st_mode & 0o077:
        text = f"{file} holds the secret of the provider, and other accounts can read it"
        yield Finding("unsafe", "OIDC", text, f"chmod 600 {file}")


def _machine(config: Config) -> Iterator[Finding]:
    import psutil
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if torch.cuda.is_available():
        yield Finding("ok", "GPU", torch.cuda.get_device_name(0))
    else:
        yield Finding("ok", "GPU", f"none that torch can use; answers run on {cores} CPU cores")
        if not torch.cpu._is_avx512_bf16_supported() and not torch.cpu._is_amx_tile_supported():
            yield Finding(
                "slow",
                "CPU",
                "no 16-bit arithmetic: 16-bit models run in 32 bits here, at twice the memory",
                "keep the quantized answer model",
            )
    available_gb = psutil.virtual_memory().available / 1e9
    if available_gb < _LOW_MEMORY_GB:
        yield Finding(
            "slow", "memory", f"{available_gb:.1f} GB free", "close other programs before asking"
        )
    else:
        yield Finding("ok", "memory", f"{available_gb:.1f} GB free")
    index_dir = config.index_dir.resolve()
    existing = next(path for path in (index_dir, *index_dir.parents) if path.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    level: Literal["ok", "slow"] = "slow" if free_gb < _LOW_DISK_GB else "ok"
    remedy = "free some disk space" if level == "slow" else ""
    yield Finding(level, "disk", f"{free_gb:.0f} GB free", remedy)


def _start(config: Config) -> Iterator[Finding]:
    """Get ready to answer in a child, as the app does when it starts. Needs an index."""
    if config.answer_model == REMOTE:
        return  # getting ready asks a server the questions of the reading test
    try:
        open_current(config.index_dir)
    except RagError:
        return  # which is told already
    environment = {**os.environ, **config_environment(config), "PYTHONPATH": search_path()}
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", _START],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_START_SECONDS, check=False,
        )  # fmt: skip
        told = json.loads(child.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        text = f"the models could not be started ({type(error).__name__})"
        yield Finding("missing", "start", text, "python -m rag ask QUESTION")
        return
    if "error" in told:
        yield Finding("missing", "start", told["error"], "python -m rag ask QUESTION")
        return
    is_slow = told["seconds"] > _SLOW_START_SECONDS
    text = (
        f"ready to answer after {told['seconds']:.1f} s, with {told['peak_mb']:,.0f} MB of memory "
        f"at most; the answer model is run by {told['kernel']}"
    )
    remedy = "close other programs" if is_slow else ""
    yield Finding("slow" if is_slow else "ok", "start", text, remedy)
