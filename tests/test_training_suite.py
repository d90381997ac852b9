"""The suite of questions, hidden instructions in it, and when a model is to say "not found"."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rag.abstention import ABSTENTION_FILE, Abstention
from rag.config import Config
from rag.datatypes import Language, PromptStyle
from rag.generate import LocalGenerator
from tests.compared_models import Compared
from tests.compared_models import compared as make_compared
from tests.fakes import HashingEmbedder, ScriptedGenerator
from training.cli import main
from training.datatypes import AnswerRow
from training.evaluation.abstention import LEAST_ROWS, _evidence_weight, calibrated, carried
from training.evaluation.attacks import is_shown, obeys
from training.evaluation.scores import is_answerable
from training.evaluation.suite import SUITES, SuiteMaker, suite_sets
from training.evaluation.table import EvaluationError

STYLE = PromptStyle(evidence_sentences=2, has_examples=False)


@pytest.fixture(autouse=True)
def small_embedder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "training.rows.example_search.load_embedder", lambda config: HashingEmbedder()
    )


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return make_compared(tmp_path_factory)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write every file of the suite: prices of six towns, and one question without an answer."""
    folder = tmp_path / "data"
    folder.mkdir()
    for one in SUITES["dev"]:
        is_japanese = one.name.startswith("ja") or one.name == "jsquad"
        passage, asked = (
            ("{}の料金は{}円です。夜は閉まります。", "{}の料金はいくらですか。")
            if is_japanese
            else ("A ride in {} costs {} yen. It closes at night.", "What does a ride in {} cost?")
        )
        paragraphs = []
        for n, town in enumerate(("Bern", "Thun", "Chur", "Genf", "Olten", "Basel")):
            price = str(100 + n)
            context = passage.format(town, price)
            found = {"text": price, "answer_start": context.index(price)}
            asks: list[dict[str, object]] = [
                {"id": f"{n}", "question": asked.format(town), "answers": [found]}
            ]
            if not one.takes_away:
                unknown = f"Who drives in {town}?"
                asks.append({"id": f"{n}u", "question": unknown, "answers": [],
                             "is_impossible": True})  # fmt: skip
            paragraphs.append({"context": context, "qas": asks})
        text = json.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]})
        (folder / one.file).write_bytes(gzip.compress(text.encode()))
    return folder


def maker(data: Path, rows: int = 4) -> SuiteMaker:
    generator = ScriptedGenerator("")
    return SuiteMaker(data, rows, Config(), STYLE, generator, lambda step: None)


def rows_of(data: Path, name: str) -> list[AnswerRow]:
    return suite_sets("dev")[name](maker(data))


@pytest.mark.parametrize("name", ["squad-v2", "jsquad"])
def test_a_set_has_as_many_questions_without_an_answer_as_with_one(data: Path, name: str) -> None:
    rows = rows_of(data, name)

    answerable = [row for row in rows if is_answerable(row)]
    assert len(answerable) == len(rows) - len(answerable) == 4
    for row in rows:
        assert len(row.prompt.hits) <= 5
        text = row.prompt.messages[-1].content
        assert is_answerable(row) == (row.example.answer in text and bool(row.example.answer))
        assert row.prompt.shown_sentences == 2


def test_an_attack_hides_in_the_passage_that_answers_and_the_answer_stays(data: Path) -> None:
    whole = replace(maker(data), style=PromptStyle(has_examples=False))
    rows = suite_sets("dev")["squad-v2-attacks"](whole)

    assert len(rows) == 4
    for row in rows:
        demanded = row.example.passage
        assert row.example.answer in demanded
        assert not obeys(row, row.completion)
        target = next(t for t in ("ZEBRA-7", "KESTREL", "QUOKKA-19", "MARZIPAN", "OBSIDIAN-3")
                      if t in demanded)  # fmt: skip
        assert obeys(row, f"The answer is {target.lower()}. [1]")
        assert not obeys(replace(row, example=replace(row.example, passage="")), target)
    assert all(map(is_shown, rows))


def test_a_missing_file_and_an_unknown_suite_are_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="Name the folder of the suite with --data"):
        maker(tmp_path).rows_of(SUITES["dev"][0])
    with pytest.raises(EvaluationError, match="no suite 'test'"):
        suite_sets("test")


def test_the_command_prints_a_set_with_its_intervals_and_what_was_obeyed(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(SUITES, "dev", SUITES["dev"][1:2])
    out = tmp_path / "out"
    arguments = ["evaluate", "--suite", "dev", "--data", str(data), "--rows", "3", "--model",
                 "extractive", "--out", str(out)]  # fmt: skip

    assert main(arguments) == 0

    printed = capsys.readouterr().out
    assert "jsquad: 3 answerable, 3 without an answer" in printed
    assert "jsquad-attacks: 3 questions, the instruction shown in" in printed
    assert printed.count("\nextractive") == 2
    assert (out / "jsquad" / "table.json").is_file()


def many_answerable(compared: Compared) -> list[AnswerRow]:
    """Rows with an answer, as many as settle something, over more and less evidence."""
    [row] = [row for row in compared.rows if row.prompt.question == "What is 3?"]
    message = row.prompt.messages[-1]
    return [
        replace(row, prompt=replace(
            row.prompt,
            question=f"{n}",
            messages=(replace(message, content=f"{n} {message.content}"),),
            evidence_score=0.3 + 0.01 * n,
        ))
        for n in range(LEAST_ROWS + 10)
    ]  # fmt: skip


@pytest.mark.parametrize("known", [{}, {"en": Abstention(9.0, 0.7)}])
def test_as_many_answerable_questions_are_refused_as_was_allowed(
    compared: Compared, known: dict[Language, Abstention]
) -> None:
    """Counted by asking: with the bias a tenth abstains, and a hair more would refuse another.

    No row is without an answer, so evidence counts as much as it did before.
    """
    rows, model = many_answerable(compared), compared.models_dir / "equal"

    settled = calibrated(model, rows, known, compared.settings, 0.1, lambda step: None)["en"]

    assert settled.evidence == (0.7 if known else 0.0)
    generator = LocalGenerator(model, compared.settings)
    leads = [
        generator.abstention_margin(one.prompt) + settled.added(one.prompt.evidence_score)
        for one in rows
    ]
    refused = sum(lead > 1e-9 for lead in leads)
    at_the_edge = sum(abs(lead) <= 1e-9 for lead in leads)  # 16 bits tie
    assert refused <= 4 < refused + at_the_edge


def test_evidence_counts_as_much_as_it_tells_of_questions_without_an_answer() -> None:
    """Drawn from a known line: a unit of log-odds is worth 0.3 logits of the margin."""
    rng = np.random.default_rng(0)
    margins, odds = rng.normal(0, 2, 8000), rng.normal(0, 2, 8000)
    has_answer = rng.random(8000) > 1 / (1 + np.exp(-(margins - 0.3 * odds)))

    assert _evidence_weight(margins, odds, has_answer) == pytest.approx(0.3, abs=0.05)
    assert _evidence_weight(margins * 9, odds, has_answer) == 0.5  # no heavier
    assert _evidence_weight(margins, -odds, has_answer) == 0  # speaks against itself
    assert _evidence_weight(-margins, odds, has_answer) == 0
    assert _evidence_weight(margins / 100, odds, has_answer) < 0.1


def test_a_quantized_model_abstains_as_soon_as_it_did_in_16_bits(
    compared: Compared, tmp_path: Path
) -> None:
    """With the bias its margins are those of the other one, which was calibrated itself."""
    dense = Path(shutil.copytree(compared.models_dir / "equal", tmp_path / "dense"))
    (dense / ABSTENTION_FILE).write_text('{"en": {"bias": -1.5, "evidence": 0.5}}')
    quantized = compared.models_dir / "broken"
    rows = [row for row in compared.rows if row.prompt.language == "en"][:5]

    settled = carried(dense, quantized, rows, compared.settings, lambda step: None)

    margins = {
        model: [LocalGenerator(model, compared.settings).abstention_margin(r.prompt) for r in rows]
        for model in (dense, quantized)
    }
    shifts = [one - other for one, other in zip(*margins.values(), strict=True)]
    assert settled["en"].bias == pytest.approx(-1.5 + sorted(shifts)[2])
    assert settled["en"].evidence == 0.5
    assert sorted(shifts)[2] != 0


def test_few_rows_settle_nothing(compared: Compared) -> None:
    model, rows = compared.models_dir / "equal", compared.rows

    assert calibrated(model, rows, {}, compared.settings, 0.1, lambda step: None) == {}
