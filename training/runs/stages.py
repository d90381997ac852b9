"""The stages of teaching an answerer, from the check of the examples to the registered model.

Each takes what the ones before left in the folder of the run, and leaves its own there as a whole.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np

from rag.abstention import ABSTENTION_FILE, abstention_json, read_abstention
from rag.config import EXTRACTIVE
from rag.datatypes import PromptStyle
from rag.errors import RagError
from rag.generate import STYLE_FILE, prompt_style
from rag.store import Store
from training.checkpoints.calibration import tokens_of_rows
from training.checkpoints.merge import merge_adapter
from training.checkpoints.publish import published
from training.checkpoints.quantize import Method, quantize
from training.evaluation.abstention import calibrated, carried
from training.evaluation.evaluate import Candidate, drawn, evaluate_models, serving_folder
from training.examples.check import check_examples
from training.examples.check_report import CheckReport
from training.examples.choose import choose_examples
from training.rows.encoding import RowEncoder
from training.rows.hidden_instructions import with_hidden_instructions
from training.rows.maker import RowMaker
from training.rows.row_files import rows_from_jsonl, rows_to_jsonl
from training.runs.folder import OnProgress, Run, write_json
from training.runs.inputs import base_of, examples_of
from training.runs.model_card import card
from training.tuning.preference import train_preferences
from training.tuning.sft import ADAPTER, train_answerer

TRAIN_ROWS = Path("rows", "train.jsonl")
HELD_OUT_ROWS = Path("rows", "held_out.jsonl")
CHECK = "check.json"
MERGED = "merged"
GPTQ: Method = "gptq"
AWQ: Method = "awq"
EVALUATION = "evaluation"
SERVING = "serving"  # name of the model that answers now, in a table


class DataNotFitError(RagError):
    """The examples must not be trained on as they are."""


def check(run: Run, progress: OnProgress) -> None:
    """Look at the examples before anything is made of them.

    Raises:
        DataNotFitError: they must not be trained on.
    """
    _keep(run, check_examples(examples_of(run), run.config))


def make_rows(run: Run, progress: OnProgress) -> None:
    """Make rows to learn from and rows to test on, and look at them as they will be learned.

    Raises:
        DataNotFitError: they must not be trained on.
    """
    read = examples_of(run)
    chosen = choose_examples(read, run.config)
    seed = run.config.seed
    encoder = RowEncoder(base_of(run, progress), run.config.train.max_tokens)
    learned = with_hidden_instructions(chosen.train, run.config.data.hidden_instructions, seed)
    every = [*learned, *chosen.held_out]
    with RowMaker(every, run.config, run.settings, encoder, progress=progress) as maker:
        train = maker.rows(learned, seed, gold_position="random")
        excluded = [asdict(one) for one in maker.excluded]
        held_out = maker.rows(chosen.held_out, seed, gold_position="as_retrieved")
        excluded += [asdict(one) for one in maker.excluded]
    report = check_examples(read, run.config, rows=train, found=held_out, encoder=encoder)
    rows_to_jsonl(train, run.folder / TRAIN_ROWS)
    rows_to_jsonl(held_out, run.folder / HELD_OUT_ROWS)
    run.update(rows={"train": len(train), "held_out": len(held_out), "excluded": excluded})
    _keep(run, report)


def train(run: Run, progress: OnProgress) -> None:
    """Tune the base model on the rows."""
    report = train_answerer(
        rows_from_jsonl(run.folder / TRAIN_ROWS),
        rows_from_jsonl(run.folder / HELD_OUT_ROWS),
        base_of(run, progress),
        run.folder,
        run.config,
        progress,
    )
    run.update(training=asdict(report))


def train_on_preferences(run: Run, progress: OnProgress) -> None:
    """Tune the base model on which of two answers people liked better."""
    pairs = Store(run.settings.state_dir).comparisons.preferences()
    order = np.random.default_rng(run.config.seed).permutation(len(pairs))
    count = round(run.config.data.held_out_share * len(pairs))
    held_out, train = ([pairs[n] for n in some] for some in (order[:count], order[count:]))
    base = base_of(run, progress)
    report = train_preferences(train, held_out, base, run.folder, run.config, progress)
    run.update(training=asdict(report))


def merge(run: Run, progress: OnProgress) -> None:
    """Fold the adapter into the base, in 16 bits."""
    base = base_of(run, progress)
    merge_adapter(base, run.folder / ADAPTER, run.folder / MERGED)
    _write_style(run, run.folder / MERGED)
    if abstention := read_abstention(base):
        write_json(run.folder / MERGED / ABSTENTION_FILE, abstention_json(abstention))


def quantize_merged(run: Run, progress: OnProgress) -> None:
    """Quantize the merged model, calibrated on rows that were learned from."""
    merged, settings = run.folder / MERGED, run.config.quantize
    rows = rows_from_jsonl(run.folder / TRAIN_ROWS)
    texts = tokens_of_rows(rows, merged, settings.calibration_rows, run.config.seed)
    for method in _methods(run):
        with published(run.folder / method) as folder:
            quantize(merged, folder, texts, progress, settings, method)
            _write_style(run, folder)


def calibrate(run: Run, progress: OnProgress) -> None:
    """Settle when the quantized model says "not found", on held-out rows that test nothing.

    Where these are too few, it is as soon as the model did before 4 bits, and its base before that.
    """
    rows = rows_from_jsonl(run.folder / HELD_OUT_ROWS)
    tested = drawn(rows, run.config.evaluate.max_rows, run.config.seed)
    spare = [row for row in rows if row not in tested]
    allowed = run.config.evaluate.false_abstention
    quantized, merged = run.folder / GPTQ, run.folder / MERGED
    known = read_abstention(merged)
    settled = calibrated(quantized, spare, known, run.settings, allowed, progress)
    learned = rows_from_jsonl(run.folder / TRAIN_ROWS)
    others = [row for row in learned if row.prompt.language not in settled]
    if others:
        settled |= carried(merged, quantized, others, run.settings, progress)
    write_json(quantized / ABSTENTION_FILE, abstention_json(settled))


def evaluate(run: Run, progress: OnProgress) -> None:
    """Compare what was made with the base and with the model that answers now."""
    rows = rows_from_jsonl(run.folder / HELD_OUT_ROWS)
    evaluate_models(
        _candidates(run, base_of(run, progress)),
        rows,
        run.settings,
        run.config,
        run.folder / EVALUATION,
        progress,
    )


def register(run: Run, progress: OnProgress) -> None:
    """Put the quantized model among the answer models, with its card. It does not answer yet."""
    target = run.settings.models_dir / run.id
    table = json.loads((run.folder / EVALUATION / "table.json").read_text(encoding="utf-8"))
    run.update(model=run.id)
    text = card(run, table)
    (run.folder / "README.md").write_text(text, encoding="utf-8")
    with published(target) as folder:
        shutil.copytree(run.folder / GPTQ, folder, dirs_exist_ok=True)
        (folder / "README.md").write_text(text, encoding="utf-8")
    for method in _methods(run):
        shutil.rmtree(run.folder / method)


def _methods(run: Run) -> tuple[Method, ...]:
    """Return how the merged model is quantized: AWQ only to be compared."""
    return (GPTQ, AWQ) if AWQ in run.config.evaluate.candidates else (GPTQ,)


def _candidates(run: Run, base: Path) -> dict[str, Candidate]:
    """Return what is compared, the model that serves first and the one that is to serve last."""
    serving = serving_folder(run.settings)
    asked = None if serving == Path(EXTRACTIVE) else prompt_style(serving, run.settings)
    places = {
        "before": Candidate(base, "16bit"),
        "16bit": Candidate(run.folder / MERGED, "16bit"),
        "nf4": Candidate(run.folder / MERGED, "nf4"),
        "awq": Candidate(run.folder / AWQ, "awq"),
        "extractive": Candidate(Path(EXTRACTIVE), "auto"),
    }
    chosen = {name: places[name] for name in run.config.evaluate.candidates if name in places}
    return {
        SERVING: Candidate(serving, "auto", asked),
        **chosen,
        GPTQ: Candidate(run.folder / GPTQ, "gptq"),
    }


def _keep(run: Run, report: CheckReport) -> None:
    run.save_json(CHECK, report.to_json())
    if report.blocking:
        raise DataNotFitError("Nothing was trained. " + " ".join(report.blocking))


def _write_style(run: Run, folder: Path) -> None:
    """Let the model be asked as it was taught, wherever it serves."""
    prompt, passages = run.config.prompt, run.config.data.passages
    style = PromptStyle(prompt.evidence_sentences, prompt.has_examples, passages)
    (folder / STYLE_FILE).write_text(json.dumps(asdict(style)), encoding="utf-8")
