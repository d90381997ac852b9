"""Command line with a JSON contract: build, search, ask, status, doctor, serve.

Standard output holds the result alone; progress and errors go to standard error. Exit code 0
means success and nothing else.
"""

import argparse
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from io import TextIOWrapper
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, NoReturn

from rag.config import Config, load_config
from rag.datatypes import (
    Answer,
    BuildReport,
    Hit,
    IndexStatus,
    Progress,
    SyncPlan,
    Token,
)
from rag.environment import prepare_process
from rag.errors import RagError
from rag.sources import SourceEdit, SyncRequest

if TYPE_CHECKING:
    from rag.engine import RagEngine

WATCH_SECONDS = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # pipes on Windows and the C locale are not UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    prepare_process()
    _end_cleanly_when_told_to()
    try:
        config = load_config(
            arguments.config, {"index_dir": arguments.index, "models_dir": arguments.models}
        )
        return int(arguments.run(arguments, config))
    except RagError as error:
        print(_one_line(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: Interrupted; nothing was changed.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the edge: a bug is told in one line as well
        print(_bug_report(error), file=sys.stderr)
        return 1


def _end_cleanly_when_told_to() -> None:
    """Let SIGTERM unwind the stack as Ctrl+C does, so that parsers and half an index go too."""

    def interrupt(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _one_line(error: RagError) -> str:
    return f"error: {' '.join(str(error).split())}"


def _bug_report(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split())[:200]
    return (
        f"error: A bug stopped this command: {type(error).__name__} in {Path(place.filename).name} "
        f"line {place.lineno} ({message}). Please report this line; the index is unchanged."
    )


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--index", type=Path, metavar="DIR", help="folder of the index")
    common.add_argument("--models", type=Path, metavar="DIR", help="folder of the models")
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    common.add_argument("--json", action="store_true", help="print one JSON object")
    parser = _Parser(prog="python -m rag", description="Ask your own documents.")
    commands = parser.add_subparsers(dest="command", required=True)

    build = commands.add_parser("build", parents=[common], help="index just these folders")
    build.add_argument("folders", nargs="+", type=_folder, metavar="FOLDER")
    build.set_defaults(run=_build)
    sync = commands.add_parser(
        "sync", parents=[common], help="bring the index up to date with its folders"
    )
    _add_sync_options(sync)
    sync.set_defaults(run=_sync)
    for command in (build, sync):
        command.add_argument(
            "--progress", action="store_true", help="progress as JSON lines on stderr"
        )
        command.add_argument(
            "--allow-shrink", action="store_true", help="publish even if most documents are gone"
        )

    search = commands.add_parser("search", parents=[common], help="show the best passages")
    search.add_argument("question")
    search.add_argument("-k", type=_positive, default=10, help="number of passages (default 10)")
    search.set_defaults(run=_search)

    ask = commands.add_parser("ask", parents=[common], help="answer a question, with sources")
    ask.add_argument("question")
    ask.set_defaults(run=_ask)
    for command in (search, ask):
        command.add_argument(
            "--collection", default="", metavar="NAME", help="look only into this collection"
        )

    status = commands.add_parser("status", parents=[common], help="what the index holds")
    status.set_defaults(run=_status)
    doctor = commands.add_parser("doctor", parents=[common], help="what is installed and missing")
    doctor.set_defaults(run=_doctor)
    serve = commands.add_parser(
        "serve", parents=[common], help="serve the app to this machine's browser"
    )
    serve.add_argument("--port", type=int, default=8501)
    serve.set_defaults(run=_serve)
    return parser


def _add_sync_options(sync: argparse.ArgumentParser) -> None:
    option = sync.add_argument
    option(
        "folders", nargs="*", type=_folder, metavar="FOLDER",
        help="folders to follow from now on; none: just those that the index has",
    )  # fmt: skip
    option("--collection", metavar="NAME", help="collection of these folders")
    option(
        "--include", action="append", metavar="GLOB", help="index only such files of them; '': all"
    )
    option(
        "--exclude", action="append", metavar="GLOB", help="leave such files of them out; '': none"
    )
    option(
        "--drop", action="append", type=_folder, default=[], metavar="FOLDER",
        help="follow this folder no longer",
    )  # fmt: skip
    option(
        "--leave-out", action="append", default=[], metavar="PATH",
        help="leave one document out, by its path in the index",
    )  # fmt: skip
    option(
        "--take-in", action="append", default=[], metavar="PATH", help="undo --leave-out",
    )  # fmt: skip
    option(
        "--retry", action="append", default=[], metavar="PATH",
        help="read one document again although it did not change",
    )  # fmt: skip
    option("--retry-all", action="store_true", help="the same for all that could not be read")
    option("--dry-run", action="store_true", help="only tell what would be done")
    option("--watch", action="store_true", help="go on, and sync whenever a file changes")


class _Parser(argparse.ArgumentParser):
    """Tells a wrong call in one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        hint = (
            " Put `--` before a question that begins with a dash." if "question" in message else ""
        )
        self.exit(2, f"error: {message}. See `{self.prog} --help`.{hint}\n")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError("expected a whole number from 1 to 1000")
    return int(text)


def _folder(text: str) -> Path:
    if not text.strip():  # an unset variable in a script would index the working directory
        raise argparse.ArgumentTypeError("expected a folder, got nothing")
    return Path(text)


def _engine(config: Config) -> "RagEngine":
    from rag.engine import RagEngine

    return RagEngine(config)


def _print_json(table: dict[str, Any]) -> None:
    print(json.dumps(table, ensure_ascii=False, indent=2))


def _build(arguments: argparse.Namespace, config: Config) -> int:
    show = _ProgressPrinter(as_json=arguments.progress)
    report = _engine(config).build(arguments.folders, show, allow_shrink=arguments.allow_shrink)
    _print_report(report, as_json=arguments.json)
    return 0


def _print_report(report: BuildReport, *, as_json: bool) -> None:
    if as_json:
        _print_json(asdict(report))
        return
    for file in report.files:
        if file.reason:
            print(f"{file.status:12} {file.path}: {file.reason}")
    made = "" if report.is_new else ", as before"
    print(
        f"{report.documents} documents, {report.chunks} passages in {report.seconds:.1f} s "
        f"(index {report.index_id}{made})"
    )


def _sync(arguments: argparse.Namespace, config: Config) -> int:
    show = _ProgressPrinter(as_json=arguments.progress)
    engine = _engine(config)
    request = _sync_request(arguments)

    def tell(plan: SyncPlan) -> None:
        if not arguments.json:
            print(_describe_plan(plan), flush=True)

    if arguments.dry_run:
        plan = engine.plan_sync(request, show)
        if arguments.json:
            _print_json({"plan": asdict(plan)})
        else:
            tell(plan)
        return 0
    report = engine.sync(request, show, tell, allow_shrink=arguments.allow_shrink)
    _print_report(report, as_json=arguments.json)
    if arguments.watch:
        _watch(engine, show, arguments)
    return 0


def _sync_request(arguments: argparse.Namespace) -> SyncRequest:
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


def _watch(engine: "RagEngine", show: "_ProgressPrinter", arguments: argparse.Namespace) -> None:
    """Sync whenever the folders have changed and then stood still for one look."""
    import time

    from rag.scan import signature

    sources = engine.sources()
    synced = last = signature(sources)
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            now = signature(sources)
            if now == synced or now != last:  # a copy under way is not read half
                last = now
                continue
            synced = now
            report = engine.sync(SyncRequest(), show, allow_shrink=arguments.allow_shrink)
            _print_report(report, as_json=arguments.json)
            sources = engine.sources()
        except RagError as error:  # such as a disk that was taken off: it may come back
            print(_one_line(error), file=sys.stderr, flush=True)


class _ProgressPrinter:
    """Shows build progress: JSON lines for programs, one rewritten line for people."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._is_terminal = sys.stderr.isatty()
        self._last_stage = ""

    def __call__(self, progress: Progress) -> None:
        if self._as_json:
            line = json.dumps(asdict(progress), ensure_ascii=False)
            print(line, file=sys.stderr, flush=True)
        elif self._is_terminal:
            count = f"{progress.done}/{progress.total}" if progress.total else str(progress.done)
            text = f"{progress.stage} {count} {progress.item}"[:100]
            end = "\n" if progress.done == progress.total else ""
            print(f"\r\x1b[K{text}", end=end, file=sys.stderr, flush=True)
        elif progress.stage != self._last_stage:
            print(f"{progress.stage} ...", file=sys.stderr, flush=True)
        self._last_stage = progress.stage


def _search(arguments: argparse.Namespace, config: Config) -> int:
    import time

    from rag.answer import clean_question
    from rag.language import detect_language

    question = clean_question(arguments.question, config.max_question_chars)
    engine = _engine(config)
    engine.index_status()  # opening the index is not part of the search time
    started = time.perf_counter()
    hits = engine.search(question, arguments.k, arguments.collection)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    if arguments.json:
        _print_json(
            {
                "query": question,
                "language": detect_language(question),
                "hits": [_hit_table(hit) for hit in hits],
                "timings": {"retrieve_ms": milliseconds},
            }
        )
        return 0
    for hit in hits:
        print(f"{hit.rank:3} {_place(hit.chunk.path, hit.chunk.page)}  {hit.score:.4f}")
        print(f"    {' '.join(hit.chunk.text.split())[:160]}")
    if not hits:
        print("No passage shares a term with this question.")
    return 0


def _hit_table(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "path": chunk.path,
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "lexical_score": hit.lexical_score,
        "vector_score": hit.vector_score,
    }


def _place(path: str, page: int | None) -> str:
    return f"{path} p.{page}" if page else path


def _ask(arguments: argparse.Namespace, config: Config) -> int:
    answer: Answer | None = None
    for event in _engine(config).ask(arguments.question, Event(), arguments.collection):
        if not isinstance(event, Token):
            answer = event
    assert answer is not None  # the protocol of RagEngine.ask: exactly one Answer, last
    if arguments.json:
        _print_json(_answer_table(answer))
        return 0
    print(answer.text)
    for citation in answer.citations:
        print(f"  [{citation.n}] {_place(citation.path, citation.page)}: {citation.quote}")
    if answer.status == "no_evidence":
        print("Closest passages:" if answer.hits else "No passage comes close.")
        for hit in answer.hits[:3]:
            text = " ".join(hit.chunk.text.split())[:120]
            print(f"  - {_place(hit.chunk.path, hit.chunk.page)}: {text}")
    return 0


def _answer_table(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "language": answer.language,
        "status": answer.status,
        "answer": answer.text,
        "source": answer.source,
        "citations": [asdict(citation) for citation in answer.citations],
        "hits": [_hit_table(hit) for hit in answer.hits],
        "tokens": asdict(answer.usage),
        "timings": asdict(answer.timings),
        "model_id": answer.model_id,
        "index_id": answer.index_id,
        "completion": answer.completion,
    }


def _status(arguments: argparse.Namespace, config: Config) -> int:
    engine = _engine(config)
    index = engine.index_status()
    if arguments.json:
        _print_json(
            {"index": asdict(index) if index else None, "answer_model": engine.answer_model_id()}
        )
        return 0
    print(_describe(index, config))
    print(f"Answer model: {engine.answer_model_id()}")
    return 0


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


def _doctor(arguments: argparse.Namespace, config: Config) -> int:
    from rag.doctor import examine

    findings = examine(config)
    if arguments.json:
        _print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            print(f"{finding.level:8} {finding.subject}: {finding.text}")
            if finding.remedy:
                print(f"         -> {finding.remedy}")
    return 1 if any(finding.level == "missing" for finding in findings) else 0


def _serve(arguments: argparse.Namespace, config: Config) -> int:
    from rag.ui.server import serve

    serve(config, arguments.config, arguments.port)
    return 0
