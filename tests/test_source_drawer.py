"""The drawer with the source of an answer: the page itself, the cited row, the slide, the text."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.config import Config
from rag.datatypes import Chunk, Citation, Document, FileStatus, Source
from rag.engine import RagEngine
from rag.readers.pdf import read_pdf
from rag.ui import services, sources
from rag.ui.english import EN
from rag.ui.japanese import JA
from rag.ui.services import Services
from rag.ui.strings import Words
from tests.fakes import (
    ATTACK,
    EchoEngine,
    HashingEmbedder,
    span,
    use_embedder,
)
from tests.test_readers import write_pdf
from tests.ui_harness import fake_engine, shown

QUOTE = "250 EUR a year"


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


def serve_pdf(engine: EchoEngine, folder: Path) -> Document:
    """Index a PDF of three pages; the quote stands on the second."""
    file = folder / "rules.pdf"
    pages = ["A first page.", f"The fee is {QUOTE} for members.", "A last page."]
    write_pdf(file, [[(50, 700, 10, text)] for text in pages])
    extract = read_pdf(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    document = Document("rules.pdf", extract.text, digest, extract.blocks, extract.page_starts)
    serve(engine, document, folder)
    return document


def serve(engine: EchoEngine, document: Document, folder: Path) -> None:
    engine.document_text = document
    engine.followed = (Source(str(folder)),)
    engine.files = (FileStatus(document.path, "indexed", "", 1, sha256=document.sha256),)


def passage(document: Document, quote: str, page: int | None) -> tuple[Chunk, Citation]:
    start, end = span(document.text, quote)
    chunk = Chunk(document.path, start, end, quote, page)
    return chunk, Citation(1, document.path, page, start, end, quote)


def drawer(chunk: Chunk, citation: Citation | None, language: str = "en") -> AppTest:
    """Draw what the drawer holds; AppTest runs the whole page again, which would close a drawer."""

    def script(language: str, *source: object) -> None:  # alone in a file of its own
        from rag.ui.services import load_services
        from rag.ui.sources import _draw_source
        from rag.ui.strings import Words

        _draw_source(load_services(), Words(language), *source)  # type: ignore[arg-type]

    arguments = (language, chunk, citation)
    return AppTest.from_function(script, default_timeout=30, args=arguments).run()


def marks(app: AppTest) -> list[tuple[float, float]]:
    """Return left and width of each mark on the page, in percent."""
    found = re.findall(r'<i class="fk-quote" style="left:([\d.]+)%;.*?width:([\d.]+)%', shown(app))
    return [(float(left), float(width)) for left, width in found]


# The page of a PDF


def test_the_page_is_shown_with_the_quoted_words_marked(engine: EchoEngine, tmp_path: Path) -> None:
    app = drawer(*passage(serve_pdf(engine, tmp_path), QUOTE, 2))
    page = shown(app)
    assert 'src="data:image/webp;base64,UklGR' in page
    assert 'alt="Picture of p. 2 of rules.pdf; the quoted words are marked"' in page
    # 11 characters of 6 points before the quote, 14 in it, on a page of 600 points.
    ((left, width),) = marks(app)
    assert left == pytest.approx(100 * (50 + 66) / 600, abs=0.05)
    assert width == pytest.approx(100 * 84 / 600, abs=0.05)
    assert "fk-passage" not in page


def test_pages_are_turned_and_only_the_one_with_the_quote_is_marked(
    engine: EchoEngine, tmp_path: Path
) -> None:
    app = drawer(*passage(serve_pdf(engine, tmp_path), QUOTE, 2))
    app = app.button("source-next").click().run()
    assert "p\\. 3 of 3" in shown(app)
    assert "The quoted words stand on p. 2." in shown(app)
    assert marks(app) == []
    assert app.button("source-next").disabled
    app = app.button("source-back").click().run()
    assert len(marks(app)) == 1
    app = app.button("source-previous").click().run()
    assert marks(app) == []
    assert app.button("source-previous").disabled


def test_the_text_is_one_click_away(engine: EchoEngine, tmp_path: Path) -> None:
    app = drawer(*passage(serve_pdf(engine, tmp_path), QUOTE, 2))
    app = app.button_group[0].set_value("text").run()
    assert f'<mark class="fk-quote">{QUOTE}</mark>' in shown(app)
    assert "data:image" not in shown(app)


def test_a_file_that_changed_on_disk_is_told_and_its_stored_text_shown(
    engine: EchoEngine, tmp_path: Path
) -> None:
    cited = passage(serve_pdf(engine, tmp_path), QUOTE, 2)
    write_pdf(tmp_path / "rules.pdf", [[(50, 700, 10, f"Now {QUOTE} is on the first page.")]] * 3)
    for language, words in (("en", EN), ("ja", JA)):
        page = shown(drawer(*cited, language=language))
        assert words["page_problem_changed"] in page
        assert f'<mark class="fk-quote">{QUOTE}</mark>' in page
        assert "data:image" not in page


def test_a_file_that_went_is_told_and_cannot_be_opened(engine: EchoEngine, tmp_path: Path) -> None:
    cited = passage(serve_pdf(engine, tmp_path), QUOTE, 2)
    assert len(drawer(*cited).get("download_button")) == 1
    (tmp_path / "rules.pdf").unlink()
    app = drawer(*cited)
    assert EN["page_problem_gone"] in shown(app)
    assert f'<mark class="fk-quote">{QUOTE}</mark>' in shown(app)
    assert not app.get("download_button")


def test_a_document_inside_another_file_is_shown_as_text(
    engine: EchoEngine, tmp_path: Path
) -> None:
    document = replace(serve_pdf(engine, tmp_path), path="mail.eml/rules.pdf")
    engine.document_text = document
    engine.files = (
        FileStatus("mail.eml", "indexed", ""),
        FileStatus(document.path, "indexed", "", container="mail.eml"),
    )
    page = shown(drawer(*passage(document, QUOTE, 2)))
    assert EN["page_problem_inside"].format(container="mail.eml") in page
    assert f'<mark class="fk-quote">{QUOTE}</mark>' in page


def test_words_that_cannot_be_placed_are_said_to_be_and_the_page_is_bare(
    engine: EchoEngine, tmp_path: Path
) -> None:
    document = serve_pdf(engine, tmp_path)
    # As if the text had been recognized in an image: the page itself has other characters.
    engine.document_text = document = replace(
        document, text=document.text.replace(QUOTE, "25O EUR a year")
    )
    app = drawer(*passage(document, "25O EUR a year", 2))
    assert EN["source_unplaced"] in shown(app)
    assert "data:image" in shown(app)
    assert marks(app) == []


# The answer keeps a copy


def test_after_a_sync_the_answer_shows_what_it_rested_on(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = EngineOverFiles(config, monkeypatch)
    folder = tmp_path / "documents"
    folder.mkdir()
    document = serve_pdf(EchoEngine(config), folder)
    engine.build([folder], lambda step: None)
    cited = passage(document, QUOTE, 2)
    serve_engine(engine, monkeypatch)

    (folder / "other.txt").write_text("Another file, which makes another index.")
    before = engine.index_status()
    engine.build([folder], lambda step: None)
    after = engine.index_status()
    assert before is not None
    assert after is not None
    assert before.index_id != after.index_id
    assert len(marks(drawer(*cited))) == 1  # the document is as it was

    write_pdf(folder / "rules.pdf", [[(50, 700, 10, "Members pay nothing from now on.")]])
    engine.build([folder], lambda step: None)
    page = shown(drawer(*cited))
    assert EN["source_changed"] in page
    assert f'<mark class="fk-quote">{QUOTE}</mark>' in page
    assert "data:image" not in page

    (folder / "rules.pdf").unlink()
    engine.build([folder], lambda step: None)
    page = shown(drawer(*cited))
    assert EN["source_gone"] in page
    assert f'<mark class="fk-quote">{QUOTE}</mark>' in page
    services.load_services.clear()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.chdir(tmp_path)
    return Config(
        index_dir=tmp_path / "index",
        state_dir=tmp_path / "state",
        span_model="",
        answer_model="extractive",
    )


class EngineOverFiles(RagEngine):
    """The real engine, with an embedder that needs no model."""

    def __init__(self, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        embedder = HashingEmbedder()
        use_embedder(monkeypatch, lambda config: embedder)
        super().__init__(config)


def serve_engine(engine: RagEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_STATE_DIR", str(engine.config.state_dir))
    monkeypatch.setattr(services, "create_engine", lambda _config: engine)
    services.load_services.clear()


# Tables, slides, text


def test_a_cited_row_stands_under_its_header(engine: EchoEngine, tmp_path: Path) -> None:
    from rag.readers.table import read_csv

    (tmp_path / "fees.csv").write_text("item,fee,who\nhall,250 EUR,members\nroom,9 EUR,all\n")
    extract = read_csv(tmp_path / "fees.csv")
    document = Document("fees.csv", extract.text, "0", extract.blocks)
    serve(engine, document, tmp_path)
    row = "hall,250 EUR,members"
    page = shown(drawer(*passage(document, row, None)))
    assert '<th scope="col">fee</th>' in page
    assert '<td><mark class="fk-quote">250 EUR</mark></td>' in page
    assert '<td><mark class="fk-quote">hall</mark></td>' in page
    assert "room</td>" not in page


def test_a_slide_is_shown_whole_and_slides_are_turned(engine: EchoEngine, tmp_path: Path) -> None:
    text = "First slide\n\nOne <b>point</b>\n\nSecond slide\n\nAnother point"
    document = Document("talk.pptx", text, "0", (), (0, text.index("Second")))
    serve(engine, document, tmp_path)
    app = drawer(*passage(document, "<b>point</b>", 1))
    assert 'One <mark class="fk-quote">&lt;b&gt;point&lt;/b&gt;</mark>' in shown(app)
    assert "Second slide" not in shown(app)
    app = app.button("source-next").click().run()
    assert '<div class="fk-passage">Second slide\n\nAnother point</div>' in shown(app)


def test_all_that_comes_from_a_document_is_escaped(engine: EchoEngine, tmp_path: Path) -> None:
    path = "<img src=x onerror=go()>.pdf"
    document = Document(path, ATTACK, "0", (), (0,))
    serve(engine, document, tmp_path)
    page = shown(drawer(*passage(document, ATTACK, 1)))
    html = page.replace(ATTACK, "")  # the code block shows text as it is, and is no HTML
    assert "<img src" not in html
    assert "<script" not in html
    assert "<iframe" not in html


def test_the_name_in_the_description_of_a_page_is_escaped(
    engine: EchoEngine, tmp_path: Path
) -> None:
    document = serve_pdf(engine, tmp_path)
    name = 'x" onload="go()" y=".pdf'
    (tmp_path / "rules.pdf").rename(tmp_path / name)
    document = replace(document, path=name)
    serve(engine, document, tmp_path)
    page = shown(drawer(*passage(document, QUOTE, 2)))
    assert "data:image" in page
    assert 'onload="' not in page


# Opening the file


def test_the_file_is_read_at_the_click_and_only_if_the_index_holds_it(
    engine: EchoEngine, tmp_path: Path
) -> None:
    document = serve_pdf(engine, tmp_path)
    bundle: Services = services.load_services()
    assert sources._content(bundle, document.path).startswith(b"%PDF")
    engine.files = ()
    with pytest.raises(Exception, match="The index holds no file"):
        sources._content(bundle, document.path)


def test_words_exist_for_every_reason_why_a_page_is_not_shown() -> None:
    from typing import get_args

    from rag.readers.page_process import PageProblem

    for language in ("en", "ja"):
        for problem in (*get_args(PageProblem), "inside"):
            assert Words(language)(f"page_problem_{problem}", container="x")
