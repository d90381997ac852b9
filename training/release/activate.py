"""Let a model answer, or the one before it again. What serves is one pointer, replaced as a whole.

A model gets there only when it was compared with the one that serves and is no worse, its folder
is safe and whole, and it answers the questions that every model is tested with.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.active_model import POINTER, ActiveModel, read_active, serving_model
from rag.config import ACTIVE, DEFAULT_ANSWER_MODEL, Config
from rag.errors import ModelError, RagError
from rag.generate import load_generator
from rag.model_folder import fingerprint, refuse_unsafe
from rag.protocols import Generator
from rag.reading_test import readable_languages
from training.evaluation.evaluate import candidate_fingerprint, serving_folder
from training.evaluation.table import EvaluationTable
from training.release.gates import MIN_ROWS, Gate, judge
from training.release.known_models import evaluations, prune_models
from training.runs.folder import write_json

LOG = "activations.jsonl"
_LOCK = "active.lock"
_LOCK_SECONDS = 5.0  # what is done under the lock takes a fraction of one

LoadGenerator = Callable[[Config], Generator]


class ReleaseError(RagError):
    """A model was not activated, or there is none to go back to."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What was done, as the log keeps it."""

    action: str  # "activate" or "rollback"
    model: str
    previous: str
    time: str  # ISO 8601, UTC
    gates: tuple[Gate, ...] = ()
    table: str = ""  # the comparison that the gates are of
    why: str = ""  # it was activated against the gates


def activate(
    name: str,
    settings: Config,
    *,
    run: Path | None = None,
    force: bool = False,
    why: str = "",
    load: LoadGenerator = load_generator,
) -> Activation:
    """Let the model called ``name`` answer from the next question on.

    Args:
        name: of a folder below the models folder.
        settings: of the product.
        run: folder of a run or of an evaluation that compared it; None looks in all of them.
        force: whatever the gates say. A folder that is unsafe or damaged, or a model that does
            not answer, is refused all the same.
        why: the reason for ``force``, which is kept.
        load: loads the model for its test.

    Raises:
        ReleaseError: it is worse than the model that serves, with the numbers; was never compared
            with it; does not answer; or cannot be activated at all.
        ModelError: its folder is missing, unsafe or damaged.
    """
    if settings.answer_model != ACTIVE:
        raise ReleaseError(
            f"The settings name the answer model {settings.answer_model!r}, so that activating "
            f'another one changes nothing. Set answer_model = "{ACTIVE}" first.'
        )
    if force and not why.strip():
        raise ReleaseError("Say why the gates are to be passed over: --force --why TEXT.")
    folder = _model_folder(name, settings)
    refuse_damaged(folder)
    _judged(name, settings, run, force=force)  # before the slow part, so that a refusal is quick
    _refuse_silent(folder, settings, load)
    with _locked(settings):
        serving = serving_model(settings)
        gates, table = _judged(name, settings, run, force=force)  # another may serve by now
        done = Activation(
            "activate", name, serving, _now(), gates, table, why.strip() if force else ""
        )
        write_active(settings.models_dir, ActiveModel(name, serving, done.time), gates)
        _keep(done, settings)
    return done


def rollback(settings: Config) -> Activation:
    """Let the model answer again that answered before the last activation, which is then undone.

    A second call takes the first one back.

    Raises:
        ReleaseError: nothing was activated.
        ModelError: the earlier model is not there any more, or damaged.
    """
    with _locked(settings):
        active = read_active(settings.models_dir)
        if active is None:
            raise ReleaseError("No model was activated, so there is none to go back to.")
        target = active.previous or DEFAULT_ANSWER_MODEL
        if target != DEFAULT_ANSWER_MODEL or (settings.models_dir / target).is_dir():
            refuse_damaged(_model_folder(target, settings))
        done = Activation("rollback", target, active.model, _now())
        write_active(settings.models_dir, ActiveModel(target, active.model, done.time))
        _keep(done, settings)
    return done


def prune(settings: Config) -> list[str]:
    """Remove what `prune_models` removes, while no model is being activated; return the names.

    Raises:
        ReleaseError: another process is activating a model.
        ModelError: the pointer is damaged.
    """
    with _locked(settings):
        return prune_models(settings)


def write_active(models_dir: Path, active: ActiveModel, gates: Sequence[Gate] = ()) -> None:
    """Replace the pointer. Whatever ends this process, the old one or the new one is there."""
    table = {**asdict(active), "gates": [gate.to_json() for gate in gates]}
    write_json(models_dir / POINTER, table)


def activations(settings: Config) -> list[dict[str, Any]]:
    """Return what was activated and rolled back, oldest first. A damaged line is left out."""
    try:
        lines = (settings.models_dir / LOG).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # the process was killed in the middle of it
    return found


def refuse_damaged(folder: Path) -> None:
    """Refuse a folder that could run code, or whose files are not whole. Loads no weights.

    Raises:
        ModelError: names the file.
    """
    from safetensors import SafetensorError, safe_open

    refuse_unsafe(folder)
    for file in sorted(folder.rglob("*.safetensors")):
        try:
            with safe_open(file, framework="numpy"):
                pass  # its header is checked against its size
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{file} is damaged ({error}). Copy the model again.") from error
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise ModelError(f"The model folder {folder} has no {needed}. Copy the model again.")


def _model_folder(name: str, settings: Config) -> Path:
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise ReleaseError(f"{name!r} is no name of a folder below {settings.models_dir}.")
    folder = settings.models_dir / name
    if not folder.is_dir():
        raise ModelError(
            f"There is no model {name!r} in {settings.models_dir}. `python -m training models` "
            "lists those that are there."
        )
    return folder


def _judged(
    name: str, settings: Config, run: Path | None, *, force: bool
) -> tuple[tuple[Gate, ...], str]:
    """Return the gates of a model against the one that serves, and the file of the comparison."""
    serving = serving_model(settings)
    if name == serving:
        raise ReleaseError(f"{name} answers already.")
    # Of that very model, as another process may exchange it between two looks at the pointer.
    found = _comparison(settings.models_dir / name, replace(settings, answer_model=serving), run)
    if found is None:
        if force:
            return (), ""
        raise ReleaseError(
            f"{name} was never compared with {serving}, which answers now. Run `python -m training "
            f"evaluate --model {serving} {name} --data FILE` with questions that it was not "
            "trained on."
        )
    table, candidate, file = found
    gates = judge(table, candidate)
    if force:
        return gates, str(file)
    worse = [gate for gate in gates if not gate.is_passed]
    if worse:
        told = "; ".join(str(gate) for gate in worse)
        raise ReleaseError(
            f"{name} is worse than {serving}, which answers now: {told}. It was not activated "
            f"({file})."
        )
    if table.rows < MIN_ROWS:
        raise ReleaseError(
            f"{name} was compared with {serving} on {table.rows} questions only, and fewer than "
            f"{MIN_ROWS} cannot tell which is better. Evaluate on more."
        )
    return gates, str(file)


def _comparison(
    folder: Path, settings: Config, run: Path | None
) -> tuple[EvaluationTable, str, Path] | None:
    """Return the newest comparison with the model that serves, and the name of ours in it."""
    ours, theirs = fingerprint(folder), candidate_fingerprint(serving_folder(settings))
    for file, table in evaluations(settings, run):
        if table.candidate(table.baseline).fingerprint != theirs:
            continue
        for candidate in table.candidates:
            if candidate.fingerprint == ours and candidate.name != table.baseline:
                return table, candidate.name, file
    return None


def _refuse_silent(folder: Path, settings: Config, load: LoadGenerator) -> None:
    """Refuse a model that does not answer the questions of `rag.reading_test`."""
    generator = load(replace(settings, answer_model=str(folder)))
    if not readable_languages(generator):
        raise ReleaseError(
            f"{folder.name} was loaded and asked the built-in test questions, and answered less "
            "than half of them in every language. It was not activated."
        )


@contextmanager
def _locked(settings: Config) -> Iterator[None]:
    settings.models_dir.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.models_dir / _LOCK, timeout=_LOCK_SECONDS):
            yield
    except Timeout as error:
        raise ReleaseError(
            "Another process is activating a model at this moment. Try again."
        ) from error


def _keep(done: Activation, settings: Config) -> None:
    line = json.dumps(asdict(done), ensure_ascii=False)
    with (settings.models_dir / LOG).open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
