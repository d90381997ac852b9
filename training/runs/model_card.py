"""The card of a tuned answer model: what it was made of, how, and what that is worth."""

from pathlib import Path
from typing import Any

from training.evaluation.report import format_table
from training.evaluation.table import table_from_json
from training.runs.folder import Run
from training.runs.known_sets import licence_of


def card(run: Run, table: dict[str, Any]) -> str:
    """Return the card as Markdown. Files stand in it by name: their folder is nobody's business.

    Args:
        run: with its rows and its training done.
        table: what `EvaluationTable.to_json` gave.
    """
    record, config = run.record, run.config
    data = "\n".join(f"- {_file(facts, config.data.licence)}" for facts in record["data"])
    trained, quantized = record["training"], config.quantize
    style = config.prompt
    shown = (
        f"the best {style.evidence_sentences} sentences"
        if style.evidence_sentences
        else "whole passages"
    )
    return f"""---
base_model: {record["base"]}
---
# {run.id}

`{record["base"]}`, tuned to answer questions from numbered passages and to say when they do not
answer. Made by `python -m training run`; its settings are below.

## Data

{data}

{record["rows"]["train"]:,} rows to learn from, each read {trained.get("epochs", 1):g} times on
average, {record["rows"]["held_out"]:,} held out by document.
A prompt shows {shown} and {"has" if style.has_examples else "has no"} worked examples.

## Training

{_training(trained)}

GPTQ: {quantized.bits} bits, groups of {quantized.group_size}, calibrated on
{quantized.calibration_rows} of the rows that were learned.

## On held-out rows

    {format_table(table_from_json(table)).replace(chr(10), chr(10) + "    ")}

## Settings

{_settings(record["config"])}

Seed {record["seed"]}. {_versions(record["versions"])}.
"""


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _training(trained: dict[str, Any]) -> str:
    return (
        f"{trained['method']} with the base in {trained['precision']} on {trained['device']}: "
        f"{trained['trainable_parameters']:,} of {trained['parameters']:,} weights, "
        f"{trained['steps']} steps in {trained['seconds']:.0f} s "
        f"({trained['tokens_per_second']:.0f} tokens/s). Loss {trained['first_loss']:.3f} to "
        f"{trained['last_loss']:.3f}, on held-out rows {trained['eval_loss']:.3f}. Only the "
        f"{trained['learned_tokens']:,} tokens of answers were learned, each with its end; after "
        f"{trained['end_share']:.0%} of the held-out answers their end is the likeliest token."
    )


def _file(facts: dict[str, Any], licence: str) -> str:
    if facts["file"] == "feedback":
        return f"{facts['rows']} accepted corrections of this app"
    name = Path(facts["file"]).name
    return (
        f"`{name}`: {facts['rows']:,} examples, {licence or licence_of(name)}, "
        f"SHA-256 {facts['sha256'][:16]}"
    )


def _settings(table: dict[str, Any]) -> str:
    """Return the settings as TOML that `load_training_config` reads, files by their names."""
    data = table["data"]
    table = {**table, "data": {**data, "files": [Path(file).name for file in data["files"]]}}
    plain = {key: value for key, value in table.items() if not isinstance(value, dict)}
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    lines = [f"    {key} = {_toml(value)}" for key, value in plain.items()]
    for name, section in sections.items():
        lines += ["", f"    [{name}]"]
        lines += [f"    {key} = {_toml(value)}" for key, value in section.items()]
    return "\n".join(lines)


def _toml(value: Any) -> str:  # noqa: ANN401 - what TOML can hold
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_toml(inner) for inner in value)}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)
