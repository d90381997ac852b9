"""Hostile files, written by hand: each is small on the disk and wants to cost a lot to read."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a zip whose directory may claim anything."""

    name: bytes
    packed: bytes  # as it stands in the archive
    size: int  # claimed, when unpacked
    crc: int = 0
    flags: int = 0
    mode: int = 0o100644
    same_place: bool = False  # as the member before it


def zeros(megabytes: int) -> bytes:
    """Return a deflate stream of that many million NULs, without compressing all of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * megabytes + b"\x03\0"


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def member(name: str, content: bytes, flags: int = 0, mode: int = 0o100644) -> Member:
    return Member(
        name.encode("utf-8"),
        deflate(content),
        len(content),
        zlib.crc32(content),
        flags | 0x800,
        mode,
    )


def raw_zip(members: Iterable[Member]) -> bytes:
    body, directory, count, start = bytearray(), bytearray(), 0, 0
    for entry in members:
        facts = struct.pack(
            "<HHHHIIIHH", entry.flags, 8, 0, 33, entry.crc, len(entry.packed), entry.size,
            len(entry.name), 0,
        )  # fmt: skip
        if not entry.same_place:
            start = len(body)
            body += b"PK\3\4\x14\0" + facts + entry.name + entry.packed
        directory += b"PK\1\2\x14\3\x14\0" + facts
        directory += struct.pack("<HHHII", 0, 0, 0, entry.mode << 16, start) + entry.name
        count += 1
    numbers = min(count, 0xFFFF)
    end = struct.pack("<HHHHIIH", 0, 0, numbers, numbers, len(directory), len(body), 0)
    return bytes(body + directory) + b"PK\5\6" + end


def package(parts: dict[str, str | bytes]) -> bytes:
    return raw_zip(
        member(name, content.encode() if isinstance(content, str) else content)
        for name, content in parts.items()
    )


def _relations(*targets: tuple[str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="r{number}" Type="{_R}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_RELATIONS}">{inner}</Relationships>'


def docx(body: str, prolog: str = "", **more: str | bytes) -> bytes:
    return package({
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relations(("officeDocument", "word/document.xml")),
        "word/document.xml": f'{prolog}<w:document xmlns:w="{_W}"><w:body>{body}</w:body>'
        "</w:document>",
        **more,
    })  # fmt: skip


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def xlsx(rows: str, strings: str = "", prolog: str = "", **more: str | bytes) -> bytes:
    return package({
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relations(("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{_S}" xmlns:r="{_R}">'
        '<sheets><sheet name="One" r:id="r0"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            ("worksheet", "sheet1.xml"), ("sharedStrings", "strings.xml")
        ),
        "xl/sheet1.xml": f'{prolog}<worksheet xmlns="{_S}">{rows}</worksheet>',
        "xl/strings.xml": f'<sst xmlns="{_S}">{strings}</sst>',
        **more,
    })  # fmt: skip


def cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def pptx(shapes: str, prolog: str = "", **more: str | bytes) -> bytes:
    return package({
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relations(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{_P}" xmlns:r="{_R}">'
        '<p:sldIdLst><p:sldId r:id="r0"/></p:sldIdLst></p:presentation>',
        "ppt/_rels/presentation.xml.rels": _relations(("slide", "slide1.xml")),
        "ppt/slide1.xml": f'{prolog}<p:sld xmlns:p="{_P}" xmlns:a="{_A}"><p:cSld><p:spTree>'
        f"{shapes}</p:spTree></p:cSld></p:sld>",
        **more,
    })  # fmt: skip


def shape(text: str) -> str:
    return f"<p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


def opendocument(kind: str, content: str, prolog: str = "", **more: str | bytes) -> bytes:
    """Return an ODT ("text"), ODS ("spreadsheet") or ODP ("presentation")."""
    names = " ".join(
        f'xmlns:{name}="{_ODF}:{name if name != "draw" else "drawing"}:1.0"'
        for name in ("office", "text", "table", "draw")
    )
    return package({
        "mimetype": f"application/vnd.oasis.opendocument.{kind}",
        "content.xml": f"{prolog}<office:document-content {names}><office:body>"
        f"<office:{kind}>{content}</office:{kind}></office:body></office:document-content>",
        **more,
    })  # fmt: skip


def epub(page: str, prolog: str = "", **more: str | bytes) -> bytes:
    return package({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": f'{prolog}<container><rootfiles>'
        '<rootfile full-path="book.opf"/></rootfiles></container>',
        "book.opf": '<package><manifest><item id="a" href="a.xhtml"/></manifest>'
        '<spine><itemref idref="a"/></spine></package>',
        "a.xhtml": page,
        **more,
    })  # fmt: skip


def laughs(root: str) -> tuple[str, str]:
    """Return a prolog and a reference that would grow to ten billion characters."""
    lines = ['<!ENTITY e0 "laughter">']
    lines += [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10)]
    return f"<!DOCTYPE {root} [{''.join(lines)}]>", "&e9;"


def outsiders(root: str, file: Path, port: int) -> tuple[str, str]:
    """Return a prolog and references that would read ``file`` and call the port."""
    url = f"http://127.0.0.1:{port}/"
    return (
        f'<!DOCTYPE {root} [<!ENTITY f SYSTEM "{file.as_uri()}">'
        f'<!ENTITY h SYSTEM "{url}h"><!ENTITY % p SYSTEM "{url}p"> %p;]>',
        "&f;&h;",
    )


def pdf(objects: Sequence[str | bytes], root: int = 1, trailer: str = "") -> bytes:
    content, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, entry in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n" % number
        content += entry.encode() if isinstance(entry, str) else entry
        content += b"\nendobj\n"
    start = len(content)
    content += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    content += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    content += f"trailer<</Size {len(objects) + 1}/Root {root} 0 R{trailer}>>\n".encode()
    return bytes(content + b"startxref\n%d\n%%%%EOF\n" % start)


def pdf_page(stream: bytes, head: str = "", resources: str = "", *more: bytes) -> bytes:
    return pdf([
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R"
        f"/Resources<<{resources}>>>>",
        f"<<{head}/Length {len(stream)}>>stream\n".encode() + stream + b"\nendstream",
        *more,
    ])  # fmt: skip


def pdf_image(width: int, height: int) -> bytes:
    """Return a page that is one image of zeros, in eight bits of gray."""
    content = zlib_zeros(max(width * height // 1_000_000, 1))
    head = (
        f"<</Type/XObject/Subtype/Image/Width {width}/Height {height}/ColorSpace/DeviceGray"
        f"/BitsPerComponent 8/Filter/FlateDecode/Length {len(content)}>>stream\n"
    )
    return pdf_page(
        b"q 600 0 0 800 0 0 cm /I Do Q",
        "",
        "/XObject<</I 5 0 R>>",
        head.encode() + content + b"\nendstream",
    )


def zlib_zeros(megabytes: int) -> bytes:
    return b"\x78\xda" + zeros(megabytes) + struct.pack(">I", 1)


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib_zeros(max(width // 8 * height // 1_000_000, 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff(width: int, height: int) -> bytes:
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, 1), (259, 3, 32773), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, 4),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 12) + b"\x81\0\x81\0" + (
        struct.pack("<H", len(tags)) + entries + bytes(4)
    )  # fmt: skip


def gif(frames: int) -> bytes:
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + b"\x02\x02\x4c\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", 64, 64, 0x80, 0, 0) + bytes(6) + frame * frames + b";"


def nested_zip(levels: int, content: bytes, name: str = "inner") -> bytes:
    for level in range(levels):
        content = package({f"{name}{level}.zip" if level else f"{name}.txt": content})
    return content


def zip_with(names: Iterable[str], content: bytes = b"words") -> bytes:
    return raw_zip(member(name, content) for name in names)
