"""Render a chat as the model was trained on, without importing transformers for it.

What a document or a question holds stays text: a tokenizer reads ``<|im_end|>`` as the end of a
turn wherever it stands, so that a passage could go on as the system or as the answer.

The environment is that of transformers (``utils/chat_template_utils.py``): templates of models
are written against its filters and functions. Templates come with models and are sandboxed.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from rag.datatypes import Message


class ChatTemplate:
    """The chat template of a model folder; ``exists`` is False when it has none."""

    def __init__(self, folder: Path) -> None:
        config = folder / "tokenizer_config.json"
        self._folder = folder
        self._settings = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
        self._source = _source(folder, self._settings)

    @property
    def exists(self) -> bool:
        """Whether the model can be talked to."""
        return self._source is not None

    def render(self, messages: Sequence[Message]) -> str:
        """Return the prompt text that ends where the answer begins."""
        special = {
            name: value["content"] if isinstance(value, dict) else value
            for name, value in self._settings.items()
            if name.endswith("_token") and isinstance(value, str | dict)
        }
        text: str = self._template.render(
            messages=[{"role": m.role, "content": self._as_text(m.content)} for m in messages],
            add_generation_prompt=True,
            **special,
        )
        return text

    def _as_text(self, content: str) -> str:
        """Return ``content`` with a space in each control token, which then is none."""
        if self._control is None:
            return content
        return self._control.sub(lambda token: f"{token[0][0]} {token[0][1:]}", content)

    @cached_property
    def _control(self) -> re.Pattern[str] | None:
        tokens = _control_tokens(self._folder)
        return re.compile("|".join(map(re.escape, tokens))) if tokens else None

    @cached_property
    def _template(self) -> Any:  # noqa: ANN401 - a jinja2.Template
        """The compiled template: compiling takes ten times as long as rendering."""
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        return environment.from_string(self._source or "")


def _source(folder: Path, settings: dict[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = settings.get("chat_template")
    if isinstance(template, list):  # several, by name
        named = {entry["name"]: entry["template"] for entry in template}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _control_tokens(folder: Path) -> list[str]:
    """Return the tokens that a tokenizer takes out of a text whole, the longest first."""
    file = folder / "tokenizer.json"
    added = json.loads(file.read_text(encoding="utf-8"))["added_tokens"] if file.is_file() else []
    tokens = [str(token["content"]) for token in added]
    return sorted((token for token in tokens if token.strip()), key=len, reverse=True)


def _to_json(value: object, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    from jinja2.exceptions import TemplateError

    raise TemplateError(message)
