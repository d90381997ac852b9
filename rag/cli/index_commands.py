"""The commands that make, follow and describe an index: build, sync, status."""

import argparse
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from rag.cli.printing import ProgressPrinter, load_engine, one_line, print_json
from rag.config import Config
from rag.datatypes import BuildReport, IndexStatus, SyncPlan
from rag.errors import IndexBusyError, RagError
from rag.scan import signature
from rag.sources import SourceEdit, SyncRequest

if TYPE_CHECKING:
    from rag.engine import RagEngine

WATCH_SECONDS = 2.0


def run_build(arguments: argparse.Namespace, config: Config) -> int:
    """Index just the folders that are named."""
    show = ProgressPrinter(as_json=arguments.progress)
    report = load_engine(config).build(arguments.folders, show, allow_shrink=arguments.allow_shrink)
    _print_report(report, as_json=arguments.json)
    return 0


def run_sync(arguments: argparse.Namespace, config: Config) -> int:
    """Bring the index up to date with its folders, or tell what that would do."""
    show = ProgressPrinter(as_json=arguments.progress)
    engine = load_engine(config)
    request = sync_request(arguments)

    def tell(plan: SyncPlan) -> None:
        if not arguments.json:
            print(_describe_plan(plan), flush=True)

    if arguments.dry_run:
        plan = engine.plan_sync(request, show)
        if arguments.json:
            print_json({"plan": asdict(plan)})
        else:
            tell(plan)
        return 0
    report = engine.sync(request, show, tell, allow_shrink=arguments.allow_shrink)
    _print_report(report, as_json=arguments.json)
    if arguments.watch:
        try:
            _watch(engine, show, arguments)
        except KeyboardInterrupt:
            print("Stopped watching.", file=sys.stderr)
    return 0


def sync_request(arguments: argparse.Namespace) -> SyncRequest:
    """Return what the arguments ask for.

    Raises:
        RagError: settings of folders without a folder.
    """
    settings = (arguments.collection, arguments.include, arguments.exclude)
    if not arguments.folders and settings != (None, None, None):
        raise RagError(
            "--collection, --include and --exclude are settings of a folder. Name the folder too."
        )
    patterns = {
        name: None if (values := getattr(arguments, name)) is None else tuple(filter(None, values))
        for name in ("include", "exclude")
    }
    return SyncRequest(
        add=tuple(
            SourceEdit(folder, arguments.collection, **patterns) for folder in arguments.folders
        ),
        drop=tuple(arguments.drop),
        leave_out=tuple(arguments.leave_out),
        take_in=tuple(arguments.take_in),
        retry=tuple(arguments.retry),
        retries_all=arguments.retry_all,
    )


def _watch(engine: "RagEngine", show: ProgressPrinter, arguments: argparse.Namespace) -> None:
    """Sync whenever the folders have changed and then stood still for one look."""
    sources = engine.sources()  # after a sync only: asking checks the whole index
    synced = last = None  # a file may have changed during the sync that came before
    told = ""
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            now = signature(sources)
            if now == synced or now != last:  # a copy under way is not read half
                last = now
                continue
            report = engine.sync(SyncRequest(), show, allow_shrink=arguments.allow_shrink)
            if report.is_new:
                _print_report(report, as_json=arguments.json)
            sources = engine.sources()
            synced, told = now, ""
        except IndexBusyError:
            continue  # another one syncs; look again after it
        except RagError as error:  # such as a disk that was taken off: it may come back
            synced = last
            if str(error) != told:
                told = str(error)
                print(one_line(error), file=sys.stderr, flush=True)


def run_status(arguments: argparse.Namespace, config: Config) -> int:
    """Tell what the index holds."""
    engine = load_engine(config)
    index = engine.index_status()
    if arguments.json:
        print_json(
            {"index": asdict(index) if index else None, "answer_model": engine.answer_model_id()}
        )
        return 0
    print(_describe(index, config))
    print(f"Answer model: {engine.answer_model_id()}")
    return 0


def _print_report(report: BuildReport, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(report))
        return
    for file in report.files:
        if file.reason:
            print(f"{file.status:12} {file.path}: {file.reason}")
    made = "" if report.is_new else ", as before"
    print(
        f"{report.documents} documents, {report.chunks} passages in {report.seconds:.1f} s "
        f"(index {report.index_id}{made})"
    )


def _describe_plan(plan: SyncPlan) -> str:
    counts = [
        (len(plan.new), "new"),
        (len(plan.changed), "changed"),
        (len(plan.renamed), "renamed"),
        (len(plan.removed), "removed"),
        (len(plan.retried), "tried again"),
        (plan.unchanged, "unchanged"),
    ]
    optional = ("renamed", "tried again")
    return ", ".join(f"{n} {word}" for n, word in counts if n or word not in optional)


def _describe(index: IndexStatus | None, config: Config) -> str:
    if index is None:
        return f"No index in {config.index_dir} yet. Build one: `python -m rag build FOLDER`."
    unread = [file for file in index.files if file.reason]
    folders = ", ".join(f"{source.folder} ({source.collection})" for source in index.sources)
    lines = [
        *((f"An older index serves. {index.damage}",) if index.damage else ()),
        f"Index {index.index_id}: {index.documents} documents, {index.chunks} passages of "
        f"{folders}, built {index.created} with {index.embed_model} "
        f"(knows {', '.join(index.embed_languages) or 'no language that was probed'})",
        *(f"  {file.status:12} {file.path}: {file.reason}" for file in unread),
    ]
    return "\n".join(lines)
