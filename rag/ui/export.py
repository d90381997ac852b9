"""A conversation as a file: Markdown and a web page for people, JSON lines for programs.

Pure. Nothing in such a file can load or run, wherever it is opened: words of documents and of
models are escaped, and the web page forbids itself all but its own style sheet.
"""

import html
import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from rag.answer_json import answer_to_json, filter_to_json
from rag.history_store import Conversation
from rag.store import StoredAnswer
from rag.ui.answer_view import failure_words
from rag.ui.limits import limit_words
from rag.ui.passage import chunk_of
from rag.ui.place import document_place
from rag.ui.safe_markdown import answer_html, text_html
from rag.ui.strings import Words
from rag.ui.versions import turns_of

ExportKind = Literal["markdown", "html", "jsonl"]
MIME_TYPES: dict[ExportKind, str] = {
    "markdown": "text/markdown; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
_SUFFIXES: dict[ExportKind, str] = {"markdown": "md", "html": "html", "jsonl": "jsonl"}
_NAME_CHARACTERS = 60  # 180 bytes of Japanese; most file systems allow 255 bytes
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#!|~$&])")
_UNDERLINE = re.compile(r"[-=]+")  # below a line it makes that a heading
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})

_STYLE = """
body { font-family: sans-serif; line-height: 1.7; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.15rem; }
small, cite { opacity: .75; font-style: normal; font-size: .875rem; }
blockquote { margin: .25rem 0 1rem; padding-left: .8rem; border-left: 3px solid; }
blockquote, h2 { white-space: pre-wrap; }
"""
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    "; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class _Source:
    """A cited sentence."""

    n: int
    place: str  # path, and page where the document has pages
    section: str  # "" without headings
    quote: str


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A question and what a reader is told of it, in words."""

    question: str
    asked: str
    text: str  # of the answer, "" when there is none
    remarks: tuple[str, ...]
    sources: tuple[_Source, ...]


def exported(
    words: Words,
    kind: ExportKind,
    conversation: Conversation,
    answers: Sequence[StoredAnswer],
    local_time: Callable[[str], str],
) -> str:
    """Return the text of the file, in the language of ``words``.

    The newest version of each question; JSON lines hold the others as well.
    """
    if kind == "jsonl":
        return "".join(_json_line(conversation, stored) for stored in answers)
    exchanges = [_exchange(words, turn[-1], local_time) for turn in turns_of(answers)]
    when = local_time(conversation.updated)
    render = _markdown if kind == "markdown" else _web_page
    return render(words, conversation.title, words("export_made", when=when), exchanges)


def file_name(conversation: Conversation, kind: ExportKind) -> str:
    """Return a name of letters, digits and hyphens, which every system and shell takes.

    The beginning is ours, so that no title makes a hidden file or the name of a device.
    """
    title = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", conversation.title))
    parts = ["fumikura", conversation.updated[:10], title[:_NAME_CHARACTERS].strip("-")]
    return f"{'-'.join(part for part in parts if part)}.{_SUFFIXES[kind]}"


def _exchange(words: Words, stored: StoredAnswer, local_time: Callable[[str], str]) -> _Exchange:
    answer = stored.answer
    is_found = answer is not None and answer.status == "answered"
    citations = answer.citations if answer is not None and stored.state == "done" else ()
    return _Exchange(
        question=stored.question,
        asked=words("export_asked", when=local_time(stored.created)),
        text="" if stored.state == "done" and not is_found else stored.text,
        remarks=tuple(_remarks(words, stored)),
        sources=tuple(
            _Source(
                citation.n,
                document_place(words, citation.path, citation.page),
                chunk_of(citation, answer).heading if answer is not None else "",
                citation.quote,
            )
            for citation in citations
        ),
    )


def _remarks(words: Words, stored: StoredAnswer) -> list[str]:
    """Return what the page says beside an answer, in the same words."""
    answer, remarks = stored.answer, []
    if stored.is_live:
        remarks.append(words("export_unanswered"))
    elif stored.state == "failed":
        remarks += [words("failed"), failure_words(words, stored)]
    elif stored.state == "stopped":
        remarks.append(words("stopped" if stored.text else "stopped_empty"))
    elif answer is not None and answer.status == "no_evidence":
        remarks.append(words("not_found"))
    elif answer is not None and answer.evidence_level is not None:
        remarks.append(words(f"evidence_{answer.evidence_level}"))
    if answer is not None and answer.searched not in ("", stored.question):
        remarks.append(words("searched_for", question=answer.searched))
    if stored.search_filter.collection:
        remarks.append(words("searched_collection", name=stored.search_filter.collection))
    if limits := limit_words(words, stored.search_filter):
        remarks.append(words("searched_limits", limits=limits))
    if answer is not None and answer.model_id:
        remarks.append(answer.model_id)
    return remarks


def _markdown(words: Words, title: str, made: str, exchanges: Sequence[_Exchange]) -> str:
    parts = [f"# {_inert(title)}", _inert(made)]
    for exchange in exchanges:
        parts += [f"## {_inert(' '.join(exchange.question.split()))}", _inert(exchange.asked)]
        parts += [_inert(exchange.text)] if exchange.text else []
        parts += [f"*{_inert(remark)}*" for remark in exchange.remarks]
        parts += [f"### {words('export_sources')}"] if exchange.sources else []
        for source in exchange.sources:
            named = " · ".join(filter(None, (source.place, source.section)))
            parts.append(f"\\[{source.n}\\] {_inert(named)}")
            parts.append("\n".join(f"> {line}" for line in _inert(source.quote).splitlines()))
    return "\n\n".join(parts) + "\n"


def _inert(text: str) -> str:
    """Return ``text`` so that Markdown shows it as it is, but for lists."""
    lines = [_MARKDOWN_SPECIAL.sub(r"\\\1", line.strip()) for line in text.strip().splitlines()]
    return "\n".join(f"\\{line}" if _UNDERLINE.fullmatch(line) else line for line in lines)


def _web_page(words: Words, title: str, made: str, exchanges: Sequence[_Exchange]) -> str:
    body = "\n".join(_section(words, exchange) for exchange in exchanges)
    return (
        f'<!DOCTYPE html>\n<html lang="{words.language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{html.escape(title)}</h1>\n<p><small>{html.escape(made)}</small></p>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _section(words: Words, exchange: _Exchange) -> str:
    titles = {source.n: source.place for source in exchange.sources}
    parts = [
        f"<h2>{text_html(exchange.question)}</h2>",
        f"<p><small>{text_html(exchange.asked)}</small></p>",
        answer_html(exchange.text, titles) if exchange.text else "",
        *(f"<p><small>{text_html(remark)}</small></p>" for remark in exchange.remarks),
        f"<h3>{text_html(words('export_sources'))}</h3>" if exchange.sources else "",
    ]
    for source in exchange.sources:
        named = " · ".join(filter(None, (source.place, source.section)))
        parts.append(f"<p><cite>[{source.n}] {text_html(named)}</cite></p>")
        parts.append(f"<blockquote>{text_html(source.quote)}</blockquote>")
    return f"<section>{''.join(parts)}</section>"


def _json_line(conversation: Conversation, stored: StoredAnswer) -> str:
    fields = {
        "conversation": conversation.id,
        "title": conversation.title,
        "id": stored.id,
        "version_of": stored.version_of,
        "question": stored.question,
        "state": stored.state,
        "text": stored.text,
        "error": stored.error,
        "created": stored.created,
        "finished": stored.finished,
        "limits": json.loads(filter_to_json(stored.search_filter)),
        "answer": None if stored.answer is None else json.loads(answer_to_json(stored.answer)),
    }
    # Some readers of lines take these three characters for the end of one.
    return json.dumps(fields, ensure_ascii=False).translate(_LINE_ENDS) + "\n"
