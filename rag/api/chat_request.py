"""Read what is asked from the body of a chat completion, as OpenAI's own server would read it.

What that server knows and what has no meaning here is checked and left aside; what would change
the answer and cannot be done is refused, so that nobody relies on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag.answer import clean_question
from rag.api.fields import FILTER_NAMES, Fields, plain_text
from rag.api.refusals import ApiError, bad_request
from rag.config import Config
from rag.datatypes import SearchFilter
from rag.errors import QuestionError
from rag.follow_up import MAX_TURNS

MODEL = "fumikura"  # the name that programs use, whichever model answers
EXTENSION = "fumikura"  # of requests and answers: what OpenAI has no field for
_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_MOST_MESSAGES = 1000
# Known to OpenAI. Decoding is greedy and its length set, so that these change nothing.
_LEFT_ASIDE = (
    "function_call", "logit_bias", "metadata", "moderation", "parallel_tool_calls", "prediction",
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
    "safety_identifier", "service_tier", "stop", "store", "tool_choice", "user", "verbosity",
)  # fmt: skip
_NUMBERS = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
    "seed": (-(2.0**63), 2.0**63),
}
_COUNTS = ("max_tokens", "max_completion_tokens")
_REFUSED = ("audio", "functions", "logprobs", "tools", "top_logprobs", "web_search_options")
_KNOWN = (
    "model", "messages", "stream", "stream_options", "n", "modalities", "response_format",
    *_NUMBERS, *_COUNTS, *_LEFT_ASIDE, *_REFUSED, EXTENSION,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a program asks, checked."""

    question: str
    history: tuple[str, ...]  # the earlier questions, newest last
    search_filter: SearchFilter
    is_stream: bool
    includes_usage: bool  # at the end of a stream


def chat_request(table: dict[str, Any], config: Config, models: Sequence[str]) -> ChatRequest:
    """Return what the body asks.

    Args:
        table: the body.
        config: has the longest question.
        models: the names that answer.

    Raises:
        ApiError: the body makes no sense, or asks what cannot be done.
    """
    fields = Fields(table)
    fields.refuse_others(_KNOWN)
    _refuse_model(fields.text("model"), models)
    for name, (low, high) in _NUMBERS.items():
        fields.number(name, low, high)
    for name in _COUNTS:
        fields.whole(name, 1, 2**31, 1)
    _refuse_unsupported(fields)
    extension = fields.fields(EXTENSION)
    extension.refuse_others(FILTER_NAMES)
    options = fields.fields("stream_options")
    *earlier, question = _questions(table.get("messages"), config.max_question_chars)
    return ChatRequest(
        question=question,
        history=tuple(earlier),
        search_filter=extension.search_filter(),
        is_stream=fields.flag("stream"),
        includes_usage=options.flag("include_usage"),
    )


def _refuse_model(name: str, models: Sequence[str]) -> None:
    if name not in models:
        raise ApiError(
            404,
            f"There is no model {name[:60]!a}. Ask {MODEL!r}; `GET /v1/models` lists what there "
            "is.",
            "model_not_found",
            "model",
        )


def _refuse_unsupported(fields: Fields) -> None:
    wanted = [name for name in _REFUSED if fields.table.get(name)]
    if fields.table.get("modalities") not in (None, ["text"]):
        wanted.append("modalities")
    if fields.fields("response_format").table.get("type") not in (None, "text"):
        wanted.append("response_format")
    if fields.whole("n", 1, 128, 1) != 1:
        wanted.append("n")
    if wanted:
        raise bad_request(
            f"{wanted[0]} cannot be done: one answer in plain words is given, from the documents. "
            "Leave it out.",
            wanted[0],
            "unsupported_parameter",
        )


def _questions(messages: object, max_chars: int) -> list[str]:
    """Return the last message of the user, and the earlier ones that it can lean on before it.

    Other messages are checked and left aside: what answers say must not steer the search, and
    the prompt is made here.
    """
    if not isinstance(messages, list) or not 1 <= len(messages) <= _MOST_MESSAGES:
        raise bad_request(
            f"messages must be a list of 1 to {_MOST_MESSAGES:,} messages.", "messages"
        )
    questions: list[tuple[str, str]] = []  # where it stands, what it says
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        if not isinstance(message, dict):
            raise bad_request(f"{place} must be an object with role and content.", place)
        role = Fields(message, f"{place}.").text("role")
        if role not in _ROLES:
            raise bad_request(f"{place}.role must be one of {', '.join(_ROLES)}.", f"{place}.role")
        text = _content(message.get("content"), f"{place}.content", is_needed=role == "user")
        if role == "user":
            questions.append((f"{place}.content", text))
    if not questions:
        raise bad_request("messages holds no message of the role user, which asks.", "messages")
    return [_clean(text, place, max_chars) for place, text in questions[-MAX_TURNS - 1 :]]


def _clean(text: str, place: str, max_chars: int) -> str:
    try:
        return clean_question(text, max_chars)
    except QuestionError as error:
        raise bad_request(str(error), place) from error


def _content(content: object, place: str, *, is_needed: bool) -> str:
    """Return a message's words: a text, or parts of the type text, on lines of their own."""
    if isinstance(content, str):
        return plain_text(content, place)
    if content is None and not is_needed:  # of an assistant that called a tool
        return ""
    if not isinstance(content, list):
        raise bad_request(f"{place} must be a text, or a list of parts.", place)
    texts = []
    for number, part in enumerate(content):
        if not isinstance(part, dict) or part.get("type") not in ("text", "refusal"):
            raise bad_request(
                f"{place}[{number}] must be a part of the type text; pictures, sound and files "
                "are not read. Put them into a folder that is indexed.",
                f"{place}[{number}]",
                "unsupported_content",
            )
        texts.append(Fields(part, f"{place}[{number}].").text(str(part["type"])))
    return "\n".join(texts)
