"""Thumbs below an answer and the page on which corrections are reviewed."""

import ast
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.config import Config
from rag.datatypes import Document, SearchFilter
from rag.feedback import Feedback, Judgement, Triage
from rag.store import Store
from rag.ui import services
from rag.ui.english import EN
from rag.ui.japanese import JA
from tests.fakes import HANDBOOK, EchoEngine, ScriptedGenerator, chunk_of_line, make_answer
from tests.ui_harness import APP, ask, fake_engine, open_app, press, shown

LOCALES = {"en-US": EN, "ja-JP": JA}
ASKED = {"en-US": "How many days of leave?", "ja-JP": "有給休暇は何日ですか？"}
CORRECTED = {"en-US": "20 days of paid leave", "ja-JP": "10日"}
LEAVE = chunk_of_line(HANDBOOK, "20 days")
ANSWER = replace(make_answer("How many days?", "30 days. [1]"), searched="How many days?")
WRONG = Judgement("down", "wrong", "", "20 days")
READ = Triage("answered_wrong", 1, LEAVE, "Every employee has 20 days of paid leave a year.")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


def store() -> Store:
    return services.load_services().store


def teach_page() -> None:
    """The script of the page alone: AppTest cannot follow the navigation."""
    from rag.ui import teach
    from rag.ui.frame import current_words
    from rag.ui.services import load_services

    teach.draw(load_services(), current_words())


def open_teach(locale: str = "en-US", view: str = "inbox") -> AppTest:
    app = AppTest.from_function(teach_page, default_timeout=10)
    app.context = {"locale": locale}
    app.session_state["teach-view"] = view
    return app.run()


def judge(app: AppTest, thumb: int | None) -> AppTest:
    return app.feedback[0].set_value(thumb).run()


def given() -> Feedback:
    (feedback,) = store().feedback.inbox(None, 9)
    return feedback


def propose(number: int, judgement: Judgement = WRONG) -> int:
    """Store feedback whose pair is proposed; return the id of the pair."""
    saved = store().feedback.save(number, replace(ANSWER, searched=f"{number}?"), judgement)
    store().feedback.save_triage(saved, READ)
    return store().feedback.pairs()[0].id


def edit(app: AppTest, row: int, **cells: str) -> AppTest:
    """Edit cells of the table, beside what was edited in it before."""
    key = app.data_editor[0].key
    assert key is not None
    rows = {} if key not in app.session_state else dict(app.session_state[key]["edited_rows"])
    rows[row] = {**rows.get(row, {}), **cells}
    app.session_state[key] = {"edited_rows": rows, "added_rows": [], "deleted_rows": []}
    return app.run()


@pytest.mark.parametrize("language", ["english", "japanese"])
def test_no_string_of_the_pages_replaces_another_by_its_name(language: str) -> None:
    keys: list[str] = []
    for file in Path(APP).with_name("rag").joinpath("ui").glob(f"*{language}.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for table in (node for node in ast.walk(tree) if isinstance(node, ast.Dict)):
            keys += [str(key.value) for key in table.keys if isinstance(key, ast.Constant)]
    assert [key for key, count in Counter(keys).items() if count > 1] == []


# Below an answer


@pytest.mark.parametrize("locale", LOCALES)
def test_a_corrected_answer_is_kept_with_its_cause_and_proposed(
    engine: EchoEngine, locale: str
) -> None:
    words = LOCALES[locale]
    app = judge(ask(open_app(locale), ASKED[locale]), 0)
    app.button_group(key="fault-1").set_value("wrong")
    app.text_area[0].set_value(CORRECTED[locale])
    app = press(app, words["feedback_send"])

    feedback = given()
    assert feedback.judgement == Judgement("down", "wrong", "", CORRECTED[locale])
    assert feedback.answer.question == ASKED[locale]
    assert feedback.triage is not None
    assert feedback.triage.rank == 1
    # The fake prompt holds the question alone, so the passage was not shown to the model.
    assert words["advice_not_in_prompt_rank"].format(rank=1) in shown(app)
    assert [pair.state for pair in store().feedback.pairs()] == []


def test_the_verdict_is_kept_although_the_form_is_put_off_and_can_be_changed(
    engine: EchoEngine,
) -> None:
    app = judge(ask(open_app(), ASKED["en-US"]), 0)
    assert given().judgement == Judgement("down")
    app = press(app, EN["feedback_later"])
    assert not app.text_area
    assert EN["advice_no_correction"] in shown(app)

    app = press(app, EN["feedback_change"])
    app.text_area[0].set_value("ten days")
    app = press(app, EN["feedback_send"])
    assert given().judgement.correction == "ten days"

    app = judge(app, 1)
    assert given().judgement == Judgement("up")
    assert EN["feedback_thanks"] in shown(app)
    judge(app, None)
    assert store().feedback.inbox(None, 9) == []


def test_the_right_passage_can_be_chosen_among_those_that_were_found(engine: EchoEngine) -> None:
    app = judge(ask(open_app(), ASKED["en-US"]), 0)
    box = app.selectbox(key="passage-1")
    assert [option.partition(":")[0] for option in box.options] == ["handbook.pdf · p. 1"] * 3
    box.set_value(2)
    press(app, EN["feedback_send"])
    assert given().judgement.passage == chunk_of_line(HANDBOOK, "Hotel")


@pytest.mark.parametrize("typed", ["", "Not found in your documents."])
def test_should_have_said_not_found_is_an_example_without_answer(
    engine: EchoEngine, typed: str
) -> None:
    app = judge(ask(open_app(), ASKED["en-US"]), 0)
    app.button_group(key="fault-1").set_value(None if typed else "not_found")
    app.text_area[0].set_value(typed)
    app = press(app, EN["feedback_send"])
    assert EN["advice_should_not_find"] in shown(app)
    assert EN["feedback_proposed"] in shown(app)
    assert [(pair.answer, pair.state) for pair in store().feedback.pairs()] == [("", "proposed")]


def test_an_answer_that_failed_or_was_not_given_has_no_thumbs(engine: EchoEngine) -> None:
    assert not ask(open_app(), "crash please").feedback
    assert ask(open_app(), "none of this").feedback  # "not found" is an answer


def test_a_reload_shows_the_verdict(engine: EchoEngine) -> None:
    app = judge(ask(open_app(), ASKED["en-US"]), 1)
    again = AppTest.from_file(APP, default_timeout=10)
    again.query_params["c"] = app.query_params["c"]
    again.context = {"locale": "en-US"}
    assert again.run().feedback[0].value == 1


def test_feedback_outlives_its_conversation(engine: EchoEngine) -> None:
    app = judge(ask(open_app(), ASKED["en-US"]), 1)
    app = app.menu_button[0].click("delete").run()
    app.button("confirm-delete").click().run()
    assert given().answer.text.startswith("You have 20 days")


# Feedback


@pytest.mark.parametrize("locale", LOCALES)
def test_the_page_is_empty_in_words(engine: EchoEngine, locale: str) -> None:
    words = LOCALES[locale]
    assert words["inbox_empty"] in shown(open_teach(locale))
    assert words["pairs_empty"] in shown(open_teach(locale, "pairs"))
    assert words["blind_one_model"] in shown(open_teach(locale, "compare"))


@pytest.mark.parametrize("locale", LOCALES)
def test_each_piece_of_feedback_tells_its_cause_and_what_to_do(
    engine: EchoEngine, locale: str
) -> None:
    words = LOCALES[locale]
    for number, outcome in enumerate(("not_indexed", "not_retrieved", "answered_wrong")):
        saved = store().feedback.save(number, ANSWER, WRONG, SearchFilter(types=("pdf",)))
        found = Triage(outcome, 14 if outcome == "not_retrieved" else None)  # type: ignore[arg-type] # a literal
        store().feedback.save_triage(saved, found)
    page = shown(open_teach(locale))
    assert words["advice_not_indexed"] in page
    assert words["advice_not_retrieved_rank"].format(rank=14) in page
    assert words["advice_answered_wrong"] in page
    assert words["fault_wrong"] in page
    assert "pdf" in page


def test_feedback_can_be_limited_to_one_cause(engine: EchoEngine) -> None:
    propose(1)
    store().feedback.save(2, replace(ANSWER, question="Another one?"), Judgement("up"))
    app = open_teach()
    pills = app.button_group(key="inbox-filter")
    assert pills.options == [f"{EN['outcome_answered_wrong']} 1", f"{EN['outcome_up']} 1"]
    page = shown(pills.set_value("up").run())
    assert "Another one?" in page
    assert EN["advice_answered_wrong"] not in page


def test_a_right_answer_is_used_as_an_example_on_request(engine: EchoEngine) -> None:
    store().feedback.save(1, ANSWER, Judgement("up"))
    app = press(open_teach(), EN["inbox_propose"])
    assert [pair.answer for pair in store().feedback.pairs()] == ["30 days."]
    assert EN["inbox_propose"] not in [button.label for button in app.button]


def test_a_cause_is_looked_for_again_when_the_index_has_changed(engine: EchoEngine) -> None:
    judgement = Judgement("down", "wrong", "", None, LEAVE)
    saved = store().feedback.save(1, ANSWER, judgement)
    app = press(open_teach(), EN["inbox_again"])
    found = store().feedback.by_id(saved)
    assert found is not None
    assert found.triage is not None
    assert found.triage.outcome == "not_retrieved"
    assert EN["advice_not_retrieved_rank"].format(rank=1) in shown(app)


def test_feedback_is_deleted_after_a_yes(engine: EchoEngine) -> None:
    propose(1)
    app = press(open_teach(), EN["delete"])
    app.button("inbox-confirm-delete").click().run()
    assert store().feedback.inbox(None, 9) == []
    assert store().feedback.pairs() == []


def test_a_flood_is_shown_page_by_page(engine: EchoEngine) -> None:
    for number in range(23):
        store().feedback.save(number, ANSWER, Judgement("up"))
    app = open_teach()
    assert sum(1 for button in app.button if button.label == EN["delete"]) == 20
    app = press(app, EN["inbox_more"].format(count=3))
    assert sum(1 for button in app.button if button.label == EN["delete"]) == 23


def test_hostile_words_are_shown_and_not_run(engine: EchoEngine) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    answer = replace(ANSWER, question=hostile, text=hostile, model_id=hostile)
    store().feedback.save(1, answer, Judgement("down", "other", hostile, hostile, author=hostile))
    page = shown(open_teach())
    assert "&lt;img src=x" in page
    assert "<img src=x" not in page


# Examples


def test_pairs_are_accepted_edited_and_rejected_in_the_table(engine: EchoEngine) -> None:
    first, second = propose(1), propose(2)
    app = open_teach(view="pairs")
    table = app.data_editor[0].value
    assert list(table["question"]) == ["2?", "1?"]  # newest first
    assert list(table["state"]) == ["proposed", "proposed"]
    app = edit(app, 0, state="accepted", answer="twenty days")
    app = edit(app, 1, state="rejected")
    assert [pair.state for pair in store().feedback.pairs()] == ["proposed"] * 2  # not yet saved

    app = press(app, EN["pairs_save"].format(count=2))

    states = {pair.id: (pair.state, pair.answer) for pair in store().feedback.pairs()}
    assert states == {second: ("accepted", "twenty days"), first: ("rejected", "20 days")}
    assert EN["pairs_saved"].format(count=2) in shown(app)
    assert list(app.data_editor[0].value["state"]) == ["accepted", "rejected"]


def test_edits_outlive_new_feedback_a_filter_and_another_view(engine: EchoEngine) -> None:
    propose(1)
    app = edit(open_teach(view="pairs"), 0, answer="二十日")
    propose(2)
    app = app.run()
    assert list(app.data_editor[0].value["answer"]) == ["20 days", "二十日"]
    app = app.button_group(key="teach-view").set_value("inbox").run()
    app = app.button_group(key="teach-view").set_value("pairs").run()
    assert list(app.data_editor[0].value["answer"]) == ["20 days", "二十日"]
    app = edit(app, 0, answer="x")
    app = app.button_group(key="pairs-filter").set_value("proposed").run()
    press(app, EN["pairs_save"].format(count=2))
    assert [pair.answer for pair in store().feedback.pairs()] == ["x", "二十日"]


def test_discarded_edits_are_gone(engine: EchoEngine) -> None:
    propose(1)
    app = edit(open_teach(view="pairs"), 0, answer="wrong again")
    app = press(app, EN["pairs_discard"])
    assert list(app.data_editor[0].value["answer"]) == ["20 days"]
    assert any(button.label == EN["pairs_saved_all"] for button in app.button)


def test_an_edit_that_is_refused_is_not_lost(engine: EchoEngine) -> None:
    propose(1)
    app = edit(open_teach("ja-JP", "pairs"), 0, question="")
    app = press(app, JA["pairs_save"].format(count=1))
    assert "質問が空の例があります。" in shown(app)
    assert [pair.question for pair in store().feedback.pairs()] == ["1?"]
    app = edit(app, 0, question="何日ですか？")
    press(app, JA["pairs_save"].format(count=1))
    assert [pair.question for pair in store().feedback.pairs()] == ["何日ですか？"]


def test_an_example_whose_document_left_the_index_is_marked_and_left_out(
    engine: EchoEngine,
) -> None:
    pair = propose(1)
    store().feedback.edit_pairs({pair: {"state": "accepted"}})
    assert EN["teach_left_out"].format(count=1) not in shown(open_teach(view="pairs"))
    engine.document_text = Document("other.md", "Another document.", "1" * 64)
    app = open_teach(view="pairs")
    assert EN["teach_left_out"].format(count=1) in shown(app)
    assert list(app.data_editor[0].value["hint"]) == [EN["missing_document"]]
    download = app.download_button[0]
    assert EN["pairs_download"].format(count=0) in download.label
    assert download.disabled


def test_one_author_of_most_examples_is_told(engine: EchoEngine) -> None:
    pair = propose(1, replace(WRONG, author="mallory"))
    assert "mallory: " not in shown(open_teach(view="pairs"))
    store().feedback.edit_pairs({pair: {"state": "accepted"}})
    told = EN["pairs_one_author"].format(author="mallory", count=1, total=1, percent=5)
    assert told in shown(open_teach(view="pairs"))


# Comparisons


@pytest.mark.parametrize("locale", LOCALES)
def test_two_models_are_compared_without_their_names_until_the_vote(
    engine: EchoEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, locale: str
) -> None:
    words = LOCALES[locale]
    for name in ("first", "second"):
        (tmp_path / "models" / name).mkdir(parents=True)
        table = {"architectures": ["LlamaForCausalLM"]}
        (tmp_path / "models" / name / "config.json").write_text(json.dumps(table))
    monkeypatch.setenv("RAG_ANSWER_MODEL", "first")

    def load(config: Config) -> ScriptedGenerator:
        return ScriptedGenerator(f"Written by number {config.answer_model}")

    ask(open_app(locale), ASKED[locale])
    comparer = services.load_services().comparer
    monkeypatch.setattr(comparer, "_load", load)
    app = open_teach(locale, "compare")
    assert app.selectbox(key="compare-question").options == [ASKED[locale]]
    app = press(app, words["blind_start"])
    while comparer.state is not None and comparer.state.is_running:
        app = app.run()
    app = app.run()
    (comparison,) = store().comparisons.latest(9)
    page = shown(app).replace(f"number {comparison.left_model}", "A")
    page = page.replace(f"number {comparison.right_model}", "B")
    assert "first" not in page
    assert "second" not in page

    app = press(app, words["blind_right"])

    (preference,) = store().comparisons.preferences()
    assert preference.chosen == comparison.right_text
    told = words["blind_wins"].format(model=comparison.right_model, wins=1, losses=0)
    assert told in shown(app)
