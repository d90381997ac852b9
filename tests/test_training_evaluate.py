"""Answer models compared on the same rows: tiny ones that learned the rows, and broken ones."""

import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from rag.config import Config
from rag.datatypes import Chunk, Hit, PromptStyle
from rag.generate import load_generator
from tests.compared_models import STYLE, Compared, canary_rows, compared, make_row
from tests.test_generate import make_model
from tests.test_inference import decoder
from tests.tiny_gptq import save_tiny_gptq
from training.config import EvaluateSettings, TrainingConfig
from training.evaluation.candidate_run import NOT_SHOWN, Outcome, read_outcomes
from training.evaluation.evaluate import Candidate, evaluate_models
from training.evaluation.forgetting import SENTENCES, _log_softmax, _scores, sentence_likelihoods
from training.evaluation.report import format_table, format_worst
from training.evaluation.scores import Scored, groups_of, score_groups, score_labels, worst_rows
from training.evaluation.table import ALL, RECALL, EvaluationError, read_table


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return compared(tmp_path_factory)


def outcome(row: int, answer: str, markers: tuple[int, ...] = (1,), gold: int = 1) -> Outcome:
    return Outcome(
        row, "", "", answer, answer, abstains=not answer, markers=markers, gold_passage=gold,
        seconds=0.1, tokens=1, peak_memory_mb=1.0, peak_gpu_mb=0.0,
    )  # fmt: skip


def measure(models: Compared, name: str, measured: str, group: str = ALL) -> float | None:
    groups = {one.group: one for one in models.table.candidate(name).groups}
    estimate = groups[group].measures[measured]
    return None if estimate is None else estimate.mean


def test_a_model_that_learned_the_rows_answers_abstains_and_cites(models: Compared) -> None:
    for measured in ("exact", "normalized_exact", "partial", "f1"):
        assert measure(models, "before", measured) == 1
        assert measure(models, "before", measured, "ja") == 1
    assert measure(models, "before", "abstention_precision") == 1
    assert measure(models, "before", "abstention_recall") == 1
    assert measure(models, "before", "false_abstention") == 0
    assert measure(models, "before", "citation_precision") == 1
    assert measure(models, "before", "citation_recall") == 1


def test_a_broken_model_does_not(models: Compared) -> None:
    assert measure(models, "broken", "f1") == pytest.approx(0, abs=0.1)
    assert measure(models, "broken", "citation_recall") == 0
    assert measure(models, "broken", "citation_precision") is None


def test_quotes_hold_the_answer_in_more_words(models: Compared) -> None:
    assert measure(models, "extractive", "normalized_exact") == 0
    partial = measure(models, "extractive", "partial")
    assert partial is not None
    assert partial > 0.5


def test_the_others_are_compared_with_the_model_that_serves(models: Compared) -> None:
    assert models.table.baseline == "before"  # not the first one
    differences = {(one.name, one.group, one.measure): one for one in models.table.differences}

    equal = differences["equal", ALL, "f1"]
    broken = differences["broken", ALL, "normalized_exact"]

    assert (equal.estimate.mean, equal.estimate.low, equal.estimate.high) == (0, 0, 0)
    assert broken.estimate.mean == -1
    assert broken.p == pytest.approx(2 / 2**17)  # it loses on all of 17 answerable rows
    assert differences["broken", "ja", "f1"].rows == 5
    assert differences["broken", "ja", RECALL].rows == 15  # of the sentences of the probe


def test_a_model_that_is_not_here_is_told_and_stops_no_other(models: Compared) -> None:
    missing = models.table.candidate("missing")

    assert "there is no model in" in missing.unavailable
    assert "missing: not run" in format_table(models.table)
    assert models.table.candidate("equal").unavailable == ""


def test_every_candidate_is_measured_by_itself(models: Compared) -> None:
    for name in ("before", "broken", "extractive"):
        assert models.table.candidate(name).peak_memory_mb > 10
        assert models.table.candidate(name).seconds >= 0
    extractive, before = (models.table.candidate(name) for name in ("extractive", "before"))
    assert extractive.peak_memory_mb < before.peak_memory_mb  # it loads no libraries of models
    assert before.model_id.endswith("(16-bit)")


def test_the_table_comes_back_from_its_file_and_prints(models: Compared) -> None:
    assert read_table(models.out) == models.table

    text = format_table(models.table)
    assert "all rows: n = 20, of which 17 have an answer" in text
    assert "ja: n = 5" in text
    assert "paired bootstrap" in text.replace("\n", " ")
    worst = format_worst(models.table)
    assert len(models.table.worst) == 20  # the last one, which is broken, has no row right
    assert "答0 [1]" in worst


def test_a_damaged_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text('{"rows": 1}')

    with pytest.raises(EvaluationError, match="damaged"):
        read_table(tmp_path)
    with pytest.raises(EvaluationError, match="no evaluation"):
        read_table(tmp_path / "nowhere.json")


def test_what_was_answered_is_kept_and_half_a_line_is_not(models: Compared, tmp_path: Path) -> None:
    out = Path(shutil.copytree(models.out, tmp_path / "out"))
    file, facts = out / "extractive.jsonl", out / "extractive.json"
    whole = file.read_text(encoding="utf-8").splitlines(keepends=True)
    marked = json.loads(whole[0]) | {"completion": "kept"}
    file.write_text(json.dumps(marked) + "\n" + "".join(whole[1:17]) + whole[17][:20])
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"is_done": False}))
    models.progress.clear()

    models.evaluate({"extractive": Candidate(Path("extractive"), "auto")}, out)

    outcomes = read_outcomes(file)
    assert [step.done for step in models.progress] == [17, 18, 19, 20]
    assert [one.row for one in outcomes] == list(range(20))
    assert outcomes[0].completion == "kept"
    assert outcomes[17].completion == json.loads(whole[17])["completion"]


def test_answers_of_another_model_are_not_kept(models: Compared, tmp_path: Path) -> None:
    config = TrainingConfig("test", evaluate=EvaluateSettings(max_rows=3))
    candidate = {"one": Candidate(Path("extractive"), "auto")}
    seen: list[int] = []

    def run(max_new_tokens: int) -> None:
        seen.clear()
        settings = replace(config, evaluate=replace(config.evaluate, max_new_tokens=max_new_tokens))
        evaluate_models(
            candidate, models.rows, models.settings, settings, tmp_path,
            lambda step: seen.append(step.done),
        )  # fmt: skip

    run(32)
    assert seen == [0, 1, 2, 3]
    run(32)
    assert seen == [3]  # nothing was left to do
    run(16)
    assert seen == [0, 1, 2, 3]


def test_without_rows_or_models_there_is_nothing_to_compare(
    models: Compared, tmp_path: Path
) -> None:
    config = TrainingConfig("test")
    nobody = {"a": Candidate(tmp_path / "nowhere", "16bit")}

    with pytest.raises(EvaluationError, match="no rows"):
        evaluate_models({}, [], models.settings, config, tmp_path, print)
    with pytest.raises(EvaluationError, match="No model could be evaluated"):
        evaluate_models(nobody, models.rows, models.settings, config, tmp_path, print)
    with pytest.raises(EvaluationError, match="cannot name a model"):
        evaluate_models(
            {"../a": nobody["a"]}, models.rows, models.settings, config, tmp_path, print
        )
    worse = {"a": Candidate(models.models_dir / "equal", "8bit")}
    with pytest.raises(EvaluationError, match="no precision"):
        evaluate_models(worse, models.rows, models.settings, config, tmp_path, print)


def test_a_model_is_asked_in_its_own_style_over_the_same_passages(tmp_path: Path) -> None:
    from training.evaluation.candidate_run import Job, _Asked, _gold_passage

    generator = load_generator(
        replace(Config(), answer_model=str(make_model(tmp_path / "m")), device="cpu")
    )
    job = Job("", "", "", {}, asdict(PromptStyle(evidence_sentences=1)), 8)
    asked = _Asked(generator, Config(), job)
    row = make_row("What is 3?", "three [2]", ("cats", "3 is three"), gold=2)
    best = replace(row.prompt.evidence[1], score=2.0)
    row = replace(row, prompt=replace(row.prompt, evidence=(best, row.prompt.evidence[0])))

    prompt = asked._prompt(row.prompt)

    assert len(prompt.messages) == 6  # with two worked examples
    assert [hit.chunk.text for hit in prompt.hits] == ["3 is three"]  # the best sentence alone
    assert _gold_passage(row, prompt) == 1
    other = replace(row.prompt, hits=(Hit(1, Chunk("x.md", 0, 4, "cats"), 1.0),))
    assert _gold_passage(row, other) == NOT_SHOWN
    same = replace(job, style=asdict(STYLE))
    assert replace(asked, job=same)._prompt(row.prompt) is row.prompt
    fewer = replace(job, style=asdict(replace(STYLE, max_passages=1)))
    assert [hit.chunk.text for hit in replace(asked, job=fewer)._prompt(row.prompt).hits] == [
        "cats"
    ]


def test_groups_are_all_rows_and_each_language() -> None:
    english = make_row("Who?", "Ann [1]", ("Ann",), answer="Ann")
    japanese = make_row("誰?", "鈴木 [1]", ("鈴木",), language="ja", answer="鈴木")

    assert {k: v.tolist() for k, v in groups_of([english, japanese, english]).items()} == {
        ALL: [0, 1, 2],
        "en": [0, 2],
        "ja": [1],
    }
    assert list(groups_of([english])) == [ALL]


def test_japanese_is_scored_by_characters_and_english_by_words() -> None:
    rows = [
        make_row("Cost?", "300 yen [1]", ("300 yen",), answer="300 yen"),
        make_row("料金は?", "３００円 [1]", ("300円",), language="ja", answer="３００円"),
    ]
    scored = Scored(rows, [outcome(0, "300 yen an hour"), outcome(1, "1時間300円")], None)

    groups = {one.group: one.measures["f1"] for one in score_groups(scored)}

    assert groups["en"] is not None
    assert groups["ja"] is not None
    assert groups["en"].mean == pytest.approx(2 * 2 / (3 + 2))
    assert groups["ja"].mean == pytest.approx(2 * 4 / (7 + 4))


def test_labels_are_scored_against_the_majority() -> None:
    rows = [
        make_row("Q?", f"{label} [1]", ("text",), answer=label, label=label)
        for label in ("yes", "yes", "no", "maybe")
    ]
    said = ["Yes, it does", "no", "no", "perhaps"]
    scored = Scored(rows, [outcome(n, text) for n, text in enumerate(said)], None)

    labels = score_labels(scored)

    assert labels is not None
    assert labels.labels == ("maybe", "no", "yes")
    assert labels.matrix == ((0, 0, 0, 1), (0, 1, 0, 0), (0, 1, 1, 0))
    assert labels.accuracy.mean == pytest.approx(2 / 4)
    # maybe 0; no 2 * 1 / (1 + 2); yes 2 * 1 / (2 + 1)
    assert labels.macro_f1.mean == pytest.approx((0 + 2 / 3 + 2 / 3) / 3)
    assert (labels.majority, labels.majority_accuracy) == ("yes", 0.5)
    assert score_labels(Scored(canary_rows(), [], None)) is None


def test_the_worst_rows_come_first_and_right_ones_not_at_all() -> None:
    rows = [make_row("Q?", "one two [1]", ("x",), answer="one two") for _ in range(3)]
    before = Scored(rows, [outcome(n, "one two") for n in range(3)], None)
    after = Scored(rows, [outcome(0, "one two"), outcome(1, "one"), outcome(2, "")], None)

    worst = worst_rows({"before": before, "after": after}, "after", "before")

    assert [row.row for row in worst] == [2, 1]
    assert worst[1].completions == {"before": "one two", "after": "one"}
    assert worst[1].scores["after"] == pytest.approx(2 * 1 / (1 + 2), abs=1e-4)


def test_the_likelihood_of_a_sentence_is_that_of_its_tokens_one_by_one(tmp_path: Path) -> None:
    import torch

    folder = make_model(tmp_path / "m")
    generator = load_generator(replace(Config(), answer_model=str(folder), device="cpu"))
    model = generator.model  # type: ignore[union-attr]
    language, sentence = SENTENCES[15]
    ids = model.encode(sentence)
    model.reset()
    stepwise = 0.0
    for given, wanted in pairwise(ids):
        stepwise += float(
            torch.log_softmax(torch.tensor(model.extend([given])[0]), -1)[wanted]
        )

    found = sentence_likelihoods(generator)[15]  # type: ignore[arg-type]

    assert language == "ja"
    assert found == pytest.approx(stepwise / len(sentence.encode()), rel=0.02)  # 16 bits


def test_the_graph_of_a_gptq_model_knows_a_text_as_its_weights_do(tmp_path: Path) -> None:
    import torch

    dense = save_tiny_gptq(tmp_path / "model", "llama")
    model = decoder(tmp_path / "model", tmp_path / "graph")
    ids = list(range(5, 120, 9))

    with torch.inference_mode():
        expected = _log_softmax(dense(input_ids=torch.tensor([ids])).logits[0].numpy())

    found = _log_softmax(_scores(model, ids))
    # Step by step or all at once, in 16 bits or 32: a fifth of what tells tokens apart, at most.
    assert np.abs(found - expected).mean() < 0.2 * np.abs(expected - expected.mean()).mean()


def test_the_peak_of_memory_is_that_of_the_child_alone() -> None:
    script = (
        "import subprocess, sys\n"
        "held = bytearray(400 << 20)\n"
        "code = 'import resource; from training.evaluation.candidate_run import peak_memory_mb;' "
        "'print(peak_memory_mb(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)'\n"
        "print(subprocess.check_output([sys.executable, '-c', code], text=True))\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    own, of_getrusage = (float(value) for value in said.stdout.split())

    assert own < 250
    assert of_getrusage > 390  # the control: what getrusage tells is that of the parent
