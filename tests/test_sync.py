"""Sync: what is new, changed, moved, gone; what is kept; what is asked before it is lost."""

import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rag.build import build_index
from rag.config import Config
from rag.corpus import Corpus
from rag.datatypes import BuildReport, FileStatus, SyncPlan
from rag.engine import INDEX_KINDS
from rag.errors import BuildError, RagError
from rag.generations import open_current
from rag.lexical_index import Bm25LexicalIndex
from rag.sources import SourceEdit, SyncRequest
from rag.survey import survey
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder

FILES = {
    "handbook.md": "# Leave\n\nEvery employee has 20 days of paid leave a year.\n",
    "規則/就業規則.txt": "第12条 年次有給休暇は、入社から6か月後に10日与える。\n",
    "prices.csv": "item,price\nviolin,3000\ncello,4500\n",
    "notes.txt": "The boiler was mended in March.\n",
}


class Place:
    """A folder with an index of its own, and short ways to act on both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "documents"
        self.config = Config(index_dir=root / "index", embed_model="hashing")
        self.embedder = HashingEmbedder()
        for name, text in FILES.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def sync(self, *, allow_shrink: bool = False, **request: object) -> BuildReport:
        """Sync the folder, or what ``request`` says; ``embedder.embedded`` starts empty."""
        self.embedder.embedded.clear()
        return build_index(
            self.request(**request),
            self.config,
            self.embedder,
            INDEX_KINDS,
            lambda step: None,
            allow_shrink=allow_shrink,
            only_changes=True,
        )

    def request(self, **request: object) -> SyncRequest:
        request.setdefault("add", (SourceEdit(self.folder),))
        return SyncRequest(**request)  # type: ignore[arg-type]

    def plan(self, **request: object) -> SyncPlan:
        return survey(self.request(**request), self.config, self.embedder, lambda step: None).plan

    @property
    def corpus(self) -> Corpus:
        return Corpus(open_current(self.config.index_dir).path)

    def files(self) -> dict[str, FileStatus]:
        return {file.path: file for file in self.corpus.files()}

    def finds(self, word: str) -> tuple[bool, bool]:
        """Whether the lexical leg, and the vector leg among all its rows, has ``word``."""
        generation = open_current(self.config.index_dir)
        count = generation.manifest.chunks
        lexical = Bm25LexicalIndex.load(generation.path, count).search(word, count)
        vectors = FaissVectorIndex.load(generation.path)
        assert len(vectors) == count
        rows = [row for row, _ in vectors.search(self.embedder.embed_query(word), count)]
        return bool(lexical), any(word in chunk.text for chunk in self.corpus.chunks(rows))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_plan_counts_what_differs_and_changes_nothing(place: Place) -> None:
    assert place.plan() == SyncPlan(new=tuple(sorted(FILES)))
    place.sync()
    place.write("prices.csv", "item,price\nharp,9000\n")
    place.write("new 1.txt", "one")
    place.write("new 2.txt", "two")
    (place.folder / "notes.txt").unlink()
    (place.folder / "handbook.md").rename(place.folder / "規則" / "leave.md")
    before = open_current(place.config.index_dir)

    plan = place.plan()

    assert plan == SyncPlan(
        new=("new 1.txt", "new 2.txt"),
        changed=("prices.csv",),
        renamed=(("handbook.md", "規則/leave.md"),),
        removed=("notes.txt",),
        unchanged=1,
    )
    assert open_current(place.config.index_dir) == before
    assert place.sync().plan == plan
    assert place.plan() == SyncPlan(unchanged=5)


def test_a_sync_without_changes_publishes_nothing_and_embeds_nothing(place: Place) -> None:
    first = place.sync()

    second = place.sync()

    assert (first.is_new, second.is_new) == (True, False)
    assert second.index_id == first.index_id
    assert place.embedder.embedded == []
    assert {file.status for file in second.files} == {"unchanged"}
    assert len(list(place.config.index_dir.glob("*Z-*"))) == 1


def test_touching_a_file_without_changing_it_is_no_change(place: Place) -> None:
    place.sync()
    os.utime(place.folder / "prices.csv", (0, 0))

    assert not place.sync().is_new


def test_only_the_changed_passages_of_a_changed_file_are_embedded(place: Place) -> None:
    sections = [f"# Topic {n}\n\nParagraph number {n} stays as it is.\n" for n in range(8)]
    place.write("long.md", "\n".join(sections))
    place.sync()
    sections[3] = "# Topic 3\n\nThis one is new.\n"
    place.write("long.md", "\n".join(sections))

    report = place.sync()

    assert report.embedded == len(place.embedder.embedded) == 1
    assert "This one is new." in place.embedder.embedded[0]
    assert report.plan.changed == ("long.md",)


def test_a_renamed_or_copied_file_is_not_parsed_or_embedded_again(place: Place) -> None:
    place.sync()
    (place.folder / "prices.csv").rename(place.folder / "rates.csv")
    shutil.copy(place.folder / "handbook.md", place.folder / "handbook copy.md")

    report = build_index(
        place.request(),
        place.config,
        place.embedder,
        INDEX_KINDS,
        lambda step: None,
        registry="tests.no_readers",
    )

    assert report.embedded == 0
    assert report.plan.renamed == (("prices.csv", "rates.csv"),)
    assert report.plan.new == ("handbook copy.md",)
    files = place.files()
    assert "prices.csv" not in files
    assert files["rates.csv"].status == files["handbook copy.md"].status == "indexed"
    rows = place.corpus.rows_of("rates.csv")
    document = place.corpus.document("rates.csv")
    assert all(c.path == "rates.csv" for c in place.corpus.chunks(rows))
    assert all(document.text[c.start : c.end] == c.text for c in place.corpus.chunks(rows))


def test_a_file_with_another_suffix_is_another_file(place: Place) -> None:
    place.sync()
    (place.folder / "prices.csv").rename(place.folder / "prices.txt")

    plan = place.plan()

    assert (plan.new, plan.removed, plan.renamed) == (("prices.txt",), ("prices.csv",), ())


def test_a_removed_file_leaves_both_legs_at_once_and_its_vectors_with_the_next_build(
    place: Place,
) -> None:
    place.sync()
    assert place.finds("cello") == (True, True)
    (place.folder / "prices.csv").unlink()

    report = place.sync()

    assert report.plan.removed == ("prices.csv",)
    assert place.finds("cello") == (False, False)
    assert place.finds("boiler") == (True, True)
    for n in range(2):  # the generation before it, which still has the file, goes after two
        place.write("notes.txt", f"The boiler was mended {n} times.\n")
        place.sync()
    place.write("prices.csv", FILES["prices.csv"])
    assert place.sync().embedded > 0


@pytest.mark.parametrize("status", ["failed", "encrypted"])
def test_a_file_that_became_unreadable_keeps_its_text_and_says_so(
    place: Place, status: str
) -> None:
    with zipfile.ZipFile(place.folder / "report.docx", "w") as package:
        write_docx(package, "The turbine hall floods every spring.")
    first = place.sync()
    assert place.finds("turbine") == (True, True)
    if status == "encrypted":
        content = bytearray((place.folder / "report.docx").read_bytes())
        for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = content.find(mark)
            while start >= 0:
                content[start + at] |= 1  # the flag bit of an encrypted member
                start = content.find(mark, start + 4)
        (place.folder / "report.docx").write_bytes(content)
    else:
        (place.folder / "report.docx").write_bytes(b"PK\x03\x04 damaged")

    report = place.sync()

    file = place.files()["report.docx"]
    assert file.status == "stale"
    assert file.reason.endswith("Answers still use the text that this file had before.")
    assert ("password" in file.reason) == (status == "encrypted")
    assert place.finds("turbine") == (True, True)
    assert (report.documents, report.embedded) == (first.documents, 0)
    assert not place.sync().is_new  # the same damage is not read again and again

    with zipfile.ZipFile(place.folder / "report.docx", "w") as package:
        write_docx(package, "The turbine hall stays dry.")
    assert place.sync().plan.changed == ("report.docx",)
    assert place.files()["report.docx"].status == "indexed"
    assert place.finds("floods") == (False, False)


def write_docx(package: zipfile.ZipFile, text: str) -> None:
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    links = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    package.writestr(
        "[Content_Types].xml",
        f'<Types xmlns="{types}"><Default Extension="rels" ContentType="application/'
        'vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
    )
    package.writestr(
        "_rels/.rels",
        f'<Relationships xmlns="{links}"><Relationship Id="rId1" Type="{office}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
    )
    package.writestr(
        "word/document.xml",
        f'<w:document xmlns:w="{word}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>'
        "</w:document>",
    )


def test_another_way_of_cutting_reads_no_file_again_and_keeps_stale_texts(place: Place) -> None:
    place.write("long.txt", "One sentence after another. " * 60)
    place.sync()
    (place.folder / "prices.csv").write_bytes(bytes(range(256)) * 40)
    place.sync()
    place.config = replace(place.config, chunk_tokens=60, chunk_overlap_tokens=5)

    report = build_index(
        place.request(),
        place.config,
        place.embedder,
        INDEX_KINDS,
        lambda step: None,
        only_changes=True,
        registry="tests.no_readers",
    )

    assert report.is_new
    assert place.files()["long.txt"].chunks > 3
    assert place.files()["prices.csv"].status == "stale"
    assert place.finds("cello") == (True, True)


def test_an_emptied_file_loses_its_text(place: Place) -> None:
    place.sync()
    place.write("prices.csv", "")

    place.sync()

    assert place.files()["prices.csv"].status == "no_text"
    assert place.finds("cello") == (False, False)


def test_a_folder_that_cannot_be_listed_keeps_the_text_of_its_files(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.sync()
    list_folder = os.scandir

    def refuse(folder: Path) -> object:
        if isinstance(folder, Path) and folder.name == "規則":
            raise PermissionError
        return list_folder(folder)

    monkeypatch.setattr("rag.scan.os.scandir", refuse)  # root may list any folder

    report = place.sync()

    assert place.files()["規則/就業規則.txt"].status == "stale"
    assert place.finds("年次") == (True, True)
    assert report.plan.removed == ()
    monkeypatch.undo()
    place.sync()
    assert place.files()["規則/就業規則.txt"].status == "indexed"


def test_files_that_could_not_be_read_are_not_tried_again_unless_asked(place: Place) -> None:
    (place.folder / "broken.docx").write_bytes(b"PK\x03\x04 damaged")
    place.sync()
    assert place.files()["broken.docx"].status == "failed"

    assert place.plan() == SyncPlan(unchanged=5)
    assert place.plan(retries_all=True) == SyncPlan(retried=("broken.docx",), unchanged=4)
    assert place.plan(retry=("prices.csv",)) == SyncPlan(retried=("prices.csv",), unchanged=4)
    place.config = replace(place.config, parse_seconds=10)  # the readers can do more than before
    assert place.plan() == SyncPlan(retried=("broken.docx",), unchanged=4)
    assert place.sync(retry=("prices.csv",)).is_new


def test_a_file_that_holds_one_that_could_not_be_read_is_tried_again_as_well(
    place: Place,
) -> None:
    with zipfile.ZipFile(place.folder / "old.zip", "w") as archive:
        archive.writestr("a.txt", "The ferry sails at noon.")
        archive.writestr("broken.docx", b"PK\x03\x04 damaged")
    place.sync()

    assert place.plan() == SyncPlan(unchanged=5)
    assert place.plan(retries_all=True) == SyncPlan(retried=("old.zip",), unchanged=4)


def test_losing_over_half_of_the_documents_must_be_meant(place: Place) -> None:
    place.sync()
    for name in ("handbook.md", "prices.csv", "notes.txt"):
        (place.folder / name).unlink()

    with pytest.raises(BuildError, match=r"Only 1 of 4 documents .* --allow-shrink"):
        place.sync()

    assert place.finds("cello") == (True, True)
    assert place.sync(allow_shrink=True).documents == 1


def test_a_folder_that_was_taken_off_wipes_nothing(place: Place) -> None:
    place.sync()
    place.folder.rename(place.root / "elsewhere")

    with pytest.raises(BuildError, match="does not exist"):
        place.sync(add=())
    place.folder.mkdir()
    with pytest.raises(BuildError, match="holds no files"):
        place.sync(add=())

    assert place.finds("cello") == (True, True)


# Several folders, collections, patterns


def test_a_second_folder_joins_the_first_and_both_are_followed(place: Place) -> None:
    place.sync()
    other = place.root / "papers"
    other.mkdir()
    (other / "leave.txt").write_text("Sabbaticals last a year.\n")

    report = place.sync(add=(SourceEdit(other, collection="research"),))

    assert report.embedded == 1  # the first folder's passages only changed their paths
    assert report.plan == SyncPlan(new=("papers/leave.txt",), unchanged=4)
    assert {path.split("/")[0] for path in place.files()} == {"documents", "papers"}
    assert place.finds("Sabbaticals") == (True, True)
    assert place.finds("cello") == (True, True)
    sources = open_current(place.config.index_dir).manifest.sources
    assert [(Path(s.folder).name, s.collection) for s in sources] == [
        ("documents", "documents"),
        ("papers", "research"),
    ]
    assert not place.sync(add=()).is_new

    dropped = place.sync(add=(), drop=(place.folder,))
    assert list(place.files()) == ["leave.txt"]
    assert dropped.embedded == 0


def test_a_stale_file_keeps_its_text_when_a_second_folder_changes_all_paths(place: Place) -> None:
    place.sync()
    (place.folder / "prices.csv").write_bytes(bytes(range(256)) * 40)
    place.sync()
    assert place.files()["prices.csv"].status == "stale"
    other = place.root / "papers"
    other.mkdir()
    (other / "leave.txt").write_text("Sabbaticals last a year.\n")

    place.sync(add=(SourceEdit(other),))

    assert place.files()["documents/prices.csv"].status == "stale"
    assert place.finds("cello") == (True, True)


def test_one_folder_inside_another_is_refused(place: Place) -> None:
    place.sync()

    with pytest.raises(RagError, match="lies inside"):
        place.sync(add=(SourceEdit(place.folder / "規則"),))


def test_excluded_files_leave_the_index_and_can_come_back(place: Place) -> None:
    place.sync()

    report = place.sync(add=(), leave_out=("prices.csv",))

    assert report.plan.removed == ("prices.csv",)
    assert place.files()["prices.csv"].status == "excluded"
    assert place.finds("cello") == (False, False)
    assert not place.sync(add=()).is_new  # the pattern stays

    place.sync(add=(), take_in=("prices.csv",))
    assert place.files()["prices.csv"].status == "indexed"
    assert place.finds("cello") == (True, True)


def test_patterns_choose_files_and_skip_whole_folders(place: Place) -> None:
    edit = SourceEdit(place.folder, include=("*.txt", "*.md"), exclude=("規則",))

    place.sync(add=(edit,))

    assert {path: file.status for path, file in place.files().items()} == {
        "handbook.md": "indexed",
        "notes.txt": "indexed",
        "prices.csv": "excluded",
        "規則": "excluded",
    }
    place.sync(add=(SourceEdit(place.folder, include=(), exclude=()),))
    assert {file.status for file in place.files().values()} == {"indexed"}


# Files inside files


def test_a_file_inside_an_archive_is_a_document_of_its_own(place: Place) -> None:
    with zipfile.ZipFile(place.folder / "old.zip", "w") as archive:
        archive.writestr("議事録/2019.txt", "理事会は議案を可決した。")
        archive.writestr("film.mp4", b"\0")
    place.sync()

    files = place.files()

    assert files["old.zip"].status == "archive"
    inside = files["old.zip/議事録/2019.txt"]
    assert (inside.status, inside.container) == ("indexed", "old.zip")
    assert files["old.zip/film.mp4"].status == "unsupported"
    assert place.finds("可決") == (True, True)

    (place.folder / "old.zip").rename(place.folder / "older.zip")
    report = place.sync()
    assert report.plan.renamed == (("old.zip", "older.zip"),)
    assert report.embedded == 0
    assert "older.zip/議事録/2019.txt" in place.files()
    assert place.files()["older.zip/議事録/2019.txt"].container == "older.zip"

    (place.folder / "older.zip").unlink()
    place.sync()
    assert place.finds("可決") == (False, False)
    assert not [path for path in place.files() if path.startswith("older.zip")]


def test_a_file_inside_an_archive_is_read_again_or_left_out_with_all_of_it(place: Place) -> None:
    with zipfile.ZipFile(place.folder / "old.zip", "w") as archive:
        archive.writestr("a.txt", "The ferry sails at noon.")
    place.sync()

    assert place.plan(retry=("old.zip/a.txt",)).retried == ("old.zip",)
    with pytest.raises(RagError, match=r"lies inside 'old.zip'"):
        place.plan(leave_out=("old.zip/a.txt",))
    for request in ({"leave_out": ("b.zip",)}, {"retry": ("b.zip",)}, {"take_in": ("b.zip",)}):
        with pytest.raises(RagError, match=r"lists no file 'b.zip'"):
            place.plan(**request)


def test_an_archive_that_became_unreadable_keeps_what_was_inside(place: Place) -> None:
    with zipfile.ZipFile(place.folder / "old.zip", "w") as archive:
        archive.writestr("a.txt", "The ferry sails at noon.")
    place.sync()
    (place.folder / "old.zip").write_bytes(b"PK\x03\x04 damaged")

    place.sync()

    assert place.files()["old.zip"].status == "stale"
    assert place.finds("ferry") == (True, True)
