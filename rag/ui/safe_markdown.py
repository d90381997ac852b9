"""Model output and document text as inert HTML. Nothing here can load, link or run.

Answers are not given to Streamlit's Markdown, which loads every image it is shown and turns
every address into a link. This renders the little Markdown that small models write
(paragraphs, lists, bold, code) from escaped text; images and links become their words.
It also spares Japanese the CommonMark rule by which **「重要」**です keeps its asterisks.
"""

import html
import re
from collections.abc import Mapping

from rag.datatypes import Language

_IMAGE = re.compile(r"!\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])")
_LINK = re.compile(r"\[(?!\d{1,3}\])([^\]\n]+)\]\([^)\n]*\)")
_BULLET = re.compile(r"\s*[-*・•]\s+(.*)")
_NUMBER = re.compile(r"\s*(\d{1,3})[.)]\s+(.*)")
_HEADING = re.compile(r"\s*#{1,6}\s+(.*)")
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_CODE = re.compile(r"`([^`\n]+)`")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_LABEL_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$&:^=@/])")

_MAX_PREVIEW_CHARS = 300

Titles = Mapping[int, str]  # citation number -> place of the source
Quotes = Mapping[int, str]  # citation number -> quoted words


def answer_html(
    text: str,
    titles: Titles | None = None,
    quotes: Quotes | None = None,
    language: Language | None = None,
) -> str:
    """Return an answer as HTML; marker [n] becomes a chip when ``titles`` names n.

    A chip whose quote is in ``quotes`` previews it under the pointer and with the keyboard. With
    ``language``, it is read out in that one, and drawn in its glyphs, whatever the page's is.
    """
    chips = {n: _chip(n, title, (quotes or {}).get(n, "")) for n, title in (titles or {}).items()}
    blocks: list[str] = []
    paragraph: list[str] = []
    items: list[str] = []

    def flush() -> None:
        if paragraph:
            blocks.append(f"<p>{'<br>'.join(paragraph)}</p>")
            paragraph.clear()
        if items:
            blocks.append(f"<ul>{''.join(items)}</ul>")
            items.clear()

    for line in text.strip().splitlines():
        bullet, number, heading = (p.fullmatch(line) for p in (_BULLET, _NUMBER, _HEADING))
        if not line.strip():
            flush()
        elif bullet or number:
            if paragraph:
                flush()
            words = bullet[1] if bullet else f"{number[1]}. {number[2]}" if number else ""
            style = "" if bullet else ' class="fk-numbered"'
            items.append(f"<li{style}>{_inline(words, chips)}</li>")
        elif heading:
            flush()
            blocks.append(f"<p><strong>{_inline(heading[1], chips)}</strong></p>")
        else:
            if items:
                flush()
            paragraph.append(_inline(line, chips))
    flush()
    spoken = f' lang="{language}"' if language in ("en", "ja") else ""
    return f'<div class="fk-answer"{spoken}>{"".join(blocks)}</div>'


def text_html(text: str) -> str:
    """Return document text as escaped HTML; its line breaks stay."""
    return html.escape(text, quote=True)


def label_text(text: str) -> str:
    r"""Return ``text`` for a Streamlit label, which is Markdown, so that it shows as it is.

    A backslash is not enough for what Streamlit looks for after parsing: addresses are linked
    and ``:name:`` becomes an emoji. An invisible word joiner breaks both patterns.
    """
    plain = " ".join(text.split())
    escaped = _LABEL_SPECIAL.sub(r"\\\1", plain)
    joiner = "\N{WORD JOINER}"
    return (
        escaped.replace(r"\:", rf"\:{joiner}")
        .replace(r"\@", rf"\@{joiner}")
        .replace("www", f"www{joiner}")
    )


def _chip(n: int, title: str, quote: str) -> str:
    place = html.escape(title, quote=True)
    if not quote:
        return f'<sup class="fk-chip" title="{place}">{n}</sup>'
    words = " ".join(quote.split())
    shown = words if len(words) <= _MAX_PREVIEW_CHARS else f"{words[:_MAX_PREVIEW_CHARS]}…"
    # Within the chip, so that style sheets alone can show it, and a screen reader reads it out.
    return (
        f'<sup class="fk-chip" tabindex="0" role="note">{n}<span class="fk-preview">'
        f"<b>{place}</b>{html.escape(shown, quote=True)}</span></sup>"
    )


def _inline(line: str, chips: Mapping[int, str]) -> str:
    words = _LINK.sub(r"\1", _IMAGE.sub(r"\1", line))
    escaped = html.escape(words.strip(), quote=True)
    escaped = _CODE.sub(r"<code>\1</code>", escaped)
    escaped = _BOLD.sub(r"<strong>\1</strong>", escaped)

    return _MARKER.sub(lambda match: chips.get(int(match[1]), match[0]), escaped)


def note_html(text: str) -> str:
    """Return ``text`` as a quiet remark beside an answer."""
    return f'<div class="fk-note">{html.escape(text)}</div>'
