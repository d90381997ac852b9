"""`python -m rag user`, and what `doctor` says of access."""

import io
import json
from pathlib import Path

import pytest

from rag import doctor, passwords
from rag.cli import main
from rag.config import Config
from rag.store import Store
from rag.users import UsersFile
from tests.access_state import PASSWORD, add_people


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(passwords, "_N", 2**4)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    """Answer the questions for a password as a person at a terminal does."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    answers = iter(lines)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))


def test_a_person_is_added_listed_and_removed(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(monkeypatch, PASSWORD, PASSWORD)
    assert main(["user", "add", "mika", "--role", "admin"]) == 0
    out, err = capsys.readouterr()
    assert "mika may sign in, as admin." in out
    assert 'auth = "password"' in err  # nobody is asked yet
    assert UsersFile(state).user("mika", PASSWORD) is not None

    assert main(["user", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"users": [{"name": "mika", "role": "admin"}]}
    assert main(["user", "remove", "mika"]) == 0
    assert UsersFile(state).read() == {}
    assert main(["user", "remove", "mika"]) == 1
    log = (state / "audit.jsonl").read_text()
    assert "add-user" in log
    assert "remove-user" in log
    assert PASSWORD not in log


@pytest.mark.parametrize("lines", [("short",), (PASSWORD, PASSWORD + "!")])
def test_a_password_that_will_not_do_changes_nothing(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lines: tuple[str, ...],
) -> None:
    typed(monkeypatch, *lines)
    assert main(["user", "add", "mika"]) == 1
    assert "password" in capsys.readouterr().err
    assert UsersFile(state).read() == {}


def test_a_new_password_keeps_the_role_and_signs_the_person_out(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.session_store import Session

    add_people(state)
    sessions = Store(state).sessions
    token = sessions.begin(Session("password", "id-aki", "aki"))
    other = sessions.begin(Session("password", "id-mika", "mika"))
    typed(monkeypatch, PASSWORD + "!", PASSWORD + "!")
    assert main(["user", "add", "aki"]) == 0

    assert UsersFile(state).read()["aki"].role == "admin"
    assert sessions.find(token) is None
    assert sessions.find(other) is not None


def test_conversations_of_who_is_removed_go_on_request_only(state: Path) -> None:
    add_people(state)
    stores = [Store(state).of(f"id-{name}", name) for name in ("mika", "ren")]
    for store in stores:
        store.create_conversation("leave")

    assert main(["user", "remove", "mika"]) == 0
    assert main(["user", "remove", "ren", "--with-conversations"]) == 0
    assert [len(store.history.conversations(9)) for store in stores] == [1, 0]


def test_a_password_may_come_from_a_pipe(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["user", "add", "mika"]) == 0
    assert UsersFile(state).user("mika", PASSWORD) is not None


def findings(**settings: object) -> list[tuple[str, str, str]]:
    config = Config(state_dir=Path("state"), **settings)  # type: ignore[arg-type]
    return [(f.level, f.subject, f.text) for f in doctor._access(config)]


def test_doctor_tells_who_may_come_in(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings() == [("ok", "access", "this machine alone, without a sign-in")]
    assert ("missing", "users", "0 administrators, 0 readers") in findings(auth="password")
    add_people(state)
    shared = {"auth": "password", "address": "0.0.0.0", "public_url": "http://docs.example.org"}
    found = findings(**shared)
    assert ("ok", "access", "at 0.0.0.0, after a sign-in (password)") in found
    assert ("ok", "users", "1 administrators, 2 readers") in found
    assert [level for level, _, text in found if "not encrypted" in text] == ["unsafe"]
    encrypted = findings(**{**shared, "public_url": "https://docs.example.org"})
    assert not any("not encrypted" in text for _, _, text in encrypted)


def test_doctor_tells_what_a_provider_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    levels = {text: level for level, _, text in findings(auth="oidc", oidc_admins=("a@b.example",))}
    assert levels["Authlib is not installed; nobody can sign in"] == "missing"
    assert levels["no provider is named in .streamlit/secrets.toml"] == "missing"

    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text("[auth]\n")
    secrets.chmod(0o644)
    levels = {text: level for level, _, text in findings(auth="oidc", oidc_admins=("a@b.example",))}
    assert any("other accounts can read it" in t and v == "unsafe" for t, v in levels.items())
