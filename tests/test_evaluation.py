"""Retrieval is measured rightly: the files, the measures, the runs and the command."""

import gzip
import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.cli import main
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Chunk, Document, Language, Progress
from rag.errors import ModelError
from rag.evaluation.evaluate import (
    Evaluation,
    LegScore,
    deep_ranking,
    evaluate,
    rank_of,
)
from rag.evaluation.metrics import (
    DEPTH,
    bootstrap,
    ndcg_at,
    recall_at,
    reciprocal_rank_at,
    score_ranks,
)
from rag.evaluation.questions import (
    Question,
    QuestionFileError,
    QuestionSet,
    read_questions,
)
from tests.fakes import HashingEmbedder, use_embedder

RANKS = [1, 3, None]

LEAVE = "Every employee has 20 days of paid leave a year."
HOTEL = "Hotel costs are refunded up to 120 EUR a night."
HOLIDAY = "年次有給休暇は、入社から6か月後に10日与える。"
TRAIN = "出張の交通費は、領収書を添えて翌月５日までに精算する。"


def squad(*paragraphs: tuple[str, list[str]], **extra: object) -> dict[str, Any]:
    """Return the layout of SQuAD: contexts, each with its questions."""
    return {
        "data": [
            {
                "title": "t",
                "paragraphs": [
                    {"context": context, "qas": [{"question": q, **extra} for q in questions]}
                    for context, questions in paragraphs
                ],
            }
        ]
    }


def write_json(path: Path, table: object) -> Path:
    path.write_text(json.dumps(table, ensure_ascii=False), encoding="utf-8")
    return path


# Measures


def test_recall_counts_the_questions_whose_passage_is_within_the_cutoff() -> None:
    assert recall_at(RANKS, 1).tolist() == [1, 0, 0]
    assert recall_at(RANKS, 2).tolist() == [1, 0, 0]
    assert recall_at(RANKS, 3).tolist() == [1, 1, 0]


def test_reciprocal_rank_is_one_over_the_rank_and_zero_below_the_cutoff() -> None:
    assert reciprocal_rank_at(RANKS, 20).tolist() == [1, 1 / 3, 0]
    assert reciprocal_rank_at([20, 21], 20).tolist() == [1 / 20, 0]


def test_the_gain_of_a_rank_is_one_over_the_logarithm_of_the_next() -> None:
    assert ndcg_at(RANKS, 10).tolist() == [1, 1 / log2(4), 0]
    assert ndcg_at([10, 11], 10).tolist() == pytest.approx([1 / log2(11), 0])


def test_gain_agrees_with_dcg_over_ideal_dcg_of_a_ranked_list() -> None:
    """The long way: discount every place of the list, divide by the best possible list."""
    discounts = 1 / np.log2(np.arange(2, 12))
    for rank in range(1, 11):
        relevance = np.zeros(10)
        relevance[rank - 1] = 1
        ideal = (np.sort(relevance)[::-1] * discounts).sum()
        assert ndcg_at([rank], 10)[0] == pytest.approx((relevance * discounts).sum() / ideal)


def test_all_measures_of_three_questions_have_the_means_worked_out_by_hand() -> None:
    scores = score_ranks(RANKS)

    assert {name: estimate.mean for name, estimate in scores.items()} == pytest.approx(
        {
            "recall@1": 1 / 3,
            "recall@5": 2 / 3,
            "recall@10": 2 / 3,
            "recall@20": 2 / 3,
            "mrr@20": (1 + 1 / 3) / 3,
            "ndcg@10": (1 + 1 / log2(4)) / 3,
        }
    )


def test_the_interval_of_a_share_is_near_the_normal_one() -> None:
    """For 400 questions, 300 of them found: 0.75 +- 1.96 sqrt(0.75 * 0.25 / 400) = +- 0.0424."""
    estimate = score_ranks([1] * 300 + [None] * 100)["recall@1"]

    assert estimate.mean == 0.75
    assert (estimate.low, estimate.high) == pytest.approx((0.7076, 0.7924), abs=0.006)


def test_the_interval_is_the_same_at_every_run_and_none_wide_where_nothing_varies() -> None:
    assert score_ranks([1, 2, 5, None]) == score_ranks([1, 2, 5, None])
    sure = score_ranks([1, 1, 1])["ndcg@10"]
    assert (sure.mean, sure.low, sure.high) == (1, 1, 1)


def test_another_seed_gives_another_interval_and_the_same_mean() -> None:
    values = {"recall@1": recall_at([1, None] * 20, 1)}
    one, two = (bootstrap(values, resamples=50, seed=seed)["recall@1"] for seed in (0, 1))

    assert one.mean == two.mean == 0.5
    assert one != two


def test_no_questions_have_no_mean() -> None:
    with pytest.raises(ValueError, match="no questions"):
        score_ranks([])


# Rankings


def test_a_context_ranks_where_its_best_passage_does() -> None:
    assert rank_of(frozenset({"b"}), deep_ranking(lambda k: ["a", "a", "b", "a", "b"][:k])) == 2


def test_a_context_of_a_hundred_passages_does_not_push_the_others_out() -> None:
    passages = ["long"] * 100 + [f"c{n}" for n in range(100)]
    asked: list[int] = []

    def units(k: int) -> list[str]:
        asked.append(k)
        return passages[:k]

    ranking = deep_ranking(units)

    assert rank_of(frozenset({"c0"}), ranking) == 2
    assert rank_of(frozenset({"c18"}), ranking) == 20
    assert rank_of(frozenset({"c19"}), ranking) is None
    assert asked == [40, 80, 160]


def test_a_ranking_of_the_full_depth_asks_only_once() -> None:
    asked: list[int] = []

    def units(k: int) -> list[str]:
        asked.append(k)
        return [str(n) for n in range(k)]

    assert len(deep_ranking(units)) >= DEPTH
    assert len(asked) == 1


def test_a_unit_that_was_not_found_has_no_rank() -> None:
    assert rank_of(frozenset({"x"}), ["a", "b"]) is None


# Files


def test_squad_questions_know_their_context(tmp_path: Path) -> None:
    file = write_json(
        tmp_path / "en.json", squad((LEAVE, ["How many days?", "Who?"]), (HOTEL, ["Cost?"]))
    )

    found = read_questions(file)

    assert found.contexts == (LEAVE, HOTEL)
    assert [(q.text, q.context, q.is_answerable) for q in found.questions] == [
        ("How many days?", 0, True), ("Who?", 0, True), ("Cost?", 1, True),
    ]  # fmt: skip


def test_contexts_know_their_article_and_questions_their_first_answer(tmp_path: Path) -> None:
    one, two = squad((LEAVE, ["How many?"]), answers=[{"text": "20"}]), squad((HOTEL, ["Cost?"]))
    file = write_json(tmp_path / "en.json", {"data": [*one["data"], *two["data"]]})

    found = read_questions(file)

    assert found.articles == (1, 2)
    assert [question.answer for question in found.questions] == ["20", ""]


def test_equal_contexts_are_one_so_either_is_right(tmp_path: Path) -> None:
    file = write_json(
        tmp_path / "en.json", squad((LEAVE, ["a?"]), (HOTEL, ["b?"]), (LEAVE, ["c?"]))
    )

    found = read_questions(file)

    assert found.contexts == (LEAVE, HOTEL)
    assert [question.context for question in found.questions] == [0, 1, 0]


def test_the_title_before_a_japanese_passage_is_given_to_nobody(tmp_path: Path) -> None:
    file = write_json(tmp_path / "ja.json", squad((f"休暇 [SEP] {HOLIDAY}", ["何日?"])))

    assert read_questions(file).contexts == (HOLIDAY,)


def test_unanswerable_questions_are_kept_with_a_flag(tmp_path: Path) -> None:
    file = write_json(tmp_path / "en.json", squad((LEAVE, ["Why?"]), is_impossible=True))

    assert [question.is_answerable for question in read_questions(file).questions] == [False]


def test_a_compressed_file_with_a_byte_order_mark_reads_the_same(tmp_path: Path) -> None:
    table = squad((HOLIDAY, ["何日?"]))
    plain = write_json(tmp_path / "ja.json", table)
    packed = tmp_path / "ja.json.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(table).encode()))

    assert read_questions(packed).questions == read_questions(plain).questions
    assert read_questions(packed).contexts == read_questions(plain).contexts


def test_lines_say_which_text_of_which_file_is_right(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"question": "How many?", "answer": "20", "source": "a.md", "quote": LEAVE},
        {"question": "何日?", "answer": "10日", "source": "b.md"},
        {"question": "Why?", "answer": "", "source": "", "quote": "", "answerable": False},
        {"question": "Who?"},
    ]
    file = tmp_path / "q.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")

    found = read_questions(file)

    assert found.is_about_index
    assert found.questions == (
        Question("How many?", True, source="a.md", quote=LEAVE, answer="20"),
        Question("何日?", True, source="b.md", quote="10日", answer="10日"),
        Question("Why?", False),
        Question("Who?", False),
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", b"", "q.jsonl holds no questions"),
        (
            "q.jsonl",
            b'{"question": "a", "answer": "b", "source": "c"}\n{"que',
            "line 2 is not valid",
        ),
        ("q.jsonl", b'\n["a"]\n', 'line 2: expected an object with text as "question"'),
        ("q.jsonl", b'{"question": "a", "answer": "b"}', 'line 1: .* text as "source"'),
        ("q.jsonl", b'{"question": "a", "answer": 5, "source": "c"}', 'text as "answer"'),
        ("q.jsonl", b"\xff\xfe", "not UTF-8"),
        ("q.json", b"{", "not valid JSON .*line 1"),
        ("q.json", b"[" * 100_000, "not valid JSON"),
        ("q.json", b"[]", 'q.json: expected an object with a list as "data"'),
        ("q.json", b'{"data": []}', "holds no questions"),
        ("q.json", b'{"data": [{"paragraphs": [{}]}]}', 'article 1 paragraph 1: .*"context"'),
        (
            "q.json",
            b'{"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "b"}, 5]}]}]}',
            "article 1 paragraph 1 question 2",
        ),
        ("q.json.gz", b"no gzip", "damaged or not gzip"),
        ("q.json.gz", gzip.compress(b'{"data": []}')[:-9], "damaged or not gzip"),
        ("q.csv", b"a,b", "expected SQuAD layout"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(QuestionFileError, match=message):
        read_questions(file)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(QuestionFileError, match=r"There is no file .*gone\.json"):
        read_questions(tmp_path / "gone.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(QuestionFileError, match=r"folder\.json cannot be read"):
        read_questions(tmp_path / "folder.json")


# Runs


def silent(step: Progress) -> None:
    """Show nothing."""


class ListeningEmbedder(HashingEmbedder):
    """Keeps the questions it embeds, in order."""

    def __init__(self, languages: tuple[Language, ...] = ("en", "ja")) -> None:
        super().__init__()
        self.languages = languages
        self.asked: list[str] = []

    def embed_query(self, text: str) -> NDArray[np.float32]:
        self.asked.append(text)
        return super().embed_query(text)


def run(
    *sets: QuestionSet,
    embedder: HashingEmbedder | None = None,
    on_index: bool = False,
    limit: int | None = None,
) -> Evaluation:
    return evaluate(
        sets,
        Config(),
        lambda config: embedder or HashingEmbedder(),
        silent,
        on_index=on_index,
        limit=limit,
    )


def question_set(name: str, *pairs: tuple[str, str]) -> QuestionSet:
    """Return a set of one question for each context."""
    questions = tuple(Question(question, True, context=n) for n, (question, _) in enumerate(pairs))
    return QuestionSet(Path(name), questions, tuple(context for _, context in pairs))


ENGLISH = question_set(
    "en.json",
    ("How many days of paid leave does an employee have?", LEAVE),
    ("What is refunded for a hotel night?", HOTEL),
)
JAPANESE = question_set(
    "ja.json",
    ("有給休暇は何日ですか?", HOLIDAY),
    ("交通費はいつまでに精算しますか?", TRAIN),
)


def legs_of(evaluation: Evaluation, name: str) -> dict[str, LegScore]:
    return next({s.leg: s for s in g.legs} for g in evaluation.groups if g.name == name)


def test_questions_in_both_languages_find_their_contexts_on_every_leg() -> None:
    evaluation = run(ENGLISH, JAPANESE)

    assert [(g.kind, g.name) for g in evaluation.groups] == [
        ("file", "en.json"), ("file", "ja.json"), ("language", "en"), ("language", "ja"),
    ]  # fmt: skip
    for group in evaluation.groups:
        assert [score.leg for score in group.legs] == ["lexical", "vector", "fused"]
        for score in group.legs:
            assert score.questions == 2
            assert score.measures["recall@1"].mean == 1
            assert 0 < score.p50_ms <= score.p95_ms


def test_a_question_that_is_given_the_wrong_context_is_not_found_first() -> None:
    """The negative control: were everything right, the measures would measure nothing."""
    swapped = QuestionSet(
        Path("swapped.json"),
        tuple(Question(q.text, True, context=1 - (q.context or 0)) for q in ENGLISH.questions),
        ENGLISH.contexts,
    )

    for score in run(swapped).groups[0].legs:
        assert score.measures["recall@1"].mean == 0


def test_the_vector_leg_answers_only_in_languages_that_the_embedder_knows() -> None:
    evaluation = run(ENGLISH, JAPANESE, embedder=ListeningEmbedder(languages=("en",)))

    assert set(legs_of(evaluation, "en")) == {"lexical", "vector", "fused"}
    assert set(legs_of(evaluation, "ja")) == {"lexical", "fused"}


def test_contexts_are_searched_without_a_name_of_their_own() -> None:
    embedder = HashingEmbedder()

    run(JAPANESE, embedder=embedder)

    assert sorted(embedder.embedded) == sorted([HOLIDAY, TRAIN])


def test_every_passage_of_a_long_context_counts_for_it() -> None:
    """The answer stands in the last of many passages; twenty others share a word with it."""
    filler = " ".join(f"Paragraph {n} speaks of gardens, walls and roofs." for n in range(120))
    others = [f"Note {n}: the lighthouse has {n} windows." for n in range(30)]
    contexts = (f"{filler} The lighthouse keeper is called Marrow.", *others)
    asked = (Question("Who is the lighthouse keeper called Marrow?", True, context=0),)

    evaluation = run(QuestionSet(Path("long.json"), asked, contexts))

    assert evaluation.files[0].passages > len(contexts)
    assert legs_of(evaluation, "long.json")["lexical"].measures["recall@1"].mean == 1


def test_the_contexts_of_an_article_are_one_document_and_still_told_apart() -> None:
    contexts = (
        "The archery club was founded by nine students.",
        "The fee is twelve euro a year.",
        "The chess club was founded by two teachers.",
        "The fee is nine euro a year.",
    )
    asked = (
        Question("archery fee in euro a year", True, context=1),
        Question("chess fee in euro a year", True, context=3),
        Question("Who founded the chess club?", True, context=2),
    )

    def found_first(articles: tuple[int, ...]) -> float:
        questions = QuestionSet(Path("clubs.json"), asked, contexts, articles)
        evaluation = run(questions, embedder=ListeningEmbedder(languages=()))
        return legs_of(evaluation, "clubs.json")["fused"].measures["recall@1"].mean

    assert found_first((1, 1, 2, 2)) == 1
    # The control: without its document, the passage about either fee is as good as the other.
    assert found_first(()) == pytest.approx(2 / 3)


def test_the_rows_of_a_document_are_known_from_any_of_its_passages(tmp_path: Path) -> None:
    with closing(CorpusWriter(tmp_path)) as writer:
        for path, words in (("a", ["One.", "Two.", "Three."]), ("b", ["四。"]), ("c", ["Five."])):
            text, chunks = " ".join(words), []
            for word in words:
                start = text.index(word)
                chunks.append(Chunk(path, start, start + len(word), word))
            writer.add(Document(path, text, sha256=""), chunks)
        writer.finish([])

    documents = Corpus(tmp_path).documents_of([2, 4, 0, 3, 0])

    assert documents == [range(3), range(4, 5), range(3), range(3, 4), range(3)]


def test_unanswerable_questions_are_left_out_and_counted() -> None:
    unanswerable = Question("What is the moon made of?", False, context=0)
    mixed = QuestionSet(Path("v2.json"), (*ENGLISH.questions, unanswerable), ENGLISH.contexts)

    evaluation = run(mixed)

    assert evaluation.files[0].questions == 3
    assert evaluation.files[0].unanswerable == 1
    assert evaluation.files[0].asked == 2
    assert evaluation.groups[0].legs[0].questions == 2


def test_a_limit_asks_the_same_questions_every_time_and_searches_all_contexts() -> None:
    pairs = [(f"Which code has drawer {n}?", f"Drawer {n} has the code {n * 7}.") for n in range(9)]
    full = question_set("many.json", *pairs)
    asked: list[set[str]] = []
    for _ in range(2):
        embedder = ListeningEmbedder()
        evaluation = run(full, embedder=embedder, limit=3)
        assert evaluation.files[0].asked == 3
        assert evaluation.files[0].contexts == 9
        asked.append({text for text in embedder.asked if text.endswith("?")})

    assert asked[0] == asked[1]
    assert len(asked[0]) == 3


def test_files_of_the_wrong_kind_are_refused_before_anything_is_loaded() -> None:
    about_files = QuestionSet(Path("q.jsonl"), (Question("a?", True, source="a", quote="b"),))

    with pytest.raises(QuestionFileError, match=r"q\.jsonl asks about files .*--on-index"):
        run(about_files)
    with pytest.raises(QuestionFileError, match=r"en\.json brings its own passages"):
        run(ENGLISH, on_index=True)


def test_a_file_of_unanswerable_questions_alone_has_no_measures() -> None:
    only = QuestionSet(Path("v2.json"), (Question("a?", False, context=0),), (LEAVE,))

    with pytest.raises(QuestionFileError, match="No question has a passage"):
        run(only)


def test_a_configured_reranker_takes_part_and_is_missed_when_it_is_gone() -> None:
    config = Config(rerank_model="no-such-reranker")

    with pytest.raises(ModelError, match="no-such-reranker"):
        evaluate([ENGLISH], config, lambda config: HashingEmbedder(), silent)


def test_contexts_without_text_are_refused() -> None:
    blank = QuestionSet(Path("blank.json"), (Question("a?", True, context=0),), (" \n",))

    with pytest.raises(QuestionFileError, match="no text that could be searched"):
        run(blank)


# The command


@pytest.fixture(autouse=True)
def _restore_process() -> Iterator[None]:
    """Undo what ``main`` sets for its whole process."""
    environ, disabled = dict(os.environ), logging.root.manager.disable
    yield
    logging.disable(disabled)
    os.environ.clear()
    os.environ.update(environ)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory where the embedder is a hashing one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAG_EMBED_MODEL", "hashing")
    monkeypatch.setattr("rag.embed.load_embedder", lambda config: HashingEmbedder())
    use_embedder(monkeypatch, lambda config: HashingEmbedder(name=config.embed_model))
    return tmp_path


def test_the_command_prints_one_json_object(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english = write_json(place / "en.json", squad((LEAVE, ["How many days of paid leave?"])))
    japanese = write_json(
        place / "ja.json", squad((HOLIDAY, ["有給休暇は何日?"]), (TRAIN, ["交通費の精算は?"]))
    )

    assert main(["evaluate", "--qa", str(english), str(japanese), "--limit", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    table = json.loads(out)

    assert "ask ..." in err
    assert (table["limit"], table["seed"], table["embed_model"]) == (1, 0, "hashing")
    assert [(f["file"], f["asked"], f["contexts"]) for f in table["files"]] == [
        ("en.json", 1, 1), ("ja.json", 1, 2),
    ]  # fmt: skip
    assert [(g["kind"], g["name"]) for g in table["groups"]] == [
        ("file", "en.json"), ("file", "ja.json"), ("language", "en"), ("language", "ja"),
    ]  # fmt: skip
    fused = table["groups"][1]["legs"][-1]
    assert fused["leg"] == "fused"
    assert fused["measures"]["ndcg@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert set(fused["latency_ms"]) == {"p50", "p95"}


def test_the_command_prints_a_table(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_json(place / "en.json", squad((LEAVE, ["How many days of paid leave?"])))

    assert main(["evaluate", "--qa", str(file), "--limit", "5"]) == 0
    out = capsys.readouterr().out

    assert "en.json: 1 of 1 questions, 1 contexts in 1 passages" in out
    assert "the first of a shuffle with seed 0" in out
    for word in ("lexical", "vector", "fused", "recall@20", "mrr@20", "ndcg@10", "p95 ms"):
        assert word in out


def test_questions_about_files_are_asked_of_the_index(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "documents"
    folder.mkdir()
    (folder / "rules.md").write_text(f"# Rules\n\n{LEAVE}\n\n# Travel\n\n{HOTEL}\n")
    (folder / "規則.txt").write_text(f"{HOLIDAY}\n{TRAIN}\n", encoding="utf-8")
    rows = [
        {"question": "How many days of paid leave?", "source": "rules.md", "quote": LEAVE},
        {"question": "交通費の精算は?", "answer": "翌月5日", "source": "規則.txt"},
        {"question": "Where is it?", "source": "gone.md", "quote": "It is gone."},
    ]
    file = place / "q.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(["build", str(folder)]) == 0
    capsys.readouterr()

    assert main(["evaluate", "--qa", str(file), "--on-index", "--json"]) == 0
    table = json.loads(capsys.readouterr().out)

    summary = table["files"][0]
    assert (summary["asked"], summary["without_passage"], summary["contexts"]) == (2, 1, 0)
    assert [g["name"] for g in table["groups"]] == ["q.jsonl", "en", "ja"]
    for score in table["groups"][0]["legs"]:
        assert score["measures"]["recall@1"]["mean"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--qa", "gone.json"], "There is no file gone.json."),
        (["--qa", "q.jsonl"], "--on-index"),
        (["--qa", "q.jsonl", "--on-index"], "There is no index"),
        (["--qa", "q.jsonl", "--limit", "0"], "expected a whole number from 1"),
        ([], "--qa"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (place / "q.jsonl").write_text('{"question": "a?", "answer": "b", "source": "c"}')

    try:
        code = main(["evaluate", *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    out, err = capsys.readouterr()

    assert code != 0
    assert out == ""
    assert err.startswith("error: ")
    assert message in err


def test_no_temporary_index_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    run(ENGLISH)

    assert list(tmp_path.iterdir()) == []
