"""The audit log: who did what, for its owner alone, and never a text."""

import json
import logging
import stat
from pathlib import Path

import pytest

from rag.audit import KEPT, AuditLog


def lines(log: AuditLog) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.path.read_text().splitlines()]


def test_lines_are_appended_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    AuditLog(tmp_path / "state").note("mika", "sign-in", address="10.0.0.1")
    log = AuditLog(tmp_path / "state")
    log.note("mika", "sync", "12")

    first, second = lines(log)
    assert (first["user"], first["action"], first["address"]) == ("mika", "sign-in", "10.0.0.1")
    assert (second["action"], second["object"]) == ("sync", "12")
    assert second["time"].endswith("+00:00")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_what_somebody_typed_cannot_forge_a_line_or_fill_the_disk(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.note('x"}\n{"user": "admin", "action": "sign-in"}' + "長" * 10_000, "sign-in-failed")

    assert len(lines(log)) == 1
    assert log.path.stat().st_size < 3000


def test_a_full_file_is_set_aside_and_the_oldest_one_goes(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, max_bytes=200)
    for number in range(40):
        log.note("mika", "ask", str(number))

    assert lines(log)[-1]["object"] == "39"
    files = sorted(file.name for file in tmp_path.iterdir())
    assert len(files) == KEPT + 1
    assert all(file.stat().st_size <= 200 for file in tmp_path.iterdir())


def test_a_log_that_cannot_be_written_is_told_and_stops_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = AuditLog(tmp_path)
    log.path.mkdir()  # in the place of the file
    with caplog.at_level(logging.ERROR):
        log.note("mika", "sync")

    assert log.problem
    assert "cannot be written" in caplog.text
    log.path.rmdir()
    log.note("mika", "sync")
    assert log.problem == ""
