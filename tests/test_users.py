"""Passwords, the file of users, and how often a sign-in may fail."""

import os
import stat
import time
from pathlib import Path

import pytest

from rag import passwords
from rag.errors import AccessError
from rag.passwords import hash_password, is_password
from rag.tries import ADDRESS, PERSON_AND_ADDRESS, WINDOW_SECONDS, Tries
from rag.users import UsersFile

PASSWORD = "four words by chance"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_N", 2**4)


def test_a_hash_says_how_it_was_made_and_knows_its_password_alone() -> None:
    stored = hash_password(PASSWORD)

    assert stored.startswith("scrypt$16$8$3$")
    assert PASSWORD not in stored
    assert is_password(PASSWORD, stored)
    assert not is_password(PASSWORD + " ", stored)


def test_the_same_password_never_has_the_same_hash() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        PASSWORD,
        "scrypt$16$8$3$AAAA$AAAA",
        f"scrypt${2**30}$8$1$AAAA${'A' * 43}=",  # would take all memory
        f"scrypt$15$8$1$AAAA${'A' * 43}=",
        f"md5$16$8$1$AAAA${'A' * 43}=",
    ],
)
def test_what_is_no_hash_is_refused_and_matches_nothing(stored: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part is wrong
        is_password(PASSWORD, stored)


def test_an_unknown_name_costs_as_much_time_as_a_wrong_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_N", 2**14)  # long beside the file and the noise
    users = UsersFile(tmp_path)
    users.put("mika", "reader", PASSWORD)

    def seconds(name: str) -> float:
        started = time.process_time()
        assert users.user(name, "something else") is None
        return time.process_time() - started

    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("mika", "nobody"))
    assert 0.5 < unknown / known < 2
    monkeypatch.setattr("rag.users.waste_time", lambda password: None)
    assert seconds("nobody") < known / 4  # the measurement would see it


def test_a_user_is_found_by_name_and_password_after_a_restart(tmp_path: Path) -> None:
    added = UsersFile(tmp_path).put("Mika", "admin", PASSWORD)

    found = UsersFile(tmp_path).user("ＭＩＫＡ", PASSWORD)  # full-width, as an IME writes it
    assert found == added
    assert found is not None
    assert found.role == "admin"
    assert UsersFile(tmp_path).user("mika", "another password") is None


def test_the_file_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    users = UsersFile(tmp_path / "state")
    users.put("mika", "reader", PASSWORD)

    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert PASSWORD not in users.path.read_text()
    assert os.listdir(tmp_path / "state") == ["users"]  # noqa: PTH208 - names, also of leftovers


def test_a_file_that_others_can_read_lets_nobody_in(tmp_path: Path) -> None:
    users = UsersFile(tmp_path)
    users.put("mika", "reader", PASSWORD)
    users.path.chmod(0o640)

    with pytest.raises(AccessError, match="chmod 600"):
        users.user("mika", PASSWORD)
    users.path.chmod(0o600)
    assert users.user("mika", PASSWORD) is not None


@pytest.mark.parametrize("line", ["mika:reader", "mika:boss:1:{hash}", "mika:admin::{hash}", "?"])
def test_a_malformed_line_is_named_and_lets_nobody_in(tmp_path: Path, line: str) -> None:
    users = UsersFile(tmp_path)
    users.put("aki", "admin", PASSWORD)
    with users.path.open("a") as file:
        file.write(line.format(hash=hash_password(PASSWORD)) + "\n")

    with pytest.raises(AccessError, match="Line 2 "):
        users.user("aki", PASSWORD)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 201, "mika.tanaka.1"])
def test_a_password_that_is_easy_to_guess_is_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(AccessError, match="password"):
        UsersFile(tmp_path).put("mika.tanaka.1", "reader", password)
    assert UsersFile(tmp_path).read() == {}


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a\nb", "x" * 65])
def test_a_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessError, match="no name"):
        UsersFile(tmp_path).put(name, "admin", PASSWORD)


def test_who_gets_a_name_anew_is_somebody_else(tmp_path: Path) -> None:
    users = UsersFile(tmp_path)
    first = users.put("mika", "reader", PASSWORD)
    assert users.put("mika", "admin", PASSWORD + "!").id == first.id  # a new password is not
    users.remove("mika")
    assert users.put("mika", "reader", PASSWORD).id != first.id


def test_removing_nobody_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="user list"):
        UsersFile(tmp_path).remove("mika")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_five_failures_a_person_waits_at_this_address_only() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(PERSON_AND_ADDRESS):
        assert tries.begin("mika", "10.0.0.1") == 0

    assert tries.begin("mika", "10.0.0.1") == WINDOW_SECONDS
    assert tries.begin("mika", "10.0.0.2") == 0
    assert tries.begin("aki", "10.0.0.1") == 0
    clock.now += WINDOW_SECONDS
    assert tries.begin("mika", "10.0.0.1") == 0


def test_an_address_that_tries_many_names_waits() -> None:
    tries = Tries(Clock())
    for number in range(ADDRESS):
        assert tries.begin(f"name-{number}", "10.0.0.1") == 0

    assert tries.begin("another", "10.0.0.1") > 0


def test_a_success_forgets_the_failures_of_that_person() -> None:
    tries = Tries(Clock())
    for _ in range(3 * PERSON_AND_ADDRESS):
        assert tries.begin("mika", "10.0.0.1") == 0
        tries.succeed("mika", "10.0.0.1")
