"""Only a file that the index holds can be opened, and only inside its folder."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from streamlit.runtime.media_file_storage import MediaFileKind
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.web.server.starlette.starlette_routes import create_media_routes

from rag.datatypes import FileStatus, Source
from rag.errors import RagError
from rag.originals import Original, find_original, read_original
from rag.ui.server import PrivateMiddleware

FILES = (
    FileStatus("rules/a.pdf", "indexed", "", 1, sha256="a1"),
    FileStatus("mail.eml", "indexed", "", 1, sha256="b2"),
    FileStatus("mail.eml/inner.pdf", "indexed", "", 1, container="mail.eml", sha256="c3"),
    FileStatus("link.txt", "indexed", "", 1, sha256="d4"),
    FileStatus("../outside.txt", "indexed", "", 1, sha256="e5"),
)


def files_of(path: str) -> list[FileStatus]:
    return [file for file in FILES if path in (file.path, file.container)]


def original(folder: Path, path: str) -> Original:
    return find_original([Source(str(folder))], files_of, path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "a.pdf").write_bytes(b"%PDF")
    (folder / "mail.eml").write_bytes(b"Subject: x")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    return folder


def test_a_document_is_found_in_its_folder(folder: Path) -> None:
    found = original(folder, "rules/a.pdf")
    assert found == Original("rules/a.pdf", folder / "rules" / "a.pdf", "a1", holds=False)
    assert read_original(found) == b"%PDF"


def test_a_document_inside_a_file_leads_to_that_file(folder: Path) -> None:
    found = original(folder, "mail.eml/inner.pdf")
    assert found == Original("mail.eml", folder / "mail.eml", "b2", holds=True)


def test_the_label_of_one_of_several_folders_is_taken_off(tmp_path: Path) -> None:
    sources = [Source(str(tmp_path / "x" / "papers")), Source(str(tmp_path / "y" / "papers"))]
    status = FileStatus("papers-2/a.pdf", "indexed", "", 1)
    found = find_original(sources, lambda path: [status], "papers-2/a.pdf")
    assert found.file == tmp_path / "y" / "papers" / "a.pdf"


@pytest.mark.parametrize("path", ["link.txt", "../outside.txt"])
def test_nothing_outside_of_the_folder_is_reached(folder: Path, path: str) -> None:
    with pytest.raises(RagError, match="lies in no folder of this index"):
        original(folder, path)


@pytest.mark.parametrize("path", ["rules/b.pdf", "/etc/passwd", "rules/../mail.eml", ""])
def test_what_the_index_does_not_hold_cannot_be_named(folder: Path, path: str) -> None:
    with pytest.raises(RagError, match="holds no file"):
        original(folder, path)


def test_a_file_that_went_or_became_a_folder_is_told(folder: Path) -> None:
    found = original(folder, "rules/a.pdf")
    found.file.unlink()
    with pytest.raises(RagError, match="check that it is still in its folder"):
        read_original(found)
    found.file.mkdir()
    with pytest.raises(RagError):
        read_original(found)


def test_a_link_put_in_the_place_of_a_file_is_not_followed(folder: Path) -> None:
    found = original(folder, "rules/a.pdf")
    found.file.unlink()
    found.file.symlink_to(folder.parent / "outside.txt")
    with pytest.raises(RagError):
        read_original(found)


def test_a_web_page_is_downloaded_and_never_shown_on_the_own_address() -> None:
    storage = MemoryMediaFileStorage("/media")
    file_id = storage.load_and_get_id(
        b"<script>alert(1)</script>",
        "application/octet-stream",
        MediaFileKind.DOWNLOADABLE,
        "規程.html",
    )
    app = Starlette(
        routes=create_media_routes(storage, None), middleware=[Middleware(PrivateMiddleware)]
    )
    headers = asyncio.run(headers_of(app, storage.get_url(file_id)))
    assert headers["content-disposition"].startswith("attachment; filename*=utf-8''")
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"


async def headers_of(app: Starlette, path: str) -> dict[str, str]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost:8501")],
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 200
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}
