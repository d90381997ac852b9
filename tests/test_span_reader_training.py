"""Training a span reader: its tokens, what it is shown, that it learns, and what is shipped."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from rag.config import DEFAULT_EMBED_MODEL, DEFAULT_SPAN_MODEL, Config
from rag.datatypes import Language, Progress
from rag.errors import ModelError
from rag.language import sentence_spans
from tests.tiny_span_base import KNOWN, save_tiny_span_base
from training.checkpoints import span_model
from training.cli import main
from training.rows.hidden_instructions import ENGLISH_TARGETS, JAPANESE_TARGETS
from training.span_reader import pairs
from training.span_reader.artifact import (
    CHARACTERS,
    WEIGHTS,
    Artifact,
    load_artifact,
    save_artifact,
    write_model,
)
from training.span_reader.characters import (
    Characters,
    base_vocabulary,
    character_tokenizer,
    gather_characters,
)
from training.span_reader.contrast import Exchanger
from training.span_reader.loop import Learner, LogLine, LoopSettings, kind_of_step, rate, train
from training.span_reader.measure import Measured, answer, measure
from training.span_reader.near_passages import misses, near_passages
from training.span_reader.network import SpanNetwork, guess_loss
from training.span_reader.pair import Pair
from training.span_reader.pairs import PairMaker, crop
from training.span_reader.questions import (
    SpanDataError,
    SpanQuestion,
    read_span_questions,
)
from training.span_reader.rows import (
    BATCH_TOKENS,
    SpanRow,
    endless_batches,
    endless_pieces,
    endless_rows,
    filled_length,
    span_row,
)

JAPANESE = "玄関は朝八時に開錠されます。受付は一階にあります。食堂は正午に開きます。"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models twenty times slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder that everything here begins with."""
    return save_tiny_span_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def characters(base: Path) -> Characters:
    """The usual characters of Japanese."""
    return gather_characters([JAPANESE], base_vocabulary(base / "tokenizer.json"))


@pytest.fixture
def tokenizer(base: Path, characters: Characters) -> Tokenizer:
    return character_tokenizer(base / "tokenizer.json", characters.new)


def pieces(tokenizer: Tokenizer, text: str) -> list[tuple[str, str]]:
    """Each token with the words of ``text`` that it stands for."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return [
        (token, text[start:end])
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
    ]


def quiet(_: Progress) -> None:
    """Nobody watches."""


def passage_of(n: int, language: Language) -> str:
    """Five sentences or six, the third of which says when door ``n`` opens."""
    if language == "ja":
        return (
            f"第{n}棟は北にある。壁は白く塗られている。第{n}棟の扉は{n + 100}時に開く。"
            "庭には松の木が多い。受付の人はとても親切である。冬は雪が深い。"
        )
    return (
        f"House {n} stands in the north. Its walls are white. The door of house {n} opens at "
        f"{n + 100} sharp. Many pines grow in the garden. The porter is kind to everyone."
    )


def squad(passages: int, language: Language) -> dict[str, object]:
    """A passage with one question each."""
    paragraphs = []
    for n in range(passages):
        context, answer = passage_of(n, language), str(n + 100)
        asked = f"第{n}棟の扉は何時に開く?" if language == "ja" else f"When does house {n} open?"
        start = context.index(answer)
        answers = [{"text": answer, "answer_start": start}]
        paragraphs.append({"context": context, "qas": [{"question": asked, "answers": answers}]})
    return {"data": [{"title": "Houses", "paragraphs": paragraphs}]}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """50 passages in each language, so that the last two are held out."""
    paths = (tmp_path / "houses-en.json", tmp_path / "houses-ja.json")
    languages: tuple[Language, Language] = ("en", "ja")
    for path, language in zip(paths, languages, strict=True):
        path.write_text(json.dumps(squad(50, language)), encoding="utf-8")
    return paths


def test_each_japanese_character_is_a_token_and_words_of_latin_letters_are_those_of_the_base(
    tokenizer: Tokenizer,
) -> None:
    assert [token for token, _ in pieces(tokenizer, "東京のab案")] == [
        "東", "京", "の", "a", "##b", "案",
    ]  # fmt: skip


def test_offsets_point_into_the_text_as_it_was_written(tokenizer: Tokenizer) -> None:
    assert pieces(tokenizer, "１２月ﾊﾝ") == [
        ("1", "１"), ("##2", "２"), ("月", "月"), ("ハ", "ﾊ"), ("ン", "ﾝ"),
    ]  # fmt: skip


def test_accents_of_latin_letters_go_and_marks_of_kana_stay(tokenizer: Tokenizer) -> None:
    assert [token for token, _ in pieces(tokenizer, "é が か\u3099 ﾊﾟ")] == ["e", "が", "が", "パ"]


def test_the_words_of_a_document_cannot_end_it(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("a", "b [SEP] c").tokens.count("[SEP]") == 2


def test_a_pair_is_read_as_in_bert(tokenizer: Tokenizer) -> None:
    encoding = tokenizer.encode("a", "東")

    assert encoding.tokens == ["[CLS]", "a", "[SEP]", "東", "[SEP]"]
    assert encoding.type_ids == [0, 0, 0, 1, 1]


def test_the_usual_characters_are_kana_and_level_one_and_rare_ones_come_from_the_texts() -> None:
    usual = gather_characters([], {})
    all_of_them = gather_characters(["弌㌔①Ａ\u3000한"], {})

    assert {"あ", "ヴ", "ー", "亜", "腕"} <= set(usual.new)  # the first and last of level 1
    assert sum("\u4e00" <= character <= "\u9fff" for character in usual.new) == 2965
    # 弌 is the first of level 2. NFKC changes the next three, and the last two are not Japanese.
    assert set(all_of_them.new) - set(usual.new) == {"弌"}


def test_known_characters_keep_their_ids_and_new_ones_get_the_next(
    base: Path, characters: Characters, tokenizer: Tokenizer
) -> None:
    vocabulary = base_vocabulary(base / "tokenizer.json")
    ids = characters.token_ids(vocabulary)

    assert set(characters.known) == set(KNOWN)
    assert [tokenizer.id_to_token(n) for n in ids] == [*characters.known, *characters.new]
    assert ids[len(KNOWN)] == len(vocabulary)


def test_a_character_that_the_base_knows_is_no_new_one(base: Path) -> None:
    with pytest.raises(ValueError, match="knows '日' already"):
        character_tokenizer(base / "tokenizer.json", ["月", "日"])


def test_near_passages_share_rare_words_and_those_with_the_answer_are_no_misses() -> None:
    passages = ["red cats sleep", "red dogs bark at nine", "green birds sing", "red dogs run"]

    found = near_passages(passages, ["When do red dogs bark?"], "en")[0].tolist()

    assert found[:2] == [1, 3]
    assert found[-1] == 2
    assert list(misses(found, passages, own=1, answers=["NINE"])) == found[1:]
    assert 0 in misses(found, passages, own=3, answers=["NINE"])


def test_the_last_passages_of_each_file_are_held_out(files: tuple[Path, Path]) -> None:
    questions = read_span_questions(files, 0, quiet)

    assert len(questions.learned) == 2 * 48
    assert [one.passage for one in questions.held_out] == [
        passage_of(48, "en"), passage_of(49, "en"), passage_of(48, "ja"), passage_of(49, "ja"),
    ]  # fmt: skip
    assert questions.japanese == tuple(passage_of(n, "ja") for n in range(48))
    assert questions.japanese_held_out == (passage_of(48, "ja"), passage_of(49, "ja"))
    near = {text for one in questions.learned for text in one.near}
    assert near
    assert not near & {one.passage for one in questions.held_out}


def test_an_answer_that_stands_twice_is_found_in_the_sentence_that_the_file_points_to(
    tmp_path: Path,
) -> None:
    context = "It has 100 rooms. The door of house 0 opens at 100 sharp."
    pages = squad(25, "en")
    pages["data"][0]["paragraphs"][0] = {  # type: ignore[index]
        "context": context,
        "qas": [{"question": "When?", "answers": [{"text": "100", "answer_start": 47}]}],
    }
    (tmp_path / "en.json").write_text(json.dumps(pages), encoding="utf-8")
    (tmp_path / "ja.json").write_text(json.dumps(squad(25, "ja")), encoding="utf-8")

    first = read_span_questions([tmp_path / "en.json", tmp_path / "ja.json"], 0, quiet).learned[0]

    assert (first.start, first.end) == (47, 50)


def test_without_questions_in_japanese_there_is_no_training(files: tuple[Path, Path]) -> None:
    with pytest.raises(SpanDataError, match="No question in ja"):
        read_span_questions(files[:1], 0, quiet)


def test_a_crop_is_made_of_whole_sentences_around_the_answer() -> None:
    sentences = [(0, 10), (11, 20), (21, 30), (31, 40)]
    crops = {crop(sentences, 1, 1, 15, Random(seed)) for seed in range(20)}

    assert crops == {(0, 20), (11, 30)}
    assert crop(sentences, 1, 1, 5, Random(0)) == (11, 20)
    assert crop(sentences, 1, 1, 99, Random(0)) == (0, 40)


@pytest.fixture
def questions(files: tuple[Path, Path]) -> tuple[SpanQuestion, ...]:
    return read_span_questions(files, 0, quiet).learned


@pytest.fixture
def only_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    """No made-up records, and no titles."""
    monkeypatch.setattr(pairs, "RECORD_SHARE", 0.0)
    monkeypatch.setattr(pairs, "HEADING_SHARE", 0.0)


def test_the_labelled_words_are_the_answer_wherever_the_text_was_cut_or_added_to(
    questions: tuple[SpanQuestion, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "RECORD_SHARE", 0.0)
    maker = PairMaker(questions, (), Random(0))
    places = set()
    for question in questions * 10:
        pair = maker.pair(question)
        if pair and pair.span:
            places.add(pair.span[0])
            assert pair.text[slice(*pair.span)] == question.answers[0]

    assert len(places) > 20


@pytest.mark.usefixtures("only_passages")
def test_texts_for_a_question_as_it_was_asked_hold_no_answer_when_none_is_labelled(
    questions: tuple[SpanQuestion, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CONTRAST_SHARE", 0.0)  # a contrast keeps the words of the answer
    maker, known = PairMaker(questions, (), Random(0)), _all(questions)
    for question in questions * 10:
        pair = maker.pair(question)
        if pair and not pair.span and pair.question == question.text:
            own = [sentence for sentence in _sentences(pair.text) if sentence in known]
            assert own
            assert not any(question.answers[0] in sentence for sentence in own)


LOAN = "The loan fee of Lake Library is 300 yen. Lake Library lends for 14 days."


def test_a_shared_word_is_exchanged_in_question_and_text_and_the_answer_stays() -> None:
    exchanger = Exchanger({"en": ["When does Hill Museum open?"], "ja": []}, Random(0))
    start = LOAN.index("14 days")

    other = exchanger.exchanged("How long does Lake Library lend?", LOAN, (start, start + 7), "en")

    assert other is not None
    assert other.question == "How long does Hill Museum lend?"
    assert other.text == LOAN.replace("Lake Library", "Hill Museum")
    assert other.text[slice(*other.span)] == "14 days"


def test_a_japanese_word_is_exchanged_for_one_of_its_script_and_length() -> None:
    lent = {"en": [], "ja": ["美術館のピアノは誰のものですか"]}
    text = "図書館の休館日は月曜日です。"
    start = text.index("月曜日")

    exchanger = Exchanger(lent, Random(0))  # type: ignore[arg-type] # a literal for its keys
    other = exchanger.exchanged("図書館はいつ休み?", text, (start, start + 3), "ja")

    assert other is not None
    assert (other.question, other.text[:3]) == ("美術館はいつ休み?", "美術館")


def test_a_number_is_exchanged_for_one_near_it_and_the_answer_never() -> None:
    exchanger = Exchanger({"en": ["What opened in 1700?"], "ja": []}, Random(0))
    text = "In 1998 the dam had 12 gates."
    span = (text.index("12"), text.index("12") + 2)
    years = set()
    for _ in range(50):
        other = exchanger.exchanged("How many gates had it in 1998?", text, span, "en")
        if other:
            years.add(other.text[3:7])
            assert "12 gates" in other.text
            assert other.text[3:7] in other.question

    assert years
    assert all(year == "1700" or 1 <= abs(int(year) - 1998) <= 30 for year in years)
    assert exchanger.exchanged("How many in all?", text, span, "en") is None  # nothing is shared


@pytest.mark.usefixtures("only_passages")
def test_of_a_contrast_one_changed_side_has_no_answer_and_two_have_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pairs, "CONTRAST_SHARE", 1.0)
    monkeypatch.setattr(pairs, "INSTRUCTION_SHARE", 0.0)
    monkeypatch.setattr(pairs, "_SIZES", {"en": (99, 99), "ja": (99, 99)})
    start = LOAN.index("14 days")
    one = SpanQuestion("How long does Lake Library lend?", "en", LOAN, start, start + 7, ("x",))
    lender = replace(one, text="When does Hill Museum open?")
    maker = PairMaker([lender], (), Random(0))

    made = [maker.pair(one) for _ in range(400)]

    def corner(pair: Pair) -> tuple[bool, bool]:
        return "Hill" in pair.question, "Hill" in pair.text

    assert {corner(pair) for pair in made if pair and pair.span} == {(True, True)}
    without = [corner(pair) for pair in made if pair and not pair.span]
    assert without.count((False, True)) / len(made) == pytest.approx(0.37, abs=0.08)
    assert without.count((True, False)) / len(made) == pytest.approx(0.33, abs=0.08)
    assert set(without) == {(False, True), (True, False)}


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def _all(questions: tuple[SpanQuestion, ...]) -> set[str]:
    return {sentence for one in questions for sentence in _sentences(one.passage)}


@pytest.mark.usefixtures("only_passages")
def test_the_kinds_of_texts_have_their_shares_and_a_third_an_instruction(
    questions: tuple[SpanQuestion, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "CONTRAST_SHARE", 0.0)
    chosen = [replace(one, altered=("Altered?",)) for one in questions]
    maker = PairMaker(chosen, (), Random(0))
    known = _all(questions)
    made = [(one, pair) for one in chosen * 100 if (pair := maker.pair(one))]
    is_altered = [pair.question == "Altered?" for _, pair in made]
    has_span = [pair.span is not None for _, pair in made]
    has_instruction = [not set(_sentences(pair.text)) <= known for _, pair in made]

    assert np.mean(is_altered) == pytest.approx(0.04, abs=0.01)
    assert np.mean(has_span) == pytest.approx(1 - 0.09 - 0.05 - 0.04, abs=0.02)
    # An instruction that would stand inside of the answer is left away, and none does here.
    assert np.mean(has_instruction) == pytest.approx(0.35, abs=0.02)


@pytest.mark.usefixtures("only_passages")
def test_some_instructions_demand_a_code_that_stands_nowhere(
    questions: tuple[SpanQuestion, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "INSTRUCTION_SHARE", 1.0)
    monkeypatch.setattr(pairs, "_LURE_SHARE", 0.0)
    known = {*ENGLISH_TARGETS, *JAPANESE_TARGETS, "AI"}
    maker = PairMaker(questions, (), Random(0))
    made = [pair for one in questions * 20 if (pair := maker.pair(one))]

    codes = [set(re.findall(r"[A-Z]{3,}(?:-\d+)?", pair.text)) - known for pair in made]
    assert np.mean([bool(found) for found in codes]) == pytest.approx(0.3, abs=0.08)
    assert len(set().union(*codes)) > 100


def test_half_of_the_texts_stand_under_their_title_which_is_never_the_answer(
    questions: tuple[SpanQuestion, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "RECORD_SHARE", 0.0)
    named = [replace(one, title=f"Houses {one.answers[0]}") for one in questions]
    maker, other = PairMaker(questions, (), Random(0)), PairMaker(named, (), Random(0))
    made = [pair for one in questions * 20 if (pair := maker.pair(one))]
    without = [pair for one in named * 20 if (pair := other.pair(one)) and pair.span]

    is_under_title = [pair.text.startswith("Houses\n") for pair in made]
    assert np.mean(is_under_title) == pytest.approx(0.5, abs=0.03)
    assert without
    assert not any(pair.text.startswith("Houses") for pair in without)  # it would tell the answer


def test_the_labelled_tokens_are_those_of_the_answer(tokenizer: Tokenizer) -> None:
    text = "受付は十時、扉は八時に開く。"
    row = span_row(tokenizer, Pair("扉は何時?", text, (8, 10)))

    assert row is not None
    assert [tokenizer.id_to_token(n) for n in row.ids[row.start : row.end + 1]] == ["八", "時"]
    assert (row.type_ids[0], row.type_ids[-1]) == (0, 1)
    assert len(row.ids) == len(row.type_ids) == 3 + 5 + len(text)


def test_without_an_answer_the_label_is_the_first_token(tokenizer: Tokenizer) -> None:
    row = span_row(tokenizer, Pair("a?", "b", None))

    assert row is not None
    assert (row.start, row.end) == (0, 0)


def test_a_pair_that_is_too_long_gives_no_row(tokenizer: Tokenizer) -> None:
    assert span_row(tokenizer, Pair("a", "東" * 380, None)) is not None  # 384 with the specials
    assert span_row(tokenizer, Pair("a", "東" * 381, None)) is None


def test_batches_keep_to_their_tokens_and_lose_no_row() -> None:
    lengths = [17, 40, 200, 384] * 128
    rows = (SpanRow((n, *[0] * (size - 1)), (0,) * size, 0, 0) for n, size in enumerate(lengths))
    batches = []
    for batch in endless_batches(rows, Random(0)):
        batches.append(batch)
        if sum(map(len, batches)) == len(lengths):
            break

    assert sorted(row.ids[0] for batch in batches for row in batch) == list(range(512))
    widths = [filled_length(max(len(row.ids) for row in batch)) for batch in batches]
    tokens = [len(b) * width for b, width in zip(batches, widths, strict=True)]
    assert max(tokens) <= BATCH_TOKENS
    assert 8 * 384 in tokens  # as many of the longest as fit


def test_pieces_have_at_most_160_tokens_and_short_ends_are_left_out(tokenizer: Tokenizer) -> None:
    passages = ["東" * (158 + 59), "京" * (158 + 60)]
    batch = next(endless_pieces(passages, tokenizer, Random(0)))

    assert {len(piece) for piece in batch} == {160, 62}
    assert sum(len(piece) == 62 for piece in batch) * 3 - len(batch) in (-1, 0, 1)
    assert all(piece[0] == tokenizer.token_to_id("[CLS]") for piece in batch)
    with pytest.raises(SpanDataError, match="60 characters"):
        next(endless_pieces(["短い。"], tokenizer, Random(0)))


@pytest.fixture
def network(base: Path, characters: Characters) -> SpanNetwork:
    return SpanNetwork(base, characters, seed=0)


def test_words_of_the_base_are_frozen_and_characters_have_rows_that_learn(
    base: Path, characters: Characters, network: SpanNetwork, tokenizer: Tokenizer
) -> None:
    from transformers import BertModel

    words = BertModel.from_pretrained(base).embeddings.word_embeddings.weight.detach()
    token = {text: tokenizer.token_to_id(text) for text in ("a", "日", "月")}
    embedded = network.characters(torch.tensor(list(token.values())))
    of_known = characters.known.index("日")
    of_new = len(characters.known) + characters.new.index("月")

    assert torch.equal(embedded[0], words[token["a"]])
    assert torch.equal(embedded[1], words[token["日"]])  # before anything is learned
    assert torch.equal(embedded[2], network.characters.own[of_new])
    embedded.sum().backward()
    gradient = network.characters.own.grad
    assert gradient is not None
    assert gradient.abs().sum(1).nonzero()[:, 0].tolist() == [of_known, of_new]
    assert [name for name, _ in network.characters.named_parameters()] == ["own"]


def test_only_the_first_token_and_those_of_the_text_can_be_an_answer(
    network: SpanNetwork, tokenizer: Tokenizer
) -> None:
    row = span_row(tokenizer, Pair("ab?", "東京", (0, 1)))
    assert row is not None
    starts, ends = network.span_logits([row])

    assert starts.shape == (1, 16)  # [CLS] a ##b ? [SEP] 東 京 [SEP], filled up
    for logits in (starts, ends):
        possible = (logits[0] > -1e4).nonzero()[:, 0].tolist()
        assert possible == [0, 5, 6, 7]


def test_guessing_looks_at_japanese_characters_alone(
    network: SpanNetwork, tokenizer: Tokenizer, characters: Characters
) -> None:
    latin = tokenizer.encode("abc " * 20).ids
    rng = torch.Generator().manual_seed(0)
    loss = guess_loss(network, [tokenizer.encode("東京の案" * 20).ids, latin], rng)

    assert float(loss.detach()) == pytest.approx(np.log(len(characters)), rel=0.2)  # as by chance
    assert torch.isnan(guess_loss(network, [latin], rng))  # the mean of none


def test_the_rate_rises_and_falls_to_nothing_in_straight_lines() -> None:
    assert [rate(done) for done in (0, 0.015, 0.03, 0.515, 1)] == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_first_come_the_words_of_japanese_and_english_answers_then_those_of_both() -> None:
    assert [kind_of_step(0.29, drawn, goes_on=False) for drawn in (0, 0.54, 0.56, 0.999)] == [
        "words", "words", "en", "en",
    ]  # fmt: skip
    assert [
        kind_of_step(0.31, drawn, goes_on=False) for drawn in (0.03, 0.05, 0.59, 0.61, 0.999)
    ] == ["words", "ja", "ja", "en", "en"]
    assert [kind_of_step(0, drawn, goes_on=True) for drawn in (0, 0.47, 0.49, 0.999)] == [
        "ja", "ja", "en", "en",
    ]  # fmt: skip


def test_steps_lower_the_loss_of_what_they_learn_from(
    network: SpanNetwork, tokenizer: Tokenizer, questions: tuple[SpanQuestion, ...]
) -> None:
    rng = Random(0)
    rows = list(islice(endless_rows(questions, PairMaker(questions, (), rng), tokenizer, rng), 8))
    pieces = next(endless_pieces([one.passage * 3 for one in questions], tokenizer, rng))
    learner = Learner(network, LoopSettings(learning_rate=1e-2))

    spans = [learner.step("ja", rows, rate=1.0) for _ in range(4)]
    words = [learner.step("words", pieces, rate=1.0) for _ in range(4)]

    assert spans[3] < spans[2] < spans[1] < spans[0]
    assert words[3] < words[0]


def test_a_step_at_rate_zero_changes_nothing(network: SpanNetwork, tokenizer: Tokenizer) -> None:
    row = span_row(tokenizer, Pair("a", "bc", (0, 1)))
    assert row is not None
    before = [weight.detach().clone() for weight in network.parameters()]
    Learner(network, LoopSettings()).step("en", [row], rate=0.0)

    assert all(map(torch.equal, before, network.parameters()))


def test_the_loop_ends_with_its_minutes_and_does_not_count_checkpoints(
    network: SpanNetwork, tokenizer: Tokenizer
) -> None:
    row = span_row(tokenizer, Pair("a", "bc", (0, 1)))
    assert row is not None
    piece = tokenizer.encode("東京の案" * 20).ids
    seconds = count()
    log: list[LogLine] = []
    saved: list[float] = []

    def checkpoint(done: float) -> None:
        saved.append(done)
        for _ in range(1000):
            next(seconds)

    train(
        network,
        {"words": iter(lambda: [piece], None), "ja": iter(lambda: [row], None),
         "en": iter(lambda: [row], None)},
        LoopSettings(minutes=2, checkpoint_seconds=50),
        log.append,
        checkpoint,
        lambda: float(next(seconds)),
    )  # fmt: skip

    # One call a step, from second 1 on, and two more around each of the two checkpoints inside.
    assert saved == pytest.approx([50 / 120, 101 / 120, 1.0], abs=0.02)
    assert log[-1]["step"] == pytest.approx(119, abs=3)
    assert log[-1]["done"] == 1.0
    assert [line["step"] for line in log[:2]] == [50, 100]
    kinds = {name for name in log[-1] if name.endswith("_steps")}
    assert kinds == {"words_steps", "ja_steps", "en_steps"}


class Pointer:
    """Points at the number after the word "at", whatever was asked, and is always as sure."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._word = [tokenizer.token_to_id(token) for token in ("a", "##t")]

    def span_logits(self, rows: Sequence[SpanRow]) -> tuple[torch.Tensor, torch.Tensor]:
        [row] = rows
        starts, ends = torch.zeros(1, len(row.ids)), torch.zeros(1, len(row.ids))
        place = next(n for n in range(len(row.ids)) if list(row.ids[n - 2 : n]) == self._word)
        starts[0, place], ends[0, place + 2] = 3.0, 3.0
        return starts, ends


def test_who_points_at_all_answers_is_right_and_who_is_always_sure_refuses_nothing(
    tokenizer: Tokenizer, questions: tuple[SpanQuestion, ...]
) -> None:
    english = [one for one in questions if one.language == "en"]
    measured = measure(Pointer(tokenizer), tokenizer, english, ())

    assert answer(Pointer(tokenizer), tokenizer, "a?", "It ends at 105 sharp.") == ("105", 6.0)
    # Every passage scores 6: a tie counts half, and none is below the bar.
    assert measured == {"en": Measured(48, exact=1.0, f1=1.0, auroc=0.5, refuses=0.0)}


def halved(value: torch.Tensor) -> torch.Tensor:
    return value.to(torch.bfloat16).float()


def artifact_of(network: SpanNetwork, characters: Characters) -> Artifact:
    return Artifact(dict(network.body()), network.characters.own, characters)


def test_what_is_shipped_gives_the_logits_that_were_learned(
    base: Path, characters: Characters, network: SpanNetwork, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(halved(weight + 0.01))  # other values than those of the base
    shipped, target = tmp_path / "shipped", tmp_path / "target"
    shipped.mkdir()
    target.mkdir()
    (shipped / "README.md").write_text("card", encoding="utf-8")
    save_artifact(shipped, artifact_of(network, characters))
    write_model(shipped, base, target)
    model: Any = AutoModelForQuestionAnswering.from_pretrained(target)
    auto: Any = AutoTokenizer.from_pretrained(target)

    for question, text in (("when?", "It opens at 8 [SEP] sharp."), ("何時?", "８時に開く。の日")):
        encoding = tokenizer.encode(question, text)
        given = auto(question, text, return_tensors="pt")
        assert given["input_ids"][0].tolist() == encoding.ids
        assert given["token_type_ids"][0].tolist() == encoding.type_ids
        with torch.inference_mode():
            expected = network.reader.eval()(**given)
            found = model.eval()(**given)
        torch.testing.assert_close(found.start_logits, expected.start_logits)
        torch.testing.assert_close(found.end_logits, expected.end_logits)
    assert model.dtype == torch.float32
    assert (target / "README.md").read_text(encoding="utf-8") == "card"
    assert auto.model_max_length == 400


def test_going_on_starts_from_what_was_learned_and_other_weights_are_refused(
    base: Path, network: SpanNetwork, characters: Characters
) -> None:
    learned = {name: torch.ones_like(value) for name, value in network.body().items()}
    rows = torch.full_like(network.characters.own, 2.0)
    other = SpanNetwork(base, characters, seed=5)

    other.take_over(Artifact(learned, rows, characters))
    assert all(bool((value == 1).all()) for value in other.body().values())
    assert bool((other.characters.own == 2).all())

    with pytest.raises(ValueError, match=r"lacks qa_outputs\.bias"):
        other.take_over(
            Artifact({n: v for n, v in learned.items() if n != "qa_outputs.bias"}, rows, characters)
        )
    with pytest.raises(ValueError, match="does not fit"):
        other.take_over(Artifact(learned, rows[1:], characters))


def test_loading_gives_what_was_saved_in_16_bits_and_nothing_else(
    characters: Characters, network: SpanNetwork, tmp_path: Path
) -> None:
    saved = artifact_of(network, characters)
    save_artifact(tmp_path, saved)
    loaded = load_artifact(tmp_path)

    assert loaded.characters == characters
    assert set(loaded.body) == set(saved.body)
    assert torch.equal(loaded.rows.float(), halved(saved.rows))
    assert all(torch.equal(loaded.body[n].float(), halved(v)) for n, v in saved.body.items())
    weights = sum(value.numel() for value in (*saved.body.values(), saved.rows))
    assert 2 * weights < (tmp_path / WEIGHTS).stat().st_size < 2 * weights + 3000  # and a header


@pytest.mark.parametrize(
    "name",
    [
        "bert.pooler.dense.weight",
        "bert.embeddings.position_ids",
        "bert.embeddings.word_embeddings.weight",
        "bert.embeddings.word_embeddings.base",
    ],
)
def test_nothing_that_is_not_used_is_shipped(
    characters: Characters, network: SpanNetwork, tmp_path: Path, name: str
) -> None:
    artifact = artifact_of(network, characters)
    artifact.body[name] = torch.zeros(1)

    with pytest.raises(ValueError, match=f"no use for {name}"):
        save_artifact(tmp_path, artifact)


def test_weights_of_another_base_are_refused(
    characters: Characters, network: SpanNetwork, tmp_path: Path
) -> None:
    deeper = save_tiny_span_base(tmp_path / "deeper", layers=2)
    (tmp_path / "shipped").mkdir()
    save_artifact(tmp_path / "shipped", artifact_of(network, characters))

    with pytest.raises(ModelError, match=r"does not fit its base .*encoder\.layer\.1"):
        write_model(tmp_path / "shipped", deeper, tmp_path)


def test_damaged_weights_are_told_from_none(
    characters: Characters, network: SpanNetwork, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="missing or damaged"):
        load_artifact(tmp_path / "nowhere")
    save_artifact(tmp_path, artifact_of(network, characters))
    (tmp_path / CHARACTERS).write_text('{"known": []}', encoding="utf-8")
    with pytest.raises(ModelError, match="missing or damaged"):
        load_artifact(tmp_path)


def test_the_command_makes_weights_that_setup_makes_a_model_of(
    base: Path,
    files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAG_DEVICE", "cpu")
    models, out = tmp_path / "models", tmp_path / "out"
    models.mkdir()
    (models / DEFAULT_EMBED_MODEL).symlink_to(base)
    arguments = ["span-reader", "--data", *map(str, files), "--out", str(out)]
    arguments += ["--models", str(models), "--minutes"]

    assert main([*arguments, "0.02"]) == 0
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| Japanese | 2 | " in card
    assert "| Japanese | 2 | " in capsys.readouterr().out
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["done"] == 1.0
    assert "--minutes 0.02 --seed 0" in card

    monkeypatch.setattr(span_model, "SPAN_WEIGHTS", out)
    stages: list[str] = []
    config = Config(models_dir=models)
    folder = span_model.make_span_model(config, lambda step: stages.append(step.stage))
    assert folder == models / DEFAULT_SPAN_MODEL
    assert (folder / "config.json").is_file()
    span_model.make_span_model(config, lambda step: stages.append(step.stage))
    assert stages == ["span"]  # once

    further = tmp_path / "further"
    arguments[arguments.index(str(out))] = str(further)
    assert main([*arguments, "0.02", "--start", str(out)]) == 0
    assert "--seed 0 --start out" in (further / "README.md").read_text(encoding="utf-8")
    monkeypatch.setattr(span_model, "SPAN_WEIGHTS", further)  # as an update brings others
    span_model.make_span_model(config, lambda step: stages.append(step.stage))
    assert stages == ["span", "span"]

    assert main([*arguments, "0.02"]) == 1  # nothing is overwritten
    assert "already" in capsys.readouterr().err


def test_the_shipped_weights_are_whole_and_small() -> None:
    artifact = load_artifact(span_model.SPAN_WEIGHTS)
    size = sum(file.stat().st_size for file in span_model.SPAN_WEIGHTS.iterdir())

    assert size <= 25_000_000
    assert len(artifact.rows) == len(artifact.characters)
    assert {"の", "日"} <= set(artifact.characters.known)
    assert "開" in artifact.characters.new
