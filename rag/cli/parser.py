"""The arguments of every command."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from rag.cli.app_commands import run_doctor, run_mcp, run_serve
from rag.cli.evaluate_command import run_evaluate
from rag.cli.feedback_command import run_feedback_export
from rag.cli.index_commands import run_build, run_status, run_sync
from rag.cli.quality_command import run_quality
from rag.cli.question_commands import run_ask, run_search
from rag.cli.transfer_command import run_export
from rag.cli.user_command import run_user_add, run_user_list, run_user_remove
from rag.setting_values import MILVUS_URI
from rag.users import ROLES


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line; ``run`` of its result is the command."""
    common = _Parser(add_help=False)
    common.add_argument("--index", type=Path, metavar="DIR", help="folder of the index")
    common.add_argument("--models", type=Path, metavar="DIR", help="folder of the models")
    common.add_argument("--config", type=Path, metavar="FILE", help="TOML file with settings")
    common.add_argument("--json", action="store_true", help="print one JSON object")
    parser = _Parser(prog="python -m rag", description="Ask your own documents.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_index_commands(commands, common)
    _add_question_commands(commands, common)

    export = commands.add_parser("export", parents=[common], help="copy the index to Milvus")
    export.add_argument(
        "--to", type=_milvus_uri, required=True, metavar="URI",
        help="https://[user:password@]host:port[/database], or a folder ending in .db",
    )  # fmt: skip
    export.set_defaults(run=run_export)
    feedback = commands.add_parser("feedback", help="what people corrected")
    actions = feedback.add_subparsers(dest="action", required=True)
    corrections = actions.add_parser(
        "export", parents=[common], help="accepted examples, one JSON object a line"
    )
    corrections.add_argument("--out", type=Path, metavar="FILE", help="write them to this file")
    corrections.set_defaults(run=run_feedback_export)
    _add_user_commands(commands, common)
    doctor = commands.add_parser("doctor", parents=[common], help="what is installed and missing")
    doctor.add_argument("--no-start", action="store_true", help="do not try how long a start takes")
    doctor.set_defaults(run=run_doctor)
    serve = commands.add_parser(
        "serve", parents=[common], help="serve the app, to this machine unless auth is set"
    )
    serve.add_argument("--port", type=int, default=8501)
    serve.set_defaults(run=run_serve)
    mcp = commands.add_parser(
        "mcp", parents=[common], help="serve the documents to an assistant over standard input"
    )
    mcp.set_defaults(run=run_mcp)
    return parser


def _add_user_commands(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse names no type for it
    user = commands.add_parser("user", help="who may sign in with a password")
    actions = user.add_subparsers(dest="action", required=True)
    add = actions.add_parser(
        "add", parents=[common], help="add a person, or change a password; it is asked for"
    )
    add.add_argument("name")
    add.add_argument("--role", choices=ROLES, help="reader (default) or admin")
    add.set_defaults(run=run_user_add)
    remove = actions.add_parser("remove", parents=[common], help="let a person in no longer")
    remove.add_argument("name")
    remove.add_argument(
        "--with-conversations", action="store_true", help="delete what the person asked, too"
    )
    remove.set_defaults(run=run_user_remove)
    names = actions.add_parser("list", parents=[common], help="name those who may sign in")
    names.set_defaults(run=run_user_list)


def _add_index_commands(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401 - argparse names no type for it
    build = commands.add_parser("build", parents=[common], help="index just these folders")
    build.add_argument("folders", nargs="+", type=_folder, metavar="FOLDER")
    build.set_defaults(run=run_build)
    sync = commands.add_parser(
        "sync", parents=[common], help="bring the index up to date with its folders"
    )
    _add_sync_options(sync)
    sync.set_defaults(run=run_sync)
    for command in (build, sync):
        command.add_argument(
            "--progress", action="store_true", help="progress as JSON lines on stderr"
        )
        command.add_argument(
            "--allow-shrink", action="store_true", help="publish even if most documents are gone"
        )
    status = commands.add_parser("status", parents=[common], help="what the index holds")
    status.set_defaults(run=run_status)


def _add_question_commands(commands: Any, common: argparse.ArgumentParser) -> None:  # noqa: ANN401 - as above
    search = commands.add_parser("search", parents=[common], help="show the best passages")
    search.add_argument("question")
    search.add_argument("-k", type=_positive, default=10, help="number of passages (default 10)")
    search.set_defaults(run=run_search)

    ask = commands.add_parser("ask", parents=[common], help="answer a question, with sources")
    ask.add_argument("question")
    ask.add_argument(
        "--after", action="append", default=[], metavar="QUESTION",
        help="an earlier question of the conversation; give all of them in order",
    )  # fmt: skip
    ask.set_defaults(run=run_ask)
    for command in (search, ask):
        _add_limits(command)

    evaluate = commands.add_parser(
        "evaluate", parents=[common], help="measure how well passages are found"
    )
    _add_evaluate_options(evaluate)
    evaluate.set_defaults(run=run_evaluate)

    quality = commands.add_parser(
        "quality", parents=[common], help="ask your own test questions and keep what came of it"
    )
    quality.add_argument(
        "--add", type=Path, metavar="FILE", help="first add the questions of this .jsonl file"
    )
    quality.add_argument("--progress", action="store_true", help="progress as JSON lines on stderr")
    quality.set_defaults(run=run_quality)


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


def _add_evaluate_options(evaluate: argparse.ArgumentParser) -> None:
    evaluate.add_argument(
        "--qa", nargs="+", type=Path, required=True, metavar="FILE",
        help="questions with known passages: SQuAD (.json) or .jsonl, also .gz",
    )  # fmt: skip
    evaluate.add_argument(
        "--on-index", action="store_true",
        help="search the index (--index), for .jsonl questions about its files; otherwise a "
        "temporary index of each file's own passages",
    )  # fmt: skip
    evaluate.add_argument(
        "--limit", type=_count, metavar="N",
        help="ask at most N questions a file: the first of a shuffle with a fixed seed",
    )  # fmt: skip


def _add_limits(command: argparse.ArgumentParser) -> None:
    option = command.add_argument
    option("--collection", default="", metavar="NAME", help="look only into this collection")
    option(
        "--path", action="append", default=[], metavar="GLOB",
        help="only into such files or folders; may be repeated",
    )  # fmt: skip
    option(
        "--type", action="append", default=[], metavar="EXT",
        help="only into such files: pdf, docx, ... or word, spreadsheet, slides, mail, web, image",
    )  # fmt: skip
    option("--since", metavar="DAY", help="only into files written on this day or later")
    option("--until", metavar="DAY", help="only into files written on this day or earlier")


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


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("expected a whole number from 1")
    return int(text)


def _milvus_uri(text: str) -> str:
    if not MILVUS_URI.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "expected an address such as https://host:19530, or a folder ending in .db"
        )
    return text


def _folder(text: str) -> Path:
    if not text.strip():  # an unset variable in a script would index the working directory
        raise argparse.ArgumentTypeError("expected a folder, got nothing")
    return Path(text)
