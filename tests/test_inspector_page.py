"""The inspector on the page, over a real index, and what it makes of hostile text."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rag.config import Config
from rag.engine import RagEngine
from rag.ui import services
from rag.ui.english import EN
from rag.ui.inspector_english import INSPECTOR_EN
from rag.ui.inspector_japanese import INSPECTOR_JA
from rag.ui.japanese import JA
from tests.fakes import EchoEngine, HashingEmbedder, use_embedder
from tests.ui_harness import ask, fake_engine, html_of, open_app, shown

QUESTION = "How many days of paid leave does an employee have?"
EVIL = "![x](https://evil.example/1.png)<u>.md"
TEXTS = {
    "handbook.md": "# Staff handbook\n\nEvery employee has 20 days of paid leave a year.\n",
    EVIL.replace("/", "_"): "# <img src=x>\n\nEvil paid leave <script>alert(1)</script> days.\n",
    **{f"leave-{n}.md": f"# Note {n}\n\nPaid leave of {n} days, note {n}.\n" for n in range(5)},
}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RagEngine]:
    """A real engine over `TEXTS` behind the pages; its answers are quotes."""
    fake_engine(tmp_path, monkeypatch)
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    config = Config(
        index_dir=tmp_path / "index",
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        embed_model="hashing",
        answer_model="extractive",
        top_k=3,
        max_passages=2,
    )
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "film.mp4").write_bytes(b"\0")
    real = RagEngine(config)
    real.build([folder], lambda step: None)
    monkeypatch.setattr(services, "load_config", lambda _file: config)
    monkeypatch.setattr(services, "create_engine", lambda _config: real)
    yield real
    services.load_services.clear()


def inspected(app: AppTest, answer_id: int = 1) -> AppTest:
    """Open the inspector of an answer; the harness has no click on an expander."""
    app.session_state[f"inspect-{answer_id}"] = True
    return app.run()


def probed(app: AppTest, path: str) -> str:
    box = next(box for box in app.selectbox if box.key == "probe-1")
    return shown(box.set_value(path).run())


def test_nothing_is_drawn_before_it_is_opened(engine: RagEngine) -> None:
    page = shown(ask(open_app(), QUESTION))
    assert EN["inspect_template"] not in page


def test_it_shows_ranks_scores_fates_the_prompt_and_the_ids(engine: RagEngine) -> None:
    app = inspected(ask(open_app(), QUESTION))
    page = shown(app)
    stored = services.load_services().store.answer(1)
    assert stored is not None
    answer = stored.answer
    assert answer is not None
    assert answer.prompt is not None
    for text in (
        EN["inspect_as_asked"],
        answer.index_id,
        answer.prompt.template_hash,
        "of at most 1200",
    ):
        assert text in page
    best = answer.hits[0]
    assert best.lexical_score is not None
    assert f'<td data-column="{EN["inspect_lexical"]}">1 ({best.lexical_score:.2f})</td>' in page
    assert f'<td data-column="{EN["inspect_fate"]}">{EN["fate_cited"]}</td>' in page
    assert EN["fate_not_read"] in page
    assert answer.prompt.messages[-1].content in [code.value for code in app.code]


@pytest.mark.parametrize(("locale", "words"), [("en-US", EN), ("ja-JP", JA)])
def test_why_not_this_file_is_told_in_the_readers_language(
    engine: RagEngine, locale: str, words: dict[str, str]
) -> None:
    app = inspected(ask(open_app(locale), QUESTION))
    assert words["probe_cited"] in probed(app, "handbook.md")
    film = probed(app, "film.mp4")
    assert words["probe_not_indexed"] in film
    assert words["status_unsupported"] in film
    stored = services.load_services().store.answer(1)
    assert stored is not None
    assert stored.answer is not None
    found = {hit.chunk.path for hit in stored.answer.hits}
    behind = next(path for path in TEXTS if path.startswith("leave") and path not in found)
    assert words["probe_outranked"].format(top_k=3) in probed(app, behind)


def test_a_rewritten_question_is_shown_beside_the_one_that_was_asked(engine: RagEngine) -> None:
    app = ask(open_app(), "How many days of paid leave does an employee have?")
    app = inspected(ask(app, "And for note 3?"), 2)
    stored = services.load_services().store.answer(2)
    assert stored is not None
    assert stored.answer is not None
    assert stored.answer.searched != stored.answer.question
    assert f"<dd>{stored.answer.searched}</dd>" in shown(app)


def test_after_a_new_index_it_says_so_and_counts_nothing(engine: RagEngine, tmp_path: Path) -> None:
    app = ask(open_app(), QUESTION)
    (tmp_path / "documents" / "new.md").write_text("# New\n\nPaid leave is new.\n")
    engine.build([tmp_path / "documents"], lambda step: None)
    app = inspected(app)
    assert EN["inspect_other_index"] in shown(app)
    assert [box for box in app.selectbox if box.key == "probe-1"] == []
    assert EN["fate_cited"] in shown(app)  # what is stored is shown all the same


def test_without_an_index_the_stored_answer_is_still_shown(
    engine: RagEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.errors import IndexNotFoundError

    app = ask(open_app(), QUESTION)

    def none(*_: object) -> None:
        raise IndexNotFoundError("There is no index yet.")

    monkeypatch.setattr(engine, "searcher", none)
    page = shown(inspected(app))
    assert EN["inspect_unusable"] in page
    assert EN["fate_cited"] in page


def test_hostile_names_and_texts_are_shown_and_not_run(engine: RagEngine) -> None:
    app = inspected(ask(open_app(), QUESTION + " evil"))
    page = shown(app)
    html = html_of(app)
    assert "&lt;u&gt;.md" in page
    for tag in ("<script", "<img", "<u>"):
        assert tag not in html
    path = next(path for path in TEXTS if "evil" in path)
    probed(app, path)
    html = html_of(app)
    assert "<u>" not in html


def test_an_attack_in_every_field_of_an_answer_stays_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = fake_engine(tmp_path, monkeypatch)
    monkeypatch.setattr(EchoEngine, "searcher", unusable(), raising=False)
    app = inspected(ask(open_app(), "attack"))
    assert EN["inspect"] in [box.label for box in app.expander]
    html = html_of(app)
    for tag in ("<script", "<img", "<iframe"):
        assert tag not in html
    assert engine.asked == ["attack"]
    services.load_services.clear()


def unusable() -> Callable[..., None]:
    from rag.errors import RagError

    def searcher(*_: object) -> None:
        raise RagError("<img src=x> no index")

    return searcher


def test_both_languages_word_every_outcome_and_fate() -> None:
    from typing import get_args

    from rag.inspection import Fate, Outcome

    outcomes = {name for part in get_args(Outcome) for name in (get_args(part) or (part,))}
    for words in (INSPECTOR_EN, INSPECTOR_JA):
        assert {f"fate_{name}" for name in get_args(Fate)} <= words.keys()
        assert {f"probe_{name}" for name in outcomes} <= words.keys()
