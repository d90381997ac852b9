"""Which model answers: gates, the pointer, going back. With the models of `compared_models`."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rag.active_model import ActiveModel, read_active, serving_model
from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.errors import ModelError
from rag.evaluation.metrics import Estimate
from rag.generate import LocalGenerator, load_generator
from rag.model_folder import fingerprint
from tests.compared_models import Compared, compared
from training.evaluation.table import ALL, RECALL, Difference, EvaluationTable
from training.release.activate import (
    ReleaseError,
    activate,
    activations,
    prune,
    rollback,
    write_active,
)
from training.release.gates import judge
from training.release.known_models import known_models
from training.runs.folder import write_json

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return compared(tmp_path_factory)


@pytest.fixture
def settings(models: Compared, tmp_path: Path) -> Config:
    """Give a copy of the models and of what was found about them."""
    shutil.copytree(models.models_dir, tmp_path / "models")
    shutil.copytree(models.out, tmp_path / "state" / "evaluations" / "first")
    return replace(models.settings, models_dir=tmp_path / "models", state_dir=tmp_path / "state")


@pytest.fixture(scope="module")
def load(models: Compared) -> Callable[[Config], LocalGenerator]:
    """Give a loader that has the model that learned its test questions in memory already."""
    generator = load_generator(
        replace(models.settings, answer_model=str(models.models_dir / "equal"))
    )
    assert isinstance(generator, LocalGenerator)
    return lambda config: generator


def table_of(models: Compared, *differences: Difference) -> EvaluationTable:
    return replace(models.table, differences=differences)


def difference(measure: str, low: float, high: float, group: str = ALL) -> Difference:
    mean = (low + high) / 2
    return Difference("equal", group, measure, 20, Estimate(mean, low, high), None)


def test_a_model_that_is_no_worse_answers_from_then_on(settings: Config) -> None:
    assert serving_model(settings) == DEFAULT_ANSWER_MODEL

    done = activate("equal", settings)  # loads it really, for its test questions

    assert serving_model(settings) == "equal"
    assert done.previous == DEFAULT_ANSWER_MODEL
    assert done.gates
    assert all(gate.is_passed for gate in done.gates)
    pointer = json.loads((settings.models_dir / "active.json").read_text())
    assert pointer["model"] == "equal"
    assert {gate["measure"] for gate in pointer["gates"]} >= {"f1", "false_abstention", RECALL}
    assert [entry["model"] for entry in activations(settings)] == ["equal"]


def test_a_broken_model_is_refused_with_the_numbers(settings: Config) -> None:
    with pytest.raises(ReleaseError) as refusal:
        activate("broken", settings)

    told = str(refusal.value)
    assert "broken is worse than" in told
    assert "normalized_exact 0.000 against 1.000, difference -1.000 [-1.000, -1.000]" in told
    assert "citation_precision - against 1.000" in told
    assert read_active(settings.models_dir) is None
    assert activations(settings) == []


def test_a_model_that_answers_nothing_is_refused_whatever_the_gates_say(settings: Config) -> None:
    with pytest.raises(ReleaseError, match="answered less than half"):
        activate("broken", settings, force=True, why="to see")

    assert serving_model(settings) == DEFAULT_ANSWER_MODEL


def test_passing_over_the_gates_needs_a_reason_and_keeps_it(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    with pytest.raises(ReleaseError, match="Say why"):
        activate("broken", settings, force=True, why=" ")

    done = activate("broken", settings, force=True, why="a demonstration", load=load)

    assert next(gate.measure for gate in done.gates if not gate.is_passed) == "normalized_exact"
    assert activations(settings)[-1]["why"] == "a demonstration"


def test_a_model_must_have_been_compared_with_the_one_that_serves_now(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    activate("broken", settings, force=True, why="now another one serves", load=load)

    with pytest.raises(ReleaseError, match="never compared with broken"):
        activate("equal", settings, load=load)


def test_a_model_that_was_changed_after_its_comparison_was_not_compared(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    style = settings.models_dir / "equal" / "prompt_style.json"
    style.write_text('{"evidence_sentences": 0, "has_examples": true, "max_passages": 0}')

    with pytest.raises(ReleaseError, match="never compared"):
        activate("equal", settings, load=load)


def test_only_the_run_that_is_named_counts(
    settings: Config, load: Callable[[Config], LocalGenerator], tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match="never compared"):
        activate("equal", settings, run=tmp_path / "other", load=load)

    done = activate("equal", settings, run=settings.state_dir / "evaluations/first", load=load)

    assert done.table.endswith("first/table.json")


def test_a_comparison_on_a_few_questions_is_not_enough(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    file = settings.state_dir / "evaluations" / "first" / "table.json"
    write_json(file, json.loads(file.read_text()) | {"rows": 19})

    with pytest.raises(ReleaseError, match="on 19 questions only"):
        activate("equal", settings, load=load)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "There is no model 'nothing'"),
        ("../models/equal", "is no name of a folder"),
        (".hidden", "is no name of a folder"),
        (DEFAULT_ANSWER_MODEL, "answers already"),
    ],
)
def test_what_cannot_be_activated_says_why(settings: Config, name: str, said: str) -> None:
    with pytest.raises((ReleaseError, ModelError), match=said):
        activate(name, settings)


def test_unsafe_and_damaged_folders_are_refused_even_by_force(settings: Config) -> None:
    folder = settings.models_dir / "equal"
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged"):
        activate("equal", settings, force=True, why="x")
    (folder / "model.safetensors").write_bytes(whole)
    (folder / "modeling.py").write_text("print()")
    with pytest.raises(ModelError, match="program code"):
        activate("equal", settings, force=True, why="x")
    (folder / "modeling.py").unlink()
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        activate("equal", settings, force=True, why="x")


def test_a_model_named_in_the_settings_leaves_nothing_to_activate(settings: Config) -> None:
    with pytest.raises(ReleaseError, match="changes nothing"):
        activate("equal", replace(settings, answer_model="broken"))


def test_rollback_brings_back_what_answered_before(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    activate("equal", settings, load=load)

    done = rollback(settings)

    assert (done.model, done.previous) == (DEFAULT_ANSWER_MODEL, "equal")
    assert serving_model(settings) == DEFAULT_ANSWER_MODEL
    rollback(settings)
    assert serving_model(settings) == "equal"  # the way back is open as well
    assert [entry["action"] for entry in activations(settings)] == [
        "activate", "rollback", "rollback",
    ]  # fmt: skip


def test_rollback_to_what_is_not_there_changes_nothing(settings: Config) -> None:
    with pytest.raises(ReleaseError, match="No model was activated"):
        rollback(settings)
    write_active(settings.models_dir, ActiveModel("equal", "gone", "2026-11-21T10:00:00+00:00"))

    with pytest.raises(ModelError, match="no model 'gone'"):
        rollback(settings)

    assert serving_model(settings) == "equal"


def test_a_process_killed_before_the_rename_leaves_the_old_pointer(settings: Config) -> None:
    write_active(settings.models_dir, ActiveModel("equal", "", "2026-11-21T10:00:00+00:00"))
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from rag.active_model import ActiveModel\n"
        "from training.release.activate import write_active\n"
        "Path.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_active(Path(sys.argv[1]), ActiveModel('broken', 'equal', 'now'))\n"
    )

    killed = subprocess.run(
        [sys.executable, "-c", script, str(settings.models_dir)], cwd=ROOT, check=False
    )

    assert killed.returncode == -9
    assert read_active(settings.models_dir) == ActiveModel("equal", "", "2026-11-21T10:00:00+00:00")
    assert list(settings.models_dir.glob(".active.json.*"))  # it had written the new one
    write_active(settings.models_dir, ActiveModel("broken", "equal", "later"))
    assert serving_model(settings) == "broken"


def test_activations_and_rollbacks_at_the_same_time_come_one_after_another(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    activate("equal", settings, load=load)
    refused: list[ReleaseError] = []

    def change(action: Callable[[], object]) -> None:
        for _ in range(5):
            try:
                action()
            except ReleaseError as error:
                refused.append(error)

    threads = [
        threading.Thread(target=change, args=(action,))
        for action in (
            lambda: rollback(settings),
            lambda: rollback(settings),
            lambda: activate("equal", settings, load=load),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = activations(settings)
    assert {str(error) for error in refused} <= {"equal answers already."}
    assert len(kept) == 1 + 15 - len(refused)
    # Each change began where the one before had ended: none was lost or half done.
    assert [entry["previous"] for entry in kept[1:]] == [entry["model"] for entry in kept[:-1]]
    assert serving_model(settings) == kept[-1]["model"]


def test_a_gate_fails_only_beyond_its_interval(models: Compared) -> None:
    judged = judge(
        table_of(
            models,
            difference("f1", -0.2, 0.01),
            difference("normalized_exact", -0.2, -0.01),
            difference("false_abstention", 0.01, 0.2),
            difference("abstention_recall", 0.01, 0.2),
            difference("exact", -1, -0.9),  # no gate
        ),
        "equal",
    )

    assert {gate.measure: gate.is_passed for gate in judged} == {
        "f1": True,
        "normalized_exact": False,
        "false_abstention": False,
        "abstention_recall": True,
    }


def test_a_language_counts_from_twenty_rows(models: Compared) -> None:
    worse = difference("f1", -0.5, -0.1, "ja")

    assert judge(table_of(models, replace(worse, rows=19)), "equal") == ()
    assert [gate.is_passed for gate in judge(table_of(models, worse), "equal")] == [False]


def test_forgetting_has_a_margin(models: Compared) -> None:
    likelihood = {ALL: Estimate(-0.8, -0.9, -0.7)}
    candidates = tuple(replace(one, likelihood=likelihood) for one in models.table.candidates)

    def is_passed(low: float, high: float) -> bool:
        table = table_of(models, difference(RECALL, low, high))
        return judge(replace(table, candidates=candidates), "equal")[0].is_passed

    assert is_passed(-0.15, -0.1)  # worse, and less than a quarter of 0.8
    assert not is_passed(-0.5, -0.21)


def test_models_are_listed_with_their_results_and_the_one_that_serves(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    activate("equal", settings, load=load)

    found = {model.name: model for model in known_models(settings)}

    assert {DEFAULT_ANSWER_MODEL, "equal", "broken"} <= set(found)
    assert found["equal"].role == "serves"
    assert found[DEFAULT_ANSWER_MODEL].role == "before"
    assert found["broken"].role == ""
    scores = found["equal"].scores
    assert scores is not None
    assert scores.groups[0].measures["f1"] == Estimate(1, 1, 1)
    assert found["equal"].baseline == "before"


def make_run(settings: Config, model: str, finished: str) -> None:
    """Write what a run that made ``model`` leaves."""
    folder = settings.state_dir / "runs" / f"20261120-100000-{model}"
    (folder / "evaluation").mkdir(parents=True)
    first = settings.state_dir / "evaluations" / "first" / "table.json"
    shutil.copy(first, folder / "evaluation" / "table.json")
    record = {
        "run_id": folder.name, "config": {"name": model}, "state": "done", "model": model,
        "created": finished, "finished": finished,
    }  # fmt: skip
    write_json(folder / "run.json", record)


def test_only_old_untouched_models_of_runs_are_removed(
    settings: Config, load: Callable[[Config], LocalGenerator]
) -> None:
    folder = settings.models_dir
    for name in ("own", "changed", "newer"):
        shutil.copytree(folder / "broken", folder / name)
    (folder / "changed" / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    for name in ("broken", "changed", "equal"):
        make_run(settings, name, "2026-11-20T10:00:00+00:00")
    make_run(settings, "newer", "2999-01-01T00:00:00+00:00")
    assert fingerprint(folder / "own") == fingerprint(folder / "broken")
    assert prune(settings) == []  # nothing was activated yet, all may still be

    activate("equal", settings, load=load)

    assert prune(settings) == ["broken"]
    assert not (folder / "broken").exists()
    for name in ("own", "changed", "newer", "equal", DEFAULT_ANSWER_MODEL):
        assert (folder / name).is_dir()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the lock of another process is taken by one")
def test_a_lock_that_is_held_elsewhere_is_told(
    settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.release.activate._LOCK_SECONDS", 0.2)
    script = (
        "import sys, time; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(settings.models_dir / "active.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        write_active(settings.models_dir, ActiveModel("equal", "", "2026-11-21T10:00:00+00:00"))
        try:
            with pytest.raises(ReleaseError, match="Another process"):
                rollback(settings)
        finally:
            holder.kill()
