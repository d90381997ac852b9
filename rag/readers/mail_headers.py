"""Headers of mail messages: bounded, and decoded as they really come.

The newer policies of the standard library raise on malformed headers, and Python's ISO-2022-JP
lacks characters that Japanese mail is full of; hence ``compat32`` and a decoder of our own.
"""

import binascii
import email.errors
import email.header
from contextlib import suppress
from email.message import Message
from email.policy import Compat32

from rag.readers.encoding import decode_labelled
from rag.readers.extract import normalize_text

_MAX_HEADER_CHARACTERS = 100_000  # a few thousand addresses
_MAX_CONTENT_HEADER_CHARACTERS = 5000  # what Python takes to read parameters grows with the square


class _BoundedHeaders(Compat32):
    """Cuts headers of a length that no mail program writes, before anything looks into them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return name and value of a header."""
        name, value = super().header_source_parse(sourcelines)
        is_content = name.lower().startswith("content-")
        limit = _MAX_CONTENT_HEADER_CHARACTERS if is_content else _MAX_HEADER_CHARACTERS
        return name, value[:limit]


POLICY = _BoundedHeaders()


def header_text(message: "Message[str, str]", name: str) -> str:
    """Return a header on one line, decoded; "" when it is missing."""
    label = message.get_content_charset("")
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return " ".join(decode_words(str(value), label).split())
    return ""


def decode_words(value: str, label: str) -> str:
    """Decode the encoded words (RFC 2047) of a header, and raw bytes that should not be there.

    Args:
        value: the header, with bytes beyond ASCII as lone surrogates.
        label: the encoding to try first for such bytes; "" when none is known.
    """
    value = "".join(value.splitlines())
    if has_raw_bytes(value):
        value = decode(value.encode("utf-8", errors="surrogateescape"), label)
    if "=?" not in value:
        return normalize_text(value)
    try:
        pieces = email.header.decode_header(value)
    except (email.errors.HeaderParseError, binascii.Error, ValueError):
        return normalize_text(value)
    return "".join(
        piece
        if isinstance(piece, str)
        else decode(piece, charset)
        if charset
        else piece.decode("raw_unicode_escape", errors="replace")
        for piece, charset in pieces
    )


def decode(content: bytes, label: str) -> str:
    """Decode text of a mail, where UTF-16 cannot be and Japanese is often not declared at all.

    EUC-JP before Shift_JIS: kana of the latter are no valid EUC-JP, but not the reverse.
    """
    if (label and label != "us-ascii") or b"\x1b$" in content:
        return decode_labelled(content, label)
    for encoding in ("utf-8", "euc_jp", "cp932"):
        with suppress(UnicodeDecodeError):
            return normalize_text(content.decode(encoding))
    return decode_labelled(content, "cp1252")


def has_raw_bytes(value: str) -> bool:
    """Tell whether a header holds bytes that should have been encoded."""
    return "\x1b$" in value or any("\ud800" <= character <= "\udfff" for character in value)
