"""Old Word and PowerPoint files, converted by LibreOffice where it is installed.

LibreOffice fetches the pictures that a document links to, and its switch against that does not
hold for conversions; so it gets a profile of its own whose proxies lead nowhere.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from rag.errors import DocumentError
from rag.readers.extract import Extract, Reader
from rag.readers.limits import request_seconds
from rag.readers.office import read_docx
from rag.readers.slides import read_pptx

_SECONDS = 50  # of the wall clock; 1 to 2 are usual
_SPARE_SECONDS = 20  # to read the result
_MEMORY_KB = 4 << 20  # address space
_USUAL_PLACES = (
    "/Applications/LibreOffice.app/Contents/MacOS/soffice",
    "C:/Program Files/LibreOffice/program/soffice.com",
    "C:/Program Files (x86)/LibreOffice/program/soffice.com",
)
# The memory limit of a parser child is too tight for LibreOffice; macOS knows no -v.
_LIMITED = 'ulimit -S -v "$0" 2>/dev/null; ulimit -t "$1"; shift; exec "$@"'
_ENCRYPTED_PRESENTATION = bytes.fromhex("dfc4d1f3")
_SCRIPTING = "/org.openoffice.Office.Common/Security/Scripting"
_INTERNET = "/org.openoffice.Inet/Settings"
_SETTINGS = (
    (_SCRIPTING, "MacroSecurityLevel", "3"),
    (_SCRIPTING, "DisableMacrosExecution", "true"),
    (_SCRIPTING, "DisableActiveContent", "true"),
    (_SCRIPTING, "BlockUntrustedRefererLinks", "true"),
    ("/org.openoffice.Office.Writer/Content/Update", "Link", "2"),  # never
    (_INTERNET, "ooInetProxyType", "2"),  # given here, whatever the system says
    (_INTERNET, "ooInetNoProxy", ""),
    *(
        setting
        for protocol in ("HTTP", "HTTPS", "FTP")
        for setting in (
            (_INTERNET, f"ooInet{protocol}ProxyName", "127.0.0.1"),
            (_INTERNET, f"ooInet{protocol}ProxyPort", "9"),  # discard: nobody answers
        )
    ),
)


def read_legacy_doc(file: Path) -> Extract:
    """Read a Word file of the time before .docx.

    Raises:
        DocumentError: LibreOffice is not installed, or could not convert the file.
    """
    return _read_converted(file, "Word", ".doc", ".docx", read_docx)


def read_legacy_ppt(file: Path) -> Extract:
    """Read a PowerPoint file of the time before .pptx.

    Raises:
        DocumentError: LibreOffice is not installed, or could not convert the file.
    """
    return _read_converted(file, "PowerPoint", ".ppt", ".pptx", read_pptx)


def find_libreoffice() -> str | None:
    """Return the path of its command, None when it is not installed."""
    for name in ("soffice", "libreoffice"):
        if found := shutil.which(name):
            return found
    return next((place for place in _USUAL_PLACES if Path(place).is_file()), None)


def _read_converted(
    file: Path, program: str, suffix: str, new_suffix: str, read: Reader
) -> Extract:
    office = find_libreoffice()
    if office is None:
        raise DocumentError(
            "unsupported",
            f"This file is in the old {program} format ({suffix}); "
            f"install LibreOffice or save it as {new_suffix}.",
        )
    _refuse_encrypted(file)
    with tempfile.TemporaryDirectory() as folder:
        # A copy under a plain name: LibreOffice writes its lock beside what it opens.
        source = Path(folder, f"document{suffix}")
        shutil.copyfile(file, source)
        converted = source.with_suffix(new_suffix)
        profile = Path(folder, "profile")
        _write_profile(profile)
        command = [office, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
        command += ["--convert-to", new_suffix.removeprefix("."), "--outdir", folder, str(source)]
        _run(command, folder)
        if not converted.is_file():
            raise DocumentError(
                "failed",
                "LibreOffice could not convert this file, which may be damaged; "
                f"open it in its own program and save it as {new_suffix}.",
            )
        extract = read(converted)
        return dataclasses.replace(extract, parts=list(extract.parts))  # while the file is there


def _refuse_encrypted(file: Path) -> None:
    """Look at the flags for it ([MS-DOC] 2.5.2, [MS-PPT] 2.3.2), which need no password."""
    import olefile

    with olefile.OleFileIO(str(file)) as compound:
        word = _head(compound, "WordDocument")
        user = _head(compound, "Current User")
    if (len(word) > 11 and word[11] & 0x01) or user[12:16] == _ENCRYPTED_PRESENTATION:
        raise DocumentError(
            "encrypted",
            "This file is protected with a password; save a copy without the password.",
        )


def _head(compound: Any, stream: str) -> bytes:  # noqa: ANN401 - olefile is untyped
    return bytes(compound.openstream(stream).read(64)) if compound.exists(stream) else b""


def _write_profile(profile: Path) -> None:
    items = "".join(
        f"<item oor:path={quoteattr(path)}><prop oor:name={quoteattr(name)} oor:op='fuse'>"
        f"<value>{value}</value></prop></item>"
        for path, name, value in _SETTINGS
    )
    settings = profile / "user" / "registrymodifications.xcu"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<oor:items xmlns:oor='http://openoffice.org/2001/registry'>{items}</oor:items>",
        encoding="utf-8",
    )


def _run(command: Sequence[str], folder: str) -> None:
    """Run to the end or for `_SECONDS`; temporary files go into ``folder``."""
    import psutil

    request_seconds(_SECONDS + _SPARE_SECONDS)
    if sys.platform != "win32":
        command = ["/bin/sh", "-c", _LIMITED, str(_MEMORY_KB), str(_SECONDS), *command]
    quiet = subprocess.DEVNULL
    environment = {**os.environ, "TMPDIR": folder}
    process = subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment)
    try:
        process.wait(_SECONDS)
    except subprocess.TimeoutExpired as error:
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
        process.kill()
        process.wait()
        raise DocumentError(
            "failed",
            "LibreOffice took too long to convert this file; save it in the new format yourself.",
        ) from error
