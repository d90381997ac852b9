"""The stages of pre-training on a folder, and of classification; `run` goes through them.

Each leaves what it made in the folder of the run; `training.runs.stages` has those of an answerer.
"""

import json
from dataclasses import asdict

from training.examples.choose import choose_examples
from training.examples.layouts import parse_mapping
from training.examples.read import read_files
from training.runs.folder import OnProgress, Run
from training.runs.inputs import base_of, examples_of
from training.tuning.classify import train_classifier
from training.tuning.compare_methods import choose_questions, probe_model
from training.tuning.pretrain import pretrain, read_raw_folders, split_documents

PRETRAINED = "pretrain.json"
PROBES = "evaluation/probes.json"
LABELS = "evaluation/labels.json"
PROBED_QUESTIONS = 50


def train_on_folder(run: Run, progress: OnProgress) -> None:
    """Go on with pre-training on ``data.folders``.

    Raises:
        RawFolderError: there is too little text.
    """
    documents = read_raw_folders(run.config.data.folders, run.settings)
    train, held_out = split_documents(documents, run.config.data.held_out_share, run.config.seed)
    run.update(data=[{"file": d.path, "sha256": d.sha256, "rows": 0} for d in documents])
    report = pretrain(train, held_out, base_of(run, progress), run.folder, run.config, progress)
    run.save_json(PRETRAINED, {**asdict(report), "folder": report.folder.name})


def probe_knowledge(run: Run, progress: OnProgress) -> None:
    """Ask the model before and after the questions in ``data.files``; none: nothing is asked."""
    if not run.config.data.files:
        return
    data = run.config.data  # not recorded as learned from: the text is, and not the questions
    read = read_files(data.files, parse_mapping(data.columns))
    questions = [example for found in read for example in found.examples]
    report = json.loads((run.folder / PRETRAINED).read_text(encoding="utf-8"))
    learned = set(report["train_documents"])
    seed = run.config.seed
    shots, asked = choose_questions(questions, learned, PROBED_QUESTIONS, seed)
    base = base_of(run, progress)
    scores = {}
    for name, folder in (("before", base), ("after", run.folder / report["folder"])):
        out = run.folder / "evaluation" / name
        probed = probe_model(base, folder, shots, asked, seed, out, progress)
        exact, mrr = probed.estimates()
        scores[name] = {"exact_match": asdict(exact), "mrr": asdict(mrr), "n": len(asked)}
    losses = {name: report[f"loss_{name}"] for name in scores}
    run.save_json(PROBES, {"scores": scores, "held_out_loss": losses})


def train_labels(run: Run, progress: OnProgress) -> None:
    """Learn to tell the labels of the examples in ``data.files``, and measure it.

    Raises:
        ClassificationError: they have none, or too few.
    """
    chosen = choose_examples(examples_of(run), run.config)
    report = train_classifier(
        chosen.train, chosen.held_out, base_of(run, progress), run.folder, run.config, progress
    )
    (run.folder / LABELS).parent.mkdir(exist_ok=True)
    run.save_json(LABELS, {**asdict(report), "folder": report.folder.name})
