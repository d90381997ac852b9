"""Read the settings of a run from TOML. All mistakes are reported together, each with its place."""

import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from rag.errors import ConfigError
from training.config import BALANCES, CANDIDATES, METHODS, PRECISIONS, TASKS, TrainingConfig

CONFIGS = Path(__file__).resolve().parent / "configs"
_CHOICES = {
    "task": TASKS,
    "train.method": METHODS,
    "train.precision": PRECISIONS,
    "data.balance": BALANCES,
    "quantize.bits": (2, 3, 4, 8),
}
_SHARES = {
    "data.held_out_share", "data.not_found_share", "data.author_share", "data.altered_share",
    "data.hidden_instructions", "train.dropout", "evaluate.false_abstention",
}  # fmt: skip
_POSITIVE = {
    "data.passages", "prompt.budget_tokens", "train.rank", "train.alpha", "train.learning_rate",
    "train.epochs", "train.batch_size", "train.gradient_accumulation", "train.max_tokens",
    "quantize.group_size", "quantize.calibration_rows", "evaluate.max_rows",
    "evaluate.max_new_tokens",
}  # fmt: skip


def load_training_config(file: Path) -> TrainingConfig:
    """Return the settings that ``file`` makes, the defaults elsewhere.

    A name without a folder is looked for among the configurations that come with the product.

    Raises:
        ConfigError: the file is missing or damaged, or names every mistake in it.
    """
    path = file if file.exists() or file.parent != Path() else CONFIGS / f"{file.stem}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(found.stem for found in CONFIGS.glob("*.toml")))
        raise ConfigError(
            f"There is no file {file}. Configurations that come along: {known}."
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is no TOML file: {error}.") from error
    return training_config(table, str(path))


def training_config(table: Mapping[str, Any], origin: str) -> TrainingConfig:
    """Return the settings of a table such as `config_table` gives.

    Raises:
        ConfigError: names every mistake.
    """
    problems: list[str] = []
    config = _section(TrainingConfig, table, "", problems)
    if not problems:
        problems += _contradictions(config)
    if problems:
        raise ConfigError(f"Settings to mend in {origin}: " + "; ".join(problems) + ".")
    assert isinstance(config, TrainingConfig)
    return config


def config_table(config: TrainingConfig) -> dict[str, Any]:
    """Return what JSON and TOML can hold of ``config``."""
    table: dict[str, Any] = _plain(asdict(config))
    return table


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a setting
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def _section(kind: Any, table: Any, place: str, problems: list[str]) -> Any:  # noqa: ANN401 - a dataclass and its values
    if not isinstance(table, Mapping):
        problems.append(f"{place} must be a section")
        return None
    hints = get_type_hints(kind)
    names = {item.name for item in fields(kind)}
    problems += [f"there is no setting {_join(place, key)}" for key in table if key not in names]
    values = {}
    for item in fields(kind):
        full = _join(place, item.name)
        if item.name in table:
            given = table[item.name]
            if is_dataclass(hints[item.name]):
                values[item.name] = _section(hints[item.name], given, full, problems)
            else:
                values[item.name] = _value(hints[item.name], given, full, problems)
        elif item.default is MISSING and item.default_factory is MISSING:
            problems.append(f"{full} is missing")
    return None if problems else kind(**values)


def _value(kind: Any, given: Any, place: str, problems: list[str]) -> Any:  # noqa: ANN401 - as TOML gives it
    try:
        value = _converted(kind, given)
        _refuse_out_of_range(place, value)
    except (TypeError, ValueError) as error:
        problems.append(f"{place} = {given!r}: {error}")
        return None
    return value


def _converted(kind: Any, given: Any) -> Any:  # noqa: ANN401 - as TOML gives it
    if get_origin(kind) is tuple:
        if not isinstance(given, list | tuple):
            raise TypeError("expected a list")
        return tuple(_converted(get_args(kind)[0], inner) for inner in given)
    if kind is bool or isinstance(given, bool):
        if kind is not bool or not isinstance(given, bool):
            raise TypeError(f"expected {'true or false' if kind is bool else 'another value'}")
        return given
    if kind is float and isinstance(given, int | float):
        return float(given)
    if kind is Path and isinstance(given, str):
        return Path(given).expanduser()
    if isinstance(kind, types.UnionType) or not isinstance(given, kind):
        raise TypeError(f"expected {'text' if kind is str or kind is Path else 'a number'}")
    return given


def _refuse_out_of_range(place: str, value: Any) -> None:  # noqa: ANN401 - a setting
    if place in _CHOICES and value not in _CHOICES[place]:
        raise ValueError(f"expected one of {', '.join(map(str, _CHOICES[place]))}")
    if place in _SHARES and not 0 <= value <= 1:
        raise ValueError("expected 0 to 1")
    if place in _POSITIVE and not value > 0:
        raise ValueError("expected more than 0")
    if isinstance(value, int | float) and value < 0:
        raise ValueError("expected 0 or more")
    if place == "evaluate.candidates" and set(value) - set(CANDIDATES):
        raise ValueError(f"expected some of {', '.join(CANDIDATES)}")
    if place == "name" and (not value or Path(value).name != value or value.startswith(".")):
        raise ValueError("expected a name that can be that of a folder")


def _contradictions(config: TrainingConfig) -> list[str]:
    found = []
    if config.data.held_out_share in (0.0, 1.0):
        found.append("data.held_out_share must leave rows to learn from and rows to test on")
    if config.prompt.budget_tokens > config.train.max_tokens and config.task == "answer":
        found.append(
            f"prompt.budget_tokens ({config.prompt.budget_tokens}) is more than train.max_tokens "
            f"({config.train.max_tokens}), so that rows could be too long to learn from"
        )
    return found


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
