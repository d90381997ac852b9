"""Real documents through the real readers: spans are exact and the sample questions are true."""

import json
import unicodedata
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

from rag.chunk import chunk_document
from rag.config import Config
from rag.datatypes import Document
from rag.ingest import read_folder
from rag.language import detect_language

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "examples" / "documents"
FIXTURES = ROOT.parent / "shared" / "fixtures"
QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
]


@lru_cache
def documents(folder: Path) -> dict[str, Document]:
    outcomes = read_folder(folder, Config())
    return {o.document.path: o.document for o in outcomes if o.document}


def normalized(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.mark.parametrize(
    "folder", [SAMPLES, FIXTURES / "documents", FIXTURES / "rust-book-ja"], ids=lambda f: f.name
)
def test_every_passage_of_every_document_is_the_text_at_its_span(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("the fixtures are not at hand")
    for document in documents(folder).values():
        chunks = chunk_document(document, 220, 30, lambda text: len(text) // 2)
        bounds = [*document.page_starts, len(document.text) + 1]

        assert chunks, document.path
        for chunk in chunks:
            assert document.text[chunk.start : chunk.end] == chunk.text
            if chunk.page is not None:
                assert bounds[chunk.page - 1] <= chunk.start < chunk.end < bounds[chunk.page] + 1


def test_all_sample_documents_are_readable_in_six_formats() -> None:
    suffixes = Counter(Path(path).suffix for path in documents(SAMPLES))

    assert len(documents(SAMPLES)) == sum(file.is_file() for file in SAMPLES.rglob("*"))
    assert set(suffixes) == {".md", ".txt", ".html", ".pdf", ".docx", ".csv"}


def test_there_are_24_answerable_and_6_unanswerable_questions_in_each_language() -> None:
    counts = Counter((q["language"], q["answerable"]) for q in QUESTIONS)

    assert counts == {("en", True): 24, ("en", False): 6, ("ja", True): 24, ("ja", False): 6}
    assert [q["id"] for q in QUESTIONS if detect_language(q["question"]) != q["language"]] == []


@pytest.mark.parametrize(
    "question", [q for q in QUESTIONS if q["answerable"]], ids=lambda q: q["id"]
)
def test_the_gold_quote_stands_in_its_document_and_holds_the_answer(
    question: dict[str, str | int | None],
) -> None:
    document = documents(SAMPLES)[str(question["source"])]
    text, quote = document.text, str(question["quote"])
    if isinstance(page := question["page"], int):
        starts = [*document.page_starts, len(text)]
        text = text[starts[page - 1] : starts[page]]

    assert normalized(quote) in normalized(text)
    assert str(question["answer"]) in quote
