"""The Documents page: what changed, the sync and its pace, the table and what it offers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.build import IndexKinds, build_index
from rag.config import Config
from rag.datatypes import Block, Document, FileStatus, Progress, Source, SyncPlan
from rag.errors import BuildError, RagError
from rag.job_store import Job
from rag.lexical_index import Bm25LexicalIndex
from rag.sources import SourceEdit, SyncRequest
from rag.store import Store
from rag.ui import services
from rag.ui.auto_sync import AutoSync
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.pace import Pace, pace_of
from rag.ui.segments import SEGMENT_CHARS, screens_of, segments_of
from rag.ui.strings import Words
from rag.ui.sync_job import _SHRINK, live_words
from rag.vector_index import FaissVectorIndex
from tests.fakes import EchoEngine, HashingEmbedder, wait_until
from tests.ui_harness import fake_engine, open_documents, press, shown

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def tick(app: AppTest, row: int) -> AppTest:
    """Tick a row of the table, which AppTest can only do through the session."""
    key = app.dataframe[0].key
    assert key is not None
    app.session_state[key] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    return app.run()


def last_sync() -> Job:
    job = services.load_services().jobs.latest_sync()
    assert job is not None
    return job


def end_sync() -> Job:
    wait_until(lambda: not last_sync().is_live)
    return last_sync()


# Before a sync


def test_changes_are_counted_before_anything_happens(engine: EchoEngine) -> None:
    engine.plan = SyncPlan(("a", "b", "c"), ("d", "e"), (), ("<b>gone</b>",), (), 209)
    app = press(open_documents(engine), EN["check"])
    assert "3 new, 2 changed, 1 removed, 209 unchanged" in shown(app)
    assert "&lt;b&gt;gone&lt;/b&gt;" in shown(app)
    assert engine.planned == [SyncRequest()]
    assert services.load_services().jobs.latest_sync() is None
    app = press(app, EN["dismiss"])
    assert EN["plan_title"] not in shown(app)


def test_after_the_yes_the_sync_runs_and_tells_what_came_of_it(engine: EchoEngine) -> None:
    for locale, words in (("en-US", EN), ("ja-JP", JA)):
        app = press(open_documents(engine, locale), words["check"])
        press(app, words["sync_now"])
        assert end_sync().arguments == ()
        page = shown(app.run())
        assert words["plan_title"] not in page
        assert words["plan_new"].format(count=1) in page
        assert {"en-US": "took 12 s", "ja-JP": "所要時間 12秒"}[locale] in page


def test_an_index_without_changes_needs_no_sync(engine: EchoEngine) -> None:
    engine.plan = SyncPlan(unchanged=3)
    app = press(open_documents(engine), EN["check"])
    assert EN["plan_nothing"] in shown(app)
    assert EN["sync_now"] not in labels(app)


def test_a_folder_is_added_with_its_collection_and_patterns(
    engine: EchoEngine, tmp_path: Path
) -> None:
    (tmp_path / "new").mkdir()
    app = open_documents(engine)
    fields = {field.label: field for field in app.text_input}
    fields[EN["add_folder"]].set_value(str(tmp_path / "new"))
    fields[EN["collection"]].set_value("仕事")
    fields[EN["include"]].set_value("*.pdf、*.docx")
    press(press(app, EN["check"]), EN["sync_now"])
    edit = SourceEdit(tmp_path / "new", "仕事", ("*.pdf", "*.docx"))
    assert engine.planned == [SyncRequest(add=(edit,))]
    assert last_sync().subject == str(tmp_path / "new")
    assert "--collection=仕事" in last_sync().arguments


def test_a_folder_inside_another_is_refused_in_words(engine: EchoEngine) -> None:
    app = open_documents(engine)
    app.text_input[0].set_value("/home/me/documents/sub")
    assert "lies inside /home/me/documents" in shown(press(app, EN["check"]))


def test_a_first_index_needs_a_folder(engine: EchoEngine) -> None:
    app = open_documents(engine)
    engine.has_index = False
    app = press(app.run(), EN["check"])
    assert EN["folder_needed"] in [item.value for item in app.info]
    assert engine.planned == []


def test_a_folder_can_be_changed_and_left(engine: EchoEngine) -> None:
    engine.followed = (Source("/a", "work", exclude=("/x, y.txt",)), Source("/b"))
    app = open_documents(engine)
    app = app.button("change-0").click().run()
    (exclude,) = (area for area in app.text_area if area.label == EN["exclude_patterns"])
    assert exclude.value == "/x, y.txt"
    exclude.set_value("/x, y.txt\n*.tmp")
    app.button("check-change").click().run()
    assert engine.planned == [
        SyncRequest(add=(SourceEdit(Path("/a"), "work", (), ("/x, y.txt", "*.tmp")),))
    ]
    app = open_documents(engine)
    app = app.button("change-1").click().run()
    app.button("stop-following").click().run()
    assert last_sync().arguments == ("--drop=/b",)


def test_the_only_folder_cannot_be_left(engine: EchoEngine) -> None:
    app = open_documents(engine).button("change-0").click().run()
    assert EN["stop_following"] not in labels(app)


# The sync


def test_a_loss_is_asked_about_with_its_counts(engine: EchoEngine, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for name in ("one", "two", "three"):
        (documents / f"{name}.txt").write_text(f"The {name} document is about tea.")
    config = Config(index_dir=tmp_path / "index", parse_workers=1)
    kinds = IndexKinds(FaissVectorIndex.from_vectors, Bm25LexicalIndex.from_texts)

    def build() -> None:
        request = SyncRequest(add=(SourceEdit(documents),))
        build_index(request, config, HashingEmbedder(), kinds, lambda step: None)

    build()
    (documents / "one.txt").unlink()
    (documents / "two.txt").unlink()
    with pytest.raises(BuildError) as refusal:
        build()
    assert _SHRINK.search(str(refusal.value))
    app = open_documents(engine)
    store = services.load_services().store
    store.jobs.finish(
        store.jobs.add("sync", "", ["--retry-all"]), "failed", message=str(refusal.value)
    )
    app = app.run()
    assert "Only 1 of 3 documents would be left." in shown(app)
    press(app, EN["sync_anyway"].format(count=1))
    assert last_sync().arguments == ("--retry-all", "--allow-shrink")


def job_in(stage: str, done: int, total: int, *, first: int, seconds: float) -> Job:
    """Return a job whose stage began ``seconds`` before `NOW`, at ``first``."""
    began = (NOW - timedelta(seconds=seconds)).isoformat()
    return Job(
        1, "sync", "", (), "running", Progress(stage, done, total, "a.pdf"), began, first, "",
        None, None, False, None, None, began, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("done", "first", "seconds", "expected"),
    [
        (60, 0, 20.0, Pace(3.0, 380.0)),  # 1140 files at 3 a second
        (60, 20, 20.0, Pace(2.0, 570.0)),  # seen from the 20th on, after a restart
        (50, 0, 8.0, Pace(6.25, None)),  # under 5 % and under 10 s
        (60, 0, 8.0, Pace(7.5, 152.0)),  # 5 %
        (0, 0, 30.0, Pace()),
        (5, 0, 0.5, Pace()),
        (1200, 0, 60.0, Pace(20.0, None)),
    ],
)
def test_the_pace_is_the_mean_since_the_stage_began(
    done: int, first: int, seconds: float, expected: Pace
) -> None:
    assert pace_of(job_in("read", done, 1200, first=first, seconds=seconds), NOW) == expected


def test_what_a_sync_tells_while_it_runs() -> None:
    began = datetime.now(UTC) - timedelta(seconds=100)
    job = replace(
        job_in("embed", 6_400, 12_800, first=0, seconds=0),
        stage_started=began.isoformat(),
        created=began.isoformat(),
    )
    assert live_words(Words("en"), job) == (
        "6,400 of 12,800 · 64 passages/s · about 2 min left · 1 min 40 s so far"
    )
    assert live_words(Words("ja"), job) == (
        "6,400 / 12,800 · 毎秒64箇所 · 残り約2分 · 経過 1分40秒"
    )


@pytest.mark.parametrize(
    ("seconds", "english"), [(2, "5 s"), (43, "45 s"), (190, "3 min"), (7800, "2 h 10 min")]
)
def test_guessed_durations_are_rounded(seconds: float, english: str) -> None:
    assert Words("en").rough_duration(seconds) == english


# The table


FILES = (
    FileStatus("a.pdf", "indexed", "", 3, 4, 2048, 0.5, scanned_pages=2, sha256="1"),
    FileStatus("locked.pdf", "encrypted", "It needs a password.", sha256="2"),
    FileStatus("mail.eml/ノート.txt", "failed", "Damaged.", container="mail.eml", sha256="3"),
    FileStatus("out.txt", "excluded", "Left out by the pattern '/out.txt'"),
    FileStatus("out.tmp", "excluded", "Left out by the pattern '*.tmp'"),
    FileStatus("prog.exe", "unsupported", "This is a program."),
)


@pytest.fixture
def page(engine: EchoEngine) -> AppTest:
    engine.files = FILES
    engine.followed = (Source("/docs", exclude=("/out.txt", "*.tmp")),)
    return open_documents(engine)


def paths(app: AppTest) -> list[str]:
    return list(app.dataframe[0].value[EN["column_path"]])


def test_every_file_is_listed_with_its_badges_in_both_languages(engine: EchoEngine) -> None:
    engine.files = FILES
    for locale, words in (("en-US", EN), ("ja-JP", JA)):
        table = open_documents(engine, locale).dataframe[0].value
        badges = [list(cell) for cell in table[words["column_status"]]]
        assert badges[0] == [words["status_indexed"], words["status_scanned"]]
        assert badges[3] == [words["status_excluded"]]
        assert table[words["column_path"]][2] == "mail.eml › ノート.txt"
        assert table[words["column_reason"]][1] == "It needs a password."
        assert (table[words["column_size"]][0], table[words["column_seconds"]][0]) == (2.0, 0.5)


def test_files_are_filtered_by_status_scan_and_text(page: AppTest) -> None:
    pills = next(group for group in page.button_group if group.key == "status")
    assert paths(pills.set_value(["excluded", "unsupported"]).run()) == [
        "out.txt", "out.tmp", "prog.exe",
    ]  # fmt: skip
    assert paths(pills.set_value(["scanned"]).run()) == ["a.pdf"]
    pills.set_value([]).run()
    text = next(field for field in page.text_input if field.key == "file-filter")
    assert paths(text.set_value("ﾉｰﾄ").run()) == ["mail.eml › ノート.txt"]  # half-width kana
    assert paths(text.set_value("PASSWORD").run()) == ["locked.pdf"]


def test_nothing_can_be_done_before_a_row_is_ticked(page: AppTest) -> None:
    assert [page.button(key).disabled for key in ("open-text", "retry", "exclude")] == [True] * 3


@pytest.mark.parametrize(
    ("row", "button", "arguments"),
    [
        (1, "retry", ("--retry=locked.pdf",)),
        (2, "retry", ("--retry=mail.eml",)),
        (2, "exclude", ("--leave-out=mail.eml",)),
        (0, "exclude", ("--leave-out=a.pdf",)),
        (3, "exclude", ("--take-in=out.txt",)),
    ],
)
def test_a_button_acts_on_the_ticked_file_or_on_what_holds_it(
    page: AppTest, row: int, button: str, arguments: tuple[str, ...]
) -> None:
    tick(page, row).button(button).click().run()
    assert last_sync().arguments == arguments


@pytest.mark.parametrize(("row", "button"), [(1, "open-text"), (4, "exclude"), (5, "retry")])
def test_what_would_change_nothing_is_not_offered(page: AppTest, row: int, button: str) -> None:
    assert tick(page, row).button(button).disabled


def test_all_refused_files_are_read_again(page: AppTest) -> None:
    # Only locked.pdf: the name alone refuses prog.exe, and the mail was read.
    press(page, EN["retry_all"].format(count=1))
    assert last_sync().arguments == ("--retry-all",)


def test_the_text_opens_with_its_blocks(page: AppTest, engine: EchoEngine) -> None:
    engine.document_text = Document(
        "a.pdf",
        "Title\n<script>alert(1)</script>\n\ta\tb",
        "1",
        (Block("heading", 0, 5), Block("paragraph", 6, 31, ("Title",))),
        (0, 32),
    )
    drawer = shown(tick(page, 0).button("open-text").click().run())
    assert '<div class="fk-block-label"><span>Paragraph · Title</span><span>6-31</span></div>' in (
        drawer
    )
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in drawer
    assert '<div class="fk-page">p. 2</div>' in drawer
    assert '<div class="fk-block-text">\ta\tb</div>' in drawer


def test_segments_leave_nothing_out_but_white_space() -> None:
    text = "Title\n\nFirst page.\nSecond page goes on." + "x" * (2 * SEGMENT_CHARS)
    second = text.index("Second")
    document = Document("a.pdf", text, "1", (Block("heading", 0, 5),), (0, second))
    segments = segments_of(document)
    assert [(s.kind, s.page) for s in segments[:3]] == [("heading", 1), ("text", 1), ("text", 2)]
    assert [s.end - s.start for s in segments[2:]] == [SEGMENT_CHARS, SEGMENT_CHARS, 20]
    covered = "".join(text[s.start : s.end] for s in segments)
    assert covered == text
    assert segments_of(Document("a.txt", " \n ", "1")) == []


def test_a_long_document_is_shown_screen_by_screen() -> None:
    document = Document("a.txt", "\n".join(["word"] * 100), "1")
    blocks = tuple(Block("paragraph", 5 * n, 5 * n + 4) for n in range(100))
    screens = screens_of(segments_of(replace(document, blocks=blocks)))
    assert [len(screen) for screen in screens] == [40, 40, 20]
    assert screens_of([]) == [[]]
    huge = screens_of(segments_of(Document("a.csv", "x" * 10 * SEGMENT_CHARS, "1")))
    assert [len(screen) for screen in huge] == [3, 3, 3, 1]


# Keeping up to date


class NotedJobs:
    """Notes the syncs that are asked for."""

    def __init__(self) -> None:
        self.started = 0
        self.latest: Job | None = None

    def start_sync(self, request: SyncRequest) -> Job:
        assert request == SyncRequest()
        self.started += 1
        self.latest = replace(job_in("read", 1, 2, first=0, seconds=1), state="done")
        return self.latest

    def latest_sync(self) -> Job | None:
        return self.latest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    return folder


def test_a_change_that_stands_still_starts_one_sync(tmp_path: Path, folder: Path) -> None:
    jobs = NotedJobs()
    auto = AutoSync(Store(tmp_path / "state"), jobs, lambda: (Source(str(folder)),))
    for _ in range(3):
        auto.look()
    assert jobs.started == 0  # it is off
    auto.switch(on=True)
    for _ in range(4):
        auto.look()
    assert jobs.started == 1  # what happened while it was off
    (folder / "b.txt").write_text("two")
    auto.look()
    assert jobs.started == 1  # the copy may be under way
    auto.look()
    auto.look()
    assert jobs.started == 2


def test_a_change_during_a_sync_waits_for_its_end(tmp_path: Path, folder: Path) -> None:
    jobs = NotedJobs()
    auto = AutoSync(Store(tmp_path / "state"), jobs, lambda: (Source(str(folder)),))
    auto.switch(on=True)
    jobs.latest = job_in("read", 1, 2, first=0, seconds=1)
    for _ in range(3):
        auto.look()
    assert jobs.started == 0
    jobs.latest = replace(jobs.latest, state="done")
    auto.look()
    assert jobs.started == 1


def test_a_folder_that_is_gone_is_an_error_and_no_sync(tmp_path: Path) -> None:
    jobs = NotedJobs()
    auto = AutoSync(Store(tmp_path / "state"), jobs, lambda: (Source("/no/such/folder"),))
    auto.switch(on=True)
    with pytest.raises(RagError, match="does not exist"):
        auto.look()
    assert jobs.started == 0


def test_the_switch_is_kept(engine: EchoEngine) -> None:
    app = open_documents(engine)
    assert not app.toggle[0].value
    app.toggle[0].set_value(True).run()
    assert services.load_services().auto_sync.is_on
    assert open_documents(engine).toggle[0].value


def test_ten_thousand_files_do_not_slow_the_page(engine: EchoEngine) -> None:
    engine.files = tuple(
        FileStatus(f"folder/{n:05}.txt", "indexed", "", 1, 0, n, 0.01, sha256=str(n))
        for n in range(10_000)
    )
    app = open_documents(engine)
    app.run()
    assert len(app.dataframe[0].value) == 10_000
