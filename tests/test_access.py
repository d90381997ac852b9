"""Signing in, out and being somebody: sessions, roles, providers."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from rag import passwords
from rag.access import Access, WaitError
from rag.audit import AuditLog
from rag.config import Config, load_config
from rag.errors import AccessError, ConfigError
from rag.session_store import SESSION_SECONDS
from rag.store import Store
from rag.tries import PERSON_AND_ADDRESS
from rag.users import UsersFile

PASSWORD = "four words by chance"
HERE = "10.0.0.1"
CLAIMS = {"iss": "https://id.example.org", "sub": "77", "email": "Mika@Example.org"}


@pytest.fixture(autouse=True)
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UsersFile:
    monkeypatch.setattr(passwords, "_N", 2**4)
    file = UsersFile(tmp_path)
    file.put("mika", "reader", PASSWORD)
    file.put("aki", "admin", PASSWORD)
    return file


def access_of(tmp_path: Path, **settings: Any) -> Access:  # noqa: ANN401 - as `Config` has them
    config = Config(state_dir=tmp_path, **{"auth": "password", **settings})
    return Access(config, Store(tmp_path).sessions, AuditLog(tmp_path))


def signed_in(access: Access, name: str) -> str:
    token = access.sign_in(name, PASSWORD, HERE)
    assert token is not None
    return token


def audited(tmp_path: Path) -> list[tuple[str, str]]:
    text = (tmp_path / "audit.jsonl").read_text()
    return [(line["user"], line["action"]) for line in map(json.loads, text.splitlines())]


def test_a_session_says_who_it_is_also_after_a_restart(tmp_path: Path) -> None:
    token = signed_in(access_of(tmp_path), "aki")

    person = access_of(tmp_path).person(token)
    assert person is not None
    assert (person.name, person.is_admin) == ("aki", True)
    assert access_of(tmp_path).person("") is None
    assert access_of(tmp_path).person(token + "x") is None


def test_a_wrong_password_and_an_unknown_name_are_the_same_answer(tmp_path: Path) -> None:
    access = access_of(tmp_path)

    assert access.sign_in("mika", "wrong", HERE) is None
    assert access.sign_in("nobody", PASSWORD, HERE) is None
    assert audited(tmp_path) == [("mika", "sign-in-failed"), ("", "sign-in-failed")]


def test_who_guesses_waits_even_with_the_right_password(tmp_path: Path) -> None:
    access = access_of(tmp_path)
    for _ in range(PERSON_AND_ADDRESS):
        assert access.sign_in("mika", "wrong", HERE) is None

    with pytest.raises(WaitError, match="15 minutes"):
        access.sign_in("mika", PASSWORD, HERE)
    assert access.sign_in("mika", PASSWORD, "10.0.0.2") is not None


def test_signing_out_ends_the_session_on_the_server(tmp_path: Path) -> None:
    access = access_of(tmp_path)
    first, second = signed_in(access, "mika"), signed_in(access, "mika")
    access.sign_out(first)

    assert access.person(first) is None
    assert access.person(second) is not None
    assert audited(tmp_path)[-1] == ("mika", "sign-out")


def test_a_session_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = access_of(tmp_path)
    token = signed_in(access, "mika")
    later = time.time() + SESSION_SECONDS
    monkeypatch.setattr("rag.session_store.time.time", lambda: later - 60)
    assert access.person(token) is not None
    monkeypatch.setattr("rag.session_store.time.time", lambda: later + 1)
    assert access.person(token) is None


def test_the_database_holds_no_secret_of_a_session(tmp_path: Path) -> None:
    token = signed_in(access_of(tmp_path), "mika")

    assert all(token.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_another_role_holds_at_once_and_who_was_removed_is_out(
    tmp_path: Path, users: UsersFile
) -> None:
    access = access_of(tmp_path)
    token = signed_in(access, "aki")
    users.put("aki", "reader", PASSWORD)
    person = access.person(token)
    assert person is not None
    assert not person.is_admin

    users.remove("aki")
    assert access.person(token) is None
    users.put("aki", "admin", PASSWORD)  # the same name, somebody else
    assert access.person(token) is None


def test_a_session_of_another_kind_of_sign_in_is_none(tmp_path: Path) -> None:
    token = signed_in(access_of(tmp_path), "mika")
    oidc = access_of(tmp_path, auth="oidc", oidc_admins=("@example.org",))

    assert oidc.person(token) is None
    with pytest.raises(AccessError):
        oidc.sign_in("mika", PASSWORD, HERE)
    with pytest.raises(AccessError):
        access_of(tmp_path).sign_in_with_claims(CLAIMS, HERE)


@pytest.mark.parametrize(
    ("settings", "role"),
    [
        ({"oidc_admins": ("mika@example.org",)}, "admin"),
        ({"oidc_admins": ("aki@example.org",), "oidc_readers": ("@example.org",)}, "reader"),
        ({"oidc_admins": ("aki@example.org",)}, None),
        ({"oidc_admins": ("@example.com",), "oidc_readers": ("@ample.org",)}, None),
    ],
)
def test_the_settings_say_who_of_a_provider_may_come_in(
    tmp_path: Path, settings: dict[str, tuple[str, ...]], role: str | None
) -> None:
    access = access_of(tmp_path, auth="oidc", **settings)
    token = access.sign_in_with_claims(CLAIMS, HERE)

    person = access.person(token or "")
    assert (person.role if person else None) == role
    if person:
        assert (person.id, person.name) == ("https://id.example.org|77", "mika@example.org")


@pytest.mark.parametrize(
    "changed",
    [{"email_verified": False}, {"email_verified": "false"}, {"sub": ""}, {"email": ""}],
)
def test_claims_that_vouch_for_nobody_let_nobody_in(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    access = access_of(tmp_path, auth="oidc", oidc_admins=("@example.org",))

    assert access.sign_in_with_claims({**CLAIMS, **changed}, HERE) is None
    assert access.sign_in_with_claims({**CLAIMS, "email_verified": True}, HERE) is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"RAG_ADDRESS": "0.0.0.0"}, "user add"),
        ({"RAG_ADDRESS": "192.168.1.5"}, "other machines"),
        ({"RAG_ADDRESS": "0.0.0.0", "RAG_AUTH": "password"}, "public_url"),
        ({"RAG_ADDRESS": "everywhere"}, "IP address"),
        ({"RAG_AUTH": "password", "RAG_API": "on"}, "api_key_file"),
        ({"RAG_AUTH": "oidc"}, "oidc_admins"),
        ({"RAG_AUTH": "yes"}, "password"),
        ({"RAG_AUTH": "oidc", "RAG_OIDC_ADMINS": "mika"}, "mika@example.org"),
        ({"RAG_PUBLIC_URL": "docs.example.org"}, "https://docs.example.org"),
        ({"RAG_PUBLIC_URL": "https://docs.example.org/fumikura"}, "without a path"),
    ],
)
def test_settings_that_would_let_strangers_in_are_refused(
    settings: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_config(None, {}, settings)


def test_settings_of_a_shared_host_are_taken() -> None:
    config = load_config(
        None,
        {},
        {
            "RAG_AUTH": "oidc",
            "RAG_ADDRESS": "0.0.0.0",
            "RAG_PUBLIC_URL": "https://docs.example.org",
            "RAG_OIDC_ADMINS": "Mika@example.org, aki@example.org",
            "RAG_OIDC_READERS": "@example.org",
        },
    )

    assert config.oidc_admins == ("mika@example.org", "aki@example.org")
    assert Config().auth == "off"
    assert Config().address == "127.0.0.1"
