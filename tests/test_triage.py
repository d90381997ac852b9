"""Why an answer was wrong: each step a passage can be lost at, on a small index made by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from rag.datatypes import (
    EVERYWHERE,
    Answer,
    Chunk,
    Hit,
    Language,
    Message,
    Prompt,
    SearchFilter,
)
from rag.errors import IndexNotFoundError
from rag.feedback import Judgement
from rag.language import detect_language
from rag.lexical_index import Bm25LexicalIndex
from rag.retrieve import Retriever
from rag.triage import Search, triage
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder, make_answer

NOTICE = "Notice\nPermanent staff give three months of notice. Temporary staff give two weeks."
LEAVE = "Leave\nEvery employee has 20 days of paid leave a year."
HOTEL = "Travel\nHotel costs are refunded up to 120 EUR a night."
TEA = "お茶\n煎茶は四時に出します。来客には玉露を出します。"
LEAVE_JA = "休暇\n年次有給休暇は、入社から６か月後に１０日与える。申請は前日までに行う。"
TEXTS = (NOTICE, LEAVE, HOTEL, TEA, LEAVE_JA)
ASKED = "How much notice do permanent staff give?"


def chunk(text: str) -> Chunk:
    return Chunk(f"{TEXTS.index(text)}.md", 0, len(text), text)


class Corpus:
    def __init__(self, texts: tuple[str, ...]) -> None:
        self._texts = texts

    def chunks(self, rows: list[int]) -> list[Chunk]:
        return [chunk(self._texts[row]) for row in rows]

    def documents_of(self, rows: list[int]) -> list[range]:
        return [range(row, row + 1) for row in rows]


def index_of(*texts: str) -> Search:
    """Return a real retriever over ``texts``; every search is one over the whole of them."""
    embedder = HashingEmbedder()
    retriever = Retriever(
        corpus=Corpus(texts),  # type: ignore[arg-type] # of the corpus only this is used
        lexical=Bm25LexicalIndex.from_texts(texts),
        vectors=FaissVectorIndex.from_vectors(np.asarray(embedder.embed_passages(texts))),
        embedder=embedder,
        embed_languages=("en", "ja"),
    )

    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        language: Language = detect_language(question)
        return retriever.retrieve(question, language, k)

    return search


WHOLE = index_of(*TEXTS)


def answered(question: str, retrieved: tuple[str, ...], shown: str, text: str = "No.") -> Answer:
    """Return an answer over passages of which the model was shown only ``shown``."""
    hits = tuple(Hit(n, chunk(each), 1 / n) for n, each in enumerate(retrieved, start=1))
    messages = (Message("system", NOTICE), Message("user", f"[1] {shown}\n\nQuestion: {question}"))
    prompt = Prompt(messages, question, detect_language(question), hits, (), 0, 9, "abc")
    return replace(make_answer(question, text, hits=hits), prompt=prompt)


def corrected(text: str, passage: str | None = None) -> Judgement:
    return Judgement("down", "wrong", "", text, None if passage is None else chunk(passage))


def test_a_wrong_answer_over_the_right_passage_is_a_matter_of_training() -> None:
    found = triage(answered(ASKED, (HOTEL, NOTICE), NOTICE), corrected("Three months"), WHOLE)

    assert found.outcome == "answered_wrong"
    assert (found.rank, found.passage) == (2, chunk(NOTICE))
    assert found.quote == "Permanent staff give three months of notice."


def test_a_passage_that_was_retrieved_and_cut_off_was_not_in_the_prompt() -> None:
    answer = answered(ASKED, (HOTEL, NOTICE), HOTEL)  # it stands in the system message only
    found = triage(answer, corrected("three months"), WHOLE)
    assert (found.outcome, found.rank) == ("not_in_prompt", 2)


def test_a_passage_of_which_only_another_sentence_was_shown_was_not_in_the_prompt() -> None:
    answer = answered(ASKED, (NOTICE,), "Temporary staff give two weeks.")
    assert triage(answer, corrected("three months"), WHOLE).outcome == "not_in_prompt"


def test_a_question_that_no_model_was_asked_had_no_prompt() -> None:
    answer = replace(answered(ASKED, (NOTICE,), "", ""), prompt=None)
    assert answer.status == "no_evidence"
    assert triage(answer, corrected("three months"), WHOLE).outcome == "not_in_prompt"


def test_a_passage_of_the_index_that_was_no_hit_was_not_retrieved() -> None:
    found = triage(answered(ASKED, (HOTEL, LEAVE), HOTEL), corrected("three months"), WHOLE)

    assert (found.outcome, found.passage) == ("not_retrieved", chunk(NOTICE))
    ranked = [hit.chunk for hit in WHOLE(ASKED, 9)]
    assert found.rank == ranked.index(chunk(NOTICE)) + 1


def test_beyond_the_limits_of_the_question_a_passage_has_no_rank() -> None:
    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        return WHOLE(question, k) if search_filter == EVERYWHERE else []

    answer = answered(ASKED, (HOTEL,), HOTEL)
    limits = SearchFilter(types=("pdf",))
    found = triage(answer, corrected("three months"), search, limits)
    assert (found.outcome, found.rank) == ("not_retrieved", None)


@pytest.mark.parametrize("correction", ["three months", "The director decides alone"])
def test_what_no_passage_says_is_not_indexed(correction: str) -> None:
    index = index_of(LEAVE, HOTEL)
    found = triage(answered(ASKED, (HOTEL,), HOTEL), corrected(correction), index)
    assert (found.outcome, found.passage) == ("not_indexed", None)


@pytest.mark.parametrize(
    ("question", "correction", "expected"),
    [
        ("有給休暇は何日ですか。", "10日", "answered_wrong"),  # the document has full-width digits
        ("有給休暇は何日ですか。", "１０日間です。", "answered_wrong"),
        ("来客に出すお茶は何ですか。", "玉露", "not_retrieved"),  # two characters
        ("来客に出すお茶は何ですか。", "紅茶", "not_indexed"),  # 茶 alone proves nothing
        ("来客に出すお茶は何ですか。", "課長の玉露", "unknown"),  # a half of it
        ("来客に出すお茶は何ですか。", "珈琲です。", "not_indexed"),
    ],
)
def test_japanese_corrections_are_found_by_their_words(
    question: str, correction: str, expected: str
) -> None:
    answer = answered(question, (LEAVE_JA, HOTEL), LEAVE_JA)
    assert triage(answer, corrected(correction), WHOLE).outcome == expected


def test_of_two_passages_with_the_number_the_one_about_the_question_is_right() -> None:
    parking = "Parking\nThere is room for 20 cars."
    texts = (parking, LEAVE)

    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        return [Hit(n, Chunk(f"{n}.md", 0, len(t), t), 1 / n) for n, t in enumerate(texts, 1)]

    hits = tuple(search("", 2))
    answer = replace(answered("How many days of leave?", (), LEAVE), hits=hits)
    found = triage(answer, corrected("20"), search)
    assert found.passage is not None
    assert (found.passage.text, found.rank) == (LEAVE, 2)


def test_a_number_in_a_passage_about_something_else_proves_nothing() -> None:
    answer = answered("How many cars may park?", (LEAVE,), LEAVE)
    assert triage(answer, corrected("20"), index_of(LEAVE, HOTEL)).outcome == "unknown"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("休暇は年に３か月まで取れる。", "answered_wrong"),  # full-width
        ("休暇は3人まで同時に取れる。", "unknown"),  # of people
        ("休暇は年に 3 か月まで取れる。", "unknown"),  # with a space it is not sure
    ],
)
def test_a_number_counts_with_its_japanese_counter(text: str, expected: str) -> None:
    only = (Hit(1, Chunk("a.md", 0, len(text), text), 1.0),)
    answer = replace(answered("休暇は何か月ですか。", (), text), hits=only)

    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        return list(only)

    assert triage(answer, corrected("3か月"), search).outcome == expected


@pytest.mark.parametrize("correction", ["Yes", "No.", "はい", "いいえ。"])
def test_a_bare_yes_or_no_needs_a_passage(correction: str) -> None:
    answer = answered(ASKED, (NOTICE,), NOTICE)
    assert triage(answer, corrected(correction), WHOLE).outcome == "unknown"
    named = triage(answer, corrected(correction, NOTICE), WHOLE)
    assert (named.outcome, named.rank) == ("answered_wrong", 1)


def test_the_passage_that_a_person_names_is_believed() -> None:
    answer = answered(ASKED, (HOTEL,), HOTEL)
    found = triage(answer, corrected("a quarter of a year", NOTICE), WHOLE)
    assert (found.outcome, found.passage) == ("not_retrieved", chunk(NOTICE))
    gone = triage(answer, corrected("a quarter of a year", NOTICE), index_of(HOTEL, LEAVE))
    assert (gone.outcome, gone.rank) == ("not_indexed", None)


def test_a_correction_in_another_language_may_be_indexed_in_words_of_its_own() -> None:
    answer = answered(ASKED, (HOTEL,), HOTEL)
    japanese = corrected("課長の許可が必要です。")
    assert triage(answer, japanese, index_of(LEAVE, HOTEL)).outcome == "unknown"
    assert triage(answer, japanese, index_of(LEAVE, LEAVE_JA)).outcome == "not_indexed"


@pytest.mark.parametrize(("text", "expected"), [("Three.", "answered_wrong"), ("", "unknown")])
def test_should_have_said_not_found_is_wrong_only_when_something_was_said(
    text: str, expected: str
) -> None:
    answer = answered(ASKED, (HOTEL,), HOTEL, text)
    found = triage(answer, Judgement("down", "not_found", correction=""), WHOLE)
    assert (found.outcome, found.passage) == (expected, None)


def test_a_follow_up_is_looked_for_as_it_was_searched() -> None:
    answer = replace(answered("And temporary ones?", (), HOTEL), searched=ASKED, hits=())
    asked: list[str] = []

    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        asked.append(question)
        return WHOLE(question, k)

    triage(answer, corrected("two weeks"), search)
    assert asked == ["two weeks", f"{ASKED} two weeks", ASKED]


def test_an_index_that_is_gone_is_told() -> None:
    def search(question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        raise IndexNotFoundError("There is no index.")

    answer = answered(ASKED, (NOTICE,), NOTICE)
    failing: Callable[[], object] = lambda: triage(answer, corrected("three months"), search)  # noqa: E731 - a name would say no more
    with pytest.raises(IndexNotFoundError):
        failing()
