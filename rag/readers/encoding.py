"""Bytes to text: UTF-8, then the encodings Japanese and Western files really come in.

The candidates are few on purpose: left free, charset-normalizer takes short EUC-JP texts
for Korean or Chinese ones.
"""

import codecs
import re

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
# Labels in mail, web pages and books name a standard, the bytes hold its superset.
_SUPERSETS = {
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "windows-31j": "cp932", "euc-jp": "euc_jis_2004", "x-euc-jp": "euc_jis_2004",
    "iso-8859-1": "cp1252", "us-ascii": "utf-8", "gb2312": "gb18030", "gbk": "gb18030",
    "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
}  # fmt: skip
_JIS_RUN = re.compile(rb"(?:\x1b(\$[@B]|\$\([@-~]|\([@-~]))?([^\x1b]*)", re.DOTALL)


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


def decode_labelled(content: bytes, label: str) -> str:
    """Return ``content`` as text by its declared encoding, else as `decode_text` does.

    Raises:
        DocumentError: no usable encoding is declared, and none can be told from the bytes.
    """
    encoding = _SUPERSETS.get(label.strip().lower(), label.strip()) or "utf-8"
    is_jis = encoding.lower().startswith(("iso-2022-jp", "utf-8"))  # UTF-8 if undeclared
    if is_jis and b"\x1b$" in content:
        return normalize_text(_decode_jis(content))
    try:
        return normalize_text(content.decode(encoding))
    except (UnicodeDecodeError, LookupError):
        pass
    try:
        return decode_text(content)
    except DocumentError:
        try:  # a few bad bytes in a text whose encoding is known should not cost the text
            return normalize_text(content.decode(encoding, errors="replace"))
        except LookupError:
            pass
        raise


def _decode_jis(content: bytes) -> str:
    """Decode ISO-2022-JP by way of cp932: Python's codec lacks ①, ㈱ and 髙, which mail is full of.

    JIS X 0208 row and cell become the two Shift_JIS bytes by the arithmetic of JIS X 0208:1997,
    annex 1.
    """
    pieces = []
    for match in _JIS_RUN.finditer(content):
        escape, run = match[1] or b"", match[2]
        if escape.startswith(b"$"):
            pieces.append(b"".join(map(_shift_jis, run[::2], run[1::2])).decode("cp932", "replace"))
        elif escape == b"(I":  # half-width katakana
            pieces.append(bytes(byte | 0x80 for byte in run).decode("cp932", "replace"))
        else:
            pieces.append(run.decode("cp932", "replace"))
    return "".join(pieces)


def _shift_jis(row: int, cell: int) -> bytes:
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return bytes((row, cell))  # a line break without the escape that should precede it
    first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    second = cell + 0x7E if row % 2 == 0 else cell + (0x1F if cell < 0x60 else 0x20)
    return bytes((first, second))


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
