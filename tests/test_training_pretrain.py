"""Pre-training on a raw folder: what it reads, that each method learns, and that it can stop."""

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.config import Config
from rag.datatypes import Document, Progress
from rag.errors import ConfigError
from tests.tiny_causal import save_tiny_causal
from training.config import DataSettings, TrainingConfig, TrainSettings
from training.evaluation.probes import mean_loss
from training.tuning.callbacks import LOG, RunWatch, Stopped, last_checkpoint
from training.tuning.pretrain import (
    ADAPTER,
    MODEL,
    RawFolderError,
    load_pretrained,
    pack_blocks,
    pretrain,
    read_raw_folders,
    split_documents,
)

METHODS = ("lora", "rslora", "galore", "full")
RATE = {"lora": 2e-2, "rslora": 1e-2, "galore": 2e-2, "full": 5e-3}
KEYS = {
    "step", "total_steps", "epoch", "loss", "learning_rate", "tokens_per_second",
    "elapsed_seconds", "remaining_seconds",
}  # fmt: skip


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


def documents() -> list[Document]:
    return [
        Document(f"{n}.txt", text * 6, str(n))
        for n, text in enumerate(
            ("The loan ends in May. ", "貸出は五月に終わります。", "May is late. ")
        )
    ]


def settings(method: str, **changes: Any) -> TrainingConfig:  # noqa: ANN401
    train = TrainSettings(
        method=method, learning_rate=RATE[method], rank=8, alpha=16, max_tokens=32, batch_size=2,
        max_steps=8, galore_update_gap=3,
    )  # fmt: skip
    return TrainingConfig("tiny", task="pretrain", train=replace(train, **changes))


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]


def losses_of(out: Path) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in log_of(out) if "eval_loss" not in line]


def test_documents_follow_one_another_with_an_end_between_them() -> None:
    assert pack_blocks([[1, 2, 3], [4, 5]], end=0, block_tokens=4) == [[1, 2, 3, 0], [4, 5, 0]]


def test_a_last_block_of_one_token_is_left_out_as_nothing_in_it_is_predicted() -> None:
    assert pack_blocks([[1, 2, 3, 4]], end=0, block_tokens=4) == [[1, 2, 3, 4]]
    with pytest.raises(ValueError, match="nothing to predict"):
        pack_blocks([[1]], end=0, block_tokens=1)


def test_whole_documents_are_held_out_and_some_are_left_to_learn_from() -> None:
    ten = [Document(f"{n}.txt", "x", str(n)) for n in range(10)]

    train, held_out = split_documents(ten, 0.2, seed=1)

    assert len(held_out) == 2
    assert sorted([*train, *held_out], key=lambda d: d.path) == ten
    assert split_documents(ten, 0.2, seed=1) == (train, held_out)
    assert split_documents(ten, 0.2, seed=2) != (train, held_out)
    assert [len(part) for part in split_documents(ten[:2], 0.99, seed=0)] == [1, 1]


def test_a_folder_is_read_by_the_readers_of_the_product(tmp_path: Path) -> None:
    (tmp_path / "規程.txt").write_bytes("貸出は十四日です。".encode("cp932"))
    (tmp_path / "page.html").write_text("<h1>Loans</h1><script>x()</script><p>Two weeks.</p>")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")

    found = {document.path: document.text for document in read_raw_folders([tmp_path], Config())}

    assert set(found) == {"規程.txt", "page.html"}
    assert "貸出は十四日です。" in found["規程.txt"]
    assert "x()" not in found["page.html"]


def test_a_folder_with_one_readable_file_is_refused_with_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "only.txt").write_text("The only text.")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4 and then nothing")

    with pytest.raises(RawFolderError, match=r"Of 2 files .* 1 could be read"):
        read_raw_folders([tmp_path], Config())


@pytest.mark.parametrize("method", METHODS)
def test_each_method_learns_and_leaves_what_can_be_loaded(
    method: str, base: Path, tmp_path: Path
) -> None:
    before = (base / "model.safetensors").read_bytes()
    train, held_out = split_documents(documents(), 0.3, seed=0)

    report = pretrain(train, held_out, base, tmp_path / "run", settings(method), quiet)

    assert report.loss_after < 0.9 * report.loss_before
    assert report.folder.name == (ADAPTER if method in ("lora", "rslora") else MODEL)
    assert (base / "model.safetensors").read_bytes() == before
    assert not list((tmp_path / "run").glob(".*"))
    model, tokenizer = load_pretrained(base, report.folder)
    blocks = pack_blocks(
        [tokenizer(document.text)["input_ids"] for document in held_out],
        tokenizer.eos_token_id,
        32,
    )
    assert sum(map(len, blocks)) == report.held_out_tokens
    assert mean_loss(model, blocks) == pytest.approx(report.loss_after, rel=0.02)


def test_the_log_tells_what_the_app_shows(base: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    train, held_out = split_documents(documents(), 0.3, seed=0)

    pretrain(train, held_out, base, tmp_path, settings("lora"), seen.append)

    lines = log_of(tmp_path)
    steps = [line for line in lines if "eval_loss" not in line]
    looks = [line for line in lines if "eval_loss" in line]
    assert [line["step"] for line in steps] == list(range(1, 9))
    assert all(set(line) == KEYS for line in steps)
    assert all(set(line) == KEYS | {"eval_loss"} for line in looks)
    assert looks[0]["step"] == 0
    assert looks[-1]["step"] == 8
    assert steps[-1]["remaining_seconds"] == 0
    assert steps[-1]["learning_rate"] < steps[1]["learning_rate"]
    assert [(p.stage, p.done, p.total) for p in seen] == [("train", n, 8) for n in range(1, 9)]


def test_galore_keeps_a_smaller_state_than_full_tuning_and_lora_the_smallest(
    base: Path, tmp_path: Path
) -> None:
    train, held_out = split_documents(documents(), 0.3, seed=0)

    reports = {
        method: pretrain(
            train, held_out, base, tmp_path / method, settings(method, max_steps=1), quiet
        )
        for method in ("lora", "galore", "full")
    }

    # Adam keeps two 32-bit numbers of every weight that learns.
    full = reports["full"]
    assert full.optimizer_megabytes == pytest.approx(8e-6 * full.trainable_parameters, abs=0.06)
    assert reports["galore"].trainable_parameters == full.trainable_parameters
    assert reports["galore"].optimizer_megabytes < full.optimizer_megabytes
    assert reports["lora"].trainable_parameters < full.trainable_parameters / 2


@pytest.mark.parametrize("method", ["lora", "galore"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    method: str, base: Path, tmp_path: Path
) -> None:
    train, held_out = split_documents(documents(), 0.3, seed=0)

    def stop_at_four(progress: Progress) -> None:
        if progress.done == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="after step 4 of 8"):
        pretrain(train, held_out, base, stopped, settings(method), stop_at_four)
    assert signal.getsignal(signal.SIGTERM) is handler
    assert not (stopped / ADAPTER).exists()
    assert not list(stopped.rglob("training_args.bin"))  # a pickle

    gone_on = pretrain(train, held_out, base, stopped, settings(method), quiet)
    straight = pretrain(train, held_out, base, whole, settings(method), quiet)

    assert losses_of(stopped) == losses_of(whole)
    assert gone_on.loss_after == pytest.approx(straight.loss_after, abs=1e-6)


def test_a_checkpoint_that_was_half_written_is_not_used(tmp_path: Path) -> None:
    watch = RunWatch(tmp_path, 5, quiet)
    for step in (9, 10, 20):
        (tmp_path / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True)
    for step in (9, 10):
        watch.checkpoint_saved(tmp_path / "checkpoints" / f"checkpoint-{step}")

    assert last_checkpoint(tmp_path) == tmp_path / "checkpoints" / "checkpoint-10"
    assert not (tmp_path / "checkpoints" / "checkpoint-20").exists()
    assert last_checkpoint(tmp_path / "elsewhere") is None


def test_a_log_forgets_the_steps_that_are_trained_again(tmp_path: Path) -> None:
    watch = RunWatch(tmp_path, 5, quiet)
    lines = [json.dumps({"step": n, "loss": 1.0, "elapsed_seconds": 10.0 * n}) for n in range(1, 6)]
    (tmp_path / LOG).write_text("\n".join(lines) + '\n{"step": 6, "lo', encoding="utf-8")

    watch.begin(step=3, tokens=0)
    watch.log({"loss": float("nan")}, step=4, total=5, epoch=1.0, tokens=7)

    found = log_of(tmp_path)
    assert [line["step"] for line in found] == [1, 2, 3, 4]
    assert found[-1]["elapsed_seconds"] >= 30
    assert found[-1]["loss"] is None


def test_what_learns_all_weights_cannot_have_them_in_four_bits(base: Path, tmp_path: Path) -> None:
    train, held_out = split_documents(documents(), 0.3, seed=0)

    with pytest.raises(ConfigError, match="nf4"):
        pretrain(train, held_out, base, tmp_path, settings("full", precision="nf4"), quiet)


def test_held_out_documents_are_never_learned(base: Path, tmp_path: Path) -> None:
    train, held_out = split_documents(documents(), 0.3, seed=0)
    config = replace(settings("full"), data=DataSettings(held_out_share=0.3))

    one = pretrain(train, held_out, base, tmp_path / "one", config, quiet)
    other_text = [Document(d.path, "Something else entirely.", d.sha256) for d in held_out]
    other = pretrain(train, other_text, base, tmp_path / "other", config, quiet)

    assert losses_of(tmp_path / "one") == losses_of(tmp_path / "other")
    assert one.loss_after != other.loss_after
