"""The Quality page: questions, a check in the background, curves with intervals, then and now."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rag.jobs import Jobs
from rag.quality_store import DailyAnswer, QualityQuestion, Verdict
from rag.store import Store
from rag.ui import services
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.quality_charts import share_chart
from rag.ui.quality_figures import weeks_of
from rag.ui.strings import Words
from tests import quality_state
from tests.fakes import HANDBOOK, EchoEngine, wait_until
from tests.ui_harness import ask, fake_engine, open_app, open_page, press, shown

# Stands in for `python -m rag quality`: one that ends at once, one that goes on, one that fails.
QUICK = "print('{\"measures\": {}}')"
SLOW = """
import sys, time
print('{"stage": "ask", "done": 3, "total": 9, "item": "How many?"}', file=sys.stderr, flush=True)
time.sleep(60)
"""
BAD = "import sys; print('error: There is no index.', file=sys.stderr); sys.exit(1)"


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    for job in services.load_services().store.jobs.live():
        services.load_services().jobs.cancel(job.id)
    services.load_services.clear()


def use_program(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(services, "Jobs", partial(Jobs, program=(sys.executable, "-c", script)))


def store() -> Store:
    return services.load_services().store


def questions(count: int) -> list[QualityQuestion]:
    return quality_state.add_questions(store(), count)


def keep_check(verdicts: dict[int, Verdict], index_id: str = "one", **settings: int) -> None:
    quality_state.keep_check(store(), verdicts, index_id, **settings)


def charts(app: AppTest) -> list[str]:
    return [element.proto.alt for element in app.get("vega_lite_chart")]


def tables_in(spec: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Yield the data of a chart and of its layers."""
    if "data" in spec:
        yield spec["data"]["values"]
    for layer in spec.get("layer", ()):
        yield from tables_in(layer)


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_without_questions_the_page_says_where_they_come_from(
    locale: str, words: dict[str, str]
) -> None:
    app = open_page("quality", locale)
    assert words["quality_empty"] in shown(app)
    assert app.button("quality-check").disabled
    assert words["quality_daily_none"] in shown(app)


def test_a_question_is_written_and_can_be_not_in_the_documents() -> None:
    app = open_page("quality")
    app.text_input[0].set_value("How many days?")
    app.text_area[0].set_value("20 days\ntwenty\n")
    app.selectbox[0].set_value(HANDBOOK.path)
    app = press(app, EN["quality_save"])
    assert EN["quality_added"].format(count=1) in shown(app)
    expect = next(c for c in app.button_group if "quality-expect" in str(c.key))
    app = expect.set_value("nothing").run()
    app.text_input[0].set_value("Who is the mayor?")
    app = press(app, EN["quality_save"])
    first, second = store().quality.questions()
    assert (first.answers, first.source) == (("20 days", "twenty"), HANDBOOK.path)
    assert not second.is_answerable


def test_a_question_without_an_expectation_is_not_kept() -> None:
    app = open_page("quality")
    app.text_input[0].set_value("How many days?")
    app = press(app, EN["quality_save"])
    assert EN["quality_needs"] in shown(app)
    assert store().quality.questions() == []


def test_a_file_is_imported_and_a_bad_one_names_its_line() -> None:
    app = open_page("quality", "ja-JP")
    line = '{"question": "有給は？", "answer": "10日"}\n'.encode()
    app = app.file_uploader[0].upload("mine.jsonl", line, "application/jsonl").run()
    assert JA["quality_added"].format(count=1) in shown(app)
    app = app.file_uploader[0].upload("mine.jsonl", line + b"{", "application/jsonl").run()
    assert "ファイルの2行目が正しいJSONではありません" in shown(app)
    assert len(store().quality.questions()) == 1


def test_one_click_below_an_answer_that_was_marked_right_makes_a_question() -> None:
    app = ask(open_app(), "How many days of leave?")
    assert not [b for b in app.button if EN["quality_take"] in b.label]  # nobody has judged it
    app.feedback[0].set_value(1).run()
    app = press(app.run(), EN["quality_take"])
    [question] = store().quality.questions()
    assert question.answers == ("You have 20 days of paid leave a year.",)
    assert question.source == HANDBOOK.path
    assert EN["quality_taken"] in shown(app)


def test_all_judged_answers_are_taken_over_at_once() -> None:
    app = ask(ask(open_app(), "How many days of leave?"), "none of this")
    for thumbs in app.feedback:
        thumbs.set_value(1)
    app.run()
    app = press(open_page("quality"), EN["quality_take_all"].format(count=2))
    assert {one.is_answerable for one in store().quality.questions()} == {True, False}
    assert EN["quality_take_none"] in shown(app.run())


def test_an_accepted_example_is_taken_over_as_it_was_mended() -> None:
    ask(open_app(), "How many days of leave?").feedback[0].set_value(1).run()
    [feedback] = store().feedback.inbox(None, 9)
    store().feedback.propose(feedback.id)
    [pair] = store().feedback.pairs()
    store().feedback.edit_pairs({pair.id: {"state": "accepted", "answer": "20 days"}})
    press(open_page("quality"), EN["quality_take_all"].format(count=1))
    assert [one.answers for one in store().quality.questions()] == [("20 days",)]


def test_a_check_runs_in_the_background_and_is_found_again_after_a_reload(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_program(monkeypatch, SLOW)
    questions(1)
    press(open_page("quality"), EN["quality_check"])
    wait_until(lambda: (j := store().jobs.latest("quality")) and j.progress.done, seconds=15)
    app = open_page("quality")
    assert "3 of 9" in shown(app)
    assert "How many?" in shown(app)
    assert app.button("quality-check").disabled
    app = app.button("cancel-quality").click().run()
    wait_until(lambda: not store().jobs.live(), seconds=15)
    assert EN["quality_cancelled"] in shown(open_page("quality"))
    assert store().quality.checks(9) == []


def test_a_check_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    use_program(monkeypatch, BAD)
    questions(1)
    press(open_page("quality"), EN["quality_check"])
    wait_until(lambda: not store().jobs.live(), seconds=15)
    assert "There is no index." in shown(open_page("quality"))


def test_few_questions_are_too_few_for_a_curve() -> None:
    questions(19)
    keep_check({})
    app = open_page("quality")
    assert EN["quality_too_few"].format(count=19, least=20) in shown(app)
    assert charts(app) == []
    assert "19 of 19 (100 %)" in shown(app)
    assert EN["quality_few"] in shown(app)


@pytest.mark.parametrize(("language", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_two_checks_of_enough_questions_make_curves_with_words(
    language: str, words: dict[str, str]
) -> None:
    asked = questions(20)
    keep_check({}, top_k=8)
    keep_check({one.id: "missed" for one in asked[:6]}, index_id="two", top_k=5)
    app = open_page("quality", language)
    page = shown(app)
    seen = words["quality_seen_change"].format(n=20, better=0, worse=6)
    assert seen in page
    assert words["quality_seen_no_chance"] in page
    assert "top_k 8 → 5" in page
    assert [seen in alt for alt in charts(app)] == [True, False]
    assert words["quality_seen_retrieval"].format(n=20, first=20, five=20) in page


def test_a_chart_has_points_with_intervals_and_marks_what_changed() -> None:
    questions(20)
    keep_check({})
    keep_check({}, index_id="two")
    checks = store().quality.checks(9)
    few = replace(checks[0], results=checks[0].results[:19])
    spec = share_chart(Words("en"), [few, *checks], ("good",), lambda moment: moment).to_dict()
    tables = list(tables_in(spec))
    points = next(table for table in tables if "mean" in table[0])
    marks = next(table for table in tables if "why" in table[0])
    assert [(point["check"], point["n"]) for point in points] == [(2, 20), (3, 20)]
    assert all(point["low"] < point["mean"] <= point["high"] for point in points)
    assert [(mark["check"], mark["why"]) for mark in marks] == [(2, ["questions"]), (3, ["index"])]


def test_a_ticked_question_shows_the_answer_then_and_now_as_text() -> None:
    asked = questions(2)
    keep_check({})
    keep_check({asked[1].id: "wrong"}, index_id="two")
    app = open_page("quality")
    [table] = app.dataframe
    first = table.value.iloc[0]
    assert first[EN["column_question"]] == "Question 1?"
    assert EN["change_worse"] in first[EN["column_change"]]
    key = table.key
    assert key is not None
    app.session_state[key] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    page = shown(app.run())
    assert "&lt;b&gt;said&lt;/b&gt; by one" in page
    assert "&lt;b&gt;said&lt;/b&gt; by two" in page
    assert EN["evidence_partial"] in page
    app = press(app, EN["quality_remove"])
    assert [one.question for one in store().quality.questions()] == ["Question 0?"]


def test_a_question_that_was_not_asked_yet_waits_in_the_table() -> None:
    questions(1)
    keep_check({})
    store().quality.add([QualityQuestion("A new one?")])
    app = open_page("quality")
    assert EN["change_waiting"] in app.dataframe[0].value.iloc[1][EN["column_change"]]
    assert EN["quality_waiting"].format(count=1) in shown(app)


def test_daily_use_is_counted_by_week_and_few_answers_have_no_share() -> None:
    app = ask(open_app(), "How many days of leave?")
    app.feedback[0].set_value(1).run()
    page = shown(open_page("quality"))
    assert EN["quality_daily_few"].format(n=1, up=1, down=0) in page
    days = ("2026-11-16T09:00:00+00:00", "2026-11-22T09:00:00+00:00", "2026-11-23T09:00:00+00:00")
    answers = [DailyAnswer(days[0], "up"), DailyAnswer(days[1], None), DailyAnswer(days[2], "down")]
    assert weeks_of(answers, date(2026, 11, 24)) == [
        ("11-16", {"up": 1, "down": 0, "none": 1}),
        ("11-23", {"up": 0, "down": 1, "none": 0}),
    ]


def test_a_server_that_answers_is_named_before_it_is_asked(engine: EchoEngine) -> None:
    assert "is sent to" not in shown(open_page("quality")).replace("are sent to", "")
    engine.host = "gpu-box"
    assert EN["quality_sent"].format(host="gpu-box") in shown(open_page("quality"))
