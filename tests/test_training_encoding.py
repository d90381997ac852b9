"""A row as tokens: the prompt as served, labels on the answer and its end, nothing cut."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.config import Config
from rag.datatypes import Language, Message, Prompt
from rag.errors import ModelError
from rag.generate import LocalGenerator
from tests.tiny_chat_model import save_tiny_chat_model
from training.checkpoints.calibration import tokens_of_rows
from training.datatypes import AnswerRow, QAExample
from training.rows.batches import (
    LengthGroupedOrder,
    Padder,
    WeightedRow,
    pack,
    packs_safely,
)
from training.rows.encoding import IGNORED, Encoded, RowEncoder, RowTooLongError


def make_row(question: str, completion: str, place: str = "questions.jsonl:7") -> AnswerRow:
    messages = (Message("system", "Answer."), Message("user", f"[1] Text.\n\nQ: {question}"))
    language: Language = "en" if question.isascii() else "ja"
    prompt = Prompt(messages, question, language, (), (), 0, 0, "test")
    return AnswerRow(prompt, completion, QAExample(question, completion, language, place), 1)


ROWS = (
    make_row("What does it cost?", "300 yen [1]"),
    make_row("料金はＷｉ-Ｆｉ込み？", "込み [1]"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_chat_model(tmp_path_factory.mktemp("encoding") / "model")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> RowEncoder:
    return RowEncoder(folder)


@pytest.mark.parametrize("row", ROWS)
def test_the_prompt_has_the_tokens_of_serving(
    folder: Path, encoder: RowEncoder, row: AnswerRow
) -> None:
    """Golden: what the generator reads, token by token."""
    served = LocalGenerator(folder, Config(device="cpu")).prompt_ids(row.prompt)

    assert encoder.prompt_ids(row.prompt) == served
    assert list(encoder.encode(row).input_ids[: len(served)]) == served
    assert encoder.count_prompt_tokens(row.prompt) == len(served)


@pytest.mark.parametrize("row", ROWS)
def test_only_the_answer_and_its_end_have_labels(encoder: RowEncoder, row: AnswerRow) -> None:
    encoded = encoder.encode(row)

    learned = [label for label in encoded.labels if label != IGNORED]
    assert len(encoded.labels) == len(encoded.input_ids)
    assert encoder.text(learned) == f"{row.completion}<|im_end|>"
    assert encoder.text(encoded.input_ids).endswith(
        f"<|im_start|>assistant\n{row.completion}<|im_end|>"
    )
    encoder.check_eos(encoded)


def test_a_row_that_does_not_teach_its_end_is_noticed(encoder: RowEncoder) -> None:
    encoded = encoder.encode(ROWS[0])
    cut = Encoded(encoded.input_ids[:-1], encoded.labels[:-1])
    masked = Encoded(encoded.input_ids, (*encoded.labels[:-1], IGNORED))
    shifted = Encoded(encoded.input_ids, (*encoded.labels[1:], encoder.end_id))

    for wrong in (cut, masked, shifted):
        with pytest.raises(ValueError, match=r"end of its answer|tokens of the answer"):
            encoder.check_eos(wrong)


def test_a_row_that_is_too_long_is_refused_with_its_place(folder: Path) -> None:
    length = len(RowEncoder(folder).encode(ROWS[0]).input_ids)

    assert len(RowEncoder(folder, length).encode(ROWS[0]).input_ids) == length
    with pytest.raises(RowTooLongError, match=r"questions\.jsonl:7.*max_tokens"):
        RowEncoder(folder, length - 1).encode(ROWS[0])


def test_no_row_is_longer_than_what_the_model_reads(tmp_path: Path) -> None:
    short = save_tiny_chat_model(tmp_path / "short", max_position_embeddings=64)

    with pytest.raises(RowTooLongError, match="64 of a row"):
        RowEncoder(short, 1280).encode(ROWS[0])


def test_the_end_is_the_token_that_ends_a_turn_of_the_chat(folder: Path, tmp_path: Path) -> None:
    """Some models name the end of a text as their end, and end a turn with another token."""
    model = copy_of(folder, tmp_path)
    facts = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(
        json.dumps({**facts, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"})
    )
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 2]}))

    encoder = RowEncoder(model)

    assert encoder.text([encoder.end_id]) == "<|im_end|>"
    assert encoder.text([encoder.pad_id]) == "<|endoftext|>"


def test_an_end_that_serving_does_not_know_is_not_taught(folder: Path, tmp_path: Path) -> None:
    model = copy_of(folder, tmp_path)
    facts = json.loads((model / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(
        json.dumps({**facts, "eos_token": "<|endoftext|>"})
    )
    (model / "generation_config.json").write_text(json.dumps({"eos_token_id": 0}))

    assert RowEncoder(model).end_id == 0


def drop_template(model: Path) -> None:
    (model / "chat_template.jinja").unlink()


def drop_end(model: Path) -> None:
    facts = json.loads((model / "tokenizer_config.json").read_text())
    facts.pop("eos_token")
    (model / "tokenizer_config.json").write_text(json.dumps(facts))
    (model / "generation_config.json").unlink()


def damage_config(model: Path) -> None:
    (model / "generation_config.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "message"),
    [(drop_template, "chat template"), (drop_end, "eos_token"), (damage_config, "damaged")],
)
def test_a_folder_that_cannot_be_taught_is_refused(
    folder: Path, tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    model = copy_of(folder, tmp_path)
    damage(model)

    with pytest.raises(ModelError, match=message):
        RowEncoder(model)


def copy_of(folder: Path, tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    for file in folder.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    return model


# Batches ------------------------------------------------------------------------------------


def weighted(*lengths: int) -> list[WeightedRow]:
    """Return rows of so many tokens that weigh as much; the last two of each are learned."""
    return [
        WeightedRow(
            Encoded(tuple(range(3, 3 + n)), (IGNORED,) * (n - 2) + (n, n + 1)), weight=float(n)
        )
        for n in lengths
    ]


def test_padding_is_neither_read_nor_learned() -> None:
    batch = Padder(pad_id=2)(weighted(3, 5))

    assert batch["input_ids"].tolist() == [[3, 4, 5, 2, 2], [3, 4, 5, 6, 7]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch["labels"].tolist() == [[-100, 3, 4, -100, -100], [-100, -100, -100, 5, 6]]
    assert batch["weights"].tolist() == [[3.0, 3.0, 3.0, 0.0, 0.0], [5.0] * 5]


def test_packed_rows_begin_at_position_0_each() -> None:
    batch = pack(weighted(3, 4))

    assert batch["input_ids"].tolist() == [[3, 4, 5, 3, 4, 5, 6]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 0, 1, 2, 3]]
    assert batch["labels"].tolist() == [[-100, 3, 4, -100, -100, 4, 5]]
    assert batch["weights"].tolist() == [[3.0] * 3 + [4.0] * 4]


def test_batches_hold_rows_of_like_length_and_every_row_once() -> None:
    rows = weighted(*range(3, 103))
    epoch = [0]
    order = LengthGroupedOrder(rows, 4, seed=0, epoch=lambda: epoch[0])

    first, again = list(order), list(order)
    epoch[0] = 1
    second = list(order)

    assert first == again  # a run that goes on sees the rest of the same order
    assert first != second
    assert sorted(first) == list(range(100))
    spread = [max(first[n : n + 4]) - min(first[n : n + 4]) for n in range(0, 100, 4)]
    assert sum(spread) / 25 < 10  # four numbers at random are 60 apart
    assert first != sorted(first)


def test_a_batch_is_not_torn_apart_by_a_smaller_one() -> None:
    rows = weighted(*range(3, 3 + 66))  # 64 of a window, and two
    order = list(LengthGroupedOrder(rows, 4, seed=1, epoch=lambda: 0))

    assert sorted(order) == list(range(66))
    assert len(order) == 66


def load(folder: Path) -> Any:  # noqa: ANN401 - a transformers model
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)


def test_a_model_that_keeps_packed_rows_apart_may_pack(folder: Path) -> None:
    assert packs_safely(load(folder), weighted(20, 30))


def test_a_model_that_lets_rows_see_each_other_may_not(folder: Path) -> None:
    model = load(folder)
    forward = model.forward

    def blind(**inputs: Any) -> Any:  # noqa: ANN401 - of transformers
        inputs.pop("position_ids")  # one long text, as far as it knows
        return forward(**inputs)

    model.forward = blind

    assert not packs_safely(model, weighted(20, 30))


def test_nothing_is_packed_where_there_is_nothing_to_look_at(folder: Path) -> None:
    assert not packs_safely(load(folder), weighted(20))


# Calibration --------------------------------------------------------------------------------


def test_calibration_reads_whole_rows_in_all_languages(folder: Path, encoder: RowEncoder) -> None:
    rows = [make_row(f"What is {n}?", f"{n} [1]") for n in range(30)]
    rows += [make_row(f"{n}とは？", f"{n} [1]") for n in range(10)]

    chosen = tokens_of_rows(rows, folder, 8, seed=0)

    texts = [encoder.text(ids) for ids in chosen]
    assert len(set(texts)) == 8
    assert sum("とは" in text for text in texts) == 2
    assert all(text.endswith("[1]<|im_end|>") for text in texts)
    assert len(tokens_of_rows(rows[:3], folder, 8, seed=0)) == 3
