"""Mail messages (.eml), mailboxes (.mbox) and web archives (.mht)."""

import email
import email.errors
import email.header
import mimetypes
import re
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from rag.errors import DocumentError
from rag.readers.extract import Extract, ExtractBuilder, Part
from rag.readers.mail_headers import POLICY, decode, decode_words, has_raw_bytes, header_text
from rag.readers.part_names import UniqueNames, clean_parts
from rag.readers.web import add_html

HEADERS = ("From", "To", "Cc", "Date")
_MAX_DEPTH = 50
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
    message = email.message_from_bytes(content.lstrip(), policy=POLICY)
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
            if key.lower() == header.lower() and has_raw_bytes(str(value)):
                message.replace_header(header, decode_words(str(value), ""))
                break
    name = message.get_filename()
    return decode_words(name, "").strip() if name else ""


def _refuse_encrypted(message: "Message[str, str]", kind: str, name: str) -> None:
    is_encrypted = kind in _ENCRYPTED_TYPES or name.lower().endswith(".rpmsg")
    if kind in _SMIME_TYPES:
        smime_type = str(message.get_param("smime-type", "")).lower()
        is_encrypted = "signed" not in smime_type and "certs" not in smime_type
    if is_encrypted:
        raise encrypted_mail()


def _text(message: "Message[str, str]") -> str:
    content = message.get_payload(decode=True)
    text = decode(content if isinstance(content, bytes) else b"", message.get_content_charset(""))
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
