"""What people who sign in see on the pages, and what the pages refuse them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.access import Access
from rag.store import Store
from rag.ui import frame, services
from rag.ui.access_english import ACCESS_EN
from rag.ui.access_japanese import ACCESS_JA
from rag.users import UsersFile
from tests.access_state import PASSWORD, add_people
from tests.fakes import EchoEngine, wait_until
from tests.ui_harness import APP, ask, fake_engine, open_app, open_page, press, shown

QUESTION = "How many days of leave?"
ADMIN_PAGES = {"documents", "teach", "training", "models"}


class Browser:
    """The cookie of one browser. AppTest knows no cookies, so that the frame is told of it."""

    def __init__(self) -> None:
        self.token = ""

    def sign_in(self, name: str) -> None:
        token = access().sign_in(name, PASSWORD, "10.0.0.1")
        assert token is not None
        self.token = token


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    fake = fake_engine(tmp_path, monkeypatch)
    monkeypatch.setenv("RAG_AUTH", "password")
    add_people(tmp_path / "state")
    yield fake
    services.load_services.clear()


@pytest.fixture
def browser(engine: EchoEngine, monkeypatch: pytest.MonkeyPatch) -> Browser:
    one = Browser()
    monkeypatch.setattr(frame, "tab_token", lambda: one.token)
    return one


def access() -> Access:
    found = services.load_services().access
    assert found is not None
    return found


def store() -> Store:
    return services.load_services().store


def pages(app: AppTest) -> set[str]:
    return {page["url_pathname"] for page in app._registered_pages.values()}


def asked(app: AppTest) -> AppTest:
    app = ask(app, QUESTION)
    wait_until(lambda: "20 days" in shown(app.run()), 10)
    return app


def opened_at(conversation: str) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=10)
    app.query_params["c"] = conversation
    app.context = {"locale": "en-US"}
    return app.run()


def test_a_reader_has_the_ask_page_alone_and_an_administrator_all(browser: Browser) -> None:
    browser.sign_in("mika")
    app = open_app()
    assert ADMIN_PAGES & pages(app) == set()
    assert "Signed in as mika" in shown(app)

    browser.sign_in("aki")
    app = open_app()
    assert pages(app) >= ADMIN_PAGES
    assert "Signed in as aki, administrator" in shown(app)


@pytest.mark.parametrize("address", sorted(ADMIN_PAGES))
def test_an_administrator_can_open_every_page(browser: Browser, address: str) -> None:
    browser.sign_in("aki")
    shown(open_page(address))


def test_nobody_is_drawn_nothing_but_a_word(browser: Browser) -> None:
    for token in ("", "made-up"):
        browser.token = token
        app = open_app()
        assert ACCESS_EN["signed_out"] in shown(app)
        assert list(app.chat_input) == []
        assert list(app.button) == []
        assert app.sidebar.children == {}


def test_a_question_is_answered_and_kept_for_who_asked(browser: Browser) -> None:
    browser.sign_in("mika")
    app = asked(open_app())
    conversation = "".join(app.query_params["c"])
    assert "20 days" in shown(opened_at(conversation))

    for other in ("ren", "aki"):
        browser.sign_in(other)
        app = opened_at(conversation)
        assert "20 days" not in shown(app)
        assert QUESTION not in shown(app)
        assert [b for b in app.button if (b.key or "").startswith("conversation-")] == []
    assert store().history.conversations(9) == []  # nor does the person at the machine


def test_signing_out_ends_the_page_and_the_session(browser: Browser) -> None:
    browser.sign_in("mika")
    app = asked(open_app())
    app = press(app, ACCESS_EN["sign_out"])

    assert ACCESS_EN["signed_out"] in shown(app)
    assert "20 days" not in shown(app)
    assert access().person(browser.token) is None
    assert ACCESS_EN["signed_out"] in shown(open_app())


def test_a_click_on_a_page_that_outlived_its_session_does_nothing(browser: Browser) -> None:
    browser.sign_in("mika")
    app = open_app()
    access().sign_out(browser.token)
    app = ask(app, QUESTION)

    assert ACCESS_EN["signed_out"] in shown(app)
    assert store().of("id-mika", "mika").history.conversations(9) == []


def test_a_button_of_administrators_is_refused_to_who_is_none_any_more(
    browser: Browser, engine: EchoEngine, tmp_path: Path
) -> None:
    browser.sign_in("aki")
    app = open_page("documents")
    UsersFile(tmp_path / "state").put("aki", "reader", PASSWORD)
    app.toggle[0].set_value(True).run()

    assert store().setting("auto_sync") == ""
    assert "refused" in (tmp_path / "state" / "audit.jsonl").read_text()


def test_the_same_button_works_for_an_administrator(browser: Browser, tmp_path: Path) -> None:
    browser.sign_in("aki")
    open_page("documents").toggle[0].set_value(True).run()

    assert store().setting("auto_sync") == "on"
    assert "switch-auto-sync" in (tmp_path / "state" / "audit.jsonl").read_text()


def test_a_reader_without_documents_is_told_who_adds_them(
    browser: Browser, engine: EchoEngine
) -> None:
    engine.has_index = False
    browser.sign_in("mika")
    assert ACCESS_EN["empty_reader"] in shown(open_app())
    assert ACCESS_JA["empty_reader"] in shown(open_app("ja-JP"))


def test_feedback_says_who_reads_it_and_stands_under_the_name(browser: Browser) -> None:
    browser.sign_in("mika")
    app = asked(open_app())
    app.feedback[0].set_value(0).run()
    assert ACCESS_EN["feedback_is_read"] in shown(app)

    given = store().feedback.inbox(None, 9)
    assert [found.judgement.author for found in given] == ["mika"]


def test_an_audit_log_that_cannot_be_written_is_told_to_administrators(
    browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "state" / "audit.jsonl").mkdir()
    browser.sign_in("aki")
    assert "The audit log cannot be written" in shown(open_app())
    browser.sign_in("mika")
    assert "audit" not in shown(asked(open_app()))


def test_who_may_come_in_is_unknown_without_the_file_of_users(
    browser: Browser, tmp_path: Path
) -> None:
    browser.sign_in("mika")
    (tmp_path / "state" / "users").chmod(0o644)
    app = open_app()
    assert "chmod 600" in shown(app)
    assert list(app.chat_input) == []


def test_without_a_sign_in_nobody_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_engine(tmp_path, monkeypatch)
    app = open_app()
    assert pages(app) >= ADMIN_PAGES
    assert "Signed in" not in shown(app)
    assert all(button.key != "sign-out" for button in app.button)
    services.load_services.clear()
