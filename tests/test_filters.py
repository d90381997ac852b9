"""A search can be limited to a collection, to paths, to types and to days, alone and together."""

import hashlib
import json
import os
import shutil
import sqlite3
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from rag.answer_json import filter_from_json, filter_to_json
from rag.cli import main
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import EVERYWHERE, Chunk, Document, FileStatus, SearchFilter, Source
from rag.engine import RagEngine
from rag.errors import RagError
from rag.filters import (
    FAMILIES,
    DocumentFilter,
    exact_pattern,
    parse_day,
    pattern_label,
    type_of,
)
from rag.generations import open_current
from rag.readers import SUPPORTED_SUFFIXES
from rag.sources import SyncRequest
from tests.fakes import HashingEmbedder, use_embedder

GOLDEN = Path(__file__).parent / "golden" / "index-v2"
DAYS = {
    "rules/Handbook.md": "2024-03-01",
    "rules/就業規則.txt": "2023-04-01",
    "報告２０２４.txt": "2024-06-15",
    "minutes.zip": "2024-05-05",
    "ﾃﾞｰﾀ/prices.csv": "2024-03-02",
}
TEXTS = {
    "rules/Handbook.md": "# Leave\n\nEvery employee has 20 days of paid leave a year. 休暇\n",
    "rules/就業規則.txt": "第12条 年次有給休暇は、入社から6か月後に10日与える。leave\n",
    "報告２０２４.txt": "二〇二四年の休暇の取得率は七割である。leave\n",
    "ﾃﾞｰﾀ/prices.csv": "item,price\nleave form 休暇,3000\n",
}
INSIDE = {"議事録.txt": "休暇の申請を議論した。leave", "note.md": "Leave was discussed. 休暇"}
HANDBOOK, RULES, REPORT, PRICES = TEXTS
MINUTES, NOTE = "minutes.zip/議事録.txt", "minutes.zip/note.md"
ALL = {HANDBOOK, RULES, REPORT, PRICES, MINUTES, NOTE}


def written_on(file: Path, day: str, clock: str = "12:00:00") -> None:
    moment = datetime.fromisoformat(f"{day}T{clock}").timestamp()  # as this machine's clock says
    os.utime(file, (moment, moment))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index: files of five days, two of them inside an archive."""
    root = tmp_path_factory.mktemp("filters")
    folder = root / "documents"
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with zipfile.ZipFile(folder / "minutes.zip", "w") as archive:
        for name, text in INSIDE.items():
            archive.writestr(name, text)
    for name, day in DAYS.items():
        written_on(folder / name, day)
    with pytest.MonkeyPatch.context() as patch:
        use_embedder(patch, lambda config: HashingEmbedder())
        RagEngine(config_of(root)).build([folder], lambda step: None)
    return root


def config_of(root: Path) -> Config:
    return Config(
        index_dir=root / "index",
        models_dir=root / "models",
        state_dir=root / "state",
        embed_model="hashing",
        answer_model="extractive",
    )


@pytest.fixture
def engine(place: Path, monkeypatch: pytest.MonkeyPatch) -> RagEngine:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    return RagEngine(config_of(place))


def found(engine: RagEngine, search_filter: SearchFilter, question: str = "leave") -> set[str]:
    return {hit.chunk.path for hit in engine.search(question, 50, search_filter)}


# Paths


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", {HANDBOOK, NOTE}),
        ("handbook.MD", {HANDBOOK}),
        ("rules", {HANDBOOK, RULES}),
        ("RULES/", {HANDBOOK, RULES}),
        ("rules/*規則*", {RULES}),
        ("就業*", {RULES}),
        ("/報告2024.txt", {REPORT}),
        ("報告２０２４*", {REPORT}),
        ("＊．ｔｘｔ", {RULES, REPORT, MINUTES}),
        ("データ", {PRICES}),
        ("デ?タ/*", {PRICES}),
        ("minutes.zip", {MINUTES, NOTE}),
        ("*.zip", {MINUTES, NOTE}),
        ("議事録.*", {MINUTES}),
        ("*", ALL),
    ],
)
@pytest.mark.parametrize("question", ["leave", "休暇"])
def test_a_pattern_finds_files_folders_and_what_lies_inside(
    engine: RagEngine, pattern: str, expected: set[str], question: str
) -> None:
    assert found(engine, SearchFilter(paths=(pattern,)), question) == expected


def test_several_patterns_add_up(engine: RagEngine) -> None:
    assert found(engine, SearchFilter(paths=("就業規則.txt", "note.md"))) == {RULES, NOTE}


@pytest.mark.parametrize("path", sorted(ALL))
def test_an_exact_pattern_finds_its_document_alone(engine: RagEngine, path: str) -> None:
    assert found(engine, SearchFilter(paths=(exact_pattern(path),))) == {path}


@pytest.mark.parametrize("name", ["a[1].md", "質問？.txt", "［案］*.md", "何⁉？.txt", "plain.md"])
def test_signs_of_patterns_in_a_name_stand_for_themselves(tmp_path: Path, name: str) -> None:
    others = ["a1.md", "質問。.txt", "案x.md", "[案]xx.md", "何!.txt", "何!xx.txt", "plains.md"]
    documents = filter_over(tmp_path, [name, *others])

    assert rows_of(documents, SearchFilter(paths=(exact_pattern(name),))) == [0]
    label = pattern_label(exact_pattern(name))
    assert unicodedata.normalize("NFKC", label) == unicodedata.normalize("NFKC", name)


def test_a_pattern_that_a_person_typed_is_shown_as_typed() -> None:
    assert [pattern_label(text) for text in ("*.md", "/rules/[ab]*", "報告")] == [
        "*.md",
        "/rules/[ab]*",
        "報告",
    ]


# Types


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (("md",), {HANDBOOK, NOTE}),
        ((".MD",), {HANDBOOK, NOTE}),
        (("*.ＭＤ",), {HANDBOOK, NOTE}),
        (("csv", "md"), {PRICES, HANDBOOK, NOTE}),
        (("spreadsheet",), {PRICES}),
    ],
)
def test_a_type_is_a_suffix_or_a_family(
    engine: RagEngine, types: tuple[str, ...], expected: set[str]
) -> None:
    assert found(engine, SearchFilter(types=types)) == expected


def test_a_type_is_what_a_path_ends_in() -> None:
    paths = ("a.PDF", "x.zip/b.tar.gz", "c.ods (2)", "ｄ．ＤＯＣＸ", "folder.d/none", ".hidden/e")

    assert [type_of(path) for path in paths] == ["pdf", "gz", "ods", "docx", "", ""]


def test_families_hold_suffixes_that_can_be_read_and_no_family_is_called_like_one() -> None:
    readable = {suffix.removeprefix(".") for suffix in SUPPORTED_SUFFIXES}

    assert {suffix for family in FAMILIES.values() for suffix in family} <= readable
    assert FAMILIES.keys().isdisjoint(readable)


# Days


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2024-03-01", None, ALL - {RULES}),
        ("2024-03-02", None, {PRICES, MINUTES, NOTE, REPORT}),
        (None, "2024-03-01", {HANDBOOK, RULES}),
        ("2024-03-01", "2024-03-02", {HANDBOOK, PRICES}),
        ("2024-05-05", "2024-05-05", {MINUTES, NOTE}),  # of the archive: what is inside has others
        ("2024-06-16", None, set()),
    ],
)
def test_days_count_whole_from_the_first_to_the_last(
    engine: RagEngine, since: str | None, until: str | None, expected: set[str]
) -> None:
    first, last = (date.fromisoformat(day) if day else None for day in (since, until))

    assert found(engine, SearchFilter(since=first, until=last)) == expected


@pytest.mark.parametrize("clock", ["00:00:00", "23:59:59"])
def test_a_day_lasts_from_midnight_to_midnight(tmp_path: Path, clock: str) -> None:
    moment = int(datetime.fromisoformat(f"2024-03-01T{clock}").timestamp())
    documents = filter_over(tmp_path, ["a.md", "b.md"], [moment, None])
    first, next_day, before = date(2024, 3, 1), date(2024, 3, 2), date(2024, 2, 29)

    assert rows_of(documents, SearchFilter(since=first, until=first)) == [0]
    assert rows_of(documents, SearchFilter(since=next_day)) == []
    assert rows_of(documents, SearchFilter(until=before)) == []


def test_a_time_that_no_calendar_has_is_no_date(tmp_path: Path) -> None:
    documents = filter_over(tmp_path, ["a.md", "b.md"], [2**62, -(2**62)])

    assert rows_of(documents, SearchFilter(since=date(1, 1, 1))) == []


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01", "2024/3/1", " 2024.3.1 ", "2024年3月1日",
        "２０２４年３月１日", "２０２４／０３／０１", "２０２４－３－１",
    ],
)  # fmt: skip
def test_a_day_may_be_written_in_both_languages(text: str) -> None:
    assert parse_day(text) == date(2024, 3, 1)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-02-30", "2024-13-01", "3/1", "昨日", "99"])
def test_what_is_no_day_is_told_with_examples(text: str) -> None:
    with pytest.raises(RagError, match=r"is no day\. Write one as 2024-03-01, 2024/3/1 or 2024年"):
        parse_day(text)


# Together


def test_all_limits_hold_together(engine: RagEngine) -> None:
    rules = SearchFilter(paths=("rules",), types=("md", "txt"), since=date(2024, 1, 1))

    assert found(engine, rules) == {HANDBOOK}


def test_limits_that_leave_nothing_find_nothing_and_the_answer_says_so(engine: RagEngine) -> None:
    nothing = SearchFilter(paths=("rules",), types=("csv",))

    assert engine.search("How many days of leave?", 5, nothing) == []
    *_, answer = engine.ask("How many days of leave?", Event(), nothing)
    assert answer.status == "no_evidence"  # type: ignore[union-attr] # the last event is the answer
    *_, answer = engine.ask("How many days of paid leave does an employee have?", Event())
    assert answer.status == "answered"  # type: ignore[union-attr] # and without limits it is found


def test_a_question_within_limits_is_answered_from_there(engine: RagEngine) -> None:
    question = "年次有給休暇は何日与えられますか？"

    *_, answer = engine.ask(question, Event(), SearchFilter(paths=("就業規則*",)))

    assert "10日" in answer.text
    assert {hit.chunk.path for hit in answer.hits} == {RULES}  # type: ignore[union-attr] # as above


def test_a_collection_and_a_type_hold_together(tmp_path: Path) -> None:
    names = ["work/a.md", "work/b.txt", "home/c.md"]
    sources = (Source("/x/work", "work"), Source("/x/home", "home"))
    documents = filter_over(tmp_path, names, sources=sources)

    assert rows_of(documents, SearchFilter("work")) == [0, 1]
    assert rows_of(documents, SearchFilter("work", types=("md",))) == [0]
    assert rows_of(documents, SearchFilter("home", ("*.txt",))) == []
    assert documents.rows(EVERYWHERE) is None
    with pytest.raises(RagError, match="There is no collection 'play'; there are: home, work"):
        documents.rows(SearchFilter("play"))


# The rows


def test_rows_are_those_of_all_passages_of_the_documents_that_are_left(tmp_path: Path) -> None:
    documents = filter_over(tmp_path, ["a.md", "b.txt", "c.md", "d.md"], chunks=[2, 3, 1, 4])

    assert rows_of(documents, SearchFilter(types=("md",))) == [0, 1, 5, 6, 7, 8, 9]


def test_what_limits_nothing_searches_the_whole_index(tmp_path: Path) -> None:
    documents = filter_over(tmp_path, ["a.md", "b.md"])

    assert documents.rows(SearchFilter(paths=("*",), types=("md",))) is None


def test_the_rows_of_a_filter_are_worked_out_once(tmp_path: Path) -> None:
    documents = filter_over(tmp_path, [f"{n}.md" for n in range(12)])
    first = documents.rows(SearchFilter(paths=("0.md",)))
    assert first is not None
    assert not first.flags.writeable

    assert documents.rows(SearchFilter(paths=("0.md",))) is first
    for n in range(1, 12):  # more than are kept
        documents.rows(SearchFilter(paths=(f"{n}.md",)))
    assert documents.rows(SearchFilter(paths=("0.md",))) is not first


def test_a_new_index_has_rows_of_its_own(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    folder = tmp_path / "documents"
    shutil.copytree(place / "documents", folder)
    engine = RagEngine(config_of(tmp_path))
    engine.build([folder], lambda step: None)
    within = SearchFilter(types=("md",))
    assert found(engine, within) == {HANDBOOK, NOTE}
    (folder / "0.md").write_text("Leave for the new.", encoding="utf-8")

    engine.sync(SyncRequest(), lambda step: None)

    assert found(engine, within) == {"0.md", HANDBOOK, NOTE}


# The dates of an index


def test_a_file_that_was_only_touched_gets_its_new_date_with_the_next_index(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    folder = tmp_path / "documents"
    shutil.copytree(place / "documents", folder)
    engine = RagEngine(config_of(tmp_path))
    engine.build([folder], lambda step: None)
    for name in ("minutes.zip", HANDBOOK):
        written_on(folder / name, "2026-01-01")
    after = SearchFilter(since=date(2026, 1, 1))
    assert not engine.sync(SyncRequest(), lambda step: None).is_new
    assert found(engine, after) == set()
    (folder / "new.md").write_text("Leave.", encoding="utf-8")
    written_on(folder / "new.md", "2025-12-31")

    engine.sync(SyncRequest(), lambda step: None)

    assert found(engine, after) == {HANDBOOK, MINUTES, NOTE}


def forget_dates(index_dir: Path) -> None:
    """Make the index one of the version before dates: without the column, and sealed anew."""
    folder = open_current(index_dir).path
    with sqlite3.connect(folder / "corpus.sqlite") as db:
        db.execute("ALTER TABLE file DROP COLUMN modified")
    db.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256((folder / "corpus.sqlite").read_bytes()).hexdigest()
    manifest["sha256"]["corpus.sqlite"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))
    seal = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    (folder / "SEAL").write_text(f"{seal}\n")


def test_an_index_without_dates_serves_says_so_and_knows_them_after_a_sync(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    shutil.copytree(place / "index", tmp_path / "index")
    forget_dates(tmp_path / "index")
    engine = RagEngine(config_of(tmp_path))
    status = engine.index_status()
    assert status is not None
    assert (status.damage, status.knows_dates) == ("", False)
    assert found(engine, SearchFilter(types=("md",))) == {HANDBOOK, NOTE}
    with pytest.raises(RagError, match=r"not know the dates .*`python -m rag sync`"):
        engine.search("leave", 5, SearchFilter(since=date(2024, 1, 1)))

    report = engine.sync(SyncRequest(), lambda step: None)

    assert (report.is_new, report.plan.has_changes, report.embedded) == (True, False, 0)
    status = engine.index_status()
    assert status is not None
    assert status.knows_dates
    assert found(engine, SearchFilter(until=date(2023, 12, 31))) == {RULES}


def test_the_golden_index_lists_its_files_without_dates() -> None:
    corpus = Corpus(open_current(GOLDEN).path)

    assert not corpus.knows_dates()
    assert {file.modified for file in (*corpus.files(), *corpus.files_of("leave.md"))} == {None}
    assert [(d.path, d.first_row, d.chunks, d.modified) for d in corpus.documents()] == [
        ("leave.md", 0, 2, None),
        ("規則.txt", 2, 1, None),
    ]


# What is wrong, and what exists


@pytest.mark.parametrize(
    ("search_filter", "message"),
    [
        (SearchFilter(paths=("rules", "brochure*")), r"called 'brochure\*' .* such as: \S+, \S+, "),
        (SearchFilter(paths=("規定",)), "called '規定' or lies there"),
        (SearchFilter(paths=(" ",)), "called ' ' or lies there"),
        (SearchFilter(types=("pdf",)), r"type 'pdf'; there are: csv, md, txt\."),
        (SearchFilter(types=("slides",)), r"type 'slides'; there are: csv, md, txt\."),
        (SearchFilter(types=("",)), r"type ''; there are: csv, md, txt\."),
        (
            SearchFilter(since=date(2024, 3, 2), until=date(2024, 3, 1)),
            r"\(2024-03-02\) lies after the last day \(2024-03-01\)\. Swap them\.",
        ),
    ],
)
def test_a_limit_without_sense_is_told_with_what_exists(
    engine: RagEngine, search_filter: SearchFilter, message: str
) -> None:
    with pytest.raises(RagError, match=message):
        engine.search("leave", 5, search_filter)


@pytest.mark.parametrize(
    "search_filter",
    [
        EVERYWHERE,
        SearchFilter("仕事"),
        SearchFilter("", ("/報告", "*.md"), ("pdf",), date(2024, 3, 1), date(2024, 4, 1)),
    ],
)
def test_limits_come_back_from_json(search_filter: SearchFilter) -> None:
    assert filter_from_json(filter_to_json(search_filter)) == search_filter


@pytest.mark.parametrize("text", ["[]", '{"since": 5}', '{"since": "x"}', '{"color": 1}', "nope"])
def test_other_json_is_no_limits(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        filter_from_json(text)


# The command line


@pytest.fixture
def run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    monkeypatch.setenv("RAG_EMBED_MODEL", "hashing")
    monkeypatch.setenv("RAG_ANSWER_MODEL", "extractive")
    monkeypatch.setenv("RAG_STATE_DIR", str(place / "state"))

    def run_command(*arguments: str) -> tuple[int, str, str]:
        code = main([*arguments, "--index", str(place / "index")])
        out, err = capsys.readouterr()
        return code, out, err

    return run_command


def test_the_command_line_takes_every_limit(run: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = run(
        "search", "休暇", "--path", "rules", "--path", "ﾃﾞｰﾀ", "--type", "md", "--type", "csv",
        "--since", "2024年3月1日", "--until", "２０２４/３/１",
    )  # fmt: skip

    assert code == 0
    assert [line.split()[1] for line in out.splitlines()[::2]] == [HANDBOOK]


def test_the_command_line_says_that_limits_were_set_when_nothing_is_found(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    limits = ("--type", "csv", "--path", "rules")

    assert "No passage within these limits shares a term" in run("search", "leave", *limits)[1]
    assert "No passage within these limits comes close." in run("ask", "Leave?", *limits)[1]
    assert "limits" not in run("search", "zzz")[1]


def test_the_command_line_tells_a_wrong_limit_in_one_line(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    code, out, err = run("ask", "Leave?", "--since", "soon")

    assert (code, out) == (1, "")
    assert err.startswith("error: 'soon' is no day. Write one as 2024-03-01")


# Helpers


def rows_of(documents: DocumentFilter, search_filter: SearchFilter) -> list[int]:
    found = documents.rows(search_filter)
    assert found is not None
    assert found.dtype == np.int64
    return [int(row) for row in found]


def filter_over(
    folder: Path,
    names: list[str],
    modified: list[int | None] | None = None,
    *,
    chunks: list[int] | None = None,
    sources: tuple[Source, ...] = (Source("/x"),),
) -> DocumentFilter:
    """Return a filter over documents of these names with so many passages each."""
    writer = CorpusWriter(folder)
    files = []
    for name, count, at in zip(
        names, chunks or [1] * len(names), modified or [None] * len(names), strict=True
    ):
        spans = [Chunk(name, n, n + 1, "x") for n in range(count)]
        writer.add(Document(name, "x" * count, "0"), spans)
        files.append(FileStatus(name, "indexed", "", count, modified=at))
    writer.finish(files)
    writer.close()
    return DocumentFilter(Corpus(folder), sources)
