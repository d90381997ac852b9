"""What the stages of every kind of run begin with: the base model and the examples."""

from pathlib import Path

from rag.model_folder import fingerprint
from training.checkpoints.default_models import base_model
from training.examples.feedback import read_feedback
from training.examples.layouts import parse_mapping
from training.examples.read import read_files
from training.examples.values import ReadExamples
from training.near_misses.examples import NAME, written_examples
from training.runs.folder import OnProgress, Run, file_facts


def base_of(run: Run, progress: OnProgress) -> Path:
    """Return the folder of the 16-bit base model, and note which it is.

    Raises:
        ModelError: it is not on this machine.
    """
    base = base_model(run.config.base, run.settings, progress)
    run.update(base=base.name, base_fingerprint=fingerprint(base))
    return base


def examples_of(run: Run) -> list[ReadExamples]:
    """Return what the files hold, and the accepted corrections when the settings want them.

    Raises:
        ExampleFileError: a file cannot be read.
    """
    data = run.config.data
    read = read_files(data.files, parse_mapping(data.columns))
    facts = [
        file_facts(file, len(found.examples)) for file, found in zip(data.files, read, strict=True)
    ]
    if data.near_misses:
        read.append(written_examples(read))
        facts.append({"file": NAME, "sha256": "", "rows": len(read[-1].examples)})
    if data.feedback:
        read.append(read_feedback(run.settings))
        facts.append({"file": "feedback", "sha256": "", "rows": len(read[-1].examples)})
    run.update(data=facts)
    return read
