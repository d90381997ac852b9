"""The layouts that examples come in, told by the names of their columns.

A layout names, for each field of an example, the columns that it may stand in. To support another
one, add it here; it is tried before those below it.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from training.examples.errors import ExampleFileError

FIELDS = (
    "question",
    "answer",
    "answers",  # others that are right as well
    "passage",  # the text that holds the answer
    "quote",  # its words that carry the answer
    "source",  # path of a document of the index
    "group",  # article or title: a split does not tear it apart
    "label",  # of a classification
    "language",
    "author",
    "history",  # earlier questions of the conversation
    "answerable",
    "is_impossible",
)
MAX_SHOWN = 20  # columns in a message


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of columns by field, the likeliest first, and the fields without which it is not."""

    name: str
    columns: Mapping[str, tuple[str, ...]]
    needed: tuple[str, ...] = ("question", "answer")


_EXTRA = {
    "source": ("source", "document", "file", "path", "出典", "出所", "文書", "ファイル", "参照元"),
    "quote": ("quote", "evidence", "引用", "根拠", "引用文"),
    "answers": ("aliases", "answers", "別解", "別名"),
    "group": ("group", "title", "article", "題名", "タイトル", "記事"),
    "label": ("label", "ラベル", "分類"),
    "language": ("language", "lang", "言語"),
    "author": ("author", "記入者", "作成者"),
    "answerable": ("answerable", "回答可能"),
    "is_impossible": ("is_impossible", "回答不能"),
}
_PASSAGE = (
    "context", "passage", "input", "文脈", "本文", "文章", "参考文", "参考", "コンテキスト",
)  # fmt: skip

LAYOUTS = (
    Layout("ShareGPT", {"question": ("human",), "answer": ("gpt",), "history": ("history",)}),
    Layout("messages", {"question": ("user",), "answer": ("assistant",), "history": ("history",)}),
    Layout(
        "PubMedQA",
        {
            "question": ("question",),
            "answer": ("final_decision",),
            "label": ("final_decision",),
            "passage": ("contexts", "context"),
            "group": ("pmid", "pubid"),
        },
        needed=("question", "answer", "passage"),
    ),
    Layout(
        "SQuAD",
        {
            "question": ("question",),
            "answers": ("answers",),
            "passage": ("context",),
            "quote": ("quote",),
            "group": ("title",),
            "is_impossible": ("is_impossible",),
        },
        needed=("question", "answers", "passage"),
    ),
    Layout(
        "Alpaca",
        {
            "question": ("instruction",),
            "answer": ("output",),
            "passage": ("input",),
            "history": ("history",),
        },
    ),
    Layout("prompt/completion", {"question": ("prompt",), "answer": ("completion",)}),
    Layout(
        "questions",
        {"question": ("question",), "answer": ("answer",), "passage": _PASSAGE, **_EXTRA},
        needed=("question", "answer", "source"),
    ),
    Layout(
        "columns",
        {
            "question": (
                "question", "query", "prompt", "instruction", "q",
                "質問", "質問文", "問い", "問題", "問題文", "設問", "問",
            ),
            "answer": (
                "answer", "response", "completion", "output", "a",
                "回答", "答え", "解答", "答", "正解", "回答文",
            ),
            "passage": _PASSAGE,
            **_EXTRA,
        },
    ),
)  # fmt: skip
CHOSEN = "as mapped"  # name of the layout when only the given mapping fits


def detect(columns: Sequence[str]) -> tuple[Layout, dict[str, str]] | None:
    """Return the first layout that ``columns`` have, with field -> column; None without one."""
    for layout in LAYOUTS:
        mapping = _mapping_of(layout, columns)
        if all(field in mapping for field in layout.needed):
            return layout, mapping
    return None


def count_known(columns: Iterable[str]) -> int:
    """Return how many of ``columns`` some layout knows: a header has more of them than a row."""
    return sum(folded_name(column) in _all_names() for column in columns)


def map_columns(
    file: str, columns: Sequence[str], given: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    """Return the name of the layout and field -> column, ``given`` before what is detected.

    A field that is given with "" is read from no column.

    Raises:
        ExampleFileError: no column for question or answer, or one is given that is not there.
    """
    check_fields(given)
    by_name = {folded_name(column): column for column in columns}
    chosen = {}
    for field, name in given.items():
        column = name if name in columns else by_name.get(folded_name(name), "")
        if name and not column:
            raise ExampleFileError("mapping_column", file=file, column=name, found=shown(columns))
        chosen[field] = column
    found = detect(columns)
    layout, mapping = (found[0].name, found[1]) if found else (CHOSEN, _guess(columns))
    mapping = {field: column for field, column in {**mapping, **chosen}.items() if column}
    missing = [] if "question" in mapping else ["question"]
    if not {"answer", "answers"} & mapping.keys():
        missing.append("answer")
    if missing:
        example = columns[0] if columns else "…"
        raise ExampleFileError(
            "columns", file=file, found=shown(columns), missing=", ".join(missing), example=example
        )
    return layout, {field: mapping[field] for field in FIELDS if field in mapping}


def parse_mapping(entries: Iterable[str]) -> dict[str, str]:
    """Return field -> column of entries such as "question=質問文".

    Raises:
        ExampleFileError: no "=", or no such field.
    """
    mapping = {}
    for entry in entries:
        field, separator, column = entry.partition("=")
        if not separator:
            raise ExampleFileError("mapping_entry", entry=entry)
        mapping[field.strip()] = column.strip()
    check_fields(mapping)
    return mapping


def check_fields(given: Mapping[str, str]) -> None:
    """Raise ExampleFileError when ``given`` names a field that examples do not have."""
    for field in given:
        if field not in FIELDS:
            raise ExampleFileError("mapping_field", field=field, fields=", ".join(FIELDS))


def shown(columns: Sequence[str]) -> str:
    """Return names of columns for a message."""
    names = [" ".join(name.split())[:40] or '""' for name in columns[:MAX_SHOWN]]
    return ", ".join(names) + (", …" if len(columns) > MAX_SHOWN else "") if names else "—"


def folded_name(name: str) -> str:
    """Return the name of a column without what writers of it differ in."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def _mapping_of(layout: Layout, columns: Sequence[str]) -> dict[str, str]:
    by_name = {folded_name(column): column for column in reversed(columns)}
    found = {}
    for field, names in layout.columns.items():
        column = next((by_name[name] for name in names if name in by_name), None)
        if column is not None:
            found[field] = column
    return found


def _guess(columns: Sequence[str]) -> dict[str, str]:
    """Return what the most general layout finds, though it is not complete."""
    return _mapping_of(LAYOUTS[-1], columns)


@lru_cache(maxsize=1)
def _all_names() -> frozenset[str]:
    return frozenset(
        name for layout in LAYOUTS for names in layout.columns.values() for name in names
    )
