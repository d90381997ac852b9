"""Stand-ins that implement the real interfaces: no models, no network, known outcomes."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from threading import Event
from typing import ClassVar
from zlib import crc32

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.config import Config
from rag.datatypes import (
    EVERYWHERE,
    Answer,
    Chunk,
    Citation,
    Document,
    FileStatus,
    Hit,
    IndexStatus,
    Language,
    Message,
    Progress,
    Prompt,
    PromptStyle,
    SearchFilter,
    Source,
    SyncPlan,
    Timings,
    Token,
    Usage,
)
from rag.errors import IndexDamagedError, QuestionError, RagError
from rag.follow_up import rewrite
from rag.language import terms
from rag.originals import Original, find_original
from rag.retrieve import Retriever
from rag.sources import SyncRequest, apply_request

HANDBOOK = Document(
    path="rules/handbook.pdf",
    text=(
        "Staff handbook\n\nHolidays\nEvery employee has 20 days of paid leave a year. "
        "Unused days expire at the end of March.\n\n"
        "就業規則 第12条\n年次有給休暇は、入社から6か月後に10日与える。"
        "申請は前日までに所属長へ行う。\n\n"
        "Travel\nHotel costs are refunded up to 120 EUR a night. Keep the receipts.\n"
    ),
    sha256="0" * 64,
    page_starts=(0,),
    title="Staff handbook",
)
# What a poisoned document may put into an answer, a passage, a heading or a file name.
ATTACK = (
    "![x](https://evil.example/1.png) ![x][r] <img src='https://evil.example/2.png'> "
    "<style>@import 'https://evil.example/3.css'</style> [go](https://evil.example/4) "
    "https://evil.example/5 <iframe src='https://evil.example/6'></iframe>\n\n"
    "[r]: https://evil.example/7.png\n<script>fetch('https://evil.example/8')</script>"
)
FILES = (
    FileStatus("rules/handbook.pdf", "indexed", "", chunks=3, pages=1, size_bytes=20480),
    FileStatus(
        "rules/scan.pdf", "no_text", "The pages are images; OCR is needed.", pages=4, sha256="1"
    ),
    FileStatus("letters/![x](https://evil.example/f.png)<b>.txt", "indexed", "", 1, 0, 900),
)
SOURCES = (Source("/home/me/documents"),)


def span(text: str, words: str) -> tuple[int, int]:
    """Return where ``words`` stand in ``text``."""
    start = text.index(words)
    return start, start + len(words)


def chunk_of_line(document: Document, words: str) -> Chunk:
    """Return the line that holds ``words``, as a passage."""
    at = document.text.index(words)
    start = document.text.rfind("\n", 0, at) + 1
    end = document.text.index("\n", at)
    return Chunk(document.path, start, end, document.text[start:end], 1, document.title)


class EchoEngine:
    """A `RagEngine` over one document that cites the sentence its table of questions names.

    ``pause_seconds`` is slept before every token, so that a test can act in mid-answer.
    Questions that begin with "crash", "refuse", "none" or "attack" show what can go wrong; one
    that begins with "repeat" is answered with its own words.
    """

    ANSWERS: ClassVar = {
        "en": ("You have 20 days of paid leave a year. [1]", "20 days of paid leave a year"),
        "ja": (
            "入社から6か月後に10日の年次有給休暇が与えられます。[1]",
            "入社から6か月後に10日与える",
        ),
    }

    def __init__(self, config: Config, pause_seconds: float = 0.0) -> None:
        self.config = config
        self.pause_seconds = pause_seconds
        self.document_text = HANDBOOK
        self.has_index = True
        self.is_damaged = False
        self.damage = ""
        self.knows_dates = True
        self.files: tuple[FileStatus, ...] = FILES
        self.followed: tuple[Source, ...] = SOURCES
        self.plan = SyncPlan(new=("new.md",), unchanged=2)
        self.planned: list[SyncRequest] = []
        self.notice_keys: list[str] = []
        self.host = ""
        self.suggested: tuple[str, ...] = ()
        self.asked: list[str] = []
        self.asked_within: list[SearchFilter] = []

    def index_status(self) -> IndexStatus | None:
        if self.is_damaged:
            raise IndexDamagedError("A file of the index is damaged. Rebuild it.")
        if not self.has_index:
            return None
        return IndexStatus(
            "20261121-fake",
            "/home/me/documents",
            "2026-11-21T09:30:00+00:00",
            2,
            4,
            "fake-embed",
            ("en",),
            self.files,
            self.followed,
            self.damage,
            self.knows_dates,
        )

    def sources(self) -> tuple[Source, ...]:
        return self.followed if self.has_index else ()

    def plan_sync(
        self, request: SyncRequest, progress: Callable[[Progress], None] = lambda step: None
    ) -> SyncPlan:
        apply_request(self.sources(), request)
        progress(Progress("scan", 1, 2, "a.md"))
        self.planned.append(request)
        return self.plan

    def answer_model_id(self) -> str:
        return "echo"

    def answer_host(self) -> str:
        return self.host

    def notices(self) -> list[str]:
        return self.notice_keys

    def suggestions(self, language: str) -> tuple[str, ...]:
        return self.suggested

    def warm_up(self) -> str:
        return "no model"

    def search(self, question: str, k: int, search_filter: SearchFilter = EVERYWHERE) -> list[Hit]:
        passages = ("20 days", "年次有給休暇", "Hotel")
        if detect(question) == "ja":
            passages = ("年次有給休暇", "20 days", "Hotel")
        return [
            Hit(n, chunk_of_line(HANDBOOK, words), 1 / n)
            for n, words in enumerate(passages[:k], start=1)
        ]

    def searcher(self, search_filter: SearchFilter) -> tuple[str, Retriever]:
        raise RagError("There is no index on disk.")

    def document(self, path: str) -> Document:
        if path != self.document_text.path:
            raise RagError(f"The index holds no document {path!r}; it may have been removed.")
        return self.document_text

    def original(self, path: str) -> Original:
        def files_of(name: str) -> list[FileStatus]:
            return [file for file in self.files if name in (file.path, file.container)]

        return find_original(self.followed, files_of, path)

    def ask(
        self,
        question: str,
        stop: Event,
        search_filter: SearchFilter = EVERYWHERE,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        self.asked.append(question)
        self.asked_within.append(search_filter)
        progress(Progress("search", 0, 2))
        if question.startswith("crash"):
            yield Token("Half an ")
            raise ZeroDivisionError("a bug")
        if question.startswith("refuse"):
            raise QuestionError("The question is too long. Shorten it.")
        if question.startswith("attack"):
            yield make_attack(question)
            return
        hits = tuple(self.search(question, 3))
        if question.startswith("none"):
            yield make_answer(question, "", hits=hits)
            return
        text, quote = self.ANSWERS[detect(question)]
        if question.startswith("repeat"):
            text = f"{question} [1]"
        progress(Progress("read", 0, 3))
        written = ""
        for piece in pieces(text):
            if stop.wait(self.pause_seconds) or stop.is_set():
                yield make_answer(question, written, hits=hits, is_stopped=True)
                return
            written += piece
            yield Token(piece)
        answer = make_answer(question, text, quote=quote, hits=hits)
        yield replace(answer, searched=rewrite(question, history, detect(question)))


def detect(question: str) -> Language:
    """Return "ja" when there is any Japanese or Chinese character, else "en"."""
    return "ja" if any(ord(character) > 0x3000 for character in question) else "en"


def pieces(text: str) -> list[str]:
    """Return ``text`` in pieces of three characters."""
    return [text[i : i + 3] for i in range(0, len(text), 3)]


def make_answer(
    question: str,
    text: str,
    *,
    quote: str = "",
    hits: tuple[Hit, ...] = (),
    is_stopped: bool = False,
) -> Answer:
    """Return an answer whose provenance is filled in; without text it found nothing."""
    language = detect(question)
    prompt = Prompt((Message("user", question),), question, language, hits, (), 0, 120, "abc123")
    citations: tuple[Citation, ...] = ()
    if quote:
        start, end = span(HANDBOOK.text, quote)
        citations = (Citation(1, HANDBOOK.path, 1, start, end, quote),)
    is_found = bool(text) or is_stopped
    return Answer(
        question=question,
        language=language,
        status="answered" if is_found else "no_evidence",
        text=text,
        source="model" if is_found else "none",
        citations=citations,
        hits=hits,
        prompt=prompt if is_found else None,
        completion=text,
        usage=Usage(120, 12),
        timings=Timings(34.0, 420.0 if is_found else None, 1810.0),
        model_id="echo (test)",
        index_id="20261121-fake",
        is_stopped=is_stopped,
        documents_searched=2,
    )


def make_attack(question: str) -> Answer:
    """Return an answer all of whose words come from an attacker."""
    path = "![x](https://evil.example/9.png).md"
    passages = [Chunk(path, n, n + len(ATTACK), ATTACK, None, ATTACK) for n in (0, 900)]
    hits = tuple(Hit(n, chunk, 1 / n) for n, chunk in enumerate(passages, start=1))
    citation = Citation(1, path, None, 0, len(ATTACK), ATTACK)
    return replace(make_answer(question, f"{ATTACK} [1]", hits=hits), citations=(citation,))


def wait_until(is_true: Callable[[], object], seconds: float = 5.0) -> None:
    """Return as soon as ``is_true()``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class HashingEmbedder:
    """An `Embedder` whose vectors count hashed search terms: shared words mean close texts.

    Deterministic across processes. ``embedded`` holds every passage it was given, in order.
    """

    dimension = 64
    languages: tuple[Language, ...] = ("en", "ja")
    max_tokens = 200

    def __init__(self, fingerprint: str = "hashing-64", name: str = "hashing") -> None:
        self.fingerprint = fingerprint
        self.name = name
        self.embedded: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(terms(text))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(self.dimension, dtype=np.float32)
        for term in terms(text) or [""]:
            vector[crc32(term.encode()) % self.dimension] += 1.0
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return np.stack([self.embed_query(text) for text in texts])

    def close(self) -> None:
        """Nothing to end; `EmbedderProcess` has a child."""


def use_embedder(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[Config], HashingEmbedder]
) -> None:
    """Put another embedder into the engine, for questions and for builds."""
    monkeypatch.setattr("rag.serving_index.load_embedder", make)
    monkeypatch.setattr("rag.engine.EmbedderProcess", make)


class ScriptedGenerator:
    """A `Generator` that writes ``completion`` piece by piece, whatever it is asked.

    ``on_piece`` is called before each piece, so that a test can act in mid-answer.
    """

    model_id = "scripted"
    style = PromptStyle(evidence_sentences=2)
    context_tokens = 4096
    fingerprint = "scripted"

    def __init__(self, completion: str, on_piece: Callable[[int], None] = lambda n: None) -> None:
        self.completion = completion
        self.on_piece = on_piece
        self.prompts: list[Prompt] = []

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        return sum(len(terms(message.content)) for message in prompt.messages)

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        self.prompts.append(prompt)
        for number, piece in enumerate(pieces(self.completion)[:max_new_tokens]):
            self.on_piece(number)
            if stop.is_set():
                return
            yield piece
