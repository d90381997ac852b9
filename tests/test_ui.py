"""The pages through Streamlit's own test harness, with a fake engine."""

import string
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.datatypes import EVERYWHERE, Document, FileStatus, SearchFilter, Source
from rag.ui import services
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.limits import path_choices
from rag.ui.passage import passage_html, snapshot_html
from rag.ui.place import place_words
from rag.ui.safe_markdown import answer_html, label_text
from rag.ui.strings import Words
from tests.fakes import HANDBOOK, EchoEngine, span, wait_until
from tests.ui_harness import APP, ask, fake_engine, open_app, open_documents, press, shown


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


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


def test_a_chip_with_a_quote_previews_it_by_keyboard_too_and_escaped() -> None:
    html = answer_html("[1] [2]", {1: "a.pdf", 2: "b.pdf"}, {1: '<img src=x onerror="go()">'})
    assert (
        '<sup class="fk-chip" tabindex="0" role="note">1<span class="fk-preview"><b>a.pdf</b>'
        "&lt;img src=x onerror=&quot;go()&quot;&gt;</span></sup>"
    ) in html
    assert '<sup class="fk-chip" title="b.pdf">2</sup>' in html
    assert "[1]" not in html  # a marker in a quote would be replaced again
    assert '<span class="fk-preview"><b>a.pdf</b>[2] x</span>' in answer_html(
        "[1]", {1: "a.pdf", 2: "b.pdf"}, {1: "[2] x"}
    )


def test_a_long_quote_is_cut_in_its_preview() -> None:
    assert f"{'x' * 300}…</span>" in answer_html("[1]", {1: "a.pdf"}, {1: "x" * 900})


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
    assert "<b>handbook.pdf · p. 1</b>20 days of paid leave a year</span></sup>" in page
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
    app = app.menu_button[0].click("delete").run()
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
    assert all(EN[f"first_step_{n}"] in shown(app) for n in (1, 2, 3))
    assert app.chat_input[0].disabled


def test_an_older_index_that_serves_is_told_on_both_pages(engine: EchoEngine) -> None:
    engine.damage = "The file corpus.sqlite differs from its checksum."
    for app in (open_app(), open_documents(engine)):
        assert EN["index_older"] in shown(app)
        assert engine.damage in shown(app)
    app = press(app, EN["check"])
    assert any(button.label == EN["sync_now"] for button in app.button)


def test_one_collection_can_be_asked_and_is_remembered(engine: EchoEngine) -> None:
    app = open_app()
    assert not app.selectbox  # there is no choice among one
    engine.followed = (Source("/a", "仕事"), Source("/b", "home"))
    app = app.run()
    assert app.selectbox[0].options == [EN["all_collections"], "home", "仕事"]
    app = app.selectbox[0].set_value("仕事").run()
    app = ask(app, "How many days of leave?")
    assert engine.asked_within == [SearchFilter("仕事")]
    assert "Asked in the collection: 仕事" in shown(app)
    assert app.selectbox[0].value == "仕事"
    app = ask(app.selectbox[0].set_value("").run(), "none")
    assert engine.asked_within == [SearchFilter("仕事"), EVERYWHERE]
    assert app.selectbox[0].value == ""


def limit_to(app: AppTest, words: dict[str, str], paths: list[str], types: list[str]) -> AppTest:
    by_label = {box.label: box for box in app.multiselect}
    by_label[words["limit_paths"]].set_value(paths)
    by_label[words["limit_types"]].set_value(types)
    days = {field.label: field for field in app.date_input}
    days[words["limit_since"]].set_value(date(2024, 3, 1))
    return app.run()


@pytest.mark.parametrize(
    ("locale", "words", "note"),
    [
        ("en-US", EN, "Limited to files: rules · types: pdf · from 2024-03-01"),
        ("ja-JP", JA, "絞り込み：ファイル：rules · 種類：pdf · 2024-03-01以降"),
    ],
)
def test_limits_go_with_the_question_and_a_reload_shows_them(
    engine: EchoEngine, locale: str, words: dict[str, str], note: str
) -> None:
    app = open_app(locale)
    assert [box.label for box in app.expander] == [words["limits"]]
    app = limit_to(app, words, ["/rules"], ["pdf"])
    app = ask(app, "none")

    assert engine.asked_within == [
        SearchFilter("", ("/rules",), ("pdf",), date(2024, 3, 1)),
    ]
    for page in (app, reloaded(app, locale)):
        assert note in shown(page)
        assert words["not_found_limited"] in shown(page)
        assert page.expander[-1].label == label_text(note)
        assert [box.value for box in page.multiselect] == [["/rules"], ["pdf"]]
        assert [field.value for field in page.date_input] == [date(2024, 3, 1), None]


def reloaded(app: AppTest, locale: str) -> AppTest:
    again = AppTest.from_file(APP, default_timeout=10)
    again.query_params["c"] = app.query_params["c"]
    again.context = {"locale": locale}
    return again.run()


def test_without_limits_nothing_is_said_of_them(engine: EchoEngine) -> None:
    app = ask(open_app(), "none")

    assert engine.asked_within == [EVERYWHERE]
    assert EN["not_found_limited"] not in shown(app)
    assert "Limited to" not in shown(app)


def test_a_miss_says_what_was_searched_and_how_to_widen(engine: EchoEngine) -> None:
    app = limit_to(open_app(), EN, ["/rules"], ["pdf"])
    app = ask(app, "none")
    assert "2 files were searched." in shown(app)
    assert EN["not_found_widen"] in shown(app)
    app = press(app, EN["ask_everywhere"])
    assert engine.asked == ["none", "none"]
    assert engine.asked_within[-1] == EVERYWHERE
    assert not any(button.label == EN["ask_everywhere"] for button in app.button)


def test_an_answer_that_was_found_need_not_be_widened(engine: EchoEngine) -> None:
    app = ask(limit_to(open_app(), EN, ["/rules"], ["pdf"]), "How many days of leave?")
    assert not any(button.label == EN["ask_everywhere"] for button in app.button)


def test_a_typed_pattern_is_kept_as_a_choice(engine: EchoEngine) -> None:
    conversation = services.load_services().store.create_conversation("none")
    worker = services.load_services().worker
    answer_id = worker.submit(conversation, "none", SearchFilter(paths=("*報告*", "/a[[]1].md")))
    wait_until(lambda: not worker.is_live(answer_id))
    app = AppTest.from_file(APP, default_timeout=10)
    app.query_params["c"] = conversation
    app.context = {"locale": "en-US"}

    app = app.run()

    assert "Limited to files: *報告*, a[1].md" in shown(app)
    assert app.multiselect[0].value == ["*報告*", "/a[[]1].md"]


def test_folders_and_containers_are_offered_before_documents() -> None:
    files = [
        FileStatus("b/c/x.pdf", "indexed", "", chunks=2),
        FileStatus("b/mail.eml", "indexed", "", chunks=1),
        FileStatus("b/mail.eml/質問？.txt", "indexed", "", chunks=1),
        FileStatus("a.zip/y.md", "indexed", "", chunks=1),
        FileStatus("c//z.txt", "indexed", "", chunks=1),  # as an archive may name it
    ]

    assert list(path_choices(files).items()) == [
        ("/a.zip", "a.zip/"),
        ("/b", "b/"),
        ("/b/c", "b/c/"),
        ("/c", "c/"),
        ("/a.zip/y.md", "a.zip/y.md"),
        ("/b/c/x.pdf", "b/c/x.pdf"),
        ("/b/mail.eml", "b/mail.eml"),
        ("/b/mail.eml/質問[？].txt", "b/mail.eml/質問？.txt"),
        ("/c//z.txt", "c//z.txt"),
    ]


def test_an_index_without_dates_offers_a_sync_instead(engine: EchoEngine) -> None:
    engine.knows_dates = False

    app = open_app()

    assert not app.date_input
    assert EN["limit_no_dates"] in shown(app)
    app = press(open_documents(engine), EN["check"])
    assert any(button.label == EN["sync_now"] for button in app.button)


def test_a_collection_that_is_gone_is_not_chosen(engine: EchoEngine) -> None:
    engine.followed = (Source("/a", "work"), Source("/b", "home"))
    app = open_app()
    app = ask(app.selectbox[0].set_value("work").run(), "How many days of leave?")
    engine.followed = (Source("/a", "archive"), Source("/b", "home"))
    assert app.run().selectbox[0].value == ""


@pytest.mark.parametrize(
    ("path", "english", "japanese"),
    [
        ("a.pdf", "p. 3", "3ページ"),
        ("talk.PPTX", "slide 3", "スライド3"),
        ("talk.odp", "slide 3", "スライド3"),
        ("mail.eml/budget.xlsx", "sheet 3", "シート3"),
        ("a.zip/table.ods (2)", "sheet 3", "シート3"),
        ("novel.epub", "section 3", "3節"),
        ("no suffix.d/name", "p. 3", "3ページ"),
    ],
)
def test_a_page_is_called_what_it_is_in_its_format(path: str, english: str, japanese: str) -> None:
    assert place_words(Words("en"), path, 3) == english
    assert place_words(Words("ja"), path, 3) == japanese


def test_a_damaged_index_is_told_calmly(engine: EchoEngine) -> None:
    engine.is_damaged = True
    assert "A file of the index is damaged. Rebuild it." in shown(open_app())


def test_a_bad_setting_is_told_calmly(engine: EchoEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_TOP_K", "many")
    assert "expected a whole number from 1 to 1000" in shown(open_app())


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
