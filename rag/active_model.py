"""Which model answers: the one that was activated, else the default one.

The pointer is one small file below the models folder, replaced as a whole, so that a server picks
up another model at its next question. `python -m training activate` writes it.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from rag.config import ACTIVE, DEFAULT_ANSWER_MODEL, REMOTE, Config
from rag.errors import ModelError

POINTER = "active.json"


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """What the pointer says."""

    model: str  # name below the models folder
    previous: str  # that answered before, and answers again after a rollback; "" the default one
    activated: str  # ISO 8601, UTC


def read_active(models_dir: Path) -> ActiveModel | None:
    """Return what was activated; None when nothing was.

    Raises:
        ModelError: the file is damaged.
    """
    file = models_dir / POINTER
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        names = [table[key] for key in ("model", "previous", "activated")]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(file) from error
    if not all(isinstance(name, str) for name in names) or Path(names[0]).name != names[0]:
        raise _damaged(file)
    if names[0] == REMOTE:  # only the settings can decide that something leaves this machine
        raise _damaged(file)
    return ActiveModel(*names)


def serving_model(config: Config) -> str:
    """Return the name of the model that the settings let answer.

    Raises:
        ModelError: the settings leave it to the pointer, which is damaged.
    """
    if config.answer_model != ACTIVE:
        return config.answer_model
    active = read_active(config.models_dir)
    return active.model if active and active.model else DEFAULT_ANSWER_MODEL


def _damaged(file: Path) -> ModelError:
    return ModelError(
        f"{file}, which names the model that answers, is damaged. Remove it to use the default "
        "model, or activate a model again with `python -m training activate NAME`."
    )
