"""Earlier conversations, versions of the last question, and suggestions on the Ask page."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.history_store import Conversation
from rag.store import Store
from rag.ui import services
from rag.ui.conversation_list import group_of
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.safe_markdown import label_text
from tests.fakes import ATTACK, EchoEngine, wait_until
from tests.ui_harness import APP, ask, fake_engine, open_app, press, shown

QUESTION = "How many days of leave?"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


def store() -> Store:
    return services.load_services().store


def another_tab(app: AppTest) -> AppTest:
    """Open the same address once more."""
    tab = AppTest.from_file(APP, default_timeout=10)
    tab.query_params["c"] = app.query_params["c"]
    tab.context = {"locale": "en-US"}
    return tab.run()


def conversation_of(app: AppTest) -> str:
    return "".join(app.query_params["c"])


def listed(app: AppTest) -> list[str]:
    keys = [button for button in app.button if (button.key or "").startswith("conversation-")]
    return [button.label for button in keys]


def choose(app: AppTest, conversation: str, action: str) -> AppTest:
    return app.menu_button(f"menu-{conversation}").click(action).run()


@pytest.mark.parametrize(
    ("days_ago", "is_pinned", "group"),
    [
        (0, False, "today"),
        (-1, False, "today"),  # a clock that was set back
        (1, False, "yesterday"),
        (2, False, "week"),
        (6, False, "week"),
        (7, False, "earlier"),
        (0, True, "pinned"),
    ],
)
def test_conversations_stand_in_groups_of_days(days_ago: int, is_pinned: bool, group: str) -> None:
    today = date(2026, 3, 1)
    conversation = Conversation("c", "t", "", is_pinned)

    assert group_of(conversation, today - timedelta(days=days_ago), today) == group


def test_the_list_is_searched_by_words_of_answers(engine: EchoEngine) -> None:
    store().create_conversation("Opening hours")
    app = ask(open_app("ja-JP"), "有給休暇は何日ですか？")
    assert len(listed(app)) == 2
    app = app.text_input("conversation-search").set_value("入社から").run()
    assert listed(app) == ["有給休暇は何日ですか？"]
    app = app.text_input("conversation-search").set_value("病気").run()
    assert listed(app) == []
    assert JA["conversations_none"] in shown(app)
    app = app.text_input("conversation-search").set_value("").run()
    assert len(listed(app)) == 2


def test_without_conversations_there_is_nothing_to_search(engine: EchoEngine) -> None:
    assert not open_app().text_input


def test_thirty_conversations_are_shown_and_all_can_be_reached(engine: EchoEngine) -> None:
    for number in range(132):
        store().create_conversation(f"number {number}")
    app = open_app()
    assert listed(app) == [f"number {number}" for number in range(131, 101, -1)]
    app = app.button("more-conversations").click().run()
    assert listed(app)[-1] == "number 2"
    app = app.button("more-conversations").click().run()
    assert listed(app) == [f"number {number}" for number in range(131, -1, -1)]
    assert not any(button.key == "more-conversations" for button in app.button)


def test_a_conversation_is_renamed_pinned_and_deleted_by_its_menu(engine: EchoEngine) -> None:
    app = ask(open_app(), QUESTION)
    newer = store().create_conversation("newer")
    conversation = conversation_of(app)
    app = choose(app.run(), conversation, "rename")
    app.text_input(f"rename-{conversation}").set_value("My *leave*")
    app = app.button("save-title").click().run()
    assert listed(app) == ["newer", label_text("My *leave*")]
    app = choose(app, conversation, "pin")
    assert listed(app) == [label_text("My *leave*"), "newer"]
    assert EN["conversations_pinned"] in shown(app)
    menu = app.menu_button(f"menu-{conversation}")
    assert EN["conversation_unpin"] in menu.options
    assert "My" in menu.proto.label  # what it belongs to, for those who cannot see it
    app = choose(app, conversation, "unpin")
    assert listed(app) == ["newer", label_text("My *leave*")]
    app = choose(app, newer, "delete")
    assert listed(app) == ["newer", label_text("My *leave*")]  # it was asked first
    app = app.button("confirm-delete").click().run()
    assert listed(app) == [label_text("My *leave*")]
    assert "You have 20 days" in shown(app)


def test_a_second_tab_sees_the_new_name(engine: EchoEngine) -> None:
    app = ask(open_app(), QUESTION)
    other = another_tab(app)
    store().history.rename(conversation_of(app), "renamed")
    assert listed(other.run()) == ["renamed"]


def test_a_conversation_can_be_exported_in_three_formats(engine: EchoEngine) -> None:
    app = ask(open_app(), f"attack {ATTACK}")
    app = choose(app, conversation_of(app), "export")
    assert [button.label for button in app.download_button] == [
        EN["export_markdown"],
        EN["export_html"],
        EN["export_jsonl"],
    ]
    assert "<script" not in shown(app)


def test_asking_again_keeps_the_answer_before_as_a_version(engine: EchoEngine) -> None:
    app = ask(open_app(), "none of this")
    turn = store().answers(conversation_of(app))[0].id
    app = app.button(f"again-{turn}").click().run()
    assert engine.asked == ["none of this", "none of this"]
    assert "Version 2 of 2" in shown(app)
    assert len(app.chat_message) == 2
    app = app.button(f"version-earlier-{turn}").click().run()
    assert "Version 1 of 2" in shown(app)
    assert EN["version_old"] in shown(app)
    assert app.button(f"version-earlier-{turn}").disabled
    # A reload shows the newest one.
    assert "Version 2 of 2" in shown(another_tab(app))


def test_an_edited_question_takes_the_place_of_the_last(engine: EchoEngine) -> None:
    app = ask(open_app(), "none of this")
    turn = store().answers(conversation_of(app))[0].id
    app = app.button(f"edit-{turn}").click().run()
    assert app.text_area(f"edited-{turn}").value == "none of this"
    app.text_area(f"edited-{turn}").set_value(QUESTION)
    app = app.button("edit-send").click().run()
    assert engine.asked == ["none of this", QUESTION]
    assert "You have 20 days" in shown(app)
    assert "none of this" not in shown(app)
    assert not app.text_area
    app = app.button(f"version-earlier-{turn}").click().run()
    assert "none of this" in shown(app)
    assert "You have 20 days" not in shown(app)


def test_an_edit_can_be_given_up_and_an_empty_one_asks_nothing(engine: EchoEngine) -> None:
    app = ask(open_app(), QUESTION)
    turn = store().answers(conversation_of(app))[0].id
    app = app.button(f"edit-{turn}").click().run()
    app.text_area(f"edited-{turn}").set_value("  ")
    app = app.button("edit-send").click().run()
    app = app.button("edit-cancel").click().run()
    assert not app.text_area
    assert engine.asked == [QUESTION]
    assert QUESTION in shown(app)


def test_only_the_last_question_can_be_asked_anew(engine: EchoEngine) -> None:
    app = ask(ask(open_app(), QUESTION), "none of this")
    keys = {button.key for button in app.button}
    first, last = (one.id for one in store().answers(conversation_of(app)))
    assert {f"again-{last}", f"edit-{last}"} <= keys
    assert not {f"again-{first}", f"edit-{first}"} & keys


def test_while_an_answer_is_written_nothing_is_asked_anew(engine: EchoEngine) -> None:
    app = ask(open_app(), "none of this")
    worker, conversation = services.load_services().worker, conversation_of(app)
    turn = store().answers(conversation)[0].id
    engine.pause_seconds = 0.05
    answer_id = worker.submit(conversation, QUESTION, version_of=turn)
    # This tab was drawn before the other one asked.
    app = app.button(f"again-{turn}").click().run()
    wait_until(lambda: not worker.is_live(answer_id))
    assert engine.asked == ["none of this", QUESTION]
    assert len(store().answers(conversation)) == 2


def test_a_question_that_another_tab_went_on_from_is_not_asked_anew(engine: EchoEngine) -> None:
    app = ask(open_app(), "none of this")
    turn = store().answers(conversation_of(app))[0].id
    ask(another_tab(app), QUESTION)
    app = app.button(f"again-{turn}").click().run()
    assert len(engine.asked) == 2
    assert QUESTION in shown(app)


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_a_suggestion_is_asked_by_a_click(
    engine: EchoEngine, locale: str, words: dict[str, str]
) -> None:
    engine.suggested = (QUESTION, "![x](https://evil.example) days?")
    app = open_app(locale)
    assert words["suggestions"] in shown(app)
    labels = [button.label for button in app.button if (button.key or "").startswith("suggest")]
    assert labels == [label_text(question) for question in engine.suggested]
    app = press(app, label_text(QUESTION))
    assert engine.asked == [QUESTION]
    assert "You have 20 days" in shown(app)
    assert words["suggestions"] not in shown(app)


def test_without_suggestions_nothing_is_said_of_them(engine: EchoEngine) -> None:
    assert EN["suggestions"] not in shown(open_app())


def test_limits_hide_suggestions_which_they_might_leave_without_an_answer(
    engine: EchoEngine,
) -> None:
    engine.suggested = (QUESTION,)
    app = open_app()
    by_label = {box.label: box for box in app.multiselect}
    by_label[EN["limit_types"]].set_value(["pdf"])
    assert EN["suggestions"] not in shown(app.run())
