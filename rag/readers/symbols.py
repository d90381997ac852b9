"""Characters that say nothing to a search until they are told in plain ones."""

import re

RAISED = "\x1f"  # put by a reader before superscript; no document holds this character

# Fonts of pictures (Wingdings, Symbol) put theirs at U+F000 and on; soft hyphens split words.
PLAIN_SYMBOLS: dict[int, str | None] = {
    0xAD: None,
    0xF06C: "●",
    0xF06E: "■",
    0xF06F: "□",
    0xF071: "❑",
    0xF075: "◆",
    0xF076: "❖",
    0xF0A7: "▪",
    0xF0A8: "□",
    0xF0B7: "•",
    0xF0D8: "➢",
    0xF0E0: "→",
    0xF0FB: "✗",
    0xF0FC: "✓",
    0xF0FD: "☒",
    0xF0FE: "☑",
}
_RAISED_DIGITS = re.compile(rf"(?<=\d){RAISED}(?=[-−+]?\d)")


def show_raised(text: str) -> str:
    """Return ``text`` with raised digits behind "^" where a digit is before them.

    Or else ten to the sixth would read 106, and the third note to 2019 make it 20193.
    """
    return _RAISED_DIGITS.sub("^", text).replace(RAISED, "") if RAISED in text else text


def picture(font: str, code: str) -> str:
    """Return the character that a font of pictures shows for a hexadecimal code."""
    try:
        number = int(code, 16)
    except ValueError:
        return ""
    is_picture = number < 0x100 and font.startswith(("Wingdings", "Symbol"))
    return chr(number + 0xF000 if is_picture else number) if 0 < number <= 0xFFFF else ""
