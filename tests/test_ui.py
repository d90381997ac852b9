"""The pages through Streamlit's own test harness, with a fake engine."""

import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.config import Config
from rag.datatypes import Document
from rag.ui import services
from rag.ui.passage import passage_html, snapshot_html
from rag.ui.safe_markdown import answer_html, label_text
from rag.ui.strings import EN, JA, Words
from tests.fakes import HANDBOOK, EchoEngine, span, wait_until

APP = str(Path(__file__).resolve().parents[1] / "app.py")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    monkeypatch.setenv("RAG_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    fake = EchoEngine(Config(state_dir=tmp_path / "state"))
    monkeypatch.setattr(services, "create_engine", lambda _config: fake)
    services.load_services.clear()
    yield fake
    services.load_services.clear()


def open_app(locale: str = "en-US") -> AppTest:
    app = AppTest.from_file(APP, default_timeout=10)
    app.context = {"locale": locale}
    return app.run()


def shown(app: AppTest) -> str:
    """Return all HTML and text of the page."""
    assert not app.exception
    bodies = [element.proto.body for element in app.get("html")]
    texts = [
        item.value
        for kind in (app.text, app.warning, app.error, app.info, app.caption, app.success, app.code)
        for item in kind
    ]
    return "\n".join([*bodies, *texts])


def ask(app: AppTest, question: str) -> AppTest:
    return app.chat_input[0].set_value(question).run()


def open_documents(engine: EchoEngine, locale: str = "en-US") -> AppTest:
    """Go there by the button that a page without an index has; AppTest knows no other way."""
    engine.has_index = False
    words = JA if locale.startswith("ja") else EN
    app = press(open_app(locale), words["go_to_documents"])
    engine.has_index = True
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    button = next(button for button in app.button if label in button.label)
    return button.click().run()


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    def placeholders(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert EN.keys() == JA.keys()
    assert {key: placeholders(text) for key, text in EN.items()} == {
        key: placeholders(text) for key, text in JA.items()
    }


def test_durations_read_naturally() -> None:
    assert [Words("en").duration(s) for s in (0.42, 4, 12.3, 185)] == [
        "0.4 s",
        "4 s",
        "12 s",
        "3 min 5 s",
    ]
    assert Words("ja").duration(185) == "3分5秒"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Twenty days. [1]", '<p>Twenty days. <sup class="fk-chip" title="a.pdf">1</sup></p>'),
        ("No such number [7]", "<p>No such number [7]</p>"),
        ("**「重要」**です", "<p><strong>「重要」</strong>です</p>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("![x](https://evil.example/?q=secret)", "<p>x</p>"),
        ("![x][ref] [click](javascript:alert(1))", "<p>x click)</p>"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>"),
    ],
)
def test_answers_become_inert_html(text: str, expected: str) -> None:
    assert answer_html(text, {1: "a.pdf"}) == f'<div class="fk-answer">{expected}</div>'


def test_a_tooltip_cannot_leave_its_attribute() -> None:
    assert 'title="&quot;&gt;&lt;img src=x&gt;"' in answer_html("[1]", {1: '"><img src=x>'})


def test_labels_are_escaped_and_no_address_in_them_is_linked() -> None:
    label = label_text("![a](https://evil.example) www.evil.example :smile: a@b.c")
    assert "](" not in label
    assert "https:" not in label.replace("\\", "")[:30].replace(":\N{WORD JOINER}", "")
    assert "www." not in label.replace("\\", "")
    assert ":smile:" not in label.replace("\\", "")


def test_the_passage_is_marked_lightly_and_the_quote_strongly() -> None:
    text = "aa <b> Passage with a quote in it. zz"
    html = passage_html(text, span(text, "Passage with a quote in it."), span(text, "a quote"))
    assert html == (
        '<div class="fk-passage"><span class="fk-around">aa &lt;b&gt; </span>'
        '<mark class="fk-chunk">Passage with </mark><mark class="fk-quote">a quote</mark>'
        '<mark class="fk-chunk"> in it.</mark><span class="fk-around"> zz</span></div>'
    )


def test_a_quote_may_reach_over_the_end_of_its_passage() -> None:
    html = passage_html("abcdef", (1, 3), (2, 5))
    assert '<mark class="fk-chunk">b</mark><mark class="fk-quote">cde</mark>' in html


def test_a_snapshot_marks_the_quote_only_where_it_occurs() -> None:
    assert '<mark class="fk-quote">b</mark>' in snapshot_html("abc", "b")
    assert "fk-quote" not in snapshot_html("abc", "x")


def test_an_answer_names_its_source_and_opens_it(engine: EchoEngine) -> None:
    app = ask(open_app(), "How many days of leave?")
    page = shown(app)
    assert "You have 20 days of paid leave a year." in page
    assert 'title="handbook.pdf · p. 1"' in page
    assert "search 34 ms" in page.replace("\\", "")
    drawer = shown(press(app, "handbook"))
    assert '<mark class="fk-quote">20 days of paid leave a year</mark>' in drawer
    assert "rules/handbook.pdf · p. 1" in drawer


def test_japanese_is_answered_on_a_japanese_page(engine: EchoEngine) -> None:
    app = ask(open_app("ja-JP"), "有給休暇は何日ですか？")
    assert "入社から6か月後に10日の年次有給休暇が与えられます。" in shown(app)
    drawer = shown(press(app, "handbook"))
    assert '<mark class="fk-quote">入社から6か月後に10日与える</mark>' in drawer
    assert "引用した部分" in drawer


def test_a_reload_finds_the_conversation_by_its_address(engine: EchoEngine) -> None:
    app = ask(open_app(), "How many days of leave?")
    reloaded = AppTest.from_file(APP, default_timeout=10)
    reloaded.query_params["c"] = app.query_params["c"]
    assert "You have 20 days" in shown(reloaded.run())


def test_an_unknown_conversation_is_a_new_one(engine: EchoEngine) -> None:
    app = AppTest.from_file(APP, default_timeout=10)
    app.query_params["c"] = "'; DROP TABLE answers; --"
    app.context = {"locale": "en-US"}
    assert EN["ask_intro"] in shown(app.run())


def test_new_conversation_begins_empty_and_the_old_one_stays_in_the_list(
    engine: EchoEngine,
) -> None:
    app = ask(open_app(), "How many days of leave?")
    app = press(app, EN["new_conversation"])
    assert EN["ask_intro"] in shown(app)
    assert "You have 20 days" in shown(press(app, "How many days"))


def test_a_deleted_conversation_is_gone(engine: EchoEngine) -> None:
    app = ask(open_app(), "How many days of leave?")
    app = app.button("delete").click().run()
    app = app.button("confirm-delete").click().run()
    assert EN["ask_intro"] in shown(app)
    assert not any("How many days" in button.label for button in app.button)


def test_a_changed_document_is_told_and_the_stored_passage_shown(engine: EchoEngine) -> None:
    app = ask(open_app(), "How many days of leave?")
    engine.document_text = Document(HANDBOOK.path, "Another text.", "1" * 64)
    drawer = shown(press(app, "handbook"))
    assert EN["source_changed"] in drawer
    assert '<mark class="fk-quote">20 days of paid leave a year</mark>' in drawer


def test_nothing_found_shows_the_closest_passages(engine: EchoEngine) -> None:
    page = shown(ask(open_app(), "none of this is in there"))
    assert EN["not_found"] in page
    assert "Every employee has 20 days" in page


def test_failures_are_told_in_words(engine: EchoEngine) -> None:
    assert EN["error_internal"] in shown(ask(open_app(), "crash please"))
    assert "The question is too long. Shorten it." in shown(ask(open_app(), "refuse please"))


def test_without_an_index_three_steps_are_shown_and_asking_waits(engine: EchoEngine) -> None:
    engine.has_index = False
    app = open_app()
    assert EN["empty_step_2"] in shown(app)
    assert app.chat_input[0].disabled


def test_a_damaged_index_is_told_calmly(engine: EchoEngine) -> None:
    engine.is_damaged = True
    assert "A file of the index is damaged. Rebuild it." in shown(open_app())


def test_a_bad_setting_is_told_calmly(engine: EchoEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_TOP_K", "many")
    assert "expected a whole number from 1 to 1000" in shown(open_app())


def test_the_documents_page_lists_every_file_in_both_languages(engine: EchoEngine) -> None:
    for locale, words in (("en-US", EN), ("ja-JP", JA)):
        app = open_documents(engine, locale)
        assert words["indexed_folder"] in shown(app)
        table = app.dataframe[0].value
        assert list(table[words["column_status"]]) == [
            words["status_indexed"],
            words["status_no_text"],
            words["status_indexed"],
        ]


def test_a_missing_folder_is_refused_in_words(engine: EchoEngine) -> None:
    app = open_documents(engine)
    app.text_input[0].set_value("/no/such/folder")
    app = press(app, EN["rebuild"])
    assert "/no/such/folder is not a folder on this machine" in shown(app)


def test_stop_keeps_the_text_so_far(engine: EchoEngine) -> None:
    bundle = services.load_services()
    engine.pause_seconds = 0.05
    conversation = bundle.store.create_conversation("Leave?")
    answer_id = bundle.worker.submit(conversation, "How many days of leave?")
    first = next(piece for piece in bundle.worker.tail(answer_id) if piece)
    bundle.worker.stop(answer_id)
    wait_until(lambda: not bundle.worker.is_live(answer_id))
    app = AppTest.from_file(APP, default_timeout=10)
    app.query_params["c"] = conversation
    app.context = {"locale": "en-US"}
    page = shown(app.run())
    assert first.split()[0] in page
    assert EN["stopped"] in page
