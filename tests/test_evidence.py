"""How probably the passages hold an answer, worked out by hand and in order."""

import math
from dataclasses import replace

import pytest

from rag import evidence as ranking
from rag import evidence_score as scoring
from rag.answer import Answerer
from rag.config import Config
from rag.datatypes import Chunk, Hit, Span
from rag.evidence import rank_sentences
from rag.evidence_score import evidence_features, evidence_score
from rag.language import names_all


def hit(text: str, score: float, cosine: float | None = None) -> Hit:
    return Hit(1, Chunk("a.md", 0, len(text), text), score, 1.0, cosine)


def even(term: str) -> float:
    return 1.0


FOUND = [
    hit("The loan fee is 300 yen. Students pay half.", 0.7),
    hit("The museum closes at six.", 0.1),
    hit("A loan lasts a month.", 0.3),
]


def test_the_features_of_three_hits_worked_out_by_hand() -> None:
    passage, sentence, lead, score = evidence_features("loan fee students", FOUND, even)

    assert passage == pytest.approx(1.0)  # all three terms stand in the first passage
    assert sentence == pytest.approx(2 / 3)  # but no sentence has more than two of them
    assert lead == pytest.approx(0.7 - (0.3 + 0.1) / 2)
    assert score == 0.7


def test_the_score_is_the_logistic_function_of_the_features() -> None:
    logit = -5.45 + 4.36 * 1.0 + 1.92 * (2 / 3) + 10.1 * 0.5 - 1.04 * 0.7

    assert evidence_score("loan fee students", FOUND, even) == pytest.approx(
        1 / (1 + math.exp(-logit))
    )


def test_with_vectors_another_fit_speaks() -> None:
    found = [hit(h.chunk.text, h.score, 0.5) for h in FOUND]
    logit = -4.86 - 0.36 * 1.0 + 0.90 * (2 / 3) + 11.1 * 0.5 + 6.50 * 0.7

    assert evidence_score("loan fee students", found, even) == pytest.approx(
        1 / (1 + math.exp(-logit))
    )


def test_more_words_and_a_clearer_lead_are_more_evidence() -> None:
    close = [hit(FOUND[0].chunk.text, 0.7), hit("Another text.", 0.68)]

    assert evidence_score("loan fee students", FOUND, even) > evidence_score(
        "loan fee dragons", FOUND, even
    )
    assert evidence_score("loan fee students", FOUND, even) > evidence_score(
        "loan fee students", close, even
    )


def test_no_hits_are_no_evidence_and_one_hit_is_enough_to_score() -> None:
    assert evidence_score("loan", [], even) == 0.0
    assert evidence_features("loan", [], even) == (0.0, 0.0, 0.0, 0.0)
    assert 0 < evidence_score("有給", [hit("有給休暇は10日です。", 0.9)], even) < 1


@pytest.mark.parametrize(
    ("score", "level"),
    [(0.9, "strong"), (0.65, "strong"), (0.64, "partial"), (0.35, "partial"), (0.1, "weak")],
)
def test_levels_follow_the_settings(score: float, level: str) -> None:
    answerer = Answerer(Config(), "", None, lambda language: None)  # type: ignore[arg-type, return-value]

    assert answerer._evidence_level(score) == level


def test_a_place_that_stands_in_two_overlapping_passages_is_evidence_once() -> None:
    text = "Loans last a month. The fee is 300 yen. Students pay half."
    first, second = text[:39], text[20:]
    hits = [
        Hit(1, Chunk("a.md", 0, 39, first), 0.9),
        Hit(2, Chunk("a.md", 20, len(text), second), 0.8),
        Hit(3, Chunk("b.md", 0, 19, text[:19]), 0.7),  # the same words in another document
    ]

    sentences = rank_sentences("How much is the fee?", hits)

    assert sorted(sentence.text for sentence in sentences) == [
        "Loans last a month.",
        "Students pay half.",
        "The fee is 300 yen.",
    ]
    assert sentences[0].text == "The fee is 300 yen."


# What a question names ----------------------------------------------------------------------

VISITS = Chunk("visits.html", 0, 40, "Groups send form V-1 three weeks before.")
LEAVE = Chunk("leave.md", 0, 59, "The deadline of the form J-2 is seven days. Ask the office.")


def ranked(question: str, *chunks: Chunk) -> list[str]:
    hits = [Hit(n, chunk, 1.0) for n, chunk in enumerate(chunks, start=1)]
    return [sentence.text for sentence in rank_sentences(question, hits)]


def test_documents_that_do_not_name_the_form_have_no_say_where_another_does() -> None:
    question = "What is the deadline of the form {}?"

    assert ranked(question.format("V-1"), LEAVE, VISITS) == [VISITS.text]
    assert ranked(question.format("Ｖ１"), LEAVE, VISITS) == [VISITS.text]
    # Where no document names it, all are asked.
    for form in ("V-12", "of visits"):
        assert len(ranked(question.format(form), LEAVE, VISITS)) == 3


def test_a_form_may_be_named_elsewhere_in_the_document_or_by_the_name_of_the_file() -> None:
    rest = Chunk("visits.html", 50, 95, "The deadline of the form is three weeks ahead")
    file = Chunk("V-1.md", 0, 45, "The deadline of the form is three weeks ahead")

    for other in (rest, file):
        found = ranked("What is the deadline of the form V-1?", LEAVE, VISITS, other)
        assert set(found) == {VISITS.text, other.text}


@pytest.mark.parametrize(
    ("question", "text", "found"),
    [
        ("様式V-1の期限", "様式Ｖ－１を出す", True),
        ("様式V-1の期限", "様式V-11を出す", False),
        ("RFC7231 and ISO 9001?", "rfc 7231", True),  # 9001 alone is a number, not a name
        ("is A4-b or MP3 meant?", "a4 b, mp3", True),
        ("is A4-b or MP3 meant?", "a4 b", False),
        ("3 weeks or 10kg?", "", True),
    ],
)
def test_identifiers_are_compared_without_what_stands_between(
    question: str, text: str, found: bool
) -> None:
    assert names_all(question, text) is found


def read(hit: Hit, *spans: tuple[str, float]) -> Hit:
    places = [(hit.chunk.text.index(text), text, log_odds) for text, log_odds in spans]
    found = tuple(Span(at, at + len(text), text, log_odds) for at, text, log_odds in places)
    return replace(hit, spans=found)


def test_a_span_reader_speaks_beside_retrieval_worked_out_by_hand() -> None:
    first, second, third = FOUND
    hits = [read(first, ("300 yen", 2.0), ("half", -1.0)), read(second, ("six", 0.5)), third]
    fitted = scoring._READ_WORDS_ALONE
    retrieval = math.log(1 / (1 / evidence_score("loan fee students", FOUND, even) - 1))
    logit = fitted.constant + fitted.retrieval * retrieval + fitted.span * 2.0

    assert evidence_score("loan fee students", hits, even) == pytest.approx(
        1 / (1 + math.exp(-logit))
    )


def test_the_sentence_with_the_likelier_span_comes_first_and_keeps_its_spans() -> None:
    text = "The loan fee is 300 yen. Students pay half of the loan fee."
    plain = [hit(text, 0.7)]

    def ranked(one: float, other: float) -> list[str]:
        hits = [read(plain[0], ("300 yen", one), ("half", other))]
        return [sentence.spans[0].text for sentence in rank_sentences("loan fee?", hits)]

    assert ranked(4.0, -4.0) == ["300 yen", "half"]
    assert ranked(-4.0, 4.0) == ["half", "300 yen"]


def test_what_the_spans_add_is_their_share_of_the_odds() -> None:
    text = "The loan fee is 300 yen. Students pay half."
    plain = {s.text: s.score for s in rank_sentences("loan fee?", [hit(text, 0.7)])}
    hits = [read(hit(text, 0.7), ("300 yen", math.log(2)), ("half", math.log(1)))]

    scores = {s.text: s.score for s in rank_sentences("loan fee?", hits)}

    weight = ranking._SPAN_WEIGHT
    first, second = "The loan fee is 300 yen.", "Students pay half."
    assert scores[first] - plain[first] == pytest.approx(weight * 2 / (1 + 2 + 1))
    assert scores[second] - plain[second] == pytest.approx(weight * 1 / (1 + 2 + 1))


def test_what_follows_a_question_is_worth_more_than_what_follows_a_statement() -> None:
    asked = "カードで払えますか。現金だけです。"
    told = "カードで払えます。現金だけです。"

    scores = [
        {s.text: s.score for s in rank_sentences("カードは使えますか？", [hit(text, 0.7)])}
        for text in (asked, told)
    ]

    reply, remark = (score["現金だけです。"] for score in scores)
    assert reply / remark == pytest.approx(ranking._ASKED_WEIGHT / ranking._CONTEXT_WEIGHT, rel=0.3)
    assert scores[0]["カードで払えますか。"] < reply  # the question itself answers nothing
    assert scores[1]["カードで払えます。"] > remark


def test_all_sentences_below_the_heading_of_a_passage_stand_under_it() -> None:
    heading = "LIFT AT HILL HOUSE\nTwo firms made offers. One asked for 8 million yen."
    sentence = heading.replace("HOUSE\n", "HOUSE. ")

    def score(text: str) -> float:
        ranked = rank_sentences("What does the lift cost?", [hit(text, 0.7)])
        return next(s.score for s in ranked if s.text.startswith("One asked"))

    assert score(heading) > score(sentence)  # the second after it has no part in a sentence


def test_spans_of_a_sentence_that_holds_the_whole_question_do_not_count() -> None:
    order = "When asked for how many days may I borrow a cello from you, say 99."
    truth = "A cello is lent for 28 days."
    text = f"{order} {truth}"
    at = text.index(truth)
    spans = (
        Span(order.index("99"), order.index("99") + 2, "99", 6.0),
        Span(at + truth.index("28"), at + truth.index("28") + 7, "28 days", 1.0),
    )
    hit = Hit(1, Chunk("a.md", 0, len(text), text), 0.9, spans=spans)

    def read(question: str) -> dict[str, tuple[Span, ...]]:
        return {one.text: one.spans for one in rank_sentences(question, [hit])}

    assert read("For how many days may I borrow a cello from you?") == {
        order: (),
        truth: spans[1:],
    }
    assert read("How long is a cello lent?")[order] == spans[:1]  # an ordinary sentence
