"""Bytes to text: UTF-8, then the encodings Japanese and Western files really come in.

The candidates are few on purpose: left free, charset-normalizer takes short EUC-JP texts
for Korean or Chinese ones.
"""

import codecs

from rag.errors import DocumentError
from rag.readers.extract import normalize_text

CANDIDATES = (
    "ascii", "utf_8", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be",
    "cp932", "euc_jp", "iso2022_jp", "cp1252",
)  # fmt: skip
_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf_32"),
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)
_MAX_NUL_SHARE = 0.05  # a stray NUL is dirt; UTF-16 of Latin text is half NULs
_MAX_CONTROL_SHARE = 0.02
_SAMPLE_CHARACTERS = 100_000
_TEXT_CONTROLS = frozenset("\t\n\r\f\v\x1b\x85")


def decode_text(content: bytes) -> str:
    r"""Return ``content`` as text with "\n" line ends, without BOM, NULs and lone surrogates.

    Raises:
        DocumentError: the bytes are no text in any of the `CANDIDATES`.
    """
    text = _decode_by_mark(content)
    if text is None:
        text = _decode_utf8(content)
    if text is None:
        text = _decode_by_guess(content)
    if text is None or _is_binary(text := normalize_text(text)):
        raise DocumentError(
            "unsupported",
            "This file holds binary data or text in an unknown encoding; "
            "save it as plain text in UTF-8, or give it the suffix of its real format.",
        )
    return text


def _decode_by_mark(content: bytes) -> str | None:
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    return None


def _decode_utf8(content: bytes) -> str | None:
    # Both are valid UTF-8 and yet something else: UTF-16 and UTF-32 of Latin text, told by
    # their NULs, and ISO-2022-JP, told by the escape sequence that switches to Japanese.
    if content.count(0) > len(content) * _MAX_NUL_SHARE or b"\x1b$" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _decode_by_guess(content: bytes) -> str | None:
    import charset_normalizer

    best = charset_normalizer.from_bytes(content, cp_isolation=list(CANDIDATES)).best()
    if best is None:
        return None
    if best.encoding in ("utf_16", "utf_16_le", "utf_16_be"):
        return _decode_utf16_without_mark(content)
    return str(best)


def _decode_utf16_without_mark(content: bytes) -> str:
    """Return the byte order that reads as more Japanese or Latin: the guess errs on short text."""
    readings = [content.decode(order, errors="replace") for order in ("utf_16_le", "utf_16_be")]
    return max(readings, key=lambda text: sum(_is_common(character) for character in text[:4096]))


def _is_common(character: str) -> bool:
    """Tell whether ``character`` is in Latin-1 or in the Japanese standard set."""
    return character < "\u0100" or bool(character.encode("cp932", errors="ignore"))


def _is_binary(text: str) -> bool:
    text = text[:_SAMPLE_CHARACTERS]
    controls = sum(
        character < " " or "\x7f" <= character <= "\x9f" or character == "\ufffd"
        for character in text
        if character not in _TEXT_CONTROLS
    )
    return controls > len(text) * _MAX_CONTROL_SHARE
