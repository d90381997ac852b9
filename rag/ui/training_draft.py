"""What a person has chosen for the next training; kept in the store, so that a reload keeps it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rag.store import Store
from rag.training_settings import Recipe, changed, settings_file

_SETTING = "training_draft"
OWN = ""  # no recipe: only what the form says


@dataclass(frozen=True, slots=True)
class Draft:
    """The form of the Train page."""

    name: str = ""  # "": that of the recipe
    recipe: str = OWN
    files: tuple[str, ...] = ()
    has_feedback: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)  # field -> column, as a person says
    changes: Mapping[str, Any] = field(default_factory=dict)  # place in the recipe -> value

    def table(self, recipe: Recipe | None) -> dict[str, Any]:
        """Return the settings of the run that this describes."""
        own: dict[str, Any] = {"name": self.shown_name(recipe)}
        if self.files:  # instead of those of the recipe
            paths = [Path(file).expanduser().absolute() for file in self.files]
            own["data.files"] = [str(path) for path in paths if not path.is_dir()]
            folders = [str(path) for path in paths if path.is_dir()]  # of documents, to learn text
            if folders or (recipe and recipe.task == "pretrain"):
                own["data.folders"] = folders
        if self.has_feedback:
            own["data.feedback"] = True
        if self.columns:
            own["data.columns"] = [f"{key}={column}" for key, column in self.columns.items()]
        return changed(recipe.table if recipe else {}, {**own, **self.changes})

    def shown_name(self, recipe: Recipe | None) -> str:
        """Return the name of the model that is to be made."""
        return self.name or (recipe.name if recipe else "my-answers")

    def file(self, recipe: Recipe | None, state_dir: Path) -> Path:
        """Return the file that holds these very settings, written or not."""
        return settings_file(self.table(recipe), state_dir)


def read_draft(store: Store) -> Draft:
    """Return what was chosen last; the empty draft at first, or when it cannot be read."""
    try:
        values = json.loads(store.setting(_SETTING) or "{}")
        return Draft(**{**values, "files": tuple(values.get("files", ()))})
    except (ValueError, TypeError):
        return Draft()


def save_draft(store: Store, draft: Draft) -> None:
    """Keep a draft for later visits."""
    store.save_setting(_SETTING, json.dumps(asdict(draft), ensure_ascii=False))
