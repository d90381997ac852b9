"""Tuning a retriever: what it may learn from, that it learns, and what it publishes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.config import Config
from rag.datatypes import Progress
from rag.embed import load_embedder
from rag.engine import RagEngine
from rag.errors import ModelError, RagError
from rag.evaluation.metrics import Estimate
from rag.inference.encoder_torch import TorchEncoder
from rag.rerank import load_reranker
from tests.tiny_embedder import save_tiny_embedder
from tests.tiny_reranker import save_tiny_reranker
from training.cli import main
from training.retriever.card import table
from training.retriever.data import (
    Group,
    NearMisses,
    Pair,
    TrainingData,
    TrainingDataError,
    held_out_documents,
    read_training_data,
    split_by_document,
)
from training.retriever.embedder import EmbedderTrainer
from training.retriever.loop import LoopReport, LoopSettings, train
from training.retriever.measure import Measured, auroc, measure_embedder, measure_reranker
from training.retriever.reranker import RerankerTrainer
from training.retriever.tune import TuneSettings, tune_retriever

LETTERS = "abcdefghijklmnop"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models twenty times slower on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def quiet(_: Progress) -> None:
    """Nobody watches."""


def squad(articles: dict[str, list[tuple[str, str, str]]]) -> dict[str, object]:
    """Articles of (context, question, answer)."""
    return {
        "data": [
            {
                "title": title,
                "paragraphs": [
                    {"context": context, "qas": [{"question": question, "answers": [{"text": a}]}]}
                    for context, question, a in rows
                ],
            }
            for title, rows in articles.items()
        ]
    }


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Six articles, each of four passages that say at which hour some door opens."""
    articles = {
        f"house {house}": [
            (
                f"The {colour} door of house {house} opens at {n + 5} o'clock.",
                f"When does the {colour} door of house {house} open?",
                f"{n + 5} o'clock",
            )
            for n, colour in enumerate(("red", "blue", "green", "white"))
        ]
        for house in "KLMNPQ"
    }
    file = tmp_path / "doors.json"
    file.write_text(json.dumps(squad(articles)), encoding="utf-8")
    return file


@pytest.fixture
def config(tmp_path: Path) -> Config:
    save_tiny_embedder(tmp_path / "models" / "tiny")
    return Config(embed_model="tiny", models_dir=tmp_path / "models", device="cpu", threads=1)


def lettered() -> list[Group]:
    """The passage that answers repeats the letter of the question; no other one does."""
    return [
        Group(letter * 8, letter * 12, tuple(LETTERS[n - k] * 12 for k in (1, 2, 3)))
        for n, letter in enumerate(LETTERS)
    ]


def save_with_larger_weights(model: Path, folder: Path) -> None:
    """Copy a tiny embedder whose layers say something: those of a new one are nearly 0."""
    import torch

    embedder = TorchEncoder(model, "cpu").model
    with torch.no_grad():
        for weights in embedder.parameters():
            weights.mul_(12 if weights.dim() > 1 else 1)
    embedder.save(str(folder))


# What is learned from


def test_near_misses_are_other_passages_and_those_of_the_same_document_come_first() -> None:
    texts = (
        "Paid leave is 20 days a year.",  # 0: the answer
        "PAID  LEAVE is ２０ days a year.",  # 1: the same, written otherwise
        "Paid leave is asked for in writing.",  # 2
        "In paid paid paid leave leave leave days days, see the table.",  # 3: best by words
        "At Marrow, paid leave is 20 days, too.",  # 4: holds the answer
        "Lunch is at noon.",  # 5: shares no word
    )
    documents = ("law", "law", "law", "guide", "guide", "guide")
    pair = Pair("How many days is paid leave?", 0, answer="20 days")
    near = NearMisses(TrainingData(texts, documents, (pair,)))

    assert near.rows(pair) == [2, 3]
    assert near.rows(replace(pair, answer="")) == [2, 3, 4]  # unknown: only its own passage
    assert near.group(pair, 1, frozenset()) == Group(pair.question, texts[0], (texts[2],))
    assert near.group(pair, 3, frozenset({"law"})) == Group(pair.question, texts[0], (texts[3],))
    assert near.group(pair, 3, frozenset({"law", "guide"})) is None


def test_japanese_near_misses_are_found_by_words_of_two_characters() -> None:
    texts = ("有給は年２０日。", "有給の申請は総務へ。", "昼食は正午から。")
    pair = Pair("有給は何日?", 0, "20日")

    assert NearMisses(TrainingData(texts, ("規則",) * 3, (pair,))).rows(pair) == [1]


def test_no_document_is_both_learned_from_and_measured_on(questions: Path) -> None:
    data = read_training_data([questions], Config())
    split = split_by_document(data, seed=3)

    parts = [
        {data.documents[pair.row] for pair in part}
        for part in (split.train, split.validation, split.test)
    ]

    assert len(data.pairs) == 24
    assert all(parts)
    assert len(set.union(*parts)) == sum(map(len, parts))
    assert held_out_documents(data, split) == parts[1] | parts[2]
    assert split == split_by_document(data, seed=3)
    assert split != split_by_document(data, seed=4)


def test_articles_of_two_files_are_never_taken_for_one(questions: Path, tmp_path: Path) -> None:
    other = tmp_path / "more.json"
    other.write_bytes(questions.read_bytes().replace(b"house", b"barn"))

    data = read_training_data([questions, other], Config())

    assert len(set(data.documents)) == 12
    for pair in data.pairs:
        assert pair.answer in data.texts[pair.row]
        assert pair.question.split()[-2] in data.texts[pair.row]


@pytest.mark.parametrize(
    ("articles", "reason"),
    [
        ({"one": [("A text.", "What?", "text")]}, r"1 questions are about 1 documents.*three"),
        (
            {name: [(f"{name} {name}", f"{name}?", name)] for name in ("owl", "fox", "cat")},
            "No passage is a near miss",
        ),
    ],
)
def test_too_little_to_learn_from_is_said_in_words(
    tmp_path: Path, config: Config, articles: dict[str, list[tuple[str, str, str]]], reason: str
) -> None:
    file = tmp_path / "few.json"
    file.write_text(json.dumps(squad(articles)))

    with pytest.raises(TrainingDataError, match=reason):
        tune_retriever(TuneSettings((file,), "new"), config, quiet)


def test_files_that_cannot_be_trained_on_are_refused(tmp_path: Path, questions: Path) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"question": "q", "source": "a.md", "quote": "b"}\n')
    broken = tmp_path / "broken.json"
    broken.write_text('{"data": [')

    with pytest.raises(TrainingDataError, match="one kind at a time"):
        read_training_data([questions, lines], Config())
    with pytest.raises(RagError, match=r"broken.json is not valid JSON"):
        read_training_data([broken], Config())
    with pytest.raises(RagError, match="no index"):
        read_training_data([lines], Config(index_dir=tmp_path / "none"))


def test_questions_about_the_index_are_trained_on_its_passages_and_both_its_legs(
    tmp_path: Path, config: Config
) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for house in "KLM":
        text = (
            f"# House {house}\n\nThe red door opens at five.\n\n# Gate\n\nIt is blue at {house}.\n"
        )
        (documents / f"{house}.md").write_text(text)
    config = replace(config, index_dir=tmp_path / "index", chunk_tokens=60, embed_languages=("en",))
    RagEngine(config).build([documents], quiet)
    file = tmp_path / "questions.jsonl"
    rows = [
        {"question": "Zz?", "source": "K.md", "quote": "It is blue at K"},
        {"question": "Where is it?", "source": "L.md", "quote": "nowhere to be found"},
        {"question": "Who?", "answerable": False},
    ]
    file.write_text("\n".join(map(json.dumps, rows)))

    data = read_training_data([file], config)
    near = NearMisses(data)

    assert [pair.question for pair in data.pairs] == ["Zz?"]  # no other has a passage
    assert "blue at K" in data.texts[data.pairs[0].row]
    assert data.documents[data.pairs[0].row] == "K.md"
    assert near.candidates("Zz?", 5) != []  # no word of it is indexed: found by vectors
    assert near.candidates("Gate?", 1)[0] != near.candidates("Gate?", 2)[1]
    assert data.pairs[0].row not in near.rows(data.pairs[0])
    without = replace(data, live=None)
    assert NearMisses(without).candidates("Zz?", 5) == []


# Learning


def test_a_reranker_learns_and_the_right_passage_beats_its_near_misses(tmp_path: Path) -> None:
    groups = lettered()
    save_tiny_reranker(tmp_path / "untrained")
    trainer = RerankerTrainer(tmp_path / "untrained", "cpu", 64, seed=0)
    trainer.add_adapter(8, 0, tmp_path / "adapter")
    settings = LoopSettings(1e-2, batch=8, epochs=40, minutes=5)

    report = train(trainer, groups, groups, settings, quiet)

    assert report.steps == 80
    assert report.validation[-1][1] < 0.5 * report.validation[0][1]
    wins = sum(
        int(trainer.scores(g.question, [g.positive, *g.negatives]).argmax()) == 0 for g in groups
    )
    assert wins >= 14  # 4 by chance
    assert sorted(file.name for file in (tmp_path / "adapter").iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors",
    ]  # fmt: skip


def test_an_embedder_learns_and_the_right_passage_comes_nearer(
    tmp_path: Path, config: Config
) -> None:
    # The next letter answers, which no model knows before; the capital letter never does.
    groups = [
        Group(letter * 8, LETTERS[(n + 1) % 4] * 12, (letter.upper() * 12,))
        for n, letter in enumerate("abcd")
    ]
    base = tmp_path / "models" / "tiny"
    save_with_larger_weights(base, tmp_path / "larger")
    trainer = EmbedderTrainer(tmp_path / "larger", "cpu", 64, config)

    def found() -> int:
        queries = trainer.embed([g.question for g in groups], is_query=True)
        passages = trainer.embed([g.positive for g in groups], is_query=False)
        return int(((queries @ passages.T).argmax(axis=1) == np.arange(4)).sum())

    assert found() == 0
    trainer.add_adapter(8, 0, tmp_path / "adapter")

    report = train(trainer, groups, groups, LoopSettings(1e-2, 4, epochs=60), quiet)

    assert report.validation[-1][1] < 0.5 * report.validation[0][1]
    assert found() == 4


def test_a_merged_adapter_gives_the_scores_of_base_and_adapter(
    tmp_path: Path, config: Config
) -> None:
    from safetensors.torch import load_file

    trainer = RerankerTrainer(tmp_path / "models" / "tiny", "cpu", 64, seed=0)
    trainer.add_adapter(4, 0, tmp_path / "adapter")
    layer = "bert.encoder.layer.0.intermediate.dense"
    base = trainer.network.get_submodule(layer).base_layer.weight.detach().clone()
    train(trainer, lettered(), lettered(), LoopSettings(1e-2, epochs=5), quiet)
    trainer.save_checkpoint()
    passages = [letter * 9 for letter in LETTERS]
    before = trainer.scores("aaaa", passages)

    trainer.merge()

    np.testing.assert_allclose(trainer.scores("aaaa", passages), before, atol=0.02)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    a, b = (saved[f"base_model.model.{layer}.lora_{x}.weight"] for x in "AB")
    merged = trainer.network.get_submodule(layer).weight.detach()
    expected = base + 2.0 * (b @ a)  # alpha / r = 2
    np.testing.assert_allclose(merged.numpy(), expected.numpy(), atol=1e-6)
    assert float((merged - base).abs().max()) > 1e-4
    trainer.save(tmp_path / "models" / "merged")
    served = load_reranker(replace(config, rerank_model="merged"))
    assert served is not None
    expected_scores = 1 / (1 + np.exp(-before))
    np.testing.assert_allclose(served.scores("aaaa", passages), expected_scores, atol=0.02)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    tmp_path: Path, questions: Path, config: Config
) -> None:
    settings = TuneSettings((questions,), "a", steps=3, learning_rate=1e-2, minutes=60.0)

    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        tune_retriever(replace(settings, name=name, seed=seed), config, quiet)

    weights = {n: (config.models_dir / n / "model.safetensors").read_bytes() for n in "abc"}
    assert weights["a"] == weights["b"]
    assert weights["a"] != weights["c"]


def test_a_run_ends_when_its_minutes_are_over_and_keeps_the_best_weights(
    tmp_path: Path, config: Config
) -> None:
    trainer = RerankerTrainer(tmp_path / "models" / "tiny", "cpu", 64, seed=0)
    trainer.add_adapter(4, 0, tmp_path / "adapter")

    report = train(
        trainer, lettered(), lettered(), LoopSettings(1e-2, epochs=10_000, minutes=0.02), quiet
    )

    assert report.steps < 1000
    assert report.seconds < 30
    assert len(report.losses) == report.steps
    best = min(report.validation, key=lambda look: look[1])
    assert report.best_step == best[0]
    assert trainer.validation_loss(lettered()) == pytest.approx(best[1], rel=1e-3)


# Measuring


def test_auroc_is_how_often_a_positive_scores_above_a_negative() -> None:
    assert auroc([3, 1], [2, 1]) == (1 + 1 + 0 + 0.5) / 4
    rng = np.random.default_rng(0)
    right, wrong = rng.integers(0, 9, 50), rng.integers(0, 9, 80)
    pairs = [(float(r > w) + 0.5 * float(r == w)) for r in right for w in wrong]
    assert auroc(right.tolist(), wrong.tolist()) == pytest.approx(np.mean(pairs))
    with pytest.raises(ValueError, match="positives and negatives"):
        auroc([], [1.0])


def test_a_reranker_is_measured_on_what_is_found_worked_out_by_hand() -> None:
    texts = ("red red door", "red door opens", "red gate gate", "lunch")
    pairs = (Pair("red door?", 1), Pair("lunch?", 3))
    data = TrainingData(texts, tuple("abcd"), pairs)
    near = NearMisses(data)

    found = measure_reranker(pairs, data, near, None)
    scored = measure_reranker(
        pairs, data, near, lambda _, ts: np.array([1.0 if "opens" in t else -1.0 for t in ts])
    )

    assert [near.candidates(pair.question, 20) for pair in pairs] == [[0, 1, 2], [3]]
    assert found.measures["recall@1"].mean == 0.5
    assert found.measures["nDCG@10"].mean == pytest.approx((1 / np.log2(3) + 1) / 2)
    assert scored.measures["recall@1"].mean == 1.0
    # Positives 1 and -1, negatives -1 and -1; right at 0: the first, and both negatives.
    assert scored.measures["AUROC"].mean == 0.75
    assert scored.measures["accuracy"].mean == 0.75
    assert "accuracy" not in found.measures


def test_an_embedder_is_measured_by_exact_search(tmp_path: Path, config: Config) -> None:
    texts = tuple(letter * 5 for letter in LETTERS)
    pairs = tuple(Pair(text, row) for row, text in enumerate(texts))
    data = TrainingData(texts, texts, pairs)
    trainer = EmbedderTrainer(tmp_path / "models" / "tiny", "cpu", 64, config)

    measured = measure_embedder(pairs, data, trainer, seed=0)
    swapped = measure_embedder([Pair("aaaaa", 1)], data, trainer, seed=0)

    assert measured.measures["recall@1"] == Estimate(1.0, 1.0, 1.0)
    assert swapped.measures["recall@1"].mean == 0.0


def test_a_table_shows_before_and_after() -> None:
    before = Measured(2, {"nDCG@10": Estimate(0.5, 0.25, 0.75)})
    after = Measured(2, {"nDCG@10": Estimate(1, 1, 1), "accuracy": Estimate(0.75, 0.75, 0.75)})

    assert table(before, after).splitlines()[2:] == [
        "| nDCG@10 | 0.500 (0.250 to 0.750) | 1.000 |",
        "| accuracy | – | 0.750 |",
    ]


# Publishing


def test_a_command_publishes_a_model_that_serves_and_says_how_to_go_back(
    questions: Path, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'models_dir = "{config.models_dir}"\nembed_model = "tiny"\ndevice = "cpu"')
    common = ["retriever", "--data", str(questions), "--config", str(settings), "--steps", "4"]
    common += ["--learning-rate", "0.01", "--licence", "ours"]

    assert main([*common, "--name", "ranks"]) == 0
    assert main([*common, "--name", "finds", "--kind", "embedder"]) == 0

    printed = capsys.readouterr().out
    assert 'rerank_model = "ranks"' in printed
    assert 'rerank_model = ""' in printed
    assert 'embed_model = "finds"' in printed
    assert 'embed_model = "tiny"' in printed
    assert "| nDCG@10 |" in printed
    reranker = load_reranker(replace(config, rerank_model="ranks"))
    assert reranker is not None
    assert reranker.scores("q", ["a", "b"]).shape == (2,)
    assert load_embedder(replace(config, embed_model="finds")).embed_query("q").shape == (16,)
    card = (config.models_dir / "ranks" / "README.md").read_text(encoding="utf-8")
    assert "- `doors.json`: ours" in card
    assert "--steps 4" in card
    assert str(tmp_path) not in card
    assert [p for p in config.models_dir.iterdir() if p.name.endswith(".partial")] == []


def test_a_name_that_is_taken_and_a_model_that_got_no_better_are_not_published(
    questions: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=r"model in .*tiny already"):
        tune_retriever(TuneSettings((questions,), "tiny"), config, quiet)

    def learned_nothing(*_: object) -> LoopReport:
        return LoopReport(steps=7)

    monkeypatch.setattr("training.retriever.tune.train", learned_nothing)
    with pytest.raises(TrainingDataError, match=r"7 steps made the model no better"):
        tune_retriever(TuneSettings((questions,), "new"), config, quiet)
    assert not (config.models_dir / "new").exists()
    assert not (config.models_dir / ".new.partial").exists()


def test_what_is_no_encoder_is_refused_as_a_base(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")

    with pytest.raises(ModelError, match="No cross-encoder can be made"):
        RerankerTrainer(tmp_path / "broken", "cpu", 64, 0)


def test_a_name_stays_in_the_folder_of_the_models(tmp_path: Path, questions: Path) -> None:
    with pytest.raises(ModelError, match="without a slash"):
        tune_retriever(TuneSettings((questions,), "../else"), Config(models_dir=tmp_path), quiet)
