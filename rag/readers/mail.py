"""Mail messages (.eml), mailboxes (.mbox) and web archives (.mht).

Parsed under ``compat32`` and decoded here: the newer policies raise on malformed headers, and
Python's ISO-2022-JP lacks characters that Japanese mail is full of.
"""

import binascii
import email
import email.errors
import email.header
import mimetypes
import re
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.policy import Compat32
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.encoding import decode_labelled
from rag.readers.extract import Extract, ExtractBuilder, Part, normalize_text
from rag.readers.part_names import UniqueNames, clean_parts
from rag.readers.web import add_html

HEADERS = ("From", "To", "Cc", "Date")
_MAX_DEPTH = 50
_MAX_HEADER_CHARACTERS = 100_000  # a few thousand addresses
_MAX_CONTENT_HEADER_CHARACTERS = 5000  # what Python takes to read parameters grows with the square
_MBOX_START = re.compile(rb"^From \S.*\d{4}[^\n]*\n", re.MULTILINE)
_ADDRESSES = (  # anything in HTML that can be one, with and without quotes around it
    re.compile(r"[^\s\"'<>()]+"),
    re.compile(r"[^\s\"'<>()=]+"),
)
_BLANK_LINES = re.compile(r"\n[ \t\u3000]*\n")
_ENCRYPTED_TYPES = ("multipart/encrypted", "application/x-microsoft-rpmsg-message")
_SMIME_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SIGNATURE_TYPES = (
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
)  # fmt: skip


class _BoundedHeaders(Compat32):
    """Cuts headers of a length that no mail program writes, before anything looks into them."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Return name and value of a header."""
        name, value = super().header_source_parse(sourcelines)
        is_content = name.lower().startswith("content-")
        limit = _MAX_CONTENT_HEADER_CHARACTERS if is_content else _MAX_HEADER_CHARACTERS
        return name, value[:limit]


_POLICY = _BoundedHeaders()


@dataclass(slots=True)
class Mail:
    """What is read of one message."""

    subject: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    plain: str = ""
    html: str = ""
    attachments: list["Attachment"] = field(default_factory=list)

    def parts(self) -> list[Part]:
        """Return the attachments, without pictures that stand in the text."""
        names = UniqueNames()
        referred = {found for pattern in _ADDRESSES for found in pattern.findall(self.html)}
        return [
            Part(names.take("/".join(clean_parts(a.name)[-1:]) or "attachment"), a.content)
            for a in self.attachments
            if referred.isdisjoint(a.references)
        ]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a message."""

    name: str
    content: bytes
    references: tuple[str, ...] = ()  # how the HTML body refers to it, when it is a part of that


def read_eml(file: Path) -> Extract:
    """Read headers and text of a message; its title is the subject, its parts the attachments.

    Raises:
        DocumentError: the message is encrypted.
    """
    mail = parse_mail(file.read_bytes())
    builder = ExtractBuilder()
    add_mail(builder, mail)
    return builder.build(mail.subject, parts=mail.parts())


def read_mht(file: Path) -> Extract:
    """Read a web page saved as one file; its pictures are left out."""
    mail = parse_mail(file.read_bytes())
    builder = ExtractBuilder()
    title = add_html(builder, mail.html) if mail.html else ""
    if not mail.html:
        builder.add("paragraph", mail.plain)
    return builder.build(title or mail.subject)


def read_mbox(file: Path) -> Extract:
    """Read every message of a mailbox under its subject; the parts are all attachments."""
    content = file.read_bytes()
    starts = [
        match
        for match in _MBOX_START.finditer(content)
        if match.start() == 0 or content.endswith((b"\n\n", b"\r\n\r\n"), 0, match.start())
    ]
    builder, parts, encrypted = ExtractBuilder(), [], 0
    ends = [*(match.start() for match in starts[1:]), len(content)]
    for number, (start, end) in enumerate(zip(starts, ends, strict=False), start=1):
        try:
            mail = parse_mail(content[start.end() : end])
        except DocumentError:
            encrypted += 1
            continue
        add_mail(builder, mail)
        parts += [Part(f"{number}/{part.name}", part.content) for part in mail.parts()]
    remark = f"Encrypted messages of this mailbox, left out: {encrypted}." if encrypted else ""
    return builder.build(remark=remark, parts=parts)


def add_mail(builder: ExtractBuilder, mail: Mail) -> None:
    """Add subject, headers and text, plain if there is any, else HTML."""
    builder.add_heading(mail.subject, 0)  # headings of the text are levels 1 to 6
    builder.add("paragraph", "\n".join(f"{name}: {value}" for name, value in mail.headers if value))
    if mail.plain.strip():
        for paragraph in _BLANK_LINES.split(mail.plain):
            builder.add("paragraph", paragraph)
    else:
        add_html(builder, mail.html)


def parse_mail(content: bytes) -> Mail:
    """Return what a message holds.

    Raises:
        DocumentError: it is encrypted.
    """
    message = email.message_from_bytes(content.lstrip(), policy=_POLICY)
    walk = _Walk()
    walk.visit(message, 0)
    return Mail(
        subject=header_text(message, "Subject"),
        headers=[(name, header_text(message, name)) for name in HEADERS],
        plain="\n\n".join(plain if plain.strip() else "" for plain, _ in walk.bodies).strip("\n"),
        html="\n".join(html for plain, html in walk.bodies if not plain.strip() or not html),
        attachments=walk.attachments,
    )


def encrypted_mail() -> DocumentError:
    """Return the refusal of a message that only its addressee's mail program can open."""
    return DocumentError(
        "encrypted",
        "This message is encrypted; open it in your mail program and save its text, "
        "or print it to PDF.",
    )


def header_text(message: "Message[str, str]", name: str) -> str:
    """Return a header on one line, decoded; "" when it is missing."""
    label = message.get_content_charset("")
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return " ".join(_decode_words(str(value), label).split())
    return ""


def _decode_words(value: str, label: str) -> str:
    """Decode the encoded words (RFC 2047) of a header, and raw bytes that should not be there.

    Args:
        value: the header, with bytes beyond ASCII as lone surrogates.
        label: the encoding to try first for such bytes; "" when none is known.
    """
    value = "".join(value.splitlines())
    if _has_raw_bytes(value):
        value = _decode(value.encode("utf-8", errors="surrogateescape"), label)
    if "=?" not in value:
        return normalize_text(value)
    try:
        pieces = email.header.decode_header(value)
    except (email.errors.HeaderParseError, binascii.Error, ValueError):
        return normalize_text(value)
    return "".join(
        piece
        if isinstance(piece, str)
        else _decode(piece, charset)
        if charset
        else piece.decode("raw_unicode_escape", errors="replace")
        for piece, charset in pieces
    )


def _decode(content: bytes, label: str) -> str:
    """Decode text of a mail, where UTF-16 cannot be and Japanese is often not declared at all.

    EUC-JP before Shift_JIS: kana of the latter are no valid EUC-JP, but not the reverse.
    """
    if (label and label != "us-ascii") or b"\x1b$" in content:
        return decode_labelled(content, label)
    for encoding in ("utf-8", "euc_jp", "cp932"):
        with suppress(UnicodeDecodeError):
            return normalize_text(content.decode(encoding))
    return decode_labelled(content, "cp1252")


def _has_raw_bytes(value: str) -> bool:
    return "\x1b$" in value or any("\ud800" <= character <= "\udfff" for character in value)


class _Walk:
    """Sorts the parts of a message into bodies and attachments."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str]] = []  # the same text as plain and as HTML, or one of it
        self.attachments: list[Attachment] = []

    def visit(self, message: "Message[str, str]", depth: int) -> None:
        """Add what ``message``, or one part of it, holds."""
        kind = message.get_content_type()
        name = _file_name(message)
        _refuse_encrypted(message, kind, name)
        if kind == "message/rfc822":
            self._forwarded(message, name)
        elif kind == "multipart/alternative" and depth < _MAX_DEPTH:
            self._alternative(message, depth)
        elif message.is_multipart():
            for inner in _children(message) if depth < _MAX_DEPTH else ():
                self.visit(inner, depth + 1)
        elif kind in ("text/plain", "text/html") and not (
            name or message.get_content_disposition() == "attachment"
        ):
            text = _text(message)
            self.bodies.append(("", text) if kind == "text/html" else (text, ""))
        elif kind not in _SIGNATURE_TYPES:
            self._attach(message, kind, name)

    def _alternative(self, message: "Message[str, str]", depth: int) -> None:
        """Add one body for versions of the same text; what is attached to one stays attached."""
        inner = _Walk()
        for child in _children(message):
            inner.visit(child, depth + 1)
        plain = "\n\n".join(plain for plain, _ in inner.bodies if plain.strip())
        self.bodies.append((plain, "\n".join(html for _, html in inner.bodies if html)))
        self.attachments += inner.attachments

    def _forwarded(self, message: "Message[str, str]", name: str) -> None:
        for inner in _children(message):
            title = name or header_text(inner, "Subject") or "message"
            title = title.replace("/", "／").replace("\\", "＼")  # a subject is no path
            suffix = "" if title.lower().endswith(".eml") else ".eml"
            self.attachments.append(Attachment(title + suffix, inner.as_bytes()))

    def _attach(self, message: "Message[str, str]", kind: str, name: str) -> None:
        content = message.get_payload(decode=True)
        if isinstance(content, bytes) and content:
            content_id = str(message.get("Content-ID", "")).strip(" <>")
            location = str(message.get("Content-Location", "")).strip()
            references = (f"cid:{content_id}" if content_id else "", location)
            name = name or f"attachment{mimetypes.guess_extension(kind) or ''}"
            used = tuple(reference for reference in references if reference)
            self.attachments.append(Attachment(name, content, used))


def _children(message: "Message[str, str]") -> list["Message[str, str]"]:
    payload = message.get_payload()
    return (
        [inner for inner in payload if isinstance(inner, Message)]
        if isinstance(payload, list)
        else []
    )


def _file_name(message: "Message[str, str]") -> str:
    """Return the name of an attachment by RFC 2231, RFC 2047 or raw bytes, "" without one."""
    for header in ("Content-Disposition", "Content-Type"):
        for key, value in message.raw_items():
            if key.lower() == header.lower() and _has_raw_bytes(str(value)):
                message.replace_header(header, _decode_words(str(value), ""))
                break
    name = message.get_filename()
    return _decode_words(name, "").strip() if name else ""


def _refuse_encrypted(message: "Message[str, str]", kind: str, name: str) -> None:
    is_encrypted = kind in _ENCRYPTED_TYPES or name.lower().endswith(".rpmsg")
    if kind in _SMIME_TYPES:
        smime_type = str(message.get_param("smime-type", "")).lower()
        is_encrypted = "signed" not in smime_type and "certs" not in smime_type
    if is_encrypted:
        raise encrypted_mail()


def _text(message: "Message[str, str]") -> str:
    content = message.get_payload(decode=True)
    text = _decode(content if isinstance(content, bytes) else b"", message.get_content_charset(""))
    if str(message.get_param("format", "")).lower() == "flowed":
        return _unflow(text, is_space_kept=str(message.get_param("delsp", "")).lower() != "yes")
    return text


def _unflow(text: str, *, is_space_kept: bool) -> str:
    """Join lines that the sender's program wrapped (RFC 3676); quoted ones stay as they are."""
    lines: list[str] = []
    is_open = False
    for line in text.split("\n"):
        is_soft = line.endswith(" ") and line != "-- " and not line.startswith(">")
        line = line.removeprefix(" ") if not line.startswith(">") else line
        piece = line[:-1] if is_soft and not is_space_kept else line
        if is_open and not line.startswith(">"):
            lines[-1] += piece
        else:
            lines.append(piece)
        is_open = is_soft
    return "\n".join(line.rstrip(" ") for line in lines)
