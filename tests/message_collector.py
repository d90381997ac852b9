"""Find in the source every sentence that can stand beside a file or in an error. No import.

Follows what is passed as a reason, a remark or a message back to its literals: through names,
conditions and the functions that return it. What it cannot follow it names, so that a test can
ask for it to be listed instead of being overlooked.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_REASONS = {"DocumentError": 1, "FileStatus": 2, "_report": 2, "plain_extract": 2}
_KEYWORDS = ("reason", "remark", "message")
_TERMINAL_ONLY = (  # what no page starts
    "training/tuning/compare_methods", "training/commands/experiments", "training/retriever/",
    "training/span_reader/",
)  # fmt: skip
_PROGRAMS_ONLY = ("rag/api/", "rag/mcp_server")  # told to programs, in English
# Around the message of another error or beside another sentence: each is translated by itself.
_EDGES = re.compile(r"^\{\} (?=[A-Z])|(?<=[.:]) \{\}$")


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence with {} for each hole, or an expression that could not be followed."""

    module: str
    line: int
    text: str
    is_followed: bool = True


def messages_of(root: Path = ROOT / "rag") -> list[Found]:
    """Return what is raised, remarked or stored as a reason anywhere below ``root``."""
    found = arguments_of({**dict.fromkeys(_rag_errors(), 0), **_REASONS}, _KEYWORDS, root)
    return [
        replace(message, text=_EDGES.sub("", message.text))
        for message in found
        if not message.module.startswith(_PROGRAMS_ONLY)
    ]


def training_messages() -> list[Found]:
    """Return what the commands raise that the pages start.

    `ExampleFileError` has its words in both languages and comes within a report.
    """
    root = ROOT / "training"
    names = _rag_errors()
    names |= {name for file in root.rglob("*.py") for name in _errors_in(file, names)}
    names -= {"ExampleFileError"}
    found = arguments_of(dict.fromkeys(names, 0), (), root)
    return [
        replace(message, text=_EDGES.sub("", message.text))
        for message in found
        if not message.module.startswith(_TERMINAL_ONLY)
    ]


def _rag_errors() -> set[str]:
    file = ROOT / "rag" / "errors.py"
    return {"RagError", *_errors_in(file, {"RagError"})}


def _errors_in(file: Path, bases: set[str]) -> list[str]:
    """Return the names of the classes of a module that derive from one of ``bases``."""
    return [
        node.name
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and {_name(base) for base in node.bases} & bases
    ]


def arguments_of(
    positions: Mapping[str, int], keywords: Sequence[str] = (), root: Path = ROOT / "rag"
) -> list[Found]:
    """Return what stands at ``positions`` of calls (name -> index) and behind ``keywords``."""
    sources = [_Source(file) for file in sorted(root.rglob("*.py"))]
    functions: dict[str, list[tuple[_Source, ast.FunctionDef]]] = {}
    for source in sources:
        for function in source.functions:
            functions.setdefault(function.name, []).append((source, function))
    return [
        found
        for source in sources
        for expression in source.sinks(positions, keywords)
        for found in _Follower(functions).follow(source, expression)
    ]


class _Source:
    """One parsed file, with the way from each node to the function around it."""

    def __init__(self, file: Path) -> None:
        self.name = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
        self.tree = ast.parse(file.read_text(encoding="utf-8"))
        self.functions = [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)]
        self._parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }

    def sinks(self, positions: Mapping[str, int], keywords: Sequence[str]) -> Iterator[ast.expr]:
        """Yield every expression that stands where a message does."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                position = positions.get(_name(node.func))
                if position is not None and len(node.args) > position:
                    yield node.args[position]
                yield from (k.value for k in node.keywords if k.arg in keywords)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value in keywords:
                        yield value

    def function_around(self, node: ast.AST) -> ast.FunctionDef | None:
        """Return the innermost function that holds the node."""
        while (parent := self._parents.get(node)) is not None:
            if isinstance(parent, ast.FunctionDef):
                return parent
            node = parent
        return None

    def values_of(self, name: str, at: ast.AST) -> list[ast.expr] | None:
        """Return what is assigned to a name; None for a parameter, whose callers are sinks."""
        function = self.function_around(at)
        if function is not None and (values := _assigned(function, name)):
            return values
        if function is not None and name in _parameters(function):
            return None
        return _assigned(self.tree, name)


class _Follower:
    """Follows one expression, each function and name once."""

    def __init__(self, functions: dict[str, list[tuple[_Source, ast.FunctionDef]]]) -> None:
        self._functions = functions
        self._seen: set[ast.AST] = set()

    def follow(self, source: _Source, node: ast.expr) -> Iterator[Found]:
        """Yield every text that the expression can be, and what of it cannot be followed."""
        if node in self._seen:
            return
        self._seen.add(node)
        text = _skeleton(node)
        if text is not None:
            if text:
                yield Found(source.name, node.lineno, text)
        elif (nexts := self._next(source, node)) is not None:
            for where, expression in nexts:
                yield from self.follow(where, expression)
        else:
            yield Found(source.name, node.lineno, ast.unparse(node), is_followed=False)

    def _next(self, source: _Source, node: ast.expr) -> list[tuple[_Source, ast.expr]] | None:
        nexts: list[ast.expr] | None = None
        if isinstance(node, ast.IfExp):
            nexts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            nexts = node.values
        elif isinstance(node, ast.Name):
            nexts = source.values_of(node.id, node)
            if nexts is None:
                return []
        elif isinstance(node, ast.Call) and _name(node.func) == "strip":
            nexts = [node.func.value] if isinstance(node.func, ast.Attribute) else None
        elif isinstance(node, ast.Call) and _name(node.func) in self._functions:
            known = self._functions[_name(node.func)]
            own = [pair for pair in known if pair[0] is source]
            return [
                (where, returned.value)
                for where, function in own or known
                for returned in ast.walk(function)
                if isinstance(returned, ast.Return) and returned.value is not None
            ]
        return [(source, expression) for expression in nexts] if nexts else None


def _skeleton(node: ast.expr) -> str | None:
    """Return a literal with {} for each hole, None for an expression that is no literal."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        sides = [_skeleton(side) for side in (node.left, node.right)]
        return "".join("{}" if side is None else side for side in sides)
    return None


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _parameters(function: ast.FunctionDef) -> set[str]:
    arguments = function.args
    return {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _assigned(tree: ast.AST, name: str) -> list[ast.expr]:
    values: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets = [node.target]
        else:
            continue
        if node.value is not None and name in {_name(target) for target in targets}:
            values.append(node.value)
    return values
