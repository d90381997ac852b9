"""Mail, Outlook messages, books and RTF: words, order, headings and what is inside."""

import base64
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.errors import DocumentError
from rag.readers import Extract
from rag.readers.book import read_epub
from rag.readers.mail import read_eml, read_mbox, read_mht
from rag.readers.outlook import read_msg
from rag.readers.rtf import read_rtf
from tests.compound import write_compound

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")

PNG = b"\x89PNG\r\n\x1a\n"


def blocks(extract: Extract) -> list[tuple[str, str, tuple[str, ...]]]:
    ends = 0
    for block in extract.blocks:
        assert ends <= block.start < block.end <= len(extract.text)
        ends = block.end
    return [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks]


def eml(folder: Path, content: bytes) -> Extract:
    (folder / "a.eml").write_bytes(content)
    return read_eml(folder / "a.eml")


def names(extract: Extract) -> list[str]:
    return [part.name for part in extract.parts]


# Mail


def test_a_mail_shows_subject_headers_and_paragraphs(tmp_path: Path) -> None:
    extract = eml(
        tmp_path,
        b"From: =?ISO-2022-JP?B?" + base64.b64encode("田中".encode("iso2022_jp")) + b"?=\r\n"
        b" <tanaka@example.jp>\r\nTo: a@example.jp,\r\n\tb@example.jp\r\n"
        b"Subject: =?UTF-8?B?5LyR5pqH?= =?UTF-8?B?55Sz6KuL?=\r\n"
        b"Date: Mon, 21 Nov 2025 10:00:00 +0900\r\nX-Mailer: none\r\n"
        b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n"
        + "１１月２１日に休みます。\r\n\r\n以上".encode("iso2022_jp"),
    )

    assert extract.title == "休暇申請"
    assert blocks(extract) == [
        ("heading", "休暇申請", ()),
        (
            "paragraph",
            "From: 田中 <tanaka@example.jp>\nTo: a@example.jp, b@example.jp\n"
            "Date: Mon, 21 Nov 2025 10:00:00 +0900",
            ("休暇申請",),
        ),
        ("paragraph", "１１月２１日に休みます。", ("休暇申請",)),
        ("paragraph", "以上", ("休暇申請",)),
    ]


def test_iso_2022_jp_with_characters_of_the_vendor_is_read(tmp_path: Path) -> None:
    # Row 13 cell 1 is ①, row 13 cell 74 is ㈱, and ESC ( I switches to half-width katakana.
    word = b"\x1b$B-!-j\x1b(B \x1b(I6@\x1b(B"
    subject = b"=?iso-2022-jp?B?" + base64.b64encode(word) + b"?="
    header = b"Content-Type: text/plain; charset=ISO-2022-JP\n\n"
    extract = eml(tmp_path, b"Subject: " + subject + b"\n" + header + word)

    assert extract.title == "①㈱ ｶﾀ"
    assert extract.text.endswith("\n\n①㈱ ｶﾀ")


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "iso2022_jp", "euc_jp"])
def test_japanese_without_any_declaration_is_read(tmp_path: Path, encoding: str) -> None:
    subject, body = "見積書の送付について", "お世話になっております。見積書をお送りします。"
    extract = eml(tmp_path, f"Subject: {subject}\n\n{body}".encode(encoding))

    assert extract.title == subject
    assert extract.text == f"{subject}\n\n{body}"


def test_plain_text_is_preferred_and_html_read_when_it_is_alone(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Leave"
    message.set_content("plain words")
    message.add_alternative("<p>html words</p>", subtype="html")
    assert eml(tmp_path, message.as_bytes()).text == "Leave\n\nplain words"

    message = EmailMessage()
    message["Subject"] = "Leave"
    message.set_content("<h1>規程</h1><p>休暇は<b>10</b>日</p><p hidden>no</p>", subtype="html")
    assert blocks(eml(tmp_path, message.as_bytes())) == [
        ("heading", "Leave", ()),
        ("heading", "規程", ("Leave",)),
        ("paragraph", "休暇は10日", ("Leave", "規程")),
    ]


def test_wrapped_lines_of_a_flowed_mail_are_joined(tmp_path: Path) -> None:
    header = b"Subject: a\nContent-Type: text/plain; charset=utf-8; format=flowed"
    english = eml(tmp_path, header + b"\n\nThis line \ngoes on.\n> quoted \nEnd.\n-- \nMe")
    assert english.text == "a\n\nThis line goes on.\n> quoted\nEnd.\n--\nMe"
    japanese = eml(tmp_path, header + "; delsp=yes\n\n休暇は \n十日です。".encode())
    assert japanese.text == "a\n\n休暇は十日です。"


def attach(message: EmailMessage, name: str, content: bytes, **headers: str) -> None:
    message.add_attachment(content, maintype="image", subtype="png", filename=name)
    for header, value in headers.items():
        list(message.iter_attachments())[-1][header.replace("_", "-")] = value


def test_attachments_are_parts_and_pictures_in_the_text_are_not(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "a"
    message.set_content('<p>see <img src="cid:logo@x"></p>', subtype="html")
    attach(message, "logo.png", PNG, Content_ID="<logo@x>")
    attach(message, "議事録 ①.png", PNG + b"1", Content_ID="<other@x>")
    attach(message, "../../evil.png", PNG + b"2")
    attach(message, "evil.png", PNG + b"3")

    extract = eml(tmp_path, message.as_bytes())

    assert {part.name: part.content for part in extract.parts} == {
        "議事録 ①.png": PNG + b"1",
        "evil.png": PNG + b"2",
        "evil (2).png": PNG + b"3",
    }


@pytest.mark.parametrize(
    "disposition",
    [
        b"filename*=iso-2022-jp''%1B%24B8%2B%40Q%1B%28B.pdf",
        b"filename*0*=utf-8''%E8%A6%8B; filename*1*=%E7%A9%8D.pdf",
        b'filename="=?ISO-2022-JP?B?' + base64.b64encode("見積.pdf".encode("iso2022_jp")) + b'?="',
        b'filename="=?cp932?Q?=8C=A9=90=CF.pdf?="',
        b'filename="' + "見積.pdf".encode("cp932") + b'"',
        b'filename="' + "見積.pdf".encode() + b'"',
    ],
)  # fmt: skip
def test_names_of_attachments_are_decoded(tmp_path: Path, disposition: bytes) -> None:
    extract = eml(
        tmp_path,
        b"Subject: a\nContent-Type: multipart/mixed; boundary=B\n\n--B\n\nbody\n--B\n"
        b"Content-Type: application/pdf\nContent-Disposition: attachment; " + disposition + b"\n"
        b"Content-Transfer-Encoding: base64\n\nJVBERg==\n--B--\n",
    )

    assert [(part.name, part.content) for part in extract.parts] == [("見積.pdf", b"%PDF")]
    assert extract.text == "a\n\nbody"


def test_a_forwarded_mail_is_a_part_of_its_own(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["Subject"] = "予算/案"
    inner.set_content("百万円です。")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("see below")
    outer.add_attachment(inner)

    extract = eml(tmp_path, outer.as_bytes())
    (part,) = extract.parts

    assert "百万円" not in extract.text
    assert part.name == "予算／案.eml"
    assert eml(tmp_path, part.content).text == "予算/案\n\n百万円です。"


def test_malformed_headers_do_not_cost_the_mail(tmp_path: Path) -> None:
    extract = eml(
        tmp_path,
        b'From: "a <b@c\nTo: <<>>,,;\nSubject: =?utf-8?B?!!!?= =?nonsense?Q?x?=\n'
        b"Date: never\nContent-Type: text/plain; charset=nonsense\n\nbody \xe4\xbc\x91",
    )
    assert extract.text.endswith("body 休")


def mail_of_type(kind: str, inner: str = "x") -> bytes:
    return f"Subject: a\nContent-Type: {kind}\n\n{inner}\n".encode()


@pytest.mark.parametrize(
    "kind",
    [
        'multipart/encrypted; boundary=B; protocol="application/pgp-encrypted"',
        "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
        "application/x-microsoft-rpmsg-message; name=message.rpmsg",
    ],
)
def test_an_encrypted_mail_says_so(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DocumentError, match="mail program") as caught:
        eml(tmp_path, mail_of_type(kind))
    assert caught.value.status == "encrypted"


def test_a_signed_mail_is_read_and_its_signature_is_no_part(tmp_path: Path) -> None:
    extract = eml(
        tmp_path,
        b"Subject: a\nContent-Type: multipart/signed; boundary=B\n\n--B\n\nwords\n--B\n"
        b"Content-Type: application/pgp-signature; name=s.asc\n\nx\n--B--\n",
    )
    assert extract.text == "a\n\nwords"
    assert names(extract) == []


def test_every_mail_of_a_mailbox_stands_under_its_subject(tmp_path: Path) -> None:
    first = "From a@b Mon Nov 21 10:00:00 2025\nSubject: 一通目\n\n本文\nFrom here on, in 2025\n\n"
    second = "From c@d Mon Nov 21 11:00:00 2025\nSubject: two\n\nwords\n"
    (tmp_path / "a.mbox").write_bytes((first + second).encode())

    assert blocks(read_mbox(tmp_path / "a.mbox")) == [
        ("heading", "一通目", ()),
        ("paragraph", "本文\nFrom here on, in 2025", ("一通目",)),
        ("heading", "two", ()),
        ("paragraph", "words", ("two",)),
    ]


def test_a_web_archive_is_its_page(tmp_path: Path) -> None:
    (tmp_path / "a.mht").write_bytes(
        b"From: <Saved by Blink>\nSubject: x\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/related; boundary=B\n\n--B\nContent-Type: text/html\n"
        b"Content-Transfer-Encoding: quoted-printable\n\n"
        b"<title>=E8=A6=8F=E7=A8=8B</title><h1>A</h1><p>words</p>\n--B\n"
        b"Content-Type: image/png\nContent-Location: http://a/b.png\n\nx\n--B--\n"
    )
    extract = read_mht(tmp_path / "a.mht")

    assert extract.title == "規程"
    assert extract.text == "A\n\nwords"
    assert names(extract) == []


# Outlook


def properties(header_bytes: int, **numbers: int) -> bytes:
    """Write the stream of fixed values; names are ``p`` and the identifier in hex."""
    entries = (struct.pack("<HHIQ", 3, int(n[1:], 16), 6, v) for n, v in numbers.items())
    return bytes(header_bytes) + b"".join(entries)


def unicode_text(identifier: str, text: str) -> dict[str, bytes]:
    return {f"__substg1.0_{identifier}001F": text.encode("utf-16-le")}


def under(folder: str, streams: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in streams.items()}


def test_an_outlook_message_reads_like_a_mail(tmp_path: Path) -> None:
    ticks = (155_187 * 24 + 1) * 36_000_000_000  # 155,187 days and an hour since 1601, in 100 ns
    inner = {
        "__properties_version1.0": properties(24),
        **unicode_text("0037", "転送/元"),
        **unicode_text("1000", "元の本文"),
    }
    write_compound(
        tmp_path / "a.msg",
        {
            "__properties_version1.0": properties(32, p0039=ticks),
            **unicode_text("0037", "休暇申請"),
            **unicode_text("0C1A", "田中"),
            **unicode_text("0C1F", "tanaka@example.jp"),
            **unicode_text("1000", "１１月に休みます。\r\n\r\n以上"),
            **under("__recip_version1.0_#00000000", {
                "__properties_version1.0": properties(8, p0C15=1),
                **unicode_text("3001", "鈴木"), **unicode_text("39FE", "suzuki@example.jp"),
            }),
            **under("__recip_version1.0_#00000001", {
                "__properties_version1.0": properties(8, p0C15=2),
                **unicode_text("3001", "総務"), **unicode_text("3003", "/o=Exchange/cn=x"),
            }),
            **under("__attach_version1.0_#00000000", {
                "__properties_version1.0": properties(8),
                **unicode_text("3707", "見積.pdf"), "__substg1.0_37010102": b"%PDF",
            }),
            **under("__attach_version1.0_#00000001", {
                "__properties_version1.0": properties(8),
                **under("__substg1.0_3701000D", inner),
            }),
        },
    )  # fmt: skip
    extract = read_msg(tmp_path / "a.msg")
    pdf, forwarded = extract.parts

    assert blocks(extract) == [
        ("heading", "休暇申請", ()),
        (
            "paragraph",
            "From: 田中 <tanaka@example.jp>\nTo: 鈴木 <suzuki@example.jp>\nCc: 総務\n"
            "Date: Fri, 21 Nov 2025 01:00:00 +0000",
            ("休暇申請",),
        ),
        ("paragraph", "１１月に休みます。", ("休暇申請",)),
        ("paragraph", "以上", ("休暇申請",)),
    ]
    assert (pdf.name, pdf.content) == ("見積.pdf", b"%PDF")
    assert forwarded.name == "転送／元.eml"
    assert eml(tmp_path, forwarded.content).text == "転送/元\n\n元の本文"


@pytest.mark.parametrize("page", [932, 0, 50220])
def test_an_outlook_message_without_unicode_is_japanese(tmp_path: Path, page: int) -> None:
    html = "<p>①お世話になっております。予定表をお送りします。</p>"
    write_compound(
        tmp_path / "a.msg",
        {
            "__properties_version1.0": properties(32, p3FFD=page, p3FDE=932),
            "__substg1.0_0037001E": "予定表の送付について".encode("cp932"),
            "__substg1.0_10130102": html.encode("cp932"),
        },
    )
    assert read_msg(tmp_path / "a.msg").text == (
        "予定表の送付について\n\n①お世話になっております。予定表をお送りします。"
    )


@pytest.mark.parametrize(
    "streams",
    [
        unicode_text("001A", "IPM.Note.SMIME"),
        under("__attach_version1.0_#00000000", unicode_text("3707", "message.rpmsg")),
    ],
)
def test_a_protected_outlook_message_says_so(tmp_path: Path, streams: dict[str, bytes]) -> None:
    write_compound(tmp_path / "a.msg", {"__properties_version1.0": properties(32), **streams})
    with pytest.raises(DocumentError) as caught:
        read_msg(tmp_path / "a.msg")
    assert caught.value.status == "encrypted"


def test_a_signed_outlook_message_is_read(tmp_path: Path) -> None:
    kind = unicode_text("001A", "IPM.Note.SMIME.MultipartSigned")
    streams = {"__properties_version1.0": properties(32), **kind, **unicode_text("1000", "words")}
    write_compound(tmp_path / "a.msg", streams)
    assert read_msg(tmp_path / "a.msg").text == "words"


@needs_fixtures
def test_a_real_encrypted_message_says_so() -> None:
    with pytest.raises(DocumentError) as caught:
        read_msg(FIXTURES / "fake-encrypted.msg")
    assert caught.value.status == "encrypted"


# Books

CONTAINER = '<container><rootfiles><rootfile full-path="本/book.opf"/></rootfiles></container>'
PACKAGE = (
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"><metadata '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>就業 規則</dc:title></metadata>'
    '<manifest><item id="b" href="text/%E4%BA%8C.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="c" href="c.svg" media-type="image/svg+xml"/>'
    '<item id="d" href="gone.xhtml" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="b"/><itemref idref="a"/><itemref idref="c"/>EXTRA</spine></package>'
)


def write_epub(file: Path, extra: str = "", **more: str) -> Path:
    page = '<?xml version="1.0" encoding="UTF-8"?><html><head><title/></head><body>{}</body></html>'
    ruby = "<h1>休暇</h1><p><ruby>文庫<rp>(</rp><rt>ふみくら</rt></ruby>は<b>10</b>日</p>"
    with zipfile.ZipFile(file, "w") as package:
        package.writestr("mimetype", "application/epub+zip")
        package.writestr("META-INF/container.xml", CONTAINER)
        package.writestr("本/book.opf", PACKAGE.replace("EXTRA", extra))
        package.writestr("本/text/二.xhtml", page.format(ruby))
        package.writestr("本/text/a.xhtml", page.format("<h2>Sick leave</h2><p>Two weeks.</p>"))
        for name, content in more.items():
            package.writestr(f"META-INF/{name}.xml", content)
    return file


def test_a_book_is_read_in_the_order_of_its_spine(tmp_path: Path) -> None:
    extract = read_epub(write_epub(tmp_path / "a.epub"))

    assert extract.title == "就業 規則"
    assert extract.remark == ""
    assert blocks(extract) == [
        ("heading", "休暇", ()),
        ("paragraph", "文庫は10日", ("休暇",)),  # the reading would part 文庫 from は
        ("heading", "Sick leave", ("休暇",)),
        ("paragraph", "Two weeks.", ("休暇", "Sick leave")),
    ]
    assert extract.page_starts == (0, extract.text.index("Sick"))


def test_a_missing_chapter_is_remarked(tmp_path: Path) -> None:
    extract = read_epub(write_epub(tmp_path / "a.epub", extra='<itemref idref="d"/>'))
    assert extract.remark == "1 parts of this book are missing in the file."
    assert "Two weeks." in extract.text


def encryption(algorithm: str) -> str:
    method = f'<EncryptionMethod Algorithm="{algorithm}"/>'
    return f"<encryption><EncryptedData>{method}</EncryptedData></encryption>"


def test_scrambled_fonts_are_no_copy_protection_but_other_encryption_is(tmp_path: Path) -> None:
    fonts = encryption("http://www.idpf.org/2008/embedding")
    assert "10日" in read_epub(write_epub(tmp_path / "a.epub", encryption=fonts)).text
    content = encryption("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    with pytest.raises(DocumentError, match="copy protected") as caught:
        read_epub(write_epub(tmp_path / "b.epub", encryption=content))
    assert caught.value.status == "encrypted"


def test_entities_in_a_book_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOP SECRET", encoding="utf-8")
    dtd = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>'
    write_epub(tmp_path / "a.epub")
    with (
        zipfile.ZipFile(tmp_path / "a.epub") as source,
        zipfile.ZipFile(tmp_path / "b.epub", "w") as target,
    ):
        for name in source.namelist():
            xml = source.read(name).decode().replace("?>", f"?>{dtd}", 1)
            xml = xml.replace("就業 規則", "&e;").replace("Two weeks.", "&e;")
            target.writestr(name, xml)
    extract = read_epub(tmp_path / "b.epub")
    assert "SECRET" not in extract.title + extract.text
    assert "10日" in extract.text


def test_a_zip_without_a_package_is_no_book(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.epub", "w") as package:
        package.writestr("mimetype", "application/epub+zip")
    with pytest.raises(DocumentError, match="not an EPUB"):
        read_epub(tmp_path / "a.epub")


@needs_fixtures
def test_a_real_book_has_its_pages_and_words() -> None:
    extract = read_epub(FIXTURES / "winter-sports.epub")
    assert extract.title == "Winter Sports in Switzerland"
    assert len(extract.page_starts) == 10
    assert "E. F. Benson" in extract.text


# RTF


def rtf(folder: Path, source: str) -> Extract:
    (folder / "a.rtf").write_bytes(source.encode("latin-1"))
    return read_rtf(folder / "a.rtf")


JAPANESE = (
    r"{\rtf1\ansi\ansicpg932\deff0{\fonttbl{\f0\fcharset128 \'82\'6c;}{\f1\fcharset0 Arial;}}"
)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\f0 \'83\'65\'83\'58\'83\'67", "テスト"),
        (r"\f0 \'83e\'83X\'83g", "テスト"),  # as WordPad writes the second bytes
        (r"\f0 \'95\\\'83\{", "表ボ"),  # whose second byte is a backslash or a brace
        ("\\f0 \x83e\x83X\x83g", "テスト"),
        (r"\f0 \'97\'4c\r\n\'8b\'8b", "有給"),
        (r"\f1 caf\'e9t", "cafét"),  # a letter with accent, not half a character
        (r"\uc1\u26377?\u32102? \uc2\u-224\'82\'50", "有給 ０"[:3] + "\uff20"),
        (r"\uc1\u-10179?\u-8704?", "😀"),
        (r"\f0 \'82\'50\'82\'51\u26376?\'82\'51", "１２月２"),
        (r"a\emdash b\~c\-d \{e\} \'5c", "a—b\u00a0cd {e} \\"),
    ],
)
def test_characters_of_rtf(tmp_path: Path, source: str, text: str) -> None:
    source = source.replace(r"\r\n", "\r\n")
    assert rtf(tmp_path, JAPANESE + r"\pard " + source + r"\par}").text == text


def test_rtf_keeps_headings_lists_tables_and_notes(tmp_path: Path) -> None:
    extract = rtf(
        tmp_path,
        r"{\rtf1\ansi{\stylesheet{\s0 Normal;}{\s3 heading 2;}}{\info{\author no}{\title Rules}}"
        r"{\header no}{\*\generator no;}{\*\unknown no{\b no}}\pard\plain\outlinelevel0 Leave\par"
        r"\pard\s3 Annual\par\pard Ten days{\footnote See annex.\par Two.} a year.\par"
        r"{\listtext\f1 1.\tab}\pard\ls1 one\par{\listtext\'b7\tab}\pard\ls1 two\par"
        r"\trowd\cellx1\cellx2\pard\intbl Kind\cell Days\par off\cell\row"
        r"\pard\intbl Annual\cell 10\cell\row\pard {\v hidden}After{\pict\bin9 }}}}{{{{ }"
        r"{\shp{\*\shpinst{\sp{\sn no}{\sv no}}{\shptxt\pard Box\par}}{\shprslt no}}\par"
        r"{\field{\*\fldinst HYPERLINK no}{\fldrslt link}}}",
    )
    path = ("Leave", "Annual")

    assert extract.title == "Rules"
    assert blocks(extract) == [
        ("heading", "Leave", ()),
        ("heading", "Annual", ("Leave",)),
        ("paragraph", "Ten days a year.", path),
        ("note", "See annex.\nTwo.", path),
        ("list", "1. one", path),
        ("list", "two", path),
        ("table", "Kind\tDays off\nAnnual\t10", path),
        ("paragraph", "After", path),
        ("paragraph", "Box", path),
        ("paragraph", "link", path),
    ]


def test_what_is_no_rtf_and_what_is_cut_off(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="not an RTF"):
        rtf(tmp_path, "plain")
    assert rtf(tmp_path, r"{\rtf1 one\par two{\b").text == "one\n\ntwo"
    assert rtf(tmp_path, r"{\rtf1 one}}}} two").text == "one two"
    assert rtf(tmp_path, r"{\rtf1 " + "{" * 50_000 + "deep").text == "deep"


@needs_fixtures
def test_a_real_japanese_rtf_is_japanese() -> None:
    extract = read_rtf(FIXTURES / "testRTFJapanese.rtf")
    assert extract.title == "ゾルゲと尾崎、淡々と最期"
    assert "古書店で処刑記録見つかる" in extract.text
    assert "\ufffd" not in extract.text
