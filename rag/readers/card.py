"""Calendars (.ics) and address cards (.vcf): one entry a block, its lines whole and decoded.

The files fold lines in the middle of words, and phones write Japanese as =E5=B1=B1.
"""

import quopri
import re
from collections.abc import Iterator
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.encoding import decode_labelled, decode_text
from rag.readers.extract import Extract, ExtractBuilder

_ENTRIES = ("VEVENT", "VTODO", "VJOURNAL", "VCARD")
_MACHINE_PARTS = ("VTIMEZONE", "VALARM")
_MACHINE_LINES = frozenset((
    "BEGIN", "END", "VERSION", "PRODID", "CALSCALE", "METHOD", "UID", "DTSTAMP", "CREATED",
    "LAST-MODIFIED", "SEQUENCE", "TRANSP", "REV", "PHOTO", "LOGO", "SOUND", "KEY",
))  # fmt: skip
_TITLES = ("SUMMARY", "FN")
_ESCAPED = re.compile(r"\\([nN,;:\\])")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?")
_FOLD = re.compile(r"\n[ \t]")


def read_card(file: Path) -> Extract:
    """Read every event, task or person under its name; time zones, alarms and photos are left out.

    Raises:
        DocumentError: the bytes are no text, or it holds no entry.
    """
    builder = ExtractBuilder()
    entry, title = "", ""
    lines: list[str] = []
    for name, parameters, value in _lines(decode_text(file.read_bytes())):
        if name == "BEGIN" and value.upper() in _ENTRIES:
            entry, title, lines = value.upper(), "", []
        elif name == "END" and value.upper() == entry:
            builder.add_heading(title, 1)
            builder.add("paragraph", "\n".join(lines))
            entry = ""
        elif entry and name in _TITLES and not title:
            title = value
        elif entry and name not in _MACHINE_LINES and value.strip(" ;"):
            lines.append(f"{name}: {_shown(value, parameters)}")
        elif name == "X-WR-CALNAME":
            builder.add_heading(value, 0)
    if not builder.length:
        raise DocumentError(
            "no_text", "This file holds no event and no address; export it again from its program."
        )
    return builder.build()


def _lines(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, parameters and decoded value of each line, without those of machines."""
    skipped = ""
    lines = iter(_FOLD.sub("", text).split("\n"))
    for line in lines:
        head, _, value = line.partition(":")
        if "QUOTED-PRINTABLE" in head.upper():
            while value.endswith("="):
                value = value[:-1] + next(lines, "")
            value = _decoded(value, head)
        name, _, parameters = head.partition(";")
        name = name.rpartition(".")[2].upper().strip()  # "item1.TEL" of Apple
        if name == "BEGIN" and value.upper() in _MACHINE_PARTS:
            skipped = skipped or value.upper()
        if name and not skipped and not name.startswith("X-APPLE"):
            yield name, parameters, _ESCAPED.sub(_unescaped, value).strip()
        if name == "END" and value.upper() == skipped:
            skipped = ""


def _decoded(value: str, head: str) -> str:
    content = quopri.decodestring(value.encode("utf-8"))
    charset = re.search(r"CHARSET=([\w-]+)", head, re.IGNORECASE)
    return decode_labelled(content, charset[1]) if charset else decode_text(content)


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] in "nN" else match[1]


def _shown(value: str, parameters: str) -> str:
    """Return a value as a person writes it: times in ISO, people by their name as well."""
    if match := _TIME.fullmatch(value):
        year, month, day, hour, minute, second, zone = match.groups()
        date = f"{year}-{month}-{day}"
        clock = f" {hour}:{minute}" + (f":{second}" if second != "00" else "") if hour else ""
        return date + clock + (" UTC" if zone else "")
    name = re.search(r"CN=\"?([^\";]+)", parameters, re.IGNORECASE)
    value = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
    if name and name[1] != value:
        return f"{name[1]} <{value}>"
    return " ".join(part for part in value.split(";") if part.strip())
