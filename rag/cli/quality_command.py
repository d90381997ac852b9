"""The command that asks a person's own test questions and keeps what came of it: quality."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.cli.printing import ProgressPrinter, load_engine, print_json
from rag.config import Config
from rag.errors import RagError

if TYPE_CHECKING:
    from rag.quality_store import QualityCheck

_SHOWN = 20  # questions that became worse, on a terminal


def run_quality(arguments: argparse.Namespace, config: Config) -> int:
    """Ask the test questions, keep the result beside the earlier ones, and report it."""
    from rag.environment import limit_threads
    from rag.evaluation.quality_check import check_quality
    from rag.evaluation.quality_file import questions_from_lines
    from rag.store import Store

    limit_threads(config.threads)
    store = Store(config.state_dir).quality
    if arguments.add is not None:
        store.add(questions_from_lines(_read(arguments.add)))
    show = ProgressPrinter(as_json=arguments.progress)
    check = check_quality(store.questions(), load_engine(config), config, show)
    store.save(check)
    checks = store.checks(2)
    if arguments.json:
        print_json(_as_table(checks))
    else:
        _print_report(checks)
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RagError(
            f"{file} cannot be read ({error}). Name a file of JSON lines in UTF-8."
        ) from error


def _as_table(checks: "list[QualityCheck]") -> dict[str, Any]:
    from rag.evaluation.quality import changes, measures
    from rag.evaluation.quality_check import settings_hash

    check = checks[-1]
    worth = {
        name: {"n": one.n, **({} if one.estimate is None else asdict(one.estimate))}
        for name, one in measures(check.results).items()
    }
    return {
        "created": check.created,
        "index_id": check.index_id,
        "model_id": check.model_id,
        "settings_hash": settings_hash(check.settings),
        "seconds": round(check.seconds, 1),
        "measures": worth,
        "questions": [
            {**asdict(one.now), "change": one.change}
            for one in changes(checks)
        ],
    }  # fmt: skip


def _print_report(checks: "list[QualityCheck]") -> None:
    from rag.evaluation.quality import MIN_QUESTIONS, changes, measures

    check = checks[-1]
    print(
        f"{len(check.results)} questions in {check.seconds:.0f} s, index {check.index_id}, "
        f"model {check.model_id}"
    )
    print(f"{'':10}{'n':>6}{'mean':>8}   95 % interval")
    for name, one in measures(check.results).items():
        if one.estimate is None:
            continue
        few = "" if one.is_telling else f"   fewer than {MIN_QUESTIONS}: too few to tell"
        e = one.estimate
        print(f"{name:10}{one.n:6,}{e.mean:8.3f}   {e.low:.3f}-{e.high:.3f}{few}")
    found = changes(checks)
    better = sum(one.change == "better" for one in found)
    worse = [one for one in found if one.change == "worse"]
    if len(checks) > 1:
        print(f"Since the check before: {better} better, {len(worse)} worse")
    for change in worse[:_SHOWN]:
        print(f"  worse ({change.now.verdict}): {change.now.question}")
