"""Folders of an index: patterns, labels, collections, and what a request makes of them."""

from pathlib import Path

import pytest

from rag.datatypes import Source
from rag.errors import RagError
from rag.sources import (
    SourceEdit,
    SyncRequest,
    apply_request,
    exclusion,
    is_included,
    labels,
    prefixes_of,
)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.pdf", "a.pdf", True),
        ("*.pdf", "deep/down/a.PDF", True),
        ("*.pdf", "a.pdf.txt", False),
        ("drafts", "drafts/a.md", True),
        ("drafts", "2019/drafts/a.md", True),
        ("drafts", "drafts.md", False),
        ("drafts/", "2019/drafts/a.md", True),
        ("2019/drafts", "2019/drafts/a.md", True),
        ("2019/*", "2019/drafts/a.md", True),
        ("2019/*", "old/2019/a.md", False),
        ("/notes.txt", "notes.txt", True),
        ("/notes.txt", "deep/notes.txt", False),
        ("下書き*", "規則/下書き2.docx", True),
        ("が.txt", "\u304b\u3099.txt", True),  # as macOS writes the name: two code points
        ("[ab].txt", "a.txt", True),
        ("/[[]ab].txt", "[ab].txt", True),
        ("/[[]ab].txt", "a.txt", False),
    ],
)
def test_patterns_match_names_paths_and_anchored_names(
    pattern: str, path: str, matches: bool
) -> None:
    assert bool(exclusion(Source("/d", exclude=(pattern,)), path)) == matches
    assert is_included(Source("/d", include=(pattern,)), path) == matches
    assert is_included(Source("/d"), path)


def test_one_folder_needs_no_label_and_twins_get_a_number() -> None:
    assert labels([Source("/a/papers")]) == [""]
    sources = [Source("/a/papers"), Source("/b/papers"), Source("/c/papers-2"), Source("/")]
    assert labels(sources) == ["papers", "papers-2", "papers-2-2", "root"]


def test_a_collection_is_the_beginnings_of_the_paths_of_its_folders() -> None:
    sources = [Source("/a/x", "work"), Source("/a/y", "home"), Source("/a/z", "work")]

    assert prefixes_of(sources, "work") == ["x/", "z/"]
    assert prefixes_of(sources, "home") == ["y/"]
    assert prefixes_of(sources[:1], "work") == [""]
    with pytest.raises(RagError, match=r"no collection 'play'; there are: home, work"):
        prefixes_of(sources, "play")


def test_leaving_out_a_document_adds_a_pattern_for_it_alone(tmp_path: Path) -> None:
    source = Source(str(tmp_path), exclude=("*.bak",))

    (changed,) = apply_request([source], SyncRequest(leave_out=("sub/[a]*.txt",)))

    assert exclusion(changed, "sub/[a]*.txt")
    assert not exclusion(changed, "sub/ab.txt")
    assert apply_request([changed], SyncRequest(take_in=("sub/[a]*.txt",))) == (source,)
    assert apply_request([changed], SyncRequest(leave_out=("sub/[a]*.txt",))) == (changed,)


def test_a_document_is_left_out_of_the_folder_that_its_path_names(tmp_path: Path) -> None:
    sources = [Source(str(tmp_path / "x")), Source(str(tmp_path / "y"))]

    x, y = apply_request(sources, SyncRequest(leave_out=("y/a.txt",)))

    assert (x.exclude, y.exclude) == ((), ("/a.txt",))
    with pytest.raises(RagError, match="belongs to no folder"):
        apply_request(sources, SyncRequest(leave_out=("z/a.txt",)))


def test_naming_a_known_folder_again_keeps_what_is_not_said(tmp_path: Path) -> None:
    source = Source(str(tmp_path), "work", ("*.md",), ("drafts",))

    assert apply_request([source], SyncRequest(add=(SourceEdit(tmp_path),))) == (source,)
    edit = SourceEdit(tmp_path, collection="home", include=())
    assert apply_request([source], SyncRequest(add=(edit,))) == (
        Source(str(tmp_path), "home", (), ("drafts",)),
    )


def test_replacing_keeps_only_the_named_folders_but_their_settings(tmp_path: Path) -> None:
    kept = Source(str(tmp_path / "x"), exclude=("drafts",))
    sources = [kept, Source(str(tmp_path / "y"))]

    request = SyncRequest(add=(SourceEdit(tmp_path / "x"),), replaces=True)

    assert apply_request(sources, request) == (kept,)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (SyncRequest(), "leaves no folder"),
        (SyncRequest(drop=(Path("/never/added"),)), "is no folder of this index"),
        (SyncRequest(add=(SourceEdit(Path("/a")), SourceEdit(Path("/a/b")))), "lies inside"),
        (SyncRequest(add=(SourceEdit(Path("/a"), collection=" "),)), "1 to 100 characters"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(request_: SyncRequest, words: str) -> None:
    with pytest.raises(RagError, match=words):
        apply_request([], request_)
