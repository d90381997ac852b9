"""Typed access to a JSON object that anybody may have sent. null counts as left out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from rag.api.refusals import ApiError, bad_request
from rag.datatypes import SearchFilter
from rag.errors import RagError
from rag.filters import parse_day

_MOST_NAMES = 100
_MOST_NAME_CHARS = 500
FILTER_NAMES = ("collection", "paths", "types", "since", "until")


@dataclass(frozen=True, slots=True)
class Fields:
    """The parameters of one object. Every method raises `ApiError` naming what is wrong."""

    table: Mapping[str, Any]
    place: str = ""  # what stands before the names in messages, such as "messages[0]."

    def refuse_others(self, known: Collection[str]) -> None:
        """Refuse what has none of the names; it may be a typing error."""
        for name in self.table:
            if name not in known:
                is_plain = name.isascii() and name.isidentifier()
                parameter = f"{self.place}{name[:60] if is_plain else _shown(name)}"
                raise bad_request(
                    f"The parameter {parameter} is not known. It may be one of {', '.join(known)}.",
                    parameter,
                    "unknown_parameter",
                )

    def has(self, name: str) -> bool:
        """Tell whether a parameter was sent, and is not null."""
        return self.table.get(name) is not None

    def text(self, name: str) -> str:
        """Return a text that must be there, and is one: no NUL, no half of a surrogate pair."""
        value = self.table.get(name)
        if not isinstance(value, str):
            self._wrong(name, "a text")
        return plain_text(value, f"{self.place}{name}")

    def number(self, name: str, low: float, high: float) -> None:
        """Refuse what is no number from ``low`` to ``high``."""
        value = self.table.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and low <= value <= high):
            self._wrong(name, f"a number from {low:g} to {high:g}")

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self.table.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._wrong(name, f"a whole number from {low:,} to {high:,}")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false; false when it was left out."""
        value = self.table.get(name)
        if value is not None and not isinstance(value, bool):
            self._wrong(name, "true or false")
        return bool(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of short texts; none when it was left out."""
        values = self.table.get(name)
        if values is None:
            return ()
        if not isinstance(values, list) or len(values) > _MOST_NAMES:
            self._wrong(name, f"a list of at most {_MOST_NAMES} texts")
        items = [Fields({"": value}, f"{self.place}{name}[{n}]") for n, value in enumerate(values)]
        return tuple(item.short_text("") for item in items)

    def short_text(self, name: str) -> str:
        """Return a text of a name's length."""
        value = self.text(name)
        if len(value) > _MOST_NAME_CHARS:
            self._wrong(name, f"a text of at most {_MOST_NAME_CHARS} characters")
        return value

    def fields(self, name: str) -> "Fields":
        """Return an object inside this one; an empty one when it was left out."""
        value = self.table.get(name)
        if value is not None and not isinstance(value, dict):
            self._wrong(name, "an object")
        return Fields(value or {}, f"{self.place}{name}.")

    def search_filter(self) -> SearchFilter:
        """Return what a search is limited to; no limits where nothing was sent."""
        return SearchFilter(
            self.short_text("collection") if self.has("collection") else "",
            self.texts("paths"),
            self.texts("types"),
            self._day("since"),
            self._day("until"),
        )

    def _day(self, name: str) -> date | None:
        if not self.has(name):
            return None
        try:
            return parse_day(self.short_text(name))
        except RagError as error:
            raise bad_request(str(error), f"{self.place}{name}") from error

    def _wrong(self, name: str, expected: str) -> NoReturn:
        parameter = f"{self.place}{name}"
        if name not in self.table:
            raise bad_request(f"{parameter} is missing: it must be {expected}.", parameter)
        found = _shown(self.table[name])
        raise bad_request(f"{parameter} must be {expected}, not {found}.", parameter)


def plain_text(value: str, parameter: str) -> str:
    """Return ``value`` if it is text.

    Raises:
        ApiError: it holds NUL or half of a surrogate pair, which no text has.
    """
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise ApiError(
            400,
            f"{parameter} holds what is no text: NUL, or half of a surrogate pair. Send plain "
            "Unicode text.",
            "invalid_text",
            parameter,
        )
    return value


def _shown(value: object) -> str:
    """Return the beginning of what was sent, in characters that can be shown anywhere."""
    if isinstance(value, dict | list):  # may be nested deeper than it can be written
        return "an object" if isinstance(value, dict) else "a list"
    return ascii(value)[:60] if not isinstance(value, int) or abs(value) < 10**18 else "that number"
