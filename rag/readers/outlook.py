"""Outlook messages (.msg), read from their streams.

By olefile and not python-oxmsg: that one decodes Japanese of older Outlooks as ``shift_jis``
under strict rules, or as Latin, and loads all attachments at once. Source: [MS-OXMSG].
"""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.parser import HeaderParser
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rag.readers.encoding import decode_labelled
from rag.readers.extract import Extract, ExtractBuilder, normalize_text
from rag.readers.mail import HEADERS, Attachment, Mail, add_mail, encrypted_mail
from rag.readers.mail_headers import header_text

if TYPE_CHECKING:
    from olefile import OleFileIO

_SUBJECT, _SENT, _HEADERS, _BODY, _HTML = 0x0037, 0x0039, 0x007D, 0x1000, 0x1013
_MESSAGE_CLASS, _SENDER_NAME, _SENDER_ADDRESS, _SENDER_SMTP = 0x001A, 0x0C1A, 0x0C1F, 0x5D01
_INTERNET_CODE_PAGE, _MESSAGE_CODE_PAGE = 0x3FDE, 0x3FFD
_NAME, _ADDRESS, _SMTP_ADDRESS, _RECIPIENT_TYPE = 0x3001, 0x3003, 0x39FE, 0x0C15
_CONTENT, _SHORT_FILE_NAME, _FILE_NAME, _MIME_TYPE = 0x3701, 0x3704, 0x3707, 0x370E
_CONTENT_ID = 0x3712
_RECIPIENTS = {1: "To", 2: "Cc"}
_ENCRYPTED_TYPES = ("application/pgp-encrypted", "application/x-microsoft-rpmsg-message")
_ENCRYPTED_CLASSES = ("ipm.note.smime", "ipm.note.secure")
_LABELS = {65001: "utf-8", 50220: "iso-2022-jp", 50221: "iso-2022-jp", 51932: "euc-jp"}
_MAX_DEPTH = 5


def read_msg(file: Path) -> Extract:
    """Read headers and text of a message; its title is the subject, its parts the attachments.

    Raises:
        DocumentError: the message is encrypted or its rights are restricted.
    """
    import olefile

    with olefile.OleFileIO(str(file)) as container:
        mail = _Storage(container, (), 32).mail()
    builder = ExtractBuilder()
    add_mail(builder, mail)
    return builder.build(mail.subject, parts=mail.parts())


class _Storage:
    """A message, recipient or attachment: the properties in one folder of the file.

    Args:
        container: the open file.
        path: of the folder.
        header_bytes: what precedes the properties in their stream; 32 for the message, 24 for
            one inside it, 8 for all else.
        code_page: of text that is not Unicode; 0 when the message does not say.
    """

    def __init__(
        self, container: "OleFileIO", path: tuple[str, ...], header_bytes: int, code_page: int = 0
    ) -> None:
        self._container = container
        self._path = path
        self._fixed: dict[int, bytes] = {}
        content = self._stream("__properties_version1.0")[header_bytes:]
        for at in range(0, len(content) - 15, 16):
            self._fixed[struct.unpack_from("<H", content, at + 2)[0]] = content[at + 8 : at + 16]
        self._code_page = code_page or self.integer(_MESSAGE_CODE_PAGE)

    def integer(self, identifier: int) -> int:
        """Return a 32-bit value; 0 when it is missing."""
        return int.from_bytes(self._fixed.get(identifier, b"")[:4], "little")

    def text(self, identifier: int, code_page: int = 0) -> str:
        """Return a text; "" when it is missing."""
        name = f"__substg1.0_{identifier:04X}"
        if unicode := self._stream(f"{name}001F"):
            return normalize_text(unicode.decode("utf-16-le", errors="replace"))
        content = self._stream(f"{name}001E") or (
            self._stream(f"{name}0102") if identifier == _HTML else b""
        )
        return decode_labelled(content, _label(code_page or self._code_page))

    def mail(self, depth: int = 0) -> Mail:
        """Return the message in this folder."""
        headers = HeaderParser().parsestr(self.text(_HEADERS))
        self._refuse_encrypted()
        found = {name: header_text(headers, name) for name in HEADERS}
        found["From"] = found["From"] or self._sender()
        found["Date"] = found["Date"] or self._date()
        for number, name in _RECIPIENTS.items():
            found[name] = found[name] or self._recipients(number)
        return Mail(
            subject=" ".join(self.text(_SUBJECT).split()),
            headers=list(found.items()),
            plain=self.text(_BODY),
            html=self.text(_HTML, self.integer(_INTERNET_CODE_PAGE)),
            attachments=list(self._attachments(depth)),
        )

    def _refuse_encrypted(self) -> None:
        kind = self.text(_MESSAGE_CLASS).lower()
        is_encrypted = kind.startswith(_ENCRYPTED_CLASSES) and "multipartsigned" not in kind
        for storage in self._inner("__attach_version1.0_", 8):
            is_encrypted = (
                is_encrypted
                or storage.text(_MIME_TYPE).lower() in _ENCRYPTED_TYPES
                or storage.file_name().lower().endswith(".rpmsg")
            )
        if is_encrypted:
            raise encrypted_mail()

    def file_name(self) -> str:
        """Return the name of an attachment."""
        return self.text(_FILE_NAME) or self.text(_SHORT_FILE_NAME) or self.text(_NAME)

    def _attachments(self, depth: int) -> Iterator[Attachment]:
        for storage in self._inner("__attach_version1.0_", 8):
            content = storage._stream(f"__substg1.0_{_CONTENT:04X}0102")
            content_id = storage.text(_CONTENT_ID).strip(" <>")
            if content:
                references = (f"cid:{content_id}",) if content_id else ()
                yield Attachment(storage.file_name(), content, references)
                continue
            path = (*storage._path, f"__substg1.0_{_CONTENT:04X}000D")
            if depth < _MAX_DEPTH and self._container.exists([*path, "__properties_version1.0"]):
                mail = _Storage(self._container, path, 24, self._code_page).mail(depth + 1)
                name = (mail.subject or storage.file_name() or "message").replace("/", "／")
                yield Attachment(f"{name}.eml", _as_eml(mail))

    def _recipients(self, number: int) -> str:
        found = []
        for storage in self._inner("__recip_version1.0_", 8):
            if storage.integer(_RECIPIENT_TYPE) & 0xF == number:
                address = storage.text(_SMTP_ADDRESS) or storage.text(_ADDRESS)
                found.append(_mailbox(storage.text(_NAME), address))
        return ", ".join(found)

    def _sender(self) -> str:
        address = self.text(_SENDER_SMTP) or self.text(_SENDER_ADDRESS)
        return _mailbox(self.text(_SENDER_NAME), address)

    def _date(self) -> str:
        ticks = int.from_bytes(self._fixed.get(_SENT, b""), "little")  # of 100 ns, since 1601
        if not ticks:
            return ""
        try:
            sent = datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
        except OverflowError:
            return ""
        return format_datetime(sent.replace(microsecond=0))

    def _inner(self, prefix: str, header_bytes: int) -> Iterator["_Storage"]:
        """Yield the folders directly inside this one whose names begin with ``prefix``."""
        depth = len(self._path)
        folders = self._container.listdir(streams=False, storages=True)
        for path in sorted(map(tuple, folders)):
            is_inside = path[:depth] == self._path and len(path) == depth + 1
            if is_inside and path[depth].startswith(prefix):
                yield _Storage(self._container, path, header_bytes, self._code_page)

    def _stream(self, name: str) -> bytes:
        path = [*self._path, name]
        if not self._container.exists(path):
            return b""
        content: bytes = self._container.openstream(path).read()
        return content


def _label(code_page: int) -> str:
    return _LABELS.get(code_page, f"cp{code_page}" if code_page else "")


def _mailbox(name: str, address: str) -> str:
    """Return name and address as mail writes them; addresses inside Exchange tell nobody much."""
    if not address or address.startswith("/") or address == name:
        return name
    return f"{name} <{address}>" if name else address


def _as_eml(mail: Mail) -> bytes:
    """Write a message inside another one as a mail file, so that it can be a part."""
    message = MIMEMultipart()
    for header, value in [("Subject", mail.subject), *mail.headers]:
        message[header] = Header(value, "utf-8").encode()
    is_plain = bool(mail.plain.strip())
    message.attach(MIMEText(mail.plain if is_plain else mail.html, "plain" if is_plain else "html"))
    for attachment in mail.attachments:
        part = MIMEApplication(attachment.content)
        part.add_header(
            "Content-Disposition", "attachment", filename=("utf-8", "", attachment.name)
        )
        for reference in attachment.references:
            part["Content-ID"] = f"<{reference.removeprefix('cid:')}>"
        message.attach(part)
    return message.as_bytes()
