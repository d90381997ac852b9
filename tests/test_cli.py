"""The command line's contract: pure JSON on stdout, one line for every error, honest exit codes."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import doctor
from rag.cli import main
from rag.config import Config
from rag.errors import ModelError
from rag.generations import open_current
from tests.fakes import HashingEmbedder, use_embedder

HIT_KEYS = {
    "rank", "score", "path", "page", "start", "end", "text", "lexical_score", "vector_score",
    "rerank_score",
}  # fmt: skip
FILE_KEYS = {"path", "status", "reason", "chunks", "pages", "size_bytes"}
QUESTION = "How many days of paid leave does an employee have?"


@pytest.fixture(autouse=True)
def _restore_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what ``main`` sets for its whole process."""
    environ, disabled = dict(os.environ), logging.root.manager.disable
    yield
    logging.disable(disabled)
    os.environ.clear()
    os.environ.update(environ)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with documents; the embedder is a hashing one, answers are quotes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_EMBED_MODEL", "hashing")
    monkeypatch.setenv("RAG_ANSWER_MODEL", "extractive")
    use_embedder(monkeypatch, lambda config: HashingEmbedder(name=config.embed_model))
    folder = tmp_path / "my documents 文書"
    folder.mkdir()
    (folder / "handbook.md").write_text(
        "# Staff handbook\n\nEvery employee has 20 days of paid leave a year.\n\n"
        "Hotel costs are refunded up to 120 EUR a night.\n"
    )
    (folder / "就業規則.txt").write_text("第12条 年次有給休暇は、入社から6か月後に10日与える。\n")
    (folder / "film.mp4").write_bytes(b"\0")
    return folder


@pytest.fixture
def indexed(place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["build", str(place)]) == 0
    capsys.readouterr()
    return place


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run a command that must succeed, and parse the whole of its standard output."""
    assert main([*arguments, "--json"]) == 0
    table = json.loads(capsys.readouterr().out)
    assert isinstance(table, dict)
    return table


def error_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail with one line on stderr; return that line."""
    try:
        code = main(list(arguments))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line not in ("scan ...", "load ...", "read ...")]
    assert code != 0
    assert out == ""
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    return lines[0]


def test_build_reports_every_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run_json(capsys, "build", str(place))

    assert set(report) >= {"index_id", "documents", "chunks", "files", "seconds", "plan"}
    assert report["documents"] == 2
    assert report["chunks"] == sum(file["chunks"] for file in report["files"])
    assert all(set(file) >= FILE_KEYS for file in report["files"])
    assert [(file["path"], file["status"]) for file in report["files"]] == [
        ("film.mp4", "unsupported"),
        ("handbook.md", "indexed"),
        ("就業規則.txt", "indexed"),
    ]
    assert [bool(file["reason"]) for file in report["files"]] == [True, False, False]
    assert report["index_id"] == open_current(Path("index")).manifest.build_id


def test_search_lists_hits_best_first(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run_json(capsys, "search", "年次有給休暇", "-k", "1")

    assert set(result) == {"query", "language", "hits", "timings"}
    assert (result["query"], result["language"]) == ("年次有給休暇", "ja")
    (hit,) = result["hits"]
    assert set(hit) == HIT_KEYS
    assert (hit["rank"], hit["path"], hit["page"]) == (1, "就業規則.txt", None)
    text = (indexed / "就業規則.txt").read_text()
    assert text[hit["start"] : hit["end"]] == hit["text"]
    assert set(result["timings"]) == {"retrieve_ms"}


def test_ask_answers_with_citations_that_resolve(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_json(capsys, "ask", QUESTION)

    assert set(answer) >= {
        "question", "language", "status", "answer", "citations", "hits", "tokens", "timings",
        "model_id", "index_id",
    }  # fmt: skip
    assert (answer["question"], answer["language"]) == (QUESTION, "en")
    assert (answer["status"], answer["model_id"]) == ("answered", "extractive")
    assert answer["answer"] == "Every employee has 20 days of paid leave a year. [1]"
    (citation,) = answer["citations"]
    assert set(citation) == {"n", "path", "page", "start", "end", "quote"}
    text = (indexed / citation["path"]).read_text()
    assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert all(set(hit) == HIT_KEYS for hit in answer["hits"])
    assert set(answer["tokens"]) == {"prompt", "completion"}
    assert set(answer["timings"]) == {"retrieve_ms", "first_token_ms", "total_ms"}
    assert answer["index_id"] == open_current(Path("index")).manifest.build_id


def test_no_evidence_is_a_success_that_says_so(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = run_json(capsys, "ask", "Which volcano erupted on Jupiter?")

    assert (answer["status"], answer["citations"]) == ("no_evidence", [])
    assert answer["timings"]["first_token_ms"] is None


def test_status_describes_the_index_or_says_that_there_is_none(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = run_json(capsys, "status")
    assert set(status) >= {"index", "answer_model"}
    assert (status["index"]["documents"], status["answer_model"]) == (2, "extractive")
    assert status["index"]["folder"] == str(indexed)
    assert all(set(file) >= FILE_KEYS for file in status["index"]["files"])

    assert run_json(capsys, "status", "--index", "elsewhere")["index"] is None


def test_doctor_fails_exactly_while_something_is_missing(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAG_EMBED_MODEL")
    code = main(["doctor", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]

    assert all(set(f) == {"level", "subject", "text", "remedy"} for f in findings)
    assert all(bool(f["remedy"]) == (f["level"] != "ok") for f in findings)
    missing = {finding["subject"] for finding in findings if finding["level"] == "missing"}
    assert "index" not in missing
    assert code == bool(missing)

    assert main(["doctor", "--json", "--index", "elsewhere"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert "index" in {f["subject"] for f in findings if f["level"] == "missing"}


@pytest.mark.parametrize(
    ("told", "level", "words"),
    [
        ('{"seconds": 1.94, "peak_mb": 1527.4, "kernel": "K"}', "ok", "1.9 s, with 1,527 MB"),
        ('{"seconds": 12.0, "peak_mb": 9.0, "kernel": "K"}', "slow", "after 12.0 s"),
        ('{"error": "No embedder."}', "missing", "No embedder."),
        ("", "missing", "could not be started"),
    ],
)
def test_doctor_tells_what_getting_ready_took(
    indexed: Path, monkeypatch: pytest.MonkeyPatch, told: str, level: str, words: str
) -> None:
    class Child:
        stdout = told

    monkeypatch.setattr(subprocess, "run", lambda *_, **__: Child())
    finding = next(doctor._start(Config(index_dir=indexed.parent / "index")))

    assert (finding.level, finding.subject) == (level, "start")
    assert words in finding.text


def test_a_start_that_fails_tells_why(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del indexed  # its index is of another embedder, which the child does not know
    child = subprocess.run(
        [sys.executable, "-m", "rag.trial_start"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert child.returncode == 1
    assert json.loads(child.stdout)["error"]


def test_every_command_also_prints_for_people(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(indexed)]) == 0
    assert "2 documents, " in capsys.readouterr().out
    assert main(["search", "年次有給休暇"]) == 0
    assert "  1 就業規則.txt  " in capsys.readouterr().out
    assert main(["ask", QUESTION]) == 0
    assert capsys.readouterr().out == (
        "Every employee has 20 days of paid leave a year. [1]\n"
        "  [1] handbook.md: Every employee has 20 days of paid leave a year.\n"
    )
    assert main(["ask", "Which volcano erupted on Jupiter?"]) == 0
    assert capsys.readouterr().out.startswith("Not found in your documents.\n")
    assert main(["status"]) == 0
    assert "film.mp4" in capsys.readouterr().out


def test_progress_lines_are_json_on_stderr(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(place), "--progress", "--json"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out)["documents"] == 2
    steps = [json.loads(line) for line in err.splitlines()]
    assert {step["stage"] for step in steps} == {"scan", "load", "read", "embed", "index"}
    assert all(set(step) == {"stage", "done", "total", "item"} for step in steps)


def test_a_folder_that_cannot_be_built_is_one_line(
    indexed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()

    assert "does not exist" in error_line(capsys, "build", str(tmp_path / "missing"))
    assert "is a file" in error_line(capsys, "build", str(indexed / "handbook.md"))
    assert "holds no files" in error_line(capsys, "build", str(tmp_path / "empty"))


def test_over_half_lost_is_one_line_naming_the_flag_that_allows_it(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(4):
        (indexed / f"{n}.txt").write_text(f"Text {n}.")
    assert main(["build", str(indexed)]) == 0
    for n in range(4):
        (indexed / f"{n}.txt").unlink()
    capsys.readouterr()

    assert "--allow-shrink" in error_line(capsys, "build", str(indexed))
    assert run_json(capsys, "build", str(indexed), "--allow-shrink")["documents"] == 2


def test_sync_tells_its_plan_before_it_acts_and_nothing_when_nothing_changed(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (indexed / "new.txt").write_text("The canteen closes at three.")
    assert main(["sync", "--dry-run"]) == 0
    assert capsys.readouterr().out == "1 new, 0 changed, 0 removed, 2 unchanged\n"
    assert run_json(capsys, "sync", "--dry-run")["plan"]["new"] == ["new.txt"]

    assert main(["sync", str(indexed)]) == 0
    assert capsys.readouterr().out.startswith("1 new, 0 changed, 0 removed, 2 unchanged\n")
    report = run_json(capsys, "sync")
    assert (report["is_new"], report["embedded"]) == (False, 0)
    assert report["plan"]["unchanged"] == 3

    (indexed / "new.txt").rename(indexed / "newer.txt")
    assert main(["sync"]) == 0
    assert "0 new, 0 changed, 1 renamed, 0 removed, 2 unchanged" in capsys.readouterr().out


def test_settings_without_their_folder_are_one_line(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--collection", "--include", "--exclude"):
        assert "Name the folder too" in error_line(capsys, "sync", option, "x")
    assert "is no folder of this index" in error_line(capsys, "sync", "--drop", "elsewhere")


def test_watching_syncs_after_a_change_and_ends_with_ctrl_c(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter(range(100))

    def look(seconds: float) -> None:
        number = next(looks)
        if number == 3:
            (indexed / "new.txt").write_text("The canteen closes at three.")
        if number == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr("rag.cli.index_commands.time.sleep", look)

    assert main(["sync", "--watch"]) == 0

    out, err = capsys.readouterr()
    counts = [line[:11] for line in out.splitlines() if " passages in " in line]
    assert counts == ["2 documents", "3 documents"]
    assert err.splitlines()[-1] == "Stopped watching."


def test_bad_settings_are_one_line_naming_the_setting(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("broken.toml").write_text("top_k = = 3")
    Path("binary.toml").write_bytes(b"\xff\xfe\x00")
    Path("unknown.toml").write_text("top_kk = 3")

    assert "broken.toml" in error_line(capsys, "status", "--config", "broken.toml")
    assert "binary.toml" in error_line(capsys, "status", "--config", "binary.toml")
    assert "top_kk" in error_line(capsys, "status", "--config", "unknown.toml")
    assert "missing.toml" in error_line(capsys, "status", "--config", "missing.toml")
    monkeypatch.setenv("RAG_TOP_K", "many")
    assert "RAG_TOP_K" in error_line(capsys, "status")


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("question", ["", "  ", "\x00\x01", "\udcff", "x" * 100_000])
def test_a_question_of_no_use_is_one_line(
    indexed: Path, capsys: pytest.CaptureFixture[str], command: str, question: str
) -> None:
    line = error_line(capsys, command, question)

    assert "Type what you want" in line or "Shorten it" in line
    assert len(line) < 300


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("question", ["\udcff leave", "leave \ud83c", "🎻 leave", "leave\x00days"])
def test_an_odd_question_still_prints_json(
    indexed: Path, capsys: pytest.CaptureFixture[str], command: str, question: str
) -> None:
    result = run_json(capsys, command, question)

    assert result["language"] == "en"
    assert result["hits"][0]["path"] == "handbook.md"


@pytest.mark.parametrize("question", ["-9 days of leave?", "-leave", "--leave", "-"])
def test_a_question_may_begin_with_a_dash_after_two_dashes(
    indexed: Path, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    assert main(["search", "--json", "--", question]) == 0
    assert json.loads(capsys.readouterr().out)["query"] == question


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "leave", "-k", "0"],
        ["search", "leave", "-k", "1001"],
        ["search", "leave", "-k", "-1"],
        ["search", "leave", "-k", "many"],
        ["search", "-leave"],
        ["search"],
        ["search", "two", "questions"],
        ["serve", "--port", "http"],
        ["frobnicate"],
        [],
    ],
)
def test_a_wrong_command_line_is_one_line(
    indexed: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    error_line(capsys, *arguments)


def test_without_an_index_a_question_names_the_command_that_builds_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("ask", "search"):
        assert "`python -m rag build FOLDER`" in error_line(capsys, command, "leave")


def test_a_damaged_index_is_one_line_with_the_command_that_mends_it(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = open_current(Path("index")).path / "corpus.sqlite"
    file.write_bytes(file.read_bytes()[:-1])

    for arguments in (["ask", "leave"], ["search", "leave"], ["status"]):
        assert f"`python -m rag build {indexed}`" in error_line(capsys, *arguments)
    run_json(capsys, "build", str(indexed))
    assert run_json(capsys, "ask", QUESTION)["status"] == "answered"


def test_a_garbage_pointer_is_told_and_a_build_mends_it(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("index/CURRENT").write_bytes(b"\xff\xfe")

    assert main(["status"]) == 0
    assert "An older index serves." in capsys.readouterr().out
    assert main(["build", str(indexed)]) == 0
    assert main(["status"]) == 0
    assert "An older index" not in capsys.readouterr().out


def test_another_embedder_is_one_line_with_both_remedies(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HashingEmbedder(fingerprint="another", name="another")
    use_embedder(monkeypatch, lambda config: other)

    line = error_line(capsys, "ask", "leave")

    assert "python -m rag build" in line
    assert "RAG_EMBED_MODEL=hashing" in line


def test_a_model_folder_with_pickled_weights_is_one_line(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("models/strange").mkdir(parents=True)
    Path("models/strange/pytorch_model.bin").write_bytes(b"\x80\x04.")
    monkeypatch.setenv("RAG_ANSWER_MODEL", "strange")

    assert "pytorch_model.bin" in error_line(capsys, "ask", QUESTION)


def test_an_index_folder_that_is_a_file_is_one_line_naming_it(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("a file")

    for arguments in (["build", str(indexed)], ["ask", "leave"], ["status"]):
        assert "taken" in error_line(capsys, *arguments, "--index", "taken")


def test_a_model_that_cannot_be_loaded_is_one_line_even_if_its_error_has_many(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: Config) -> HashingEmbedder:
        raise ModelError("The embedder could not be loaded:\nline two\nline three. Choose another.")

    use_embedder(monkeypatch, fail)

    assert error_line(capsys, "build", str(place)).endswith("Choose another.")


def test_ctrl_c_is_one_line_and_code_130(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(config: Config) -> HashingEmbedder:
        raise KeyboardInterrupt

    index_id = open_current(Path("index")).manifest.build_id
    use_embedder(monkeypatch, interrupt)

    assert main(["build", str(indexed)]) == 130
    assert capsys.readouterr().err == "error: Interrupted; nothing was changed.\n"
    assert open_current(Path("index")).manifest.build_id == index_id


def test_the_index_folder_may_have_a_japanese_name_with_spaces(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = "索引 フォルダ/深い 場所"

    run_json(capsys, "build", str(place), "--index", index)

    assert run_json(capsys, "ask", QUESTION, "--index", index)["status"] == "answered"
    shutil.move("索引 フォルダ", "moved")  # an index may be moved as a whole
    assert run_json(capsys, "ask", QUESTION, "--index", "moved/深い 場所")["status"] == "answered"


def test_even_a_bug_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(config: Config) -> HashingEmbedder:
        raise ZeroDivisionError("ten\nlines")

    use_embedder(monkeypatch, broken)

    assert main(["build", "."]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: A bug stopped this command: ZeroDivisionError in test_cli.py")
    assert "Traceback" not in line
