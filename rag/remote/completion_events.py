"""What one event of a streamed chat completion says. Pure functions, no I/O."""

import json
from dataclasses import dataclass
from typing import Any

END_OF_STREAM = "[DONE]"


class NoCompletionError(Exception):
    """What was sent is no streamed chat completion."""


@dataclass(frozen=True, slots=True)
class CompletionEvent:
    """The news of one event; most have text alone, and some have nothing."""

    text: str = ""
    finish_reason: str = ""  # "stop" or "length" and the like, once there is nothing more to come
    error: str = ""  # what went wrong over there, in its words


def read_event(content: str) -> CompletionEvent:
    """Return what the content of an event says; events without a choice say nothing.

    Raises:
        NoCompletionError: it is no JSON object.
    """
    if not content.strip():
        return CompletionEvent()
    if content.strip() == END_OF_STREAM:
        return CompletionEvent(finish_reason="stop")
    try:
        table = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NoCompletionError("an event is no JSON") from error
    if not isinstance(table, dict):
        raise NoCompletionError("an event is no JSON object")
    if error_words := read_error(table):
        return CompletionEvent(error=error_words)
    choices = table.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return CompletionEvent()  # counts tokens, or only keeps the connection open
    delta = first.get("delta")
    text = delta.get("content") if isinstance(delta, dict) else None
    reason = first.get("finish_reason")
    return CompletionEvent(
        _storable(text) if isinstance(text, str) else "",
        reason if isinstance(reason, str) else "",
    )


def read_error(table: dict[str, Any]) -> str:
    """Return what a server says went wrong, "" when it says nothing of the kind.

    OpenAI wraps it into ``error``; vLLM has sent it bare, and FastAPI as ``detail``.
    """
    error = table.get("error")
    if isinstance(error, dict):
        return _words(error, "message", "code", "type") or "error"
    if error:
        return str(error)
    if table.get("object") == "error":
        return _words(table, "message", "type") or "error"
    return "" if "choices" in table else _words(table, "detail")


def _words(table: dict[str, Any], *names: str) -> str:
    return next((str(table[name]) for name in names if table.get(name)), "")


def _storable(text: str) -> str:
    """Return ``text`` without halves of characters, which JSON can escape and nobody can store."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
