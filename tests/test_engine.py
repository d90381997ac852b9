"""Question to answer through the whole engine, with a hashing embedder and no language model."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

import rag.answer_models
from rag.config import Config
from rag.datatypes import Answer, BuildReport, Progress, SearchFilter, Token
from rag.engine import RagEngine
from rag.errors import IndexDamagedError, IndexMismatchError, ModelError, QuestionError, RagError
from rag.generate import ExtractiveGenerator
from rag.generations import open_current
from rag.prompt import says_not_found
from rag.sources import SourceEdit, SyncRequest
from tests.fakes import HashingEmbedder, ScriptedGenerator, use_embedder

ROOT = Path(__file__).resolve().parent.parent
MANUAL = ROOT / "examples" / "documents" / "workshop-safety-manual.pdf"
HANDBOOK = (
    "# Staff handbook\n\n## Leave\n\nEvery employee has 20 days of paid leave a year.\n\n"
    "## Travel\n\nHotel costs are refunded up to 120 EUR a night. Keep the receipts.\n"
)
RULES = "第12条 年次有給休暇は、入社から6か月後に10日与える。\n\n第13条 制服は総務課で受け取る。\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        index_dir=tmp_path / "index",
        models_dir=tmp_path / "models",
        state_dir=tmp_path / "state",
        embed_model="hashing",
        answer_model="extractive",
    )


@pytest.fixture
def embedder(monkeypatch: pytest.MonkeyPatch) -> HashingEmbedder:
    embedder = HashingEmbedder()
    use_embedder(monkeypatch, lambda config: embedder)
    return embedder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (folder / "就業規則.txt").write_text(RULES, encoding="utf-8")
    return folder


@pytest.fixture
def engine(config: Config, embedder: HashingEmbedder, folder: Path) -> RagEngine:
    engine = RagEngine(config)
    build(engine, folder)
    return engine


def build(engine: RagEngine, folder: Path) -> BuildReport:
    return engine.build([folder], lambda step: None)


def ask(engine: RagEngine, question: str, stop: Event | None = None) -> tuple[Answer, list[str]]:
    """Return the answer and the pieces of the draft; there must be exactly one Answer, last."""
    *tokens, answer = engine.ask(question, stop or Event())
    assert isinstance(answer, Answer)
    pieces = [token.text for token in tokens if isinstance(token, Token)]
    assert len(pieces) == len(tokens)
    return answer, pieces


def use_generator(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[Config], ScriptedGenerator]
) -> None:
    monkeypatch.setattr(rag.answer_models, "load_generator", load)


def test_an_english_answer_quotes_a_span_of_its_document(engine: RagEngine) -> None:
    answer, pieces = ask(engine, "How many days of paid leave does an employee have?")

    quote = "Every employee has 20 days of paid leave a year."
    assert (answer.status, answer.source, answer.model_id) == ("answered", "quote", "extractive")
    assert answer.text == f"{quote} [1]"
    (citation,) = answer.citations
    assert (citation.n, citation.path, citation.page) == (1, "handbook.md", None)
    assert citation.quote == quote
    assert engine.document("handbook.md").text[citation.start : citation.end] == quote
    assert "".join(pieces) == answer.completion == f"{quote}\n"
    status = engine.index_status()
    assert status is not None
    assert answer.index_id == status.index_id


def test_a_japanese_question_is_answered_from_the_japanese_document(engine: RagEngine) -> None:
    answer, _ = ask(engine, "年次有給休暇は入社から何か月後に与えますか。")

    assert (answer.language, answer.status) == ("ja", "answered")
    (citation,) = answer.citations
    assert citation.path == "就業規則.txt"
    assert "6か月後に10日" in citation.quote
    text = engine.document(citation.path).text
    assert text[citation.start : citation.end] == citation.quote


@pytest.mark.parametrize(
    ("question", "quote", "page"),
    [
        ("How many kilograms may one person lift?", "no more than 18 kilograms", 3),
        ("How many days do I have to report a near miss?", "Near miss", 4),
    ],
)
def test_a_citation_of_a_pdf_names_the_page_that_holds_it(
    config: Config, embedder: HashingEmbedder, tmp_path: Path, question: str, quote: str, page: int
) -> None:
    folder = tmp_path / "manuals"
    folder.mkdir()
    shutil.copy(MANUAL, folder)
    engine = RagEngine(config)
    build(engine, folder)

    answer, _ = ask(engine, question)

    document = engine.document(MANUAL.name)
    assert len(document.page_starts) == 4
    assert (quote in answer.citations[0].quote, answer.citations[0].page) == (True, page)
    ends = [*document.page_starts[1:], len(document.text)]
    for citation in answer.citations:
        assert citation.page is not None
        page_start, page_end = document.page_starts[citation.page - 1], ends[citation.page - 1]
        assert page_start <= citation.start < citation.end <= page_end
        assert document.text[citation.start : citation.end] == citation.quote


def test_an_unknown_topic_is_not_answered_and_the_answer_model_stays_unloaded(
    engine: RagEngine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: Config) -> ScriptedGenerator:
        raise AssertionError("the answer model was loaded")

    use_generator(monkeypatch, fail)
    languages = ("en", "ja")
    scripted = RagEngine(replace(config, answer_model="scripted", answer_languages=languages))

    for question, language, text in [
        ("Which volcano erupted on Jupiter?", "en", "Not found in your documents."),
        ("火星の火山は噴火しましたか。", "ja", "文書の中に見つかりませんでした。"),
    ]:
        answer, pieces = ask(scripted, question)

        assert (answer.status, answer.source, answer.text) == ("no_evidence", "none", text)
        assert (answer.language, answer.citations, answer.prompt) == (language, (), None)
        assert (answer.completion, answer.model_id, pieces) == ("", "", [])
    with pytest.raises(AssertionError, match="was loaded"):  # and it would have been noticed
        ask(scripted, "How many days of paid leave does an employee have?")


@pytest.mark.parametrize(
    "question", ["", "   ", "\n\t\u3000", "\x00\x01\x1b\x7f", "\ud800", "x" * 100_000]
)
def test_a_question_without_words_or_end_is_refused(engine: RagEngine, question: str) -> None:
    with pytest.raises(QuestionError, match=r"Type what you want|Shorten it"):
        ask(engine, question)
    with pytest.raises(QuestionError):
        engine.search(question, 3)


def test_a_question_of_the_longest_length_is_read(engine: RagEngine) -> None:
    longest = "How many days of paid leave does an employee have? ".ljust(2000, "?")
    assert ask(engine, longest)[0].status == "answered"
    with pytest.raises(QuestionError, match=r"2,001 characters; at most 2,000"):
        ask(engine, longest + "?")


@pytest.mark.parametrize(
    "question", ["🎻", "???", "\ud800 leave", "leave\x00leave", "%s {} \\ ' \"; --", "ｌｅａｖｅ"]
)
def test_an_odd_question_gets_an_answer_that_can_be_printed(
    engine: RagEngine, question: str
) -> None:
    answer, _ = ask(engine, question)

    (answer.question + answer.text).encode("utf-8")
    assert answer.index_id == open_current(engine.config.index_dir).manifest.build_id


def test_an_index_of_another_embedder_is_refused_with_both_names_and_the_remedy(
    engine: RagEngine, config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HashingEmbedder(fingerprint="0f0f0f0f0f", name="another-embedder")
    use_embedder(monkeypatch, lambda config: other)
    fresh = RagEngine(replace(config, embed_model="another-embedder"))

    for use in (fresh.index_status, lambda: fresh.search("leave", 3), lambda: ask(fresh, "leave")):
        with pytest.raises(IndexMismatchError) as raised:
            use()
        message = str(raised.value)
        assert "'hashing' (hashing-)" in message
        assert "'another-embedder' (0f0f0f0f)" in message
        assert f"`python -m rag build {folder}`" in message
        assert "RAG_EMBED_MODEL=hashing" in message

    build(fresh, folder)  # the remedy works
    assert ask(fresh, "How many days of paid leave?")[0].status == "answered"


def test_a_new_index_is_picked_up_without_a_restart(engine: RagEngine, folder: Path) -> None:
    question = "Which instrument does the harpist play?"
    before, _ = ask(engine, question)
    (folder / "music.txt").write_text("The harpist plays the instrument called harp.")

    report = build(RagEngine(engine.config), folder)  # as another process would

    after, _ = ask(engine, question)
    assert before.status == "no_evidence"
    assert (after.status, after.citations[0].path) == ("answered", "music.txt")
    assert (before.index_id == after.index_id, after.index_id) == (False, report.index_id)


def test_a_question_in_flight_keeps_the_index_it_started_with(
    engine: RagEngine, folder: Path
) -> None:
    events = engine.ask("How many days of paid leave does an employee have?", Event())
    next(events)
    for text in ("one", "two"):
        (folder / "handbook.md").write_text(f"Version {text}")
        report = build(engine, folder)

    *_, answer = events
    assert isinstance(answer, Answer)
    assert answer.citations[0].quote == "Every employee has 20 days of paid leave a year."
    assert answer.index_id != report.index_id


def test_a_removed_document_is_gone_for_good(engine: RagEngine, folder: Path) -> None:
    (folder / "handbook.md").unlink()
    build(engine, folder)

    assert ask(engine, "How many days of paid leave does an employee have?")[0].text == (
        "Not found in your documents."
    )
    with pytest.raises(RagError, match=r"no document 'handbook.md'"):
        engine.document("handbook.md")


def test_an_index_damaged_while_it_serves_is_an_error_in_words(
    engine: RagEngine, config: Config
) -> None:
    (open_current(config.index_dir).path / "corpus.sqlite").write_bytes(b"damaged" * 100)

    with pytest.raises(IndexDamagedError, match="Rebuild"):
        ask(engine, "How many days of paid leave?")
    with pytest.raises(IndexDamagedError, match=r"python -m rag build"):
        RagEngine(config).index_status()


def test_after_damage_the_index_before_serves_from_the_next_question_on(
    engine: RagEngine, config: Config, folder: Path
) -> None:
    previous = engine.index_status()
    assert previous is not None
    (folder / "new.txt").write_text("The canteen closes at three.")
    build(engine, folder)
    assert ask(engine, "When does the canteen close?")[0].status == "answered"
    damaged = open_current(config.index_dir).path
    (damaged / "corpus.sqlite").write_bytes(b"damaged" * 100)
    with pytest.raises(IndexDamagedError):
        ask(engine, "How many days of paid leave?")

    answer, _ = ask(engine, "How many days of paid leave does an employee have?")

    assert (answer.status, answer.index_id) == ("answered", previous.index_id)
    status = engine.index_status()
    assert status is not None
    assert str(damaged) in status.damage


def test_a_question_to_one_collection_sees_its_documents_alone(
    engine: RagEngine, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "papers"
    other.mkdir()
    (other / "leave.txt").write_text("Every employee of the ferry line has 31 days of paid leave.")
    engine.sync(SyncRequest(add=(SourceEdit(other, collection="ferry"),)), lambda step: None)
    question = "How many days of paid leave does an employee have?"

    everywhere = engine.search(question, 9)
    ferry = engine.search(question, 9, SearchFilter("ferry"))

    assert {hit.chunk.path for hit in ferry} == {"papers/leave.txt"}
    assert {hit.chunk.path.split("/")[0] for hit in everywhere} == {"papers", folder.name}
    assert [hit.rank for hit in ferry] == [1]
    *_, answer = engine.ask(question, Event(), SearchFilter("documents"))
    assert isinstance(answer, Answer)
    assert "20 days" in answer.text
    *_, answer = engine.ask(question, Event(), SearchFilter("ferry"))
    assert isinstance(answer, Answer)
    assert "31 days" in answer.text
    with pytest.raises(RagError, match="There is no collection 'boats'"):
        engine.search(question, 9, SearchFilter("boats"))


def test_without_an_index_the_status_is_none_and_a_question_names_the_command(
    config: Config, embedder: HashingEmbedder
) -> None:
    assert RagEngine(config).index_status() is None
    with pytest.raises(RagError, match=r"Build one: `python -m rag build FOLDER`"):
        ask(RagEngine(config), "leave")


def test_the_model_answers_in_its_languages_and_others_are_quoted(
    engine: RagEngine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = ScriptedGenerator("20 days of paid leave [1]")
    use_generator(monkeypatch, lambda config: generator)
    english_only = RagEngine(replace(config, answer_model="scripted", answer_languages=("en",)))

    english, _ = ask(english_only, "How many days does every employee have a year?")
    japanese, _ = ask(english_only, "年次有給休暇は入社から何か月後に与えますか。")

    assert (english.source, english.model_id) == ("model", "scripted")
    assert english.text == "20 days of paid leave [1]"
    assert (japanese.source, japanese.model_id) == ("quote", "extractive")
    assert len(generator.prompts) == 1


def test_what_the_model_invents_is_replaced_by_a_quote(
    engine: RagEngine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_generator(monkeypatch, lambda config: ScriptedGenerator("Unlimited champagne. [1]"))
    scripted = RagEngine(replace(config, answer_model="scripted", answer_languages=("en",)))

    answer, _ = ask(scripted, "How many days of paid leave does an employee have?")

    assert answer.completion == "Unlimited champagne. [1]"
    assert answer.text == "Every employee has 20 days of paid leave a year. [1]"
    assert (answer.source, answer.model_id) == ("quote", "scripted")


@pytest.mark.parametrize(
    ("question", "completion"),
    [
        ("How many days of paid leave does an employee have?", "Not found in your documents."),
        ("年次有給休暇は入社から何か月後に与えますか。", "文書の中に見つかりませんでした。[1]"),
    ],
)
def test_a_model_that_begins_to_say_not_found_is_believed_and_waited_for_no_longer(
    engine: RagEngine,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    question: str,
    completion: str,
) -> None:
    use_generator(monkeypatch, lambda config: ScriptedGenerator(completion))
    both = replace(config, answer_model="scripted", answer_languages=("en", "ja"))

    answer, _ = ask(RagEngine(both), question)

    assert (answer.status, answer.source, answer.citations) == ("no_evidence", "none", ())
    assert completion.startswith(answer.text)
    assert says_not_found(answer.completion)
    assert len(answer.completion) < len(completion)
    assert answer.model_id == "scripted"


def test_a_passage_of_the_models_own_making_ends_the_draft(
    engine: RagEngine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = ScriptedGenerator("20 days [1]\n\n[2] Invented passage, going on and on")
    use_generator(monkeypatch, lambda config: generator)
    scripted = RagEngine(replace(config, answer_model="scripted", answer_languages=("en",)))

    answer, pieces = ask(scripted, "How many days of paid leave does an employee have?")

    assert "Invented" not in "".join(pieces) + answer.completion + answer.text


def test_stop_before_the_start_gives_an_empty_stopped_answer(engine: RagEngine) -> None:
    stop = Event()
    stop.set()

    answer, pieces = ask(engine, "How many days of paid leave does an employee have?", stop)

    assert (answer.is_stopped, answer.text, answer.citations, pieces) == (True, "", (), [])


def test_stop_midway_ends_the_draft_and_still_yields_one_answer(
    engine: RagEngine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = Event()
    generator = ScriptedGenerator(
        "20 days of paid leave a year [1]", lambda n: stop.set() if n == 3 else None
    )
    use_generator(monkeypatch, lambda config: generator)
    scripted = RagEngine(replace(config, answer_model="scripted", answer_languages=("en",)))

    answer, pieces = ask(scripted, "How many days of paid leave does an employee have?", stop)

    assert pieces == ["20 ", "day", "s o"]
    assert (answer.is_stopped, answer.completion, answer.usage.completion) == (True, "20 days o", 3)


def test_abandoning_an_answer_frees_the_engine_for_the_next(engine: RagEngine) -> None:
    events = engine.ask("How many days of paid leave does an employee have?", Event())
    next(events)
    del events

    assert ask(engine, "Up to how much are hotel costs refunded?")[0].status == "answered"


def test_threads_ask_and_build_at_once_and_every_answer_is_whole(
    engine: RagEngine, folder: Path
) -> None:
    answers: list[Answer] = []
    errors: list[Exception] = []

    def ask_often() -> None:
        try:
            for _ in range(15):
                answers.append(ask(engine, "How many days of paid leave?")[0])
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [Thread(target=ask_often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(6):
        (folder / "handbook.md").write_text(f"Edition {n}.\n\n{HANDBOOK}")
        build(engine, folder)
    for thread in threads:
        thread.join()

    assert errors == []
    assert len(answers) == 45
    assert {answer.text for answer in answers} == {
        "Every employee has 20 days of paid leave a year. [1]"
    }


def test_a_missing_default_answer_model_means_quotes_and_a_notice(
    engine: RagEngine, config: Config
) -> None:
    default = RagEngine(replace(config, answer_model=Config().answer_model))

    answer, _ = ask(default, "How many days of paid leave does an employee have?")

    assert (answer.status, answer.source, answer.model_id) == ("answered", "quote", "extractive")
    assert default.notices() == ["no_answer_model"]
    assert default.answer_model_id() == "extractive"
    assert engine.notices() == []  # extractive by choice is nothing to tell


def test_a_missing_model_that_was_asked_for_is_an_error(engine: RagEngine, config: Config) -> None:
    explicit = RagEngine(replace(config, answer_model="no-such-model"))

    assert explicit.notices() == []
    with pytest.raises(ModelError, match="There is no model 'no-such-model'"):
        ask(explicit, "How many days of paid leave does an employee have?")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "modeling.py"])
def test_an_answer_model_that_could_run_code_is_refused_when_asked(
    engine: RagEngine, config: Config, name: str
) -> None:
    model = config.models_dir / "strange"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"")
    (model / name).write_bytes(b"\x80\x04.")

    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        ask(
            RagEngine(replace(config, answer_model="strange")),
            "How many days of paid leave does an employee have?",
        )


def test_a_model_folder_with_broken_weights_is_an_error_in_words(
    engine: RagEngine, config: Config
) -> None:
    model = config.models_dir / "broken"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "model.safetensors").write_bytes(b"not safetensors")

    with pytest.raises(ModelError, match=r"broken.*RAG_ANSWER_MODEL"):
        ask(
            RagEngine(replace(config, answer_model="broken")),
            "How many days of paid leave does an employee have?",
        )


def test_search_returns_k_hits_best_first_with_exact_spans(engine: RagEngine) -> None:
    hits = engine.search("paid leave of an employee", 2)

    assert [hit.rank for hit in hits] == [1, 2]
    assert hits[0].score >= hits[1].score
    assert "20 days of paid leave" in hits[0].chunk.text
    for hit in hits:
        chunk = hit.chunk
        assert engine.document(chunk.path).text[chunk.start : chunk.end] == chunk.text


def test_a_language_the_embedder_does_not_know_is_searched_by_words_alone(
    engine: RagEngine, config: Config
) -> None:
    english_only = RagEngine(replace(config, embed_languages=("en",)))

    assert all(h.vector_score is None for h in english_only.search("年次有給休暇", 5))
    assert any(h.vector_score is not None for h in engine.search("年次有給休暇", 5))


def test_extractive_streams_what_it_quotes_word_by_word(engine: RagEngine) -> None:
    answer, pieces = ask(engine, "How many days of paid leave does an employee have?")

    assert pieces[:3] == ["Every ", "employee ", "has "]
    assert answer.prompt is not None
    stop = Event()
    stream = ExtractiveGenerator().stream(answer.prompt, 96, stop)
    assert next(stream) == "Every "
    stop.set()
    assert list(stream) == []


def test_the_steps_that_are_told_count_what_is_searched_and_read(engine: RagEngine) -> None:
    steps: list[Progress] = []
    question = "How many days of paid leave does an employee have?"
    *_, answer = engine.ask(question, Event(), progress=steps.append)
    status = engine.index_status()
    assert isinstance(answer, Answer)
    assert answer.prompt is not None
    assert status is not None
    assert steps == [
        Progress("search", 0, status.documents),
        Progress("read", 0, len(answer.prompt.hits)),
    ]
    assert status.documents > 1
    one = SearchFilter(paths=(answer.citations[0].path,))
    *_, answer = engine.ask(question, Event(), one, progress=steps.append)
    assert isinstance(answer, Answer)
    assert steps[2] == Progress("search", 0, 1)
    assert answer.documents_searched == 1
