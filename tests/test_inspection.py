"""Where passages stood, what became of them, and why a file was not used."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from rag.answer_json import answer_from_json, answer_to_json
from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, Chunk, Citation, Evidence, Hit, Prompt, SearchFilter
from rag.engine import RagEngine
from rag.filters import exact_pattern
from rag.inspection import Places, fate_of, places_of, probe
from tests.fakes import HashingEmbedder, make_answer, use_embedder

QUESTION = "How many days of paid leave does an employee have?"
TEXTS = {
    "handbook.md": "# Staff handbook\n\nEvery employee has 20 days of paid leave a year.\n",
    "travel.md": "# Travel\n\nHotel costs are refunded up to 120 EUR a night.\n",
    "就業規則.txt": "第12条 年次有給休暇は、入社から6か月後に10日与える。\n",
    **{f"leave-{n}.md": f"# Note {n}\n\nPaid leave of {n} days, note {n}.\n" for n in range(5)},
}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        index_dir=tmp_path / "index",
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        embed_model="hashing",
        answer_model="extractive",
        top_k=3,
        max_passages=2,
    )


@pytest.fixture
def engine(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RagEngine:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    engine = RagEngine(config)
    engine.build([folder], lambda step: None)
    return engine


def ask(engine: RagEngine, search_filter: SearchFilter = EVERYWHERE) -> Answer:
    *_, answer = engine.ask(QUESTION, Event(), search_filter)
    assert isinstance(answer, Answer)
    return answer


def outcome(engine: RagEngine, path: str, search_filter: SearchFilter = EVERYWHERE) -> str:
    answer = ask(engine, search_filter)
    retriever = engine.searcher(search_filter)[1]
    return probe(answer, path, retriever, engine.config.top_k).outcome


# Ranks, checked against the legs themselves


def test_the_ranks_of_hits_are_those_of_the_legs(engine: RagEngine) -> None:
    answer = ask(engine)
    retriever = engine.retriever()
    places = places_of(answer, retriever, 3)
    assert places.keys() == {1, 2, 3}
    query = retriever.embedder.embed_query(QUESTION)
    for hit in answer.hits:
        (row,) = retriever.corpus.rows_of(hit.chunk.path)
        lexical = [found for found, _ in retriever.lexical.search(QUESTION, 100)]
        cosines = retriever.vectors.vectors(list(range(len(retriever.vectors)))) @ query
        assert places[hit.rank] == Places(
            1 + lexical.index(row), 1 + int((cosines > cosines[row]).sum())
        )


def test_a_retrieval_is_the_beginning_of_its_candidates(engine: RagEngine) -> None:
    retriever = engine.retriever()
    candidates = retriever.candidates(QUESTION, "en", 3, 200)
    assert len(candidates) > 3
    assert candidates[:3] == retriever.retrieve(QUESTION, "en", 3)
    assert [hit.rank for hit in candidates] == list(range(1, len(candidates) + 1))


# Why not this file


def test_a_cited_file_is_cited(engine: RagEngine) -> None:
    answer = ask(engine)
    found = probe(answer, "handbook.md", engine.retriever(), 3)
    assert (found.outcome, found.rank) == ("cited", 1)
    assert found.score == answer.hits[0].score


def test_a_file_outside_the_limits_is_told_apart_from_one_that_is_not_indexed(
    engine: RagEngine,
) -> None:
    within = SearchFilter(paths=(exact_pattern("handbook.md"),))
    assert outcome(engine, "travel.md", within) == "outside_limits"
    assert outcome(engine, "nowhere.md") == "not_indexed"


def test_a_file_behind_the_best_is_outranked_and_its_rank_is_told(engine: RagEngine) -> None:
    answer = ask(engine)
    hit_paths = {hit.chunk.path for hit in answer.hits}
    path = next(path for path in sorted(TEXTS) if path.startswith("leave") and
                path not in hit_paths)  # fmt: skip
    found = probe(answer, path, engine.retriever(), 3)
    assert found.outcome == "outranked"
    assert found.rank is not None
    assert found.rank > 3
    assert found.score is not None
    assert found.score <= answer.hits[-1].score


def test_a_file_that_shares_no_word_is_said_to_share_none(engine: RagEngine) -> None:
    retriever = replace(engine.retriever(), embed_languages=())
    found = probe(ask(engine), "就業規則.txt", retriever, 3)
    assert found.outcome == "shares_nothing"


def test_a_text_that_stands_elsewhere_is_called_repeated(engine: RagEngine, tmp_path: Path) -> None:
    (tmp_path / "documents" / "zz-copy.md").write_text(TEXTS["handbook.md"], encoding="utf-8")
    engine.build([tmp_path / "documents"], lambda step: None)
    assert outcome(engine, "zz-copy.md") == "repeated"


def test_a_score_below_the_setting_is_called_low(engine: RagEngine) -> None:
    answer = ask(engine)
    strict = replace(engine.retriever(), min_score=0.99)
    path = next(path for path in TEXTS if path not in {hit.chunk.path for hit in answer.hits}
                and path.startswith("leave"))  # fmt: skip
    assert probe(answer, path, strict, 3).outcome == "low_score"


# Fates, worked out by hand


def passage(n: int) -> Chunk:
    return Chunk("a.md", 100 * n, 100 * n + 50, f"passage {n}")


def answer_over(
    shown: Sequence[int], *, read: int, sentences: Sequence[int] = (), cited: Sequence[int] = ()
) -> Answer:
    """Return an answer with hits 1 to 4, of which some were shown, or some of their sentences."""
    hits = tuple(Hit(n, passage(n), 1 / n) for n in range(1, 5))
    evidence = tuple(Evidence("a.md", None, 100 * n, 100 * n + 9, "s", 1.0) for n in sentences)
    prompt = Prompt(
        (), "Q", "en", tuple(hits[n - 1] for n in shown), evidence, len(sentences), 9, "",
        passages_read=read,
    )  # fmt: skip
    citations = tuple(Citation(1, "a.md", None, 100 * n + 3, 100 * n + 9, "s") for n in cited)
    return replace(make_answer("Q", "A"), hits=hits, prompt=prompt, citations=citations)


def fates(answer: Answer) -> list[str]:
    return [fate_of(hit, answer) for hit in answer.hits]


def test_whole_passages_are_cited_shown_over_budget_or_not_read() -> None:
    answer = answer_over([1, 2], read=3, cited=[2])
    assert fates(answer) == ["shown", "cited", "over_budget", "not_read"]


def test_of_sentences_a_passage_without_one_of_the_best_is_not_shown() -> None:
    answer = answer_over([1], read=3, sentences=[1, 3], cited=[1])
    assert fates(answer) == ["cited", "no_sentence", "over_budget", "not_read"]


def test_an_answer_of_an_older_version_does_not_know_why() -> None:
    assert fates(answer_over([1], read=0)) == ["shown", "not_shown", "not_shown", "not_shown"]


def test_without_a_prompt_the_model_was_not_asked() -> None:
    assert fates(replace(answer_over([1], read=1), prompt=None)) == ["not_asked"] * 4


def test_what_a_prompt_was_made_under_is_kept(engine: RagEngine) -> None:
    answer = ask(engine)
    assert answer.prompt is not None
    assert (answer.prompt.passages_read, answer.prompt.budget_tokens) == (2, 1200)
    assert answer_from_json(answer_to_json(answer)) == answer
