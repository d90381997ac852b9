"""What a span reader adds to the search of an answer, worked out by hand."""

import math

import pytest

from rag.datatypes import Chunk, Evidence, Hit, Prompt, Span
from rag.span_agreement import expected_f1, proposed_answers, support


def span(text: str, log_odds: float, start: int = 0) -> Span:
    return Span(start, start + len(text), text, log_odds)


def prompt_showing(*spans: Span, shown: int = 1) -> Prompt:
    chunk = Chunk("a.md", 0, 100, "x" * 100)
    sentence = Evidence("a.md", None, 10, 50, "x" * 40, 1.0, spans)
    other = Evidence("a.md", None, 60, 90, "x" * 30, 0.5, (span("unshown", 9.0),))
    hits = (Hit(1, Chunk("b.md", 0, 9, "y" * 9), 0.9), Hit(2, chunk, 0.8))
    return Prompt((), "Q?", "en", hits, (sentence, other), shown, 1, "")


def test_an_answer_is_worth_its_f1_against_each_span_weighed_by_its_likelihood() -> None:
    spans = [span("14 characters", math.log(3)), span("8", math.log(1))]

    assert expected_f1(spans, "14 characters [2]") == pytest.approx(3 / 4)
    assert expected_f1(spans, "14") == pytest.approx(3 / 4 * 2 / 3)  # half of two words
    assert expected_f1(spans, "8") == pytest.approx(1 / 4)
    assert expected_f1(spans, "blue") == 0.0


def test_japanese_is_compared_by_characters_and_full_width_digits_are_digits() -> None:
    assert expected_f1([span("３週間前", 0.0)], "3週間前 [1]") == pytest.approx(1.0)
    assert expected_f1([span("3週間前", 0.0)], "7日前") == pytest.approx(2 * 1 / (4 + 3))


def test_the_likeliest_spans_of_the_shown_sentences_are_proposed_with_their_passage() -> None:
    prompt = prompt_showing(
        span("red", 1.0), span("Red", 2.0), span("blue", 1.5), span("far", -1.1)
    )

    assert proposed_answers(prompt) == ["Red [2]", "blue [2]"]


def test_support_is_bounded_and_nothing_without_a_reader() -> None:
    assert support(prompt_showing(), "anything") == 0.0
    read = prompt_showing(span("red", 3.0))

    assert support(read, "red [2]") == pytest.approx(0.0)
    assert support(read, "green") == pytest.approx(support(read, "blue"))
    assert -12 < support(read, "green") < -1


def test_a_sentence_that_is_not_shown_proposes_nothing() -> None:
    assert proposed_answers(prompt_showing()) == []
    assert proposed_answers(prompt_showing(shown=2)) == ["unshown [2]"]
