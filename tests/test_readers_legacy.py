"""Old Office files: told what to do without LibreOffice, converted offline with it."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from rag.errors import DocumentError
from rag.readers import legacy, reader_for
from rag.readers.legacy import read_legacy_doc, read_legacy_ppt
from tests.compound import write_compound

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures" / "documents"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")
needs_office = pytest.mark.skipif(
    legacy.find_libreoffice() is None, reason="LibreOffice is not installed"
)
needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in [
        ("office", "office"), ("text", "text"), ("draw", "drawing"), ("svg", "svg-compatible"),
    ]
)  # fmt: skip
DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>
<text:h text:outline-level="1">休暇規程</text:h><text:p>Annual leave 年次有給休暇</text:p>
<text:p><draw:frame text:anchor-type="as-char" svg:width="3cm" svg:height="3cm">
<draw:image xlink:href="http://127.0.0.1:PORT/picture.png" xlink:type="simple"/></draw:frame>
</text:p></office:text></office:body></office:document>"""


def test_without_libreoffice_the_remedy_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy, "find_libreoffice", lambda: None)
    with pytest.raises(DocumentError) as caught:
        read_legacy_ppt(tmp_path / "a.ppt")
    assert caught.value.status == "unsupported"
    assert str(caught.value) == (
        "This file is in the old PowerPoint format (.ppt); install LibreOffice or save it as .pptx."
    )
    with pytest.raises(DocumentError, match=r"old Word format \(\.doc\).*as \.docx"):
        read_legacy_doc(tmp_path / "a.doc")


@pytest.mark.parametrize(
    ("name", "stream", "reader"),
    [
        ("a.doc", "WordDocument", read_legacy_doc),
        ("a.dot", "WordDocument", read_legacy_doc),
        ("a.ppt", "PowerPoint Document", read_legacy_ppt),
        ("a.pps", "PowerPoint Document", read_legacy_ppt),
    ],
)
def test_old_files_have_their_readers(
    tmp_path: Path, name: str, stream: str, reader: object
) -> None:
    write_compound(tmp_path / name, {stream: b"x"})
    assert reader_for(tmp_path / name) is reader


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        ("WordDocument", bytes(11) + b"\x01" + bytes(20)),
        ("Current User", bytes(12) + bytes.fromhex("dfc4d1f3") + bytes(8)),
    ],
)
def test_protected_files_are_told_by_their_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str, content: bytes
) -> None:
    monkeypatch.setattr(legacy, "find_libreoffice", lambda: "/nowhere/soffice")
    write_compound(tmp_path / "a.doc", {stream: content})
    with pytest.raises(DocumentError, match="password") as caught:
        read_legacy_doc(tmp_path / "a.doc")
    assert caught.value.status == "encrypted"


@needs_posix
def test_a_conversion_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = tmp_path / "soffice"
    office.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {tmp_path}/pid\nwait\n")
    office.chmod(0o755)
    monkeypatch.setattr(legacy, "find_libreoffice", lambda: str(office))
    monkeypatch.setattr(legacy, "_SECONDS", 1)
    write_compound(tmp_path / "a.doc", {"WordDocument": bytes(32)})
    with pytest.raises(DocumentError, match="too long"):
        read_legacy_doc(tmp_path / "a.doc")
    sleeper = int((tmp_path / "pid").read_text())
    assert not psutil.pid_exists(sleeper) or psutil.Process(sleeper).status() == "zombie"


@needs_posix
def test_a_file_that_is_not_converted_fails_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(legacy, "find_libreoffice", lambda: "/bin/true")
    write_compound(tmp_path / "a.doc", {"WordDocument": bytes(32)})
    with pytest.raises(DocumentError, match=r"save it as \.docx") as caught:
        read_legacy_doc(tmp_path / "a.doc")
    assert caught.value.status == "failed"


class Site:
    """A web server on this machine that counts who asks for pictures."""

    def __init__(self) -> None:
        requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_error(404)

            do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - the names are the library's

            def log_message(self, *_: object) -> None:
                pass

        self.requests = requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, args=(0.05,))
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@needs_office
def test_an_old_word_file_is_read_and_its_linked_picture_is_not_fetched(
    tmp_path: Path, site: Site
) -> None:
    office = legacy.find_libreoffice()
    assert office is not None
    source = DOCUMENT.replace("PORT", str(site.server.server_port))
    (tmp_path / "a.fodt").write_text(source, encoding="utf-8")
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [office, profile, "--headless", "--convert-to", "doc", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(tmp_path / "a.fodt")], check=True, capture_output=True)
    assert "/picture.png" in site.requests  # what LibreOffice does on its own
    site.requests.clear()
    before = sorted(tmp_path.iterdir())
    extract = read_legacy_doc(tmp_path / "a.doc")
    assert [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks] == [
        ("heading", "休暇規程", ()),
        ("paragraph", "Annual leave 年次有給休暇", ("休暇規程",)),
    ]
    time.sleep(0.1)
    assert site.requests == []
    assert sorted(tmp_path.iterdir()) == before  # no lock is left beside the file


@needs_office
@needs_fixtures
def test_a_real_old_presentation_is_read() -> None:
    extract = read_legacy_ppt(FIXTURES / "legacy_sample.ppt")
    assert len(extract.page_starts) == 3
    assert extract.text.startswith("Test Table Slide")
