"""An engine all of whose words come from an attacker, wherever words of documents are shown."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event

from rag.config import Config
from rag.datatypes import (
    EVERYWHERE,
    Answer,
    Block,
    Chunk,
    Citation,
    Document,
    FileStatus,
    Hit,
    Progress,
    SearchFilter,
    Source,
    SyncPlan,
    Token,
)
from rag.errors import RagError
from tests.exfiltration import FORMS
from tests.fakes import EchoEngine, make_answer

LINES = tuple(form.line for form in FORMS)
_ROWS = 30  # of a table that the drawer shows
_PAUSE_SECONDS = 0.01  # between two pieces: an answer that grows is seen growing
_PIECE_CHARACTERS = 23  # no divisor of anything, so that forms are cut anywhere
BATCHES = tuple(LINES[start : start + _ROWS] for start in range(0, len(LINES), _ROWS))


class HostileEngine(EchoEngine):
    """Answers every question with all forms of `tests.exfiltration`, piece by piece.

    The index follows a folder, holds a file and proposes a question for each form.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.files = tuple(FileStatus(f"{line}.docx", "indexed", line, 1) for line in LINES)
        self.suggested = LINES
        self.plan = SyncPlan(new=LINES, renamed=tuple(zip(LINES, LINES, strict=True)))
        self.followed = tuple(Source(f"/{line}", line[:100].strip()) for line in LINES)
        self.documents = {document.path: document for document in map(document_of, BATCHES)}

    def document(self, path: str) -> Document:
        known = self.documents.get(path)
        if known is None and path.removesuffix(".docx") not in LINES:
            raise RagError(f"The index holds no document {path!r}.")
        return known or document_of([path.removesuffix(".docx")])

    def ask(
        self,
        question: str,
        stop: Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        text = "\n\n".join(form.text for form in FORMS)
        for start in range(0, len(text), _PIECE_CHARACTERS):
            yield Token(text[start : start + _PIECE_CHARACTERS])
            stop.wait(_PAUSE_SECONDS)
        yield replace(answer_of(LINES[:_ROWS]), question=question, text=text, completion=text)


def document_of(lines: Sequence[str]) -> Document:
    """Return a document whose path, passage, heading and cells hold all ``lines``."""
    path, words = f"{'/'.join(lines)}.docx", "\n".join(lines)
    names = "\t".join(lines[:2])
    rows = "\n".join(f"{line}\t{line}" for line in lines)
    starts = (0, len(words) + 1, len(words) + len(names) + 2)
    blocks = (
        Block("paragraph", starts[0], len(words), (lines[0],)),
        Block("heading", starts[1], starts[1] + len(names), (lines[0],)),
        Block("table", starts[2], starts[2] + len(rows), (lines[-1], names)),
    )
    return Document(path, f"{words}\n{names}\n{rows}", "0" * 64, blocks, (), lines[0])


def answer_of(lines: Sequence[str], text: str = "") -> Answer:
    """Return an answer that cites the table of `document_of`; it found a passage as well."""
    document = document_of(lines)
    words, table = document.blocks[0], document.blocks[-1]
    first, second = (
        Chunk(
            document.path, at.start, at.end, document.text[at.start : at.end], None,
            " ".join(lines),
        )
        for at in (table, words)
    )  # fmt: skip
    question = text or "\n".join(lines)
    answer = make_answer(
        question, f"{question} [1]", hits=(Hit(1, first, 1.0), Hit(2, second, 0.5))
    )
    citation = Citation(1, document.path, None, table.start, table.end, first.text)
    return replace(answer, citations=(citation,), searched=f"{question}?", model_id=lines[0])
