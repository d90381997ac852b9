"""Hits that overlap in their document become one passage."""

from dataclasses import replace

from rag.datatypes import Chunk, Hit, Span
from rag.neighbours import join_neighbours

TEXT = "One. Two. Three. Four. 五つ。六つ。"


def hit(rank: int, start: int, end: int, path: str = "a.md", heading: str = "") -> Hit:
    chunk = Chunk(path, start, end, TEXT[start:end], heading=heading)
    return Hit(rank, chunk, 1 / rank)


def test_overlapping_hits_become_one_passage_at_the_better_rank() -> None:
    joined = join_neighbours([hit(1, 5, 16), hit(2, 0, 4, "b.md"), hit(3, 0, 9)])

    assert [(h.rank, h.chunk.path, h.chunk.text) for h in joined] == [
        (1, "a.md", "One. Two. Three."),
        (2, "b.md", "One."),
    ]
    assert joined[0].score == 1.0


def test_a_hit_between_two_joins_all_three() -> None:
    joined = join_neighbours([hit(1, 0, 9), hit(2, 17, 26), hit(3, 5, 22)])

    assert [h.chunk.text for h in joined] == ["One. Two. Three. Four. 五つ。"]


def test_a_hit_inside_another_adds_nothing() -> None:
    assert [h.chunk.text for h in join_neighbours([hit(1, 0, 16), hit(2, 5, 9)])] == [TEXT[:16]]


def test_spans_still_point_into_the_document() -> None:
    (joined,) = join_neighbours([hit(1, 17, 26), hit(2, 10, 22)])

    assert TEXT[joined.chunk.start : joined.chunk.end] == joined.chunk.text


def test_hits_apart_or_under_other_headings_or_in_other_documents_stay() -> None:
    apart = [hit(1, 0, 4), hit(2, 5, 9), hit(3, 0, 9, heading="Two"), hit(4, 0, 9, "b.md")]

    assert join_neighbours(apart) == apart


def test_the_spans_of_joined_hits_come_together_likeliest_first_and_each_place_once() -> None:
    one, two = Span(0, 3, "One", 1.0), Span(5, 8, "Two", -1.0)
    first = replace(hit(1, 0, 9), spans=(one, two))
    second = replace(hit(2, 5, 16), spans=(replace(two, log_odds=2.0),))

    assert join_neighbours([first, second])[0].spans == (replace(two, log_odds=2.0), one)
    assert join_neighbours([hit(1, 0, 9), hit(2, 5, 16)])[0].spans is None  # nothing read them
