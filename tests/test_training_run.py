"""The whole of a run with a random model of some kilobytes, from a file to a model that answers."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from rag.answer_models import AnswerModels
from rag.config import Config, config_environment
from rag.datatypes import Progress
from rag.errors import RagError
from tests.fakes import HashingEmbedder
from tests.tiny_causal import save_tiny_causal
from training.config import (
    DataSettings,
    EvaluateSettings,
    PromptSettings,
    QuantizeSettings,
    TrainingConfig,
    TrainSettings,
)
from training.release.activate import ReleaseError, activate, rollback
from training.release.export_adapter import export_adapter
from training.runs.folder import Run, RunError, all_runs, find_run
from training.runs.run import continue_run
from training.runs.stages import DataNotFitError

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
FACTS = [
    ("What does a {} cost?", "{} yen", "A {} costs {} yen an hour.", ("boat", "bicycle", "kayak")),
    ("{}はいくらですか。", "{}円", "{}の料金は1時間{}円です。", ("ボート", "自転車", "カヤック")),
]


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return replace(
        Config(),
        index_dir=tmp_path / "index",
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        embed_languages=("en",),
        device="cpu",
    )


@pytest.fixture(autouse=True)
def small_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "training.rows.example_search.load_embedder", lambda config: HashingEmbedder()
    )


def write_questions(file: Path, copies: int = 6) -> Path:
    """Write SQuAD with an article for each number, so that documents can be held out."""
    articles = []
    for n in range(copies):
        paragraphs = []
        for question, answer, passage, things in FACTS:
            for thing in things:
                price = str(100 + 10 * n + len(thing))
                name = f"{thing} {n}"
                context = passage.format(name, price)
                found = {"text": answer.format(price), "answer_start": 0}
                asked = {"id": f"{n}{thing}", "question": question.format(name), "answers": [found]}
                paragraphs.append({"context": context, "qas": [asked]})
        articles.append({"title": str(n), "paragraphs": paragraphs})
    file.write_text(json.dumps({"data": articles}, ensure_ascii=False), encoding="utf-8")
    return file


def tiny_base(folder: Path) -> Path:
    save_tiny_causal(folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return folder


def experiment(tmp_path: Path, **train: object) -> TrainingConfig:
    return TrainingConfig(
        "tiny",
        base=str(tiny_base(tmp_path / "base")),
        data=DataSettings(files=(write_questions(tmp_path / "prices.json"),), passages=2),
        prompt=PromptSettings(budget_tokens=700),
        train=TrainSettings(
            **{"max_steps": 3, "max_tokens": 900, "rank": 4, "precision": "f32", **train}  # type: ignore[arg-type]
        ),
        quantize=QuantizeSettings(group_size=32, calibration_rows=2),
        evaluate=EvaluateSettings(candidates=("16bit",), max_rows=3, max_new_tokens=3),
    )


def test_a_run_ends_in_a_model_that_is_compared_and_can_be_activated(
    tmp_path: Path, settings: Config
) -> None:
    run = Run.create(experiment(tmp_path), settings)
    seen: list[Progress] = []

    continue_run(run, seen.append)

    stages = [progress.item for progress in seen if progress.stage == "stage"]
    assert stages == [
        "check",
        "rows",
        "train",
        "merge",
        "quantize",
        "calibrate",
        "evaluate",
        "register",
    ]
    assert run.state == "done"
    model = settings.models_dir / run.id
    assert json.loads((model / "prompt_style.json").read_text()) == {
        "evidence_sentences": 0, "has_examples": False, "max_passages": 2,
    }  # fmt: skip
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "prices.json" in card
    assert f"each read {run.record['training']['epochs']:g} times" in card
    assert str(tmp_path) not in card.partition("## Settings")[0]
    table = json.loads((run.folder / "evaluation" / "table.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in table["candidates"]] == ["serving", "16bit", "gptq"]
    assert not any(one["unavailable"] for one in table["candidates"])
    assert run.record["training"]["learned_text"].endswith("</s>")
    assert not (run.folder / "checkpoints").exists()

    with pytest.raises(ReleaseError):  # a random model answers nothing: it must not serve
        activate(run.id, settings)
    assert AnswerModels(settings).model_id() == "extractive"
    with pytest.raises(RagError, match="No model was activated"):
        rollback(settings)

    seen.clear()
    continue_run(find_run(run.id, settings), seen.append)  # all is done: nothing is done again
    assert seen == []

    _check_export(run, tmp_path / "exported")


def _check_export(run: Run, out: Path) -> None:
    """An adapter can be taken out alone, and the mean of two, of equal or other shares."""
    import torch
    from safetensors.torch import load_file, save_file

    other = run.folder.with_name("20260101-000000-other")
    shutil.copytree(run.folder, other)
    record = json.loads((other / "run.json").read_text(encoding="utf-8"))
    (other / "run.json").write_text(json.dumps(record | {"id": other.name}), encoding="utf-8")
    file = Path("adapter") / "adapter_model.safetensors"
    learned = load_file(run.folder / file)
    save_file({name: 3 * weights for name, weights in learned.items()}, other / file)

    both = [run, find_run(other.name, run.settings)]
    for runs, shares, times in (([run], (), 1), (both, (), 2), (both, (0.25, 0.75), 2.5)):
        export_adapter(runs, out, shares)
        exported = load_file(out / file.name)
        for name, weights in learned.items():
            torch.testing.assert_close(exported[name].float(), times * weights, rtol=0.01, atol=0)
    with pytest.raises(RunError, match=r"2 runs need 2 shares that add up to 1, not 0\.5 0\.7\."):
        export_adapter(both, out, (0.5, 0.7))
    save_file({name: weights[:1] for name, weights in learned.items()}, other / file)
    with pytest.raises(RunError, match="are of different shapes or bases"):
        export_adapter(both, out)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (FULL, r"The disk of .* is full\. Make room, then go on with the run\."),
        (ValueError("nobody knew of it"), "ValueError: nobody knew of it"),
    ],
)
def test_a_run_that_failed_goes_on_where_it_was(
    tmp_path: Path, settings: Config, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    run = Run.create(experiment(tmp_path), settings)

    with monkeypatch.context() as broken:
        broken.setattr("training.runs.stages.rows_to_jsonl", Mock(side_effect=error))
        with pytest.raises(RunError if error is FULL else ValueError):
            continue_run(run, lambda step: None)
    assert run.state == "failed"
    assert re.fullmatch(told, run.record["error"])
    assert list(settings.models_dir.iterdir()) == []
    seen: list[Progress] = []
    monkeypatch.setattr("training.runs.run.STAGES", {"answer": _first_stages()})

    continue_run(find_run(run.id, settings), seen.append)

    assert [progress.item for progress in seen if progress.stage == "stage"] == ["rows"]
    assert [(r.id, r.state) for r in all_runs(settings)] == [(run.id, "done")]


def _first_stages() -> tuple[object, ...]:
    from training.runs.run import STAGES

    return STAGES["answer"][:2]


def test_examples_that_must_not_be_trained_on_stop_the_run_before_a_model_is_made(
    tmp_path: Path, settings: Config
) -> None:
    config = experiment(tmp_path)
    config = replace(config, data=replace(config.data, files=()))
    run = Run.create(config, settings)

    with pytest.raises(DataNotFitError, match="Nothing was trained"):
        continue_run(run, lambda step: None)

    assert run.state == "failed"
    assert json.loads((run.folder / "check.json").read_text(encoding="utf-8"))["blocking"]


def test_only_one_run_is_worked_on_at_a_time(tmp_path: Path, settings: Config) -> None:
    config = experiment(tmp_path)
    first, second = (Run.create(replace(config, name=name), settings) for name in ("one", "two"))

    def start_another(progress: Progress) -> None:
        with pytest.raises(RunError, match="Another training run"):
            continue_run(second, lambda step: None)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        continue_run(first, start_another)
    assert (first.state, second.state) == ("stopped", "new")


def test_a_full_disk_is_told_before_anything_is_made(
    tmp_path: Path, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(experiment(tmp_path), settings)
    monkeypatch.setattr("training.runs.run._DISK_FACTOR", 10**12)

    with pytest.raises(RunError, match=r"GB left on the disk .* needs about"):
        continue_run(run, lambda step: None)
    assert run.record["stages"] == {}


def test_a_record_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.create(experiment(tmp_path), settings)
    before = (run.folder / "run.json").read_bytes()
    monkeypatch.setattr("training.runs.folder.os.fsync", Mock(side_effect=FULL))

    with pytest.raises(RunError, match=r"run\.json could not be written \(No space left"):
        continue_run(run, lambda step: None)

    assert (run.folder / "run.json").read_bytes() == before
    assert [file.name for file in run.folder.iterdir()] == ["run.json"]


def test_a_trainer_that_is_killed_leaves_no_model_and_goes_on(
    tmp_path: Path, settings: Config
) -> None:
    run = Run.create(experiment(tmp_path, max_steps=400, save_minutes=0.001), settings)
    code = (
        "from rag.config import load_config; from training.runs.run import continue_run;"
        "from training.runs.folder import find_run; from tests.fakes import HashingEmbedder;"
        "import training.rows.example_search as search;"
        "search.load_embedder = lambda config: HashingEmbedder();"
        f"continue_run(find_run({run.id!r}, load_config()), lambda step: None)"
    )
    environment = {**os.environ, **config_environment(settings)}
    child = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 120
        while not list(run.folder.glob("checkpoints/*/whole")) and time.monotonic() < until:
            assert child.poll() is None
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()

    assert find_run(run.id, settings).state == "broken"
    assert not (run.folder / "adapter").exists()
    assert [p.name for p in settings.models_dir.glob("*")] == []
