"""Rows that are learned from and tested on: worked out by hand on a few passages."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from rag.answer import Answerer, prompt_over
from rag.config import Config
from rag.corpus import Corpus, CorpusWriter
from rag.datatypes import Answer, Chunk, Document, Hit, Prompt, PromptStyle
from rag.errors import RagError
from rag.lexical_index import Bm25LexicalIndex
from rag.prompt import NOT_FOUND
from rag.retrieve import Retriever
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder, ScriptedGenerator
from training.config import DataSettings, PromptSettings, TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.rows.encoding import RowTooLongError
from training.rows.gold import gold_chunks, says
from training.rows.maker import RowMaker
from training.rows.row_files import rows_from_jsonl, rows_to_jsonl

DOCUMENTS = {
    "bicycles.md": (
        "A bicycle costs 300 yen an hour.",
        "A bicycle is kept in the shed behind the hall.",
        "A bicycle with a basket is painted red.",
    ),
    "boats.md": (
        "A boat costs 900 yen an hour, a bicycle less.",
        "A boat is kept at the pier.",
    ),
    "hall.md": ("The hall opens at 9:00.", "The hall is closed on Mondays."),
    "自転車.md": ("自転車は1時間３００円で貸し出します。", "自転車の鍵は受付で渡します。"),
    "休館日.md": ("博物館の休館日は月曜日です。", "博物館の鍵は受付にあります。"),
}
BICYCLE = QAExample(
    "What does a bicycle cost?", "300 yen an hour", "en", "questions.jsonl:1",
    quote="A bicycle costs 300 yen an hour.", source="bicycles.md",
)  # fmt: skip
HALL = QAExample(
    "When does the hall open?", "9:00", "en", "questions.jsonl:2", source="hall.md",
    quote="The hall opens at 9:00.",
)  # fmt: skip
JITENSHA = QAExample(
    "自転車は1時間いくら？", "300円", "ja", "questions.jsonl:3", source="自転車.md",
    quote="1時間300円で",
)  # fmt: skip
KYUKAN = QAExample(
    "博物館の休館日は何曜日？", "月曜", "ja", "questions.jsonl:4", source="休館日.md",
)  # fmt: skip
EXAMPLES = (BICYCLE, HALL, JITENSHA, KYUKAN)
NONE_MADE = TrainingConfig("test", data=DataSettings(not_found_share=0.0))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    folder = tmp_path_factory.mktemp("index")
    writer = CorpusWriter(folder)
    texts: list[str] = []
    for path, passages in DOCUMENTS.items():
        document = Document(path, "\n".join(passages), sha256="")
        starts = [document.text.index(passage) for passage in passages]
        chunks = [
            Chunk(path, start, start + len(text), text)
            for start, text in zip(starts, passages, strict=True)
        ]
        writer.add(document, chunks)
        texts += passages
    writer.finish([])
    writer.close()
    embedder = HashingEmbedder()
    return Retriever(
        corpus=Corpus(folder),
        lexical=Bm25LexicalIndex.from_texts(texts),
        vectors=FaissVectorIndex.from_vectors(embedder.embed_passages(texts)),
        embedder=embedder,
        embed_languages=embedder.languages,
    )


class WordEncoder:
    """Counts words instead of tokens."""

    def __init__(self, max_tokens: int = 1 << 20) -> None:
        self._max_tokens = max_tokens
        self.count_prompt_tokens = ScriptedGenerator("").count_prompt_tokens

    def encode(self, row: AnswerRow) -> None:
        if self.count_prompt_tokens(row.prompt) > self._max_tokens:
            raise RowTooLongError(f"{row.example.place} is too long.")


ENCODER = WordEncoder()


def make_rows(
    live: Retriever,
    examples: Sequence[QAExample],
    config: TrainingConfig = NONE_MADE,
    *,
    seed: int = 0,
    position: str = "random",
) -> list[AnswerRow]:
    with RowMaker(examples, config, Config(), ENCODER, live=live) as maker:
        rows = maker.rows(examples, seed, gold_position=position)  # type: ignore[arg-type] # one of two words
        assert maker.excluded == []
    return rows


def shown(row: AnswerRow, number: int) -> str:
    """Return what the prompt shows as passage ``number``."""
    text = row.prompt.messages[-1].content
    return text.split(f"[{number}] ")[1].split("\n\n")[0]


def test_the_answer_names_the_passage_that_holds_it(live: Retriever) -> None:
    for seed in range(5):
        for row in make_rows(live, EXAMPLES, seed=seed):
            assert row.completion == f"{row.example.answer} [{row.gold_passage}]"
            assert says(shown(row, row.gold_passage), row.example.quote or row.example.answer)


def test_the_gold_passage_stands_at_every_place(live: Retriever) -> None:
    places = {make_rows(live, [HALL], seed=seed)[0].gold_passage for seed in range(40)}

    assert places == {1, 2, 3, 4}


def test_in_a_test_it_stands_where_it_is_found(live: Retriever) -> None:
    rows = make_rows(live, [BICYCLE], position="as_retrieved")

    hits = live.retrieve(BICYCLE.question, "en", 4)
    assert [hit.chunk.text for hit in rows[0].prompt.hits] == [hit.chunk.text for hit in hits]
    assert rows[0].gold_passage == 1 + [hit.chunk.text for hit in hits].index(BICYCLE.quote)


def test_what_a_test_does_not_show_must_not_be_answered(live: Retriever) -> None:
    config = replace(NONE_MADE, data=DataSettings(passages=1, not_found_share=0.0))
    lost = replace(BICYCLE, question="What is kept at the pier?")

    row = make_rows(live, [lost], config, position="as_retrieved")[0]

    assert (row.completion, row.gold_passage) == (NOT_FOUND["en"], 0)
    assert row.example.is_answerable


def test_training_brings_a_passage_that_was_not_found(live: Retriever) -> None:
    config = replace(NONE_MADE, data=DataSettings(passages=2, not_found_share=0.0))
    lost = replace(BICYCLE, question="What is kept at the pier?")

    row = make_rows(live, [lost], config)[0]

    assert shown(row, row.gold_passage) == BICYCLE.quote


def test_every_row_names_the_documents_that_it_shows(live: Retriever) -> None:
    for row in make_rows(live, EXAMPLES):
        assert set(row.documents) == {hit.chunk.path for hit in row.prompt.hits}
        assert row.example.source in row.documents


@pytest.mark.parametrize("style", [PromptStyle(0, False), PromptStyle(2, True)])
@pytest.mark.parametrize("question", [BICYCLE.question, JITENSHA.question, "ＷＩＦＩ 自転車 cost?"])
def test_the_prompt_is_that_of_serving_byte_for_byte(
    live: Retriever, style: PromptStyle, question: str
) -> None:
    """Golden: what the `Answerer` puts to its model for the same hits."""
    prompt_settings = PromptSettings(style.evidence_sentences, style.has_examples)
    config = replace(NONE_MADE, prompt=prompt_settings)
    example = replace(BICYCLE, question=question, answer="", quote="", source="")
    generator = ScriptedGenerator("yes")
    generator.style = style
    settings = Config(min_evidence_percent=0, min_evidence_words_percent=0)
    answerer = Answerer(settings, "index", live, lambda language: generator)
    answer = list(answerer.answer(question, Event()))[-1]

    row = make_rows(live, [example], config, position="as_retrieved")[0]

    assert isinstance(answer, Answer)
    assert row.prompt.messages == generator.prompts[0].messages
    assert row.prompt == generator.prompts[0]


def test_a_share_of_the_questions_is_asked_without_its_document(live: Retriever) -> None:
    config = TrainingConfig("test", data=DataSettings(not_found_share=1 / 3))

    rows = make_rows(live, EXAMPLES, config)

    made = [row for row in rows if row.example.origin == "made"]
    assert len(rows) == 6
    assert {row.example.language for row in made} == {"en", "ja"}  # two of six, one in each
    for row in made:
        assert row.completion == NOT_FOUND[row.example.language]
        assert not row.example.is_answerable
        assert row.example.source not in row.documents
        assert row.gold_passage == 0


def test_questions_without_an_answer_count_for_the_share(live: Retriever) -> None:
    config = TrainingConfig("test", data=DataSettings(not_found_share=0.5))
    unanswerable = [replace(HALL, answer="", quote="", source="", place=f"{n}") for n in range(4)]

    rows = make_rows(live, [*EXAMPLES, *unanswerable], config)

    assert [row.example.origin for row in rows] == ["import"] * 8


def test_near_misses_that_hold_the_answer_do_not_stand_in_a_row_without_one(
    live: Retriever,
) -> None:
    config = TrainingConfig("test", data=DataSettings(not_found_share=0.5))
    monday = replace(
        KYUKAN, question="博物館の鍵はどこ？", answer="受付", quote="博物館の鍵は受付にあります。"
    )

    made = make_rows(live, [monday], config)[1]

    assert "受付" not in made.prompt.messages[-1].content  # 自転車の鍵は受付で渡します。
    assert "自転車.md" in made.documents  # negative control: its other passage is a near miss


def test_the_same_text_in_another_document_is_taken_away_as_well(live: Retriever) -> None:
    texts = ["The shop is open until noon.", "The shop is small."]
    examples = [
        QAExample("Is the shop open?", "yes", "en", f"{n}", passage=text, label="yes")
        for n, text in enumerate([*texts, texts[0].replace(" ", "  ")])
    ]
    config = TrainingConfig("test", data=DataSettings(not_found_share=0.5))

    with RowMaker(examples, config, Config(), ENCODER, embedder=HashingEmbedder()) as maker:
        made = maker.rows(examples[:1], 0, gold_position="random")[1:]

    assert [[hit.chunk.text for hit in row.prompt.hits] for row in made] == [[texts[1]]]


def test_examples_with_a_passage_are_asked_among_all_their_passages() -> None:
    examples = [
        QAExample(f"What costs the {thing}?", f"{n} euros", "en", f"line {n}", passage=text)
        for n, (thing, text) in enumerate(
            [("pen", "The pen costs 0 euros."), ("ink", "The ink costs 1 euros.")]
        )
    ]

    with RowMaker(examples, NONE_MADE, Config(), ENCODER, embedder=HashingEmbedder()) as maker:
        rows = maker.rows(examples, 0, gold_position="as_retrieved")

    assert [row.completion for row in rows] == ["0 euros [1]", "1 euros [1]"]
    assert [len(row.prompt.hits) for row in rows] == [2, 2]
    assert [row.documents for row in rows] == [(), ()]  # of the index: none


def test_a_yes_or_no_is_not_looked_for_in_the_passages() -> None:
    """ "no" stands in "not now"; a label is a judgement and no quotation."""
    examples = [
        QAExample("Does tea help?", "no", "en", "1", passage="Tea did not help.", label="no"),
        QAExample("Is it late?", "no", "en", "2", passage="There is no tea now.", label="no"),
    ]
    config = TrainingConfig("test", data=DataSettings(not_found_share=0.5))

    with RowMaker(examples, config, Config(), ENCODER, embedder=HashingEmbedder()) as maker:
        rows = maker.rows(examples[:1], 0, gold_position="random")

    assert shown(rows[0], rows[0].gold_passage) == "Tea did not help."
    assert [hit.chunk.text for hit in rows[1].prompt.hits] == ["There is no tea now."]


def test_an_example_without_source_or_passage_is_looked_for(live: Retriever) -> None:
    rows = make_rows(live, [replace(BICYCLE, source="", quote="")])

    assert shown(rows[0], rows[0].gold_passage) == BICYCLE.quote


@pytest.mark.parametrize(
    ("example", "reason"),
    [
        (replace(BICYCLE, source="gone.md"), "gone.md"),
        (replace(BICYCLE, quote="never written", answer="never"), "bicycles.md"),
        (replace(BICYCLE, source="", quote="", answer="a million"), "no passage that is found"),
        (replace(BICYCLE, question=" \n"), "empty"),
    ],
)
def test_what_makes_no_row_is_told_and_not_dropped(
    live: Retriever, example: QAExample, reason: str
) -> None:
    with RowMaker([example], NONE_MADE, Config(), ENCODER, live=live) as maker:
        assert maker.rows([example], 0, gold_position="random") == []
        assert [one.place for one in maker.excluded] == ["questions.jsonl:1"]
        assert reason in maker.excluded[0].reason


def test_a_small_budget_drops_near_misses_and_keeps_the_gold_passage(live: Retriever) -> None:
    tight = replace(NONE_MADE, prompt=PromptSettings(budget_tokens=30))

    for seed in range(20):
        row = make_rows(live, [BICYCLE], tight, seed=seed)[0]
        assert row.gold_passage > 0
        assert len(row.prompt.hits) < 4


def test_a_row_that_is_too_long_is_told_and_not_cut(live: Retriever) -> None:
    """The first passage stays in a prompt whatever the budget, so that a row may be too long."""
    config = TrainingConfig(
        "test", data=DataSettings(not_found_share=0.5), prompt=PromptSettings(budget_tokens=1)
    )

    with RowMaker([BICYCLE], config, Config(), WordEncoder(5), live=live) as maker:
        assert maker.rows([BICYCLE], 0, gold_position="random") == []
        assert [one.reason for one in maker.excluded] == ["questions.jsonl:1 is too long."]


def test_the_same_seed_gives_the_same_rows(live: Retriever) -> None:
    config = TrainingConfig("test", data=DataSettings(not_found_share=0.4))

    assert make_rows(live, EXAMPLES, config) == make_rows(live, EXAMPLES, config)
    assert make_rows(live, EXAMPLES, config) != make_rows(live, EXAMPLES, config, seed=3)


def test_rows_survive_a_file(live: Retriever, tmp_path: Path) -> None:
    rows = make_rows(live, EXAMPLES, TrainingConfig("test"))
    file = tmp_path / "rows" / "train.jsonl"

    rows_to_jsonl(rows, file)

    assert rows_from_jsonl(file) == rows
    assert [path.name for path in file.parent.iterdir()] == ["train.jsonl"]


def test_a_damaged_row_is_named_by_its_line(live: Retriever, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    rows_to_jsonl(make_rows(live, EXAMPLES), file)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps({"prompt": {}})
    file.write_text("\n".join(lines), encoding="utf-8")

    with pytest.raises(RagError, match="line 2"):
        rows_from_jsonl(file)


def broken_rows(rows: Sequence[AnswerRow]) -> Iterator[AnswerRow]:
    yield rows[0]
    raise OSError("no space left on device")


def test_a_full_disk_leaves_the_file_that_was_there(live: Retriever, tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    rows = make_rows(live, EXAMPLES)
    rows_to_jsonl(rows, file)

    with pytest.raises(OSError, match="no space"):
        rows_to_jsonl(broken_rows(rows), file)

    assert rows_from_jsonl(file) == rows


@pytest.mark.parametrize(
    ("text", "words", "is_there"),
    [
        ("It takes 210 days.", "10 days", False),
        ("It takes 10 days.", "10 days", True),
        ("１０日以内に返す。", "10日", True),
        ("110日以内に返す。", "10日", False),
        ("There is nothing now.", "no", False),
        ("月曜日は休館です。", "月曜", True),  # a word of Japanese may stand in a longer one
        ("within\ntwo  HOURS", "within two hours", True),
        ("anything", "", False),
    ],
)
def test_an_answer_is_found_as_whole_words(text: str, words: str, is_there: bool) -> None:
    assert says(text, words) is is_there


def test_a_quote_decides_before_the_answer_does() -> None:
    texts = ("Open on 3 days.", "The library opens on 3 days a week.")
    chunks = [Chunk("a.md", n, n + len(text), text) for n, text in enumerate(texts)]
    example = QAExample("?", "3 days", "en", "1", quote="opens on 3 days a week")

    assert gold_chunks(example, chunks) == [chunks[1]]
    assert gold_chunks(replace(example, quote=""), chunks) == chunks


def test_neighbours_that_are_too_long_as_one_passage_are_read_in_part(live: Retriever) -> None:
    """The first passage of a prompt is always kept, so what is joined must fit."""
    text = "".join(f"Sentence {n} is about bicycles. " for n in range(40))
    hits = [
        Hit(rank, Chunk("bicycles.md", start, start + 400, text[start : start + 400]), 1 / rank)
        for rank, start in enumerate((0, 350, 700), start=1)
    ]

    def asked(budget: int) -> Prompt:
        return prompt_over(
            "What is it about?",
            "en",
            hits,
            live,
            PromptStyle(has_examples=False),
            budget,
            characters,
        )

    assert [(h.chunk.start, h.chunk.end) for h in asked(10_000).hits] == [(0, 1100)]
    assert [(h.chunk.start, h.chunk.end) for h in asked(1000).hits] == [(0, 750)]
    assert asked(1000).token_count <= 1000
    assert [(h.chunk.start, h.chunk.end) for h in asked(10).hits] == [(0, 400)]


def characters(prompt: Prompt) -> int:
    return sum(len(message.content) for message in prompt.messages)
