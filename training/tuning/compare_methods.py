"""Compare ways to pre-train on one raw folder, each at its own best learning rate.

The same documents, the same blocks in the same order, the same steps: only the method differs. A
learning rate is chosen by the loss on held-out documents, never by the probes that are reported.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from rag.datatypes import Document, Progress
from rag.errors import RagError
from rag.evaluation.metrics import Estimate
from training.config import METHODS, TrainingConfig
from training.datatypes import QAExample
from training.evaluation.probes import SHOTS, Prober, ProbeReport
from training.runs.folder import write_json
from training.tuning.callbacks import CHECKPOINTS, LOG
from training.tuning.pretrain import PretrainReport, load_pretrained, pretrain, split_documents

# Where each method is usually at its best for a model of 0.1 billion weights. GaLore multiplies
# its steps by the scale 0.25, so the rate of another method would say nothing about it.
LEARNING_RATES: dict[str, tuple[float, ...]] = {
    "lora": (3e-4, 1e-3, 3e-3),
    "rslora": (1e-4, 3e-4, 1e-3),
    "galore": (3e-4, 1e-3, 3e-3),
    "full": (3e-5, 1e-4, 3e-4),
}
BEFORE = "before"
TABLE = "table.json"
_REPORT = "report.json"


class ComparisonError(RagError):
    """There is nothing to compare, or nothing to ask."""


@dataclass(frozen=True, slots=True)
class MethodResult:
    """One row of the table. Losses are in nats a token; intervals are 95 %."""

    method: str
    learning_rate: float  # 0 for the model before
    rates: tuple[tuple[float, float], ...]  # learning rate, held-out loss: all that were tried
    trainable_parameters: int
    optimizer_megabytes: float
    steps: int
    seconds: float
    curve: tuple[tuple[int, float], ...]  # step, training loss
    held_out_curve: tuple[tuple[int, float], ...]
    held_out_loss: float
    questions: int
    exact_match: Estimate
    mrr: Estimate


@dataclass(frozen=True, slots=True)
class _Run:
    rate: float
    folder: Path
    report: PretrainReport


def compare_methods(
    documents: Sequence[Document],
    questions: Sequence[QAExample],
    base: Path,
    out: Path,
    config: TrainingConfig,
    rates: dict[str, tuple[float, ...]],
    progress: Callable[[Progress], None],
    max_questions: int = 50,
) -> list[MethodResult]:
    """Return a row for the model before, and one for each method of ``rates``.

    `TABLE` in ``out`` holds the same with all curves. A run that was finished is not repeated
    when the same call comes again.

    Args:
        documents: what is learned, some of it held out.
        questions: about the documents; those without an answer are left out.
        base: folder of a 16-bit model.
        out: folder for all runs.
        config: everything but method and learning rate.
        rates: method -> learning rates to try.
        progress: called after each step.
        max_questions: to ask, chosen at random; `SHOTS` more of a language are shown.

    Raises:
        ComparisonError: an unknown method, or too few questions.
        Stopped: a signal came; the same call goes on.
    """
    if unknown := set(rates) - set(METHODS):
        raise ComparisonError(f"No such method: {', '.join(sorted(unknown))}. See {METHODS}.")
    train, held_out = split_documents(documents, config.data.held_out_share, config.seed)
    learned = {document.path for document in train}
    shots, asked = choose_questions(questions, learned, max_questions, config.seed)
    out.mkdir(parents=True, exist_ok=True)
    results: list[MethodResult] = []
    for method, tried in rates.items():
        runs = []
        for rate in tried:
            changed = replace(config.train, method=method, learning_rate=rate)
            run = replace(config, train=changed)
            folder = out / f"{method}-{rate:g}"
            runs.append(_Run(rate, folder, _trained(train, held_out, base, folder, run, progress)))
        best = min(runs, key=lambda run: run.report.loss_after)
        if not results:
            probed = probe_model(base, base, shots, asked, config.seed, out / BEFORE, progress)
            results.append(_row_before(best.report.loss_before, probed))
        model = best.report.folder
        probed = probe_model(base, model, shots, asked, config.seed, best.folder, progress)
        results.append(_row(method, runs, best, probed))
        for run_folder in {run.report.folder for run in runs} - {model}:
            shutil.rmtree(run_folder, ignore_errors=True)  # a whole model each
        write_json(out / TABLE, [asdict(result) for result in results])
    return results


def table(results: Sequence[MethodResult]) -> str:
    """Return the results as a Markdown table."""
    lines = [
        "| method | learning rate | learned weights | optimizer MB | steps | seconds "
        "| train loss | held-out loss | exact match | MRR | n |",
        "|" + "---|" * 11,
    ]
    for row in results:
        last = row.curve[-max(1, len(row.curve) // 10) :]
        loss = f"{np.mean([value for _, value in last]):.3f}" if last else ""
        lines.append(
            f"| {row.method} | {row.learning_rate:g} | {row.trainable_parameters:,} "
            f"| {row.optimizer_megabytes:.0f} | {row.steps} | {row.seconds:.0f} | {loss} "
            f"| {row.held_out_loss:.3f} | {_shown(row.exact_match)} | {_shown(row.mrr)} "
            f"| {row.questions} |"
        )
    return "\n".join(lines)


def _shown(found: Estimate) -> str:
    return f"{found.mean:.3f} ({found.low:.3f} to {found.high:.3f})"


def choose_questions(
    questions: Sequence[QAExample], learned: set[str], most: int, seed: int
) -> tuple[list[QAExample], list[QAExample]]:
    """Return worked examples, and what is asked: about documents that were learned, if known.

    Args:
        questions: all there are; those without an answer are left out.
        learned: paths of documents that were trained on.
        most: questions to ask, chosen at random.
        seed: of the choice.

    Raises:
        ComparisonError: fewer than two questions are left to ask.
    """
    order = np.random.default_rng(seed).permutation(len(questions))
    known = [questions[n] for n in order if questions[n].is_answerable]
    shots: list[QAExample] = []
    for language in sorted({example.language for example in known}):
        own = [example for example in known if example.language == language]
        # Questions about what is held out can teach the form, and nothing else is asked of them.
        own.sort(key=lambda example: not example.source or example.source in learned)
        shots += own[:SHOTS]
    asked = [
        example
        for example in known
        if example not in shots and (not example.source or example.source in learned)
    ][:most]
    if len(asked) < 2:
        raise ComparisonError(
            f"{len(asked)} answerable questions about the documents are left after {SHOTS} of each "
            "language are shown as examples. At least two are needed, to rank their answers."
        )
    return shots, asked


def _trained(
    train: Sequence[Document],
    held_out: Sequence[Document],
    base: Path,
    folder: Path,
    config: TrainingConfig,
    progress: Callable[[Progress], None],
) -> PretrainReport:
    file = folder / _REPORT
    if file.is_file():
        values = json.loads(file.read_text(encoding="utf-8"))
        return PretrainReport(**{**values, "folder": Path(values["folder"])})
    progress(Progress("method", 0, 0, folder.name))
    report = pretrain(train, held_out, base, folder, config, progress)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    write_json(file, {**asdict(report), "folder": str(report.folder)})
    return report


def probe_model(
    base: Path,
    folder: Path,
    shots: Sequence[QAExample],
    asked: Sequence[QAExample],
    seed: int,
    out: Path,
    progress: Callable[[Progress], None],
) -> ProbeReport:
    """Probe what `pretrain` left in ``folder``; each answer goes to ``probes.json`` in ``out``."""
    model, tokenizer = load_pretrained(base, folder)
    report = Prober(model, tokenizer).probe(
        shots, asked, seed, lambda done, total: progress(Progress("probe", done, total, out.name))
    )
    out.mkdir(parents=True, exist_ok=True)
    write_json(
        out / "probes.json",
        [
            {"question": q.question, "gold": q.answer, "answer": a, "exact": e, "rank": r}
            for q, a, e, r in zip(asked, report.answers, report.exact, report.ranks, strict=True)
        ],
    )
    return report


def _row_before(loss: float, probed: ProbeReport) -> MethodResult:
    return MethodResult(
        BEFORE, 0.0, (), 0, 0.0, 0, 0.0, (), (), loss, len(probed.exact), *probed.estimates()
    )


def _row(method: str, runs: Sequence[_Run], best: _Run, probed: ProbeReport) -> MethodResult:
    report = best.report
    text = (best.folder / LOG).read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return MethodResult(
        method,
        best.rate,
        tuple((run.rate, run.report.loss_after) for run in runs),
        report.trainable_parameters,
        report.optimizer_megabytes,
        report.steps,
        lines[-1]["elapsed_seconds"],
        tuple((x["step"], x["loss"]) for x in lines if "eval_loss" not in x),
        tuple((x["step"], x["eval_loss"]) for x in lines if "eval_loss" in x),
        report.loss_after,
        len(probed.exact),
        *probed.estimates(),
    )
