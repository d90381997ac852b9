"""The pages in Streamlit's test harness: helpers of the tests of both pages."""

import sys
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.config import Config
from rag.jobs import Jobs
from rag.ui import services
from rag.ui.english import EN
from rag.ui.japanese import JA
from tests.fakes import EchoEngine

APP = str(Path(__file__).resolve().parents[1] / "app.py")
# Stands in for `python -m rag sync`, and changes nothing.
SYNC = """
import sys
print('{"stage": "read", "done": 1, "total": 2, "item": "a.txt"}', file=sys.stderr)
print('{"index_id": "b2", "documents": 3, "chunks": 9, "seconds": 12.3, "files": [],'
      '"plan": {"new": ["a.txt"], "unchanged": 2}, "embedded": 4, "is_new": true}')
"""


def fake_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EchoEngine:
    """Return the engine that the pages will find; syncs run `SYNC`."""
    monkeypatch.setenv("RAG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    fake = EchoEngine(Config(state_dir=tmp_path / "state"))
    monkeypatch.setattr(services, "create_engine", lambda _config: fake)
    program = (sys.executable, "-c", SYNC)
    monkeypatch.setattr(services, "Jobs", partial(Jobs, program=program))
    services.load_services.clear()
    return fake


def open_app(locale: str = "en-US") -> AppTest:
    app = AppTest.from_file(APP, default_timeout=10)
    app.context = {"locale": locale}
    return app.run()


def html_of(app: AppTest) -> str:
    """Return all HTML of the page but its one script, which holds no words of anybody."""
    elements = [element.proto for element in app.get("html")]
    return "\n".join(each.body for each in elements if not each.unsafe_allow_javascript)


def shown(app: AppTest) -> str:
    """Return all HTML and text of the page."""
    assert not app.exception
    texts = [
        item.value
        for kind in (app.text, app.warning, app.error, app.info, app.caption, app.success, app.code)
        for item in kind
    ]
    return "\n".join([html_of(app), *texts])


def ask(app: AppTest, question: str) -> AppTest:
    return app.chat_input[0].set_value(question).run()


def open_documents(engine: EchoEngine, locale: str = "en-US") -> AppTest:
    """Go there by the button that a page without an index has; AppTest knows no other way."""
    engine.has_index = False
    words = JA if locale.startswith("ja") else EN
    app = press(open_app(locale), words["go_to_documents"])
    engine.has_index = True
    return app.run()


def open_page(address: str, locale: str = "en-US") -> AppTest:
    """Open the page of that address; AppTest itself can only switch to a page that is a file."""
    app = open_app(locale)
    app._page_hash = next(
        key for key, page in app._registered_pages.items() if page["url_pathname"] == address
    )
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    button = next(button for button in app.button if label in button.label)
    return button.click().run()
