"""The Health page: what the doctor finds, in a process of its own, with how to mend it."""

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag import doctor
from rag.config import Config
from rag.doctor import Finding, examine
from rag.job_store import Job
from rag.jobs import Jobs
from rag.ui import services
from rag.ui.english import EN
from rag.ui.findings_ja import FINDINGS, REMEDIES
from rag.ui.japanese import JA
from rag.ui.reasons import SENTENCES, finding_words
from rag.ui.strings import Words
from tests.fakes import EchoEngine, wait_until
from tests.message_collector import _skeleton
from tests.test_reasons import skeleton
from tests.ui_harness import fake_engine, open_app, open_page, press, shown

FOUND = [
    Finding("ok", "Python", "3.11.7"),
    Finding("missing", "torch", "not installed; needed for models", "make setup"),
    Finding("slow", "memory", "1.5 GB free", "close other programs before asking"),
    Finding("optional", "LibreOffice", "not installed; old .doc and .ppt files are not read",
            "install LibreOffice"),
]  # fmt: skip
# Ends with 1, as `python -m rag doctor` does while something is missing.
DOCTOR = f"print({json.dumps({'findings': [asdict(one) for one in FOUND]})!r}); raise SystemExit(1)"
SLOW = "import time; time.sleep(60)"
BAD = "import sys; print('error: The folder is empty.', file=sys.stderr); sys.exit(1)"


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    fake = fake_engine(tmp_path, monkeypatch)
    use_program(monkeypatch, DOCTOR)
    monkeypatch.setenv("RAG_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("RAG_ANSWER_MODEL", "extractive")
    yield fake
    for job in services.load_services().store.jobs.live():
        services.load_services().jobs.cancel(job.id)
    services.load_services.clear()


def use_program(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(services, "Jobs", partial(Jobs, program=(sys.executable, "-c", script)))


def looked(locale: str = "en-US") -> AppTest:
    """Open the page, which begins to look by itself, and wait until it has."""
    open_page("health", locale)
    wait_until(lambda: not services.load_services().store.jobs.live(), seconds=15)
    return open_page("health", locale)


def last_look() -> Job:
    job = services.load_services().store.jobs.latest("doctor")
    assert job is not None
    return job


def titles(app: AppTest) -> list[str]:
    return [str(page["page_name"]) for page in app._registered_pages.values()]


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_the_page_looks_by_itself_and_says_how_to_mend(locale: str, words: dict[str, str]) -> None:
    app = looked(locale)
    page = shown(app)
    assert [code.value for code in app.code] == ["make setup"]
    assert words["level_missing"] in page
    assert words["level_optional"] in page
    assert words["health_problems"].format(count=1) in [item.value for item in app.subheader]
    assert Words("ja" if words is JA else "en")("subject_memory") in page
    if words is JA:
        assert "インストールされていません（用途：モデル）" in page
        assert "LibreOfficeをインストールしてください" in page
        assert "not installed" not in page


def test_the_sidebar_counts_what_is_to_be_mended_before_and_after_a_look() -> None:
    absent = 1  # the span reader
    assert EN["page_health_count"].format(count=absent) in titles(open_app())
    assert EN["page_health_count"].format(count=absent + 1) in titles(looked())


def test_a_start_is_tried_only_on_demand() -> None:
    app = looked()
    assert "--no-start" in last_look().arguments
    press(app, EN["health_start"])
    assert "--no-start" not in last_look().arguments
    wait_until(lambda: not last_look().is_live, seconds=15)
    before = last_look().id
    press(open_page("health"), EN["health_look"])
    assert last_look().id > before


def test_the_page_is_there_while_the_doctor_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_program(monkeypatch, SLOW)
    page = open_page("health")
    assert EN["health_looking"] in shown(page.run())
    assert page.button("health-look").disabled


def test_a_look_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    use_program(monkeypatch, BAD)
    page = shown(looked())
    assert EN["health_failed"] in page
    assert "The folder is empty." in page


def test_a_look_without_a_start_takes_no_child_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a start was tried")

    monkeypatch.setattr("rag.doctor._start", refuse)
    config = Config(index_dir=tmp_path / "index", models_dir=tmp_path / "models")
    assert examine(config, tries_start=False)
    with pytest.raises((AssertionError, TypeError)):
        examine(config)


def test_all_that_the_doctor_says_has_japanese_words() -> None:
    tree = ast.parse(Path(doctor.__file__).read_text(encoding="utf-8"))
    known = {skeleton(one) for one in (*FINDINGS, *REMEDIES, *SENTENCES)}
    said = _said(tree)
    assert len(said) > 20
    filled = {
        "not installed; needed for {}": "not installed; needed for models",
        "installed; {} are read": "installed; scanned pages and images are read",
        "not installed; {} are not read": "not installed; scanned pages and images are not read",
        "an older one serves. {}": "an older one serves.",
        "http:// is not encrypted: others on the way can read questions, passages{}": (
            "http:// is not encrypted: others on the way can read questions, passages"
        ),
    }
    worded = {text for text in said if not text.startswith(("chmod ", "pip "))}  # not commands
    assert {filled.get(text, text) for text in worded} - known == set()


def test_a_purpose_of_every_package_has_japanese_words() -> None:
    for purpose in doctor._PACKAGES.values():
        text = f"not installed; needed for {purpose}"
        assert finding_words(Words("ja"), text) != text
        assert finding_words(Words("en"), text) == text


def _said(tree: ast.AST) -> set[str]:
    """Return the texts that findings are made of: literals of `Finding`, and of ``text``."""
    values = [
        argument
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding"
        for argument in node.args[2:]
    ]
    values += [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("text", "remedy")
    ]
    values += [part for value in values if isinstance(value, ast.IfExp)
               for part in (value.body, value.orelse)]  # fmt: skip
    texts = {text for value in values if (text := _skeleton(value))}
    return {text for text in texts if " " in text and not text.startswith(("python ", "make "))}
