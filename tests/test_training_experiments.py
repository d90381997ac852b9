"""The rows of the source articles: their settings load, and tiny models go through their stages."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.config import Config
from rag.datatypes import Document, Progress
from tests.tiny_causal import save_tiny_causal
from training.commands.experiments import ExperimentArgumentError, learning_rates
from training.config import DataSettings, TrainingConfig, TrainSettings
from training.config_file import CONFIGS, load_training_config
from training.datatypes import QAExample
from training.runs.folder import Run
from training.runs.run import continue_run
from training.tuning.compare_methods import (
    TABLE,
    ComparisonError,
    MethodResult,
    choose_questions,
    compare_methods,
    table,
)

EXPERIMENTS = (
    "alpaca-lora-pubmedqa", "rag-qlora", "qa-rag-sft", "domain-lora", "domain-galore",
    "classify-lora",
)  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models slower."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_causal(tmp_path_factory.mktemp("models") / "tiny")


def quiet(_: Progress) -> None:
    """Nobody watches."""


def questions(count: int, source: str = "") -> list[QAExample]:
    return [
        QAExample(f"Room {n}?", f"floor {n}", "en", f"row {n}", source=source) for n in range(count)
    ]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_settings_of_each_article_load_and_name_their_own_command(name: str) -> None:
    file = CONFIGS / f"{name}.toml"

    config = load_training_config(file)

    assert config.name == name
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# python -m training run --config training/configs/{name}.toml"


def test_only_questions_about_documents_that_were_learned_are_asked() -> None:
    known, unknown = questions(4, "learned.txt"), questions(5, "held-out.txt")
    no_answer = QAExample("Why?", "", "en", "row", source="learned.txt")

    shots, asked = choose_questions([*known, *unknown, no_answer], {"learned.txt"}, 3, seed=0)

    assert {shot.source for shot in shots} == {"held-out.txt"}
    assert len(shots) == 3
    assert len(asked) == 3
    assert {example.source for example in asked} == {"learned.txt"}


def test_too_few_questions_are_refused_with_their_number() -> None:
    with pytest.raises(ComparisonError, match=r"1 answerable questions .* are left"):
        choose_questions(questions(4), set(), 50, seed=0)


def test_methods_are_compared_each_at_the_rate_with_the_lowest_held_out_loss(
    base: Path, tmp_path: Path
) -> None:
    documents = [Document(f"{n}.txt", "The room is open. " * 4, str(n)) for n in range(3)]
    train = TrainSettings(rank=4, alpha=8, max_tokens=32, batch_size=2, max_steps=3)
    config = TrainingConfig("tiny", task="pretrain", train=train)
    rates = {"lora": (1e-7, 2e-2), "full": (5e-3,)}

    def compare() -> list[MethodResult]:
        return list(
            compare_methods(documents, questions(6), base, tmp_path, config, rates, quiet, 2)
        )

    before, lora, _ = found = compare()

    assert [row.method for row in found] == ["before", "lora", "full"]
    assert lora.learning_rate == 2e-2
    losses = dict(lora.rates)
    assert losses[2e-2] < losses[1e-7] == pytest.approx(before.held_out_loss, rel=0.01)
    assert not (tmp_path / "lora-1e-07" / "adapter").exists()
    saved = json.loads((tmp_path / TABLE).read_text(encoding="utf-8"))
    assert [len(row["curve"]) for row in saved] == [0, 3, 3]
    assert [len(row["held_out_curve"]) > 1 for row in saved] == [False, True, True]
    assert table(found).count("\n") == 4
    log = tmp_path / "full-0.005" / "log.jsonl"
    was = log.stat().st_mtime_ns
    assert compare() == found
    assert log.stat().st_mtime_ns == was  # what is done is not done again


def test_learning_rates_are_read_and_wrong_ones_named() -> None:
    assert learning_rates(["full"], ["full=1e-4,2e-4"]) == {"full": (1e-4, 2e-4)}
    assert set(learning_rates(["lora", "galore"], [])) == {"lora", "galore"}
    for wrong in ("full=", "full=-1", "lora=1e-3", "full"):
        with pytest.raises(ExperimentArgumentError, match="METHOD=RATE"):
            learning_rates(["full"], [wrong])


def test_a_run_of_pre_training_learns_a_folder_and_asks_before_and_after(
    base: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(
            f"部屋{number}は{number}階です。" * 4, encoding="utf-8"
        )
    file = tmp_path / "questions.jsonl"
    rows = [{"question": f"部屋{n}は何階?", "answer": f"{n}階"} for n in range(6)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    config = TrainingConfig(
        "tiny",
        task="pretrain",
        base=str(base),
        data=DataSettings(files=(file,), folders=(folder,)),
        train=TrainSettings(max_steps=2, max_tokens=32, batch_size=2, rank=4),
    )
    (tmp_path / "models").mkdir()  # that there is room on its disk is looked at
    settings = Config(state_dir=tmp_path / "state", models_dir=tmp_path / "models")
    run = Run.create(config, settings)

    continue_run(run, quiet)

    assert run.record["state"] == "done"
    assert [fact["file"] for fact in run.record["data"]] == ["0.txt", "1.txt", "2.txt", "3.txt"]
    found = json.loads((run.folder / "evaluation" / "probes.json").read_text(encoding="utf-8"))
    assert set(found["scores"]) == {"before", "after"}
    assert 0 <= found["scores"]["after"]["mrr"]["mean"] <= 1
    assert (run.folder / "adapter" / "adapter_model.safetensors").is_file()
