"""`Answer` to JSON and back, field by field: what is stored can be read but never executed.

Explicit readers instead of a generic one, so that a renamed field fails here, in one place,
and a row written by an older version is understood on purpose or refused.
"""

import json
from dataclasses import asdict
from datetime import date
from typing import Any

from rag.datatypes import (
    Answer,
    BuildReport,
    Chunk,
    Citation,
    Evidence,
    FileStatus,
    Hit,
    Message,
    Prompt,
    SearchFilter,
    Span,
    SyncPlan,
    Timings,
    Usage,
)

Fields = dict[str, Any]
_DAYS = ("since", "until")


def answer_to_json(answer: Answer) -> str:
    """Return ``answer`` with everything it points to, as one JSON object."""
    return json.dumps(asdict(answer), ensure_ascii=False, separators=(",", ":"))


def answer_from_json(text: str) -> Answer:
    """Return the answer that `answer_to_json` wrote.

    Raises:
        ValueError: ``text`` is no such object.
    """
    fields = json.loads(text)
    try:
        return Answer(
            **{
                **fields,
                "citations": tuple(Citation(**item) for item in fields["citations"]),
                "hits": tuple(_hit(item) for item in fields["hits"]),
                "prompt": None
                if fields["prompt"] is None
                else prompt_from_fields(fields["prompt"]),
                "usage": Usage(**fields["usage"]),
                "timings": Timings(**fields["timings"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"This is not a stored answer ({error}).") from error


def report_from_json(text: str) -> BuildReport:
    """Return the build report in ``text``.

    Raises:
        ValueError: ``text`` is no such object.
    """
    fields = json.loads(text)
    try:
        return BuildReport(
            **{
                **fields,
                "files": tuple(FileStatus(**item) for item in fields["files"]),
                "plan": plan_from_fields(fields.get("plan", {})),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"This is not a build report ({error}).") from error


def plan_from_fields(fields: Fields) -> SyncPlan:
    """Return the plan whose fields were read from JSON."""
    renamed = tuple((source, path) for source, path in fields.get("renamed", ()))
    lists = {name: tuple(fields.get(name, ())) for name in ("new", "changed", "removed", "retried")}
    return SyncPlan(renamed=renamed, unchanged=int(fields.get("unchanged", 0)), **lists)


def filter_to_json(search_filter: SearchFilter) -> str:
    """Return the limits of a search as one JSON object, "{}" for none."""
    limits = {name: value for name, value in asdict(search_filter).items() if value}
    return json.dumps(limits, ensure_ascii=False, default=date.isoformat)


def filter_from_json(text: str) -> SearchFilter:
    """Return the limits that `filter_to_json` wrote.

    Raises:
        ValueError: ``text`` is no such object.
    """
    fields = json.loads(text)
    try:
        days = {name: date.fromisoformat(fields[name]) for name in _DAYS if name in fields}
        lists = {name: tuple(fields.get(name, ())) for name in ("paths", "types")}
        return SearchFilter(**{**fields, **days, **lists})
    except (TypeError, AttributeError) as error:
        raise ValueError(f"These are no stored limits ({error}).") from error


def _hit(fields: Fields) -> Hit:
    spans = fields.get("spans")
    return Hit(
        **{
            **fields,
            "chunk": Chunk(**fields["chunk"]),
            "spans": None if spans is None else _spans(spans),
        }
    )


def _spans(items: list[Fields]) -> tuple[Span, ...]:
    return tuple(Span(**item) for item in items)


def prompt_from_fields(fields: Fields) -> Prompt:
    """Return the prompt whose fields were read from JSON."""
    return Prompt(
        **{
            **fields,
            "messages": tuple(Message(**item) for item in fields["messages"]),
            "hits": tuple(_hit(item) for item in fields["hits"]),
            "evidence": tuple(
                Evidence(**{**item, "spans": _spans(item.get("spans", []))})
                for item in fields["evidence"]
            ),
        }
    )
