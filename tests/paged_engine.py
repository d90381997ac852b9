"""An engine over a real PDF on disk, for tests that look at its pages."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from rag.config import Config
from rag.datatypes import (
    EVERYWHERE,
    Answer,
    Citation,
    Document,
    FileStatus,
    Hit,
    Progress,
    SearchFilter,
    Source,
    Token,
)
from rag.readers.pdf import read_pdf
from tests.fakes import EchoEngine, chunk_of_line, span
from tests.test_readers import Placed, write_pdf

PAGES: list[list[Placed]] = [
    [(50, 700, 10, "A first page, so that the second one is not the one that opens anyway.")],
    [
        (50, 700, 10, "Every employee has 20 days of paid leave a year, of which"),
        (50, 686, 10, "five may be carried over."),
        (50, 640, 10, "年次有給休暇は、入社から6か月後に10日与える。"),
        (50, 600, 10, "Hotel costs are refunded up to 120 EUR a night."),
        (50, 560, 10, "Keep the receipts."),
    ],
]


class PagedEngine(EchoEngine):
    """Answers as `EchoEngine` does, from the second page of a PDF that it writes."""

    def __init__(self, config: Config, folder: Path, pause_seconds: float = 0.0) -> None:
        super().__init__(config, pause_seconds)
        self.file = folder / "handbook.pdf"
        write_pdf(self.file, PAGES)
        extract = read_pdf(self.file)
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        name = self.file.name
        self.document_text = Document(
            name, extract.text, digest, extract.blocks, extract.page_starts, "Handbook"
        )
        self.files = (FileStatus(name, "indexed", "", 3, 2, sha256=digest),)
        self.followed = (Source(str(folder)),)
        self.suggested = ("How many days of leave do I get?",)

    def search(self, question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        lines = [chunk_of_line(self.document_text, words) for words in ("20 days", "Hotel")]
        return [Hit(n, replace(line, page=2), 1 / n) for n, line in enumerate(lines[:k], start=1)]

    def ask(
        self,
        question: str,
        stop: Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        for piece in super().ask(question, stop, search_filter, history, progress):
            if isinstance(piece, Answer):
                cited = tuple(self._moved(citation) for citation in piece.citations)
                yield replace(piece, citations=cited)
            else:
                yield piece

    def _moved(self, citation: Citation) -> Citation:
        start, end = span(self.document_text.text, citation.quote)
        return Citation(1, self.file.name, 2, start, end, citation.quote)
