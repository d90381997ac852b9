"""``python -m training check``: what a run would learn from, and what is wrong with it."""

import argparse
import random
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.cli.printing import ProgressPrinter, one_line, print_json
from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.errors import ConfigError, ModelError, RagError

if TYPE_CHECKING:
    from training.config import TrainingConfig
    from training.datatypes import AnswerRow, QAExample
    from training.examples.check_report import Finding
    from training.examples.values import ReadExamples
    from training.rows.encoding import RowEncoder

_ROWS = 100  # made for a check; a run makes and checks all of them
_NEAR_MISSES_OF = 3  # times as many examples whose passages are searched


def add_check(commands: Any) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add the command to those of ``python -m training``."""
    parser = commands.add_parser(
        "check", help="what would be learned from files of questions and answers; trains nothing"
    )
    parser.add_argument(
        "--data", type=Path, nargs="+", default=[], metavar="FILE",
        help="Alpaca, ShareGPT, messages, prompt/completion, SQuAD, PubMedQA, CSV or Excel",
    )  # fmt: skip
    parser.add_argument(
        "--map", nargs="+", default=[], metavar="FIELD=COLUMN",
        help="what a field is read from where that is detected wrong, such as question=質問文",
    )  # fmt: skip
    parser.add_argument("--feedback", action="store_true", help="the accepted corrections too")
    parser.add_argument("--training", type=Path, metavar="FILE", help="TOML file of the experiment")
    parser.add_argument(
        "--rows", type=int, default=_ROWS, metavar="N",
        help="rows to make and look at as they are learned, drawn at random; 0: none",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--progress", action="store_true", help="progress as JSON, for programs")
    parser.add_argument("--models", type=Path, help="folder of the models")
    parser.add_argument("--config", type=Path, help="TOML file with settings of the product")
    parser.set_defaults(run_command=run_check)


def run_check(arguments: argparse.Namespace, config: Config) -> int:
    """Print the report; return 1 when the examples must not be trained on."""
    from rag.environment import limit_threads

    limit_threads(config.threads)
    from training.examples.check import check_examples
    from training.examples.check_text import report_text
    from training.examples.errors import ExampleFileError

    experiment = _experiment(arguments)
    try:
        read = _read(arguments, experiment, config)
    except ExampleFileError as error:
        if arguments.json:  # with its words in Japanese, for a page
            print_json({"state": "failed", "error": error.sentence.to_json()})
        raise
    made = _Made()
    if arguments.rows > 0:
        printer = ProgressPrinter(as_json=arguments.progress)
        made = _made(read, experiment, config, arguments.rows, printer)
    report = check_examples(
        read, experiment, rows=made.rows, found=made.found, encoder=made.encoder
    ).with_findings(*made.findings)
    if arguments.json:
        print_json(report.to_json())
    else:
        print(report_text(report))
    return 1 if report.blocking else 0


@dataclass(frozen=True, slots=True)
class _Made:
    """Rows of some examples, and what could not be made."""

    rows: "list[AnswerRow]" = field(default_factory=list)  # as they are learned
    found: "list[AnswerRow]" = field(default_factory=list)  # over what the search finds
    encoder: "RowEncoder | None" = None
    findings: "tuple[Finding, ...]" = ()


def _experiment(arguments: argparse.Namespace) -> "TrainingConfig":
    from training.config import TrainingConfig
    from training.config_file import load_training_config

    if arguments.training:
        return load_training_config(arguments.training)
    return TrainingConfig(name="check")


def _read(
    arguments: argparse.Namespace, experiment: "TrainingConfig", config: Config
) -> "list[ReadExamples]":
    from training.examples.feedback import read_feedback
    from training.examples.layouts import parse_mapping
    from training.examples.read import read_files

    files = arguments.data or experiment.data.files
    mapping = parse_mapping((*experiment.data.columns, *arguments.map))
    read = read_files(files, mapping)
    if arguments.feedback or experiment.data.feedback:
        read.append(read_feedback(config))
    if not read:
        raise ConfigError(
            "There is nothing to check. Name files with --data, or add --feedback for the "
            "corrections of the app."
        )
    return read


def _made(
    read: "list[ReadExamples]",
    experiment: "TrainingConfig",
    config: Config,
    count: int,
    printer: ProgressPrinter,
) -> _Made:
    """Return rows of at most ``count`` examples, if there are a model and an index for them."""
    from training.examples.choose import choose_examples
    from training.rows.encoding import RowEncoder
    from training.rows.maker import RowMaker

    train = choose_examples(read, experiment).train
    pool = random.Random(experiment.seed).sample(train, min(_NEAR_MISSES_OF * count, len(train)))
    sample = pool[:count]
    if not sample:
        return _Made()
    try:
        encoder = RowEncoder(_tokenizer_folder(experiment, config))
        with RowMaker(pool, experiment, config, encoder, progress=printer) as maker:
            found = maker.rows(sample, experiment.seed, gold_position="as_retrieved")
            rows = maker.rows(sample, experiment.seed, gold_position="random")
            return _Made(rows, found, encoder, _excluded(maker, sample))
    except RagError as error:
        # What is wrong with the files is said all the same.
        print(f"Rows cannot be looked at. {one_line(error)}", file=sys.stderr)
        return _Made()


def _excluded(maker: Any, sample: "list[QAExample]") -> "tuple[Finding, ...]":  # noqa: ANN401 - RowMaker, imported late
    from training.examples.check_report import finding

    places_of: dict[str, list[str]] = {}
    for excluded in maker.excluded:
        places_of.setdefault(excluded.reason, []).append(excluded.place)
    return tuple(
        finding(
            "warn",
            "no_row",
            count=len(places),
            total=len(sample),
            places=", ".join(places[:5]) + (", …" if len(places) > 5 else ""),
            reason=reason,
        )
        for reason, places in places_of.items()
    )


def _tokenizer_folder(experiment: "TrainingConfig", config: Config) -> Path:
    """Return a folder with the tokenizer of the base model; the shipped answerer has that of its.

    Raises:
        ModelError: there is none.
    """
    from rag.model_folder import find_model
    from training.config import DEFAULT_BASE

    if experiment.base != DEFAULT_BASE:
        return find_model(experiment.base, config.models_dir)
    folder = config.models_dir / DEFAULT_ANSWER_MODEL
    if not folder.is_dir():
        raise ModelError(f"There is no model in {folder}. Make it: `python -m training setup`.")
    return folder
